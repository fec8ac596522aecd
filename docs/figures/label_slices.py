"""Draw the pictures of `docs/how-to/label-slices.md` from a synthetic electrode.

python docs/figures/label_slices.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import voltomo as vt
from voltomo.artifacts import PhaseTable, Volume
from voltomo.classifiers import ClassifierSettings, open_classifier, train_classifier
from voltomo.learning.normalization import measure_normalization
from voltomo.learning.pairs import LabelledImage
from voltomo.learning.splits import split_labels

FOLDER = Path(__file__).parents[1] / "how-to"
SHAPE = (40, 300, 300)
SLICE = 20
OTHER = 34
"""A slice that nobody has painted on."""
BRUSH = 2
"""Pixels that a stroke keeps from the boundary of its phase: people do not paint up to it, and should not."""
LENGTH = 26
"""Steps of a stroke, a pixel each."""
THIN = 0.02
"""A phase that has less than this share left inside is painted closer to its boundary."""


def main() -> None:
    """Make an electrode, paint on it as a person would, and draw."""
    made = vt.synth("nmc", shape=SHAPE, seed=4)
    assert made.volume is not None
    grey = np.asarray(made.volume.data[0, SLICE], np.float32)
    truth = np.asarray(made.phase_map.data[SLICE])
    table = made.phase_map.phases
    pore = table.with_role("pore")[0].id
    for phase in table.with_role("crack"):
        truth = np.where(truth == phase.id, pore, truth).astype(np.uint8)  # a crack is pore to whoever paints it
    strokes = paint_strokes(truth, each=10, rng=np.random.default_rng(1))
    box = np.zeros_like(truth)
    box[90:210, 60:220] = truth[90:210, 60:220]
    draw_labels(grey, {"strokes": strokes, "a box": box, "a whole slice": truth}, table)
    draw_split(grey, strokes, truth)
    elsewhere = np.asarray(made.phase_map.data[OTHER])
    elsewhere = np.where(np.isin(elsewhere, [p.id for p in table.with_role("crack")]), pore, elsewhere)
    table = PhaseTable(tuple(phase for phase in table if (truth == phase.id).any()))
    draw_result(made.volume, strokes, elsewhere.astype(np.uint8), table)


def paint_strokes(truth: npt.NDArray[np.uint8], *, each: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Strokes of a brush 3 px wide in the inside of each phase."""
    labels = np.zeros_like(truth)
    for phase in np.unique(truth[truth > 0]):
        inside = ndimage.binary_erosion(truth == phase, iterations=BRUSH, border_value=0)
        if inside.mean() < THIN:
            inside = ndimage.binary_erosion(truth == phase, border_value=0)
        for _ in range(each):
            at = rng.permutation(np.argwhere(inside))[0].astype(float)
            angle = rng.uniform(0, 2 * np.pi)
            for _ in range(LENGTH):
                y, x = np.round(at).astype(int)
                labels[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2] = phase
                for turn in (0, 0.5, -0.5, 1, -1, 1.5, -1.5):
                    step = at + np.array([np.sin(angle + turn), np.cos(angle + turn)])
                    if inside[tuple(np.clip(np.round(step).astype(int), 0, np.array(inside.shape) - 1))]:
                        at, angle = step, angle + turn + rng.normal(0, 0.15)
                        break
    labels[labels != truth] = 0
    return labels


def show(axes: Axes, grey: npt.NDArray[np.float32], colors: npt.NDArray[np.float64], title: str) -> None:
    """Grey with (Y, X, 4) colors over it."""
    low, high = np.percentile(grey, (0.5, 99.5))
    axes.imshow(grey, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    axes.imshow(colors, interpolation="nearest")
    axes.set_title(title, fontsize=10, loc="left")
    axes.set_axis_off()


def paint(labels: npt.NDArray[np.uint8], table: PhaseTable, *, alpha: float) -> npt.NDArray[np.float64]:
    """(Y, X, 4) colors of the phases; clear where nothing is labelled."""
    colors = np.zeros((*labels.shape, 4))
    for phase in table:
        colors[labels == phase.id] = (*to_rgb(phase.color), alpha)
    return colors


def draw_labels(grey: npt.NDArray[np.float32], kinds: dict[str, npt.NDArray[np.uint8]], table: PhaseTable) -> None:
    """The slice, and three ways to label it."""
    figure, panels = plt.subplots(1, 4, figsize=(12, 3.5), layout="constrained")
    show(panels[0], grey, np.zeros((*grey.shape, 4)), "the slice")
    for axes, (name, labels) in zip(panels[1:], kinds.items(), strict=True):
        share = np.count_nonzero(labels) / labels.size
        show(axes, grey, paint(labels, table, alpha=0.9 if share < 0.1 else 0.5), f"{name}: {share:.0%} labelled")
    names = [phase for phase in table if any((labels == phase.id).any() for labels in kinds.values())]
    handles = [Rectangle((0, 0), 1, 1, color=phase.color) for phase in names]
    figure.legend(handles, [f"{p.id} = {p.name}" for p in names], loc="outside lower left", ncols=6, frameon=False)
    save(figure, "label-slices.png")


def draw_split(grey: npt.NDArray[np.float32], strokes: npt.NDArray[np.uint8], truth: npt.NDArray[np.uint8]) -> None:
    """What trains, what validates, and the gap between."""
    figure, panels = plt.subplots(1, 2, figsize=(7.4, 3.9), layout="constrained")
    shades = {"trains": "#e69f00", "validates": "#0072b2", "gap, not used": "#cc79a7"}
    for axes, labels, name in zip(panels, (strokes, truth), ("strokes stay whole", "a whole slice"), strict=True):
        image = LabelledImage("slice", grey[None, None], labels[None])
        split = split_labels([image], gap=16, seed=0)
        colors = np.zeros((*labels.shape, 4))
        alpha = 0.9 if labels is strokes else 0.45
        masks = (split.training[0][0], split.validation[0][0])
        for mask, color in zip((*masks, (labels > 0) & ~masks[0] & ~masks[1]), shades.values(), strict=True):
            colors[mask] = (*to_rgb(color), alpha)
        show(axes, grey, colors, name)
    handles = [Rectangle((0, 0), 1, 1, color=color) for color in shades.values()]
    figure.legend(handles, list(shades), loc="outside lower left", ncols=3, frameon=False)
    save(figure, "label-split.png")


def draw_result(
    volume: Volume, strokes: npt.NDArray[np.uint8], truth: npt.NDArray[np.uint8], table: PhaseTable
) -> None:
    """Another slice, what a classifier that learnt from the strokes makes of it, and the truth."""
    image = LabelledImage("slice", volume.data[:, SLICE : SLICE + 1], strokes[None])
    model = train_classifier([image], split_labels([image], gap=16), table, ClassifierSettings())
    scale = measure_normalization(np.asarray(volume.data))
    grey = volume.data[:, OTHER : OTHER + 1]
    found = np.array(table.ids)[open_classifier(model)(scale.apply(grey)).argmax(axis=0)[0]]
    scores = {
        p.name: np.sum((found == p.id) & (truth == p.id)) / np.sum((found == p.id) | (truth == p.id)) for p in table
    }
    print(scores)  # noqa: T201 - a script; the numbers are in the page
    figure, panels = plt.subplots(1, 3, figsize=(9.6, 3.5), layout="constrained")
    show(panels[0], grey[0, 0], np.zeros((*truth.shape, 4)), "a slice without labels")
    show(panels[1], grey[0, 0], paint(found.astype(np.uint8), table, alpha=0.6), "learnt from the strokes")
    show(panels[2], grey[0, 0], paint(truth, table, alpha=0.6), "the truth")
    save(figure, "label-result.png")


def save(figure: Figure, name: str) -> None:
    """Write a picture with a palette: a third of the bytes."""
    path = FOLDER / name
    figure.savefig(path, dpi=110)
    Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)


if __name__ == "__main__":
    main()
