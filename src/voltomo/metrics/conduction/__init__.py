"""Steady conduction through a segmented volume: what transport properties are computed from."""

from voltomo.metrics.conduction.coarsening import add_coarser
from voltomo.metrics.conduction.electrode import Charging, End, solve_electrode
from voltomo.metrics.conduction.percolation import keep_percolating, reach_of
from voltomo.metrics.conduction.volume import Flow, Sides, memory_needed, solve_flow

__all__ = [
    "Charging",
    "End",
    "Flow",
    "Sides",
    "add_coarser",
    "keep_percolating",
    "memory_needed",
    "reach_of",
    "solve_electrode",
    "solve_flow",
]
