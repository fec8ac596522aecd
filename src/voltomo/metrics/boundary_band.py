"""How much a number depends on where exactly the boundary of a phase was drawn.

A boundary that lies one voxel farther out or in, or where the probability of the phase is 0.3 or 0.7 instead of the
most likely class, gives another map of the phase against the rest. The band between the numbers of two such maps is a
sensitivity: it says what a choice does, not how likely it is, and is no part of an uncertainty.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import OUTSIDE, PhaseTable
from voltomo.artifacts.phases import Phase
from voltomo.morphology.boundaries import spread_phases

__all__ = ["IN_PHASE", "REST", "against_rest", "phase_against_rest", "phase_at_probability", "shift_boundary"]

Bytes: TypeAlias = npt.NDArray[np.uint8]

REST, IN_PHASE = 1, 2
"""The two ids of a map of one phase against the rest."""


def against_rest(phase: Phase) -> PhaseTable:
    """Table of a map of one phase against the rest; the phase keeps its name and role."""
    return PhaseTable((Phase(REST, "everything else", "other"), Phase(IN_PHASE, phase.name, phase.role)))


def phase_against_rest(labels: Bytes, phase_id: int) -> Bytes:
    """`IN_PHASE` where the phase is, 0 outside the field of view, `REST` elsewhere."""
    here = np.where(labels == phase_id, np.uint8(IN_PHASE), np.uint8(REST))
    here[labels == OUTSIDE] = OUTSIDE
    return here


def shift_boundary(labels: Bytes, phase_id: int, shift: Literal[-1, 0, 1]) -> Bytes:
    """One phase against the rest, with its boundary moved by a layer of voxels.

    Parameters
    ----------
    labels : (Z, Y, X) uint8 array
        A voxel depends on its 6 neighbors only: a halo of one voxel makes blocks equal to the whole.
    phase_id : id of the phase
    shift : 1 adds the voxels of the rest that share a face with the phase, -1 takes the voxels of the phase that
        share a face with the rest; what lies beyond the box or the field of view moves nothing

    Returns
    -------
    (Z, Y, X) uint8 array

    Examples
    --------
    >>> shift_boundary(np.array([1, 1, 2, 2, 2], np.uint8).reshape(1, 1, 5), 2, 1).ravel()
    array([1, 2, 2, 2, 2], dtype=uint8)
    """
    here = phase_against_rest(labels, phase_id)
    if shift == 0:
        return here
    source, target = (IN_PHASE, REST) if shift > 0 else (REST, IN_PHASE)
    return spread_phases(here, [source], [target])


def phase_at_probability(probability: Bytes, labels: Bytes, least: float) -> Bytes:
    """One phase against the rest, drawn where its probability reaches `least` (0 to 1).

    Parameters
    ----------
    probability : (Z, Y, X) uint8 array, probability · 255
    labels : (Z, Y, X) uint8 array; 0 outside the field of view
    least : 0.3 gives the phase much room, 0.7 little
    """
    here = np.where(probability >= np.float32(255 * least), np.uint8(IN_PHASE), np.uint8(REST))
    here[labels == OUTSIDE] = OUTSIDE
    return here
