"""Particles and their voids in a result against those in a truth."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import CRACK, ArrayLike, CrackMap, InstanceMap, Measurement
from voltomo.blocks import Block, Partial
from voltomo.metrics.agreement import (
    InstanceScores,
    Overlaps,
    match_instances,
    merge_overlaps,
    overlapping_pairs,
    score_instances,
)
from voltomo.stages.workspace import Workspace
from voltomo.units import VoxelSize

__all__ = ["ParticleAgreement", "compare_particles"]

_KIRILLOV = "instances are paired by IoU over voxels, each at most once (Kirillov et al. 2019)"


@dataclass(frozen=True)
class ParticleAgreement:
    """Rows for the table of measurements, scores per IoU threshold, and warnings."""

    rows: tuple[Measurement, ...]
    scores: tuple[InstanceScores, ...]
    warnings: tuple[str, ...]


def compare_particles(
    result: InstanceMap,
    truth: InstanceMap,
    result_cracks: CrackMap | None,
    truth_cracks: CrackMap | None,
    *,
    thresholds: tuple[float, ...],
    dimension: int,
    work: Workspace,
) -> ParticleAgreement:
    """Scores of particles at several IoU thresholds, and errors in their number, size and voids.

    Parameters
    ----------
    result, truth : instance maps of the same shape
    result_cracks, truth_cracks : compared where both are given
    thresholds : rising, from 0.5
    dimension : 2 for a section, 3 for a volume
    work : Workspace
    """
    overlaps = _find_overlaps(result, truth, work)
    scores = tuple(score_instances(overlaps, threshold=threshold) for threshold in thresholds)
    rows = [*_score_rows(scores, overlaps, dimension), *_property_rows(overlaps, result, truth, dimension)]
    warnings: tuple[str, ...] = ()
    if result_cracks is not None and truth_cracks is not None:
        rows += _void_rows(overlaps, result, truth, result_cracks, truth_cracks, dimension, work)
    if not (overlaps.truth > 0).any():
        warnings = ("The truth holds no particle.",)
    return ParticleAgreement(tuple(rows), scores, warnings)


def _as_volume(data: ArrayLike) -> ArrayLike:
    return np.asarray(data)[None] if len(data.shape) == 2 else data


def _find_overlaps(result: InstanceMap, truth: InstanceMap, work: Workspace) -> Overlaps:
    def count(block: Block, found: npt.NDArray[np.uint32], wanted: npt.NDArray[np.uint32]) -> Partial:
        return vars(overlapping_pairs(wanted[block.inner], found[block.inner]))

    def merge(a: Partial, b: Partial) -> Partial:
        return vars(merge_overlaps(_overlaps(a), _overlaps(b)))

    partial = work.reduce(
        "instance overlaps",
        count,
        _as_volume(result.data),
        _as_volume(truth.data),
        merge=merge,
        bytes_per_voxel=36,  # two ids, three arrays of 64 bits, and a mask
    )
    return _overlaps(partial)


def _overlaps(partial: Partial) -> Overlaps:
    return Overlaps(
        partial["truth"].astype(np.uint32), partial["result"].astype(np.uint32), partial["voxels"].astype(np.int64)
    )


def _score_rows(scores: tuple[InstanceScores, ...], overlaps: Overlaps, dimension: int) -> Iterator[Measurement]:
    named = {
        "instance_average_precision": "TP / (TP + FP + FN) over particles; there are no confidences to rank by, so "
        "this is not the area under a precision-recall curve",
        "instance_precision": "matched particles / particles of the result",
        "instance_recall": "matched particles / particles of the truth",
        "instance_f1": "2 TP / (2 TP + FP + FN) over particles",
    }
    attributes = dict(zip(named, ("average_precision", "precision", "recall", "f1"), strict=True))
    for name, definition in named.items():
        shown = scores if name == "instance_average_precision" else scores[:1]
        for score in shown:
            value = getattr(score, attributes[name])
            yield _row(name, value, dimension, statistic=f"IoU ≥ {score.threshold:.2f}", definition=definition)
    every = [score.average_precision for score in scores]
    yield _row(
        "instance_average_precision",
        float(np.mean(every)),
        dimension,
        statistic=f"mean over IoU {scores[0].threshold:.2f}-{scores[-1].threshold:.2f} ({len(scores)} thresholds)",
        definition=named["instance_average_precision"],
    )
    yield _row(
        "matched_iou",
        scores[0].mean_iou,
        dimension,
        statistic=f"mean over pairs with IoU ≥ {scores[0].threshold:.2f}",
        definition="IoU over voxels of a particle and its partner",
    )
    sizes = _sizes(overlaps.truth, overlaps.voxels)
    matched = match_instances(overlaps, threshold=scores[0].threshold)[0].tolist()
    yield _row(
        "matched_volume_fraction",
        sum(sizes[number] for number in matched) / sum(sizes.values()) if sizes else math.nan,
        dimension,
        statistic=f"IoU ≥ {scores[0].threshold:.2f}",
        definition="voxels of the matched particles / voxels of all particles, in the truth; unlike the recall it "
        "gives the slivers that the edge of the volume leaves of particles no more weight than they have",
    )


def _property_rows(
    overlaps: Overlaps, result: InstanceMap, truth: InstanceMap, dimension: int
) -> Iterator[Measurement]:
    voxel_size = truth.voxel_size or result.voxel_size
    found, wanted = _sizes(overlaps.result, overlaps.voxels), _sizes(overlaps.truth, overlaps.voxels)
    yield Measurement(
        "particle_count_error",
        float(len(found) - len(wanted)),
        "1",
        dimension=dimension,
        method=f"result {len(found)}, truth {len(wanted)}",
        definition="number of particles in the result − in the truth, those cut by the edge included",
    )
    fields: dict[str, Any] = {
        "statistic": "D50, volume-weighted" if dimension == 3 else "D50, area-weighted",
        "definition": "difference of the median diameters of spheres (in a section: circles) of equal volume (area), "
        "particles cut by the edge included as they are: result − truth",
    }
    unit = "voxel" if voxel_size is None else "m"
    if len(found) and len(wanted):
        ours, theirs = (_median_diameter(sizes, voxel_size, dimension) for sizes in (found, wanted))
        text = f"result {ours:.6g} {unit}, truth {theirs:.6g} {unit}"
        yield Measurement("equivalent_diameter_error", ours - theirs, unit, dimension=dimension, method=text, **fields)
    else:
        yield Measurement(
            "equivalent_diameter_error",
            None,
            unit,
            dimension=dimension,
            status="withheld",
            reason="one of the maps holds no particle",
            **fields,
        )


def _sizes(ids: npt.NDArray[np.uint32], voxels: npt.NDArray[np.int64]) -> dict[int, int]:
    """Voxels of each particle."""
    kept = ids > 0
    values, place = np.unique(ids[kept], return_inverse=True)
    sums = np.zeros(len(values), np.int64)
    np.add.at(sums, place, voxels[kept])
    return dict(zip(values.tolist(), sums.tolist(), strict=True))


def _median_diameter(sizes: dict[int, int], voxel_size: VoxelSize | None, dimension: int) -> float:
    """Volume-weighted (area-weighted) median of the equivalent diameters."""
    edges = voxel_size or (1.0, 1.0, 1.0)
    measure = np.sort(np.array(list(sizes.values()), float)) * math.prod(edges if dimension == 3 else edges[1:])
    cumulative = np.cumsum(measure)
    middle = measure[np.searchsorted(cumulative, 0.5 * cumulative[-1])]
    return float((6 * middle / np.pi) ** (1 / 3) if dimension == 3 else np.sqrt(4 * middle / np.pi))


def _void_rows(
    overlaps: Overlaps,
    result: InstanceMap,
    truth: InstanceMap,
    result_cracks: CrackMap,
    truth_cracks: CrackMap,
    dimension: int,
    work: Workspace,
) -> Iterator[Measurement]:
    pairs = _find_void_overlaps(result_cracks, truth_cracks, work)
    both, ours, theirs = (int(pairs[key]) for key in ("both", "result", "truth"))
    yield _row(
        "crack_iou",
        both / (ours + theirs - both) if ours + theirs else math.nan,
        dimension,
        definition="TP / (TP + FP + FN) over the voxels of cracks and voids inside particles",
    )
    found_sizes, wanted_sizes = _sizes(overlaps.result, overlaps.voxels), _sizes(overlaps.truth, overlaps.voxels)
    found, wanted = ours / max(1, sum(found_sizes.values())), theirs / max(1, sum(wanted_sizes.values()))
    yield Measurement(
        "particle_void_fraction_error",
        found - wanted,
        "1",
        dimension=dimension,
        statistic="all particles",
        method=f"result {found:.6f}, truth {wanted:.6f}",
        definition="voxels of cracks and voids / voxels of all particles, result − truth",
    )
    found_voids = _count_voids("result", result, result_cracks, work)
    wanted_voids = _count_voids("truth", truth, truth_cracks, work)
    truth_ids, result_ids, _ = match_instances(overlaps)
    errors = np.array(
        [
            found_voids.get(r, 0) / found_sizes[r] - wanted_voids.get(t, 0) / wanted_sizes[t]
            for t, r in zip(truth_ids.tolist(), result_ids.tolist(), strict=True)
        ]
    )
    for statistic, value in (
        ("mean over matched particles", float(errors.mean()) if len(errors) else math.nan),
        ("root mean square over matched particles", float(np.sqrt(np.mean(errors**2))) if len(errors) else math.nan),
    ):
        yield _row(
            "particle_void_fraction_error",
            value,
            dimension,
            statistic=statistic,
            definition="voxels of cracks and voids / voxels of the particle, result − truth, pairs with IoU ≥ 0.50",
        )


def _find_void_overlaps(result: CrackMap, truth: CrackMap, work: Workspace) -> Partial:
    def count(block: Block, found: npt.NDArray[np.uint8], wanted: npt.NDArray[np.uint8]) -> Partial:
        ours, theirs = found[block.inner] == CRACK, wanted[block.inner] == CRACK
        voxels = {"both": ours & theirs, "result": ours, "truth": theirs}
        return {name: np.array(np.count_nonzero(where)) for name, where in voxels.items()}

    def add(a: Partial, b: Partial) -> Partial:
        return {name: np.add(a[name], b[name]) for name in a}

    sources = _as_volume(result.data), _as_volume(truth.data)
    return work.reduce("void overlaps", count, *sources, merge=add, bytes_per_voxel=6)


def _count_voids(which: str, instances: InstanceMap, cracks: CrackMap, work: Workspace) -> dict[int, int]:
    """Crack voxels of each particle."""

    def count(block: Block, ids: npt.NDArray[np.uint32], map_: npt.NDArray[np.uint8]) -> Partial:
        void = ids[block.inner][map_[block.inner] == CRACK]
        return vars(overlapping_pairs(void, np.zeros_like(void)))

    def merge(a: Partial, b: Partial) -> Partial:
        return vars(merge_overlaps(_overlaps(a), _overlaps(b)))

    partial = work.reduce(
        f"voids of the {which}",
        count,
        _as_volume(instances.data),
        _as_volume(cracks.data),
        merge=merge,
        bytes_per_voxel=32,
    )
    counted = _overlaps(partial)
    return _sizes(counted.truth, counted.voxels)


def _row(name: str, value: float, dimension: int, *, definition: str, statistic: str = "") -> Measurement:
    """A score, withheld where it has no value."""
    fields: dict[str, Any] = {"statistic": statistic, "definition": definition, "dimension": dimension}
    if math.isnan(value):
        return Measurement(name, None, "1", status="withheld", reason="there is nothing to compare", **fields)
    return Measurement(name, value, "1", method=_KIRILLOV if name.startswith(("instance", "matched")) else "", **fields)
