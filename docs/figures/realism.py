"""Draw `docs/explanation/realism.png`: twins of the real nano-CT slices. With ``--beside FOLDER``, slices and twins.

The pictures beside one another show the real data, which are not ours to publish; they go to the folder that is named,
not into the documentation. The data are looked for beside the checkout::

    python docs/figures/realism.py [path/to/data/nmc_nanoct] [--beside FOLDER]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
import tifffile
from PIL import Image

mpl.use("Agg")
import matplotlib.pyplot as plt

from voltomo.artifacts import Volume
from voltomo.report.twin import TwinContent, write_twin
from voltomo.stages.twin import TwinConfig, compare_twin, plan_twin
from voltomo.stages.twin_scan import make_twin
from voltomo.stages.workspace import MemoryWorkspace

SLICES = ("A_1", "A_400", "B_510", "B_929", "C_394", "C_698")
ROOT = Path(__file__).parents[2]
BESIDE = ROOT.parent / "shared" / "data" / "nmc_nanoct"
CONFIG = TwinConfig(rounds=4, seed=1)
EDGE = 420


def main() -> None:
    """Make the twins and draw them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=BESIDE)
    parser.add_argument("--beside", type=Path, help="folder for slice and twin side by side, a page for each")
    arguments = parser.parse_args()
    if not arguments.folder.exists():
        raise SystemExit(f"{arguments.folder} does not exist; name the folder of the slices")
    figure, panels = plt.subplots(2, 3, figsize=(10.2, 7.2), layout="constrained")
    for name, axes in zip(SLICES, panels.ravel(), strict=True):
        source = Volume.from_array(tifffile.imread(arguments.folder / f"{name}.tif"), name=f"{name}.tif")
        plan = plan_twin(source, CONFIG, MemoryWorkspace())
        twin = make_twin(plan, plan.shape, MemoryWorkspace())
        match = compare_twin(plan, twin, CONFIG, MemoryWorkspace())
        record = match.to_record()
        print(f"{name}: {record['matched']} of {record['compared']} matched")  # noqa: T201 - a script
        image = np.asarray(twin.data)[0, 0, :EDGE, :EDGE]
        low, high = np.percentile(np.asarray(source.data), (0.5, 99.5))
        axes.imshow(image, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
        axes.set_title(f"twin of {name}: {record['matched']} of {record['compared']}", fontsize=10, loc="left")
        axes.set_axis_off()
        if arguments.beside:
            write_twin(arguments.beside / name, TwinContent(record, source, twin, title=f"Twin of {name}"))
    path = ROOT / "docs" / "explanation" / "realism.png"
    figure.savefig(path, dpi=110)
    Image.open(path).convert("L").save(path, optimize=True)


if __name__ == "__main__":
    main()
