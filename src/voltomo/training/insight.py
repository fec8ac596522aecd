"""A look into a trained network: what its layers answer to, what moves its decision, and how its features lie.

Everything comes from one window of the labels that did not train it, a few hundred voxels wide, and is given as plain
arrays for a picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from voltomo.artifacts.model import Model
from voltomo.errors import InputError, ShapeError
from voltomo.learning.normalization import Normalization
from voltomo.learning.pairs import LabelledImage
from voltomo.learning.predictor import stack_neighbors
from voltomo.learning.splits import Split
from voltomo.training.augmentation import Augmentation
from voltomo.training.network_training import rebuild_network
from voltomo.training.sampling import read_window
from voltomo.training.shown_crops import AugmentedCrops, augmented_crops, cut_labels, densest_place
from voltomo.training.watching import Activations, Features, choose_activations, principal_features, watched

__all__ = [
    "Activations",
    "AugmentedCrops",
    "Features",
    "Insight",
    "augmented_crops",
    "explain_training",
    "look_inside",
]

Floats: TypeAlias = npt.NDArray[np.float32]
Ids: TypeAlias = npt.NDArray[np.uint8]

_EDGE, _EDGE_DEEP, _DEPTH = 256, 96, 32
"""Largest edge of the window in y and x for networks that read slices and volumes, and its slices for the latter."""


@dataclass(frozen=True)
class Insight:
    """What a network does on one window.

    Parameters
    ----------
    name : of the image
    grey : (Y, X) float32, normalised, first channel, the middle slice
    labels, prediction : (Y, X) uint8 phase ids; 0 is unlabelled
    activations : from the input to the output; empty for networks that cut their input into patches
    saliency : (K, Y, X) float32
        Change of the evidence for a phase, over the whole window, when a voxel becomes brighter. Evidence is the logit
        less the mean of the logits of all phases.
    features : None where fewer than three labelled voxels lie in the window
    augmented : None where it was not asked for
    """

    name: str
    grey: Floats
    labels: Ids
    prediction: Ids
    activations: tuple[Activations, ...]
    saliency: Floats
    features: Features | None = None
    augmented: AugmentedCrops | None = None


def explain_training(model: Model, images: Sequence[LabelledImage], split: Split) -> Insight:
    """Look into a network on the labels that validated it, and at the crops that trained it.

    Parameters
    ----------
    model : from `voltomo.training.train_network`, whose record says how crops were changed
    images, split : what it was trained with

    Raises
    ------
    InputError
        If the model is a pixel classifier, or nothing validated.
    """
    held = [int(mask.sum()) for mask in split.validation]
    if not any(held):
        raise InputError("expected labels in the validation part to look at, found none")
    which = int(np.argmax(held))
    normalizations = Normalization.from_mapping(model.normalization).by_scan(images)
    origin, size = _window(model, split.validation[which])
    grey = read_window(images[which], normalizations[which], origin, size)
    held_out = cut_labels(split.validation[which].view(np.uint8), origin, size)
    labels = cut_labels(images[which].labels, origin, size) * held_out
    seen = look_inside(model, grey, labels, name=images[which].name)
    given = model.record.get("settings", {}).get("augmentation")
    if given is None:
        return seen
    augmentation = _augmentation(given)
    patch = model.record["plan"]["patch"]
    return replace(
        seen,
        augmented=augmented_crops(
            images, split, augmentation, normalizations=normalizations, edges=(patch[1], patch[2])
        ),
    )


def look_inside(model: Model, grey: Floats, labels: Ids, *, name: str = "", seed: int = 0) -> Insight:
    """Activations, saliency and features of the (first) network of a model on a window.

    Parameters
    ----------
    model : a network
    grey : (C, Z, Y, X), normalised; its middle part is used where it is larger than a few hundred voxels
    labels : (Z, Y, X) phase ids; 0 is unlabelled
    name : of the image
    seed : chooses among labelled voxels

    Raises
    ------
    InputError
        If the model is a pixel classifier.
    ShapeError
        If grey and labels do not belong together.
    """
    if model.is_classifier:
        raise InputError(f"{model.name} is a pixel classifier ({model.network}); it has no layers to look into")
    if grey.ndim != 4 or grey.shape[1:] != labels.shape or len(grey) != len(model.channels):
        raise ShapeError(
            f"expected grey values ({len(model.channels)}, Z, Y, X) and labels (Z, Y, X), found {grey.shape} and "
            f"{labels.shape}"
        )
    box = tuple(_middle(extent, edge) for extent, edge in zip(labels.shape, _edges(model), strict=True))
    grey, labels = np.ascontiguousarray(grey[(slice(None), *box)]), labels[box]
    network, middle = rebuild_network(model), labels.shape[0] // 2
    inputs = _network_input(model, grey, middle).requires_grad_()
    with watched(network) as seen:
        logits = network(inputs)
    plane = labels[middle] if model.dimension != 3 else labels
    relative = logits - logits.mean(1, keepdim=True)
    ids = np.array(model.phases.ids, np.uint8)
    return Insight(
        name=name,
        grey=grey[0, middle].copy(),
        labels=labels[middle].copy(),
        prediction=ids[_slice(logits[0].argmax(0, keepdim=True).detach().numpy(), middle)[0]],
        activations=choose_activations(seen.outputs, inputs, middle),
        saliency=np.stack([_gradient(relative[:, k], inputs, model, middle) for k in range(model.classes)]),
        features=principal_features(seen.last, plane, np.random.default_rng(seed)),
    )


def _augmentation(values: Mapping[str, Any]) -> Augmentation:
    plain: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
    return Augmentation(**plain)


def _edges(model: Model) -> tuple[int, int, int]:
    """Size of the window, z, y, x."""
    if model.dimension == 3:
        return _DEPTH, _EDGE_DEEP, _EDGE_DEEP
    return 2 * int(model.settings.get("neighbors", 0)) + 1, _EDGE, _EDGE


def _window(model: Model, mask: npt.NDArray[np.bool_]) -> tuple[list[int], list[int]]:
    """Origin and size (z, y, x) of a part of an image that holds many held-out labels."""
    depth, *edges = _edges(model)
    z = int(mask.sum(axis=(1, 2)).argmax())
    places = [densest_place(mask[z].sum(axis=1 - axis), edge) for axis, edge in enumerate(edges)]
    sizes = [min(edge, extent) for edge, extent in zip(edges, mask.shape[1:], strict=True)]
    if model.dimension != 3:
        return [z - depth // 2, *places], [depth, *sizes]  # the labelled slice is the middle one, even at the ends
    return [densest_place(mask.sum(axis=(1, 2)), depth), *places], [min(depth, mask.shape[0]), *sizes]


def _middle(extent: int, edge: int) -> slice:
    first = max(0, (extent - edge) // 2)
    return slice(first, min(extent, first + edge))


def _network_input(model: Model, grey: Floats, middle: int) -> torch.Tensor:
    """(1, C, [Z,] Y, X) as the network takes it."""
    if model.dimension == 3:
        return torch.from_numpy(grey[None].copy())
    reach = int(model.settings.get("neighbors", 0))
    return torch.from_numpy(stack_neighbors(grey, reach)[middle : middle + 1].copy())


def _gradient(evidence: torch.Tensor, inputs: torch.Tensor, model: Model, middle: int) -> Floats:
    """(Y, X) derivative of the sum of the evidence by the grey values of the middle slice, summed over channels."""
    (found,) = torch.autograd.grad(evidence.sum(), inputs, retain_graph=True)
    reach = int(model.settings.get("neighbors", 0))
    planes = found[0, :, middle] if model.dimension == 3 else found[0, reach :: 2 * reach + 1]
    values: Floats = planes.sum(0).numpy()
    return values


def _slice(values: npt.NDArray[Any], middle: int) -> npt.NDArray[Any]:
    """(1, Y, X) of (1, [Z,] Y, X)."""
    return values[:, middle] if values.ndim == 4 else values
