"""Which particles touch, over what area: from neighboring voxels of different instances.

A contact is what the maps show: two particles with voxels of active material that share faces. Where particles are
pressed together, it depends on where the splitting drew the line between them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Measurement, UncertaintyPart
from voltomo.metrics.curves import SizeCurve
from voltomo.metrics.results import measured, withheld
from voltomo.metrics.sample import Sample
from voltomo.metrics.sizes import weighted_quantiles
from voltomo.metrics.surfaces import crofton_area, even_normals, flat_response
from voltomo.morphology.directions import CroftonDirections
from voltomo.units import VoxelSize

__all__ = [
    "Contacts",
    "areas_of_particles",
    "contact_curves",
    "contact_numbers",
    "count_contacts",
    "measure_contacts",
    "merge_contacts",
]

Ids: TypeAlias = npt.NDArray[np.uint32]
Counts: TypeAlias = npt.NDArray[np.int64]

_SHARES = (0.1, 0.5, 0.9)
_LABELS = tuple(f"D{100 * share:.0f}, number-weighted" for share in _SHARES)
_LEAST = 30  # as for sizes: three below D10 and three above D90


@dataclass(frozen=True)
class Contacts:
    """Pairs of particles and the pairs of voxels between them.

    Parameters
    ----------
    pairs : (N, 2) ids, the lower first, sorted
    crossings : (N, D) pairs of voxels along the Crofton directions
    """

    pairs: Counts
    crossings: Counts


def count_contacts(
    instances: Ids, offsets: npt.ArrayLike, *, starts: tuple[slice, slice, slice] | None = None
) -> Contacts:
    """Pairs of neighboring voxels that belong to two particles.

    Parameters
    ----------
    instances : (Z, Y, X) uint32 array, 0 is no particle
    offsets : (D, 3) steps to a neighbor; dz is 0 or 1, dy and dx -1 to 1
    starts : slices along z, y, x, optional
        Where the first voxel of a pair lies; a block gives its inner region and reads a halo of one voxel.

    Examples
    --------
    >>> count_contacts(np.array([[[1, 1, 2]]], np.uint32), [(0, 0, 1)])
    Contacts(pairs=array([[1, 2]]), crossings=array([[1]]))
    """
    steps = np.asarray(offsets, np.int64).reshape(-1, 3)
    parts = starts or (slice(None),) * 3
    bounds = [part.indices(n)[:2] for part, n in zip(parts, instances.shape, strict=True)]
    found = Contacts(np.zeros((0, 2), np.int64), np.zeros((0, len(steps)), np.int64))
    for d, step in enumerate(steps.tolist()):
        first, second = [], []
        for (low, high), s, n in zip(bounds, step, instances.shape, strict=True):
            begin, end = max(low, -s), min(high, n - s)
            first.append(slice(begin, max(begin, end)))
            second.append(slice(begin + s, max(begin, end) + s))
        one, two = instances[tuple(first)], instances[tuple(second)]
        touching = (one != two) & (one != 0) & (two != 0)
        ends = np.stack([one[touching], two[touching]], axis=1).astype(np.int64)
        pairs, number = np.unique(np.sort(ends, axis=1), axis=0, return_counts=True)
        crossings = np.zeros((len(pairs), len(steps)), np.int64)
        crossings[:, d] = number
        found = merge_contacts(found, Contacts(pairs, crossings))
    return found


def merge_contacts(one: Contacts, two: Contacts) -> Contacts:
    """Add the counts of two parts of a map."""
    pairs, rows = np.unique(np.concatenate([one.pairs, two.pairs]), axis=0, return_inverse=True)
    crossings = np.zeros((len(pairs), one.crossings.shape[1]), np.int64)
    np.add.at(crossings, rows.ravel(), np.concatenate([one.crossings, two.crossings]))
    return Contacts(pairs, crossings)


def contact_numbers(contacts: Contacts, directions: CroftonDirections, instance_ids: npt.ArrayLike) -> Counts:
    """Number of particles of the table that each of them shares faces with, (N,)."""
    ids = np.asarray(instance_ids, np.int64)
    pairs = _touching(contacts, directions, ids).pairs
    return np.bincount(np.searchsorted(ids, pairs.ravel()), minlength=len(ids))


def areas_of_particles(
    contacts: Contacts, directions: CroftonDirections, instance_ids: npt.ArrayLike, *, edges: VoxelSize
) -> npt.NDArray[np.float64]:
    """Area over which each particle touches others, (N,), in the square of the unit of the edges.

    Examples
    --------
    >>> from voltomo.morphology.directions import crofton_directions
    >>> one = np.ones((6, 40, 40), np.uint32)
    >>> one[3:] = 2
    >>> directions = crofton_directions(None, 3)
    >>> found = count_contacts(one, directions.offsets)
    >>> areas_of_particles(found, directions, [1, 2], edges=(1.0, 1.0, 1.0)).round(-2)  # 40² less the rim
    array([1400., 1400.])
    """
    ids = np.asarray(instance_ids, np.int64)
    found = _touching(contacts, directions, ids)
    areas = [crofton_area(row, directions, voxel_size=edges) for row in found.crossings]
    rows = np.searchsorted(ids, found.pairs.ravel())
    return np.bincount(rows, np.repeat(areas, 2), minlength=len(ids)).astype(np.float64)


def _touching(contacts: Contacts, directions: CroftonDirections, ids: Counts) -> Contacts:
    """Contacts over faces between particles of the table."""
    along_axes = np.abs(directions.offsets).sum(axis=1) == 1
    touching = contacts.crossings[:, along_axes].sum(axis=1) > 0
    touching &= np.isin(contacts.pairs, ids).all(axis=1)
    return Contacts(contacts.pairs[touching], contacts.crossings[touching])


def measure_contacts(
    contacts: Contacts,
    directions: CroftonDirections,
    sample: Sample,
    *,
    instance_ids: npt.ArrayLike,
    is_whole: npt.ArrayLike,
    phase: str,
) -> Iterator[Measurement]:
    """Mean contact number, contact areas, and their sum per volume; none in a section, which shows no contact area.

    Parameters
    ----------
    contacts, directions : of the instance map
    sample : region and units
    instance_ids, is_whole : (N,) ids of all particles, and which of them no edge cuts
    phase : name of the phase that the particles are of

    Notes
    -----
    Contacts of whole particles are all inside the window. The sampling part takes particles as independent; two
    particles share each contact, so that it is a lower limit.
    """
    if sample.dimension == 2:
        return
    ids, whole = np.asarray(instance_ids, np.int64), np.asarray(is_whole, np.bool_)
    crossings = _touching(contacts, directions, ids).crossings
    number = contact_numbers(contacts, directions, ids)[whole]
    words = {"phase": phase, "statistic": "mean, number-weighted", "method": "whole particles, uncorrected"}
    if len(number) < _LEAST:
        reason = f"{len(number)} whole particles; at least {_LEAST} are needed"
        for label in ("mean, number-weighted", *_LABELS):
            yield withheld(sample, "contact_number", "1", reason=reason, **words | {"statistic": label})
    else:
        error = float(number.std(ddof=1)) / math.sqrt(len(number))
        part = UncertaintyPart("sampling", error, note="standard error over whole particles, taken as independent")
        yield measured(sample, "contact_number", float(number.mean()), "1", parts=(part,), **_any(words))
        for label, found in zip(
            _LABELS, weighted_quantiles(number.astype(np.float64), np.ones(len(number))), strict=True
        ):
            yield measured(sample, "contact_number", float(found), "1", **_any(words | {"statistic": label}))
    areas = np.array([crofton_area(row, directions, voxel_size=sample.edges) for row in crossings])
    response = flat_response(directions, even_normals(3)) - 1
    spread = float(np.sqrt(np.mean(response**2)))
    note = "as for flat contacts of one unknown orientation"
    total = float(areas.sum()) / sample.measure
    flat = UncertaintyPart("discretization", spread * total, note=note)
    words = {"phase": phase, "method": "Crofton, 13 directions"}
    yield measured(sample, "contact_area_density", total, sample.unit(-1), parts=(flat,), **_any(words))
    words["method"] = "Crofton, 13 directions; all contacts, as far as seen"
    if len(areas) < _LEAST:
        reason = f"{len(areas)} contacts; at least {_LEAST} are needed"
        for label in _LABELS:
            yield withheld(sample, "contact_area", sample.unit(2), reason=reason, statistic=label, **words)
        return
    for label, value in zip(_LABELS, weighted_quantiles(areas, np.ones(len(areas)), _SHARES), strict=True):
        part = UncertaintyPart("discretization", spread * float(value), note=note)
        fields = _any(words) | {"statistic": label, "parts": (part,)}
        yield measured(sample, "contact_area", float(value), sample.unit(2), **fields)


def contact_curves(
    contacts: Contacts,
    directions: CroftonDirections,
    *,
    instance_ids: npt.ArrayLike,
    is_whole: npt.ArrayLike,
    phase: str,
) -> Iterator[SizeCurve]:
    """Share of the whole particles that touch so many others or fewer; none where the mean is withheld."""
    number = contact_numbers(contacts, directions, instance_ids)[np.asarray(is_whole, np.bool_)]
    if len(number) >= _LEAST:
        shares = np.cumsum(np.bincount(number)) / len(number)
        sizes = tuple(float(n) for n in range(len(shares)))
        yield SizeCurve("contact_number", phase, "", "number", sizes, tuple(map(float, shares)))


def _any(words: dict[str, str]) -> dict[str, Any]:
    return dict(words)
