"""Runs of a grid in order of merit: settings that differ in the seed only belong together.

Runs with the same seed share their split into training and validation. So two settings are compared seed by seed, and
a difference is called one only if its mean is larger than its standard deviation from seed to seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

__all__ = ["RankedGroup", "RankedRun", "Spread", "Verdict", "compare", "rank_runs", "setting_names", "spread_of"]

Verdict: TypeAlias = Literal["above", "no difference", "below", "not judged"]


@dataclass(frozen=True)
class RankedRun:
    """One training.

    Parameters
    ----------
    name : of its model folder
    settings : what the grid varied, as printed, without the seed
    seed : of the run
    scores : as `voltomo.stages.model_scores.score_model` gives them; empty if it failed
    seconds : of the training
    reason : why it failed; "" if it did not
    """

    name: str
    settings: Mapping[str, str]
    seed: int
    scores: Mapping[str, Any]
    seconds: float = 0.0
    reason: str = ""

    @property
    def merit(self) -> float | None:
        """Mean IoU, by which runs are ranked."""
        value = self.scores.get("mean_iou")
        return None if value is None else float(value)

    @property
    def cut_merit(self) -> float | None:
        """Mean IoU of the cut fitted on the same labels."""
        value = (self.scores.get("fitted_cut") or {}).get("mean_iou")
        return None if value is None else float(value)


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation over seeds; None for the latter with one value."""

    mean: float
    deviation: float | None
    count: int


@dataclass(frozen=True)
class RankedGroup:
    """Runs with the same settings.

    Parameters
    ----------
    settings : what they share
    runs : those that finished, by seed
    against_best, against_cut : how their mean IoU compares with that of the first group, and with the fitted cut
    """

    settings: Mapping[str, str]
    runs: tuple[RankedRun, ...]
    against_best: Verdict
    against_cut: Verdict

    def spread(self, key: str, phase: str | None = None) -> Spread | None:
        """Of a score, or of the IoU of a phase; None where no run has it."""
        found = [run.scores.get(key) if phase is None else (run.scores.get(key) or {}).get(phase) for run in self.runs]
        return spread_of([float(value) for value in found if value is not None])

    @property
    def seconds(self) -> float:
        """Mean of the trainings."""
        return sum(run.seconds for run in self.runs) / len(self.runs)

    @property
    def label(self) -> str:
        """The settings in one line."""
        return ", ".join(_words(key, value) for key, value in self.settings.items()) or "as given"


def _words(key: str, value: str) -> str:
    return value if key == "method" else f"{key.replace('_', ' ')} {value}"


def spread_of(values: Sequence[float]) -> Spread | None:
    """Mean and sample standard deviation.

    Examples
    --------
    >>> spread_of([1.0, 2.0, 3.0])
    Spread(mean=2.0, deviation=1.0, count=3)
    """
    if not values:
        return None
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Spread(float(np.mean(values)), deviation, len(values))


def compare(first: Mapping[int, float], second: Mapping[int, float]) -> Verdict:
    """Whether the first is above or below the second.

    Parameters
    ----------
    first, second : a number for each seed; seeds that only one of them has are left out
    """
    common = sorted(first.keys() & second.keys())
    if len(common) < 2:
        return "not judged"
    differences = np.array([first[seed] - second[seed] for seed in common])
    mean, deviation = float(differences.mean()), float(differences.std(ddof=1))
    if abs(mean) <= max(deviation, 1e-9):
        return "no difference"
    return "above" if mean > 0 else "below"


def setting_names(runs: Sequence[RankedRun]) -> tuple[str, ...]:
    """Everything that was varied; several grids need not vary the same."""
    return tuple(dict.fromkeys(name for run in runs for name in run.settings))


def rank_runs(runs: Sequence[RankedRun]) -> tuple[RankedGroup, ...]:
    """Finished runs in groups, the largest mean of the mean IoU first; equal ones in the order of the runs."""
    members: dict[tuple[tuple[str, str], ...], list[RankedRun]] = {}
    for run in runs:
        if run.merit is not None and not run.reason:
            members.setdefault(tuple(run.settings.items()), []).append(run)
    ordered = sorted(members.values(), key=lambda group: -float(np.mean(list(_merits(group).values()))))
    return tuple(
        RankedGroup(
            group[0].settings,
            tuple(sorted(group, key=lambda run: run.seed)),
            compare(_merits(group), _merits(ordered[0])),
            compare(_merits(group), _cuts(group)),
        )
        for group in ordered
    )


def _merits(runs: Sequence[RankedRun]) -> dict[int, float]:
    return {run.seed: run.merit for run in runs if run.merit is not None}


def _cuts(runs: Sequence[RankedRun]) -> dict[int, float]:
    return {run.seed: run.cut_merit for run in runs if run.cut_merit is not None}
