"""The field of view: which voxels of a volume hold a measured grey value.

What lies outside a reconstructed cylinder is no pore. Two forms of outside are recognised: NaN that reaches the border
of the slices, and one constant value around a disc. Both are found from a few numbers per row and per column of voxels,
which a single pass over the blocks collects.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numba
import numpy as np
import numpy.typing as npt

from voltomo.errors import GateError
from voltomo.segmentation.cylinder import Disc, find_cylinder
from voltomo.segmentation.histogram import grey_array

__all__ = [
    "SATURATED_SHARE",
    "Disc",
    "Inspection",
    "conclude",
    "inside_field_of_view",
    "inspect_block",
    "merge_inspections",
    "saturation_warnings",
]

Array: TypeAlias = npt.NDArray[Any]
Partial: TypeAlias = dict[str, Array]
Shape: TypeAlias = tuple[int, int, int]

SATURATED_SHARE = 0.01
"""From this share of voxels at one end of the grey scale on, the report warns."""
FLAT_SHARE = 0.9
"""More equal neighbours than this, and the image has no noise: a phantom or a segmentation, not a scan."""


@dataclass(frozen=True)
class Inspection:
    """What one pass over a grey volume finds.

    Parameters
    ----------
    shape : (Z, Y, X)
    minimum, maximum : grey values inside the field of view
    voxels_inside : number of voxels inside the field of view
    darkest_share, brightest_share : share of the voxels inside that have the minimum, the maximum
    has_nan : NaN marks the outside
    outside : (Y, X) bool, True in columns outside a cylinder; None if there is none
    disc : the cylinder's cross-section
    has_noise : neighbouring voxels differ, as in any scan
    notices : what was found and done
    warnings : what may spoil the result
    """

    shape: Shape
    minimum: float
    maximum: float
    voxels_inside: int
    darkest_share: float
    brightest_share: float
    has_nan: bool = False
    outside: npt.NDArray[np.bool_] | None = None
    disc: Disc | None = None
    has_noise: bool = True
    notices: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def has_outside(self) -> bool:
        """Whether a mask is needed."""
        return self.has_nan or self.outside is not None


def inspect_block(values: Array, *, inner: tuple[slice, slice, slice], start: Shape, corner: float) -> Partial:
    """What one block contributes to an Inspection.

    Parameters
    ----------
    values : (z, y, x) grey values of the block, with one more voxel along x at its end where the volume goes on
    inner : the block without its halo
    start : index of the first voxel of the inner block in the volume
    corner : grey value of the volume's first voxel

    Returns
    -------
    dict of arrays
        Merge with `merge_inspections`, and read with `conclude`.
    """
    grey = grey_array(values)
    z, y, x = (side.stop - side.start for side in inner)
    shape = (z, y, x)
    column_low, column_high = np.full((y, x), np.inf), np.full((y, x), -np.inf)
    runs = {"rows": _no_runs(z, y), "columns": _no_runs(z, x)} if grey.dtype.kind == "f" else {}
    counts = np.zeros(4, np.int64)  # finite, infinite, pairs of neighbours, equal pairs
    offsets = np.array([side.start for side in inner], np.int64)
    _inspect_kernel(grey, offsets, shape, corner, column_low, column_high, counts)
    if runs:
        _runs_kernel(grey, offsets, np.array(start, np.int64), runs["rows"], runs["columns"])
    low, high = float(column_low.min()), float(column_high.max())
    window = grey[inner]
    return {
        "box": np.array([[*start], [s + n for s, n in zip(start, shape, strict=True)]], np.int64),
        "counts": counts,
        "extremes": np.array([low, high]),
        "at_extremes": np.array([(window == low).sum(), (window == high).sum()], np.int64),
        "column_low": column_low,
        "column_high": column_high,
        **runs,
    }


def merge_inspections(one: Partial, two: Partial, *, shape: Shape) -> Partial:
    """Both partials as one; `one` grows to the size of the volume at first and is then added to in place."""
    if not _is_whole(one, shape):
        one = _embed(one, shape)
    (z0, y0, x0), (z1, y1, x1) = two["box"]
    plane = np.s_[y0:y1, x0:x1]
    np.minimum(one["column_low"][plane], two["column_low"], out=one["column_low"][plane])
    np.maximum(one["column_high"][plane], two["column_high"], out=one["column_high"][plane])
    for name, window in (("rows", np.s_[z0:z1, y0:y1]), ("columns", np.s_[z0:z1, x0:x1])):
        if name not in two:
            continue  # integers have no NaN
        whole, part = one[name], two[name]
        whole[0][window] += part[0]
        np.minimum(whole[1][window], part[1], out=whole[1][window])
        np.maximum(whole[2][window], part[2], out=whole[2][window])
    mine, other = one["extremes"], two["extremes"]
    ends = np.array([min(mine[0], other[0]), max(mine[1], other[1])])
    at_ends = one["at_extremes"] * (mine == ends) + two["at_extremes"] * (other == ends)
    return {**one, "counts": one["counts"] + two["counts"], "extremes": ends, "at_extremes": at_ends}


def conclude(partial: Partial, *, shape: Shape) -> Inspection:
    """Judge the merged partials of all blocks.

    Raises
    ------
    GateError
        If there are infinite values, nothing but NaN, NaN inside the sample, or one grey value only.
    """
    if not _is_whole(partial, shape):
        partial = _embed(partial, shape)
    finite, infinite, pairs, equal = (int(n) for n in partial["counts"])
    size = shape[0] * shape[1] * shape[2]
    _refuse_bad_values(partial, shape, finite=finite, infinite=infinite)
    has_noise = pairs == 0 or equal <= FLAT_SHARE * pairs
    notices: list[str] = []
    if finite < size:
        notices.append(
            f"{(size - finite) / size:.2%} of the volume is NaN that reaches its border: outside the field of view"
        )
    outside, disc = None, None
    if has_noise:
        outside, disc, note = find_cylinder(partial["column_low"], partial["column_high"])
        notices += [note] if note else []
    low, high = (float(v) for v in partial["extremes"])
    at_low, at_high = (int(n) for n in partial["at_extremes"])
    inside = finite
    if outside is not None:
        excluded = int(outside.sum()) * shape[0]
        value = float(partial["column_low"][0, 0])
        inside -= excluded
        at_low, at_high = at_low - excluded * (value == low), at_high - excluded * (value == high)
    shares = at_low / inside, at_high / inside
    warnings = saturation_warnings(low, high, shares) if has_noise else []
    if not has_noise:
        notices.append(
            "neighbouring voxels have equal grey values nearly everywhere: this is no raw scan. If it is a "
            "segmentation, use `measure --phases`"
        )
    return Inspection(
        shape, low, high, inside, *shares, finite < size, outside, disc, has_noise, tuple(notices), tuple(warnings)
    )


def inside_field_of_view(values: Array, inspection: Inspection, *, start: Shape = (0, 0, 0)) -> npt.NDArray[np.uint8]:
    """Mask of a block: 1 inside the field of view.

    Parameters
    ----------
    values : (z, y, x) grey values of the block
    inspection : of the whole volume
    start : index of the block's first voxel
    """
    inside = np.ones(values.shape, np.uint8)
    if inspection.has_nan:
        inside[np.isnan(values)] = 0
    if inspection.outside is not None:
        _, y, x = start
        inside[:, inspection.outside[y : y + values.shape[1], x : x + values.shape[2]]] = 0
    return inside


def _is_whole(partial: Partial, shape: Shape) -> bool:
    return bool((partial["box"] == [[0, 0, 0], shape]).all())


def _no_runs(lines: int, length: int) -> npt.NDArray[np.int32]:
    """(3, lines, length): number of NaN, first and last index that is not NaN; of lines without voxels."""
    runs = np.zeros((3, lines, length), np.int32)
    runs[1], runs[2] = np.iinfo(np.int32).max, -1
    return runs


def _embed(partial: Partial, shape: Shape) -> Partial:
    """The partial of one block with arrays of the size of the volume."""
    z, y, x = shape
    whole = {**partial, "box": np.array([[0, 0, 0], shape], np.int64)}
    (z0, y0, x0), (z1, y1, x1) = partial["box"]
    whole["column_low"], whole["column_high"] = np.full((y, x), np.inf), np.full((y, x), -np.inf)
    whole["column_low"][y0:y1, x0:x1] = partial["column_low"]
    whole["column_high"][y0:y1, x0:x1] = partial["column_high"]
    if "rows" in partial:
        whole["rows"], whole["columns"] = _no_runs(z, y), _no_runs(z, x)
        whole["rows"][:, z0:z1, y0:y1] = partial["rows"]
        whole["columns"][:, z0:z1, x0:x1] = partial["columns"]
    return whole


def _refuse_bad_values(partial: Partial, shape: Shape, *, finite: int, infinite: int) -> None:
    """Infinite, all NaN, NaN inside the sample, constant: each with its reason and way out."""
    size = shape[0] * shape[1] * shape[2]
    if infinite:
        raise GateError(
            f"{infinite} of {size} voxels are infinite; a grey value must be finite. Was the volume divided by zero "
            "during reconstruction? Replace them, or mark them as NaN outside the sample",
            gate="finite",
        )
    if finite == 0:
        raise GateError("every voxel is NaN; the file holds no image", gate="finite")
    if finite < size:
        _refuse_nan_inside(partial["rows"], partial["columns"], shape)
    low, high = partial["extremes"]
    if low == high:
        raise GateError(
            f"every voxel has the grey value {low:g}; there is nothing to segment. Is this the right file or channel?",
            gate="constant",
        )


def _refuse_nan_inside(rows: Array, columns: Array, shape: Shape) -> None:
    """NaN may surround the sample, not lie in it."""
    scattered = min(_scattered(rows, shape[2]), _scattered(columns, shape[1]))
    if scattered:
        raise GateError(
            f"{scattered} of {shape[0] * shape[1] * shape[2]} voxels are NaN inside the sample (not part of a border "
            "around it); a grey value must be finite. Fill them, or give a mask of the field of view",
            gate="finite",
        )
    is_lost = (rows[0] == shape[2]).all(axis=1)
    lost, kept = np.flatnonzero(is_lost), np.flatnonzero(~is_lost)
    between = lost[(lost > kept[0]) & (lost < kept[-1])]
    if between.size:
        raise GateError(
            f"slice {between[0]} is NaN while slices before and after it are not ({between.size} such slices); "
            "fill it or take it out",
            gate="finite",
        )


def _scattered(runs: Array, length: int) -> int:
    """Number of NaN that no run from either end of its line explains."""
    number, first, last = runs
    at_ends = np.where(last < 0, length, first + (length - 1 - last))
    return int((number - at_ends).sum())


def saturation_warnings(low: float, high: float, shares: tuple[float, float]) -> list[str]:
    """Sentences about grey values that pile up at an end of the scale.

    Parameters
    ----------
    low, high : smallest and largest grey value inside
    shares : of the voxels inside that have them
    """
    return [
        f"{share:.1%} of the voxels have the {which} grey value {value:g}: saturated, differences there are lost"
        for share, which, value in ((shares[0], "smallest", low), (shares[1], "largest", high))
        if share > SATURATED_SHARE
    ]


@numba.njit(cache=True, nogil=True)
def _inspect_kernel(
    values: Array, offsets: Array, shape: Shape, corner: float, column_low: Array, column_high: Array, counts: Array
) -> None:
    """Extremes of each column, and the counts of `inspect_block`."""
    for z in range(shape[0]):
        for y in range(shape[1]):
            for x in range(shape[2]):
                i = x + offsets[2]
                value = float(values[z + offsets[0], y + offsets[1], i])
                if not np.isfinite(value):
                    counts[1] += np.isinf(value)
                    continue
                counts[0] += 1
                column_low[y, x] = min(column_low[y, x], value)
                column_high[y, x] = max(column_high[y, x], value)
                if i + 1 < values.shape[2] and value != corner:
                    after = float(values[z + offsets[0], y + offsets[1], i + 1])
                    if after != corner:
                        counts[2] += 1
                        counts[3] += value == after


@numba.njit(cache=True, nogil=True)
def _runs_kernel(values: Array, offsets: Array, start: Array, rows: Array, columns: Array) -> None:
    """Number of NaN, first and last index that is not NaN, of every line along x (rows) and y (columns)."""
    for z in range(rows.shape[1]):
        for y in range(rows.shape[2]):
            for x in range(columns.shape[2]):
                if np.isnan(values[z + offsets[0], y + offsets[1], x + offsets[2]]):
                    rows[0, z, y] += 1
                    columns[0, z, x] += 1
                    continue
                rows[1, z, y] = min(rows[1, z, y], x + start[2])
                rows[2, z, y] = x + start[2]
                columns[1, z, x] = min(columns[1, z, x], y + start[1])
                columns[2, z, x] = y + start[1]
