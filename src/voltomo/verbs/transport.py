"""Verbs on one number: the tortuosity of a phase along an axis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Measurement, PhaseMap, PhaseTable, as_zyx
from voltomo.errors import InputError
from voltomo.metrics import electrode_tortuosity, transport
from voltomo.metrics.conduction import End, Sides
from voltomo.metrics.sample import Sample
from voltomo.verbs.inputs import Size, as_voxel_size

__all__ = ["electrode_tortuosity_factor", "tortuosity_factor"]


def tortuosity_factor(
    phases: PhaseMap | npt.ArrayLike,
    phase_id: int | Mapping[int, float],
    *,
    axis: int,
    voxel_size: Size = None,
    sides: Sides = "closed",
    tolerance: float = 1e-3,
) -> Measurement:
    """Tortuosity factor ε·D₀/D_eff of one phase along one axis; of several, the mean of their D / D_eff.

    Parameters
    ----------
    phases : PhaseMap, or (Z, Y, X) uint8 array, all of which is the region
    phase_id : the phase that conducts; or several with their conductivities, as in ``{1: 1.0, 3: 0.05}``
    axis : 0, 1 or 2 for z, y, x
    voxel_size : "64 nm", (dz, dy, dx) in m; only its ratios matter, None takes cubes
    sides : of the box along the flow: "closed", or "periodic" where each continues at the opposite one
    tolerance : of the effective diffusivity, relative

    Returns
    -------
    Measurement
        `.value`, dimensionless; infinite where nothing joins the two faces. `.interval` holds the error of the solver
        alone.

    Raises
    ------
    PhaseNotFoundError
        If a phase that conducts has no voxel.
    ConvergenceError
        If the solver does not converge; there is no number then.

    Examples
    --------
    >>> layers = np.tile(np.array([1, 1, 2], np.uint8), (6, 6, 2))
    >>> round(tortuosity_factor(layers, 1, axis=0).value, 6)
    1.0
    """
    data, sample = _box(phases, voxel_size)
    return transport.tortuosity_factor(data, phase_id, axis=axis, sample=sample, sides=sides, tolerance=tolerance)


def electrode_tortuosity_factor(
    phases: PhaseMap | npt.ArrayLike,
    phase_id: int,
    *,
    axis: int,
    open_end: End = "low",
    voxel_size: Size = None,
    sides: Sides = "closed",
    tolerance: float = 1e-3,
) -> Measurement:
    """Electrode tortuosity factor ε·R_ion·κ·A/L: ions enter at one face and charge all walls of the pores.

    Parameters
    ----------
    phases : PhaseMap, or (Z, Y, X) uint8 array, all of which is the region
    phase_id : the phase that conducts ions
    axis : 0, 1 or 2 for z, y, x
    open_end : the face towards the separator: "low" is the first plane, "high" the last; the other one is blocked
    voxel_size, sides, tolerance : as in `tortuosity_factor`

    Returns
    -------
    Measurement
        `.value`, dimensionless; infinite where the phase does not touch the open face.

    Raises
    ------
    PhaseNotFoundError, ConvergenceError
        As `tortuosity_factor`.

    Examples
    --------
    >>> electrode_tortuosity_factor(np.ones((8, 8, 8), np.uint8), 1, axis=0).value
    1.0
    """
    data, sample = _box(phases, voxel_size)
    settings: dict[str, Any] = {"open_end": open_end, "sides": sides, "tolerance": tolerance}
    return electrode_tortuosity.electrode_tortuosity_factor(data, phase_id, axis=axis, sample=sample, **settings)


def _box(phases: PhaseMap | npt.ArrayLike, voxel_size: Size) -> tuple[npt.NDArray[np.uint8], Sample]:
    """The ids of a map, and the region they are."""
    size = as_voxel_size(voxel_size)
    if isinstance(phases, PhaseMap):
        data, table = np.asarray(as_zyx(phases.data)), phases.phases
        size = size or phases.voxel_size
        inside = int(np.count_nonzero(data))
    else:
        data = np.asarray(phases)
        if data.ndim != 3 or data.dtype != np.uint8:
            raise InputError(f"expected phases as a (Z, Y, X) uint8 array, found {data.ndim} axes of {data.dtype}")
        table, inside = PhaseTable(()), data.size
    z, y, x = data.shape
    return data, Sample(table, (z, y, x), inside, size)
