"""How often the stated 95 % intervals hold the truth: many windows of structures that go on beyond them.

As asv classes: the coverage of a few windows. As a program, the tables of `docs/explanation/representativity.md`::

    .venv/bin/python benchmarks/bench_coverage.py [--windows 400] [--structure "few balls"]

Truth is the closed form where there is one (fractions, diameters of particles), the quantile of all windows together
for widths, otherwise the mean over all windows: the estimators have no edge bias, and what voxels do to them is
another part of the budget. The interval is that of the representativity (of particles: the sampling) alone; what is
printed with the number is wider where it holds the part of the voxels too, and its coverage stands beside.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from coverage_table import coverage_text, gaussian_field, print_tables
from scipy.special import ndtri
from scipy.stats import t as student

import voltomo as vt
from voltomo.artifacts import Measurement, Phase, PhaseTable
from voltomo.metrics.chord_lengths import share_up_to
from voltomo.metrics.fractions import measure_fractions
from voltomo.metrics.neighbors import count_neighbors
from voltomo.metrics.opening import BINS_PER_EDGE, count_thickness, covering_balls, squared_radii
from voltomo.metrics.quantile_intervals import scatter_of_quantile
from voltomo.metrics.representativity import jackknife, part_places, piece_bounds
from voltomo.metrics.sample import Sample
from voltomo.metrics.sizes import ParticleSample, SizeRules, measure_particles
from voltomo.metrics.surfaces import crofton_density
from voltomo.metrics.triple_lines import triple_line_length
from voltomo.metrics.windows import count_windows
from voltomo.morphology.directions import CroftonDirections, crofton_directions
from voltomo.morphology.grid import Grid
from voltomo.phantoms import OverlappingSpheres
from voltomo.stages.chords import find_chords
from voltomo.stages.correlation import correlate_phases
from voltomo.stages.representativity import density_rows, independent_parts
from voltomo.stages.structure_counts import count_structure
from voltomo.stages.widths import width_rows
from voltomo.stages.workspace import MemoryWorkspace

Maps = Callable[[int], Iterator[np.ndarray]]
"""A number of windows, as maps of phases from 1 on."""

SHARES = (0.1, 0.5, 0.9)
REPLICATES = 400


def table(number: int) -> PhaseTable:
    """Pore, solid and, where there are three, binder."""
    roles = ("pore", "active", "binder")
    return PhaseTable(tuple(Phase(i + 1, role, role) for i, role in enumerate(roles[:number])))


def balls(porosity: float, radius: float, edge: int) -> Maps:
    """Overlapping balls: 1 pore, 2 solid."""
    spheres = OverlappingSpheres(porosity=porosity, radius=radius)

    def make(number: int) -> Iterator[np.ndarray]:
        for seed in range(number):
            yield spheres.rasterize((edge,) * 3, rng=np.random.default_rng(seed)).astype(np.uint8) + np.uint8(1)

    return make


def field(sigma: float, threshold: float, edge: int) -> Maps:
    """A Gaussian random field above a threshold: 2."""

    def make(number: int) -> Iterator[np.ndarray]:
        for seed in range(number):
            above = gaussian_field(sigma, edge, np.random.default_rng(seed)) > threshold
            yield above.astype(np.uint8) + np.uint8(1)

    return make


def two_fields(sigma: float, edge: int) -> Maps:
    """Half pore; the other half shared by two solids, all bounded by random fields."""

    def make(number: int) -> Iterator[np.ndarray]:
        for seed in range(number):
            rng = np.random.default_rng(seed)
            solid, second = gaussian_field(sigma, edge, rng) > 0, gaussian_field(sigma, edge, rng) > 0
            yield np.where(solid, np.where(second, 3, 2), 1).astype(np.uint8)

    return make


def synthetic(family: str, d50: str, edge: int, along: int) -> Maps:
    """Windows of synthetic electrodes without cracks, `along`³ of each, side by side."""

    def make(number: int) -> Iterator[np.ndarray]:
        for n in range(number):
            place = n % along**3
            if place == 0:
                settings = {"shape": (along * edge,) * 3, "seed": n // along**3, "cracked": 0.0, "hollow": 0.0}
                made = vt.synth(family, scan="none", d50=d50, **settings)
                ids = np.asarray(made.phase_map.data)
                present = [phase.id for phase in made.phase_map.phases if phase.role in ("pore", "active", "binder")]
                labels = np.zeros(256, np.uint8)
                labels[present] = np.arange(len(present)) + 1
                labels = np.maximum(labels, 1)[ids]
            starts = [i * edge for i in np.unravel_index(place, (along,) * 3)]
            yield np.ascontiguousarray(labels[tuple(slice(s, s + edge) for s in starts)])

    return make


@dataclass(frozen=True)
class Structure:
    """Windows, how many phases they have, the fraction of the first where it is known, and what is measured."""

    make: Maps
    phases: int = 2
    fraction: float | None = None
    widths: bool = False
    lines_only: bool = False


STRUCTURES = {
    "balls, 64³, 5.3 diameters": Structure(balls(0.45, 6.0, 64), fraction=0.45, widths=True),
    "balls, 48³, 4 diameters": Structure(balls(0.45, 6.0, 48), fraction=0.45),
    "few balls, 48³, 4 diameters": Structure(balls(0.8, 6.0, 48), fraction=0.8),
    "Gaussian field, 48³": Structure(field(3.0, 0.0, 48), fraction=0.5),
    "Gaussian field, 48³, 16 %": Structure(field(3.0, 1.0, 48), fraction=0.8413447460685429),
    "two Gaussian fields, 48³": Structure(two_fields(1.5, 48), phases=3, lines_only=True),
    "synthetic nmc, 48³, 1.2 D50": Structure(synthetic("nmc", "4 um", 48, 3), phases=3),
    "synthetic nmc, 48³, 6 D50": Structure(synthetic("nmc", "0.8 um", 48, 3), phases=3),
}


@dataclass(frozen=True)
class Interval:
    """A number of one window: its value, its interval, and the one printed with it."""

    value: float
    low: float
    high: float
    stated_low: float
    stated_high: float


Found = dict[str, list[Interval]]


def measure_windows(structure: Structure, number: int) -> tuple[Found, dict[str, float]]:
    """Intervals by quantity, and the truths that are known."""
    found: Found = defaultdict(list)
    truths = {} if structure.fraction is None else {"volume_fraction": structure.fraction}
    pooled: dict[str, np.ndarray] = {}
    phases = table(structure.phases)
    for labels in structure.make(number):
        z, y, x = labels.shape
        sample, work = Sample(phases, (z, y, x), labels.size), MemoryWorkspace()
        if structure.lines_only:
            add_lines(found, labels, sample)
            continue
        counted = count_structure(labels, phases, work)
        correlations = tuple(correlate_phases(labels, sample, work))
        spans = [one.span for one in correlations]
        by_range = measure_fractions(counted.slices, sample, scatters=[c.scatter for c in correlations])
        by_parts = measure_fractions(counted.slices, sample, pieces=counted.pieces)
        add_row(found, "volume_fraction, integral range", by_range[0])
        add_row(found, "volume_fraction, parts", by_parts[0])
        for row in density_rows(counted, sample, spans=spans):
            if row.phase == "pore":
                name = row.name + (f" ({row.phase_2})" if row.phase_2 else "")
                add_row(found, f"{name}, {row.method}", row)
        parts = independent_parts(counted, sample, spans=spans) or ()
        if not parts:
            continue
        if structure.widths:
            add_bootstrap(found, labels, sample)
        if structure.widths:
            rows = width_rows(labels, sample, counted, "none", work, parts=parts).rows
            mean = next(r for r in rows if (r.name, r.phase, r.axis) == ("chord_length", "pore", "x"))
            add_row(found, "chord_length, mean", mean)
            for name, sizes, counts in distributions(labels, sample):
                whole = counts.sum(axis=0)
                pooled[name] = padded_sum(pooled.get(name), whole)
                shares = cumulated(whole)
                without = [cumulated(whole - counts[i]) for i in parts]
                for share in SHARES:
                    scatter = scatter_of_quantile(sizes(len(shares)), shares, without, share)
                    if scatter is not None:
                        value = float(np.interp(share, shares, sizes(len(shares))))
                        ends = scatter.low, scatter.high
                        found[f"{name}, D{100 * share:.0f}"].append(Interval(value, *ends, *ends))
            truths |= {
                f"{name}, D{100 * share:.0f}": float(np.interp(share, cumulated(all_), size_of(name)(all_.shape[-1])))
                for name, all_ in pooled.items()
                for share in SHARES
            }
    return found, truths


def add_row(found: Found, name: str, row: Measurement) -> None:
    """The interval of the representativity of a row, where it has one."""
    parts = [p for p in row.parts if p.name == "representativity" and p.standard_uncertainty]
    if row.value is None or not parts or row.low is None or row.high is None:
        return
    low, high = row.low, row.high
    if "parts of the window" in parts[0].note and not name.startswith("volume_fraction"):
        half = float(student.ppf(0.975, 7)) * float(parts[0].standard_uncertainty or 0.0)
        low, high = row.value - half, row.value + half
    found[name].append(Interval(row.value, low, high, row.low, row.high))


def size_of(name: str) -> Callable[[int], np.ndarray]:
    """Sizes of the classes of a distribution."""
    step = 1.0 if name.startswith("chord") else 1 / BINS_PER_EDGE
    return lambda count: (np.arange(count) + 0.5) * step


def distributions(labels: np.ndarray, sample: Sample) -> Iterator[tuple[str, Callable[[int], np.ndarray], np.ndarray]]:
    """Chords along x (whole and cut once) and local thickness of the pore, by part of the window."""
    chords = list(find_chords(labels, sample, MemoryWorkspace()))[2]
    yield "chord_length", size_of("chord_length"), chords.ends[:, 0]
    grid, places = Grid((1.0, 1.0, 1.0)), part_places(sample.shape)
    squares = squared_radii(labels, grid)
    counts = count_thickness(
        covering_balls(squares, grid),
        labels,
        phase_ids=(1,),
        widest=math.sqrt(float(squares.max())),
        places=places,
        part_count=8,
    )
    yield "local_thickness", size_of("local_thickness"), counts[:, 0, None]


def cumulated(counts: np.ndarray) -> np.ndarray:
    """Share up to each class: of chords, Kaplan-Meier."""
    if len(counts) == 2:
        return share_up_to(counts[0] / 2, counts[1])
    return np.cumsum(counts[0]) / counts[0].sum()


def padded_sum(one: np.ndarray | None, two: np.ndarray) -> np.ndarray:
    """Sum of two tables of different length."""
    if one is None:
        return two
    length = max(one.shape[1], two.shape[1])
    return np.sum([np.pad(a, ((0, 0), (0, length - a.shape[1]))) for a in (one, two)], axis=0)


def add_lines(found: Found, labels: np.ndarray, sample: Sample) -> None:
    """Triple lines, with the spread when each of 8 parts is left out, as `density_rows` has it, and the bootstrap."""
    quarters, volumes = [], []
    for piece, starts in pieces_of(labels, 2):
        windows = count_windows(piece, phase_ids=sample.phases.ids, starts=starts)
        quarters.append(windows.triples[0])
        volumes.append(int(windows.inside[0]))
    density = partial(lines_of, np.array(quarters), np.array(volumes))
    value, half = (
        density(np.ones(8)),
        float(student.ppf(0.975, 7)) * (jackknife([density(d) for d in 1 - np.eye(8)]) or 0),
    )
    found["triple_phase_boundary_length"].append(Interval(value, *(value - half, value + half) * 2))
    draws = np.random.default_rng(0).multinomial(8, np.full(8, 1 / 8), REPLICATES)
    add_replicates(found, "triple_phase_boundary_length, bootstrap of 8 parts", density, draws)


def pieces_of(labels: np.ndarray, cuts: int) -> Iterator[tuple[np.ndarray, tuple[slice, ...]]]:
    """Parts of a window with a halo of one voxel, and where they lie in it."""
    bounds = [piece_bounds(n, cuts) for n in labels.shape]
    for place in itertools.product(range(cuts), repeat=3):
        low = [int(b[i]) for b, i in zip(bounds, place, strict=True)]
        high = [int(b[i + 1]) for b, i in zip(bounds, place, strict=True)]
        first = [max(a - 1, 0) for a in low]
        piece = np.ascontiguousarray(labels[tuple(slice(f, h + 1) for f, h in zip(first, high, strict=True))])
        yield piece, tuple(slice(a - f, h - f) for a, f, h in zip(low, first, high, strict=True))


def add_bootstrap(found: Found, labels: np.ndarray, sample: Sample) -> None:
    """Surface and triple lines with the block bootstrap, of 8, 27 and 64 parts: percentiles of the replicates."""
    directions = crofton_directions(None, 3)
    ids = sample.phases.ids
    for cuts in (2, 3, 4):
        crossings, inside, quarters, volumes = [], [], [], []
        for piece, starts in pieces_of(labels, cuts):
            pairs = count_neighbors(piece, phase_ids=ids, offsets=directions.offsets, starts=starts)
            crossings.append(pairs[:, 0, 1:].sum(axis=1) + pairs[:, 1:, 0].sum(axis=1))
            inside.append(pairs.sum(axis=(1, 2)))
            if len(ids) == 3:
                windows = count_windows(piece, phase_ids=ids, starts=starts)
                quarters.append(windows.triples[0])
                volumes.append(int(windows.inside[0]))
        draws = np.random.default_rng(0).multinomial(cuts**3, np.full(cuts**3, cuts**-3.0), REPLICATES)

        surface = partial(surface_of, np.array(crossings), np.array(inside), directions)
        add_replicates(found, f"specific_surface_area, bootstrap of {cuts**3} parts", surface, draws)
        if quarters:
            lines = partial(lines_of, np.array(quarters), np.array(volumes))
            add_replicates(found, f"triple_phase_boundary_length, bootstrap of {cuts**3} parts", lines, draws)


def surface_of(crossings: np.ndarray, inside: np.ndarray, directions: CroftonDirections, draw: np.ndarray) -> float:
    """Surface per volume of parts that are drawn so often."""
    return crofton_density(draw @ crossings, draw @ inside, directions)


def lines_of(quarters: np.ndarray, volumes: np.ndarray, draw: np.ndarray) -> float:
    """Length of triple lines per volume of parts that are drawn so often."""
    return triple_line_length(draw @ quarters, (1.0, 1.0, 1.0)) / float(draw @ volumes)


def add_replicates(found: Found, name: str, density: Callable[[np.ndarray], float], draws: np.ndarray) -> None:
    """The percentile interval of a density over draws of the parts."""
    value = density(np.ones(draws.shape[1]))
    low, high = np.quantile([density(draw) for draw in draws], (0.025, 0.975))
    found[name].append(Interval(value, low, high, low, high))


def particle_windows(edge: float, mean_number: float, spread: float, number: int) -> tuple[Found, dict[str, float]]:
    """Log-normal balls at Poisson points: those of a window, with the bootstrap over particles.

    Diameters have their median, by number, at 10 voxels.
    """
    found: Found = defaultdict(list)
    truths = {
        f"equivalent_diameter, D{100 * share:.0f}, {weighting}-weighted": 10
        * math.exp(power * spread**2 + spread * float(ndtri(share)))
        for share in SHARES
        for weighting, power in (("volume", 3), ("area", 2), ("number", 0))
    }
    shape = (int(edge),) * 3
    sample = Sample(table(2), shape, int(edge) ** 3)
    for seed in range(number):
        rng = np.random.default_rng(seed)
        wide = edge + 120.0
        count = rng.poisson(mean_number * (wide / edge) ** 3)
        diameters = 10 * np.exp(spread * rng.standard_normal(count))
        centers = rng.random((count, 3)) * wide - 60.0
        lows, highs = centers - diameters[:, None] / 2, centers + diameters[:, None] / 2
        seen = ((highs > 0) & (lows < edge)).all(axis=1)
        diameters, lows, highs = diameters[seen], lows[seen], highs[seen]
        first, last = np.maximum(np.floor(lows), 0), np.minimum(np.ceil(highs), edge)
        content = math.pi / 6 * diameters**3
        particles = ParticleSample(
            diameters,
            content,
            content,
            (last - first).astype(np.int64),
            ((lows > 0) & (highs < edge)).all(axis=1),
            {},
            phase="active",
        )
        for row in measure_particles(particles, sample, SizeRules(seed=seed)):
            if row.name == "equivalent_diameter" and row.method.startswith("whole") and row.low is not None:
                ends = row.low, row.high
                found[f"{row.name}, {row.statistic}"].append(Interval(row.value, *ends, *ends))
    return found, truths


PARTICLES = {
    "particles, 500 of spread 0.25": (215.0, 500.0, 0.25),
    "particles, 300 of spread 0.35": (150.0, 300.0, 0.35),
    "particles, 1000 of spread 0.35": (225.0, 1000.0, 0.35),
    "particles, 1500 of spread 0.5": (200.0, 1500.0, 0.5),
}


def rows_of(name: str, number: int) -> Iterator[list[str]]:
    """One structure: cells of the lines of its numbers."""
    if name in PARTICLES:
        found, truths = particle_windows(*PARTICLES[name], number)
    else:
        found, truths = measure_windows(STRUCTURES[name], number)
    for quantity, intervals in found.items():
        rows = np.array([[i.value, i.low, i.high, i.stated_low, i.stated_high] for i in intervals])
        key = "volume_fraction" if quantity.startswith("volume_fraction") else quantity
        truth = truths.get(key, float(rows[:, 0].mean()))
        hits = int(np.sum((rows[:, 1] <= truth) & (truth <= rows[:, 2])))
        stated = np.mean((rows[:, 3] <= truth) & (truth <= rows[:, 4]))
        width = f"{np.mean(rows[:, 2] - rows[:, 1]) / 2 / 1.96 / rows[:, 0].std(ddof=1):.2f}"
        given = f"{len(rows)} of {number}"
        yield [quantity, given, coverage_text(hits, len(rows)), f"{100 * stated:.1f}", width]


class Coverage:
    """For asv."""

    def track_fraction(self) -> float:
        """Share of 40 windows whose interval holds the fraction."""
        structure = STRUCTURES["balls, 48³, 4 diameters"]
        rows = measure_windows(structure, 40)[0]["volume_fraction, integral range"]
        return float(np.mean([i.low <= 0.45 <= i.high for i in rows]))


if __name__ == "__main__":
    columns = ("number", "given", "coverage, % (95 %)", "of the stated interval, %", "width / scatter")
    print_tables(__doc__, columns, (*STRUCTURES, *PARTICLES), rows_of)
