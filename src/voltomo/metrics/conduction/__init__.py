"""Steady conduction through a segmented volume: what transport properties are computed from."""

from voltomo.metrics.conduction.percolation import keep_percolating, reach_of
from voltomo.metrics.conduction.volume import Flow, memory_needed, solve_flow

__all__ = ["Flow", "keep_percolating", "memory_needed", "reach_of", "solve_flow"]
