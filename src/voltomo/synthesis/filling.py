"""Rules for the space between the particles, and the thresholds at which they give the requested fractions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from voltomo.errors import InputError
from voltomo.synthesis.families import ELECTROLYTE, PORE
from voltomo.synthesis.raster import Lattice, Space, open_space, score
from voltomo.synthesis.request import StructureRequest
from voltomo.synthesis.rules import Rule, rules_of
from voltomo.synthesis.structure import Layers, Structure

__all__ = ["background_of", "count_particles", "fill_space", "sampling_lattice"]

_SAMPLE_POINTS = 1_000_000
"""Voxels at which fractions are tuned; a regular lattice of them gives a fraction to about 0.001."""


def background_of(request: StructureRequest) -> int:
    """Phase of the space that no rule takes."""
    return ELECTROLYTE if ELECTROLYTE in request.kind.materials else PORE


def fill_space(request: StructureRequest, structure: Structure) -> Structure:
    """The same structure with rules whose thresholds give every phase its fraction of the electrode.

    Raises
    ------
    InputError
        If a phase does not fit the space between the particles.
    """
    rules = rules_of(request)
    filled = replace(structure, layers=_as_layers(rules), background=background_of(request))
    lattice = sampling_lattice(filled)
    space = open_space(filled, lattice)
    taken = count_particles(filled, space)
    asked = {rule.phase: 0.0 for rule in rules}
    for row, rule in enumerate(rules):
        # What particles, or the rounding of earlier rules, took or left is made up for.
        asked[rule.phase] += rule.share * request.fraction(rule.phase)
        wanted = round(asked[rule.phase] * np.count_nonzero(space.is_inside)) - int(taken[rule.phase])
        filled, space, count = _apply_rule(filled, lattice, space, row, max(0, wanted), request)
        taken[rule.phase] += count
    return filled


def count_particles(structure: Structure, space: Space) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """(256,) places of the electrode in particles of each phase."""
    phase = np.concatenate(([np.uint8(0)], structure.particles.phase)).astype(np.uint8)
    counts = np.bincount(phase[space.owner[space.is_inside & (space.owner > 0)]], minlength=256)
    return counts.astype(np.int64)


def sampling_lattice(structure: Structure) -> Lattice:
    """Every voxel of a small electrode, one in several along each axis of a large one."""
    rows = structure.electrode_rows()
    _, y, x = structure.shape
    step = max(1, round(((rows.stop - rows.start) * y * x / _SAMPLE_POINTS) ** (1 / 3)))
    ranges = [
        range(low + min(step // 2, high - low - 1), high, step)
        for low, high in ((rows.start, rows.stop), (0, y), (0, x))
    ]
    return ranges[0], ranges[1], ranges[2]


def _as_layers(rules: tuple[Rule, ...]) -> Layers:
    return Layers(
        phase=np.array([rule.phase for rule in rules], np.uint8),
        first=np.array([rule.first for rule in rules], np.float64),
        second=np.array([rule.second for rule in rules], np.float64),
        field=np.array([rule.field for rule in rules], np.float64),
        form=np.array([rule.form for rule in rules], np.uint8),
        field_seed=np.array([rule.field_seed for rule in rules], np.int64),
        field_length=np.array([rule.field_length for rule in rules], np.float64).reshape(-1, 3),
        rough=np.array([rule.rough for rule in rules], np.float64),
        rough_length=np.array([rule.rough_length for rule in rules], np.float64),
        threshold=np.full(len(rules), -np.inf),
    )


def _apply_rule(
    structure: Structure, lattice: Lattice, space: Space, row: int, wanted: int, request: StructureRequest
) -> tuple[Structure, Space, int]:
    """The structure with the threshold below which `wanted` places lie, the space that is left, what the rule took."""
    scores = score(structure, lattice, row, space)
    free = np.sort(scores[space.is_free])
    if wanted > len(free):
        phase = int(structure.layers.phase[row])
        inside = np.count_nonzero(space.is_inside)
        reached = request.fraction(phase) - (wanted - len(free)) / inside
        raise InputError(
            f"a {structure.phases.by_id(phase).name} fraction of {request.fraction(phase):g} was asked for, but only "
            f"{reached:.3f} fits the space that is left; ask for less"
        )
    threshold = structure.layers.threshold.copy()
    # Halfway between two scores, so that the rounding of 32-bit floats decides nothing.
    threshold[row] = _between(free, wanted)
    is_taken = scores < threshold[row]
    found = replace(structure, layers=replace(structure.layers, threshold=threshold))
    return found, replace(space, is_free=space.is_free & ~is_taken), int(np.count_nonzero(is_taken))


def _between(values: np.ndarray[tuple[int], np.dtype[np.float32]], rank: int) -> float:
    """A number above `rank` of the sorted values and below the others."""
    if rank == 0:
        return -np.inf
    if rank == len(values):
        return np.inf
    return 0.5 * (float(values[rank - 1]) + float(values[rank]))
