"""Denoising: seconds per voxel and signal-to-noise ratio on a synthetic volume, beside SciPy and scikit-image.

As asv classes: speed, memory and accuracy of our own filters. As a program, beside the peers::

    python benchmarks/bench_denoise.py [--size 128] [--threads 2]
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import ndimage
from skimage.restoration import denoise_nl_means

from voltomo.artifacts import Volume
from voltomo.segmentation.denoise import gaussian_smooth, median_smooth
from voltomo.segmentation.nonlocal_means import nonlocal_means
from voltomo.stages.denoise import DenoiseConfig, run_denoise
from voltomo.stages.workspace import MemoryWorkspace

LEVELS = (0.2, 0.45, 0.8)
NOISE = 0.12
STRENGTH = DenoiseConfig().strength


def electrode(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Three phases with smooth random boundaries (30, 20 and 50 %), and the same with white noise; float32."""
    smooth = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal((size,) * 3), 5, mode="wrap")
    truth = np.array(LEVELS, np.float32)[np.digitize(smooth, np.quantile(smooth, (0.3, 0.5)))]
    return truth, (truth + np.random.default_rng(1).normal(0, NOISE, truth.shape)).astype(np.float32)


def signal_to_noise(result: np.ndarray, truth: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB for a peak of 1."""
    return float(-10 * np.log10(np.mean((result - truth) ** 2)))


class Denoise:
    """Our filters; `track_psnr` is their accuracy in dB."""

    params = (["nlm", "median", "gaussian"], [64])
    param_names = ("method", "size")

    def setup(self, method: str, size: int) -> None:
        self.truth, self.noisy = electrode(size)
        self.config = DenoiseConfig(method=method)
        run_denoise(Volume.from_array(self.noisy[:8]), self.config, MemoryWorkspace())  # compiles

    def time_denoise(self, method: str, size: int) -> None:
        run_denoise(Volume.from_array(self.noisy), self.config, MemoryWorkspace())

    def peakmem_denoise(self, method: str, size: int) -> None:
        run_denoise(Volume.from_array(self.noisy), self.config, MemoryWorkspace())

    def track_psnr(self, method: str, size: int) -> float:
        result = run_denoise(Volume.from_array(self.noisy), self.config, MemoryWorkspace())
        return signal_to_noise(np.asarray(result.data)[0], self.truth)


def in_slabs(function: Callable[[np.ndarray], np.ndarray], values: np.ndarray, halo: int, threads: int) -> np.ndarray:
    """The filter on one slab with halo per thread, as blocks run in a study."""
    cuts = np.linspace(0, len(values), threads + 1).astype(int)

    def work(i: int) -> np.ndarray:
        low, high = max(0, cuts[i] - halo), min(len(values), cuts[i + 1] + halo)
        return function(values[low:high])[cuts[i] - low : cuts[i + 1] - low]

    with ThreadPoolExecutor(threads) as pool:
        return np.concatenate(list(pool.map(work, range(threads))))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5, help="the warm figure is the best of these")
    options = parser.parse_args()
    truth, noisy = electrode(options.size)
    inside = np.ones(truth.shape, np.uint8)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores; {options.size}^3 float32, ", end="")
    print(f"noise {NOISE}: {signal_to_noise(noisy, truth):.2f} dB; noise known to all, strength the best of each")

    def nlm(v: np.ndarray) -> np.ndarray:
        return nonlocal_means(v, inside[: len(v)], noise=NOISE, strength=STRENGTH)

    def median(v: np.ndarray) -> np.ndarray:
        return median_smooth(v, inside[: len(v)])

    jobs: dict[str, Callable[[], np.ndarray]] = {
        "voltomo nlm, 1 thread": lambda: nlm(noisy),
        f"voltomo nlm, {options.threads} threads": lambda: in_slabs(nlm, noisy, 3, options.threads),
        "skimage nlm, same windows": lambda: denoise_nl_means(noisy, 3, 2, h=0.06, sigma=NOISE, fast_mode=True),
        "voltomo median 3^3, 1 thread": lambda: median(noisy),
        f"voltomo median 3^3, {options.threads} threads": lambda: in_slabs(median, noisy, 1, options.threads),
        "scipy median 3^3": lambda: ndimage.median_filter(noisy, 3),
        "voltomo gaussian, sigma 1": lambda: gaussian_smooth(noisy, inside, sigma=(1.0, 1.0, 1.0)),
        "scipy gaussian, sigma 1": lambda: ndimage.gaussian_filter(noisy, 1.0),
    }
    print(f"{'filter':40}{'cold s':>9}{'warm s':>9}{'ns/voxel':>10}{'dB':>8}")
    for name, job in jobs.items():
        seconds = []
        for _ in range(1 + options.repeats):
            start = time.perf_counter()
            result = job()
            seconds.append(time.perf_counter() - start)
        warm = min(seconds[1:])
        print(
            f"{name:40}{seconds[0]:9.2f}{warm:9.2f}{warm / noisy.size * 1e9:10.0f}{signal_to_noise(result, truth):8.2f}"
        )


if __name__ == "__main__":
    main()
