"""A virtual FIB-SEM: slices with the drift, curtains and shadows of a real run, and the truth about each of them."""

from voltomo.synthesis.fibsem.imaging import scan_slices
from voltomo.synthesis.fibsem.scanner import FibsemScanner, phase_yields
from voltomo.synthesis.fibsem.track import SliceTrack, Wander, draw_track
from voltomo.synthesis.fibsem.yields import backscatter_coefficient, mean_atomic_number

__all__ = [
    "FibsemScanner",
    "SliceTrack",
    "Wander",
    "backscatter_coefficient",
    "draw_track",
    "mean_atomic_number",
    "phase_yields",
    "scan_slices",
]
