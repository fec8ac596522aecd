"""Structures with known truth, and scans of them."""

from voltomo.synthesis.families import FAMILIES, Family, find_family
from voltomo.synthesis.generate import make_structure
from voltomo.synthesis.materials import Material
from voltomo.synthesis.raster import find_owners, rasterize
from voltomo.synthesis.request import StructureRequest
from voltomo.synthesis.scan import Scanner, scan
from voltomo.synthesis.structure import Layers, Particles, Slits, Structure, Voids

__all__ = [
    "FAMILIES",
    "Family",
    "Layers",
    "Material",
    "Particles",
    "Scanner",
    "Slits",
    "Structure",
    "StructureRequest",
    "Voids",
    "find_family",
    "find_owners",
    "make_structure",
    "rasterize",
    "scan",
]
