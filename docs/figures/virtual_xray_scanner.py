"""Draw `docs/explanation/virtual-xray-scanner.png`: raw data of the virtual X-ray scanner, and what becomes of them."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.transform import iradon

mpl.use("Agg")
import matplotlib.pyplot as plt

from voltomo.stages.scan_xray import XrayScanConfig, XrayScanResult, run_xray_scan
from voltomo.stages.synth import SynthConfig
from voltomo.stages.workspace import MemoryWorkspace
from voltomo.synthesis.generate import make_structure
from voltomo.synthesis.structure import Structure

SIZE, HEIGHT = 160, 48
ROW = HEIGHT // 2


def sample(family: str, **changes: object) -> Structure:
    """A cylinder of one family."""
    shape = (HEIGHT, SIZE, SIZE)
    config = SynthConfig(family=family, shape=shape, voxel_size="64 nm", field_of_view="cylinder", seed=4, **changes)
    return make_structure(config.request(), np.random.default_rng(config.seed))


def transmission(result: XrayScanResult, contrast: str) -> np.ndarray:
    """(A, V, U) after flats and darks; dead pixels become open beam."""
    stack = result.stacks[contrast]
    data, flats, darks = (np.asarray(a, float) for a in (stack.data, stack.flats, stack.darks))
    open_beam = flats.mean(0) - darks.mean(0)
    return np.where(open_beam > 50, (data - darks.mean(0)) / np.maximum(open_beam, 50), 1.0)


def reconstruct(result: XrayScanResult, contrast: str) -> np.ndarray:
    """(Y, X) slice by scikit-image, with the centre and the jitter that the truth states."""
    lines = -np.log(np.clip(transmission(result, contrast)[:, ROW], 1e-3, None))
    scan = result.truth["scans"][contrast]
    columns = lines.shape[1]
    shifts = columns // 2 - scan["center_of_rotation"] - np.array(scan["shift_u"])
    moved = [ndimage.shift(line, shift, order=1, mode="nearest") for line, shift in zip(lines, shifts, strict=True)]
    found = iradon(np.array(moved).T, -np.degrees(result.stacks[contrast].angles), circle=True)
    edge = (columns - SIZE) // 2
    return found[edge : edge + SIZE, edge : edge + SIZE] / result.truth["pixel_size"] * 1e-4


def main() -> None:
    """Scan the same structure once per panel."""
    cathode, host = sample("nmc", d50="2.5 um", cracked=0.6), sample("separator")

    def scan(structure: Structure, **changes: object) -> XrayScanResult:
        return run_xray_scan(structure, XrayScanConfig(**({"angles": 251} | changes)), MemoryWorkspace())

    plain, fringes = scan(cathode), scan(cathode, distance="60 um")
    ring = scan(host, contrast="both", halo="1 um", angles=60, dose="high")
    flats = plain.stacks["absorption"].flats
    assert flats is not None
    flat = flats[0]
    slices = {
        "default, 251 angles: medium dose": plain,
        "low dose": scan(cathode, dose="low"),
        "high dose, 40 angles": scan(cathode, dose="high", angles=40),
        "missing wedge of 60°": scan(cathode, dose="high", angle_range=120),
        "nonlinear pixels (0.06): rings": scan(cathode, dose="high", nonlinearity=0.06),
        "60 µm of free space: fringes": fringes,
        "high dose": scan(cathode, dose="high"),
    }
    grey = transmission(ring, "zernike")[0]
    panels = [
        ("raw projection (counts)", plain.stacks["absorption"].data[0], None),
        ("flat field, with dead pixels", flat, None),
        ("transmission", transmission(plain, "absorption")[0], (0.6, 1.05)),
        ("sinogram of one row", transmission(plain, "absorption")[:, ROW], (0.6, 1.05)),
        ("transmission, 60 µm of free space", transmission(fringes, "absorption")[0], (0.4, 1.6)),
        ("separator, absorption", transmission(ring, "absorption")[0], (0.98, 1.01)),
        ("separator, Zernike phase ring", grey, tuple(np.percentile(grey, (1, 99)))),
        *((title, reconstruct(result, "absorption"), (-1.5, 4.5)) for title, result in slices.items()),
    ]
    figure, axes = plt.subplots(4, 4, figsize=(13, 9.6), gridspec_kw={"height_ratios": [0.32, 0.32, 1, 1]})
    places = [*axes[0], *axes[1, :3], *axes[2, :3], *axes[3]]
    for place, (title, image, limits) in zip(places, panels, strict=True):
        low, high = (None, None) if limits is None else limits
        place.imshow(image, cmap="gray", vmin=low, vmax=high, aspect="auto" if "sinogram" in title else "equal")
        place.set_title(title, fontsize=9)
    for place in axes.ravel():
        place.axis("off")
    profile = axes[2, 3]
    profile.axis("on")
    profile.plot(panels[7][1][SIZE // 2], lw=0.8)
    profile.axhline(plain.truth["materials"]["active"]["mu"] * 1e-4, color="0.5", lw=0.8)
    profile.set_title("µ along its middle row (1/100 µm)", fontsize=9)
    figure.tight_layout()
    path = Path(__file__).parents[1] / "explanation" / "virtual-xray-scanner.png"
    figure.savefig(path, dpi=75)
    Image.open(path).convert("L").quantize(64).save(path, optimize=True)


if __name__ == "__main__":
    main()
