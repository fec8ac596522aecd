"""Binder told from what is not active material by another measure than the likeliest phase.

At the edge of a particle the scan hardly tells a thin layer of binder from none. Where each voxel for itself takes the
likeliest phase, most of these voxels lean the same way, and all of them become binder: every particle gets a shell,
although each single choice is the best one. Two numbers that were fitted on labels, subtracted from binder's log-odds
where a voxel touches active material and elsewhere, make binder cover as much of the active surface, and fill as much
of the volume, as the labels say (`voltomo.stages.binder_offsets`). Active material stays as it is.

Whether a voxel touches active material depends on the voxels around it, which may belong to another block. A first pass
therefore writes, for each voxel, what it is elsewhere and what it is in touch with active material, as one number; a
second pass that sees a voxel more around each block chooses between the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numba
import numpy as np
import numpy.typing as npt

from voltomo.artifacts.model import Model

__all__ = ["BinderRule", "active_and_binder"]

Array: TypeAlias = npt.NDArray[Any]

_BITS = 4
"""Of a class in a draft, so that it holds up to 15; a model of more has no rule."""


def active_and_binder(model: Model) -> tuple[int, int] | None:
    """Rows of the active material and of the binder; None for a model that does not have one of each, and a third."""
    roles = [phase.role for phase in model.phases]
    if roles.count("active") != 1 or roles.count("binder") != 1 or not 3 <= len(roles) < 2**_BITS:
        return None
    return roles.index("active"), roles.index("binder")


@dataclass(frozen=True)
class BinderRule:
    """How voxels that are not active material are decided.

    Parameters
    ----------
    active, binder : classes, as rows of the phase table
    touching, elsewhere : by how much the logit of binder (before the temperature) must exceed that of the likeliest
        other phase but the active one, where a voxel has an active neighbour through a face, and elsewhere
    """

    active: int
    binder: int
    touching: float
    elsewhere: float

    @classmethod
    def of(cls, model: Model) -> BinderRule | None:
        """The rule of a model; None where it has none."""
        rows = active_and_binder(model)
        if rows is None or not any(model.binder_offsets):
            return None
        touching, elsewhere = model.binder_offsets
        return cls(*rows, touching * model.temperature, elsewhere * model.temperature)

    def draft(self, logits: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
        """Both answers of every voxel in one number; never 0.

        Parameters
        ----------
        logits : (K, Z, Y, X)

        Returns
        -------
        (Z, Y, X) uint8
        """
        flat = np.ascontiguousarray(logits).reshape(len(logits), -1)
        codes = np.empty(flat.shape[1], np.uint8)
        _draft(flat, self.active, self.binder, np.float32(self.touching), np.float32(self.elsewhere), codes)
        return codes.reshape(logits.shape[1:])

    def settle(self, codes: npt.NDArray[np.uint8], ids: Sequence[int]) -> npt.NDArray[np.uint8]:
        """The phase of every voxel of a draft.

        Parameters
        ----------
        codes : (Z, Y, X) of `draft`; 0 outside the field of view
        ids : phase id of each class

        Returns
        -------
        (Z, Y, X) uint8
            Voxels at the faces of the array lack neighbours there.
        """
        phases = np.empty(codes.shape, np.uint8)
        _settle(np.ascontiguousarray(codes), self.active, np.asarray(ids, np.uint8), phases)
        return phases

    def decide(self, logits: npt.NDArray[np.float32], ids: Sequence[int]) -> npt.NDArray[np.uint8]:
        """The phase of every voxel of a volume that is there as a whole."""
        return self.settle(self.draft(logits), ids)


@numba.njit(cache=True, nogil=True)
def _draft(logits: Array, active: int, binder: int, touching: np.float32, elsewhere: np.float32, out: Array) -> None:
    """Class elsewhere + 1 in the low bits, class in touch with active material + 1 in the high ones."""
    classes, voxels = logits.shape
    for i in range(voxels):
        other = -1
        for k in range(classes):
            if k != active and k != binder and (other < 0 or logits[k, i] > logits[other, i]):
                other = k
        highest = max(logits[other, i], logits[binder, i])
        if logits[active, i] > highest:
            low = high = active
        else:
            ahead = logits[binder, i] - logits[other, i]
            low = binder if ahead > elsewhere else other
            high = binder if ahead > touching else other
        out[i] = np.uint8((low + 1) | ((high + 1) << _BITS))


@numba.njit(cache=True, nogil=True)
def _settle(codes: Array, active: int, ids: Array, out: Array) -> None:
    """Choose between the two answers of each voxel."""
    depth, height, width = codes.shape
    mask = np.int64((1 << _BITS) - 1)
    wanted = active + 1
    for z in range(depth):
        for y in range(height):
            for x in range(width):
                code = np.int64(codes[z, y, x])
                if code == 0:
                    out[z, y, x] = 0
                    continue
                chosen, touching = code & mask, code >> _BITS
                if chosen != touching and (
                    (x > 0 and codes[z, y, x - 1] & mask == wanted)
                    or (x + 1 < width and codes[z, y, x + 1] & mask == wanted)
                    or (y > 0 and codes[z, y - 1, x] & mask == wanted)
                    or (y + 1 < height and codes[z, y + 1, x] & mask == wanted)
                    or (z > 0 and codes[z - 1, y, x] & mask == wanted)
                    or (z + 1 < depth and codes[z + 1, y, x] & mask == wanted)
                ):
                    chosen = touching
                out[z, y, x] = ids[chosen - 1]
