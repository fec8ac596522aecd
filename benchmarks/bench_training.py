"""What the choices of a training are worth: size, resolution inside, steps, loss, augmentation, ensembles, precision.

The folds, scores and files are those of `bench_segmentation.py`; the methods are variants of one training. Folds that
are in the file already are not run again::

    python benchmarks/bench_training.py --methods unet half half-long --folds A_1 B_103 C_394 --out training.jsonl
    python benchmarks/bench_training.py --protocol scan --methods half --out training.jsonl
    python benchmarks/bench_training.py --table --out training.jsonl
    python benchmarks/bench_training.py --speed --out training.jsonl

`--speed` trains for a few steps only and prints millions of crop voxels per second of processor time.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import bench_segmentation
import segmenters

from voltomo.training import Augmentation

QUIET, STRONG = Augmentation(grey_chance=0.0), Augmentation.strong()
VARIANTS: dict[str, dict[str, Any]] = {
    "full": {"network_settings": {"stem": 1}},
    "full-300": {"network_settings": {"stem": 1}, "steps": 300},
    "full-strong": {"network_settings": {"stem": 1}, "steps": 300, "augmentation": STRONG},
    "full-no-grey": {"network_settings": {"stem": 1}, "steps": 300, "augmentation": QUIET},
    "full-narrow": {"network_settings": {"stem": 1, "base": 8, "widest": 64}, "steps": 300},
    "half": {"network_settings": {"stem": 2}},
    "half-300": {"network_settings": {"stem": 2}, "steps": 300},
    "half-1000": {"network_settings": {"stem": 2}, "steps": 1000},
    "half-f32": {"network_settings": {"stem": 2}, "steps": 300, "precision": "f32"},
    "half-shallow": {"network_settings": {"stem": 2, "depth": 3}, "steps": 300},
    "half-strong": {"network_settings": {"stem": 2}, "steps": 300, "augmentation": STRONG},
    "half-no-grey": {"network_settings": {"stem": 2}, "steps": 300, "augmentation": QUIET},
    "half-plain": {"network_settings": {"stem": 2}, "steps": 300, "augmentation": Augmentation.none()},
    "half-ce": {"network_settings": {"stem": 2}, "steps": 300, "loss": "cross_entropy"},
    "half-segmentpy": {"network_settings": {"stem": 2}, "steps": 300, "loss": "segmentpy"},
    "half-snapshots": {"network_settings": {"stem": 2}, "members": 3, "ensemble": "snapshots"},
    "half-ensemble": {"network_settings": {"stem": 2}, "steps": 300, "members": 3},
    "lrcsnet-segmentpy": {"method": "lrcsnet", "loss": "segmentpy"},
    "segnet": {"method": "segnet"},
    "patchnet": {"method": "patchnet"},
}


def measure_speed(steps: int = 3) -> None:
    """Millions of voxels in crops per second of processor time, augmentation included, one thread."""
    import torch

    from voltomo.networks import build_network
    from voltomo.training.losses import dice_and_cross_entropy

    torch.set_num_threads(1)
    cases = [("unet", {"stem": stem}) for stem in (1, 2)] + [("lrcsnet", {}), ("segnet", {}), ("patchnet", {})]
    for name, settings in cases:
        for use_bf16 in (False, True):
            network = build_network(name, settings, channels=1, classes=3).to(memory_format=torch.channels_last)
            optimizer = torch.optim.AdamW(network.parameters())
            grey = torch.rand(4, 1, 192, 192).to(memory_format=torch.channels_last)
            classes = torch.randint(0, 3, (4, 192, 192))
            for step in range(steps + 1):
                if step == 1:
                    begun = time.process_time()  # the first step prepares the kernels
                with torch.autocast("cpu", torch.bfloat16, enabled=use_bf16):
                    logits = network(grey)
                optimizer.zero_grad()
                dice_and_cross_entropy(logits, classes).backward()
                optimizer.step()
            rate = steps * classes.numel() / (time.process_time() - begun) / 1e6
            print(f"{name} {settings} {'bf16' if use_bf16 else 'f32'}: {rate:.2f} Mvoxel/core-s", flush=True)


if __name__ == "__main__":
    for name, settings in VARIANTS.items():
        segmenters.SEGMENTERS[name] = segmenters.trained(**({"method": "unet"} | settings))
    if "--speed" in sys.argv:
        measure_speed()
    else:
        bench_segmentation.main()
