"""Draw `docs/explanation/virtual-image-scan.png`: one slice of an NMC cathode with each artefact of the image scan."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image

mpl.use("Agg")
import matplotlib.pyplot as plt

from voltomo.stages.scan_image import ImageScanConfig, run_image_scan
from voltomo.stages.synth import SynthConfig
from voltomo.stages.workspace import MemoryWorkspace
from voltomo.synthesis.generate import make_structure
from voltomo.synthesis.raster import rasterize

SHAPE = (5, 240, 240)
QUIET = {"blur": 0, "noise": 0, "rings": 0, "texture": 0, "porous_texture": 0, "dtype": "float32"}
PANELS: dict[str, dict[str, object]] = {
    "one point per voxel": {"supersampling": 1},
    "partial volume, 2³ points": {},
    "texture 0.04, binder 0.03": {"texture": 0.04, "porous_texture": 0.03},
    "grey between particles 0.04": {"particle_spread": 0.04},
    "blur 2": {"blur": 2},
    "fringes, √(λz) = 1, δ/β = 15": {"blur": 1, "fringe_length": 1, "fringes": 15},
    "halo 0.4 over 12 voxels": {"halo": 0.4},
    "white noise 0.06": {"noise": 0.06, "noise_length": 0},
    "noise 0.06, length 1.5": {"noise": 0.06},
    "rings 0.03": {"rings": 0.03},
    "missing wedge of 40°": {"missing_wedge": 40},
    "brightness 0.06 over 50 voxels": {"drift": 0.06, "drift_width": 50},
    "cupping 0.3": {"cupping": 0.3},
    "low dose": {"dose": "low", "noise": None, "blur": 1.5, "rings": 0.01, "texture": 0.022, "porous_texture": 0.012},
    "the default": {"noise": None, "blur": 1.5, "rings": 0.01, "texture": 0.022, "porous_texture": 0.012},
    "like a nano-CT slice": {
        "blur": 3,
        "noise": 0.02,
        "noise_length": 1.2,
        "missing_wedge": 20,
        "wedge_direction": 15,
        "drift": 0.04,
        "drift_width": 40,
        "rings": 0.003,
        "texture": 0.03,
        "texture_length": 8,
        "porous_texture": 0.04,
        "porous_length": 8,
        "particle_spread": 0.03,
    },
}


def main() -> None:
    """Scan the same structure once per panel."""
    config = SynthConfig(shape=SHAPE, voxel_size="64 nm", d50="4 um", porosity=0.28, binder=0.18, seed=3)
    structure = make_structure(config.request(), np.random.default_rng(config.seed))
    z, y, x = (slice(0, n) for n in SHAPE)
    phases = rasterize(structure, (z, y, x))[0]
    figure, axes = plt.subplots(4, 4, figsize=(10, 10.8))
    for axis, (title, settings) in zip(axes.flat, PANELS.items(), strict=True):
        scanner = ImageScanConfig.model_validate(QUIET | settings)
        grey = np.asarray(run_image_scan(structure, phases, scanner, MemoryWorkspace()).data)[0, SHAPE[0] // 2]
        axis.imshow(grey, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axis.set_title(title, fontsize=9)
        axis.axis("off")
    figure.tight_layout(pad=0.5)
    path = Path(__file__).parents[1] / "explanation" / "virtual-image-scan.png"
    figure.savefig(path, dpi=90)
    Image.open(path).convert("L").quantize(96).save(path, optimize=True)  # half of the bytes


if __name__ == "__main__":
    main()
