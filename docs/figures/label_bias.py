"""Draw `docs/explanation/label-bias-slices.png` and `label-bias-errors.png`: what biased labels do to the numbers.

Runs `voltomo study label-bias --seeds 6`, or goes on with a folder in which it ran::

    python docs/figures/label_bias.py bias/
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image

from voltomo.pipeline.label_bias import study_label_bias
from voltomo.stages.label_bias import LabelBiasConfig

ROOT = Path(__file__).parents[2]
ELECTRODES = 6
WIDTH = 1000
"""Pixels: the pages are read on screens."""


def main() -> None:
    """Make the study, and shrink its figures."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    study_label_bias(LabelBiasConfig(electrodes=ELECTRODES), folder)
    for name in ("slices", "errors"):
        picture = Image.open(folder / f"label_bias_{name}.png").convert("RGB")
        height = round(picture.height * WIDTH / picture.width)
        small = picture.resize((WIDTH, height), Image.Resampling.LANCZOS)
        path = ROOT / "docs" / "explanation" / f"label-bias-{name}.png"
        small.quantize(128).save(path, optimize=True)


if __name__ == "__main__":
    main()
