"""Whether the members of an ensemble, or its probabilities, tell how far its numbers are from the truth.

As asv classes: one small electrode. As a program, a table of `docs/explanation/uncertainty.md`::

    .venv/bin/python benchmarks/bench_members.py [--electrodes 6] [--size 64] [--members 5] [--method mlp]

Each synthetic electrode of known truth is scanned; an ensemble learns NMC against the rest from right labels of three
of its slices and segments the scan, with its probabilities and with each member's own map, as
`voltomo segment --probabilities --members` does. Only the part of the segmentation is judged: other parts of a budget
widen the interval further.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from bench_operators import NAMES, TWO, numbers, sample_of, specimen
from kept_rows import keep_rows, read_rows
from scipy.stats import t as student

from voltomo.artifacts import Measurement, PhaseMap
from voltomo.learning.pairs import LabelledImage
from voltomo.stages.label_bias import Specimen
from voltomo.stages.segment_model import ModelSegmentConfig, run_model_segment
from voltomo.stages.segmentation_part import segmentation_parts
from voltomo.stages.train import TrainConfig, run_train
from voltomo.stages.uncertainty_config import UncertaintyConfig
from voltomo.stages.workspace import MemoryWorkspace


@dataclass(frozen=True)
class Row:
    """A number of the rest of one electrode, with what probabilities and members say about it."""

    seed: int
    method: str
    members: int
    name: str
    truth: float
    found: float
    probabilities: float | None
    scatter: float | None

    @property
    def half_widths(self) -> dict[str, float]:
        """Of the 95 % interval of each part, and of the wider one, which `measure` takes."""
        factor = float(student.ppf(0.975, self.members - 1))
        drawn, members = (np.nan if u is None else u for u in (self.probabilities, self.scatter))
        found = {"probabilities": 2 * drawn, "members, k = 2": 2 * members, "members, t": factor * members}
        return {**found, "the wider one": float(np.nanmax([2 * drawn, factor * members]))}


def judge(made: Specimen, truth: np.ndarray, *, method: str, members: int, settings: dict[str, Any]) -> list[Row]:
    """What an ensemble finds, with both parts."""
    own = []
    for place in made.places:
        planes = slice(place, place + 1)
        grey = np.asarray(made.volume.data[:, planes])
        own.append(LabelledImage(f"slice {place}", grey, truth[planes], "scan", made.volume.voxel_size))
    told: Any = {"method": method, "share": 0.1, "gap": 8, "seed": made.seed}
    model = run_train(own, TWO, TrainConfig(**told, settings={**settings, "members": members})).model
    how = ModelSegmentConfig(accept_drift=True, probabilities=True, members=True)
    found = run_model_segment(made.volume, model, how, MemoryWorkspace()).phase_map
    labels = np.asarray(found.data)
    items = numbers(labels, made.truth)
    drawn = _parts(items, replace(found, members=()), labels, made.truth)
    scatter = _parts(items, replace(found, probabilities=None), labels, made.truth)
    rows = []
    for item, right, u, s in zip(items, numbers(truth, made.truth), drawn, scatter, strict=True):
        assert item.name == right.name
        assert item.value is not None
        assert right.value is not None
        rows.append(Row(made.seed, method, members, item.name, right.value, item.value, u, s))
    return rows


def _parts(items: list[Measurement], found: PhaseMap, labels: np.ndarray, like: PhaseMap) -> list[float | None]:
    """Standard uncertainty of the segmentation part of each number."""
    sample = sample_of(labels, like)
    budgets = segmentation_parts(items, found, labels, sample, UncertaintyConfig(), MemoryWorkspace())
    parts = [next((part for part in item.parts if part.name == "segmentation"), None) for item in budgets]
    return [None if part is None else part.standard_uncertainty for part in parts]


class MemberScatter:
    """Error of the fraction over the standard deviation of five members, of one small electrode."""

    timeout = 600

    def track_error_over_u(self) -> float:
        made, truth = specimen(0, 48)
        row = judge(made, truth, method="mlp", members=5, settings={})[0]
        assert row.scatter is not None
        return abs(row.found - row.truth) / row.scatter


def _print(rows: list[Row]) -> None:
    """A line per number: mean error, mean u, and how many intervals of the segmentation part alone hold the truth."""
    print(f"{'number':<24}{'n':>3}{'error':>9}{'u drawn':>9}{'u members':>11}  intervals that hold the truth")
    for name in NAMES:
        some = [row for row in rows if row.name == name]
        error = 100 * np.mean([row.found / row.truth - 1 for row in some])
        u = [
            100 * np.mean([value / row.truth for row in some if (value := getattr(row, what)) is not None])
            for what in ("probabilities", "scatter")
        ]
        held = {what: sum(abs(row.found - row.truth) <= row.half_widths[what] for row in some)
                for what in some[0].half_widths}  # fmt: skip
        told = ", ".join(f"{what} {count}/{len(some)}" for what, count in held.items())
        wider = sum(row.half_widths["members, t"] > row.half_widths["probabilities"] for row in some)
        print(f"{name:<24}{len(some):>3}{error:>7.1f} %{u[0]:>7.1f} %{u[1]:>9.2f} %  {told}; members wider {wider}")


def main() -> None:
    """Run, keeping every row as it is found in a file if one is named."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--electrodes", type=int, default=6)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--members", type=int, default=5)
    parser.add_argument("--method", default="mlp")
    parser.add_argument("--settings", type=json.loads, default={}, help='of the training, as JSON: {"steps": 150}')
    parser.add_argument("--keep", type=Path, help="JSON lines of finished rows, from which a killed run goes on")
    told = parser.parse_args()
    rows = read_rows(told.keep, Row)
    for seed in range(told.electrodes):
        if any(row.seed == seed for row in rows):
            continue
        new = judge(*specimen(seed, told.size), method=told.method, members=told.members, settings=told.settings)
        rows += new
        keep_rows(told.keep, new)
        print(f"electrode {seed}", file=sys.stderr, flush=True)
    _print(rows)


if __name__ == "__main__":
    main()
