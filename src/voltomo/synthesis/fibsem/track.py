"""Where each slice was cut, where its image lies, and how bright it is: the truth about a FIB-SEM run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.units import VoxelSize

__all__ = ["SliceTrack", "Wander", "draw_track"]

Floats = npt.NDArray[np.float64]

_THINNEST, _THICKEST = 0.2, 1.8
"""Bounds of a slice's thickness, in nominal ones: a slice that was cut has removed something."""
_SLOW = 30
"""Slices over which the slow part of the brightness changes."""


@dataclass(frozen=True)
class SliceTrack:
    """One value per slice.

    Parameters
    ----------
    z : (S,) position of the face in the specimen, m from the centre of the first voxel
    thickness : (S,) what was milled away since the slice before, m; nominal for the first
    dy, dx : (S,) pixels of the image: a fixed feature of the specimen at row r and column c of an image without drift
        appears at r + dy, c + dx
    gain, offset : (S,) the image shows gain·grey + offset, grey between 0 and 1
    is_jump : (S,) whether the image jumped since the slice before, beyond its random walk
    """

    z: Floats
    thickness: Floats
    dy: Floats
    dx: Floats
    gain: Floats
    offset: Floats
    is_jump: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.z)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Named arrays that `from_arrays` reads back."""
        return {item.name: np.asarray(getattr(self, item.name)) for item in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> SliceTrack:
        """The track that `to_arrays` wrote."""
        return cls(**{item.name: np.asarray(arrays[item.name]) for item in fields(cls)})


@dataclass(frozen=True)
class Wander:
    """How a run strays from the ideal one. Everything is off unless it is given.

    Parameters
    ----------
    walk : standard deviation of the drift from one slice to the next, along y and along x, pixels
    jump : standard deviation of a jump, along y and along x, pixels
    jump_chance : chance of a jump at a slice
    max_drift : the drift is turned back at this distance from the start, pixels
    thickness_spread : standard deviation of the slice thickness, in nominal ones; the mean is nominal
    slow : standard deviation of the slow part of the gain; that of the offset is a third of it
    step : standard deviation of the steps of the gain; that of the offset is a third of it
    step_chance : chance of a new gain and offset at a slice
    """

    walk: float = 0.0
    jump: float = 0.0
    jump_chance: float = 0.0
    max_drift: float = 16.0
    thickness_spread: float = 0.0
    slow: float = 0.0
    step: float = 0.0
    step_chance: float = 0.0


def draw_track(
    count: int, *, slice_thickness: float, voxel_size: VoxelSize, wander: Wander, rng: np.random.Generator
) -> SliceTrack:
    """A run of `count` slices.

    Parameters
    ----------
    count : number of slices
    slice_thickness : nominal, m
    voxel_size : (dz, dy, dx) of the structure, m; the first slice lies half a thickness below its first face
    wander : how it strays
    rng : Generator

    Returns
    -------
    SliceTrack
        The first slice has no drift; the last one lies where it would with even slices.
    """
    relative = np.clip(1 + wander.thickness_spread * rng.standard_normal(count), _THINNEST, _THICKEST)
    relative[0] = 1.0
    relative[1:] *= (count - 1) / max(relative[1:].sum(), _THINNEST)
    start = 0.5 * slice_thickness - 0.5 * voxel_size[0]
    z = start + slice_thickness * np.concatenate(([0.0], np.cumsum(relative[1:])))
    is_jump = rng.random(count) < wander.jump_chance
    is_jump[0] = False
    drift = [_walk(wander, is_jump, rng) for _ in range(2)]
    gain = _brightness(count, wander, rng)
    offset = _brightness(count, wander, rng) / 3
    return SliceTrack(z, slice_thickness * relative, drift[0], drift[1], np.exp(gain), offset, is_jump)


def _walk(wander: Wander, is_jump: npt.NDArray[np.bool_], rng: np.random.Generator) -> Floats:
    """(S,) random walk with jumps, folded back at the bounds, pixels."""
    steps = wander.walk * rng.standard_normal(len(is_jump))
    steps += np.where(is_jump, wander.jump * rng.standard_normal(len(is_jump)), 0.0)
    steps[0] = 0.0
    period = 4 * wander.max_drift
    if period == 0:
        return np.zeros(len(is_jump))
    # A triangle wave of the free walk turns back at the bounds and changes no step elsewhere.
    phase = np.mod(np.cumsum(steps) + wander.max_drift, period)
    return np.asarray(np.where(phase < period / 2, phase, period - phase) - wander.max_drift)


def _brightness(count: int, wander: Wander, rng: np.random.Generator) -> Floats:
    """(S,) slow drift plus levels that hold until the next step; 0 on average over many runs."""
    nodes = rng.standard_normal(count // _SLOW + 3)
    slow = np.interp(np.arange(count) / _SLOW, np.arange(len(nodes)), nodes)
    levels = rng.standard_normal(count)
    changes = rng.random(count) < wander.step_chance
    changes[0] = True
    held = levels[np.maximum.accumulate(np.where(changes, np.arange(count), 0))]
    return np.asarray(wander.slow * slow + wander.step * held * (wander.step_chance > 0))
