"""The operator part of a budget: other segmentations of the same volume, or a boundary drawn elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from voltomo.artifacts import ArrayLike, Measurement, PhaseMap
from voltomo.metrics.operators import with_moved_labels, with_operators, with_perturbed_boundary
from voltomo.metrics.sample import Sample
from voltomo.metrics.uncertainty import with_reason
from voltomo.stages.boundary_sides import both_sides, moved_boundaries
from voltomo.stages.followed_maps import follow_maps
from voltomo.stages.label_variants import Retrained, RetrainedMap
from voltomo.stages.main_numbers import Numbers, row_key
from voltomo.stages.workspace import Workspace

__all__ = ["operator_parts", "perturbed_boundary", "retrained_parts"]


def operator_parts(
    numbers: Iterable[Measurement],
    maps: Sequence[PhaseMap],
    labels: ArrayLike,
    sample: Sample,
    work: Workspace,
    *,
    transport: bool = True,
) -> list[Measurement]:
    """Give fractions, surfaces and transport what other segmentations of the volume say.

    Parameters
    ----------
    numbers : of the map
    maps : other segmentations, with phases of the same names
    labels, sample : (Z, Y, X) ids of the map, and its region
    work : where the blocks run
    transport : whether the numbers of transport are compared too, on a central part of the volume

    Returns
    -------
    list of Measurement
        With the map itself, three segmentations or more give a standard uncertainty, two a range.

    Raises
    ------
    ShapeError, InputError
        If a map differs in shape, or lacks a phase of the study.
    """
    items = list(numbers)
    found = follow_maps(items, maps, labels, sample, work, step="segmentations", transport=transport)
    return [_with_others(item, found) for item in items]


def retrained_parts(
    numbers: Iterable[Measurement],
    retrained: Retrained,
    labels: ArrayLike,
    sample: Sample,
    work: Workspace,
    *,
    transport: bool = True,
) -> list[Measurement]:
    """Give fractions, surfaces and transport what models say that were trained on other labels.

    Parameters
    ----------
    numbers : of the map of the study
    retrained : maps from the labels as drawn, and from those of other annotators or with moved boundaries
    labels, sample : (Z, Y, X) ids of the map of the study, and its region
    work : where the blocks run
    transport : whether the numbers of transport are compared too, on a central part of the volume

    Returns
    -------
    list of Measurement
        Each number is that of the study plus what a set of labels changes against the labels as drawn.
    """
    items = list(numbers)
    maps = retrained.maps
    other = [one.phase_map for one in maps if one.phase_map is not None]
    found = iter(follow_maps(items, other, labels, sample, work, step="retrained", transport=transport))
    followed = [{} if one.phase_map is None else next(found) for one in maps]
    return [_with_retrained(item, maps, followed, retrained.how) for item in items]


def _with_retrained(
    item: Measurement, maps: Sequence[RetrainedMap], followed: Sequence[Numbers], how: str
) -> Measurement:
    key = row_key(item)
    found = [
        numbers.get(key) if one.phase_map is not None else item.value
        for one, numbers in zip(maps, followed, strict=True)
    ]
    drawn = found[0]
    if item.value is None or drawn is None or any(value is None for value in found):
        return with_reason(item, "operator")
    pairs = zip(maps[1:], found[1:], strict=True)
    values = [(one, item.value + (value - drawn)) for one, value in pairs if value is not None]
    others = [value for one, value in values if one.kind == "annotator"]
    if others:
        return with_operators(item, others, what=f"segmentations, {how}")
    sides: dict[str, list[float]] = {}
    for one, value in values:
        if one.kind in ("narrower", "wider"):
            sides.setdefault(one.who, []).append(value)
    jittered = [value for one, value in values if one.kind == "jittered"]
    return with_moved_labels(item, list(sides.values()), jittered, note=how)


def _with_others(item: Measurement, found: Sequence[Numbers]) -> Measurement:
    values = [numbers[row_key(item)] for numbers in found if row_key(item) in numbers]
    if item.value is None or not values or len(values) < len(found):
        return with_reason(item, "operator")
    return with_operators(item, values)


def perturbed_boundary(
    numbers: Iterable[Measurement],
    labels: ArrayLike,
    sample: Sample,
    work: Workspace,
    *,
    voxels: int,
    transport: bool = True,
) -> list[Measurement]:
    """Give fraction, surface and transport of each phase what a boundary elsewhere within ± some voxels would change.

    Parameters
    ----------
    numbers : of the map
    labels, sample : (Z, Y, X) ids of the map, and its region
    work : where the blocks run
    voxels : how far the boundary may lie farther in or out
    transport : whether the numbers of transport are followed too, on a central part of the volume

    Returns
    -------
    list of Measurement
        In the same order; numbers that depend on two boundaries, such as interfaces, stay as they are.
    """
    items = list(numbers)
    sides = moved_boundaries(items, labels, sample, work, voxels=voxels, transport=transport)
    found = [both_sides(item, sides) for item in items]
    return [
        item if known is None else with_perturbed_boundary(item, *known, voxels=voxels)
        for item, known in zip(items, found, strict=True)
    ]
