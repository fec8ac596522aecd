"""The kinds of electrode that can be made: their phases, what these consist of, and their usual numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from voltomo.artifacts import Phase, PhaseTable, Role
from voltomo.errors import InputError
from voltomo.synthesis import materials
from voltomo.synthesis.materials import Material

__all__ = [
    "ACTIVE",
    "BINDER",
    "CARBON",
    "COLLECTOR",
    "CRACK_PHASE",
    "ELECTROLYTE",
    "FAMILIES",
    "PORE",
    "PRODUCT",
    "SEPARATOR",
    "SILICON",
    "SULFUR",
    "Family",
    "find_family",
]

PORE, ACTIVE, BINDER, CRACK_PHASE, SILICON, ELECTROLYTE, CARBON, PRODUCT, SEPARATOR, COLLECTOR, SULFUR = range(1, 12)
"""Phase ids; the same in all families."""

# Name, role, and a colour where that of the role would make two phases look alike.
_ROWS: dict[int, tuple[str, Role, str]] = {
    PORE: ("pore", "pore", ""),
    ACTIVE: ("active", "active", ""),
    BINDER: ("binder", "binder", ""),
    CRACK_PHASE: ("crack", "crack", ""),
    SILICON: ("silicon", "active", "#0072b2"),
    ELECTROLYTE: ("electrolyte", "electrolyte", ""),
    CARBON: ("carbon", "carbon", ""),
    PRODUCT: ("product", "product", ""),
    SEPARATOR: ("polymer", "other", ""),
    COLLECTOR: ("collector", "collector", ""),
    SULFUR: ("sulfur", "active", "#f0e442"),
}


@dataclass(frozen=True)
class Family:
    """A kind of electrode.

    Parameters
    ----------
    name : what the command line takes
    description : one line
    materials : what each phase consists of, by phase id; cracks and the collector included
    rest : id of the phase that takes what the stated fractions leave
    fractions : usual volume fraction of every other phase, by id; pore is without cracks and voids inside particles
    voxel_size : usual voxel edge, m
    d50 : usual volume-weighted median diameter, m; 0 where there are no particles
    feature : usual width of pores, lumps or fibrils where there are no particles, m
    spread : usual geometric standard deviation of the diameters
    elongation : usual largest ratio of a particle's axes
    flatness : usual ratio of a particle's width to its thickness; 1 for round ones
    roughness : usual amplitude of the surface, in radii
    cracked, hollow : usual shares of the particles with cracks, and with a closed void
    grain_size : of the primary grains in a particle, m; 0 for particles without
    """

    name: str
    description: str
    materials: Mapping[int, Material]
    rest: int
    fractions: Mapping[int, float]
    voxel_size: float
    d50: float = 0.0
    feature: float = 0.0
    spread: float = 1.5
    elongation: float = 1.3
    flatness: float = 1.0
    roughness: float = 0.1
    cracked: float = 0.0
    hollow: float = 0.0
    grain_size: float = 0.0
    phases: PhaseTable = field(init=False)

    def __post_init__(self) -> None:
        rows = tuple(
            Phase(i, *_ROWS[i], density=material.bulk_density or None) for i, material in sorted(self.materials.items())
        )
        object.__setattr__(self, "phases", PhaseTable(rows))


def find_family(name: str) -> Family:
    """The family of a name.

    Raises
    ------
    InputError
        If there is none; the message lists them.
    """
    if name not in FAMILIES:
        raise InputError(f"there is no family {name!r}; choose one of {', '.join(FAMILIES)}")
    return FAMILIES[name]


_EMPTY = {PORE: materials.VACUUM, CRACK_PHASE: materials.VACUUM}
_CATHODE = _EMPTY | {BINDER: materials.CARBON_BINDER, COLLECTOR: materials.ALUMINIUM}
_ANODE = _EMPTY | {BINDER: materials.CARBON_BINDER, COLLECTOR: materials.COPPER}

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family(
            "nmc",
            "layered oxide cathode: rough, round secondary particles made of grains, carbon binder, pore",
            _CATHODE | {ACTIVE: materials.NMC811},
            rest=ACTIVE,
            fractions={PORE: 0.27, BINDER: 0.15},
            voxel_size=100e-9,
            d50=6e-6,
            cracked=0.2,
            hollow=0.1,
            grain_size=0.5e-6,
        ),
        Family(
            "graphite",
            "graphite anode: flattened particles that lie along the collector, binder, pore",
            _ANODE | {ACTIVE: materials.GRAPHITE},
            rest=ACTIVE,
            fractions={PORE: 0.32, BINDER: 0.06},
            voxel_size=400e-9,
            d50=16e-6,
            elongation=1.4,
            flatness=2.2,
            roughness=0.15,
        ),
        Family(
            "lfp",
            "lithium iron phosphate cathode: fine particles, much carbon binder, pore",
            _CATHODE | {ACTIVE: materials.LFP},
            rest=ACTIVE,
            fractions={PORE: 0.35, BINDER: 0.15},
            voxel_size=20e-9,
            d50=0.35e-6,
            spread=1.6,
            elongation=1.6,
        ),
        Family(
            "si-graphite",
            "silicon-graphite anode: graphite flakes, silicon of a fifth of their size between them, binder, pore",
            _ANODE | {ACTIVE: materials.GRAPHITE, SILICON: materials.SILICON},
            rest=ACTIVE,
            fractions={PORE: 0.33, BINDER: 0.09, SILICON: 0.08},
            voxel_size=250e-9,
            d50=12e-6,
            elongation=1.4,
            flatness=2.0,
            roughness=0.15,
        ),
        Family(
            "assb",
            "solid-state cathode: active particles in solid electrolyte, with pores at and between them",
            _EMPTY | {ACTIVE: materials.NMC811, ELECTROLYTE: materials.LI6PS5CL, COLLECTOR: materials.ALUMINIUM},
            rest=ACTIVE,
            fractions={PORE: 0.10, ELECTROLYTE: 0.40},
            voxel_size=50e-9,
            d50=4e-6,
            cracked=0.2,
            hollow=0.1,
            grain_size=0.5e-6,
        ),
        Family(
            "li-s",
            "lithium-sulfur cathode: carbon host with wide and narrow pores, Li2S or sulfur deposited in it, pore",
            {
                PORE: materials.VACUUM,
                CARBON: materials.CARBON_BLACK,
                PRODUCT: materials.LI2S,
                SULFUR: materials.SULFUR,
                COLLECTOR: materials.ALUMINIUM,
            },
            rest=CARBON,
            fractions={PORE: 0.55, PRODUCT: 0.20, SULFUR: 0.0},
            voxel_size=50e-9,
            feature=1.2e-6,
        ),
        Family(
            "li-air",
            "lithium-air cathode: carbon aggregates, Li2O2 on them as discs and as a film, pore",
            {
                PORE: materials.VACUUM,
                CARBON: materials.CARBON_BLACK,
                PRODUCT: materials.LI2O2,
                COLLECTOR: materials.ALUMINIUM,
            },
            rest=CARBON,
            fractions={PORE: 0.62, PRODUCT: 0.15},
            voxel_size=20e-9,
            feature=0.25e-6,
        ),
        Family(
            "separator",
            "porous polymer separator: drawn (slit pores between lamellae and fibrils) or wet (a felt)",
            {PORE: materials.VACUUM, SEPARATOR: materials.POLYPROPYLENE},
            rest=SEPARATOR,
            fractions={PORE: 0.42},
            voxel_size=10e-9,
            feature=0.1e-6,
        ),
    )
}
