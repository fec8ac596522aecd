"""Electrodes with known truth, and scans of them."""

from voltomo.synth.electrode import ACTIVE, BINDER, CRACK_PHASE, PHASES, PORE, Electrode, Slits, Voids
from voltomo.synth.generate import ElectrodeRequest, make_electrode
from voltomo.synth.raster import find_owners, rasterize
from voltomo.synth.scan import Scanner, scan

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
