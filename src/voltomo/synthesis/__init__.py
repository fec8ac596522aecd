"""Structures with known truth, and scans of them."""

from voltomo.synthesis.crack_table import crack_table
from voltomo.synthesis.crack_widths import crack_widths
from voltomo.synthesis.families import FAMILIES, Family, find_family
from voltomo.synthesis.flaw_shapes import CRACK_TYPES, Networks, Pores, Slits, Voids
from voltomo.synthesis.generate import make_structure
from voltomo.synthesis.grains import grain_values
from voltomo.synthesis.materials import Material
from voltomo.synthesis.raster import find_owners, rasterize
from voltomo.synthesis.request import StructureRequest
from voltomo.synthesis.structure import Layers, Particles, Structure

__all__ = [
    "CRACK_TYPES",
    "FAMILIES",
    "Family",
    "Layers",
    "Material",
    "Networks",
    "Particles",
    "Pores",
    "Slits",
    "Structure",
    "StructureRequest",
    "Voids",
    "crack_table",
    "crack_widths",
    "find_family",
    "find_owners",
    "grain_values",
    "make_structure",
    "rasterize",
]
