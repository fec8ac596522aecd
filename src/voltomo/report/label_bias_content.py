"""What the page about biased labels shows: errors of each property, and slices to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import PhaseTable
from voltomo.metrics.paired_errors import PairedErrors
from voltomo.units import VoxelSize

__all__ = ["BIAS_WORDS", "UNBIASED", "BiasPicture", "BiasRow", "LabelBiasContent", "short_name"]

UNBIASED = "none"
BIAS_WORDS = {"none": "no bias", "dilate": "too wide", "erode": "too narrow", "jitter": "unsteady"}
"""How the active material was drawn, in a word or two."""

_SHORT = {
    "volume_fraction": "{0} fraction",
    "specific_surface_area": "{0} surface",
    "interface_area": "{0}–{1} interface",
    "binder_coverage": "{0} covered by {1}",
    "tortuosity_factor": "{0} tortuosity, {2}",
    "iou": "{0} IoU",
}


def short_name(name: str, phase: str, phase_2: str = "", axis: str = "") -> str:
    """A property in two or three words.

    Examples
    --------
    >>> short_name("interface_area", "pore", "NMC")
    'pore–NMC interface'
    """
    return _SHORT.get(name, name.replace("_", " ") + " of {0}").format(phase, phase_2, axis)


@dataclass(frozen=True)
class BiasRow:
    """One property under one bias.

    Parameters
    ----------
    bias : a key of `BIAS_WORDS`
    name, phase, phase_2, axis, unit, definition, method : as in `voltomo.artifacts.Measurement`
    truth, found : one value per electrode; None where there is none
    errors : their summary, against the truth and against unbiased labels
    reasons : why values are missing
    """

    bias: str
    name: str
    phase: str
    phase_2: str
    axis: str
    unit: str
    definition: str
    method: str
    truth: tuple[float | None, ...]
    found: tuple[float | None, ...]
    errors: PairedErrors
    reasons: tuple[str, ...] = ()

    @property
    def quantity(self) -> str:
        """The property in words, the same for all biases."""
        return short_name(self.name, self.phase, self.phase_2, self.axis)


@dataclass(frozen=True)
class BiasPicture:
    """A labelled slice; all (Y, X).

    Parameters
    ----------
    bias : a key of `BIAS_WORDS`
    grey : scan
    truth, labels, found : phase ids: as they are, as they were drawn, as they were found
    """

    bias: str
    grey: npt.NDArray[Any]
    truth: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]
    found: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class LabelBiasContent:
    """What the page shows.

    Parameters
    ----------
    rows : of every bias, each with the same properties in the same order
    pictures : one for each bias, of one electrode
    phases : of the slices
    active : id of the phase whose boundary was drawn off
    voxel_size : (dz, dy, dx) in m
    by : voxels that the boundary was drawn off
    seeds : of the electrodes
    facts : (name, text) pairs, such as what learned
    title : heading
    """

    rows: Sequence[BiasRow]
    pictures: Sequence[BiasPicture]
    phases: PhaseTable
    active: int
    voxel_size: VoxelSize | None
    by: int
    seeds: Sequence[int]
    facts: Sequence[tuple[str, str]] = ()
    title: str = "What biased labels do to the numbers"

    @property
    def biases(self) -> tuple[str, ...]:
        """In the order in which they are shown."""
        return tuple(dict.fromkeys(row.bias for row in self.rows))

    @property
    def quantities(self) -> tuple[tuple[BiasRow, ...], ...]:
        """Rows of one property together, in the order of the biases."""
        found: dict[str, list[BiasRow]] = {}
        for row in self.rows:
            found.setdefault(row.quantity, []).append(row)
        return tuple(tuple(rows) for rows in found.values())
