"""What the phases of an electrode are made of: the composition and density that a scanner's contrast follows from."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ALUMINIUM",
    "CARBON_BINDER",
    "CARBON_BLACK",
    "COPPER",
    "GRAPHITE",
    "LFP",
    "LI2O2",
    "LI2S",
    "LI6PS5CL",
    "NMC811",
    "POLYPROPYLENE",
    "SILICON",
    "SULFUR",
    "VACUUM",
    "Material",
]


@dataclass(frozen=True)
class Material:
    """A material as a scanner sees it.

    Parameters
    ----------
    name : for people
    formula : chemical formula, such as "LiFePO4"; indices may be fractions; None for empty space
    density : of the dense material, kg/m³
    porosity : share of the volume taken by pores that no voxel resolves
    """

    name: str
    formula: str | None
    density: float
    porosity: float = 0.0

    @property
    def bulk_density(self) -> float:
        """Density with the unresolved pores, kg/m³."""
        return self.density * (1 - self.porosity)


# Densities are the crystallographic ones of the Materials Project and of data sheets, rounded; contrast needs no more.
VACUUM = Material("empty space", None, 0.0)
NMC811 = Material("NMC811", "LiNi0.8Mn0.1Co0.1O2", 4780.0)
LFP = Material("LFP", "LiFePO4", 3600.0)
GRAPHITE = Material("graphite", "C6", 2260.0)
SILICON = Material("silicon", "Si", 2330.0)
LI6PS5CL = Material("Li6PS5Cl", "Li6PS5Cl", 1640.0)
SULFUR = Material("sulfur", "S8", 2070.0)
LI2S = Material("Li2S", "Li2S", 1660.0)
LI2O2 = Material("Li2O2", "Li2O2", 2310.0)
CARBON_BLACK = Material("carbon black", "C", 1900.0, porosity=0.3)
# PVDF (1780 kg/m³) and carbon black (1900 kg/m³) in equal masses; 47 % nano-porosity: Zielke et al.,
# Adv. Energy Mater. 5, 1401612 (2015), doi 10.1002/aenm.201401612.
CARBON_BINDER = Material("carbon binder", "C7.3H2F2", 1840.0, porosity=0.47)
POLYPROPYLENE = Material("polypropylene", "C3H6", 905.0)
ALUMINIUM = Material("aluminium", "Al", 2700.0)
COPPER = Material("copper", "Cu", 8960.0)
