"""Grey values to about 0 … 1, so that one model reads scans of different brightness and contrast.

Robust percentiles of a scan become 0 and 1. By default they are measured again on every new scan; a mean and a standard
deviation would move with the phase fractions and with a few hot pixels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numba
import numpy as np
import numpy.typing as npt

from voltomo.artifacts.volume import ArrayLike
from voltomo.errors import GateError, InputError, ShapeError
from voltomo.learning.pairs import LabelledImage

__all__ = [
    "CLIP",
    "PERCENTILES",
    "SAMPLED",
    "Normalization",
    "NormalizationMethod",
    "check_normalization",
    "measure_by_scan",
    "measure_normalization",
]

NormalizationMethod: TypeAlias = Literal["percentile", "fixed"]

PERCENTILES = (1.0, 99.0)
"""Far enough from the ends that hot pixels do not matter, far enough out that a phase of 2 % is inside."""
CLIP = (-1.0, 2.0)
"""Normalised values beyond are cut off: one range below and one above hold noise and glare, not zingers of 1e9."""
SAMPLED = 2**24
"""Voxels of one scan that its percentiles are taken from: of 10⁷ evenly spread ones they have three digits."""


@dataclass(frozen=True)
class Normalization:
    """Per channel, the grey values that become 0 and 1.

    Parameters
    ----------
    low, high : grey value per channel
    method : "percentile": to be measured again on every new scan, at `percentiles`; "fixed": the same for all scans,
        for grey values with a meaning, such as attenuation in 1/m
    percentiles : the lower and the upper one, in percent
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    method: NormalizationMethod = "percentile"
    percentiles: tuple[float, float] = PERCENTILES

    def __post_init__(self) -> None:
        if len(self.low) != len(self.high) or not self.low:
            raise InputError(f"expected one low and one high value per channel, found {self.low} and {self.high}")
        if not all(np.isfinite(pair).all() and pair[0] < pair[1] for pair in zip(self.low, self.high, strict=True)):
            raise InputError(f"low grey values must lie below high ones and be finite: {self.low}, {self.high}")
        check_normalization(self.method, self.percentiles)

    def apply(self, block: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Normalised grey values, clipped to `CLIP`.

        Parameters
        ----------
        block : (C, Z, Y, X) or (C, Y, X) array in the dtype of the scan
            nan, as some programs write outside the field of view, becomes 0.
        """
        if block.shape[0] != len(self.low):
            raise ShapeError(f"expected {len(self.low)} channels in the first axis, found shape {block.shape}")
        out = np.empty(block.shape, np.float32)
        for channel, (low, high) in enumerate(zip(self.low, self.high, strict=True)):
            values = np.ascontiguousarray(block[channel], dtype=_kernel_dtype(block.dtype))
            _scale(values.reshape(-1), low, 1.0 / (high - low), out[channel].reshape(-1))
        return out

    def by_scan(self, images: Sequence[LabelledImage]) -> tuple[Normalization, ...]:
        """One per image: this one where it is fixed, else measured again on each scan (see `measure_by_scan`)."""
        if self.method == "fixed":
            return (self,) * len(images)
        return measure_by_scan(images, method=self.method, percentiles=self.percentiles)

    def to_mapping(self) -> dict[str, Any]:
        """Plain values for a file; `from_mapping` reads them back."""
        return {
            "method": self.method,
            "percentiles": list(self.percentiles),
            "low": list(self.low),
            "high": list(self.high),
        }

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Normalization:
        """What `to_mapping` gave."""
        try:
            low, high = (tuple(float(value) for value in values[key]) for key in ("low", "high"))
            first, last = (float(value) for value in values["percentiles"])
            return cls(low, high, values["method"], (first, last))
        except (KeyError, TypeError) as error:
            raise InputError(
                f"expected a normalization with method, percentiles, low and high, found {dict(values)}"
            ) from error


def check_normalization(method: str, percentiles: tuple[float, float]) -> None:
    """Refuse a method or percentiles that do not exist.

    Raises
    ------
    InputError
        If the method is unknown, or the percentiles do not rise within 0 to 100.
    """
    if method not in get_args(NormalizationMethod):
        raise InputError(f"expected the normalization percentile or fixed, found {method!r}")
    if not 0 <= percentiles[0] < percentiles[1] <= 100:
        raise InputError(f"expected two rising percentiles from 0 to 100, found {percentiles}")


def measure_normalization(
    grey: npt.NDArray[Any] | Sequence[npt.NDArray[Any]],
    *,
    method: NormalizationMethod = "percentile",
    percentiles: tuple[float, float] = PERCENTILES,
) -> Normalization:
    """The grey values of a sample that become 0 and 1.

    Parameters
    ----------
    grey : (C, Z, Y, X) array, or several of one scan, with any number of voxels each
    method : kept in the result
    percentiles : in percent

    Raises
    ------
    ShapeError
        If the samples differ in channels.
    GateError
        If a channel holds nothing finite, or its percentiles are the same grey value.
    """
    samples = [grey] if isinstance(grey, np.ndarray) else list(grey)
    counts = {sample.shape[0] for sample in samples}
    if len(counts) != 1:
        raise ShapeError(f"expected samples (C, ...) with the same number of channels, found {sorted(counts)}")
    low, high = [], []
    for channel in range(counts.pop()):
        values = np.concatenate([np.asarray(sample[channel]).ravel() for sample in samples])
        values = values.astype(_kernel_dtype(values.dtype), copy=False)
        values = values[np.isfinite(values)] if values.dtype.kind == "f" else values
        if not values.size:
            raise GateError(f"channel {channel} holds no finite grey value; is it the right file?", gate="finite")
        first, last = (float(value) for value in np.percentile(values, percentiles))
        if not first < last:
            raise GateError(
                f"channel {channel} has the grey value {first:g} at both the {percentiles[0]:g}th and the "
                f"{percentiles[1]:g}th percentile; there is nothing to segment. Is this the right file or channel?",
                gate="constant",
            )
        low.append(first)
        high.append(last)
    return Normalization(tuple(low), tuple(high), method, percentiles)


def measure_by_scan(
    images: Sequence[LabelledImage],
    *,
    method: NormalizationMethod = "percentile",
    percentiles: tuple[float, float] = PERCENTILES,
) -> tuple[Normalization, ...]:
    """One normalization per image: images of one scan share theirs; an image without a scan has its own.

    With "fixed", all images share one. Of a scan with more than `SAMPLED` voxels, an evenly spaced part is read, slice
    by slice; of others all.
    """
    groups: dict[str, list[int]] = {}
    for i, image in enumerate(images):
        groups.setdefault("" if method == "fixed" else image.scan_name, []).append(i)
    found: dict[int, Normalization] = {}
    for members in groups.values():
        reduction = max(1.0, sum(math.prod(images[i].shape) for i in members) / SAMPLED)
        samples = [_thinned(images[i].grey, reduction) for i in members]
        shared = measure_normalization(samples, method=method, percentiles=percentiles)
        found |= dict.fromkeys(members, shared)
    return tuple(found[i] for i in range(len(images)))


def _thinned(grey: ArrayLike, reduction: float) -> npt.NDArray[Any]:
    """All voxels of (C, Z, Y, X), or every so many along each axis: about one of `reduction`."""
    if reduction <= 1:
        return np.asarray(grey)
    _, depth, height, width = grey.shape
    step = min(math.ceil(reduction ** (1 / 3)), depth)
    planes = range(depth % step // 2, depth, step)
    across = math.ceil(math.sqrt(reduction * len(planes) / depth))
    y, x = (slice(min(across, extent) // 2, None, across) for extent in (height, width))
    return np.concatenate([np.asarray(grey[:, z : z + 1])[..., y, x] for z in planes], axis=1)


def _kernel_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype that the kernel takes: native byte order, no bool, no half precision."""
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if dtype.kind not in "iuf":
        raise InputError(f"expected grey values (integers or floats), found {dtype}")
    return np.dtype(np.float32) if dtype == np.float16 else dtype.newbyteorder("=")


@numba.njit(cache=True, nogil=True)
def _scale(values: npt.NDArray[Any], low: float, scale: float, out: npt.NDArray[np.float32]) -> None:
    """(value - low) · scale, clipped to `CLIP`; nan becomes 0."""
    smallest, largest = CLIP
    for i in range(values.size):
        value = (float(values[i]) - low) * scale
        if np.isnan(value):
            value = 0.0
        out[i] = min(max(value, smallest), largest)
