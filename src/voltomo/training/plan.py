"""What a training works out from the labels: network size, crops, steps. Everything can be given instead."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from voltomo.errors import InputError
from voltomo.learning.pairs import LabelledImage
from voltomo.networks import resolve_settings
from voltomo.training.settings import TrainingSettings

__all__ = ["TrainingPlan", "plan_training"]

_EDGE, _EDGE_DEEP = 192, 48
"""Edge of a crop in 2D and 3D: several particles of a nano-CT scan, and a batch that stays in the processor's cache."""
_BATCH, _BATCH_DEEP = 8, 4
_STEPS_FEW, _STEPS_MANY = 400, 700
"""Steps from 10⁴ labelled voxels (scribbles) and from 10⁶ (a few whole slices) on; in between by the logarithm."""
_STARTED_FEW, _STARTED_MANY = 80, 200
"""The same for a training that begins from another model: it has learned already, and forgets with more."""
_BATCH_STARTED = 4
"""Of such a training from few labels."""
_RATE = 3e-3
_RATES_STARTED = (3e-4, 1e-3)
"""Learning rates: fresh; begun from another model with few labels and with many. With 1500 scribbled voxels of one
nano-CT slice a rate of 1e-3 lost 0.02 of IoU against 3e-4 (docs/explanation/base-model.md)."""
_FLAT = 1.5
"""Slices thicker than this many pixels begin with layers that look along y and x only."""


@dataclass(frozen=True)
class TrainingPlan:
    """How one training goes.

    Parameters
    ----------
    network, network_settings : registered name, and settings as `voltomo.networks.resolve_settings` takes them
    patch : (z, y, x) of a crop
    batch : crops per step
    steps, validate_every : of the training
    learning_rate : the highest one
    """

    network: str
    network_settings: dict[str, Any]
    patch: tuple[int, int, int]
    batch: int
    steps: int
    validate_every: int
    learning_rate: float

    def to_mapping(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "patch": list(self.patch)}


def plan_training(
    images: Sequence[LabelledImage], settings: TrainingSettings, *, is_started: bool = False
) -> TrainingPlan:
    """Fill in what the settings leave open.

    Parameters
    ----------
    images : what will train
    settings : given values stay as they are
    is_started : whether training begins from the weights of another model

    Returns
    -------
    TrainingPlan

    Raises
    ------
    InputError
        If there is no image, the images differ in channels, or the network's settings make no sense.
    """
    channels = {image.grey.shape[0] for image in images}
    if len(channels) != 1:
        raise InputError(f"expected images with the same number of channels, found {sorted(channels) or 'no image'}")
    given = dict(settings.network_settings)
    is_deep = all(image.shape[0] >= 3 for image in images)
    if "dimension" not in given:
        given["dimension"] = 2.5 if is_deep and settings.network in ("unet", "segnet", "lrcsnet") else 2
    if given["dimension"] == 2.5:
        given.setdefault("neighbors", 1)
    patch = settings.patch or _choose_patch(images, given["dimension"])
    if given["dimension"] != 3 and patch[0] != 1:
        raise InputError(
            f"expected a patch of one slice for a network of dimension {given['dimension']}, found {patch}"
        )
    if settings.network == "unet":
        given.setdefault("depth", max(1, min(4, int(math.log2(max(patch[-1], 16) / 8)))))
        if given["dimension"] == 3 and "flat_levels" not in given:
            given["flat_levels"] = min(_flat_levels(images), given["depth"])
    resolved = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in asdict(resolve_settings(settings.network, given)).items()
    }
    much = _how_much(images)
    few, many = (_STARTED_FEW, _STARTED_MANY) if is_started else (_STEPS_FEW, _STEPS_MANY)
    steps = settings.steps or round(few + much * (many - few))
    usual_batch = _BATCH_DEEP if given["dimension"] == 3 else _BATCH_STARTED if is_started and much < 0.5 else _BATCH
    low, high = _RATES_STARTED
    usual_rate = low * (high / low) ** much if is_started else _RATE
    return TrainingPlan(
        network=settings.network,
        network_settings=resolved,
        patch=patch,
        batch=settings.batch or usual_batch,
        steps=steps,
        validate_every=settings.validate_every or max(1, steps // 16),
        learning_rate=settings.learning_rate or usual_rate,
    )


def _choose_patch(images: Sequence[LabelledImage], dimension: float) -> tuple[int, int, int]:
    """As large as usual, or as the smallest image, in multiples of 16."""
    if dimension != 3:
        in_plane = min(min(image.shape[1:]) for image in images)
        edge = min(_EDGE, 16 * max(1, -(-in_plane // 16)))
        return 1, edge, edge
    extents = [min(image.shape[axis] for image in images) for axis in range(3)]
    flat = 2 ** _flat_levels(images)
    z, y, x = (min(_EDGE_DEEP, 8 * max(1, -(-extent // 8))) for extent in extents)
    return max(8, z // flat), y, x


def _flat_levels(images: Sequence[LabelledImage]) -> int:
    """How often y and x must be halved until voxels are about cubes."""
    ratios = [image.voxel_size[0] / image.voxel_size[2] for image in images if image.voxel_size]
    ratio = max(ratios, default=1.0)
    return round(math.log2(ratio)) if ratio > _FLAT else 0


def _how_much(images: Sequence[LabelledImage]) -> float:
    """How much is labelled, by the logarithm: 0 for 10⁴ voxels and fewer, 1 from 10⁶ on."""
    labelled = sum(image.labelled for image in images)
    return min(max((math.log10(max(labelled, 1)) - 4) / 2, 0.0), 1.0)
