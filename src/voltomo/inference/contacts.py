"""Binder that touches active material, decided by another measure than the likeliest phase.

At the edge of a particle the scan hardly tells a thin layer of binder from none. Where each voxel for itself takes the
likeliest phase, most of these voxels lean the same way, and all of them become binder: every particle gets a shell,
although each single choice is the best one. A number that was fitted on labels, subtracted from binder's log-odds
there, makes as much of the active surface covered as the labels say (`voltomo.stages.contact_offset`).

Whether a voxel touches active material depends on the voxels around it, which may belong to another block. A first pass
therefore writes, for each voxel, the likeliest phase and the one that it would be in touch with active material, as one
number; a second pass that sees a voxel more around each block chooses between the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numba
import numpy as np
import numpy.typing as npt

from voltomo.artifacts.model import Model

__all__ = ["ContactRule", "contact_rows"]

Array: TypeAlias = npt.NDArray[Any]

_BITS = 4
"""Of a class in a draft, so that it holds up to 15; a model of more has no rule."""


def contact_rows(model: Model) -> tuple[int, int] | None:
    """Rows of the active material and of the binder; None for a model that does not have one of each, and a third."""
    roles = [phase.role for phase in model.phases]
    if roles.count("active") != 1 or roles.count("binder") != 1 or not 3 <= len(roles) < 2**_BITS:
        return None
    return roles.index("active"), roles.index("binder")


@dataclass(frozen=True)
class ContactRule:
    """How voxels in touch with active material are decided.

    Parameters
    ----------
    active, binder : classes, as rows of the phase table
    offset : subtracted from the logit of the binder (before the temperature) where a voxel has an active one among its
        neighbours through faces and is not active itself
    """

    active: int
    binder: int
    offset: float

    @classmethod
    def of(cls, model: Model) -> ContactRule | None:
        """The rule of a model; None where it has none."""
        rows = contact_rows(model)
        if rows is None or not model.contact_offset:
            return None
        return cls(*rows, model.contact_offset * model.temperature)

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
        _draft(flat, self.active, self.binder, np.float32(self.offset), codes)
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
def _draft(logits: Array, active: int, binder: int, offset: np.float32, out: Array) -> None:
    """Class + 1 in the low bits, the class in touch with active material + 1 in the high ones."""
    classes, voxels = logits.shape
    for i in range(voxels):
        best = 0
        for k in range(1, classes):
            if logits[k, i] > logits[best, i]:
                best = k
        touching = best
        if best != active:
            lowered = logits[binder, i] - offset
            touching = 0
            highest = lowered if binder == 0 else logits[0, i]
            for k in range(1, classes):
                value = lowered if k == binder else logits[k, i]
                if value > highest:
                    touching, highest = k, value
        out[i] = np.uint8((best + 1) | ((touching + 1) << _BITS))


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
