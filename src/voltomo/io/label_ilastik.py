"""Labels painted in ilastik, read from the project file (.ilp); exported label images are plain HDF5."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from voltomo.errors import InputError, ReadError
from voltomo.io.hdf5 import is_hdf5
from voltomo.io.label_names import image_stem

__all__ = ["Lane", "is_ilastik_project", "read_ilastik"]

_LABELS = "PixelClassification/LabelSets"
_DEFAULT_AXES = {2: "yx", 3: "yxc", 4: "zyxc", 5: "tzyxc"}
"""What ilastik's blocks have where the project does not say it (versions before 1.3)."""


@dataclass(frozen=True)
class Lane:
    """The labels of one image of a project.

    Parameters
    ----------
    name : stem of the image
    codes : (Z, Y, X) uint8 array, 0 = unlabelled
    names : {code: name of the label}
    """

    name: str
    codes: npt.NDArray[np.uint8]
    names: Mapping[int, str]


def is_ilastik_project(path: Path) -> bool:
    """Whether a file is an ilastik project with painted labels."""
    if not is_hdf5(path):
        return False
    try:
        with h5py.File(path, "r") as file:
            return _LABELS in file
    except (OSError, RuntimeError, KeyError):
        return False  # the reader of HDF5 will say what is wrong


def read_ilastik(path: Path, shapes: Mapping[str, tuple[int, int, int]]) -> tuple[Lane, ...]:
    """Labels of every image of a pixel classification project.

    Parameters
    ----------
    path : .ilp file
    shapes : {stem: (Z, Y, X)} of the grey images, for projects that do not state the shape of theirs

    Raises
    ------
    InputError
        If the shape of an image is known neither to the project nor to the caller.
    ReadError
        If the project is damaged, or a block of labels lies outside its image.
    """
    try:
        with h5py.File(path, "r") as file:
            names = _label_names(file)
            lanes = []
            for key in sorted(file[_LABELS]):
                number = int(re.sub(r"\D", "", key) or 0)
                group = file[f"{_LABELS}/{key}"]
                if len(group):
                    lanes.append(_read_lane(file, group, number, names, shapes, path))
    except (OSError, RuntimeError, KeyError, TypeError) as error:
        if isinstance(error, ReadError | InputError):
            raise
        raise ReadError(f"{path} is no complete ilastik project ({error}); was it saved?") from error
    return tuple(lanes)


def _read_lane(
    file: Any, group: Any, number: int, names: Mapping[int, str], shapes: Mapping[str, tuple[int, int, int]], path: Path
) -> Lane:
    info = _lane_info(file, number)
    stem = image_stem(_text(info.get("nickname")) or _text(info.get("filePath")).partition(".h5/")[0])
    blocks = [(group[name], _axes(group[name], info)) for name in sorted(group)]
    shape = shapes.get(stem) or _stated_shape(info, blocks[0][1])
    if shape is None:
        raise InputError(
            f"{path} does not say how large {stem or f'image {number}'} is; give the grey image under that name, or "
            "export the labels from ilastik as a TIFF stack"
        )
    codes = np.zeros(shape, np.uint8)
    for block, axes in blocks:
        spans = [(int(a), int(b)) for a, b in re.findall(r"(\d+):(\d+)", _text(block.attrs["blockSlice"]))]
        if len(spans) != block.ndim or tuple(b - a for a, b in spans) != tuple(block.shape):
            raise ReadError(f"{path}: {block.name} states the place {spans} but has the shape {tuple(block.shape)}")
        at = dict(zip(axes, spans, strict=True))
        z, y, x = (at.get(axis, (0, 1)) for axis in "zyx")
        if any(end > size for (_, end), size in zip((z, y, x), shape, strict=True)):
            raise ReadError(
                f"{path}: labels at z {z}, y {y}, x {x} lie outside {stem}, which has {shape} voxels; was the image "
                "cropped after it was labelled?"
            )
        values = np.asarray(block)
        for axis in reversed(range(block.ndim)):
            if axes[axis] not in "zyx":
                values = values.take(0, axis=axis)
        stored = [axis for axis in axes if axis in "zyx"]
        values = values.transpose([stored.index(axis) for axis in "zyx" if axis in stored])
        part = codes[slice(*z), slice(*y), slice(*x)]
        part[...] = np.maximum(part, values.reshape(part.shape))
    return Lane(stem, codes, {code: names[code] for code in names if (codes == code).any()})


def _label_names(file: Any) -> dict[int, str]:
    """{code: name}; names that ilastik gave by itself say nothing and are left out."""
    stored = file.get("PixelClassification/LabelNames")
    names = [] if stored is None else [_text(name) for name in np.asarray(stored).ravel()]
    return {i: name for i, name in enumerate(names, start=1) if not re.fullmatch(r"Label \d+", name)}


def _lane_info(file: Any, number: int) -> dict[str, Any]:
    for role in ("Raw Data", ""):
        group = file.get(f"Input Data/infos/lane{number:04d}/{role}".rstrip("/"))
        if group is not None and "filePath" in group:
            return {key: group[key][()] for key in group if isinstance(group[key], h5py.Dataset)}
    return {}


def _axes(block: Any, info: Mapping[str, Any]) -> str:
    """One letter per axis of a block: from its own tags, from those of the image, or by custom."""
    for tags in (block.attrs.get("axistags"), info.get("axistags")):
        try:
            letters = "".join(str(axis["key"]) for axis in json.loads(_text(tags))["axes"])
        except (ValueError, KeyError, TypeError):
            continue
        if len(letters) == block.ndim:
            return letters
        if len(letters) == block.ndim - 1 and "c" not in letters:
            return letters + "c"  # the image is grey; labels always have a channel
    return _DEFAULT_AXES[block.ndim]


def _stated_shape(info: Mapping[str, Any], axes: str) -> tuple[int, int, int] | None:
    """(Z, Y, X) of the image as the project has it."""
    stored = [int(n) for n in np.asarray(info.get("shape", ())).ravel()]
    try:
        letters = "".join(str(axis["key"]) for axis in json.loads(_text(info.get("axistags")))["axes"])
    except (ValueError, KeyError, TypeError):
        letters = axes
    if not stored or len(stored) != len(letters):
        return None
    sizes = dict(zip(letters, stored, strict=True))
    return sizes.get("z", 1), sizes["y"], sizes["x"]


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) if value is not None else ""
