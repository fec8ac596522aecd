"""Bias of areas, mean curvature and triple lines on digitised balls, rings and wedges, in percent.

.venv/bin/python benchmarks/bench_curvature.py
"""

from __future__ import annotations

import math

import numpy as np

from voltomo.metrics.curvature import mean_curvature_integral
from voltomo.metrics.marching_cubes import mesh_area
from voltomo.metrics.neighbors import count_neighbors
from voltomo.metrics.surfaces import InterfaceCounts, crofton_area
from voltomo.metrics.triple_lines import edge_length, triple_line_length
from voltomo.metrics.windows import count_windows
from voltomo.morphology.directions import crofton_directions
from voltomo.phantoms import Ball, Torus, rasterize

UNIT = (1.0, 1.0, 1.0)
DIRECTIONS = crofton_directions(None, 3)


def bias(solid: Ball | Torus, size: int) -> tuple[float, float, float]:
    """Of Crofton's area, the area of marching cubes, and the integral of the mean curvature."""
    labels = (rasterize(solid, (size,) * 3) > 0).astype(np.uint8) + np.uint8(1)
    pairs = InterfaceCounts(count_neighbors(labels, phase_ids=(1, 2), offsets=DIRECTIONS.offsets), DIRECTIONS)
    windows = count_windows(labels, phase_ids=(1, 2)).phases[1]
    area = crofton_area(pairs.of(1), DIRECTIONS, voxel_size=None) / solid.surface - 1
    mean = mean_curvature_integral(windows, UNIT) / solid.mean_curvature_integral - 1
    return 100 * area, 100 * (mesh_area(windows, UNIT) / solid.surface - 1), 100 * mean


def wedge(angle: float, rng: np.random.Generator) -> tuple[float, float]:
    """Of a straight line of random direction at which a phase ends in a wedge: by planes, by edges × 2/3."""
    frame, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    shift = rng.random(3) - 0.5
    grid = np.meshgrid(*(np.arange(-16, 17) - s for s in shift), indexing="ij", sparse=True)
    along = [sum(frame[i, a] * grid[a] for a in range(3)) for i in range(3)]
    turn = np.degrees(np.arctan2(along[1], along[0])) % 360
    labels = (np.digitize(turn, [angle, 180 + angle / 2]) + 1).astype(np.uint8)
    labels[sum(g**2 for g in grid) > 15**2] = 0
    counts = count_windows(labels, phase_ids=(1, 2, 3))
    radius = (3 * counts.inside[0] / 4 / math.pi) ** (1 / 3)
    length = 2 * math.sqrt(radius**2 - (shift @ shift - (shift @ frame[2]) ** 2))
    by_planes, by_edges = triple_line_length(counts.triples[0], UNIT), edge_length(counts.triples[0], UNIT) / 1.5
    return 100 * (by_planes / length - 1), 100 * (by_edges / length - 1)


def cells(found: list[tuple[float, ...]]) -> str:
    """Mean ± spread of each column."""
    return " | ".join(f"{np.mean(c):+.1f} ± {np.std(c):.1f}" for c in zip(*found, strict=True))


def main() -> None:
    """Print two tables in Markdown."""
    rng = np.random.default_rng(0)
    print("| body | Crofton | marching cubes | mean curvature |\n|---|---|---|---|")
    for radius in (4, 8, 16, 32):
        size = 2 * radius + 8
        found = [bias(Ball(tuple(size / 2 - rng.random(3)), radius), size) for _ in range(10)]
        print(f"| ball, r = {radius} | {cells(found)} |", flush=True)
    for minor in (4, 8, 16):
        major = 2.5 * minor
        size = int(2 * (major + minor)) + 8
        places = [(tuple(size / 2 - rng.random(3)), tuple(rng.standard_normal(3))) for _ in range(10)]
        found = [bias(Torus(center, major, minor, axis), size) for center, axis in places]
        print(f"| ring, r = {minor}, R = {major:g} | {cells(found)} |", flush=True)
    print("\n| angle of the wedge | 13 families of planes | voxel edges × 2/3 |\n|---|---|---|")
    for angle in (120, 90, 60, 40, 20):
        print(f"| {angle}° | {cells([wedge(angle, rng) for _ in range(40)])} |", flush=True)


if __name__ == "__main__":
    main()
