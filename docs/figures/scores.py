"""Draw `docs/explanation/scores.png`: the false shell of methods that see grey alone, and a map without it.

The scan is a slice of a synthetic electrode. Labels are three slices of another one::

    python docs/figures/scores.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.colors import ListedColormap
from matplotlib.patches import Rectangle
from PIL import Image

import voltomo as vt
from voltomo.artifacts import PALETTE, Phase, PhaseTable
from voltomo.learning.normalization import measure_by_scan, measure_normalization
from voltomo.learning.pairs import LabelledImage
from voltomo.metrics.shell import covered_share, interfaces_in_plane
from voltomo.segmentation.fitted_cut import fit_cut
from voltomo.stages.train import TrainConfig, run_train

ROOT = Path(__file__).parents[2]
PHASES = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "binder", "binder"), Phase(3, "NMC", "active")))
EDGE = 150
SHAPE = (48, 256, 256)


def electrode(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Grey values (1, Z, Y, X) and true phases (Z, Y, X) of a synthetic electrode; cracks count as pore."""
    twin = vt.synth("nmc", shape=SHAPE, seed=seed, scan_settings={"seed": seed})
    assert twin.volume is not None
    phase_of = twin.phase_map.phases.ids_by_role(PHASES, otherwise="pore")
    return np.asarray(twin.volume.data), phase_of[np.asarray(twin.phase_map.data)]


def coverage(labels: np.ndarray) -> float:
    """Share of the boundary of the NMC that binder covers."""
    return covered_share(interfaces_in_plane(labels, phase_ids=PHASES.ids), active=2, binder=(1,))


def main() -> None:
    """Segment a slice in four ways and draw it."""
    grey, truth = electrode(1)
    places = (8, 24, 40)
    images = [LabelledImage(f"z{z}", grey[:, [z]], truth[[z]], scan="labelled") for z in places]
    grey, truth = electrode(2)
    grey, truth = grey[:, [24]], truth[[24]]
    scale = measure_normalization(grey)
    model = run_train(images, PHASES, TrainConfig(method="mlp", gap=16)).model
    maps = {
        "truth": truth,
        "3-class Otsu": np.asarray(vt.segment(grey[0], method="multi-otsu", classes=3).data),
        "k-means": np.asarray(vt.segment(grey[0], method="kmeans", classes=3).data),
        "cuts fitted on 3 slices": fit_cut(images, normalizations=measure_by_scan(images)).apply(scale.apply(grey)[0]),
        "pixel classifier, 3 slices": np.asarray(vt.segment(grey[0], model=model, accept_drift=True).data),
    }
    figure, panels = plt.subplots(2, 3, figsize=(9.6, 6.9), layout="constrained")
    area = slice(50, 50 + EDGE), slice(50, 50 + EDGE)
    panels[0, 0].imshow(grey[0, 0][area], cmap="gray", interpolation="nearest")
    panels[0, 0].set_title("scan", fontsize=10, loc="left")
    colors = ListedColormap([PALETTE[phase.role] for phase in PHASES])
    for axes, (name, labels) in zip(panels.ravel()[1:], maps.items(), strict=True):
        axes.imshow(labels[0][area], cmap=colors, vmin=1, vmax=3, interpolation="nearest")
        axes.set_title(f"{name}: {100 * coverage(labels):.0f} % covered", fontsize=10, loc="left")
    for axes in panels.ravel():
        axes.set_axis_off()
    handles = [Rectangle((0, 0), 1, 1, color=PALETTE[phase.role], label=phase.name) for phase in PHASES]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=10)
    path = ROOT / "docs" / "explanation" / "scores.png"
    figure.savefig(path, dpi=110)
    Image.open(path).convert("RGB").quantize(128).save(path, optimize=True)


if __name__ == "__main__":
    main()
