"""The resolution part of a budget: the grey volume made coarser, segmented again, and the trend of the numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, Measurement, Phase, UncertaintyPart, Volume
from voltomo.blocks import Block, Partial
from voltomo.errors import GateError
from voltomo.metrics.resolution import average_boxes, edge_width, extrapolate, resolution_part, spread_after_coarsening
from voltomo.metrics.results import measured, withheld
from voltomo.metrics.sample import Sample
from voltomo.metrics.transport import TRANSPORT
from voltomo.metrics.uncertainty import with_part, with_reason
from voltomo.morphology.grid import Grid
from voltomo.stages.main_numbers import NamedWorkspace, Numbers, Variant, count_variants, row_key
from voltomo.stages.segment import SegmentConfig, run_segment
from voltomo.stages.varied_flows import Flows, remembered_flows, single_flows, without_voxels
from voltomo.stages.workspace import Workspace
from voltomo.synthesis.likeness.edges import fit_edge
from voltomo.synthesis.likeness.surfaces import REACH, distance_from_surface

__all__ = ["edge_spread", "resolution_parts", "resolution_row"]

Array: TypeAlias = npt.NDArray[Any]

_LEAST_EDGE = 16
"""Voxels along the shortest edge of a coarse volume; below that its numbers are those of another sample."""
_FEWEST_FACTORS = 2
"""With the volume itself three points, so that a straight line leaves one to tell its error."""
_BINS_PER_VOXEL = 2
_BIAS_OF_WIDTH, _SPREAD_OF_WIDTH = -0.07, 0.07
"""Of the width of an edge, relative, and what says so: distances from a surface made of voxels are a little short."""
_WIDTH_NOTE = "planes of four orientations and a ball, blurred by 1 to 2 voxels, come out 0.86 to 1.01 times as wide"
_SLAB = 64
"""Fine slices that are read at once while a coarse block is made."""


@dataclass(frozen=True)
class _Coarse:
    """Means over boxes of a (Z, Y, X) array-like, made when a region is read."""

    fine: ArrayLike
    factors: tuple[int, int, int]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(int(n) // f for n, f in zip(self.fine.shape, self.factors, strict=True))

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32)

    def __getitem__(self, region: Any, /) -> npt.NDArray[np.float32]:
        z, y, x = region
        fz, fy, fx = self.factors
        out = np.empty((z.stop - z.start, y.stop - y.start, x.stop - x.start), np.float32)
        rows, columns = slice(y.start * fy, y.stop * fy), slice(x.start * fx, x.stop * fx)
        step = max(1, _SLAB // fz)
        for start in range(z.start, z.stop, step):
            stop = min(z.stop, start + step)
            slab = np.asarray(self.fine[start * fz : stop * fz, rows, columns])
            out[start - z.start : stop - z.start] = average_boxes(slab, self.factors)
        return out


def edge_spread(volume: Volume, labels: ArrayLike, phase: Phase, work: Workspace, *, channel: int = 0) -> float | None:
    """Standard deviation of the blur of an edge, in the shortest voxel edge; None where no edge can be fitted.

    Parameters
    ----------
    volume, labels : the grey volume and the (Z, Y, X) phase ids found in it
    phase : whose surface is followed, inside and outside
    work : where the blocks run
    channel : of the volume

    Notes
    -----
    The mean grey value against the distance from the segmented surface is fitted by the integral of a Gaussian. Noise
    has moved that surface a little, so that the width is somewhat too large in a noisy image.
    """
    grid = Grid.of(tuple(labels.shape), volume.voxel_size)
    count = 2 * REACH * _BINS_PER_VOXEL + 1

    def profile(block: Block, grey: Array, ids: npt.NDArray[np.uint8]) -> Partial:
        distance = distance_from_surface(ids, phase.id, grid)[block.inner]
        inside = ids[block.inner] != 0
        place = np.floor((distance + REACH) * _BINS_PER_VOXEL).astype(np.intp)[inside]
        values = np.asarray(grey[block.inner], np.float64)[inside]
        sums = [np.bincount(place, minlength=count), np.bincount(place, values, minlength=count)]
        return {"edge": np.stack(sums).astype(np.float64)}

    def add(one: Partial, two: Partial) -> Partial:
        return {"edge": np.add(one["edge"], two["edge"])}

    halo = (0, REACH, REACH) if grid.dimension == 2 else (REACH, REACH, REACH)
    sources = (volume.channel(channel), labels)
    merged = work.reduce("edge profile", profile, *sources, merge=add, halo=halo, bytes_per_voxel=60)
    voxels, total = np.asarray(merged["edge"], np.float64)
    distance = (np.arange(count) + 0.5) / _BINS_PER_VOXEL - REACH
    used = voxels > 0
    used[[0, -1]] = False  # the last bin on either side holds all that is farther away
    fit = fit_edge(distance[used], voxels[used], total[used] / voxels[used])
    return None if fit is None else fit.sigma


def resolution_row(sigma: float | None, phase: Phase, sample: Sample) -> Measurement:
    """The measured resolution, which is not the voxel size."""
    words: dict[str, Any] = {"phase": phase.name, "method": "Gaussian edge, 10 to 90 %"}
    if sigma is None:
        reason = (
            f"too few voxels at various distances from the surface of {phase.name}, or no edge in their grey values"
        )
        return withheld(sample, "image_resolution", sample.unit(), reason=reason, **words)
    width = edge_width(sigma) * min(_edges(sample))
    part = UncertaintyPart("discretization", _SPREAD_OF_WIDTH * width, _BIAS_OF_WIDTH * width, _WIDTH_NOTE)
    return measured(sample, "image_resolution", width, sample.unit(), parts=(part,), **words)


def resolution_parts(
    numbers: Iterable[Measurement],
    volume: Volume,
    sample: Sample,
    segmentation: SegmentConfig,
    work: Workspace,
    *,
    sigma: float | None,
    factors: Sequence[int],
    transport: bool = True,
) -> list[Measurement]:
    """Give fractions, surfaces and transport the resolution part of their budgets.

    Parameters
    ----------
    numbers : of the map that `segmentation` gave
    volume : what was segmented
    sample : region and units of the map
    segmentation : how the phases were found
    work : where the blocks run
    sigma : blur of an edge, in the shortest voxel edge; that of a voxel where None
    factors : edges of the boxes that are averaged, voxels
    transport : whether the numbers of transport are followed too

    Returns
    -------
    list of Measurement
        Where fewer than two coarse volumes can be had, the part says why it is missing.
    """
    items = list(numbers)
    axes = range(3 - sample.dimension, 3)
    usable = [f for f in sorted(set(factors)) if f > 1 and min(sample.shape[a] for a in axes) // f >= _LEAST_EDGE]
    missing = ""
    if segmentation.method == "kmeans" and segmentation.feature == "channel":
        missing = "not estimated for a segmentation from two channels"
    elif len(usable) < _FEWEST_FACTORS:
        missing = f"not estimated: the volume coarsened by two factors is less than {_LEAST_EDGE} voxels wide"
    if missing:
        return [_noted(item, missing) for item in items]
    try:
        flows = single_flows(items) if transport else ()
        found = {f: _coarse_numbers(volume, sample, segmentation, work, f, flows) for f in usable}
    except GateError as error:
        return [_noted(item, f"not estimated: a coarser volume cannot be segmented ({error})") for item in items]
    blur = math.sqrt(1 / 12) if sigma is None else sigma
    widths = [edge_width(spread_after_coarsening(blur, f)) for f in (1, *usable)]
    told = "not measured, taken as that of a voxel" if sigma is None else f"{widths[0]:.2g} voxels"
    note = (
        f"grey volume averaged over {', '.join(map(str, usable))} voxels and segmented again by {segmentation.method}; "
        f"trend followed from an edge width of {widths[0]:.2g} ({told}) to 0; the bias is not taken off and counts "
        "in full"
    )
    return [_with_trend(item, [found[f] for f in usable], widths, note) for item in items]


def _with_trend(item: Measurement, found: Sequence[Numbers], widths: Sequence[float], note: str) -> Measurement:
    value = item.value
    if item.name in TRANSPORT:
        value = without_voxels(item)
        note = f"{note}; what the voxels do to the solve is taken off before"
    values = [numbers[row_key(item)] for numbers in found if row_key(item) in numbers]
    if value is None or len(values) < len(found):
        if item.name in TRANSPORT and any(row_key(item) in numbers for numbers in found):
            return _noted(item, "not estimated: in a coarser volume the phase does not conduct, or is too thin")
        return with_reason(item, "resolution")
    return with_part(item, resolution_part(value, extrapolate(widths, [value, *values]), note))


def _noted(item: Measurement, note: str) -> Measurement:
    missing = [part for part in item.parts if part.name == "resolution" and part.standard_uncertainty is None]
    return with_part(item, UncertaintyPart("resolution", note=note)) if missing else item


def _coarse_numbers(
    volume: Volume, sample: Sample, config: SegmentConfig, work: Workspace, factor: int, flows: Flows
) -> Numbers:
    """Numbers of the map that the same method finds in the coarse volume."""
    own = NamedWorkspace(f"coarse {factor}", work)
    factors = (factor if sample.dimension == 3 else 1, factor, factor)
    grey = _write_coarse("grey", volume.channel(config.channel), factors, own)
    mask = None
    if volume.mask is not None:
        mask = _write_coarse("inside", volume.mask, factors, own, only_full=True)
    size = None
    if volume.voxel_size is not None:
        dz, dy, dx = (edge * f for edge, f in zip(volume.voxel_size, factors, strict=True))
        size = (dz, dy, dx)
    coarse = Volume(_OneChannel(grey), size, through_plane=volume.through_plane, mask=mask)
    result = run_segment(coarse, config.model_copy(update={"channel": 0}), own)
    z, y, x = coarse.shape
    dz, dy, dx = (edge * f for edge, f in zip(sample.edges, factors, strict=True))
    # Without a voxel size lengths stay in voxels of the fine volume.
    scaled = replace(sample, shape=(z, y, x), voxel_size=(dz, dy, dx))
    variant = Variant(sample.phases, _as_it_is)
    labels = (result.phase_map.data,)
    counted = count_variants({"map": variant}, labels, scaled, own, step="numbers", halo=1, bytes_per_voxel=4)["map"]
    held = np.asarray(result.phase_map.data[:]) if flows else np.zeros((1, 1, 1), np.uint8)
    if not flows or not held.all():
        return counted
    through = remembered_flows(lambda: held, sample.phases, flows, scaled, own, step="flows", is_corrected=True)
    return counted | through


def _as_it_is(_block: Block, labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return labels


def _write_coarse(
    name: str, fine: ArrayLike, factors: tuple[int, int, int], work: Workspace, *, only_full: bool = False
) -> ArrayLike:
    """Store means over boxes; with `only_full` 1 where the whole box is inside a mask, else 0."""
    coarse = _Coarse(_Inside(fine) if only_full else fine, factors)
    z, y, x = coarse.shape
    out = work.array(name, (z, y, x), np.uint8 if only_full else np.float32)
    # A slab of the fine volume, and its mean in float64 while it is made.
    memory = 16.0 + 2 * np.dtype(fine.dtype).itemsize * math.prod(factors)
    work.map(name, partial(_stored, only_full=only_full), coarse, out=out, bytes_per_voxel=memory)
    return out


def _stored(_block: Block, coarse: Array, *, only_full: bool) -> Array:
    return np.asarray(coarse == 1, np.uint8) if only_full else coarse


@dataclass(frozen=True)
class _Inside:
    """A mask as 0 and 1."""

    mask: ArrayLike

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.mask.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint8)

    def __getitem__(self, region: Any, /) -> Array:
        return np.asarray(np.asarray(self.mask[region]) != 0, np.uint8)


@dataclass(frozen=True)
class _OneChannel:
    """A (Z, Y, X) array-like as a volume of one channel."""

    grey: ArrayLike

    @property
    def shape(self) -> tuple[int, ...]:
        return (1, *self.grey.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.grey.dtype)

    def __getitem__(self, region: Any, /) -> Array:
        _, *inner = region
        return np.asarray(self.grey[tuple(inner)])


def _edges(sample: Sample) -> tuple[float, ...]:
    """Voxel edges along the axes of the sample."""
    return sample.edges[3 - sample.dimension :]
