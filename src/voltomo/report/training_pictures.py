"""Small pictures of a training: what is labelled, how the prediction grew, what training saw, what layers answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import PhaseTable
from voltomo.learning.pairs import LabelledImage
from voltomo.report.colors import Rgb, blend, colorize, grey_rgb, phase_colors
from voltomo.report.tiles import Tile, TileRow, diverging_rgb, positive_rgb
from voltomo.report.training_content import TrainingContent

__all__ = ["activation_rows", "augmented_rows", "label_rows", "layer_words", "progress_rows", "saliency_rows"]

MOST_IMAGES = 12
"""Labelled images that are shown; further ones are counted."""
_LONGEST = 420
"""Longest edge of a picture of a whole image."""
_DENSE, _STROKES, _SPARSE = 0.45, 0.9, 0.2
"""Opacity of labels, and of strokes on less than this share of the image, between which structure is seen anyway."""
_PIECES = 3
"""Pieces of the validation part that are followed."""
_GREY = (0.0, 1.0)
"""Normalised grey values that become black and white."""


def label_rows(content: TrainingContent) -> list[TileRow]:
    """Labelled images with their labels; the part that validates has a black and white outline."""
    chosen = _spread(len(content.images), MOST_IMAGES)
    return [_labelled(content, number) for number in chosen]


def _labelled(content: TrainingContent, number: int) -> TileRow:
    """The slice with most labels of one image."""
    image = content.images[number]
    training, validation = content.split.training[number], content.split.validation[number]
    z = int(np.count_nonzero(image.labels, axis=(1, 2)).argmax())
    step = max(1, -(-max(image.shape[1:]) // _LONGEST))
    grey = grey_rgb(np.asarray(image.grey[0, z])[::step, ::step])
    labels, held, used = (_thinned(plane, step) for plane in (image.labels[z], validation[z], training[z]))
    strong = _DENSE
    if np.count_nonzero(labels) < _SPARSE * labels.size:
        strong = _STROKES
        labels, held, used = _thickened(labels), _grown(held), _grown(used)
    picture = _overlay(grey, labels, content.model.phases, used | held, strong)
    picture = _overlay(picture, labels, content.model.phases, (labels > 0) & ~used & ~held, strong / 4)
    _outline(picture, held)
    where = f"slice {z + image.first_slice}, " if image.shape[0] > 1 else ""
    share = 100 * np.count_nonzero(image.labels) / image.labels.size
    held_share = 100 * np.count_nonzero(validation) / max(1, image.labelled)
    words = f"{where}{share:.3g} % labelled; {held_share:.2g} % of that validates"
    tiles = (Tile(grey, "as scanned", f"{image.name}, grey"), Tile(picture, words, f"{image.name} with its labels"))
    return TileRow(image.name, tiles, *_extent(image, image.shape[2]))


def progress_rows(content: TrainingContent) -> list[TileRow]:
    """Grey, labels, and the prediction at each moment, for a few pieces of the validation part."""
    if not content.views:
        return []
    phases, rows = content.model.phases, []
    for piece in range(min(_PIECES, min(len(moment.views) for moment in content.views))):
        first = content.views[0].views[piece]
        tiles = [
            Tile(grey_rgb(first.grey, window=_GREY), "grey", f"piece of {first.name}"),
            Tile(colorize_ids(first.labels, phases), "labels", "its labels"),
        ]
        for moment in content.views:
            words = f"step {moment.step}, mean IoU {moment.mean_iou:.2f}"
            found = colorize_ids(moment.views[piece].prediction, phases)
            tiles.append(Tile(found, words, f"prediction after step {moment.step}"))
        image = next((one for one in content.images if one.name == first.name), None)
        rows.append(TileRow(first.name, tuple(tiles), *_extent(image, first.grey.shape[1])))
    return rows


def augmented_rows(content: TrainingContent) -> list[TileRow]:
    """A crop as it is, and as training sees it."""
    found = content.insight.augmented if content.insight else None
    if found is None:
        return []
    tiles = []
    for number, (grey, labels) in enumerate(zip(found.grey, found.labels, strict=True)):
        picture = _overlay(grey_rgb(grey, window=_GREY), labels, content.model.phases, labels > 0, 0.18)
        words = f"changed, {number}" if number else "as it is"
        tiles.append(Tile(picture, words, f"crop of {found.name}, {words}"))
    image = next((one for one in content.images if one.name == found.name), None)
    return [TileRow("", tuple(tiles), *_extent(image, found.grey.shape[2]))]


def activation_rows(content: TrainingContent) -> list[TileRow]:
    """The window, then the strongest channels of each layer."""
    seen = content.insight
    if seen is None or not seen.activations:
        return []
    rows = []
    for layer in seen.activations:
        tiles = tuple(
            Tile(positive_rgb(plane), f"channel {number + 1}", f"channel {number + 1} of {layer.layer}")
            for number, plane in zip(layer.numbers, layer.maps, strict=True)
        )
        rows.append(TileRow(layer_words(layer.layer, layer.channels), tiles))
    return rows


def saliency_rows(content: TrainingContent) -> list[TileRow]:
    """The window, its labels, its prediction, and what a brighter voxel does to the evidence for each phase."""
    seen, phases = content.insight, content.model.phases
    if seen is None:
        return []
    tiles = [
        Tile(grey_rgb(seen.grey, window=_GREY), "grey", f"window of {seen.name}"),
        Tile(colorize_ids(seen.labels, phases), "labels", "its labels"),
        Tile(colorize_ids(seen.prediction, phases), "prediction", "its prediction"),
    ]
    for phase, values in zip(phases, seen.saliency, strict=True):
        largest = float(np.percentile(np.abs(values), 99))
        picture = diverging_rgb(values, largest=largest)
        tiles.append(Tile(picture, f"for {phase.name}", f"influence of the grey values on {phase.name}"))
    image = next((one for one in content.images if one.name == seen.name), None)
    return [TileRow("", tuple(tiles), *_extent(image, seen.grey.shape[1]))]


def layer_words(name: str, channels: int) -> str:
    """A layer's name for people.

    Examples
    --------
    >>> layer_words("encoder.0", 16)
    'encoder, block 1 (16 channels)'
    """
    part, _, number = name.partition(".")
    block = f", block {int(number) + 1}" if number.isdigit() else f".{number}" if number else ""
    return f"{part}{block} ({channels} channels)"


def colorize_ids(ids: npt.NDArray[np.uint8], phases: PhaseTable) -> Rgb:
    """Phases in their colors; light where unlabelled."""
    return colorize(ids, phase_colors(phases))


def _overlay(below: Rgb, labels: npt.NDArray[np.uint8], phases: PhaseTable, where: Any, opacity: float) -> Rgb:
    return blend(below, colorize_ids(labels, phases), np.asarray(where, bool), opacity=opacity)


def _thinned(plane: npt.NDArray[Any], step: int) -> npt.NDArray[Any]:
    """Every `step`-th row and column; what is empty takes the largest value of its cell, so that no stroke is lost."""
    picked = plane[::step, ::step]
    rows, columns = picked.shape
    whole = np.zeros((rows * step, columns * step), plane.dtype)
    whole[: plane.shape[0], : plane.shape[1]] = plane
    largest = whole.reshape(rows, step, columns, step).max(axis=(1, 3))
    return np.where(picked, picked, largest)


def _thickened(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Strokes one pixel wider on every side, as far as nothing else is labelled there."""
    around = np.pad(labels, 1)
    found = labels.copy()
    for rows, columns in ((slice(2, None), slice(1, -1)), (slice(0, -2), slice(1, -1))):
        for shifted in (around[rows, columns], around[columns, rows]):
            found = np.where(found, found, shifted)
    return found


def _outline(picture: Rgb, mask: npt.NDArray[np.bool_]) -> None:
    """A white line around what is marked and a black one around that, in place."""
    white = _grown(mask)
    picture[_grown(white) & ~white] = 0
    picture[white & ~mask] = 255


def _grown(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """One pixel further up, down, left and right."""
    out = mask.copy()
    out[1:] |= mask[:-1]
    out[:-1] |= mask[1:]
    out[:, 1:] |= mask[:, :-1]
    out[:, :-1] |= mask[:, 1:]
    return out


def _spread(count: int, most: int) -> list[int]:
    """At most so many of 0 … count − 1, evenly."""
    shown = min(count, most)
    return [round(i * (count - 1) / max(1, shown - 1)) for i in range(shown)]


def _extent(image: LabelledImage | None, pixels: int) -> tuple[float, bool]:
    """Width in m or voxels, and which of them."""
    size = image.voxel_size if image is not None else None
    return (pixels * size[2], True) if size else (float(pixels), False)


def shown_of(images: Sequence[LabelledImage]) -> str:
    """How many images are shown, where not all are."""
    return "" if len(images) <= MOST_IMAGES else f" {MOST_IMAGES} of {len(images)} images are shown."
