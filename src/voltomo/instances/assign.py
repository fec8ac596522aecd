"""From basins to particles: which basins count, who owns the closed cavities, and where closing went too far."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.instances.basins import Contacts
from voltomo.instances.envelope import ACTIVE, GAP

__all__ = ["ParticleIds", "assign_particles", "cavity_neighbors", "number_particles", "own_cavities"]


class ParticleIds(NamedTuple):
    """The particles among the basins.

    Parameters
    ----------
    of_basin : (B + 1,) uint32, id of each basin's particle; 0 for background and for what is too small
    contacts : (N,) int64, number of particles that share a face of active material with each particle
    """

    of_basin: npt.NDArray[np.uint32]
    contacts: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.contacts)


def number_particles(
    roots: npt.NDArray[np.int64],
    voxels: npt.NDArray[np.int64],
    first: npt.NDArray[np.int64],
    contacts: Contacts,
    *,
    min_voxels: float,
) -> ParticleIds:
    """Number the groups of basins that are large enough, in raster order of their first active voxel.

    Parameters
    ----------
    roots : (B,) of `voltomo.instances.basins.merge_basins`
    voxels : (B,) size of each basin
    first : (B,) position of the first active voxel of each basin; -1 where there is none
    contacts : of basins
    min_voxels : size of the smallest particle
    """
    total = np.bincount(roots, weights=voxels, minlength=len(roots))
    start = np.full(len(roots), np.iinfo(np.int64).max)
    has_active = first >= 0
    np.minimum.at(start, roots[has_active], first[has_active])
    groups = np.unique(roots)
    groups = groups[(total[groups] >= min_voxels) & (start[groups] < np.iinfo(np.int64).max)]
    groups = groups[np.argsort(start[groups], kind="stable")]
    of_root = np.zeros(len(roots) + 1, np.uint32)
    of_root[groups + 1] = np.arange(1, len(groups) + 1)
    of_basin = np.concatenate([np.zeros(1, np.uint32), of_root[roots + 1]])

    solid = contacts.faces > 0
    pairs = np.stack([of_basin[contacts.one[solid]], of_basin[contacts.two[solid]]], axis=1)
    pairs = pairs[(pairs > 0).all(axis=1) & (pairs[:, 0] != pairs[:, 1])]
    pairs = np.unique(np.sort(pairs, axis=1), axis=0)
    counts = np.bincount(pairs.ravel(), minlength=len(groups) + 1)[1:]
    return ParticleIds(of_basin, counts.astype(np.int64))


def cavity_neighbors(
    cavities: npt.NDArray[np.uint32],
    labels: npt.NDArray[np.uint32],
    inner: tuple[slice, slice, slice],
) -> npt.NDArray[np.uint32]:
    """Pairs (cavity, particle) that share a voxel face, each once.

    Parameters
    ----------
    cavities : (Z, Y, X) uint32 array of cavity ids
    labels : (Z, Y, X) uint32 array of particle ids; 0 is no particle
    inner : pairs whose cavity voxel lies here; the particle's voxel may lie outside

    Returns
    -------
    (P, 2) uint32 array
    """
    found = [np.empty((0, 2), np.uint32)]
    if not cavities[inner].any():
        return found[0]
    low = [side.start for side in inner]
    places = np.argwhere(cavities[inner]) + low
    ids = cavities[tuple(places.T)]
    for axis in range(3):
        for step in (-1, 1):
            beside = places.copy()
            beside[:, axis] += step
            exists = (beside[:, axis] >= 0) & (beside[:, axis] < cavities.shape[axis])
            at = tuple(beside[exists].T)
            wall = (cavities[at] == 0) & (labels[at] > 0)
            found.append(np.stack([ids[exists][wall], labels[at][wall]], axis=1))
    return np.unique(np.concatenate(found), axis=0)


def own_cavities(pairs: npt.NDArray[np.uint32], count: int) -> npt.NDArray[np.uint32]:
    """The particle that each cavity belongs to: the only one it touches, or none.

    Parameters
    ----------
    pairs : (P, 2) of (cavity, particle), in any order
    count : number of cavities

    Returns
    -------
    (count + 1,) uint32 array; 0 for cavities between several particles and for id 0
    """
    pairs = np.unique(pairs, axis=0)
    neighbors = np.bincount(pairs[:, 0], minlength=count + 1)
    owners = np.zeros(count + 1, np.uint32)
    owners[pairs[:, 0]] = pairs[:, 1]
    owners[neighbors != 1] = 0
    return owners


def assign_particles(
    basins: npt.NDArray[np.uint32],
    codes: npt.NDArray[np.uint8],
    of_basin: npt.NDArray[np.uint32],
    ball: npt.NDArray[np.int64],
) -> npt.NDArray[np.uint32]:
    """Particle ids of the voxels of basins, without the wedges that closing fills where two particles meet.

    A closed gap belongs to a particle as its crack; where active material of another particle lies within the reach of
    the closing, it may be the wedge between the two as well, and is given back to the background.

    Parameters
    ----------
    basins : (Z, Y, X) uint32 array
    codes : (Z, Y, X) uint8 array, the envelope
    of_basin : particle id of each basin
    ball : (K, 3) steps, the reach of the closing

    Returns
    -------
    (Z, Y, X) uint32 array
    """
    labels = of_basin[basins]
    given_back = _between_particles(labels, codes, ball)
    labels[given_back] = 0
    return labels


@njit(cache=True, nogil=True)
def _between_particles(
    labels: npt.NDArray[np.uint32], codes: npt.NDArray[np.uint8], ball: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Closed gaps near active material of another particle."""
    nz, ny, nx = labels.shape
    found = np.zeros(labels.shape, np.bool_)
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                if codes[z, y, x] != GAP or labels[z, y, x] == 0:
                    continue
                for k in range(len(ball)):
                    w, v, u = z + ball[k, 0], y + ball[k, 1], x + ball[k, 2]
                    if w < 0 or w >= nz or v < 0 or v >= ny or u < 0 or u >= nx:
                        continue
                    other = labels[w, v, u]
                    if other != 0 and other != labels[z, y, x] and codes[w, v, u] == ACTIVE:
                        found[z, y, x] = True
                        break
    return found
