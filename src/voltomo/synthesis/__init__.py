"""Electrodes with known truth, and scans of them."""

from voltomo.synthesis.electrode import ACTIVE, BINDER, CRACK_PHASE, PHASES, PORE, Electrode, Slits, Voids
from voltomo.synthesis.generate import ElectrodeRequest, make_electrode
from voltomo.synthesis.raster import find_owners, rasterize
from voltomo.synthesis.scan import Scanner, scan

__all__ = [
    "ACTIVE",
    "BINDER",
    "CRACK_PHASE",
    "PHASES",
    "PORE",
    "Electrode",
    "ElectrodeRequest",
    "Scanner",
    "Slits",
    "Voids",
    "find_owners",
    "make_electrode",
    "rasterize",
    "scan",
]
