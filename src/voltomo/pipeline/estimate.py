"""What a run would do, and what it would take: the answer to ``--dry-run``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from voltomo.blocks import check_budget
from voltomo.io.study import Study
from voltomo.machine import available_cores
from voltomo.pipeline.run import check_voxel_size, plan, resolve
from voltomo.pipeline.source import open_source
from voltomo.units import format_bytes, format_voxel_size, parse_bytes

__all__ = ["Expectation", "describe_plan"]

SECONDS = {
    "import": (0.2, 0.03),
    "denoise": (1.0, 0.4),
    "segment": (0.2, 0.015),
    "segment by a model": (1.0, 0.075),
    "retrain": (10.0, 0.4),
    "particles": (0.8, 0.6),
    "measure": (12.0, 1.5),
    "evaluate": (0.3, 0.1),
    "report": (5.5, 0.03),
}
"""Per stage: seconds of its own, and seconds per million voxels; `benchmarks/bench_recipe.py` on two cores. By a model:
nmc-base at 1024³ (`benchmarks/bench_segment_volume.py`); `retrain` as five pixel classifiers, never timed at size."""

START_SECONDS = 2.0
"""Until the program is loaded."""

BASE_BYTES = 450_000_000
BYTES_PER_VOXEL = 24
VOXELS_AT_ONCE = 50_000_000
"""Peak memory of the same runs: the program, and so much per voxel until blocks limit it. Large particles take more, up
to the budget."""


@dataclass(frozen=True)
class Expectation:
    """A plan in words and in values."""

    values: dict[str, Any]
    text: str


def describe_plan(source: Any, recipe: Any, *, output: Path | str | None = None, **given: Any) -> Expectation:
    """What `voltomo.run` would do with the same arguments, without doing or writing anything."""
    overwrite, start_from = bool(given.pop("overwrite", False)), given.pop("start_from", None)
    resolved = resolve(source, recipe, **given)
    opened = open_source(source, resolved)
    check_voxel_size(opened, resolved)
    folder = Path(output) if output is not None else Path(f"{opened.stem}_study")
    Study.check_folder(folder)
    study = Study(folder, writable=False) if Study.is_study(folder) else None
    chosen = plan(study, opened, resolved, overwrite=overwrite, start_from=start_from)
    voxels = float(np.prod(opened.volume.shape))
    budget = check_budget(parse_bytes(resolved.memory))
    rows: list[dict[str, Any]] = []
    for job in chosen.jobs:
        runs = job in chosen.pending
        by_model = getattr(job.config, "method", "") in ("auto", "model")
        own, per_megavoxel = SECONDS["segment by a model" if job.verb == "segment" and by_model else job.verb]
        seconds = own + per_megavoxel * voxels / 1e6
        rows.append({"stage": job.verb, "run": runs, "seconds": round(seconds, 1) if runs else 0.0})
    total = START_SECONDS + sum(float(row["seconds"]) for row in rows)
    peak = min(budget, BASE_BYTES + BYTES_PER_VOXEL * min(voxels, VOXELS_AT_ONCE))
    lines = [
        f"input      {opened.name}: {' × '.join(str(n) for n in opened.volume.shape)} voxels (z, y, x), "
        f"{opened.volume.data.dtype}, voxel size {format_voxel_size(opened.voxel_size)}",
        f"study      {folder} ({'continued' if Study.is_study(folder) else 'new'})",
    ]
    for row in rows:
        expected = f"about {row['seconds']:.0f} s" if row["run"] else "up to date"
        lines.append(f"{row['stage']:<10} {expected}")
    lines.append(
        f"together   about {total:.0f} s on {available_cores()} cores, about {format_bytes(peak)} of memory "
        f"(never more than {format_bytes(budget)})"
    )
    return Expectation(
        {"study": str(folder), "stages": rows, "seconds": total, "memory": peak, "memory_limit": budget},
        "\n".join(lines),
    )
