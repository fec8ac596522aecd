"""Places of particles: packed by pushing overlapping neighbours apart.

The box is periodic, but for walls across z where they are asked for. Particles start at random places and small; while
they grow to their size, every overlapping pair is moved apart along the normal of their contact, the smaller one
further. This is the force-biased idea of [1]_ without its random forces, with the contact function of Perram and
Wertheim [2]_ for ellipsoids; it reaches about the density of a random close packing.

References
----------
.. [1] Mościński, Bargieł, Rycerz and Jacobs, The force-biased algorithm for the irregular close packing of equal hard
   spheres, Molecular Simulation 3 (1989), doi 10.1080/08927028908031373.
.. [2] Perram and Wertheim, Statistical mechanics of hard ellipsoids. I. Overlap algorithm and the contact function,
   J. Comput. Phys. 58 (1985), doi 10.1016/0021-9991(85)90171-8.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["pack"]

Floats = npt.NDArray[np.float64]

_ROUNDS = 400
"""Relaxation steps. At 0.62 of spheres with a spread of 1.5 the overlap no longer falls after about 300."""
_GROWTH = 0.6
"""Share of the rounds in which particles grow from `_FIRST_SCALE` of their size to all of it."""
_FIRST_SCALE = 0.6
_LAST_ROUNDS = 40
"""Rounds for particles that have a place already."""
_REBUILD = 8
"""Rounds between two searches for neighbours; `_SKIN` is the gap, relative to the radii, up to which pairs are kept."""
_SKIN = 0.15
_SETTLED = 0.003
"""Deepest overlap, in mean radii of the smaller particle, at which a full-grown packing needs no more rounds."""
_FAR = 1e30
"""Period of an axis that is not periodic, in edges of the box."""


def pack(
    semi_axes: Floats,
    rotations: Floats,
    *,
    box: Floats,
    rng: np.random.Generator,
    walls: tuple[Floats, Floats] | None = None,
    start: Floats | None = None,
) -> Floats:
    """Centres of particles that overlap as little as possible in a box.

    Parameters
    ----------
    semi_axes : (N, 3) m
    rotations : (N, 3, 3)
    box : (3,) edge lengths, m
    rng : Generator, for the first positions
    walls : lowest and highest z of the centre of each particle, (N,) m each, within the box; periodic along z without
    start : (N, 3) m; centres to begin with, of particles that are full-grown and only push each other a little

    Returns
    -------
    (N, 3) float64 array, m, inside the box
    """
    centers = rng.random((len(semi_axes), 3)) * box if start is None else start.copy()
    period = np.array(box, np.float64)
    if walls is None:
        lows, highs = np.full(len(centers), -np.inf), np.full(len(centers), np.inf)
    else:
        lows, highs = walls
        period[0] *= _FAR
        if start is None:
            centers[:, 0] = lows + centers[:, 0] / box[0] * (highs - lows)
    # Rows of `inverse` are the axes divided by their lengths: |inverse · y| is 1 on the surface.
    inverse = rotations.transpose(0, 2, 1) / semi_axes[:, :, None]
    spans = np.einsum("nij,nj,nkj->nik", rotations, semi_axes**2, rotations)
    volumes = np.prod(semi_axes, axis=1)
    reach = semi_axes.max(axis=1)
    pairs = np.empty((0, 2), np.int64)
    for turn in range(0 if start is None else _ROUNDS - _LAST_ROUNDS, _ROUNDS):
        if turn % _REBUILD == 0:
            pairs = _find_pairs(centers, reach * (1 + _SKIN), box, period)
        grown = min(1.0, turn / (_GROWTH * _ROUNDS))
        scale = _FIRST_SCALE + (1 - _FIRST_SCALE) * grown
        deepest = _push_apart(centers, inverse, spans, volumes, reach, pairs, box, period, lows, highs, scale)
        if grown == 1.0 and deepest < _SETTLED:
            break
    return centers


@njit(cache=True, nogil=True)
def _find_pairs(centers: Floats, reach: Floats, box: Floats, period: Floats) -> npt.NDArray[np.int64]:
    """Pairs whose reaches overlap; each particle looks for those not larger than itself, so few look far."""
    cells, heads, following = _fill_cells(centers, reach, box)
    pairs = np.empty((16 * len(centers) + 16, 2), np.int64)
    found = 0
    first, count = np.empty(3, np.int64), np.empty(3, np.int64)
    for i in range(len(centers)):
        for axis in range(3):
            edge = box[axis] / cells[axis]
            first[axis] = int(np.floor((centers[i, axis] - 2 * reach[i]) / edge))
            last = int(np.floor((centers[i, axis] + 2 * reach[i]) / edge))
            count[axis] = min(last - first[axis] + 1, cells[axis])  # around the box at most once
        for n in range(count[0] * count[1] * count[2]):
            z = (first[0] + n // (count[1] * count[2])) % cells[0]
            y = (first[1] + n // count[2] % count[1]) % cells[1]
            x = (first[2] + n % count[2]) % cells[2]
            j = heads[(z * cells[1] + y) * cells[2] + x]
            while j >= 0:
                is_smaller = reach[j] < reach[i] or (reach[j] == reach[i] and j > i)
                if is_smaller and _square_distance(centers[i], centers[j], period) < (reach[i] + reach[j]) ** 2:
                    if found == len(pairs):
                        pairs = np.concatenate((pairs, np.empty_like(pairs)))
                    pairs[found, 0] = i
                    pairs[found, 1] = j
                    found += 1
                j = following[j]
    return pairs[:found]


@njit(cache=True, nogil=True)
def _fill_cells(
    centers: Floats, reach: Floats, box: Floats
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Number of cells per axis, each about as wide as the middle particle; the first particle in each, and the next."""
    cells, width = np.empty(3, np.int64), 2 * np.median(reach)
    for axis in range(3):
        cells[axis] = max(1, int(box[axis] / width))
    heads = np.full(cells[0] * cells[1] * cells[2], -1, np.int64)
    following = np.full(len(centers), -1, np.int64)
    for i in range(len(centers)):
        cell = 0
        for axis in range(3):
            cell = cell * cells[axis] + min(cells[axis] - 1, int(centers[i, axis] / box[axis] * cells[axis]))
        following[i] = heads[cell]
        heads[cell] = i
    return cells, heads, following


@njit(cache=True, nogil=True)
def _square_distance(a: Floats, b: Floats, period: Floats) -> float:
    """Of the nearest periodic images."""
    total = 0.0
    for axis in range(3):
        gap = b[axis] - a[axis]
        gap -= period[axis] * np.round(gap / period[axis])
        total += gap * gap
    return total


@njit(cache=True, nogil=True)
def _push_apart(
    centers: Floats,
    inverse: Floats,
    spans: Floats,
    volumes: Floats,
    reach: Floats,
    pairs: npt.NDArray[np.int64],
    box: Floats,
    period: Floats,
    lows: Floats,
    highs: Floats,
    scale: float,
) -> float:
    """One relaxation step, in place; `scale` multiplies all sizes. The deepest overlap, in radii of the smaller one."""
    moves = np.zeros_like(centers)
    gap, normal = np.empty(3), np.empty(3)
    deepest = 0.0
    for p in range(len(pairs)):
        i, j = pairs[p, 0], pairs[p, 1]
        square = 0.0
        for axis in range(3):
            gap[axis] = centers[j, axis] - centers[i, axis]
            gap[axis] -= period[axis] * np.round(gap[axis] / period[axis])
            square += gap[axis] ** 2
        if square == 0.0 or square >= (scale * (reach[i] + reach[j])) ** 2:
            continue
        overlap = _overlap(inverse[i], inverse[j], spans[i], spans[j], gap, scale, normal)
        if overlap > 0:
            smaller = min(volumes[i], volumes[j])
            deepest = max(deepest, overlap / smaller ** (1 / 3))
            share = volumes[j] / (volumes[i] + volumes[j])
            for axis in range(3):
                moves[i, axis] -= share * overlap * normal[axis]
                moves[j, axis] += (1 - share) * overlap * normal[axis]
    for i in range(len(centers)):
        # Half of the way: the pushes of several neighbours add up.
        z = centers[i, 0] + 0.5 * moves[i, 0]
        centers[i, 0] = min(max(z, lows[i]), highs[i]) if period[0] > box[0] else z % box[0]
        for axis in range(1, 3):
            centers[i, axis] = (centers[i, axis] + 0.5 * moves[i, axis]) % box[axis]
    return deepest


@njit(cache=True, nogil=True)
def _overlap(
    inverse_i: Floats, inverse_j: Floats, span_i: Floats, span_j: Floats, gap: Floats, scale: float, normal: Floats
) -> float:
    """How far ellipsoid j must move along `normal`, which is written, until it touches ellipsoid i.

    Perram and Wertheim's function ``F = λ(1−λ) r·M⁻¹·r`` with ``M = (1−λ) A + λ B``, where A and B hold the squared
    axes, at the λ that is exact for balls and for equal ellipsoids; it errs towards too much overlap. √F is the factor
    by which both would have to grow until they touch.
    """
    level_i, level_j = _level(inverse_i, gap), _level(inverse_j, gap)
    weight = level_j / (level_i + level_j)
    a, b = 1 - weight, weight
    m00, m11, m22 = (
        a * span_i[0, 0] + b * span_j[0, 0],
        a * span_i[1, 1] + b * span_j[1, 1],
        a * span_i[2, 2] + b * span_j[2, 2],
    )
    m01, m02, m12 = (
        a * span_i[0, 1] + b * span_j[0, 1],
        a * span_i[0, 2] + b * span_j[0, 2],
        a * span_i[1, 2] + b * span_j[1, 2],
    )
    # The inverse of a symmetric matrix by its cofactors.
    c00, c01, c02 = m11 * m22 - m12 * m12, m02 * m12 - m01 * m22, m01 * m12 - m02 * m11
    c11, c12, c22 = m00 * m22 - m02 * m02, m01 * m02 - m00 * m12, m00 * m11 - m01 * m01
    determinant = m00 * c00 + m01 * c01 + m02 * c02
    normal[0] = (c00 * gap[0] + c01 * gap[1] + c02 * gap[2]) / determinant
    normal[1] = (c01 * gap[0] + c11 * gap[1] + c12 * gap[2]) / determinant
    normal[2] = (c02 * gap[0] + c12 * gap[1] + c22 * gap[2]) / determinant
    function = a * b * (normal[0] * gap[0] + normal[1] * gap[1] + normal[2] * gap[2])
    length = np.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2)
    for axis in range(3):
        normal[axis] /= length
    root = np.sqrt(function)
    # d√F / d(displacement along the normal) is λ(1−λ) |M⁻¹ r| / √F.
    return float((scale - root) * root / (a * b * length))


@njit(cache=True, nogil=True)
def _level(inverse: Floats, offset: Floats) -> float:
    """|inverse · offset|: 1 on the surface of the ellipsoid."""
    total = 0.0
    for row in range(3):
        q = inverse[row, 0] * offset[0] + inverse[row, 1] * offset[1] + inverse[row, 2] * offset[2]
        total += q * q
    return float(np.sqrt(total))
