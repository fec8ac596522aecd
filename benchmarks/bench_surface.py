"""Surface area: time at 300³ against marching cubes and flying edges, and the bias of each method.

As asv classes: speed, memory and accuracy of our own method. As a program, beside the peers, in an environment of its
own (`benchmarks/requirements.txt`, with voltomo installed into it)::

    .venv-bench/bin/python benchmarks/bench_surface.py [--size 300] [--fast]
"""

from __future__ import annotations

import argparse
import importlib.metadata
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from voltomo.metrics.neighbors import count_neighbors
from voltomo.metrics.surfaces import InterfaceCounts, crofton_area, even_normals, face_density, flat_response
from voltomo.morphology.directions import crofton_directions
from voltomo.phantoms import OverlappingSpheres

DIRECTIONS = crofton_directions(None, 3)
METHODS = ("Crofton, 13 directions", "voxel faces", "skimage marching cubes", "vtk flying edges")


def electrode(size: int) -> np.ndarray:
    """Overlapping spheres, 45 % pore, radius 10 voxels: 1 pore, 2 solid."""
    spheres = OverlappingSpheres(porosity=0.45, radius=10.0)
    return spheres.rasterize((size,) * 3, rng=np.random.default_rng(0)).astype(np.uint8) + np.uint8(1)


def ball(radius: float, rng: np.random.Generator) -> np.ndarray:
    """A digitised ball (2) around a random point of a voxel, in 1."""
    half = int(radius) + 3
    z, y, x = np.ogrid[(slice(-half, half + 1),) * 3]
    dz, dy, dx = rng.random(3) - 0.5
    return ((z - dz) ** 2 + (y - dy) ** 2 + (x - dx) ** 2 <= radius**2).astype(np.uint8) + np.uint8(1)


def crofton(labels: np.ndarray) -> float:
    """Area by Crofton's formula."""
    counts = InterfaceCounts(count_neighbors(labels, phase_ids=(1, 2), offsets=DIRECTIONS.offsets), DIRECTIONS)
    return crofton_area(counts.of(1), DIRECTIONS, voxel_size=None)


def crofton_of_three(labels: np.ndarray) -> float:
    """All neighbors of three phases: what the areas of each phase and of each pair of phases follow from."""
    return float(count_neighbors(labels, phase_ids=(1, 2, 3), offsets=DIRECTIONS.offsets).sum())


def faces(labels: np.ndarray) -> float:
    """Area of the voxel faces, from the same counts."""
    counts = InterfaceCounts(count_neighbors(labels, phase_ids=(1, 2), offsets=DIRECTIONS.offsets), DIRECTIONS)
    return face_density(counts.of(1), DIRECTIONS, voxels=1)


def marching_cubes(labels: np.ndarray) -> float:
    """Area of scikit-image's mesh."""
    from skimage.measure import marching_cubes, mesh_surface_area

    vertices, triangles, _, _ = marching_cubes(labels, 1.5)
    return float(mesh_surface_area(vertices, triangles))


def flying_edges(labels: np.ndarray) -> float:
    """Area of vtk's mesh, without normals and gradients; vtk may use all cores (ours uses one)."""
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    vtk.vtkSMPTools.SetBackend("STDThread")
    image = vtk.vtkImageData()
    image.SetDimensions(*labels.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(labels.ravel()))
    contour = vtk.vtkFlyingEdges3D()
    contour.SetInputData(image)
    contour.SetValue(0, 1.5)
    contour.ComputeNormalsOff()
    contour.ComputeGradientsOff()
    contour.ComputeScalarsOff()
    mass = vtk.vtkMassProperties()
    mass.SetInputConnection(contour.GetOutputPort())
    mass.Update()
    return float(mass.GetSurfaceArea())


AREAS: dict[str, Callable[[np.ndarray], float]] = dict(
    zip(METHODS, (crofton, faces, marching_cubes, flying_edges), strict=True)
)


class Speed:
    """Crofton's formula on overlapping spheres."""

    params = (64, 128, 300)
    param_names = ("size",)

    def setup(self, size: int) -> None:
        self.labels = electrode(size)
        crofton(self.labels[:4])

    def time_crofton(self, size: int) -> None:
        crofton(self.labels)

    def peakmem_crofton(self, size: int) -> None:
        crofton(self.labels)


class Accuracy:
    """Mean bias, in percent, on digitised balls of random position."""

    params = (4, 8, 16, 32)
    param_names = ("radius",)
    unit = "%"

    def track_crofton(self, radius: int) -> float:
        return 100 * ball_bias(crofton, radius)[0]

    def track_faces(self, radius: int) -> float:
        return 100 * ball_bias(faces, radius)[0]


def ball_bias(area: Callable[[np.ndarray], float], radius: int) -> tuple[float, float]:
    """Mean and spread of area / 4πr² − 1 over random positions of the centre."""
    rng = np.random.default_rng(radius)
    errors = [area(ball(radius, rng)) / (4 * math.pi * radius**2) - 1 for _ in range(16 if radius < 40 else 4)]
    return float(np.mean(errors)), float(np.std(errors))


def lattice_normals() -> np.ndarray:
    """The 13 neighbor directions, where the response to a plane has its extremes, which even normals miss."""
    return DIRECTIONS.offsets / DIRECTIONS.lengths[:, None]


def plane_bias(normals: np.ndarray, size: int) -> dict[str, np.ndarray]:
    """Area / true area − 1 of a plane through the middle of a box, per orientation.

    The response of Crofton's formula and of faces to a plane is known exactly (and tested); meshes are measured.
    """
    errors = {
        "Crofton, 13 directions": flat_response(DIRECTIONS, normals) - 1,
        "voxel faces": np.abs(normals).sum(axis=1) - 1,
    }
    middle = (size - 1) / 2
    z, y, x = np.ogrid[(slice(0, size),) * 3]
    for name in METHODS[2:]:
        found = []
        for n in normals:
            offset = 0.37  # no lattice point on the plane
            distance = n[0] * (z - middle) + n[1] * (y - middle) + n[2] * (x - middle) - offset
            labels = (distance > 0).astype(np.uint8) + np.uint8(1)
            found.append(AREAS[name](labels) / plane_in_box(n, offset, middle) - 1)
        errors[name] = np.array(found)
    return errors


def plane_in_box(normal: np.ndarray, offset: float, half: float) -> float:
    """Area of the plane n·r = offset within the cube |z|, |y|, |x| <= half."""
    corners = np.array(np.meshgrid(*[(-half, half)] * 3, indexing="ij")).reshape(3, -1).T
    crossings = []
    for i, a in enumerate(corners):
        for b in corners[i + 1 :]:
            if np.count_nonzero(a != b) == 1:
                da, db = a @ normal - offset, b @ normal - offset
                if da * db < 0:
                    crossings.append(a + (b - a) * da / (da - db))
    points = np.array(crossings) - np.mean(crossings, axis=0)
    u = points[0] / np.linalg.norm(points[0])
    v = np.cross(normal, u)
    order = np.argsort(np.arctan2(points @ v, points @ u))
    p, q = (points @ u)[order], (points @ v)[order]
    return float(abs(np.sum(p * np.roll(q, -1) - q * np.roll(p, -1))) / 2)


def best_time(area: Callable[[np.ndarray], float], labels: np.ndarray, repeats: int) -> tuple[float, float]:
    """Shortest wall time of several warm calls, and the area."""
    area(labels[:64])
    times, result = [], 0.0
    for _ in range(repeats):
        start = time.perf_counter()
        result = area(labels)
        times.append(time.perf_counter() - start)
    return min(times), result


def cold_time(size: int) -> float:
    """First call in a fresh process, without compiled kernels on the disk."""
    code = (
        "import sys, time, numpy as np; sys.path.insert(0, sys.argv[1]); import bench_surface as b;"
        "labels = np.ones((int(sys.argv[2]),) * 3, np.uint8); start = time.perf_counter(); b.crofton(labels);"
        "print(time.perf_counter() - start)"
    )
    with tempfile.TemporaryDirectory() as cache:
        done = subprocess.run(
            [sys.executable, "-c", code, str(Path(__file__).parent), str(size)],
            env={**os.environ, "NUMBA_CACHE_DIR": cache},
            capture_output=True,
            text=True,
            check=True,
        )
    return float(done.stdout)


def main() -> None:
    """Print three tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=300)
    parser.add_argument("--fast", action="store_true", help="fewer balls and orientations")
    options = parser.parse_args()
    versions = ", ".join(f"{p} {importlib.metadata.version(p)}" for p in ("numpy", "numba", "scikit-image", "vtk"))
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}\n")

    labels = electrode(options.size)
    print(f"Overlapping spheres, {options.size}³ voxels; best of three warm calls, wall time\n")
    print("| method | time / s | ours is faster by | area per volume / voxel⁻¹ |\n|---|---|---|---|")
    ours = 0.0
    for name in (METHODS[0], *METHODS[2:]):
        seconds, area = best_time(AREAS[name], labels, 3)
        ours = ours or seconds
        print(f"| {name} | {seconds:.3f} | {seconds / ours:.1f} | {area / labels.size:.5f} |", flush=True)
    three = np.minimum(labels + (np.arange(options.size) % 9 < 3), 3).astype(np.uint8)
    seconds, _ = best_time(crofton_of_three, three, 3)
    print(f"| Crofton, three phases and their pairs | {seconds:.3f} | | |")
    exact = OverlappingSpheres(porosity=0.45, radius=10.0).specific_surface
    print(f"| closed form | | | {exact:.5f} |\n\nCold, kernels compiled: {cold_time(options.size):.2f} s\n")

    radii = (4, 8, 16) if options.fast else (4, 8, 16, 32, 64)
    print("Bias on digitised balls, % (mean ± spread over positions)\n")
    print("| method |" + "".join(f" r = {r} |" for r in radii) + "\n|---|" + "---|" * len(radii))
    for name in METHODS:
        cells = [
            f" {100 * mean:+.2f} ± {100 * spread:.2f} |" for mean, spread in (ball_bias(AREAS[name], r) for r in radii)
        ]
        print(f"| {name} |" + "".join(cells), flush=True)

    even = even_normals(3, 25 if options.fast else 200)
    errors = plane_bias(np.concatenate([even, lattice_normals()]), 48)
    print(
        "\nBias on planes over all orientations, %\n\n| method | mean | rms | lowest | highest |\n|---|---|---|---|---|"
    )
    for name in METHODS:
        every = 100 * errors[name]
        e = every[: len(even)]
        print(f"| {name} | {e.mean():+.1f} | {np.sqrt(np.mean(e**2)):.1f} | {every.min():+.1f} | {every.max():+.1f} |")


if __name__ == "__main__":
    main()
