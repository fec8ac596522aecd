"""How often the 95 % intervals of transport numbers hold the truth, and what the parts of a window cost.

As asv classes: the coverage in a few windows. As a program, the table of `docs/explanation/representativity.md`::

    .venv/bin/python benchmarks/bench_apparent.py [--windows 400] [--structure balls]

Truth is the mean over all windows of the size: the interval is that of the representativity alone, and the bias of the
size is told apart. The electrodes are those of `voltomo.synth`, with another seed for each window.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

import numpy as np
from coverage_table import coverage_text, gaussian_field, print_tables

from voltomo.artifacts import Phase, PhaseTable
from voltomo.metrics.conduction import solve_flow
from voltomo.metrics.sample import Sample
from voltomo.metrics.transport import measure_transport
from voltomo.phantoms import OverlappingSpheres
from voltomo.stages.apparent import with_apparent
from voltomo.stages.correlation import correlate_phases
from voltomo.stages.synth import run_synth
from voltomo.stages.synth_config import SynthConfig
from voltomo.stages.transport import TransportSettings
from voltomo.stages.workspace import MemoryWorkspace

Maker = Callable[[np.random.Generator], np.ndarray]

PHASES = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "solid", "active")))
TOLERANCE = 2e-3
"""Of the whole window: far below its scatter."""


def balls(porosity: float, radius: float, edge: int) -> Maker:
    """Overlapping balls: 1 pore, 2 solid."""
    spheres = OverlappingSpheres(porosity=porosity, radius=radius)
    return lambda rng: spheres.rasterize((edge,) * 3, rng=rng).astype(np.uint8) + np.uint8(1)


def field(sigma: float, threshold: float, edge: int) -> Maker:
    """A Gaussian random field, in units of its standard deviation; 2 above a threshold."""
    return lambda rng: (gaussian_field(sigma, edge, rng) > threshold).astype(np.uint8) + np.uint8(1)


def electrode(family: str, edge: int, voxel_size: str) -> Maker:
    """The pore of a synthetic electrode: 1, the rest 2."""

    def make(rng: np.random.Generator) -> np.ndarray:
        seed = int(rng.integers(2**31))
        config = SynthConfig.model_validate(
            {"family": family, "shape": (edge,) * 3, "voxel_size": voxel_size, "seed": seed}
        )
        ids = np.asarray(run_synth(config, MemoryWorkspace()).phase_map.data)
        return np.where(ids == 1, np.uint8(1), np.uint8(2))

    return make


STRUCTURES = {
    "balls, 45 % pore, 64³, 5.3 diameters": balls(0.45, 6.0, 64),
    "balls, 45 % pore, 48³, 4 diameters": balls(0.45, 6.0, 48),
    "few balls, 80 % pore, 64³, 5.3 diameters": balls(0.8, 6.0, 64),
    "Gaussian field, 50 %, 64³": field(3.0, 0.0, 64),
    "Gaussian field, 65 %, 64³": field(3.0, 0.385, 64),
    "NMC electrode, 64³": electrode("nmc", 64, "0.4 um"),
}


def windows(make: Maker, number: int) -> dict[str, list[tuple[float, float, float]]]:
    """Value, half width of the representativity (not a number where missing), bias of the size; of each number."""
    found: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for seed in range(number):
        labels = make(np.random.default_rng(seed))
        z, y, x = labels.shape
        sample = Sample(PHASES, (z, y, x), labels.size)
        flow = solve_flow(labels, {1: 1.0}, axis=0, tolerance=TOLERANCE)
        rows = list(measure_transport(flow, sample, phase="pore", axis="z"))
        work = MemoryWorkspace()
        spans = {one.phase: one.span for one in correlate_phases(labels, sample, work)}
        stated, _ = with_apparent(rows, labels, sample, TransportSettings(), work, spans=spans)
        for before, after in zip(rows, stated, strict=False):
            if before.value is None or not np.isfinite(before.value):
                continue
            half = half_width(before.low, after.low, before.value)
            bias = next((part.bias for part in after.parts if part.name == "window size"), None)
            found[before.name].append((before.value, half, np.nan if bias is None else bias))
    return found


def half_width(before: float | None, after: float | None, value: float) -> float:
    """What the representativity adds to an interval, in squares."""
    assert before is not None, "the solver has an error"
    assert after is not None, "no part takes an interval away"
    added = (value - after) ** 2 - (value - before) ** 2
    return float(np.sqrt(added)) if added > 0 else float("nan")


def rows_of(name: str, number: int) -> Iterator[list[str]]:
    """One structure: cells of the lines of its numbers."""
    for quantity, rows in windows(STRUCTURES[name], number).items():
        values, halves, biases = np.array(rows).T
        given = np.isfinite(halves)
        if not given.any():
            yield [quantity, f"0 of {number}", "", "", ""]
            continue
        hits = int(np.sum(np.abs(values - values.mean())[given] <= halves[given]))
        count = int(given.sum())
        scatter = f"{100 * values.std(ddof=1) / values.mean():.1f} %"
        bias = f"{100 * np.nanmean(biases) / values.mean():+.1f} ± {100 * np.nanstd(biases) / values.mean():.1f} %"
        yield [quantity, f"{count} of {number}", coverage_text(hits, count), scatter, bias]


class Coverage:
    """For asv."""

    timeout = 300

    def track_tortuosity(self) -> float:
        """Share of 40 windows whose interval holds the mean tortuosity factor."""
        rows = np.array(windows(STRUCTURES["balls, 45 % pore, 64³, 5.3 diameters"], 40)["tortuosity_factor"])
        given = rows[np.isfinite(rows[:, 1])]
        return float(np.mean(np.abs(given[:, 0] - rows[:, 0].mean()) <= given[:, 1]))


class Cost:
    """For asv: the parts of a window of 128³."""

    def setup(self) -> None:
        """A window and its numbers."""
        self.labels = balls(0.45, 6.0, 128)(np.random.default_rng(0))
        self.sample = Sample(PHASES, (128, 128, 128), self.labels.size)
        flow = solve_flow(self.labels, {1: 1.0}, axis=0, tolerance=TOLERANCE)
        self.rows = list(measure_transport(flow, self.sample, phase="pore", axis="z"))

    def time_parts(self) -> None:
        """Along one axis."""
        with_apparent(self.rows, self.labels, self.sample, TransportSettings(), MemoryWorkspace())


if __name__ == "__main__":
    columns = ("number", "given", "coverage, % (95 %)", "scatter between windows", "bias of the size")
    print_tables(__doc__, columns, STRUCTURES, rows_of)
