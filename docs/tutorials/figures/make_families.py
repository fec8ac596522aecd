"""Draw `families.png`: a section through each kind of structure, its phases and its particles.

    python docs/tutorials/figures/make_families.py

Needs nothing but voltomo; takes half a minute.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from PIL import Image

from voltomo.stages.synth import SynthConfig
from voltomo.synthesis import Structure, make_structure, rasterize
from voltomo.synthesis.families import CARBON, COLLECTOR, PORE

EDGE = 224
PANELS: list[tuple[str, dict[str, object]]] = [
    ("nmc", {}),
    ("graphite", {"calendering": 0.5, "collector": "8 um", "free_surface": "8 um"}),
    ("lfp", {"d50": "0.5 um", "cracked": 0, "hollow": 0}),
    ("si-graphite", {}),
    ("assb", {}),
    ("li-s", {}),
    ("li-air", {}),
    ("separator", {}),
]
DARK = "#262626"
CHANGED = {PORE: DARK, CARBON: "#8c8c8c", COLLECTOR: "#56b4e9"}
"""Colours other than those of the reports: what is empty recedes, and carbon stands out from it."""
COLORS = 12
"""Shades for particles: neighbours hardly ever share one, and their lightness differs."""


def main() -> None:
    """Two panels for each family: phases, and the particles or, where there are none, another direction."""
    figure = Figure(figsize=(10.4, 11.4), layout="constrained", dpi=80)
    axes = figure.subplots(4, 4)
    shown: dict[str, str] = {}
    for number, (family, settings) in enumerate(PANELS):
        structure = _make(family, settings)
        left, right = axes[number // 2, 2 * (number % 2) : 2 * (number % 2) + 2]
        phases, ids = _section(structure, along=1)
        _draw(left, structure, _phase_colors(structure, phases))
        left.set_title(f"{family}: phases, x–z", fontsize=10)
        shown |= {phase.name: _color(phase.id, phase.color) for phase in structure.phases if np.any(phases == phase.id)}
        if ids.any():
            _draw(right, structure, _id_colors(ids))
            right.set_title(f"{family}: particles, x–z", fontsize=10)
        else:
            _draw(right, structure, _phase_colors(structure, _section(structure, along=0)[0]))
            right.set_title(f"{family}: phases, x–y", fontsize=10)
    handles = [Patch(color=color, label=name) for name, color in shown.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=6, fontsize=9, frameon=False)
    _save(figure, Path(__file__).with_name("families.png"))


def _make(family: str, settings: dict[str, object]) -> Structure:
    config = SynthConfig.model_validate({"family": family, "shape": EDGE, "seed": 3} | settings)
    return make_structure(config.request(), np.random.default_rng(config.seed))


def _section(structure: Structure, *, along: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint32]]:
    """Phases and ids of the middle slice across an axis."""
    region = tuple(
        slice(n // 2, n // 2 + 1) if axis == along else slice(0, n) for axis, n in enumerate(structure.shape)
    )
    phases, ids = rasterize(structure, region)
    return phases.squeeze(along), ids.squeeze(along)


def _color(phase: int, color: str) -> str:
    return CHANGED.get(phase, color)


def _phase_colors(structure: Structure, phases: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    table = np.zeros((256, 3))
    for phase in structure.phases:
        table[phase.id] = to_rgb(_color(phase.id, phase.color))
    return table[phases]


def _id_colors(ids: npt.NDArray[np.uint32]) -> npt.NDArray[np.float64]:
    """Shades of one hue from dark to light: they differ for every kind of colour vision."""
    shades = colormaps["cividis"](np.linspace(0.25, 1.0, COLORS))[:, :3]
    picked = shades[np.random.default_rng(0).permutation(int(ids.max()) + 1) % COLORS]
    picked[0] = to_rgb(DARK)
    return np.asarray(picked[ids])


def _draw(axis: Axes, structure: Structure, picture: npt.NDArray[np.float64]) -> None:
    """A section with z or y upwards and a scale bar of about a quarter of its width."""
    axis.imshow(picture, origin="lower", interpolation="nearest")
    width = picture.shape[1] * structure.voxel_size[2]
    power = 10 ** np.floor(np.log10(width / 4))
    length = max(step * power for step in (1, 2, 5) if step * power <= width / 3)
    text = f"{length * 1e6:g} µm" if length >= 1e-6 else f"{length * 1e9:g} nm"
    pixels = length / structure.voxel_size[2]
    axis.plot([8, 8 + pixels], [10, 10], color="white", linewidth=3, solid_capstyle="butt")
    axis.text(
        8 + pixels / 2, 14, text, color="white", ha="center", va="bottom", fontsize=8,
        bbox={"facecolor": "black", "alpha": 0.55, "edgecolor": "none", "pad": 1.0},
    )  # fmt: skip
    axis.set_axis_off()


def _save(figure: Figure, path: Path) -> None:
    """The figure with 64 colours: a third of the size."""
    drawn = io.BytesIO()
    figure.savefig(drawn)
    Image.open(drawn).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
