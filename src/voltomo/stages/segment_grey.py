"""Grey values to phases by the histogram of the field of view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from voltomo.artifacts import ArrayLike, PhaseMap, Volume
from voltomo.blocks import WritableArray
from voltomo.segmentation.features import LocalFeature
from voltomo.segmentation.field_of_view import SATURATED_SHARE
from voltomo.segmentation.histogram import Histogram
from voltomo.segmentation.thresholds import (
    between_class_share,
    class_shares,
    cuts_for_fractions,
    multi_otsu_cuts,
    otsu_cut,
    triangle_cut,
)
from voltomo.stages.denoise import prepare_denoiser
from voltomo.stages.grey_classes import (
    GreySource,
    apply_clusters,
    apply_cuts,
    apply_hysteresis,
    count_grey,
    find_clusters,
)
from voltomo.stages.inspection import Field as FieldOfView
from voltomo.stages.inspection import measure_field
from voltomo.stages.segment_config import SegmentConfig
from voltomo.stages.segment_result import REPORT_BINS, SegmentResult
from voltomo.stages.workspace import Workspace

__all__ = ["run_grey_segment"]

SATURATED_IN_CLASS = 0.25
"""From this share of saturated voxels in a class on, the report asks what the class is."""
FALSE_SHELL = (
    "{count} classes by grey value: voxels on the edge between the darkest and the brightest class have a grey value "
    "in between (partial volume), so that a false shell of the middle class wraps every particle. Fraction and surface "
    "of the middle class are overestimated."
)


def run_grey_segment(
    volume: Volume, config: SegmentConfig, work: Workspace, *, mask: ArrayLike | None = None
) -> SegmentResult:
    """Segment a volume by its histogram; see `voltomo.stages.segment.run_segment`."""
    field = measure_field(volume, work, channel=config.channel, mask=mask)
    source = _filtered(field, volume, config, work, "noise")
    histogram = count_grey(source, work)
    ids, out = config.ids(), work.array("phases", volume.shape, np.uint8)
    record: dict[str, Any]
    if config.method == "kmeans":
        record = _segment_by_kmeans(volume, config, source, histogram, out, work)
    elif config.method == "hysteresis":
        low, high = config.thresholds or _hysteresis_cuts(histogram, config)
        pair = (ids[1], ids[0]) if config.invert else (ids[0], ids[1])
        shares = apply_hysteresis(source, (low, high), pair, out, work, invert=config.invert)
        record = _record(histogram, (low, high), config, shares[::-1] if config.invert else shares)
    else:
        cuts = _find_cuts(histogram, config)
        apply_cuts(source, cuts, ids, out, work, step="classify")
        record = _record(histogram, cuts, config, class_shares(histogram, cuts).tolist())
    record |= {"denoise": config.denoise.method, "noise": source.denoiser.noise}
    phase_map = PhaseMap(out, config.table(), volume.voxel_size, volume.through_plane)
    warnings = (*_saturation_warnings(field.end_shares[1], record), *_class_warnings(config))
    return SegmentResult(phase_map, record, field.mask, warnings)


def _filtered(field: FieldOfView, volume: Volume, config: SegmentConfig, work: Workspace, name: str) -> GreySource:
    return GreySource(field, prepare_denoiser(field, config.denoise, work, voxel_size=volume.voxel_size, name=name))


def _find_cuts(histogram: Histogram, config: SegmentConfig) -> tuple[float, ...]:
    """The cuts that the method finds."""
    if config.method == "threshold":
        assert config.thresholds is not None
        return config.thresholds
    if config.method == "fractions":
        assert config.fractions is not None
        return cuts_for_fractions(histogram, config.fractions[::-1] if config.invert else config.fractions)
    if config.method == "triangle":
        return (triangle_cut(histogram),)
    return (otsu_cut(histogram),) if config.class_count == 2 else multi_otsu_cuts(histogram, config.class_count)


def _hysteresis_cuts(histogram: Histogram, config: SegmentConfig) -> tuple[float, float]:
    """Likely by Otsu, certain by the outer one of two Otsu cuts: Otsu's class without its faint specks."""
    cut, (low, high) = otsu_cut(histogram), multi_otsu_cuts(histogram, 3)
    return (min(low, cut), cut) if config.invert else (cut, max(high, cut))


def _segment_by_kmeans(
    volume: Volume,
    config: SegmentConfig,
    source: GreySource,
    histogram: Histogram,
    out: WritableArray,
    work: Workspace,
) -> dict[str, Any]:
    """Write the phases by k-means; the record."""
    second: GreySource | LocalFeature
    if config.feature == "channel":
        field = measure_field(volume, work, channel=config.second_channel, mask=source.field.mask)
        second = _filtered(field, volume, config, work, "noise-second")
    else:
        second = config.feature
    clusters, rules = find_clusters(source, second, histogram, multi_otsu_cuts(histogram, config.class_count), work)
    apply_clusters(source, second, clusters, rules, config.ids(), out, work)
    record = _record(histogram, (), config, clusters.shares.tolist())
    return record | {"feature": config.feature, "centers": clusters.centers.tolist()}


def _record(
    histogram: Histogram, cuts: Sequence[float], config: SegmentConfig, shares: Sequence[float]
) -> dict[str, Any]:
    """What the report draws and says about the histogram."""
    drawn = histogram.grouped(REPORT_BINS)
    table = config.table()
    return {
        "method": config.method,
        "edges": drawn.rule.edges.tolist(),
        "counts": drawn.counts.tolist(),
        "cuts": [float(cut) for cut in cuts],
        "classes": [
            {"id": i, "name": table.by_id(i).name, "color": table.by_id(i).color, "share": float(share)}
            for i, share in zip(config.ids(), shares, strict=True)
        ],
        "separation": between_class_share(histogram, cuts) if cuts else None,
        "voxels": histogram.total,
    }


def _saturation_warnings(share: float, record: dict[str, Any]) -> list[str]:
    """Whether the brightest class is saturated voxels for a good part: glare rather than a material."""
    brightest = record["classes"][-1]
    if share <= max(SATURATED_SHARE, SATURATED_IN_CLASS * brightest["share"]):
        return []
    return [
        f"{share / brightest['share']:.0%} of the class {brightest['name']} are saturated voxels: it may be glare, "
        "charging or a metal part rather than a material of the electrode. Look at the picture, and try 3 classes"
    ]


def _class_warnings(config: SegmentConfig) -> list[str]:
    """What a reader must know about the classes; what two classes cannot tell apart is said by `measure`."""
    return [FALSE_SHELL.format(count=config.class_count)] if config.class_count >= 3 else []
