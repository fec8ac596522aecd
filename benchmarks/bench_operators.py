"""Whether the operator part of a budget, found by retraining on moved labels, covers what an operator got wrong.

As asv classes: one small electrode. As a program, the table of `docs/explanation/uncertainty.md`::

    .venv/bin/python benchmarks/bench_operators.py [--electrodes 6] [--size 64] [--operators dilate erode jitter none]

Each synthetic electrode of known truth is scanned, and NMC is labelled against the rest on three of its slices by an
operator who draws it a voxel too wide ("dilate"), too narrow ("erode"), unsteadily ("jitter") or right ("none"). A
perceptron learns from these labels and segments the scan; it learns again from the labels with their boundary moved by
a voxel, as `voltomo uncertainty --retrain` does. Only the operator part is judged: other parts of a budget widen the
interval further.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from kept_rows import keep_rows, read_rows

from voltomo.artifacts import Measurement, Phase, PhaseMap, PhaseTable
from voltomo.learning.label_bias import BIASES, bias_labels
from voltomo.learning.pairs import LabelledImage
from voltomo.metrics.fractions import count_slices, measure_fractions
from voltomo.metrics.neighbors import count_neighbors
from voltomo.metrics.sample import Sample
from voltomo.metrics.surfaces import InterfaceCounts, measure_surfaces
from voltomo.metrics.transport import tortuosity_factor
from voltomo.morphology.directions import crofton_directions
from voltomo.stages.label_bias import LabelBiasConfig, Specimen, make_specimen
from voltomo.stages.operators import retrained_parts
from voltomo.stages.retrain import RetrainConfig, run_retrain
from voltomo.stages.segment_model import ModelSegmentConfig, run_model_segment
from voltomo.stages.train import TrainConfig, run_train
from voltomo.stages.workspace import MemoryWorkspace

TWO = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "NMC", "active")))
"""NMC against the rest, which counts binder, cracks and voids too."""
VOXEL, D50 = "150 nm", "4 um"
"""Particles of 27 voxels: several in a box of 64."""
NAMES = ("volume_fraction", "specific_surface_area", "tortuosity_factor")


@dataclass(frozen=True)
class Row:
    """A number of the rest of one electrode, as an operator finds it."""

    seed: int
    operator: str
    name: str
    truth: float
    found: float
    u: float | None


def specimen(seed: int, size: int) -> tuple[Specimen, np.ndarray]:
    """An electrode with its scan, and the true map of NMC against the rest."""
    electrode = {"voxel_size": VOXEL, "d50": D50, "porosity": 0.35, "binder": 0.1}
    made = make_specimen(LabelBiasConfig(size=size, electrode=electrode), seed)
    return made, np.where(np.asarray(made.truth.data) == 2, 2, 1).astype(np.uint8)


def numbers(labels: np.ndarray, like: PhaseMap) -> list[Measurement]:
    """Fraction, surface and tortuosity factor along z of the rest."""
    sample = sample_of(labels, like)
    directions = crofton_directions(sample.edges, 3)
    counts = count_slices(labels, phase_ids=TWO.ids)
    pairs = count_neighbors(labels, phase_ids=TWO.ids, offsets=directions.offsets)
    surfaces = measure_surfaces(InterfaceCounts(pairs, directions), sample, voxels=counts.phases)
    rows = [*measure_fractions(counts, sample), *[row for row in surfaces if "Crofton" in row.method]]
    found = [row for row in rows if row.phase == "pore" and row.name in NAMES and not row.axis]
    return [*found, tortuosity_factor(labels, 1, axis=0, sample=sample)]


def sample_of(labels: np.ndarray, like: PhaseMap) -> Sample:
    """All of a map."""
    z, y, x = labels.shape
    return Sample(TWO, (z, y, x), labels.size, like.voxel_size, "z")


def judge(made: Specimen, truth: np.ndarray, operator: Any, *, jittered: int) -> list[Row]:
    """What the operator finds, with the operator part of its uncertainty."""
    rng = np.random.default_rng((made.seed, 7))
    own = []
    for place in made.places:
        planes = slice(place, place + 1)
        grey = np.asarray(made.volume.data[:, planes])
        drawn = LabelledImage(f"slice {place}", grey, truth[planes], "scan", made.volume.voxel_size)
        own.append(bias_labels(drawn, operator, (2,), rng))
    model = run_train(own, TWO, TrainConfig(method="mlp", share=0.1, gap=8, seed=made.seed)).model
    how = ModelSegmentConfig(accept_drift=True)
    labels = np.asarray(run_model_segment(made.volume, model, how, MemoryWorkspace()).phase_map.data)
    moved = RetrainConfig(grey="-", labels="-", boundary=1, jittered=jittered, seed=made.seed)
    retrained = run_retrain(made.volume, model, own, moved, how, MemoryWorkspace()).retrained
    items = numbers(labels, made.truth)
    budgets = retrained_parts(items, retrained, labels, sample_of(labels, made.truth), MemoryWorkspace())
    rows = []
    for item, right in zip(budgets, numbers(truth, made.truth), strict=True):
        part = next((part for part in item.parts if part.name == "operator"), None)
        assert item.name == right.name
        assert item.value is not None
        assert right.value is not None
        u = None if part is None else part.standard_uncertainty
        rows.append(Row(made.seed, str(operator), item.name, right.value, item.value, u))
    return rows


class OperatorPart:
    """Error over standard uncertainty of the fraction, of one small electrode whose labels are too wide."""

    timeout = 600

    def track_error_over_u(self) -> float:
        made, truth = specimen(0, 48)
        row = judge(made, truth, "dilate", jittered=1)[0]
        assert row.u is not None
        return abs(row.found - row.truth) / row.u


def _print(rows: list[Row]) -> None:
    """A line per operator and number: the truth, and the same electrode found from right labels, within ± 2 u?"""
    right = {(row.seed, row.name): row.found for row in rows if row.operator == "none"}
    print(f"{'labels':<8}{'number':<23}{'n':>3}{'error':>9}{'u':>8}{'truth':>8}{'right labels':>14}")
    for operator in dict.fromkeys(row.operator for row in rows):
        for name in NAMES:
            some = [row for row in rows if (row.operator, row.name) == (operator, name)]
            known = [(row, row.u) for row in some if row.u is not None]
            error = 100 * np.mean([row.found / row.truth - 1 for row in some])
            u = 100 * np.mean([u / row.truth for row, u in known]) if known else np.nan
            held = f"{sum(abs(row.found - row.truth) <= 2 * u for row, u in known)}/{len(known)}"
            beside = [(row.found - right[row.seed, name], u) for row, u in known if (row.seed, name) in right]
            near = "" if operator == "none" else f"{sum(abs(d) <= 2 * u for d, u in beside)}/{len(beside)}"
            print(f"{operator:<8}{name:<23}{len(some):>3}{error:>7.1f} %{u:>6.1f} %{held:>8}{near:>14}")


def main() -> None:
    """Run, keeping every row as it is found in a file if one is named."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--electrodes", type=int, default=6)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--jittered", type=int, default=2)
    parser.add_argument("--operators", nargs="+", default=["dilate", "erode", "jitter", "none"], choices=BIASES)
    parser.add_argument("--keep", type=Path, help="JSON lines of finished rows, from which a killed run goes on")
    told = parser.parse_args()
    rows = read_rows(told.keep, Row)
    for seed in range(told.electrodes):
        left = [name for name in told.operators if not any((row.seed, row.operator) == (seed, name) for row in rows)]
        if not left:
            continue
        made, truth = specimen(seed, told.size)
        for operator in left:
            new = judge(made, truth, operator, jittered=told.jittered)
            rows += new
            keep_rows(told.keep, new)
            print(f"electrode {seed}, {operator}", file=sys.stderr, flush=True)
    _print(rows)


if __name__ == "__main__":
    main()
