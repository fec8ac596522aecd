"""Train nmc-base, the model that comes with the package, on synthetic electrodes only.

Every tenth electrode validates; it decides the temperature and the scores of the card, none of the weights. The seeds
are the numbers of the electrodes and of the training, so that the same machine makes the same model::

    python base_models/train.py --out src/voltomo/base_models/nmc-base
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from electrodes import PHASES, SCANS, SHAPE, make_slices

from voltomo.artifacts.model import Model
from voltomo.io.model_folder import write_model
from voltomo.learning.domain import describe_domain
from voltomo.learning.normalization import measure_by_scan
from voltomo.learning.pairs import LabelledImage
from voltomo.learning.splits import Split
from voltomo.stages.train import TrainConfig, run_train
from voltomo.training import Augmentation

NAME = "nmc-base"
SOURCE = "synthetic electrodes"
NETWORK = {"dimension": 2, "stem": 2, "base": 16, "widest": 96}
"""Half the resolution inside: a slice takes a quarter of the time, and the folder stays below 8 MB."""
AUGMENTATION = replace(Augmentation.strong(), streaks=0.15, warp_chance=0.2)
"""The scans vary already; crops vary a little more."""
STEPS = 1000
"""Few on purpose. More steps read synthetic scans better and real ones worse: on the labelled slices of three nano-CT
scans the mean IoU of NMC was 0.85 after 350 and 1000 steps and 0.81 after 5000 (docs/explanation/base-model.md)."""
VALIDATING = 10
"""Every so many electrodes, one validates."""


def split_electrodes(images: list[LabelledImage]) -> Split:
    """Whole electrodes, with all their scans, on one side."""
    validates = [i // SCANS % VALIDATING == 0 for i in range(len(images))]
    whole = [np.asarray(image.labels > 0) for image in images]
    none = [np.zeros_like(mask) for mask in whole]
    return Split(
        tuple(n if v else w for v, w, n in zip(validates, whole, none, strict=True)),
        tuple(w if v else n for v, w, n in zip(validates, whole, none, strict=True)),
    )


def central_domain(images: list[LabelledImage], share: float = 0.98) -> dict[str, Any]:
    """What nearly all scans have in common: the rarest combinations of artefacts do not widen it."""
    prints = [
        describe_domain([[scale.apply(np.asarray(image.grey[:, 0]))]])
        for image, scale in zip(images, measure_by_scan(images), strict=True)
    ]
    tails = (0.5 - 0.5 * share, 0.5 + 0.5 * share)
    features = {}
    for name in prints[0]["features"]:
        values = [one["features"][name][0] for one in prints]
        errors = [one["features"][name][2] for one in prints]
        features[name] = [*np.quantile(values, tails).tolist(), float(np.sqrt(np.mean(np.square(errors))))]
    return {"features": features, "images": len(images)}


def train(images: list[LabelledImage], *, steps: int, seed: int, threads: int, checkpoint: Path | None) -> Model:
    """Train, and say what the scans of training have in common."""
    settings = {
        "network_settings": NETWORK,
        "licence": "BSD-3-Clause",
        "loss": "cross_entropy",  # soft Dice makes rare phases likelier than they are: a shell of binder at every edge
        "augmentation": asdict(AUGMENTATION),
        "patch": (1, 192, 192),
        "batch": 8,
        "steps": steps,
        "validate_every": max(1, steps // 8),
        "averaging": 0.995,
        "threads": threads,
    }
    config = TrainConfig(method="unet", seed=seed, settings=settings)
    begun = time.perf_counter()

    def tell(progress: Any) -> None:
        if progress.validation is not None:
            print(f"{time.perf_counter() - begun:.0f} s, step {progress.step}", flush=True)

    split = split_electrodes(images)
    model = run_train(images, PHASES, config, name=NAME, split=split, checkpoint=checkpoint, on_progress=tell).model
    minutes = (time.perf_counter() - begun) / 60
    return replace(model, domain=central_domain(images)).with_record(source=SOURCE, minutes=minutes)


def main() -> None:
    """Make the electrodes, train, write the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--electrodes", type=int, default=128, help=f"of {SHAPE} voxels, {SCANS} scans each")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--kept", type=Path, default=Path("base-electrodes"), help="folder of electrodes made before")
    parser.add_argument("--checkpoint", type=Path, help="file to go on from after an interruption")
    parser.add_argument("--out", type=Path, default=Path("models") / NAME)
    given = parser.parse_args()
    images = make_slices(range(given.electrodes), given.kept, workers=given.threads)
    model = train(images, steps=given.steps, seed=given.seed, threads=given.threads, checkpoint=given.checkpoint)
    print(write_model(model, given.out, overwrite=True))


if __name__ == "__main__":
    main()
