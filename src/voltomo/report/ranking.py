"""`ranking.html`, `ranking.csv` and `runs.csv`: the runs of a grid side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from voltomo.report.drawing import INK, MUTED, legend_above, new_figure, plain, style_axes
from voltomo.report.files import csv_text, write_texts
from voltomo.report.ranking_groups import RankedGroup, RankedRun, Spread, rank_runs, setting_names, spread_of
from voltomo.report.templating import embedded_figure, fill_template

__all__ = ["RankedRun", "RankingContent", "write_ranking"]

_PAGE = "ranking.html"
_ENOUGH_SEEDS = 5
"""Below, a standard deviation is itself uncertain by 40 % or more: 1 / √(2 (n − 1))."""
_MOST_ROWS = 30
"""Settings in the picture: more do not fit a page."""
_LETTERS = 42
"""That fit beside the axis."""
_LETTER, _PLOT = 0.075, 4.2
_ROW, _AROUND = 0.27, 1.15
"""Inches: width of a letter of 9 pt and of the plot; height of a line, and of head and foot together."""


@dataclass(frozen=True)
class RankingContent:
    """What the page shows.

    Parameters
    ----------
    runs : all of the queue that finished or failed
    phases : names of the phases
    waiting : runs that have not begun
    title : heading
    facts : (name, text) pairs, such as where the labels lie
    """

    runs: Sequence[RankedRun]
    phases: Sequence[str]
    waiting: int = 0
    title: str = "Ranking of trainings"
    facts: Sequence[tuple[str, str]] = ()


def write_ranking(folder: Path, content: RankingContent) -> Path:
    """Write the page and its tables; the path of the page.

    Parameters
    ----------
    folder : created if missing
    content : what to show

    Raises
    ------
    StorageError
        If the disk is full or the folder is not writable.
    """
    groups = rank_runs(content.runs)
    tables = {"ranking.csv": csv_text(_group_rows(content, groups)), "runs.csv": csv_text(_run_rows(content))}
    write_texts(folder, {**tables, _PAGE: _render(content, groups)})
    return folder / _PAGE


def _render(content: RankingContent, groups: Sequence[RankedGroup]) -> str:
    failed = [run for run in content.runs if run.reason]
    names = setting_names([run for group in groups for run in group.runs])
    cut = _cut(groups, None)
    picture = None
    if groups:
        caption = (
            "Mean IoU on the validation part: one point for each seed, a line at their mean. Dashed: the cut of the "
            "grey value fitted on the same labels, mean over all runs."
        )
        picture = {"caption": caption, **embedded_figure(_draw(groups, cut))}
    return fill_template(
        "ranking.html.j2",
        title=content.title,
        facts=[*content.facts, *_facts(content, groups, len(failed))],
        phases=content.phases,
        settings=names,
        groups=[_row(place, group, content.phases, names) for place, group in enumerate(groups, start=1)],
        cut=_cut_row(groups, content.phases) if cut is not None else None,
        best=_best_words(groups),
        picture=picture,
        failed=[{"name": run.name, "reason": run.reason} for run in failed],
        runs=[_run_row(run, content.phases) for run in content.runs if not run.reason],
    )


def _facts(content: RankingContent, groups: Sequence[RankedGroup], failed: int) -> list[tuple[str, str]]:
    found = [("Finished", str(sum(len(group.runs) for group in groups))), ("Failed", str(failed))]
    if content.waiting:
        found.append(("Waiting", str(content.waiting)))
    return found


def _best_words(groups: Sequence[RankedGroup]) -> str:
    """The result in one sentence."""
    if not groups:
        return "No run has finished."
    first, *others = groups
    if not others:
        return f"Only one choice of settings has finished: {first.label}."
    equal = [group.label for group in others if group.against_best == "no difference"]
    unknown = [group for group in others if group.against_best == "not judged"]
    words = f"Highest mean IoU: {first.label}."
    if equal:
        words += f" Not told apart from it: {'; '.join(equal[:5])}{' and others' if len(equal) > 5 else ''}."
    if unknown:
        words += (
            f" {len(unknown)} of the others cannot be judged: they share fewer than two seeds with it. Add seeds to "
            "the grid."
        )
    if not equal and not unknown:
        words += " All others are below it by more than their spread from seed to seed."
    if min(len(group.runs) for group in groups) < _ENOUGH_SEEDS:
        words += f" With fewer than {_ENOUGH_SEEDS} seeds take this as a hint."
    return words


def _row(place: int, group: RankedGroup, phases: Sequence[str], names: Sequence[str]) -> dict[str, Any]:
    return {
        "place": place,
        "settings": [group.settings.get(name, "–") for name in names],
        "seeds": len(group.runs),
        "mean": _text(group.spread("mean_iou")),
        "phases": [_text(group.spread("iou", phase)) for phase in phases],
        "calibration": _text(group.spread("calibration_error")),
        "boundary": _text(group.spread("calibration_error_near_boundary")),
        "seconds": f"{group.seconds:.0f}",
        "best": "" if place == 1 else group.against_best,
        "cut": group.against_cut,
    }


def _cut(groups: Sequence[RankedGroup], phase: str | None) -> Spread | None:
    """Mean IoU of the fitted cut, or its IoU of a phase, over all runs."""
    scores = [run.scores.get("fitted_cut") or {} for group in groups for run in group.runs]
    found = [one.get("mean_iou") if phase is None else (one.get("iou") or {}).get(phase) for one in scores]
    return spread_of([float(value) for value in found if value is not None])


def _cut_row(groups: Sequence[RankedGroup], phases: Sequence[str]) -> dict[str, Any]:
    return {"mean": _text(_cut(groups, None)), "phases": [_text(_cut(groups, phase)) for phase in phases]}


def _run_row(run: RankedRun, phases: Sequence[str]) -> dict[str, Any]:
    iou = run.scores.get("iou") or {}
    return {
        "name": run.name,
        "mean": _number(run.merit, 3),
        "phases": [_number(iou.get(phase), 3) for phase in phases],
        "cut": _number(run.cut_merit, 3),
        "seconds": f"{run.seconds:.0f}",
    }


def _text(spread: Spread | None) -> str:
    """Mean ± standard deviation."""
    if spread is None:
        return "–"
    return f"{spread.mean:.3f}" + ("" if spread.deviation is None else f" ± {spread.deviation:.3f}")


def _draw(groups: Sequence[RankedGroup], cut: Spread | None) -> Figure:
    """A line for each group, the best at the top."""
    shown = groups[:_MOST_ROWS]
    height = _AROUND + _ROW * len(shown)
    labels = [plain(_short(group.label)) for group in shown]
    left = 0.2 + _LETTER * max(map(len, labels))
    figure = new_figure(left + _PLOT + 0.15, height)
    axes = figure.add_axes(
        (left / (left + _PLOT + 0.15), 0.55 / height, _PLOT / (left + _PLOT + 0.15), _ROW * len(shown) / height)
    )
    for place, group in enumerate(shown):
        merits = [run.merit for run in group.runs if run.merit is not None]
        label = "one seed" if place == 0 else None
        axes.plot(merits, [place] * len(merits), "o", color="#0072b2", markersize=4.5, alpha=0.75, label=label)
        middle = sum(merits) / len(merits)
        axes.plot(
            [middle, middle], [place - 0.3, place + 0.3], color=INK, linewidth=1.6, label="mean" if not place else None
        )
    if cut is not None:
        axes.axvline(cut.mean, color="#d55e00", linestyle=(0, (5, 1.5)), linewidth=1.2, label="fitted cut")
    axes.set_yticks(range(len(shown)), labels)
    style_axes(axes, x="Mean IoU, validation part", y="")
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x", color="#e4e4e4", linewidth=0.6)
    axes.tick_params(axis="y", length=0, labelcolor=INK if len(shown) < _MOST_ROWS else MUTED)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    legend_above(axes, columns=3)
    return figure


def _short(text: str) -> str:
    return text if len(text) <= _LETTERS else text[: _LETTERS - 1] + "…"


def _group_rows(content: RankingContent, groups: Sequence[RankedGroup]) -> Iterator[dict[str, str]]:
    names = setting_names([run for group in groups for run in group.runs])
    for place, group in enumerate(groups, start=1):
        row = {
            "rank": str(place),
            **{name: group.settings.get(name, "") for name in names},
            "runs": str(len(group.runs)),
        }
        row |= _columns("mean_iou", group.spread("mean_iou"))
        for phase in content.phases:
            row |= _columns(f"iou {phase}", group.spread("iou", phase))
        for key in ("accuracy", "brier", "calibration_error", "calibration_error_near_boundary"):
            row |= _columns(key, group.spread(key))
        row |= {"seconds": f"{group.seconds:.1f}"}
        yield row | {"against_best": "best" if place == 1 else group.against_best, "against_cut": group.against_cut}
    cut = _cut(groups, None)
    if cut is not None:
        row = {"rank": "", "runs": str(cut.count), "against_cut": "fitted cut", **_columns("mean_iou", cut)}
        for phase in content.phases:
            row |= _columns(f"iou {phase}", _cut(groups, phase))
        yield row


def _run_rows(content: RankingContent) -> Iterator[dict[str, str]]:
    names = setting_names(content.runs)
    for run in content.runs:
        iou = run.scores.get("iou") or {}
        settings = {name: run.settings.get(name, "") for name in names}
        row = {"name": run.name, **settings, "seed": str(run.seed), "status": "failed" if run.reason else "done"}
        row |= {"mean_iou": _number(run.merit), **{f"iou {phase}": _number(iou.get(phase)) for phase in content.phases}}
        for key in ("accuracy", "brier", "calibration_error", "calibration_error_near_boundary"):
            row[key] = _number(run.scores.get(key))
        yield row | {"cut_mean_iou": _number(run.cut_merit), "seconds": f"{run.seconds:.1f}", "reason": run.reason}


def _columns(name: str, spread: Spread | None) -> dict[str, str]:
    """Mean and standard deviation over the seeds."""
    if spread is None:
        return {name: "", f"{name} sd": ""}
    return {name: _number(spread.mean), f"{name} sd": _number(spread.deviation)}


def _number(value: float | None, digits: int = 5) -> str:
    return "" if value is None else f"{value:.{digits}f}"
