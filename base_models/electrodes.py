"""Synthetic NMC electrodes and scans of them, as different as scanners and recipes are, for the base model.

An electrode is a slab a few slices thick, cut from a packing; each is scanned several times with contrast, blur, noise
and artefacts drawn anew, and one slice of a scan is kept. Everything follows from the number of the electrode, so that
the same slices come out wherever they are made. Strengths span what nano-CT and micro-CT scans show; none was fitted
to a measured scan, but how widely they vary was chosen with nine labelled slices in view
(docs/explanation/base-model.md).
"""

from __future__ import annotations

import math
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from voltomo.artifacts import PhaseTable
from voltomo.errors import InputError
from voltomo.learning.pairs import LabelledImage
from voltomo.stages.scan_image import ImageScanConfig, run_image_scan
from voltomo.stages.synth import run_synth
from voltomo.stages.synth_config import SynthConfig
from voltomo.stages.workspace import MemoryWorkspace
from voltomo.synthesis.families import ACTIVE, BINDER, CRACK_PHASE, PORE

__all__ = ["PHASES", "draw_electrode", "draw_scan", "make_slices"]

PHASES = PhaseTable.numbered(3)
"""By rising grey; a crack is pore."""
SHAPE = (9, 384, 384)
"""Enough slices for the blur of the one in the middle, and several particles across it."""
SCANS = 3
"""Of each electrode."""
_VOXEL = 64.0
"""Edge of a voxel, nm. Only the ratio of the diameter to it shows."""


@dataclass(frozen=True)
class _Draws:
    """Random numbers with the names of what they are for."""

    rng: np.random.Generator

    def even(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def scale(self, low: float, high: float) -> float:
        """Even in the logarithm."""
        return math.exp(self.even(math.log(low), math.log(high)))

    def sometimes(self, chance: float, value: float) -> float:
        """The value, or 0."""
        return value if self.rng.random() < chance else 0.0


def draw_electrode(number: int) -> SynthConfig:
    """What an electrode is like."""
    draw = _Draws(np.random.default_rng([1, number]))
    bridges, films, _webs = draw.rng.dirichlet((2.0, 1.0, 1.0))
    diameter = draw.scale(18, 170)
    settings: dict[str, Any] = {
        "family": "nmc",
        "shape": SHAPE,
        "voxel_size": f"{_VOXEL:g} nm",
        "d50": f"{_VOXEL * diameter / 1000:.4g} um",
        "spread": draw.even(1.3, 2.4),
        "elongation": draw.even(1.0, 1.6),
        "roughness": draw.even(0.03, 0.25),
        "porosity": draw.even(0.15, 0.4),
        "binder": draw.even(0.05, 0.22),
        "binder_rules": (bridges, films, 1 - bridges - films),
        "cracked": draw.sometimes(0.7, draw.even(0.1, 0.8)),
        "crack_width": f"{_VOXEL * draw.scale(1.0, max(1.5, diameter / 10)):.4g} nm",
        "open_cracks": draw.even(0.1, 0.6),
        "hollow": draw.sometimes(0.6, draw.even(0.1, 0.6)),
        "void_diameter": f"{_VOXEL * draw.scale(3.0, max(4.0, diameter / 4)):.4g} nm",
        "seed": number,
    }
    return SynthConfig.model_validate(settings)


def draw_scan(number: int, scan: int) -> ImageScanConfig:
    """What the instrument does in one scan of an electrode. Grey values are parts of the range from 0 to 1."""
    draw = _Draws(np.random.default_rng([2, number, scan]))
    pore, active = draw.even(0.1, 0.3), draw.even(0.6, 0.85)
    contrast = active - pore
    binder = pore + contrast * draw.even(0.05, 0.45)
    settings: dict[str, Any] = {
        "levels": {PORE: pore, CRACK_PHASE: pore, BINDER: binder, ACTIVE: active},
        "texture": contrast * draw.even(0.0, 0.18),
        "texture_length": draw.scale(3, 30),
        "porous_texture": contrast * draw.even(0.0, 0.12),
        "porous_length": draw.scale(3, 12),
        "particle_spread": contrast * draw.sometimes(0.7, draw.even(0.0, 0.2)),
        "grain_spread": contrast * draw.sometimes(0.4, draw.even(0.0, 0.12)),
        "blur": draw.scale(0.7, 5.0),
        "noise": contrast * draw.scale(0.01, 0.2),
        "noise_length": draw.even(0.0, 2.5),
        "rings": contrast * draw.sometimes(0.4, draw.even(0.0, 0.04)),
        "ring_axis": (draw.even(-400, 800), draw.even(-400, 800)),
        "halo": draw.sometimes(0.6, draw.even(0.1, 0.6)),
        "halo_length": draw.scale(5, 32),
        "fringes": draw.sometimes(0.3, draw.even(5, 40)),
        "fringe_length": draw.even(0.5, 1.5),
        "missing_wedge": draw.sometimes(0.4, draw.even(10, 60)),
        "wedge_direction": draw.even(0, 180),
        "drift": contrast * draw.sometimes(0.6, draw.even(0.0, 0.15)),
        "drift_width": draw.scale(30, 200),
        "cupping": draw.sometimes(0.3, draw.even(0.0, 0.1)),
        "dtype": "float32",
        "seed": 1000 * number + scan,
    }
    return ImageScanConfig.model_validate(settings)


def make_slices(numbers: range, kept: Path, *, workers: int = 2) -> list[LabelledImage]:
    """Slices with their true phases, `SCANS` of each electrode; what the folder holds already is not made again."""
    kept.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers) as pool:
        paths = [path for path in pool.map(partial(_make, kept=kept), numbers) if path is not None]
    return [image for path in paths for image in _read(path)]


def _make(number: int, kept: Path) -> Path | None:
    """File of an electrode; None where nothing can be packed as it was drawn."""
    path = kept / f"electrode_{number:04d}.npz"
    if path.exists():
        return path
    config = draw_electrode(number)
    try:
        made = run_synth(config, MemoryWorkspace((9, 96, 384), workers=1))
    except InputError:
        return None
    phases = np.asarray(made.phase_map.data)
    middle = SHAPE[0] // 2
    truth = made.phase_map.phases.ids_by_role(PHASES, otherwise="pore")
    greys = []
    for scan in range(SCANS):
        work = MemoryWorkspace((9, 96, 384), workers=1)
        volume = run_image_scan(made.structure, made.phase_map.data, draw_scan(number, scan), work)
        greys.append(np.asarray(volume.data[:, [middle]]))
    temporary = path.with_suffix(".part.npz")
    np.savez_compressed(temporary, grey=np.stack(greys), labels=truth[phases[[middle]]])
    temporary.rename(path)
    return path


def _read(path: Path) -> list[LabelledImage]:
    with np.load(path) as stored:
        greys, labels = stored["grey"], stored["labels"]
    names = [f"{path.stem} scan {scan}" for scan in range(len(greys))]
    return [LabelledImage(name, grey, labels, scan=name) for name, grey in zip(names, greys, strict=True)]
