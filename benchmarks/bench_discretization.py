"""What digitising a body does to its conductivity, against what voxels twice as wide do to it.

    python benchmarks/bench_discretization.py

Bodies are painted on 48³ voxels and on grids two and four times as fine, all periodic. Truth is Rayleigh's formula for
the lattice of balls, and the two finer grids extrapolated (first order) for the others. A ratio of 1 means that the
fall of D_eff on the coarser grid is the error on the given one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from voltomo.metrics.conduction import solve_flow
from voltomo.metrics.conduction.coarsening import add_coarser

EDGE = 48
FINE = 4


def conductivity(pore: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """On the given voxels, and on voxels twice as wide."""
    phases = pore.astype(np.uint8)
    flow = solve_flow(phases, {1: 1.0}, axis=0, sides="periodic", tolerance=1e-4)
    wider = add_coarser(flow, phases, 1, axis=0, sides="periodic", tolerance=1e-4)
    return flow.conductivity, wider.coarser


def report(name: str, pore: npt.NDArray[np.bool_], truth: float) -> float:
    """One line; the ratio."""
    value, wider = conductivity(pore)
    error, fall = truth / value - 1, 1 - wider / value
    print(
        f"{name:34s} porosity {pore.mean():.3f}  D {value:.4f}  error {-error:+.3f}  fall {-fall:+.3f}  "
        f"ratio {error / fall:.2f}"
    )
    return error / fall


def lattice(n: int) -> float:
    """Insulating balls of radius 0.4 on a cubic lattice."""
    z, y, x = np.ogrid[:n, :n, :n]
    center = (n - 1) / 2
    pore = (z - center) ** 2 + (y - center) ** 2 + (x - center) ** 2 >= (0.4 * n) ** 2
    f = 4 / 3 * np.pi * 0.4**3
    return report(f"lattice of balls, radius {0.4 * n:.1f}", pore, 1 - 3 * f / (2 + f - 0.75 * 1.305 * f ** (10 / 3)))


def painted(name: str, field: npt.NDArray[np.float32], cut: float) -> float:
    """Pores where a field on the finest grid lies below a cut."""
    half, full = (conductivity(field[o::s, o::s, o::s] < cut)[0] for o, s in ((0, 1), (FINE // 4, FINE // 2)))
    return report(name, field[FINE // 2 :: FINE, FINE // 2 :: FINE, FINE // 2 :: FINE] < cut, 2 * half - full)


def noise(width: float, porosity: float, seed: int) -> float:
    """Smoothed noise."""
    white = np.random.default_rng(seed).standard_normal((EDGE * FINE,) * 3, np.float32)
    field = ndimage.gaussian_filter(white, width * FINE, mode="wrap")
    return painted(f"noise smoothed by {width}", field, float(np.quantile(field[::4, ::4, ::4], porosity)))


def balls(radius: float, porosity: float, seed: int) -> float:
    """Overlapping insulating balls at random places: minus the distance to the nearest centre."""
    n = EDGE * FINE
    count = round(-np.log(porosity) * EDGE**3 / (4 / 3 * np.pi * radius**3))
    away = np.ones((n, n, n), bool)
    places = np.random.default_rng(seed).integers(0, n, (count, 3))
    away[tuple(places.T)] = False
    tiled = np.pad(away, int(radius * FINE) + FINE, mode="wrap")
    inner = slice(int(radius * FINE) + FINE, -int(radius * FINE) - FINE)
    field = -ndimage.distance_transform_edt(tiled)[inner, inner, inner].astype(np.float32)
    return painted(f"overlapping balls, radius {radius}", field, -radius * FINE)


def main() -> None:
    """All bodies, and the spread of the ratios."""
    ratios = [lattice(n) for n in (16, 20, 24, 32, 40, 48)]
    ratios += [
        noise(w, p, seed) for seed, (w, p) in enumerate([(1.5, 0.5), (2, 0.4), (2, 0.6), (3, 0.4), (3, 0.3), (4, 0.5)])
    ]
    ratios += [balls(r, p, seed) for seed, (r, p) in enumerate([(4, 0.5), (5, 0.3), (6, 0.4), (8, 0.6)])]
    print(f"ratio: mean {np.mean(ratios):.2f}, standard deviation {np.std(ratios, ddof=1):.2f}, {len(ratios)} bodies")


if __name__ == "__main__":
    main()
