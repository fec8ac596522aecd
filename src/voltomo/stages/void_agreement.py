"""Voids inside particles, in a result and in a truth, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, Measurement, PhaseMap
from voltomo.artifacts.volume import as_zyx
from voltomo.blocks.components import find_components, tally_components
from voltomo.metrics.void_recall import VoidScores, choose_voids, is_found, void_sizes
from voltomo.stages.grouping import Grouping
from voltomo.stages.workspace import Workspace

__all__ = ["compare_voids", "void_rows"]

Classes: TypeAlias = npt.NDArray[np.uint8]


def compare_voids(
    result: ArrayLike,
    truth: ArrayLike,
    work: Workspace,
    *,
    result_active: npt.NDArray[np.bool_],
    truth_active: npt.NDArray[np.bool_],
) -> VoidScores:
    """Which voids of the truth the result leaves open, and which of its own the truth supports.

    Parameters
    ----------
    result, truth : (Z, Y, X) uint8 array-likes of the same shape; 0 is outside or unlabelled
    work : where the blocks run
    result_active, truth_active : (256,) which ids are active material

    Returns
    -------
    VoidScores
        Voids as in `voltomo.metrics.void_recall`, with sizes for a section where Z = 1.
    """
    voids, found = _count(truth, result, truth_active, result_active, work, step="enclosed voids of the truth")
    predicted, supported = _count(result, truth, result_active, truth_active, work, step="enclosed voids of the result")
    return VoidScores(voids, found, predicted, supported)


def void_rows(
    result: PhaseMap, truth: PhaseMap, grouping: Grouping, work: Workspace, dimension: int
) -> Iterator[Measurement]:
    """Voids inside the active material; none where no class holds it."""
    name = next((name for name in grouping.names if "active" in name.split("+")), None)
    if name is None:
        return
    number = grouping.names.index(name) + 1
    found = compare_voids(
        as_zyx(result.data),
        as_zyx(truth.data),
        work,
        result_active=grouping.result == number,
        truth_active=grouping.truth == number,
    )
    yield from _scores(found, name, dimension)


def _scores(found: VoidScores, phase: str, dimension: int) -> Iterator[Measurement]:
    sizes = void_sizes(dimension)
    what = (
        f"parts of everything else that {phase} encloses, of {sizes.smallest} to {sizes.largest} "
        f"{'pixels' if dimension == 2 else 'voxels'}; found where the other map leaves 30 % open"
    )
    for name, whose, value, counts in (
        ("void_recall", "truth", found.recall, (found.found, found.voids)),
        ("void_precision", "result", found.precision, (found.supported, found.predicted)),
    ):
        words: dict[str, Any] = {"phase": phase, "dimension": dimension, "region": "voxels inside both maps"}
        words["definition"] = f"share of the voids of the {whose} that the other map has too: {what}"
        if np.isnan(value):
            yield Measurement(name, None, "1", status="withheld", reason=f"the {whose} has no void", **words)
        else:
            yield Measurement(name, value, "1", method=f"{counts[0]} of {counts[1]} voids", **words)


def _count(
    here: ArrayLike,
    there: ArrayLike,
    active_here: npt.NDArray[np.bool_],
    active_there: npt.NDArray[np.bool_],
    work: Workspace,
    *,
    step: str,
) -> tuple[int, int]:
    """Voids of one map, and those of them that the other leaves open too."""

    def is_open(mine: Classes, other: Classes) -> npt.NDArray[np.bool_]:
        return np.asarray(~active_here[mine])

    def marks(mine: Classes, other: Classes) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        return (mine == 0) | (other == 0), ~active_there[other]

    parts = find_components(here, there, predicate=is_open, runner=work, step=step)
    sums = tally_components(parts, marks, here, there, predicate=is_open, runner=work, step=f"{step}: compare")
    dimension = 2 if parts.shape[0] == 1 else 3
    # A section has no neighbors along z: its only slice is no edge.
    edges = [axis + side for axis in range(3 - dimension, 3) for side in (0, 3)]
    touches = np.asarray(parts.touches[:, edges].any(axis=1))
    chosen = choose_voids(parts.counts, sums[:, 0], touches, void_sizes(dimension))
    return int(chosen.sum()), int(np.count_nonzero(chosen & is_found(parts.counts, sums[:, 1])))
