"""From the grey values of blocks to class ids: histogram, cuts, hysteresis, k-means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike
from voltomo.blocks import Block, Partial, WritableArray
from voltomo.blocks.components import label_components
from voltomo.segmentation.features import FEATURE_HALO, LocalFeature, local_feature
from voltomo.segmentation.histogram import BinRule, Histogram, bin_rule, count_values, quantile_range
from voltomo.segmentation.kmeans import KMEANS_BINS, Clusters, classify_pairs, count_pairs, kmeans_histogram
from voltomo.segmentation.thresholds import classify
from voltomo.stages.denoise import Denoiser
from voltomo.stages.inspection import Field, bytes_read, inside_of
from voltomo.stages.workspace import Workspace

__all__ = ["GreySource", "apply_clusters", "apply_cuts", "apply_hysteresis", "count_grey", "find_clusters"]

Array: TypeAlias = npt.NDArray[Any]

TAIL = 1e-3
"""Share of voxels at either end that must not stretch the bins of a float histogram: hot pixels, zingers."""
ROUNDS = 6
"""Each narrows the bins 8 times or more: enough for grey values of 1 beside hot pixels of 1e9."""


@dataclass(frozen=True)
class GreySource:
    """One channel with its field of view and filter."""

    field: Field
    denoiser: Denoiser

    @property
    def sources(self) -> tuple[ArrayLike, ...]:
        """What a block function reads."""
        return self.field.sources

    @property
    def memory(self) -> float:
        """Bytes per voxel while a block is read and filtered."""
        return bytes_read(self.sources) + self.denoiser.bytes_per_voxel + 1

    def values(self, *arrays: Array) -> tuple[Array, Array]:
        """Filtered grey values of a block, and where they are inside the field of view."""
        inside = inside_of(*arrays)
        return self.denoiser.apply(arrays[0], inside), inside


def count_grey(source: GreySource, work: Workspace, *, step: str = "histogram") -> Histogram:
    """The histogram inside the field of view; with finer bins where few voxels stretch the range."""
    field = source.field
    rule = bin_rule(source.denoiser.dtype, field.low, field.high)
    counts = _count(source, work, rule, step)
    for i in range(ROUNDS):
        low, high = quantile_range(counts, rule, TAIL)
        if rule.is_exact or high - low >= (rule.high - rule.low) / 8:
            break
        rule = bin_rule(source.denoiser.dtype, low, high)
        counts = _count(source, work, rule, f"{step}-{i + 2}")
    return Histogram(counts, rule)


def _count(source: GreySource, work: Workspace, rule: BinRule, step: str) -> npt.NDArray[np.int64]:
    def count(block: Block, *arrays: Array) -> Partial:
        values, inside = source.values(*arrays)
        return {"counts": count_values(values[block.inner], inside[block.inner], rule)}

    partial = work.reduce(
        step, count, *source.sources, merge=_add, halo=source.denoiser.halo, bytes_per_voxel=source.memory
    )
    return np.asarray(partial["counts"], np.int64)


def apply_cuts(
    source: GreySource, cuts: Sequence[float], ids: Sequence[int], out: WritableArray, work: Workspace, *, step: str
) -> None:
    """Write the id of the class that each grey value lies in; 0 outside the field of view."""

    def cut(_block: Block, *arrays: Array) -> Array:
        values, inside = source.values(*arrays)
        return classify(values, cuts, ids, inside)

    work.map(step, cut, *source.sources, out=out, halo=source.denoiser.halo, bytes_per_voxel=source.memory + 1)


def apply_hysteresis(
    source: GreySource,
    cuts: tuple[float, float],
    ids: tuple[int, int],
    out: WritableArray,
    work: Workspace,
    *,
    invert: bool,
) -> tuple[float, float]:
    """Write the brighter class where it is certain, or likely and connected to that over faces.

    Parameters
    ----------
    cuts : rising; between them a voxel is likely
    ids : of the rest, and of the class that grows
    invert : the class that grows is the darker one

    Returns
    -------
    (rest, grown) shares of the voxels inside
    """
    rest, likely, certain = 1, 2, 3
    shape = (source.field.grey.shape[0], source.field.grey.shape[1], source.field.grey.shape[2])
    levels = work.array("levels", shape, np.uint8)
    order = (certain, likely, rest) if invert else (rest, likely, certain)
    apply_cuts(source, cuts, order, levels, work, step="levels")
    labels = work.array("likely", shape, np.uint32)
    found = label_components(levels, predicate=lambda level: level >= likely, runner=work, out=labels, step="likely")

    def look(_block: Block, level: Array, label: Array) -> Partial:
        return {"seeds": np.unique(label[level == certain]), "inside": np.array(np.count_nonzero(level))}

    def unite(one: Partial, two: Partial) -> Partial:
        return {"seeds": np.union1d(one["seeds"], two["seeds"]), "inside": np.add(one["inside"], two["inside"])}

    seen = work.reduce("seeds", look, levels, labels, merge=unite, bytes_per_voxel=24)
    grows = np.zeros(len(found) + 1, np.bool_)
    grows[np.asarray(seen["seeds"], np.int64)] = True

    def paint(_block: Block, level: Array, label: Array) -> Array:
        painted = np.where(grows[label], np.uint8(ids[1]), np.uint8(ids[0]))
        return np.where(level == 0, np.uint8(0), painted)

    work.map("classify", paint, levels, labels, out=out, bytes_per_voxel=10)
    grown = int(found.counts[grows[1:]].sum()) / int(seen["inside"])
    return 1 - grown, grown


def find_clusters(
    source: GreySource,
    second: GreySource | LocalFeature,
    histogram: Histogram,
    cuts: tuple[float, ...],
    work: Workspace,
) -> tuple[Clusters, tuple[BinRule, BinRule]]:
    """Clusters in the plane of grey value and a second feature.

    Parameters
    ----------
    source : the channel
    second : another channel, or a local feature of the first
    histogram : of the first
    cuts : the first assignment
    """
    low, high = quantile_range(histogram.counts, histogram.rule, TAIL)
    grey = BinRule(low, high, KMEANS_BINS, False)
    rules = (grey, _feature_rule(source, second, grey, work))

    def count(block: Block, *arrays: Array) -> Partial:
        values, feature, inside = _pairs(source, second, arrays)
        return {"counts": count_pairs(values[block.inner], feature[block.inner], inside[block.inner], rules)}

    reading = _reading(source, second)
    partial = work.reduce("pairs", count, *_sources(source, second), merge=_add, **reading)
    return kmeans_histogram(np.asarray(partial["counts"], np.int64), rules, cuts=cuts), rules


def apply_clusters(
    source: GreySource,
    second: GreySource | LocalFeature,
    clusters: Clusters,
    rules: tuple[BinRule, BinRule],
    ids: Sequence[int],
    out: WritableArray,
    work: Workspace,
) -> None:
    """Write the id of the cluster that each voxel lies in; 0 outside the field of view."""

    def look_up(_block: Block, *arrays: Array) -> Array:
        values, feature, inside = _pairs(source, second, arrays)
        return classify_pairs(values, feature, inside, clusters, rules, ids=np.asarray(ids, np.uint8))

    work.map("classify", look_up, *_sources(source, second), out=out, **_reading(source, second))


def _feature_rule(source: GreySource, second: GreySource | LocalFeature, grey: BinRule, work: Workspace) -> BinRule:
    """Bins of the second feature: the range of a mean is that of the grey values, other ranges are looked up."""
    if isinstance(second, GreySource):
        return BinRule(second.field.low, second.field.high, KMEANS_BINS, False)
    if second == "mean":
        return grey

    def measure(block: Block, *arrays: Array) -> Partial:
        _, feature, _ = _pairs(source, second, arrays)
        return {"high": np.array(feature[block.inner].max())}

    def widen(one: Partial, two: Partial) -> Partial:
        return {"high": np.maximum(one["high"], two["high"])}

    high = work.reduce("feature-range", measure, *source.sources, merge=widen, **_reading(source, second))["high"]
    return BinRule(0.0, float(high), KMEANS_BINS, False)


def _sources(source: GreySource, second: GreySource | LocalFeature) -> tuple[ArrayLike, ...]:
    return (*source.sources, second.field.grey) if isinstance(second, GreySource) else source.sources


def _reading(source: GreySource, second: GreySource | LocalFeature) -> dict[str, Any]:
    """Halo and memory of a pass that needs both features."""
    if isinstance(second, GreySource):
        z, y, x = (max(pair) for pair in zip(source.denoiser.halo, second.denoiser.halo, strict=True))
        return {"halo": (z, y, x), "bytes_per_voxel": source.memory + second.memory + 1}
    z, y, x = (halo + FEATURE_HALO for halo in source.denoiser.halo)
    # Sums of values and squares in float64, with one copy each while an axis is summed.
    return {"halo": (z, y, x), "bytes_per_voxel": source.memory + 50}


def _pairs(
    source: GreySource, second: GreySource | LocalFeature, arrays: Sequence[Array]
) -> tuple[Array, Array, Array]:
    """Grey values, second feature, and what is inside."""
    if isinstance(second, GreySource):
        values, inside = source.values(*arrays[:-1])
        return values, second.denoiser.apply(arrays[-1], inside), inside
    values, inside = source.values(*arrays)
    return values, local_feature(values, inside, second), inside


def _add(one: Partial, two: Partial) -> Partial:
    return {"counts": np.add(one["counts"], two["counts"])}
