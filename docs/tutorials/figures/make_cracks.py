"""Draw `cracks.png`: the types of cracks, closed voids and pores in one particle.

    python docs/tutorials/figures/make_cracks.py

Needs nothing but voltomo; takes a minute.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from PIL import Image
from scipy.spatial.transform import Rotation

from voltomo.stages.scan_image import ImageScanConfig, run_image_scan
from voltomo.stages.synth import SynthConfig
from voltomo.stages.workspace import MemoryWorkspace
from voltomo.synthesis import (
    CRACK_TYPES,
    Layers,
    Particles,
    Slits,
    Structure,
    Voids,
    crack_widths,
    find_family,
    grain_values,
    rasterize,
)
from voltomo.synthesis.families import ACTIVE, CRACK_PHASE, PORE
from voltomo.synthesis.flaws import add_flaws

EDGE, VOXEL, FINE = 96, 64e-9, 4
PANELS: list[tuple[str, dict[str, object], int, int]] = [
    ("intergranular", {}, 11, 2),
    ("meridional", {}, 2, 0),
    ("radial", {}, 0, 4),
    ("core", {}, 0, 2),
    ("fragmented", {}, 1, 3),
    ("void and pores", {"cracked": 0, "hollow": 1.0, "pores": 0.03}, 0, 3),
]
"""Title, settings, and the seeds of a first and a second example."""


def main() -> None:
    """A column for each type: two particles in detail, and the second one as voxels show it."""
    figure = Figure(figsize=(10.5, 7.4), layout="constrained", dpi=90)
    rows = figure.subplots(4, len(PANELS))
    for column, (title, settings, first, second) in enumerate(PANELS):
        wanted = {"crack_type": title if title in CRACK_TYPES else "mixed", "cracked": 1.0} | settings
        for row, seed in enumerate((first, second)):
            structure = _particle(wanted, seed)
            rows[row, column].imshow(_detail(structure), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        middle = (slice(EDGE // 2, EDGE // 2 + 1), slice(0, EDGE), slice(0, EDGE))
        phases, _ = rasterize(structure, middle)
        rows[2, column].imshow(_overlay(phases[0], crack_widths(structure, middle)[0]), interpolation="nearest")
        rows[3, column].imshow(_scanned(structure), cmap="gray", interpolation="nearest")
        rows[0, column].set_title(title, fontsize=11)
    for axes in rows.ravel():
        axes.set_xticks([])
        axes.set_yticks([])
    for row, text in enumerate(("16 nm grid", "16 nm grid, another", "64 nm, width map", "64 nm, image scan")):
        rows[row, 0].set_ylabel(text, fontsize=10)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    buffer.seek(0)
    path = Path(__file__).with_name("cracks.png")
    Image.open(buffer).convert("RGB").quantize(64).save(path, optimize=True)


def _particle(settings: dict[str, object], seed: int) -> Structure:
    """One rough particle, 5.2 µm across, with cracks 90 nm wide, one and a half voxels."""
    config = SynthConfig.model_validate(
        {"shape": EDGE, "voxel_size": "64 nm", "d50": "5.2 um", "crack_width": "90 nm", "crack_spread": 1}
        | {"grain_size": "0.55 um", "hollow": 0.0, "void_diameter": "1.3 um", "pore_diameter": "0.3 um"}
        | settings
    )
    center = np.full((1, 3), 0.5 * (EDGE - 1) * VOXEL)
    turn = Rotation.from_rotvec([0.4, 0.7, -0.3]).as_matrix()
    semi_axes = np.array([[2.6e-6, 2.7e-6, 2.5e-6]])
    bare = Structure(
        family="nmc",
        shape=(EDGE,) * 3,
        voxel_size=(VOXEL,) * 3,
        origin=(0.0, 0.0, 0.0),
        particles=Particles(center, semi_axes, turn[None], np.array([ACTIVE], np.uint8), 0.08),
        slits=Slits.none(),
        voids=Voids.none(),
        layers=Layers.none(),
        background=PORE,
        reach=1e-6,
        texture_length=1.3e-6,
        collector=-np.inf,
        free_surface=np.inf,
        seed=seed,
    )
    return add_flaws(config.request(), bare, np.random.default_rng(seed))


def _detail(structure: Structure) -> npt.NDArray[np.float64]:
    """Phases and grains of the middle plane on a fine grid."""
    fine = structure.refined(FINE)
    edge = slice(0, FINE * EDGE)
    plane = (slice(FINE * EDGE // 2, FINE * EDGE // 2 + 1), edge, edge)
    phases, ids = rasterize(fine, plane)
    grains = grain_values(fine, plane, ids)
    grey = np.where(phases == ACTIVE, 0.78 + 0.1 * grains, np.where(phases == CRACK_PHASE, 0.12, 0.25))
    return np.asarray(grey[0])


def _overlay(phases: npt.NDArray[np.uint8], widths: npt.NDArray[np.uint16]) -> npt.NDArray[np.float64]:
    """Phases in grey; voxels through which a crack passes in light orange, those it takes in dark."""
    table = find_family("nmc").phases
    colors = ListedColormap(["0.25", "0.85", "#f0c080", "#a04000"])(np.arange(4))[:, :3]
    codes = (phases == table.by_id(ACTIVE).id).astype(int)
    codes[widths > 0] = 2
    codes[phases == CRACK_PHASE] = 3
    return np.asarray(colors[codes])


def _scanned(structure: Structure) -> npt.NDArray[np.float64]:
    """The middle plane of an image scan."""
    phases, _ = rasterize(structure, (slice(0, EDGE),) * 3)
    volume = run_image_scan(structure, phases, ImageScanConfig(), MemoryWorkspace())
    return np.asarray(volume.data[0, EDGE // 2], np.float64)


if __name__ == "__main__":
    main()
