"""Two maps in their common classes, over the voxels that both know; translated as they are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, Phase, PhaseMap, PhaseTable, Role
from voltomo.artifacts.volume import as_zyx
from voltomo.stages.grouping import Grouping

__all__ = ["class_phases", "grouped_maps"]


def class_phases(grouping: Grouping) -> PhaseTable:
    """Phase table of the common classes: ids 1 to K, the role of the first material of each."""
    return PhaseTable(tuple(Phase(i, name, _role(name)) for i, name in enumerate(grouping.names, start=1)))


def _role(name: str) -> Role:
    """Pore that binder was not told apart from is a mixture; everything else is its first material."""
    materials = name.split("+")
    if {"pore", "binder"} <= set(materials):
        return "pore+binder"
    roles: dict[str, Role] = {"pore": "pore", "active": "active", "binder": "binder", "electrolyte": "electrolyte"}
    return roles.get(materials[0], "other")


def grouped_maps(result: PhaseMap, truth: PhaseMap, grouping: Grouping) -> tuple[ArrayLike, ArrayLike]:
    """Both maps as classes 1 to K; 0 where either does not know."""
    found, wanted = as_zyx(result.data), as_zyx(truth.data)
    return (
        _Grouped(found, wanted, grouping.result, grouping.truth),
        _Grouped(wanted, found, grouping.truth, grouping.result),
    )


@dataclass(frozen=True)
class _Grouped:
    """Classes of one map where the other has a class too."""

    source: ArrayLike
    other: ArrayLike
    classes: npt.NDArray[np.uint8]
    classes_of_other: npt.NDArray[np.uint8]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.source.shape)

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        return np.dtype(np.uint8)

    def __getitem__(self, region: Any, /) -> npt.NDArray[np.uint8]:
        mine: npt.NDArray[np.uint8] = self.classes[np.asarray(self.source[region])]
        mine[self.classes_of_other[np.asarray(self.other[region])] == 0] = 0
        return mine
