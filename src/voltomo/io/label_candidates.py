"""Slices that are there to be labelled: those of volumes, and files beside the labelled ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from voltomo.io.label_names import image_stem, scan_prefix
from voltomo.io.registry import read_volume
from voltomo.learning.next_slices import Candidates
from voltomo.learning.pairs import LabelledImage

__all__ = ["find_candidates"]


def find_candidates(
    images: Sequence[LabelledImage], sources: Sequence[tuple[str, int]], unlabelled: Sequence[Path]
) -> tuple[Candidates, ...]:
    """Volumes, and files of single slices in the order of their numbers, with what is labelled of each.

    Parameters
    ----------
    images : labelled images
    sources : name and number of slices of the grey file of each image
    unlabelled : grey files without labels; single slices, if all labelled ones are

    Returns
    -------
    tuple of Candidates
        Without those of which nothing is left to label.
    """
    depths = dict(sources)
    labelled: dict[str, set[int]] = {}
    for image, (name, _) in zip(images, sources, strict=True):
        painted = np.flatnonzero(image.labels.any(axis=(1, 2))) + image.first_slice
        labelled.setdefault(name, set()).update(painted.tolist())
    are_slices = all(depth == 1 for depth in depths.values())
    scans = {name.rpartition("/")[0] for name in depths}  # sub-folders that are part of the names
    for path in unlabelled:
        scan = f"{path.parent.name}/" if path.parent.name in scans else ""
        depths[scan + image_stem(path)] = 1 if are_slices else read_volume(path).shape[0]
    series: dict[str, list[str]] = {}
    for name in (name for name, depth in depths.items() if depth == 1):
        series.setdefault(scan_prefix(name), []).append(name)
    found = [
        Candidates(prefix or "slices", len(names), tuple(i for i, n in enumerate(names) if n in labelled), None, names)
        for prefix, names in ((prefix, tuple(sorted(names, key=_by_number))) for prefix, names in series.items())
    ]
    found += [Candidates(name, d, tuple(sorted(labelled.get(name, ())))) for name, d in depths.items() if d > 1]
    return tuple(item for item in found if len(item.labelled) < item.depth)


def _by_number(name: str) -> tuple[str | int, ...]:
    """Key that puts slice 9 before slice 10."""
    return tuple(int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name))
