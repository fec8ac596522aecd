"""What a model keeps of the images that trained it: hashes, typical grey values, voxel sizes, names of channels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from voltomo.errors import InputError
from voltomo.learning.normalization import Normalization
from voltomo.learning.pairs import LabelledImage
from voltomo.learning.splits import Split
from voltomo.units import VoxelSize

__all__ = ["channel_names", "content_hashes", "describe_image", "typical_normalization", "voxel_range"]


def describe_image(image: LabelledImage, split: Split, number: int) -> dict[str, Any]:
    """What tells whether an image or its labels have changed, as JSON has it; `number` is its place in the split."""
    return {
        "name": image.name,
        "scan": image.scan,
        "shape": list(image.shape),
        "annotator": image.annotator,
        **content_hashes(image),
        "labelled": image.labelled,
        "training": int(split.training[number].sum()),
        "validation": int(split.validation[number].sum()),
    }


def content_hashes(image: LabelledImage) -> dict[str, str]:
    """SHA-256 of the grey values, slice by slice, and of the labels."""
    grey = hashlib.sha256()
    for z in range(image.shape[0]):
        grey.update(np.ascontiguousarray(image.grey[:, z : z + 1]).tobytes())
    labels = hashlib.sha256(np.ascontiguousarray(image.labels).tobytes())
    return {"grey": grey.hexdigest(), "labels": labels.hexdigest()}


def typical_normalization(normalizations: Sequence[Normalization]) -> Normalization:
    """Median over the images; a percentile one is measured again on every scan anyway."""
    low, high = (
        tuple(float(value) for value in np.median([getattr(one, what) for one in normalizations], axis=0))
        for what in ("low", "high")
    )
    return Normalization(low, high, normalizations[0].method, normalizations[0].percentiles)


def voxel_range(images: Sequence[LabelledImage]) -> tuple[VoxelSize, VoxelSize] | None:
    """Smallest and largest voxel along each axis of the images that know theirs."""
    known = np.array([image.voxel_size for image in images if image.voxel_size is not None])
    if not known.size:
        return None
    (a, b, c), (d, e, f) = known.min(axis=0).tolist(), known.max(axis=0).tolist()
    return (a, b, c), (d, e, f)


def channel_names(images: Sequence[LabelledImage], given: Sequence[str] | None) -> tuple[str, ...]:
    """The names given; "grey" for one channel, or "channel 1" and so on, where none are.

    Raises
    ------
    InputError
        If there are more or fewer names than channels.
    """
    count = int(images[0].grey.shape[0])
    if given is None:
        return ("grey",) if count == 1 else tuple(f"channel {k + 1}" for k in range(count))
    if len(given) != count:
        raise InputError(f"expected {count} channel names, found {list(given)}")
    return tuple(given)
