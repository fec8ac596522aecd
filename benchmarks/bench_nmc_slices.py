"""Active material on nine nano-CT slices of NMC cathodes: overlap with the labels, each method beside plain Otsu.

Needs the real data, which are not in the repository; without an argument they are looked for beside the checkout::

    python benchmarks/bench_nmc_slices.py [path/to/data/nmc_nanoct]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import tifffile

from voltomo.artifacts import Volume
from voltomo.stages.segment import SegmentConfig, run_segment
from voltomo.stages.workspace import MemoryWorkspace

SLICES = ("A_1", "A_200", "A_400", "B_103", "B_510", "B_929", "C_394", "C_546", "C_698")
ACTIVE_LABEL = 0
BESIDE = Path(__file__).parents[2] / "shared" / "data" / "nmc_nanoct"
METHODS: dict[str, dict[str, object]] = {
    "Otsu": {},
    "nlm": {"denoise": {"method": "nlm"}},
    "median 1": {"denoise": {"method": "median"}},
    "median 2": {"denoise": {"method": "median", "radius": 2}},
    "gauss 1": {"denoise": {"method": "gaussian", "sigma": 1.0}},
    "gauss 2": {"denoise": {"method": "gaussian", "sigma": 2.0}},
    "hysteresis": {"method": "hysteresis"},
    "k-means": {"method": "kmeans", "feature": "mean"},
    "triangle": {"method": "triangle"},
}


def overlap(folder: Path, name: str, config: SegmentConfig) -> float:
    """Intersection over union of the active material with the label."""
    grey = tifffile.imread(folder / f"{name}.tif")
    result = run_segment(Volume.from_array(grey), config, MemoryWorkspace())
    active = np.asarray(result.phase_map.data)[0] == 2
    truth = tifffile.imread(folder / f"{name}_label.tif") == ACTIVE_LABEL
    return float(np.sum(active & truth) / np.sum(active | truth))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=BESIDE)
    folder = parser.parse_args().folder
    if not folder.exists():
        raise SystemExit(f"{folder} does not exist; name the folder of the slices")
    table = {
        method: [overlap(folder, name, SegmentConfig.model_validate(config)) for name in SLICES]
        for method, config in METHODS.items()
    }
    print("| slice | " + " | ".join(METHODS) + " |")
    print("|---" * (len(METHODS) + 1) + "|")
    for i, name in enumerate(SLICES):
        print(f"| {name} | " + " | ".join(f"{scores[i]:.3f}" for scores in table.values()) + " |")
    print("| **mean** | " + " | ".join(f"**{np.mean(scores):.3f}**" for scores in table.values()) + " |")


if __name__ == "__main__":
    main()
