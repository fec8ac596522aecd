"""The realism figure: how well a classifier tells patches of real nano-CT slices from patches of their twins.

Each of the nine slices of NMC cathodes gets a twin. A classifier learns from the patches of two of the three scans (A,
B, C) and their twins and is tested on the third, never on neighbours of what it has seen. 0.5 is a coin toss: the
patches cannot be told apart by these features; 1 is never wrong. The interval is a bootstrap over the slices. The last
column, "by slice", holds out one slice with its twin and learns from all others, those of the same scan among them.

Needs the real data, which are not in the repository; without an argument they are looked for beside the checkout::

    python benchmarks/bench_realism.py [path/to/data/nmc_nanoct] [--pictures folder]
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image
from scipy import ndimage
from skimage.feature import local_binary_pattern
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from voltomo.artifacts import Volume
from voltomo.stages.scan_image import ImageScanConfig
from voltomo.stages.synth import SynthConfig
from voltomo.stages.twin import TwinConfig, compare_twin, plan_twin
from voltomo.stages.twin_scan import make_twin, scan_structure
from voltomo.stages.workspace import MemoryWorkspace

SLICES = ("A_1", "A_200", "A_400", "B_103", "B_510", "B_929", "C_394", "C_546", "C_698")
BESIDE = Path(__file__).parents[2] / "shared" / "data" / "nmc_nanoct"
EDGE = 64
"""Pixels of a patch: a few small particles, or part of a large one."""
REPLICATES = 2000
CONFIG = TwinConfig(rounds=4)

Pair = tuple[np.ndarray, np.ndarray]


@cache
def twin_of(path: Path, seed: int) -> tuple[Pair, int, int]:
    """A real slice with its twin, and how many of how many statistics match."""
    real = tifffile.imread(path).astype(np.float32)
    config = CONFIG.model_copy(update={"seed": seed})
    plan = plan_twin(Volume.from_array(real), config, MemoryWorkspace())
    twin = make_twin(plan, plan.shape, MemoryWorkspace())
    rows = [r.is_matched for r in compare_twin(plan, twin, config, MemoryWorkspace()).rows if r.is_matched is not None]
    return (real, np.asarray(twin.data)[0, 0]), sum(rows), len(rows)


@cache
def default_of(path: Path, seed: int) -> Pair:
    """A real slice with a default synthetic scan, brought to its mean and standard deviation."""
    real = tifffile.imread(path).astype(np.float32)
    synth = SynthConfig(shape=(1, *real.shape), seed=seed)
    scan = scan_structure(synth, ImageScanConfig(dtype="float32", seed=seed), MemoryWorkspace())
    image = np.asarray(scan.data)[0, 0]
    return real, (image - image.mean()) / image.std() * real.std() + real.mean()


def cut_patches(image: np.ndarray) -> list[np.ndarray]:
    """Patches side by side, without overlap."""
    rows, columns = (n // EDGE for n in image.shape)
    return [image[r * EDGE : (r + 1) * EDGE, c * EDGE : (c + 1) * EDGE] for r in range(rows) for c in range(columns)]


def grey_features(patch: np.ndarray) -> list[float]:
    """Quantiles, skewness and kurtosis of the grey values."""
    flat = (patch - patch.mean()) / (patch.std() + 1e-9)
    return [
        *np.quantile(patch, (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)),
        float(np.mean(flat**3)),
        float(np.mean(flat**4)),
    ]


def gradient_features(patch: np.ndarray) -> list[float]:
    """Quantiles of gradient and Laplacian at two scales."""
    found: list[float] = []
    for sigma in (1.0, 3.0):
        found += np.quantile(ndimage.gaussian_gradient_magnitude(patch, sigma), (0.1, 0.5, 0.9, 0.99)).tolist()
        found += np.quantile(ndimage.gaussian_laplace(patch, sigma), (0.01, 0.1, 0.9, 0.99)).tolist()
    return found


def spectrum_features(patch: np.ndarray) -> list[float]:
    """Logarithm of the power in rings of frequency, and its share by direction."""
    window = np.outer(np.hanning(EDGE), np.hanning(EDGE))
    power = np.abs(np.fft.fft2((patch - patch.mean()) * window)) ** 2
    fy, fx = np.fft.fftfreq(EDGE)[:, None], np.fft.fftfreq(EDGE)
    radius, angle = np.hypot(fy, fx), np.arctan2(fy, fx) % np.pi
    edges = (0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.27, 0.35, 0.5)
    rings = [np.log(power[(radius >= a) & (radius < b)].mean() + 1e-12) for a, b in itertools.pairwise(edges)]
    fine = (radius > 0.05) & (radius < 0.4)
    octants = [power[fine & (np.floor(angle / np.pi * 8) == k)].mean() for k in range(8)]
    return [*rings, *(np.array(octants) / np.sum(octants))]


def pattern_features(patch: np.ndarray) -> list[float]:
    """Histogram of local binary patterns at three radii."""
    low, high = patch.min(), patch.max()
    image = np.rint((patch - low) / max(high - low, 1e-9) * 255).astype(np.uint8)
    found: list[float] = []
    for radius in (1, 3, 6):
        codes = local_binary_pattern(image, 8, radius, method="uniform")
        found += np.bincount(codes.astype(int).ravel(), minlength=10)[:10].tolist()
    return [value / patch.size for value in found]


FEATURES: dict[str, Callable[[np.ndarray], list[float]]] = {
    "grey values": grey_features,
    "gradients": gradient_features,
    "spectrum": spectrum_features,
    "binary patterns": pattern_features,
}


def table_of(pairs: dict[str, Pair]) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Features by group, whether a patch is real, and its slice; grey values in those of the real slice's scale."""
    features: dict[str, list[list[float]]] = {name: [] for name in FEATURES}
    is_real, slices = [], []
    for name, (real, twin) in pairs.items():
        mean, std = real.mean(), real.std()
        for image, truth in ((real, True), (twin, False)):
            for patch in cut_patches((image - mean) / std):
                for group, measure in FEATURES.items():
                    features[group].append(measure(patch))
                is_real.append(truth)
                slices.append(name)
    return {g: np.array(rows, np.float64) for g, rows in features.items()}, np.array(is_real), np.array(slices)


CLASSIFIERS = {
    "random forest": lambda: RandomForestClassifier(400, min_samples_leaf=2, n_jobs=2, random_state=0),
    "logistic regression": lambda: make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000)),
}


def accuracies(
    features: np.ndarray, is_real: np.ndarray, slices: np.ndarray, classifier: str, *, groups: np.ndarray
) -> dict[str, float]:
    """Share of the patches that are judged rightly, by slice; each group is judged by what the others taught."""
    found: dict[str, float] = {}
    for held_out in sorted(set(groups)):
        train, test = groups != held_out, groups == held_out
        model = CLASSIFIERS[classifier]().fit(features[train], is_real[train])
        right = model.predict(features[test]) == is_real[test]
        found |= {name: float(right[slices[test] == name].mean()) for name in sorted(set(slices[test]))}
    return found


def interval(by_slice: dict[str, float]) -> tuple[float, float, float]:
    """Mean over slices and its 95 % interval from a bootstrap over them."""
    values = np.array(list(by_slice.values()))
    rng = np.random.default_rng(0)
    means = rng.choice(values, (REPLICATES, len(values))).mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(values.mean()), float(low), float(high)


def report(title: str, pairs: dict[str, Pair]) -> None:
    """Print the table of one kind of synthetic slices."""
    features, is_real, slices = table_of(pairs)
    every = np.hstack(list(features.values()))
    print(f"\n{title}: {len(is_real)} patches of {EDGE} x {EDGE} pixels, half of them real\n")
    scan = np.array([name[0] for name in slices])
    print("| features | classifier | A | B | C | accuracy | 95 % | by slice |")
    print("|---|---|---|---|---|---|---|---|")
    for group, matrix in ({"all": every} | features).items():
        for classifier in CLASSIFIERS if group == "all" else ("random forest",):
            found = accuracies(matrix, is_real, slices, classifier, groups=scan)
            near = interval(accuracies(matrix, is_real, slices, classifier, groups=slices))[0]
            mean, low, high = interval(found)
            scans = [np.mean([v for name, v in found.items() if name[0] == scan]) for scan in "ABC"]
            cells = " | ".join(f"{value:.2f}" for value in scans)
            print(f"| {group} | {classifier} | {cells} | **{mean:.2f}** | {low:.2f} to {high:.2f} | {near:.2f} |")


def save_pictures(folder: Path, pairs: dict[str, Pair]) -> None:
    """Real slice and twin side by side, in the real slice's window of grey values."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (real, twin) in pairs.items():
        low, high = np.percentile(real, (0.5, 99.5))
        levels = [np.clip((image - low) / (high - low) * 255, 0, 255).astype(np.uint8) for image in (real, twin)]
        Image.fromarray(np.hstack(levels)).save(folder / f"{name}.png")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=BESIDE)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pictures", type=Path, help="folder for pictures of slice and twin; they show the real data")
    arguments = parser.parse_args()
    if not arguments.folder.exists():
        print(f"{arguments.folder} does not exist; name the folder of the slices")
        return
    paths = {name: arguments.folder / f"{name}.tif" for name in SLICES}
    twins = {name: twin_of(path, arguments.seed) for name, path in paths.items()}
    print("statistics matched: " + ", ".join(f"{name} {n}/{m}" for name, (_, n, m) in twins.items()))
    pairs = {name: pair for name, (pair, _, _) in twins.items()}
    if arguments.pictures:
        save_pictures(arguments.pictures, pairs)
    report("Default synthetic scans", {name: default_of(path, arguments.seed) for name, path in paths.items()})
    report("Twins", pairs)


if __name__ == "__main__":
    main()
