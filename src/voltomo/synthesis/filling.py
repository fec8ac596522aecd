"""Rules for the space between the particles, and the thresholds at which they give the requested fractions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from voltomo.errors import InputError
from voltomo.synthesis.families import BINDER, CARBON, ELECTROLYTE, PORE, PRODUCT, SEPARATOR
from voltomo.synthesis.raster import Lattice, outside_field_of_view, score
from voltomo.synthesis.request import StructureRequest
from voltomo.synthesis.structure import Layers, Structure

__all__ = ["Rule", "background_of", "count_inside", "fill_space", "layers_of", "sampling_lattice"]


@dataclass(frozen=True)
class Rule:
    """One rule in words of `Layers`; lengths in m. `share` is the part of the phase's fraction that it makes."""

    phase: int
    share: float = 1.0
    first: float = 0.0
    second: float = 0.0
    field: float = 0.0
    is_sheet: bool = False
    field_seed: int = 0
    field_length: tuple[float, float, float] = (1.0, 1.0, 1.0)
    rough: float = 0.0
    rough_length: float = 1.0


def background_of(request: StructureRequest) -> int:
    """Phase of the space that no rule takes."""
    return ELECTROLYTE if ELECTROLYTE in request.kind.materials else PORE


def layers_of(request: StructureRequest) -> tuple[Rule, ...]:
    """The rules of a family, in the order in which they take space."""
    d50 = request.d50
    if request.family == "assb":
        length = (0.25 * d50,) * 3
        return (Rule(PORE, first=0.5, field=0.25 * d50, field_length=length),)
    if request.family in ("li-s", "li-air"):
        voxel = max(request.voxel_size)
        length = (12 * voxel,) * 3
        coat = Rule(PRODUCT, field=voxel, field_seed=1, field_length=length, rough=0.5 * voxel, rough_length=6 * voxel)
        return Rule(CARBON, field=voxel, field_seed=1, field_length=length), coat
    if request.family == "separator":
        voxel = max(request.voxel_size)
        return (Rule(SEPARATOR, field=voxel, field_length=(6 * voxel, 6 * voxel, 18 * voxel)),)
    necks = Rule(BINDER, first=1, second=1, rough=0.15 * d50, rough_length=0.25 * d50)
    return (necks,)


def fill_space(request: StructureRequest, structure: Structure) -> Structure:
    """The same structure with rules whose thresholds give every phase its fraction.

    Raises
    ------
    InputError
        If a phase does not fit the space between the particles.
    """
    rules = layers_of(request)
    filled = replace(structure, layers=_as_layers(rules), background=background_of(request))
    fractions = dict(request.fractions) | {request.kind.rest: 1 - sum(request.fractions.values())}
    for row, rule in enumerate(rules):
        filled = _set_threshold(filled, row, rule, fractions)
    return filled


def _as_layers(rules: tuple[Rule, ...]) -> Layers:
    return Layers(
        phase=np.array([rule.phase for rule in rules], np.uint8),
        first=np.array([rule.first for rule in rules], np.float64),
        second=np.array([rule.second for rule in rules], np.float64),
        field=np.array([rule.field for rule in rules], np.float64),
        is_sheet=np.array([rule.is_sheet for rule in rules], bool),
        field_seed=np.array([rule.field_seed for rule in rules], np.int64),
        field_length=np.array([rule.field_length for rule in rules], np.float64).reshape(-1, 3),
        rough=np.array([rule.rough for rule in rules], np.float64),
        rough_length=np.array([rule.rough_length for rule in rules], np.float64),
        threshold=np.full(len(rules), -np.inf),
    )


def _set_threshold(structure: Structure, row: int, rule: Rule, fractions: Mapping[int, float]) -> Structure:
    """The threshold below which the rule's share of the sampled electrode lies."""
    lattice = sampling_lattice(structure)
    scores = score(structure, lattice, row)
    free = np.sort(scores[np.isfinite(scores)])
    wanted = round(rule.share * fractions[rule.phase] * count_inside(structure, lattice))
    if wanted > len(free):
        name = structure.phases.by_id(rule.phase).name
        reached = len(free) / count_inside(structure, lattice)
        raise InputError(
            f"a {name} fraction of {fractions[rule.phase]:g} was asked for, but only {reached:.3f} is left outside the "
            "particles (their cracks and voids stay empty); ask for less"
        )
    threshold = structure.layers.threshold.copy()
    threshold[row] = free[wanted] if wanted < len(free) else np.inf
    return replace(structure, layers=replace(structure.layers, threshold=threshold))


_SAMPLE_POINTS = 400_000
"""Voxels at which fractions are tuned; they give a fraction to about 0.002 with particles of ten samples across."""


def sampling_lattice(structure: Structure) -> Lattice:
    """Every voxel of a small electrode, one in several along each axis of a large one."""
    rows = structure.electrode_rows()
    z, y, x = structure.shape
    step = max(1, round(((rows.stop - rows.start) * y * x / _SAMPLE_POINTS) ** (1 / 3)))
    ranges = [
        range(low + min(step // 2, high - low - 1), high, step)
        for low, high in ((rows.start, rows.stop), (0, y), (0, x))
    ]
    return ranges[0], ranges[1], ranges[2]


def count_inside(structure: Structure, lattice: Lattice) -> int:
    """Voxels of the lattice within the field of view."""
    plane = len(lattice[1]) * len(lattice[2])
    if structure.is_cylinder:
        plane -= int(np.count_nonzero(outside_field_of_view(structure, lattice)))
    return len(lattice[0]) * plane
