"""Segmentation learnt from a few labels, beside thresholds, clusters, a fitted cut and XGBoost: one table.

Real slices (nine of three nano-CT scans of NMC cathodes, not in the repository) are held out slice by slice or scan by
scan, or all but one slice of a scan are ("own"); synthetic electrodes at three doses have a known truth for all three
phases. Every row of the table is made of folds that stand for themselves: each is written to a file of JSON lines as it
ends, and found there by the next run::

    python benchmarks/bench_segmentation.py --protocol slice scan --methods otsu cut xgboost --out scores.jsonl
    python benchmarks/bench_segmentation.py --protocol synthetic --methods k-means unet --out scores.jsonl
    python benchmarks/bench_segmentation.py --protocol own --labels "0.5% across" --methods mlp --out scores.jsonl
    python benchmarks/bench_segmentation.py --table --out scores.jsonl
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from painting import paint_across, paint_inside
from PIL import Image
from segmenters import ACTIVE, BINDER, PHASES, PORE, SEGMENTERS, Answer

from voltomo.artifacts import PALETTE
from voltomo.learning.pairs import LabelledImage
from voltomo.metrics.agreement import confusion_matrix, iou
from voltomo.metrics.boundary_score import near_boundary
from voltomo.metrics.calibration import brier_score, calibration_error, count_calibration, merge_calibration
from voltomo.metrics.shell import covered_share, false_shell, interfaces_in_plane
from voltomo.metrics.void_recall import VoidScores
from voltomo.stages.void_agreement import compare_voids
from voltomo.stages.workspace import MemoryWorkspace

SCANS = {"A": ("A_1", "A_200", "A_400"), "B": ("B_103", "B_510", "B_929"), "C": ("C_394", "C_546", "C_698")}
BESIDE = Path(__file__).parents[2] / "shared" / "data" / "nmc_nanoct"
CODES = np.array([ACTIVE, BINDER, PORE], np.uint8)
"""Phase of the codes 0, 1, 2 of the real labels."""
DOSES = ("low", "medium", "high")
NEAR = 3.0
PAINTING = {"": paint_inside, "across": paint_across}
"""Strokes inside one phase each, or across edges."""


@dataclass(frozen=True)
class Fold:
    """One training and what it is tested on.

    Parameters
    ----------
    name : unique within the protocol
    training : labelled images
    test : images with all labels, by scan
    """

    name: str
    training: tuple[LabelledImage, ...]
    test: tuple[LabelledImage, ...]


@cache
def real_slice(folder: Path, name: str) -> LabelledImage:
    """A slice with its label in our ids."""
    grey = tifffile.imread(folder / f"{name}.tif").astype(np.float32)
    labels = CODES[tifffile.imread(folder / f"{name}_label.tif")]
    return LabelledImage(name, grey[None, None], labels[None], scan=name[0])


def real_folds(protocol: str, folder: Path) -> Iterator[Fold]:
    """Leave one slice out (9 folds), or one scan (3); or learn from one slice of a scan for its others (9)."""
    for scan, names in SCANS.items():
        if protocol == "own":
            for name in names:
                others = tuple(real_slice(folder, other) for other in names if other != name)
                yield Fold(name, (real_slice(folder, name),), others)
            continue
        for held in [(name,) for name in names] if protocol == "slice" else [names]:
            trainers = [name for group in SCANS.values() for name in group if name not in held]
            yield Fold(
                held[0] if protocol == "slice" else scan,
                tuple(real_slice(folder, name) for name in trainers),
                tuple(real_slice(folder, name) for name in held),
            )


def synthetic_slices(kept: Path, dose: str, seed: int, count: int) -> tuple[LabelledImage, ...]:
    """Slices of a synthetic electrode, far apart, with their true phases; cracks count as pore. Made once and kept."""
    name = f"{dose} {seed}"
    path = kept / f"synthetic {name}.npz".replace(" ", "_")
    if not path.exists():
        grey, truth = synthetic_scan(dose, seed)
        kept.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, grey=grey, truth=truth)
    with np.load(path) as stored:
        grey, truth = stored["grey"], stored["truth"]
    places = np.linspace(0, len(truth) - 1, 2 * count + 1).round().astype(int)[1::2]
    return tuple(LabelledImage(f"{name} z{z}", grey[:, [z]], truth[[z]], scan=name) for z in places)


def synthetic_scan(dose: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Grey values (1, Z, Y, X) and true phases (Z, Y, X)."""
    import voltomo as vt

    twin = vt.synth("nmc", shape=(48, 256, 256), seed=seed, scan_settings={"dose": dose, "seed": seed})
    assert twin.volume is not None
    phase_of = twin.phase_map.phases.ids_by_role(PHASES, otherwise="pore")
    return np.asarray(twin.volume.data), phase_of[np.asarray(twin.phase_map.data)]


def synthetic_folds(kept: Path, seeds: int = 2) -> Iterator[Fold]:
    """Three labelled slices of one electrode, tested on four slices of another one at the same dose."""
    for dose in DOSES:
        for seed in range(seeds):
            training, test = synthetic_slices(kept, dose, seed, 3), synthetic_slices(kept, dose, 100 + seed, 4)
            yield Fold(f"{dose} {seed}", training, test)


def fewer_labels(fold: Fold, labels: str, seed: int) -> tuple[LabelledImage, ...]:
    """All labels, those of a few slices (of other scans in turn), or strokes on a share of all slices."""
    if labels == "all":
        return fold.training
    if "%" in labels:
        share, _, style = labels.partition("%")
        paint = PAINTING[style.strip()]
        return tuple(paint(image, seed + i, float(share) / 100) for i, image in enumerate(fold.training))
    own = fold.test[0].scan
    groups: dict[str, list[LabelledImage]] = {}
    for image in sorted(fold.training, key=lambda image: image.scan != own):
        groups.setdefault(image.scan, []).append(image)
    in_turn = [group[i] for i in range(3) for group in groups.values() if i < len(group)]
    return tuple(in_turn[: int(labels)])


def score(answers: list[Answer], test: tuple[LabelledImage, ...]) -> dict[str, Any]:
    """Scores of one fold; per image where images differ, the shell also by scan, calibration of all together."""
    is_active = np.arange(256) == ACTIVE
    voids, overlaps, means, shells = VoidScores(0, 0, 0, 0), [], [], []
    pooled: dict[str, tuple[list[np.ndarray], list[np.ndarray]]] = {}
    near, overall = None, None
    for answer, image in zip(answers, test, strict=True):
        confusion = confusion_matrix(image.labels, answer.labels, classes=3)
        overlaps.append(float(iou(confusion)[ACTIVE - 1]))
        means.append(float(np.nanmean(iou(confusion))) if answer.knows_binder else None)
        voids += compare_voids(
            answer.labels, image.labels, MemoryWorkspace(), result_active=is_active, truth_active=is_active
        )
        if answer.knows_binder:
            shells.append(false_shell(coverage(answer.labels), coverage(image.labels)))
            answered, true = pooled.setdefault(image.scan, ([], []))
            answered.extend(answer.labels)
            true.extend(image.labels)
        if answer.probabilities is not None:
            stored = np.round(255 * answer.probabilities).astype(np.uint8)
            here = near_boundary(image.labels, NEAR)
            parts = [count_calibration(stored, image.labels, where=where) for where in (None, here)]
            overall = parts[0] if overall is None else merge_calibration(overall, parts[0])
            near = parts[1] if near is None else merge_calibration(near, parts[1])
    found: dict[str, Any] = {"iou": overlaps, "mean_iou": means, "shell": shells, "voids": list(vars(voids).values())}
    found["shell_scan"] = [false_shell(coverage(answered), coverage(true)) for answered, true in pooled.values()]
    if overall is not None and near is not None:
        found |= {
            "calibration": float(calibration_error(overall).mean()),
            "calibration_near": float(calibration_error(near).mean()),
            "brier": brier_score(overall),
        }
    return found


def coverage(labels: Iterable[np.ndarray]) -> float:
    """Share of the boundary of the active material that binder covers, in the plane of slices."""
    rows = {phase.name: i for i, phase in enumerate(PHASES)}
    counts = interfaces_in_plane(labels, phase_ids=PHASES.ids)
    return covered_share(counts, active=rows["NMC"], binder=(rows["binder"],))


def draw(path: Path, image: LabelledImage, answer: Answer) -> None:
    """Scan, label and answer of one slice side by side, in the colors of the phases."""
    colors = np.zeros((256, 3), np.uint8)
    for phase in PHASES:
        colors[phase.id] = [int(PALETTE[phase.role][i : i + 2], 16) for i in (1, 3, 5)]
    grey = np.asarray(image.grey)[0, 0].astype(np.float32)
    low, high = np.percentile(grey, (0.5, 99.5))
    scaled = np.clip(255 * (grey - low) / (high - low), 0, 255).astype(np.uint8)
    panels = [np.repeat(scaled[..., None], 3, axis=2), colors[image.labels[0]], colors[answer.labels[0]]]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(panels, axis=1)).save(path)


def run_fold(
    fold: Fold, method: str, training: tuple[LabelledImage, ...], seed: int, pictures: Path | None = None
) -> dict[str, Any]:
    """Train, answer for every test scan, score; wall and processor seconds."""
    fitted = SEGMENTERS[method](training, seed)
    grey = np.concatenate([np.asarray(image.grey) for image in fold.test], axis=1)
    started = time.perf_counter()
    answer = fitted.predict(grey)
    ended = time.perf_counter()
    depth = [image.shape[0] for image in fold.test]
    cuts = np.cumsum(depth)[:-1]
    pieces = np.split(answer.labels, cuts)
    likely = [None] * len(depth) if answer.probabilities is None else np.split(answer.probabilities, cuts, axis=1)
    answers = [Answer(a, b, answer.knows_binder) for a, b in zip(pieces, likely, strict=True)]
    scores = score(answers, fold.test)
    for one, image in zip(answers, fold.test, strict=True):
        if pictures is not None:
            draw(pictures / f"{fold.name} {image.name} {method}.png".replace(" ", "_"), image, one)
    times = {"train_s": fitted.train_s, "train_core_s": fitted.train_core_s, "predict_s": ended - started}
    return scores | times | {"pixels": int(answer.labels.size)}


def table(lines: list[dict[str, Any]]) -> str:
    """One row per protocol, labels and method: means over folds; spread over seeds, of folds that have them all."""
    rows: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for line in lines:
        group = line["fold"].split()[0] if line["protocol"] == "synthetic" else ""
        rows.setdefault((f"{line['protocol']} {group}".strip(), line["labels"], line["method"]), []).append(line)
    head = (
        "| protocol | labels | method | folds | NMC IoU | lowest | mean IoU | voids found | voids right | "
        "false shell, points | by scan | calibration | near boundary | Brier | training, s | core-s | Mpixel/s |"
    )
    text = [head, "|---" * 17 + "|"]
    for key, found in rows.items():
        voids = np.sum([line["voids"] for line in found], axis=0)
        by_fold: dict[str, dict[int, float]] = {}
        for line in found:
            by_fold.setdefault(line["fold"], {})[line["seed"]] = float(np.mean(line["iou"]))
        seeds = sorted({line["seed"] for line in found})
        repeated = [scores for scores in by_fold.values() if len(scores) == len(seeds)]
        means = [np.mean([scores[seed] for scores in repeated]) for seed in seeds] if repeated else []
        spread = f" ± {np.std(means, ddof=1):.3f}" if len(means) > 1 else ""
        if spread and len(repeated) < len(by_fold):
            spread += f" ({len(repeated)} of the folds)"
        every = [value for line in found for value in line["iou"]]
        cells = [
            *key,
            str(len(by_fold)),
            f"{np.mean([np.mean(list(scores.values())) for scores in by_fold.values()]):.3f}{spread}",
            f"{min(every):.3f}",
            _mean(found, "mean_iou", ".3f"),
            f"{voids[1]} of {voids[0]}",
            f"{voids[3]} of {voids[2]}",
            _mean(found, "shell", ".1f"),
            _mean(found, "shell_scan", ".1f"),
            *(_mean(found, name, ".3f") for name in ("calibration", "calibration_near", "brier")),
            _mean(found, "train_s", ".1f"),
            _mean(found, "train_core_s", ".0f"),
            f"{sum(line['pixels'] for line in found) / sum(line['predict_s'] for line in found) / 1e6:.2f}",
        ]
        text.append("| " + " | ".join(cells) + " |")
    return "\n".join(text)


def _mean(lines: list[dict[str, Any]], name: str, form: str) -> str:
    values = [line[name] for line in lines if line.get(name) is not None]
    flat = [v for value in values for v in (value if isinstance(value, list) else [value]) if v is not None]
    return format(float(np.mean(flat)), form) if flat else "–"


def main() -> None:
    """Run the folds that the file does not hold yet, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--protocol", nargs="+", choices=("slice", "scan", "own", "synthetic"), default=("slice", "scan")
    )
    parser.add_argument("--methods", nargs="+", choices=tuple(SEGMENTERS), default=("otsu", "otsu-3", "k-means", "cut"))
    parser.add_argument(
        "--labels",
        nargs="+",
        default=("all",),
        help="all, a number of slices, or strokes on a share of each, such as 1%% or '1%% across' (edges)",
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=(0,))
    parser.add_argument("--folds", nargs="+", help="names of folds, such as A_1; all where not given")
    parser.add_argument("--data", type=Path, default=BESIDE, help="folder of the real slices")
    parser.add_argument("--out", type=Path, default=Path("segmentation.jsonl"), help="file of finished folds")
    parser.add_argument("--kept", type=Path, default=Path("synthetic-scans"), help="folder of synthetic scans")
    parser.add_argument("--pictures", type=Path, help="folder for scan, label and answer side by side")
    parser.add_argument("--table", action="store_true", help="print the table only")
    given = parser.parse_args()
    lines = [json.loads(line) for line in given.out.read_text().splitlines()] if given.out.exists() else []
    done = {tuple(line[name] for name in ("protocol", "method", "labels", "seed", "fold")) for line in lines}
    for protocol in () if given.table else given.protocol:
        if protocol != "synthetic" and not given.data.exists():
            raise SystemExit(f"{given.data} does not exist; name the folder of the slices with --data")
        for fold in synthetic_folds(given.kept) if protocol == "synthetic" else real_folds(protocol, given.data):
            if given.folds and fold.name not in given.folds:
                continue
            for seed, labels in product(given.seeds, given.labels):
                training = fewer_labels(fold, labels, seed)
                for method in given.methods:
                    key = (protocol, method, labels, seed, fold.name)
                    if key in done:
                        continue
                    names = dict(zip(("protocol", "method", "labels", "seed", "fold"), key, strict=True))
                    line = names | run_fold(fold, method, training, seed, given.pictures)
                    lines.append(line)
                    with given.out.open("a") as file:
                        file.write(json.dumps(line) + "\n")
                    print(f"{protocol} {fold.name} {labels} {method}: IoU {np.mean(line['iou']):.3f}", flush=True)
    print(table(lines))


if __name__ == "__main__":
    main()
