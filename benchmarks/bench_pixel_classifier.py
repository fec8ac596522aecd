"""Pixel classifiers on nine nano-CT slices of NMC cathodes, beside XGBoost on scikit-image's features; and their speed.

Accuracy needs the real data, which are not in the repository; they are looked for beside the checkout, or named::

    .venv-bench/bin/python benchmarks/bench_pixel_classifier.py [path/to/data/nmc_nanoct] [--protocols slice scan]
    python benchmarks/bench_pixel_classifier.py --speed

Protocols, all scored on slices that did not train: `slice` (eight slices train, the ninth is scored), `scan` (two
scans train, the third is scored), `scribbles` (as `slice`, with strokes on 1 % of each training slice), `one` (one
slice of the same scan trains).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tifffile
from scipy import ndimage

from voltomo.artifacts.phases import Phase, PhaseTable
from voltomo.classifiers import ClassifierSettings, open_classifier, train_classifier
from voltomo.learning.normalization import measure_by_scan, measure_normalization
from voltomo.learning.pairs import LabelledImage
from voltomo.learning.splits import split_labels
from voltomo.metrics.void_recall import choose_voids, is_found, void_sizes
from voltomo.segmentation.fitted_cut import fit_cut
from voltomo.stages.model_scores import score_model

SLICES = ("A_1", "A_200", "A_400", "B_103", "B_510", "B_929", "C_394", "C_546", "C_698")
BESIDE = Path(__file__).parents[2] / "shared" / "data" / "nmc_nanoct"
PHASES = PhaseTable((Phase(1, "NMC", "active"), Phase(2, "CBD", "binder"), Phase(3, "pore", "pore")))
GAP = 16
SAMPLES = 60_000

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]
Method = Callable[[Sequence[LabelledImage], int], Callable[[LabelledImage], Rows]]
"""(training images, seed) to what gives the row of the phase table of every pixel of an unseen image."""


def read_images(folder: Path) -> list[LabelledImage]:
    """The slices; those of one letter are of one scan."""
    images = []
    for name in SLICES:
        grey = tifffile.imread(folder / f"{name}.tif")
        labels = (tifffile.imread(folder / f"{name}_label.tif") + 1).astype(np.uint8)
        images.append(LabelledImage(name, grey[None, None], labels[None], scan=name[0]))
    return images


def scribbled(image: LabelledImage, seed: int, *, share: float = 0.01, length: int = 20) -> LabelledImage:
    """The labels under horizontal strokes, a pixel wide, on a share of the slice."""
    rng = np.random.default_rng((seed, SLICES.index(image.name)))
    _, height, width = image.shape
    strokes = np.zeros((height, width), bool)
    while strokes.mean() < share:
        x = rng.integers(width - length)
        strokes[rng.integers(height), x : x + length] = True
    return replace(image, labels=np.where(strokes, image.labels, 0).astype(np.uint8))


def folds(
    images: Sequence[LabelledImage], protocol: str, seed: int
) -> Iterator[tuple[list[LabelledImage], LabelledImage]]:
    """Training images and the unseen one."""
    for i, unseen in enumerate(images):
        others = [image for image in images if image is not unseen]
        if protocol == "scan":
            others = [image for image in others if image.scan != unseen.scan]
        elif protocol == "one":
            others = [images[i - i % 3 + (i + 1) % 3]]
        elif protocol == "scribbles":
            others = [scribbled(image, seed) for image in others]
        yield others, unseen


def scaled(image: LabelledImage) -> npt.NDArray[np.float32]:
    """The unseen slice by its own percentiles."""
    grey = np.asarray(image.grey)
    return measure_normalization(grey).apply(grey)


def ours(settings: ClassifierSettings) -> Method:
    """A pixel classifier of voltomo."""

    def train(training: Sequence[LabelledImage], seed: int) -> Callable[[LabelledImage], Rows]:
        split = split_labels(training, gap=GAP, seed=seed)
        model = train_classifier(training, split, PHASES, replace(settings, seed=seed), threads=1)
        classifier = open_classifier(model)
        return lambda unseen: classifier(scaled(unseen)).argmax(axis=0)[0]

    return train


def peer(training: Sequence[LabelledImage], seed: int) -> Callable[[LabelledImage], Rows]:
    """XGBoost on `skimage.feature.multiscale_basic_features`, the same percentiles and number of samples."""
    import xgboost

    rng = np.random.default_rng(seed)
    samples, rows = [], []
    labelled = sum(image.labelled for image in training)
    for image, scale in zip(training, measure_by_scan(training), strict=True):
        known = np.flatnonzero(image.labels)
        chosen = rng.choice(known, min(known.size, known.size * SAMPLES // labelled + 1), replace=False)
        samples.append(_peer_features(scale.apply(np.asarray(image.grey)))[chosen])
        rows.append(image.labels.ravel()[chosen].astype(int) - 1)
    booster = xgboost.XGBClassifier(
        n_estimators=150,
        max_depth=6,
        learning_rate=0.1,
        subsample=0.8,
        colsample_bytree=0.8,
        n_jobs=1,
        random_state=seed,
    )
    booster.fit(np.concatenate(samples), np.concatenate(rows))
    return lambda unseen: booster.predict(_peer_features(scaled(unseen))).reshape(unseen.shape[1:])


def _peer_features(grey: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    from skimage.feature import multiscale_basic_features

    found = multiscale_basic_features(grey[0, 0], sigma_min=1, sigma_max=16)
    return found.reshape(-1, found.shape[-1]).astype(np.float32)


def fitted_cut(training: Sequence[LabelledImage], seed: int) -> Callable[[LabelledImage], Rows]:
    """The grey value that parts NMC from the rest best on the training labels."""
    two = [replace(image, labels=np.where(image.labels > 1, 2, image.labels).astype(np.uint8)) for image in training]
    cut = fit_cut(two, normalizations=measure_by_scan(training)).cuts[-1]
    return lambda unseen: np.where(scaled(unseen)[0, 0] > cut, 0, 1)


def otsu(training: Sequence[LabelledImage], seed: int) -> Callable[[LabelledImage], Rows]:
    """Otsu's threshold of the unseen slice."""
    from skimage.filters import threshold_otsu

    return lambda unseen: np.where(unseen.grey[0, 0] > threshold_otsu(unseen.grey[0, 0]), 0, 1)


def overlap(found: Mask, truth: Mask) -> float:
    """Intersection over union."""
    return float(np.sum(found & truth) / np.sum(found | truth))


def voids(active: Mask, other: Mask) -> tuple[int, int]:
    """Voids enclosed in the active material, and those that the other map leaves open."""
    numbers, count = ndimage.label(~active)
    edge = np.concatenate([numbers[0], numbers[-1], numbers[:, 0], numbers[:, -1]])
    touches = np.isin(np.arange(count + 1), edge)
    sizes = np.bincount(numbers.ravel(), minlength=count + 1)
    in_other = np.bincount(numbers.ravel(), ~other.ravel(), minlength=count + 1)
    chosen = choose_voids(sizes, np.zeros_like(sizes), touches, void_sizes(2))
    chosen[0] = False
    return int(chosen.sum()), int((chosen & is_found(sizes, in_other)).sum())


METHODS: dict[str, Method] = {
    "Otsu": otsu,
    "one fitted cut": fitted_cut,
    "XGBoost, skimage features": peer,
    "mlp": ours(ClassifierSettings(samples=SAMPLES)),
    "mlp, learnt again from all labels": ours(ClassifierSettings(samples=SAMPLES, refit=True)),
    "forest": ours(ClassifierSettings(method="forest", samples=SAMPLES)),
    "boosting": ours(ClassifierSettings(method="boosting", samples=SAMPLES)),
}


def accuracy(images: Sequence[LabelledImage], protocol: str, names: Sequence[str], seeds: Sequence[int]) -> None:
    """Print one table."""
    print(f"\n### {protocol}, seeds {list(seeds)}\n")
    print(
        "| method | NMC IoU | by seed | scans A / B / C | worst | three phases | voids found | supported | training s |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name in names:
        table, three, seconds = [], [], []
        counts = np.zeros((2, 2), int)
        for seed in seeds:
            scores = []
            trained: tuple[list[str], Callable[[LabelledImage], Rows]] | None = None
            for training, unseen in folds(images, protocol, seed):
                names_now = [image.name for image in training]
                if trained is None or trained[0] != names_now:
                    start = time.process_time()
                    trained = names_now, METHODS[name](training, seed)
                    seconds.append(time.process_time() - start)
                rows = trained[1](unseen)
                truth = unseen.labels[0].astype(int) - 1
                scores.append(overlap(rows == 0, truth == 0))
                three.append(np.mean([overlap(rows == k, truth == k) for k in range(3)]))
                counts += [voids(truth == 0, rows == 0), voids(rows == 0, truth == 0)]
            table.append(scores)
        scans = " / ".join(f"{np.mean([row[i : i + 3] for row in table]):.3f}" for i in (0, 3, 6))
        by_seed = ", ".join(f"{np.mean(row):.4f}" for row in table)
        mean_of_three = f"{np.mean(three):.3f}" if name not in ("Otsu", "one fitted cut") else "–"
        print(
            f"| {name} | {np.mean(table):.4f} | {by_seed} | {scans} | {np.min(table):.3f} | {mean_of_three} | "
            f"{counts[0, 1]} of {counts[0, 0]} | {counts[1, 1]} of {counts[1, 0]} | {np.mean(seconds):.1f} |",
            flush=True,
        )


def speed(size: int, threads: Sequence[int]) -> None:
    """Print seconds of training and of predicting a synthetic slice."""
    rng = np.random.default_rng(0)
    field = ndimage.gaussian_filter(rng.normal(size=(size, size)), 8)
    rows = np.searchsorted(np.quantile(field, (0.3, 0.4)), field)
    grey = (np.array([0.0, 0.4, 1.0])[rows] + 0.2 * rng.normal(size=rows.shape)).astype(np.float32)
    whole = LabelledImage("synthetic", grey[None, None], (rows + 1).astype(np.uint8)[None])
    few = replace(whole, name=SLICES[0])
    few = scribbled(few, 0)
    normalised = scaled(whole)
    print(f"\n### one slice of {size}², {few.labelled} labelled pixels of scribbles\n")
    print(
        "| method | threads | training, wall s | processor s | predicting, wall s | Mpixel/s | Mpixel per processor s |"
    )
    print("|---|---|---|---|---|---|---|")
    for method in ("mlp", "forest", "boosting"):
        for count in threads:
            settings = ClassifierSettings(method=method)
            train_classifier([few], split_labels([few], gap=GAP), PHASES, settings, threads=count)
            wall, processor = time.perf_counter(), time.process_time()
            model = train_classifier([few], split_labels([few], gap=GAP), PHASES, settings, threads=count)
            trained, spent = time.perf_counter() - wall, time.process_time() - processor
            classifier = open_classifier(model, threads=count)
            classifier(normalised)
            runs = []
            for _ in range(5):
                wall, processor = time.perf_counter(), time.process_time()
                classifier(normalised)
                runs.append((time.perf_counter() - wall, time.process_time() - processor))
            best, least = (min(run[i] for run in runs) for i in (0, 1))
            print(
                f"| {method} | {count} | {trained:.2f} | {spent:.2f} | {best:.3f} | {size**2 / best / 1e6:.1f} | "
                f"{size**2 / least / 1e6:.1f} |",
                flush=True,
            )


class TimePixelClassifier:
    """asv: a pixel classifier on one synthetic slice, and its accuracy."""

    params = ("mlp", "forest", "boosting")
    param_names = ("method",)

    def setup(self, method: str) -> None:
        rng = np.random.default_rng(0)
        rows = np.searchsorted([0.0], ndimage.gaussian_filter(rng.normal(size=(256, 256)), 6))
        grey = (rows + 0.4 * rng.normal(size=rows.shape)).astype(np.float32)
        self.image = LabelledImage("synthetic", grey[None, None], (rows + 1).astype(np.uint8)[None])
        self.phases = PhaseTable(PHASES.phases[:2])
        self.grey = scaled(self.image)
        self.train(method)

    def train(self, method: str) -> None:
        split = split_labels([self.image], gap=GAP)
        model = train_classifier([self.image], split, self.phases, ClassifierSettings(method=method, samples=5000))
        self.classifier = open_classifier(model)
        self.iou = score_model(model, self.classifier, [self.image], split)["iou"]["NMC"]

    def time_train(self, method: str) -> None:
        self.train(method)

    def time_predict(self, method: str) -> None:
        self.classifier(self.grey)

    def track_iou(self, method: str) -> float:
        return float(self.iou)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=BESIDE)
    parser.add_argument("--protocols", nargs="*", default=["slice", "scan", "scribbles", "one"])
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--speed", action="store_true", help="only how fast")
    parser.add_argument("--size", type=int, default=512)
    arguments = parser.parse_args()
    if arguments.speed:
        speed(arguments.size, (1, 2))
        return
    if not arguments.folder.exists():
        raise SystemExit(f"{arguments.folder} does not exist; name the folder of the slices")
    images = read_images(arguments.folder)
    for protocol in arguments.protocols:
        accuracy(images, protocol, arguments.methods, arguments.seeds)


if __name__ == "__main__":
    main()
