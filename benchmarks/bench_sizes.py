"""Sizes: local thickness beside porespy at an equal result, chords, and the recovery of spheres from sections.

As asv classes: time and memory of our own method. As a program, beside the peer, in an environment of its own
(`benchmarks/requirements.txt`, with voltomo installed into it)::

    .venv-bench/bin/python benchmarks/bench_sizes.py [--size 128] [--peer]
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from voltomo.artifacts import PhaseTable
from voltomo.metrics.opening import covering_balls, squared_radii
from voltomo.metrics.saltykov import unfold_spheres
from voltomo.metrics.sample import Sample
from voltomo.morphology.grid import Grid
from voltomo.phantoms import OverlappingSpheres
from voltomo.stages.chords import find_chords
from voltomo.stages.workspace import MemoryWorkspace

UNIT = Grid((1.0, 1.0, 1.0))


def electrode(size: int) -> np.ndarray:
    """Overlapping spheres, 45 % pore, radius 10 voxels: 1 pore, 2 solid."""
    spheres = OverlappingSpheres(porosity=0.45, radius=10.0)
    return spheres.rasterize((size,) * 3, rng=np.random.default_rng(0)).astype(np.uint8) + np.uint8(1)


def thickness(labels: np.ndarray) -> np.ndarray:
    """Radius of the largest ball that covers each voxel, of all phases at once."""
    return np.sqrt(covering_balls(squared_radii(labels, UNIT), UNIT))


def chords(labels: np.ndarray) -> None:
    """Chords along the three axes."""
    list(find_chords(labels, Sample(PhaseTable.two_class(), labels.shape, labels.size), MemoryWorkspace()))


class Sizes:
    """Local thickness and chords of two phases."""

    params = (64, 128)
    param_names = ("size",)

    def setup(self, size: int) -> None:
        self.labels = electrode(size)
        thickness(self.labels[:16, :16, :16])
        chords(self.labels[:16, :16, :16])

    def time_thickness(self, size: int) -> None:
        thickness(self.labels)

    def peakmem_thickness(self, size: int) -> None:
        thickness(self.labels)

    def time_chords(self, size: int) -> None:
        chords(self.labels)


def recovery(spread: float, count: int, rng: np.random.Generator, *, repeats: int = 40) -> np.ndarray:
    """(repeats, 5) relative errors of D50, D90 by number and D10, D50, D90 by volume, from `count` sections."""
    spheres = rng.lognormal(2.0, spread, 20_000)
    ordered = np.sort(spheres)

    def true(power: int, share: float) -> float:
        cumulated = np.cumsum(ordered**power)
        return float(ordered[np.searchsorted(cumulated, share * cumulated[-1])])

    wanted = ((0, 0.5), (0, 0.9), (3, 0.1), (3, 0.5), (3, 0.9))
    errors = np.empty((repeats, len(wanted)))
    for row in errors:
        cut = rng.choice(spheres, count, p=spheres / spheres.sum()) * np.sqrt(1 - rng.random(count) ** 2)
        found = unfold_spheres(cut, np.ones(count), area=1.0, classes=12, largest=cut.max() * (1 + 1e-9))
        row[:] = [found.quantiles((share,), power=power)[0] / true(power, share) - 1 for power, share in wanted]
    return errors


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--peer", action="store_true", help="porespy as well")
    options = parser.parse_args()
    labels = electrode(options.size)
    thickness(labels[:16, :16, :16])
    chords(labels[:16, :16, :16])
    begin = time.perf_counter()
    both = thickness(labels)
    print(f"voltomo, both phases, all radii: {time.perf_counter() - begin:.2f} s")
    pore = np.where(labels == 1, both, 0.0)
    begin = time.perf_counter()
    chords(labels)
    print(f"voltomo, chords along three axes: {time.perf_counter() - begin:.3f} s")
    if options.peer:
        import porespy

        porespy.settings.tqdm["disable"] = True
        porespy.filters.local_thickness(labels[:24, :24, :24] == 1)
        radii = np.unique(np.sqrt(squared_radii(labels, UNIT)[labels == 1]))[::-1]
        for name, options_of_peer in (
            ("whole radii (its default)", {}),
            ("whole radii, by distances", {"method": "dt"}),
            (f"all {len(radii)} radii (its older method)", {"method": "legacy", "sizes": radii}),
        ):
            begin = time.perf_counter()
            found = porespy.filters.local_thickness(labels == 1, **options_of_peer)
            seconds = time.perf_counter() - begin
            off = np.abs(found - pore)[labels == 1]
            equal = (off < 1e-4 * pore[labels == 1] + 1e-6).mean()
            print(
                f"porespy, pore only, {name}: {seconds:.2f} s; {100 * equal:.2f} % of voxels as ours, "
                f"mean difference {off.mean():.3f} voxels"
            )
    rng = np.random.default_rng(0)
    print("spheres behind sections, error ± standard deviation in %: D50, D90 by number; D10, D50, D90 by volume")
    for spread in (0.3, 0.5):
        for count in (200, 1000, 5000):
            errors = 100 * recovery(spread, count, rng)
            cells = (f"{m:+.0f} ± {s:.0f}" for m, s in zip(errors.mean(axis=0), errors.std(axis=0), strict=True))
            print(f"  width {spread}, {count:5d} sections: " + ", ".join(cells))


if __name__ == "__main__":
    main()
