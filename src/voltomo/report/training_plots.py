"""Plots of a training: losses, agreement while it learns, reliability, features, importances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from voltomo.artifacts import PhaseTable
from voltomo.report.drawing import INK, MUTED, legend_above, new_figure, plain, single_axes, style_axes
from voltomo.report.training_content import TrainingContent
from voltomo.report.training_rows import scores_of

__all__ = ["draw_training"]

Drawn: TypeAlias = tuple[str, str, Figure]
"""Heading, caption, figure."""

_TRAINING, _VALIDATION = ("#0072b2", "-"), ("#d55e00", (0, (5, 1.5)))
"""Blue and solid, vermilion and dashed: told apart with every colour vision, and in print."""
_DASHES: tuple[Any, ...] = ((0, (5, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (3, 3)), "-")
_MARKS = ("o", "s", "^", "D", "v", "P", "X")
_WIDE = 20.0
"""A ratio of largest to smallest loss from which the axis is logarithmic."""
_BARS = 20
"""Importances that are drawn."""


def draw_training(content: TrainingContent) -> dict[str, Drawn]:
    """Every plot that the record allows, by name."""
    record, found = content.model.record, dict[str, Drawn]()
    trainings = [one for one in record.get("trainings", ()) if one["validations"]]
    if trainings:
        found["loss"] = _losses(trainings)
        kept = (record.get("settings") or {}).get("ensemble") != "snapshots" or not content.model.members
        found["learning"] = _learning(trainings, content.model.phases, is_best_kept=kept)
    reliability = scores_of(content.model).get("reliability")
    if reliability:
        found["reliability"] = _reliability(reliability, content.model.phases)
    features = content.insight.features if content.insight else None
    if features is not None:
        found["features"] = _features(features, content.model.phases)
    importances = {name: value for name, value in (record.get("importances") or {}).items() if value > 0}
    if importances:
        found["importances"] = _importances(importances)
    return found


def _figure_of(axes: Axes) -> Figure:
    figure = axes.get_figure(root=True)
    assert figure is not None, "new axes have a figure"
    return figure


def _losses(trainings: list[Mapping[str, Any]]) -> Drawn:
    """Both losses against the step; further networks of an ensemble thinner."""
    axes = single_axes()
    values = []
    for number, one in enumerate(trainings):
        for (color, style), rows, label in (
            (_TRAINING, one["curve"], "training"),
            (_VALIDATION, one["validations"], "validation"),
        ):
            losses = [row["loss"] for row in rows]
            values += losses
            width, name = (1.5, label) if number == 0 else (0.7, None)
            steps = [row["step"] for row in rows]
            axes.plot(steps, losses, color=color, linestyle=style, linewidth=width, label=name)
    style_axes(axes, x="Step", y="Loss")
    if min(values) > 0 and max(values) > _WIDE * min(values):
        axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend_above(axes, columns=2)
    caption = (
        "Training: what is minimised, mean since the last validation, on changed crops. Validation: cross-entropy per "
        "voxel of the averaged weights, on labels that do not train. They are different measures: what counts is "
        "whether they still fall. A validation loss that rises while the other falls is over-fitting."
    )
    return "Losses", caption + _members(trainings), _figure_of(axes)


def _learning(trainings: list[Mapping[str, Any]], phases: PhaseTable, *, is_best_kept: bool) -> Drawn:
    """Mean IoU and the IoU of every phase against the step; the best is marked."""
    axes = single_axes()
    first = trainings[0]["validations"]
    steps = [row["step"] for row in first]
    for k, phase in enumerate(phases):
        values = np.array([row["iou"][k] for row in first], np.float64)
        axes.plot(steps, values, color=phase.color, linestyle=_DASHES[k % len(_DASHES)], label=plain(phase.name))
    for number, one in enumerate(trainings):
        rows = one["validations"]
        places, means = [row["step"] for row in rows], [row["mean_iou"] for row in rows]
        width, name = (1.8, "mean") if number == 0 else (0.8, None)
        axes.plot(places, means, color=INK, linewidth=width, label=name)
        best = int(np.nanargmax(np.array(means, np.float64)))
        mark = "best" if number == 0 else None
        axes.plot(places[best], means[best], "o", color=INK, markersize=6, fillstyle="none", label=mark)
    style_axes(axes, x="Step", y="IoU, validation part")
    axes.set_ylim(0, 1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend_above(axes, columns=3)
    _make_room(axes, len(phases) + 2)
    caption = (
        "Intersection over union on labels that do not train, after every validation: 1 is perfect. The circle marks "
        "the best mean"
    )
    caption += ", whose weights the model has." if is_best_kept else "; the model has the weights of each cycle's end."
    return "While it learned", caption + _members(trainings), _figure_of(axes)


def _members(trainings: list[Mapping[str, Any]]) -> str:
    others = len(trainings) - 1
    words = "the second network" if others == 1 else f"the other {others} networks"
    return f" Thin lines: {words} of the ensemble." if others else ""


def _make_room(axes: Axes, entries: int, *, columns: int = 3) -> None:
    """Lower the plot where its legend has more than one line."""
    lines = -(-entries // columns)
    left, bottom, width, height = axes.get_position().bounds
    axes.set_position((left, bottom, width, height - 0.065 * (lines - 1)))


def _reliability(curves: Mapping[str, Mapping[str, Any]], phases: PhaseTable) -> Drawn:
    """Observed against predicted share."""
    axes = single_axes()
    axes.plot([0, 100], [0, 100], color=MUTED, linewidth=0.8)
    drawn = 0
    for k, phase in enumerate(phases):
        curve = curves.get(phase.name)
        if not curve or not curve["predicted"]:
            continue
        predicted, observed = (100 * np.asarray(curve[key], np.float64) for key in ("predicted", "observed"))
        mark, style = _MARKS[k % len(_MARKS)], _DASHES[k % len(_DASHES)]
        axes.plot(
            predicted, observed, color=phase.color, marker=mark, markersize=4, linestyle=style, label=plain(phase.name)
        )
        drawn += 1
    style_axes(axes, x="Predicted probability (%)", y="Share that is right (%)")
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 100)
    legend_above(axes, columns=3)
    _make_room(axes, drawn)
    caption = (
        "Of the validation voxels that were given a phase with 70 % probability, 70 % should be of it: points on the "
        "thin diagonal. Below it the model is too sure, above it too careful. All points stand for about as many "
        "voxels."
    )
    return "Can the probabilities be trusted?", caption, _figure_of(axes)


def _features(features: Any, phases: PhaseTable) -> Drawn:
    """Points of the labelled voxels along two principal directions."""
    axes = single_axes()
    drawn = 0
    for k, phase in enumerate(phases):
        points = features.points[features.labels == phase.id]
        if len(points):
            mark = _MARKS[k % len(_MARKS)]
            axes.plot(
                *points.T, mark, color=phase.color, markersize=3, alpha=0.6, markeredgewidth=0, label=plain(phase.name)
            )
            drawn += 1
    first, second = (f"{100 * share:.0f} % of the variance" for share in features.shares)
    style_axes(axes, x=f"First component ({first})", y=f"Second ({second})")
    legend_above(axes, columns=3)
    _make_room(axes, drawn)
    caption = (
        f"The {features.channels} features before the last layer at validation voxels, projected on their two "
        "directions of largest variance (principal components). Clouds apart: the network tells the phases apart. "
        "Clouds mixed: it does not, or the labels contradict each other."
    )
    return "Features of labelled voxels", caption, _figure_of(axes)


def _importances(values: Mapping[str, float]) -> Drawn:
    """Bars of what is above 0, the largest first."""
    ordered = sorted(values.items(), key=lambda item: -item[1])[:_BARS]
    height = 0.9 + 0.22 * len(ordered)
    figure = new_figure(5.2, height)
    axes = figure.add_axes((0.5, 0.6 / height, 0.46, 1 - 0.75 / height))
    axes.barh(range(len(ordered)), [value for _, value in ordered], 0.66, color=_TRAINING[0])
    axes.set_yticks(range(len(ordered)), [plain(name.replace("_", " ")) for name, _ in ordered])
    style_axes(axes, x="Rise of the cross-entropy", y="")
    axes.grid(visible=False)
    axes.set_ylim(len(ordered) - 0.5, -0.5)
    more = f" The first {len(ordered)} of {len(values)}." if len(values) > len(ordered) else ""
    caption = (
        "How much worse the classifier predicts validation voxels when one image feature is shuffled among them: the "
        "rise of the cross-entropy per voxel. Features that say nearly the same stand in for each other, so that each "
        "looks less important than all of them are."
    )
    return "What the classifier looks at", caption + more, figure
