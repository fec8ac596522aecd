"""One label file as integer codes, whatever program wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, CodedPhases
from voltomo.errors import InputError
from voltomo.io.label_coco import is_coco, read_coco
from voltomo.io.label_colors import is_color_image, is_stack_of_planes, read_colors, read_grey_codes, read_planes
from voltomo.io.label_ilastik import is_ilastik_project, read_ilastik
from voltomo.io.label_names import image_stem
from voltomo.io.registry import read_volume

__all__ = ["LabelSource", "open_labels"]

_SLAB = 2**22
"""Voxels read at once while counting."""


@dataclass(frozen=True)
class LabelSource:
    """Labels of one image.

    Parameters
    ----------
    name : of the image they belong to, as far as the file says: its stem with ``_label`` and the like
    path : the label file
    codes : (Z, Y, X) integer array-like
    names : {code: name}, where the file says so
    is_zero_unlabelled : whether the format leaves no doubt about 0
    is_in_ids : whether the codes are ids of the user's phase table already
    """

    name: str
    path: Path
    codes: ArrayLike
    names: Mapping[int, str] = field(default_factory=dict)
    is_zero_unlabelled: bool = False
    is_in_ids: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """(Z, Y, X)."""
        z, y, x = self.codes.shape
        return int(z), int(y), int(x)

    def slabs(self) -> Iterator[tuple[int, npt.NDArray[Any]]]:
        """First slice and (n, Y, X) codes of one piece after the other."""
        depth, height, width = self.shape
        step = max(1, _SLAB // (height * width))
        for z in range(0, depth, step):
            yield z, np.asarray(self.codes[z : z + step])


def open_labels(
    path: Path, *, shapes: Mapping[str, tuple[int, int, int]] | None = None, phases: CodedPhases | None = None
) -> tuple[LabelSource, ...]:
    """Labels in a file, one source per image they belong to.

    Parameters
    ----------
    path : TIFF, PNG, HDF5, OME-Zarr or any other format of the registry; an ilastik project (.ilp); COCO JSON; or an
        image in color
    shapes : {stem: (Z, Y, X)} of the grey images, for formats that do not state a size
    phases : table with the legend of an image in color

    Raises
    ------
    InputError
        If the values are no integers, or several channels are neither layers nor colors with a legend.
    ReadError
        If the file is damaged.
    """
    if is_coco(path):
        found = read_coco(path)
        return tuple(LabelSource(image_stem(i.name), path, i.codes, i.names, is_zero_unlabelled=True) for i in found)
    if is_ilastik_project(path):
        lanes = read_ilastik(path, shapes or {})
        return tuple(LabelSource(i.name, path, i.codes, i.names, is_zero_unlabelled=True) for i in lanes)
    plain = LabelSource(image_stem(path), path, np.zeros((1, 1, 1), np.uint8))
    has_legend = phases is not None and bool(phases.colors)
    if is_color_image(path, has_legend=has_legend):
        codes_in_grey = None if has_legend else read_grey_codes(path)
        if codes_in_grey is not None:
            return (replace(plain, codes=codes_in_grey),)
        return (replace(plain, codes=read_colors(path, phases), is_zero_unlabelled=True, is_in_ids=True),)
    if is_stack_of_planes(path):
        return (replace(plain, codes=read_planes(path)),)
    volume = read_volume(path)
    dtype = np.dtype(volume.data.dtype)
    if volume.data.shape[0] > 1:
        if dtype.kind == "f":
            raise InputError(
                f"{path} holds {volume.data.shape[0]} channels of {dtype}, which look like probabilities; expected one "
                "code per voxel. Export the labels instead"
            )
        return (replace(plain, codes=_Layers(volume.data, path), is_zero_unlabelled=True),)
    codes: ArrayLike = volume.channel()
    if dtype.kind == "f":
        codes = _WholeNumbers(codes, path)
    return (replace(plain, codes=codes),)


@dataclass(frozen=True)
class _WholeNumbers:
    """Codes that a program stored as floats; refused where one of them is none."""

    source: ArrayLike
    path: Path

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.source.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.int32)

    def __getitem__(self, region: Any, /) -> npt.NDArray[np.int32]:
        values: npt.NDArray[Any] = np.asarray(self.source[region])
        codes: npt.NDArray[np.int32] = np.nan_to_num(values, nan=-1.5, posinf=-1.5, neginf=-1.5).astype(np.int32)
        if not np.array_equal(codes, values):
            wrong = values[codes != values][0]
            raise InputError(
                f"{self.path} holds values such as {wrong:.6g}, which are no integer codes; is it the grey image, or "
                "was it interpolated? Save the labels as 8-bit, and resample them by nearest neighbor only"
            )
        return codes


@dataclass(frozen=True)
class _Layers:
    """(C, Z, Y, X) layers, one per class, as codes: the number of the layer, from 1, where one is set."""

    source: ArrayLike
    path: Path

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.source.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.int32)

    def __getitem__(self, region: Any, /) -> npt.NDArray[np.int32]:
        region = region if isinstance(region, tuple) else (region,)
        layers = np.asarray(self.source[(slice(None), *region)])
        is_set = layers != 0
        twice, values = np.count_nonzero(is_set.sum(axis=0) > 1), np.unique(layers)
        if twice or values.size > 2:
            raise InputError(
                f"{self.path} has {layers.shape[0]} channels that are no layers of one class each: "
                + (
                    f"{twice} voxels are set in several of them"
                    if twice
                    else f"they hold the values {values[:8].tolist()}"
                )
                + ". Save one image of codes, or give the legend of its colors"
            )
        numbers = np.arange(1, len(layers) + 1, dtype=np.int32).reshape(-1, *(1,) * (layers.ndim - 1))
        return np.asarray((is_set * numbers).sum(axis=0), np.int32)
