"""Random numbers that belong to a place, so that cutting a volume into blocks changes none of them.

SplitMix64 is a counter-based generator: the n-th number is a function of the seed and n alone [1]_. Here n is the index
of a voxel, or of a node of a lattice that is laid through the volume.

References
----------
.. [1] Steele, Lea and Flood, Fast splittable pseudorandom number generators, OOPSLA (2014),
   doi 10.1145/2660193.2660195.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.blocks import Region

__all__ = ["FIELD_BOUND", "lattice_noise", "place_hash", "smooth_field", "uniform", "white_noise"]

# The increment and the mixer of SplitMix64, from the article.
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_HALF_OF_64 = np.uint64(32)
_TO_UNIT = 2.0**-53


@njit(cache=True, nogil=True)
def place_hash(seed: int, z: int, y: int, x: int) -> np.uint64:
    """64 random bits of a seed and three integers, each at most 2^31 in size."""
    bits = _mix(np.uint64(seed) + _GAMMA)
    bits = _mix(bits + _GAMMA * np.uint64(z + 1))
    bits = _mix(bits ^ (np.uint64(y) << _HALF_OF_64) ^ (np.uint64(x) & np.uint64(0xFFFFFFFF)))
    return _mix(bits + _GAMMA)


@njit(cache=True, nogil=True)
def _mix(bits: np.uint64) -> np.uint64:
    bits = (bits ^ (bits >> np.uint64(30))) * _MIX_1
    bits = (bits ^ (bits >> np.uint64(27))) * _MIX_2
    return bits ^ (bits >> np.uint64(31))


@njit(cache=True, nogil=True)
def uniform(bits: np.uint64) -> float:
    """Number in [0, 1) from 64 random bits."""
    return float(bits >> np.uint64(11)) * _TO_UNIT


@njit(cache=True, nogil=True)
def lattice_noise(seed: int, z: float, y: float, x: float) -> float:
    """Smooth random field in [-1, 1] with a correlation length of about one.

    Uniform numbers on the integer lattice, joined by trilinear interpolation with smooth steps.
    """
    z0, y0, x0 = int(np.floor(z)), int(np.floor(y)), int(np.floor(x))
    fz, fy, fx = z - z0, y - y0, x - x0
    fz, fy, fx = fz * fz * (3 - 2 * fz), fy * fy * (3 - 2 * fy), fx * fx * (3 - 2 * fx)
    total = 0.0
    for i in range(2):
        wz = fz if i else 1 - fz
        for j in range(2):
            wy = fy if j else 1 - fy
            for k in range(2):
                wx = fx if k else 1 - fx
                total += wz * wy * wx * uniform(place_hash(seed, z0 + i, y0 + j, x0 + k))
    return 2 * total - 1


# Rotations about three different axes; the angles share no multiple, so that the lattices never line up.
def _turns() -> npt.NDArray[np.float64]:
    rows = []
    for axis, angle in (((1.0, 2.0, 3.0), 0.7), ((-2.0, 1.0, 1.5), 1.9), ((1.0, -3.0, 0.5), 2.8)):
        u = np.asarray(axis) / np.linalg.norm(axis)
        cross = np.array([[0, -u[2], u[1]], [u[2], 0, -u[0]], [-u[1], u[0], 0]])
        rows.append(np.cos(angle) * np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * np.outer(u, u))
    return np.array(rows)


_TURNS = _turns()
_FIELD_SCALE = 1 / (0.3407 * 1.0853)
"""Makes the standard deviation of `smooth_field` 1; measured over 10⁷ places."""
FIELD_BOUND = np.sqrt(3.0) * _FIELD_SCALE
"""Largest modulus that `smooth_field` can have."""


@njit(cache=True, nogil=True)
def smooth_field(seed: int, z: float, y: float, x: float) -> float:
    """Smooth random field with mean 0, standard deviation 1 and a correlation length of about one.

    The sum of three lattice noises on lattices that are turned against one another: nearly normal, and without
    the preferred directions of a single lattice.
    """
    total = 0.0
    for k in range(3):
        turn = _TURNS[k]
        total += lattice_noise(
            seed + 7919 * (k + 1),
            turn[0, 0] * z + turn[0, 1] * y + turn[0, 2] * x,
            turn[1, 0] * z + turn[1, 1] * y + turn[1, 2] * x,
            turn[2, 0] * z + turn[2, 1] * y + turn[2, 2] * x,
        )
    return float(total / np.sqrt(3.0) * _FIELD_SCALE)


def white_noise(region: Region, *, seed: int) -> npt.NDArray[np.float32]:
    """Independent standard normal numbers, one per voxel of a region; the same for every region that holds the voxel.

    Parameters
    ----------
    region : slices of global voxel indices; they may start below 0
    seed : int

    Returns
    -------
    (Z, Y, X) float32 array
    """
    z, y, x = region
    out = np.empty((z.stop - z.start, y.stop - y.start, x.stop - x.start), np.float32)
    _fill_normal(out, seed, z.start, y.start, x.start)
    return out


@njit(cache=True, nogil=True)
def _fill_normal(out: npt.NDArray[np.float32], seed: int, z0: int, y0: int, x0: int) -> None:
    """Box and Muller's transform of two uniform numbers per voxel."""
    for z in range(out.shape[0]):
        for y in range(out.shape[1]):
            for x in range(out.shape[2]):
                bits = place_hash(seed, z0 + z, y0 + y, x0 + x)
                radius = np.sqrt(-2 * np.log(1 - uniform(bits)))
                out[z, y, x] = radius * np.cos(2 * np.pi * uniform(_mix(bits + _GAMMA)))
