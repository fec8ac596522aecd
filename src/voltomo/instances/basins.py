"""Peaks of the distance map, the contacts of their basins, and which basins are one particle."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.instances.envelope import ACTIVE

__all__ = ["BasinSizes", "Contacts", "find_peaks", "measure_basins", "measure_contacts", "merge_basins"]

Bounds: TypeAlias = tuple[slice, slice, slice]


class Contacts(NamedTuple):
    """Pairs of basins that share voxel faces; ``one < two``, sorted.

    Parameters
    ----------
    one, two : (P,) uint32 ids
    saddles : (P,) uint16, highest level at which the flood crosses from one to the other
    faces : (P,) int64, shared voxel faces with active material on both sides
    """

    one: npt.NDArray[np.uint32]
    two: npt.NDArray[np.uint32]
    saddles: npt.NDArray[np.uint16]
    faces: npt.NDArray[np.int64]

    @classmethod
    def merged(
        cls,
        one: npt.NDArray[np.uint32],
        two: npt.NDArray[np.uint32],
        saddles: npt.NDArray[np.uint16],
        faces: npt.NDArray[np.int64],
    ) -> Contacts:
        """One row per pair, from rows in any order in which a pair may occur many times."""
        if len(one) == 0:
            return cls(one, two, saddles, faces)
        key = (np.minimum(one, two).astype(np.uint64) << np.uint64(32)) | np.maximum(one, two).astype(np.uint64)
        order = np.argsort(key, kind="stable")
        key = key[order]
        starts = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
        return cls(
            (key[starts] >> np.uint64(32)).astype(np.uint32),
            (key[starts] & np.uint64(0xFFFFFFFF)).astype(np.uint32),
            np.maximum.reduceat(saddles[order], starts),
            np.add.reduceat(faces[order], starts),
        )


class BasinSizes(NamedTuple):
    """What there is in one block, one row per basin.

    Parameters
    ----------
    ids : (N,) uint32, rising
    voxels : (N,) int64, of the envelope
    first : (N,) int64, position of the first active voxel in raster order of the volume; -1 if there is none
    """

    ids: npt.NDArray[np.uint32]
    voxels: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]


def find_peaks(levels: npt.NDArray[np.uint16], inner: Bounds, *, floor: int) -> npt.NDArray[np.int64]:
    """Local maxima among the 26 neighbours (8 in a plane); of a plateau, voxels that no neighbour precedes.

    Parameters
    ----------
    levels : (Z, Y, X) uint16 array
    inner : where to look; neighbours are also looked up outside it
    floor : peaks below this level are left out

    Returns
    -------
    (P, 3) int64 array of indices, in raster order
    """
    low = np.array([side.start for side in inner])
    high = np.array([side.stop for side in inner])
    count = _peaks(levels, low, high, max(floor, 1), np.empty((0, 3), np.int64))
    peaks = np.empty((count, 3), np.int64)
    _peaks(levels, low, high, max(floor, 1), peaks)
    return peaks


@njit(cache=True, nogil=True)
def _is_peak(levels: npt.NDArray[np.uint16], z: int, y: int, x: int) -> bool:
    """No neighbour is higher, and no neighbour of the same level comes before in raster order."""
    nz, ny, nx = levels.shape
    level = levels[z, y, x]
    for dz in range(-1, 2):
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                w, v, u = z + dz, y + dy, x + dx
                if w < 0 or w >= nz or v < 0 or v >= ny or u < 0 or u >= nx:
                    continue
                other = levels[w, v, u]
                before = dz < 0 or (dz == 0 and (dy < 0 or (dy == 0 and dx < 0)))
                if other > level or (before and other == level):
                    return False
    return True


@njit(cache=True, nogil=True)
def _peaks(
    levels: npt.NDArray[np.uint16],
    low: npt.NDArray[np.int64],
    high: npt.NDArray[np.int64],
    floor: int,
    out: npt.NDArray[np.int64],
) -> int:
    """Fill `out` as far as it goes; returns the number of peaks."""
    count = 0
    for z in range(low[0], high[0]):
        for y in range(low[1], high[1]):
            for x in range(low[2], high[2]):
                if levels[z, y, x] >= floor and _is_peak(levels, z, y, x):
                    if count < len(out):
                        out[count, 0], out[count, 1], out[count, 2] = z, y, x
                    count += 1
    return count


def measure_contacts(
    basins: npt.NDArray[np.uint32], levels: npt.NDArray[np.uint16], codes: npt.NDArray[np.uint8], inner: Bounds
) -> tuple[Contacts, int]:
    """Contacts of basins over voxel faces, and how many voxels the flood should have reached.

    Parameters
    ----------
    basins : (Z, Y, X) uint32 array
    levels : (Z, Y, X) uint16 array
    codes : (Z, Y, X) uint8 array, the envelope
    inner : faces whose first voxel lies here are counted; the other voxel may lie outside

    Returns
    -------
    contacts : Contacts
    missed : int
        Faces between a flooded voxel and one that is not, both inside the envelope; 0 if the flood is complete.
    """
    low = np.array([side.start for side in inner])
    high = np.array([side.stop for side in inner])
    count, missed = _contacts(basins, levels, codes, low, high, np.empty((2, 0), np.uint32), *_no_contacts(0))
    pairs = np.empty((2, count), np.uint32)
    saddles, faces = _no_contacts(count)
    _contacts(basins, levels, codes, low, high, pairs, saddles, faces)
    return Contacts.merged(pairs[0], pairs[1], saddles, faces), int(missed)


def _no_contacts(count: int) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.int64]]:
    return np.empty(count, np.uint16), np.empty(count, np.int64)


@njit(cache=True, nogil=True)
def _contacts(
    basins: npt.NDArray[np.uint32],
    levels: npt.NDArray[np.uint16],
    codes: npt.NDArray[np.uint8],
    low: npt.NDArray[np.int64],
    high: npt.NDArray[np.int64],
    pairs: npt.NDArray[np.uint32],
    saddles: npt.NDArray[np.uint16],
    faces: npt.NDArray[np.int64],
) -> tuple[int, int]:
    """Fill the rows as far as they go, one per face; returns the number of faces and of missed voxels."""
    nz, ny, nx = basins.shape
    count, missed = 0, 0
    for z in range(low[0], high[0]):
        for y in range(low[1], high[1]):
            for x in range(low[2], high[2]):
                if levels[z, y, x] == 0:
                    continue
                a = basins[z, y, x]
                for axis in range(3):
                    w = z + 1 if axis == 0 else z
                    v = y + 1 if axis == 1 else y
                    u = x + 1 if axis == 2 else x
                    if w >= nz or v >= ny or u >= nx or levels[w, v, u] == 0:
                        continue
                    b = basins[w, v, u]
                    if a == b:
                        continue
                    if a == 0 or b == 0:
                        missed += 1
                        continue
                    if count < len(saddles):
                        pairs[0, count], pairs[1, count] = a, b
                        saddles[count] = min(levels[z, y, x], levels[w, v, u])
                        faces[count] = 1 if codes[z, y, x] == ACTIVE and codes[w, v, u] == ACTIVE else 0
                    count += 1
    return count, missed


def measure_basins(
    basins: npt.NDArray[np.uint32],
    codes: npt.NDArray[np.uint8],
    *,
    count: int,
    origin: tuple[int, int, int],
    shape: tuple[int, int, int],
) -> BasinSizes:
    """Size and first active voxel of the basins in an array.

    Parameters
    ----------
    basins : (Z, Y, X) uint32 array of ids 0 to `count`
    codes : (Z, Y, X) uint8 array, the envelope
    count : highest id in the volume
    origin : index of the first voxel in the volume
    shape : (Z, Y, X) of the volume
    """
    voxels = np.zeros(count + 1, np.int64)
    first = np.full(count + 1, -1, np.int64)
    _sizes(basins, codes, np.array(origin), np.array(shape), voxels, first)
    ids = np.flatnonzero(voxels)
    ids = ids[ids > 0]
    return BasinSizes(ids.astype(np.uint32), voxels[ids], first[ids])


@njit(cache=True, nogil=True)
def _sizes(
    basins: npt.NDArray[np.uint32],
    codes: npt.NDArray[np.uint8],
    origin: npt.NDArray[np.int64],
    shape: npt.NDArray[np.int64],
    voxels: npt.NDArray[np.int64],
    first: npt.NDArray[np.int64],
) -> None:
    """Count voxels and note the position of the first active one."""
    for z in range(basins.shape[0]):
        for y in range(basins.shape[1]):
            row = ((z + origin[0]) * shape[1] + y + origin[1]) * shape[2] + origin[2]
            for x in range(basins.shape[2]):
                label = basins[z, y, x]
                voxels[label] += 1
                if first[label] < 0 and codes[z, y, x] == ACTIVE:
                    first[label] = row + x


def merge_basins(
    contacts: Contacts,
    peaks: npt.NDArray[np.uint16],
    voxels: npt.NDArray[np.int64],
    *,
    merge_ratio: float,
    min_voxels: float,
) -> npt.NDArray[np.int64]:
    """Which basins are one particle.

    Contacts are visited from the highest saddle down. Two groups of basins become one where the saddle is at least
    `merge_ratio` of the lower of their two peaks: a neck nearly as wide as the narrower body is no neck. Then, again
    from the highest saddle down, groups that are smaller than a particle may be join the neighbour across.

    Parameters
    ----------
    contacts : with ids from 1
    peaks : (N,) levels, of ids 1 to N
    voxels : (N,) sizes, of ids 1 to N
    merge_ratio : 0 to 1
    min_voxels : size of the smallest particle

    Returns
    -------
    (N,) int64 array
        Root of the group that each basin belongs to: the position of one of its members.

    References
    ----------
    .. [1] M. Grimaud, A new measure of contrast: the dynamics, Proc. SPIE 1769 (1992) 292, doi 10.1117/12.60650: the
       height of a peak over its saddle, here relative.
    .. [2] J. T. Gostick, Versatile and efficient pore network extraction method using marker-based watershed
       segmentation, Phys. Rev. E 96, 023307 (2017), doi 10.1103/PhysRevE.96.023307: false peaks of distance maps.
    """
    # Equal saddles in the order of ids, so that the result does not depend on the order of blocks.
    order = np.lexsort((contacts.two, contacts.one, -contacts.saddles.astype(np.int64)))
    one = contacts.one[order].astype(np.int64) - 1
    two = contacts.two[order].astype(np.int64) - 1
    saddles = contacts.saddles[order].astype(np.float64)
    roots = np.arange(len(peaks), dtype=np.int64)
    _merge(one, two, saddles, peaks.astype(np.float64), voxels.copy(), roots, merge_ratio, min_voxels)
    return roots


@njit(cache=True, nogil=True)
def _root(roots: npt.NDArray[np.int64], i: int) -> int:
    while roots[i] != i:
        roots[i] = roots[roots[i]]
        i = roots[i]
    return i


@njit(cache=True, nogil=True)
def _merge(
    one: npt.NDArray[np.int64],
    two: npt.NDArray[np.int64],
    saddles: npt.NDArray[np.float64],
    peaks: npt.NDArray[np.float64],
    voxels: npt.NDArray[np.int64],
    roots: npt.NDArray[np.int64],
    merge_ratio: float,
    min_voxels: float,
) -> None:
    """Unite `roots` in place; `peaks` and `voxels` are those of the groups."""
    for by_size in (False, True):
        for k in range(one.size):
            a, b = _root(roots, one[k]), _root(roots, two[k])
            if a == b:
                continue
            if by_size:
                join = min(voxels[a], voxels[b]) < min_voxels
            else:
                join = saddles[k] >= merge_ratio * min(peaks[a], peaks[b])
            if join:
                low, high = min(a, b), max(a, b)
                roots[high] = low
                peaks[low] = max(peaks[low], peaks[high])
                voxels[low] += voxels[high]
    for i in range(roots.size):
        roots[i] = _root(roots, i)
