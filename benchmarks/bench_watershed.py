"""Marker watershed: seconds and agreement beside scikit-image and SciPy.

As asv classes: speed, memory and agreement of our own flooding. As a program, beside the peers::

    python benchmarks/bench_watershed.py [--size 256] [--fast]

All three flood the same markers on the same distance map. scikit-image takes it as float32; ours and SciPy's image
foresting transform take it as 16-bit levels. SciPy's knows no mask: the background is a marker of its own, behind a
step so high that it floods last. And its cost is the largest step along a path, not the highest level, so that its
basins differ by construction.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
from scipy import ndimage
from skimage.segmentation import watershed

from voltomo.morphology.distance import distance_inside
from voltomo.morphology.flooding import flood_markers
from voltomo.morphology.grid import Grid
from voltomo.morphology.labels import label_mask

COLD = """
import time, numpy
from voltomo.morphology.flooding import flood_markers
levels, markers = numpy.ones((8, 8, 8), numpy.uint16), numpy.zeros((8, 8, 8), numpy.uint32)
markers[4, 4, 4] = 1
start = time.perf_counter()
flood_markers(levels, markers)
print(time.perf_counter() - start)
"""


def particles(size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Smoothed distance map (float32), 16-bit levels and markers (int32) of a random solid of 55 %."""
    rng = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(rng.standard_normal((size,) * 3, dtype=np.float32), 4, mode="wrap")
    solid = smooth > np.quantile(smooth, 0.45)
    distance = ndimage.gaussian_filter(distance_inside(solid, Grid((1.0, 1.0, 1.0))), 1.0)
    peaks = (ndimage.maximum_filter(distance, 7) == distance) & solid
    markers = label_mask(peaks, connectivity=26)[0].astype(np.int32)
    scale = 65535 / distance.max()
    levels = np.where(solid, np.maximum(np.rint(distance * scale), 1), 0).astype(np.uint16)
    return distance, levels, markers


class Watershed:
    """Flooding of a distance map from all its peaks."""

    params = (64, 128)

    def setup(self, size: int) -> None:
        self.distance, self.levels, self.markers = particles(size)
        flood_markers(self.levels[:8, :8, :8], self.markers[:8, :8, :8])

    def time_flood(self, size: int) -> None:
        flood_markers(self.levels, self.markers)

    def peakmem_flood(self, size: int) -> None:
        flood_markers(self.levels, self.markers)

    def track_equal_to_skimage(self, size: int) -> float:
        expected = watershed(-self.distance, self.markers, mask=self.levels > 0)
        return float((flood_markers(self.levels, self.markers) == expected)[self.levels > 0].mean())


def best_time(call: Callable[[], np.ndarray], repeats: int) -> tuple[float, np.ndarray]:
    """Least processor time of some runs (other programs disturb it less than wall time), and the result."""
    best = np.inf
    for _ in range(repeats):
        start = time.process_time()
        result = call()
        best = min(best, time.process_time() - start)
    return best, result


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--fast", action="store_true", help="one repeat")
    arguments = parser.parse_args()
    repeats = 1 if arguments.fast else 3
    distance, levels, markers = particles(arguments.size)
    solid = levels > 0
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {arguments.size}³ voxels, {markers.max()} markers, one thread"
    )
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
        first = subprocess.run(
            [sys.executable, "-c", COLD], env=environment, capture_output=True, text=True, check=True
        )
    print(f"voltomo, compiling on the first call ever: {float(first.stdout):.1f} s")
    relief, walled = np.where(solid, 65535 - levels, 0).astype(np.uint16), np.where(solid, markers, -1)
    flood_markers(levels[:8, :8, :8], markers[:8, :8, :8])
    own, basins = best_time(lambda: flood_markers(levels, markers), repeats)
    peers = {
        "skimage, float distance": (lambda: watershed(-distance, markers, mask=solid), basins),
        "skimage, same 16-bit levels": (lambda: watershed(65535 - levels, markers, mask=solid), basins),
        "scipy watershed_ift": (lambda: ndimage.watershed_ift(relief, walled), basins),
    }
    print(f"{'voltomo':30s} {own:6.2f} s")
    for name, (call, ours) in peers.items():
        seconds, theirs = best_time(call, 1 if arguments.fast else 2)
        equal = (ours == theirs)[solid].mean()
        print(
            f"{name:30s} {seconds:6.2f} s  {seconds / own:5.1f} times ours, equal on {equal:.4%} of the solid",
            flush=True,
        )


if __name__ == "__main__":
    main()
