"""Draw `scanners.png`: what each virtual scanner makes of one electrode.

    python docs/tutorials/figures/make_scanners.py

Needs nothing but voltomo; takes a minute.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from voltomo.stages.scan_fibsem import FibsemScanConfig, run_fibsem_scan
from voltomo.stages.scan_image import ImageScanConfig, run_image_scan
from voltomo.stages.scan_xray import XrayScanConfig, run_xray_scan
from voltomo.stages.synth import SynthConfig, run_synth
from voltomo.stages.workspace import MemoryWorkspace

EDGE, VOXEL = 160, 64e-9
Grey = npt.NDArray[np.float64]


def main() -> None:
    """Eight panels."""
    pillar = run_synth(
        SynthConfig(shape=(EDGE,) * 3, voxel_size="64 nm", d50="3 um", field_of_view="cylinder", cracked=0.4, seed=7),
        MemoryWorkspace(),
    )
    cathode = run_synth(
        SynthConfig(family="assb", shape=(EDGE,) * 3, voxel_size="64 nm", d50="2.5 um", seed=7), MemoryWorkspace()
    )
    middle = EDGE // 2
    panels: list[tuple[str, Grey]] = []
    for title, settings in (
        ("image, medium dose", {}),
        ("image, low dose, missing wedge of 40°", {"dose": "low", "missing_wedge": 40}),
        ("image, propagation fringes", {"dose": "high", "fringes": 40.0, "fringe_length": 1.5}),
    ):
        volume = run_image_scan(
            pillar.structure, pillar.phase_map.data, ImageScanConfig.model_validate(settings), MemoryWorkspace()
        )
        panels.append((title, np.asarray(volume.data[0, middle], np.float64)))
    both = run_xray_scan(
        pillar.structure, XrayScanConfig(contrast="both", angles=120, dose="medium"), MemoryWorkspace()
    ).stacks
    for title, name in (("nanoct, one projection", "absorption"), ("nanoct, Zernike contrast", "zernike")):
        panels.append((title, _transmission(both[name].data[0], both[name].flats)))
    panels.append(("nanoct, one row at all angles", _transmission(both["absorption"].data[:, middle], None)))
    for title, config in (
        ("fibsem, high dose", FibsemScanConfig(dose="high")),
        ("fibsem, low dose", FibsemScanConfig(dose="low")),
    ):
        slices = run_fibsem_scan(cathode.structure, config, MemoryWorkspace()).stack
        panels.append((title, np.asarray(slices.data[middle], np.float64)))
    figure = Figure(figsize=(12, 6.4), layout="constrained", dpi=100)
    for axes, (title, grey) in zip(figure.subplots(2, 4).ravel(), panels, strict=True):
        _draw(axes, title, grey, with_bar="one row" not in title)
    figure.savefig(Path(__file__).with_name("scanners.png"), pil_kwargs={"optimize": True})


def _transmission(counts: npt.NDArray[np.uint16], flats: npt.NDArray[np.uint16] | None) -> Grey:
    """Counts over the mean flat field, where one is given."""
    image = np.asarray(counts, np.float64)
    return image if flats is None else image / np.maximum(np.mean(np.asarray(flats, np.float64), axis=0), 1)


def _draw(axes: Axes, title: str, grey: Grey, *, with_bar: bool) -> None:
    low, high = np.percentile(grey, (0.5, 99.5))
    axes.imshow(grey, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    axes.set_title(title, fontsize=10)
    axes.set_axis_off()
    if with_bar:
        length, (rows, columns) = 2e-6 / VOXEL, grey.shape
        y = rows - 8
        axes.plot([columns - 8 - length, columns - 8], [y, y], color="black", linewidth=5, solid_capstyle="butt")
        axes.plot([columns - 8 - length, columns - 8], [y, y], color="white", linewidth=3, solid_capstyle="butt")
        text = axes.text(columns - 8 - length / 2, y - 4, "2 µm", color="white", ha="center", va="bottom", fontsize=9)
        text.set_bbox({"facecolor": "black", "alpha": 0.5, "edgecolor": "none", "pad": 1})


if __name__ == "__main__":
    main()
