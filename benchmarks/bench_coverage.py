"""How often the stated 95 % intervals hold the truth: many independent windows of structures whose answers are known.

As asv classes: the coverage of a few windows. As a program, the table of `docs/explanation/representativity.md`::

    .venv/bin/python benchmarks/bench_coverage.py [--windows 400] [--structure "few balls"]

Truth is the closed form where there is one (fractions), otherwise the mean over all
windows: the estimators have no edge bias, and what voxels do to them is another part of the budget. The
interval is that of the representativity alone, unless the table says "stated".
"""

from __future__ import annotations

import argparse
import math
import time
from collections import defaultdict
from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.stats import beta
from scipy.stats import t as student

from voltomo.artifacts import Phase, PhaseTable
from voltomo.metrics.fractions import measure_fractions
from voltomo.metrics.sample import Sample
from voltomo.phantoms import OverlappingSpheres
from voltomo.stages.correlation import correlate_phases
from voltomo.stages.representativity import density_rows
from voltomo.stages.structure_counts import count_structure
from voltomo.stages.workspace import MemoryWorkspace

PHASES = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "solid", "active")))


def balls(porosity: float, radius: float, edge: int) -> Callable[[np.random.Generator], np.ndarray]:
    """Overlapping balls: 1 pore, 2 solid."""
    spheres = OverlappingSpheres(porosity=porosity, radius=radius)
    return lambda rng: spheres.rasterize((edge,) * 3, rng=rng).astype(np.uint8) + np.uint8(1)


def field(sigma: float, threshold: float, edge: int) -> Callable[[np.random.Generator], np.ndarray]:
    """A Gaussian random field, correlated as exp(-r²/4σ²), above a threshold: 2."""
    margin = int(4 * sigma) + 1

    def make(rng: np.random.Generator) -> np.ndarray:
        noise = gaussian_filter(rng.standard_normal((edge + 2 * margin,) * 3), sigma, truncate=4.0)
        noise *= (2 * math.sqrt(math.pi) * sigma) ** 1.5
        inner = noise[(slice(margin, -margin),) * 3]
        return (inner > threshold).astype(np.uint8) + np.uint8(1)

    return make


STRUCTURES = {
    "balls, 64³, 5.3 diameters": (balls(0.45, 6.0, 64), 0.45),
    "balls, 48³, 4 diameters": (balls(0.45, 6.0, 48), 0.45),
    "few balls, 48³, 4 diameters": (balls(0.8, 6.0, 48), 0.8),
    "Gaussian field, 48³": (field(3.0, 0.0, 48), 0.5),
    "Gaussian field, 48³, 16 %": (field(3.0, 1.0, 48), 0.8413447460685429),
}


def windows(make: Callable[[np.random.Generator], np.ndarray], number: int) -> dict[str, list[tuple[float, ...]]]:
    """Value, half width of the representativity, half width stated; of each number, in each window that has it."""
    found: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for seed in range(number):
        labels = make(np.random.default_rng(seed))
        sample = Sample(PHASES, (labels.shape[0], labels.shape[1], labels.shape[2]), labels.size)
        work = MemoryWorkspace()
        counted = count_structure(labels, PHASES, work)
        correlations = tuple(correlate_phases(labels, sample, work))
        by_range = measure_fractions(counted.slices, sample, scatters=[c.scatter for c in correlations])
        by_parts = measure_fractions(counted.slices, sample, pieces=counted.pieces)
        rows = [("volume_fraction, integral range", by_range[0]), ("volume_fraction, parts", by_parts[0])]
        spans = [found.span for found in correlations]
        densities = density_rows(counted, sample, spans=spans)
        rows += [(f"{row.name}, {row.method}", row) for row in densities if row.phase == "pore"]
        for name, row in rows:
            parts = [p for p in row.parts if p.name in ("representativity",) and p.standard_uncertainty]
            if row.value is None or not parts or row.low is None or row.high is None:
                continue
            stated = (row.high - row.low) / 2
            half = stated
            if "parts of the window" in parts[0].note and not name.startswith("volume_fraction"):
                half = float(student.ppf(0.975, 7)) * float(parts[0].standard_uncertainty or 0.0)
            found[name].append((row.value, half, stated))
    return found


def binomial(hits: int, number: int) -> tuple[float, float]:
    """95 % interval of a share (Clopper and Pearson 1934)."""
    low = beta.ppf(0.025, hits, number - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, number - hits) if hits < number else 1.0
    return float(low), float(high)


def report(name: str, number: int) -> None:
    """One structure, as lines of a Markdown table."""
    make, fraction = STRUCTURES[name]
    start = time.perf_counter()
    found = windows(make, number)
    seconds = time.perf_counter() - start
    for quantity, rows in found.items():
        values, halves, stated = np.array(rows).T
        truth = fraction if quantity.startswith("volume_fraction") else float(values.mean())
        hits = int(np.sum(np.abs(values - truth) <= halves))
        low, high = binomial(hits, len(values))
        wide = np.mean(np.abs(values - truth) <= stated)
        coverage = f"{100 * hits / len(values):.1f} ({100 * low:.1f} to {100 * high:.1f})"
        width = f"{np.mean(halves) / 1.96 / values.std(ddof=1):.2f}"
        cells = [name, quantity, f"{len(values)} of {number}", coverage, f"{100 * wide:.1f}", width]
        print("| " + " | ".join(cells) + " |", flush=True)
    print(f"<!-- {name}: {seconds:.0f} s -->", flush=True)


class Coverage:
    """For asv."""

    def track_fraction(self) -> float:
        """Share of 40 windows whose interval holds the fraction."""
        make, fraction = STRUCTURES["balls, 48³, 4 diameters"]
        rows = np.array(windows(make, 40)["volume_fraction, integral range"])
        return float(np.mean(np.abs(rows[:, 0] - fraction) <= rows[:, 1]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=400)
    parser.add_argument("--structure", default="", help="part of a name; all by default")
    chosen = parser.parse_args()
    print("| structure | number | given | coverage, % (95 %) | of the stated interval, % | width / scatter |")
    print("|---|---|---|---|---|---|")
    for each in STRUCTURES:
        if chosen.structure in each:
            report(each, chosen.windows)
