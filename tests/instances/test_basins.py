"""Peaks, contacts and merging."""

from __future__ import annotations

import numpy as np

from voltomo.instances.basins import Contacts, find_peaks, measure_basins, measure_contacts, merge_basins
from voltomo.instances.envelope import ACTIVE, GAP


def whole(array: np.ndarray) -> tuple[slice, slice, slice]:
    """The region of all voxels."""
    z, y, x = (slice(0, n) for n in array.shape)
    return z, y, x


def contacts(*rows: tuple[int, int, int]) -> Contacts:
    """Contacts (one, two, saddle) over one face each."""
    one, two, saddle = np.array(rows).T
    return Contacts(
        one.astype(np.uint32), two.astype(np.uint32), saddle.astype(np.uint16), np.ones(len(rows), np.int64)
    )


def test_plateau_has_one_peak() -> None:
    """Of equal neighbours the first in raster order is the peak."""
    levels = np.zeros((1, 5, 7), np.uint16)
    levels[0, 2, 1:4] = 9
    levels[0, 2, 5] = 4
    assert find_peaks(levels, whole(levels), floor=1).tolist() == [[0, 2, 1], [0, 2, 5]]
    assert find_peaks(levels, whole(levels), floor=5).tolist() == [[0, 2, 1]]


def test_peaks_look_beyond_the_inner_region() -> None:
    """A higher voxel just outside the region keeps one inside from being a peak."""
    levels = np.zeros((1, 1, 6), np.uint16)
    levels[0, 0] = [0, 3, 5, 8, 2, 0]
    inner = (slice(0, 1), slice(0, 1), slice(0, 3))
    assert find_peaks(levels, inner, floor=1).size == 0


def test_saddle_is_the_highest_crossing() -> None:
    """Two basins with two crossings have one contact, with the higher saddle and the faces between active voxels."""
    basins = np.array([[[1, 1, 2, 2], [1, 1, 2, 2], [1, 0, 0, 2]]], np.uint32)
    levels = np.array([[[9, 4, 6, 9], [9, 7, 5, 9], [3, 0, 0, 3]]], np.uint16)
    codes = np.full(basins.shape, ACTIVE, np.uint8)
    codes[0, 1, 2] = GAP
    found, missed = measure_contacts(basins, levels, codes, whole(basins))
    assert [column.tolist() for column in found] == [[1], [2], [5], [1]]
    assert missed == 0


def test_unflooded_voxels_are_noticed() -> None:
    """A voxel inside the envelope that borders a basin and has none is counted."""
    basins = np.array([[[1, 1, 0]]], np.uint32)
    levels = np.array([[[5, 4, 3]]], np.uint16)
    assert measure_contacts(basins, levels, np.ones((1, 1, 3), np.uint8), whole(basins))[1] == 1


def test_sizes_and_first_active_voxel() -> None:
    """Positions count through the volume; a closed gap is no active voxel."""
    basins = np.array([[[0, 2, 2], [3, 3, 0]]], np.uint32)
    codes = np.array([[[0, GAP, ACTIVE], [GAP, GAP, 0]]], np.uint8)
    found = measure_basins(basins, codes, count=4, origin=(1, 0, 5), shape=(2, 2, 8))
    assert found.ids.tolist() == [2, 3]
    assert found.voxels.tolist() == [2, 2]
    assert found.first.tolist() == [16 + 7, -1]


def test_shallow_saddles_merge_and_necks_do_not() -> None:
    """A saddle of 90 % of the lower peak joins two peaks into one particle; one of 50 % does not."""
    peaks = np.array([100, 80, 60], np.uint16)
    sizes = np.array([500, 500, 500])
    roots = merge_basins(contacts((1, 2, 72), (2, 3, 30)), peaks, sizes, merge_ratio=0.85, min_voxels=1)
    assert roots.tolist() == [0, 0, 2]


def test_a_ring_of_equal_peaks_is_one() -> None:
    """Merging goes on through a chain of shallow saddles."""
    peaks = np.full(6, 50, np.uint16)
    ring = contacts(*((i, i % 6 + 1, 47) for i in range(1, 7)))
    assert len(set(merge_basins(ring, peaks, np.full(6, 99), merge_ratio=0.85, min_voxels=1))) == 1


def test_what_is_too_small_joins_over_its_highest_saddle() -> None:
    """A piece below the smallest size goes to the neighbour with the widest neck."""
    peaks = np.array([100, 10, 100], np.uint16)
    sizes = np.array([900, 5, 900])
    roots = merge_basins(contacts((1, 2, 4), (2, 3, 6)), peaks, sizes, merge_ratio=0.85, min_voxels=100)
    assert roots.tolist() == [0, 1, 1]


def test_order_of_contacts_does_not_matter() -> None:
    """Blocks may report the faces of a pair in any order and split over several rows."""
    rows = [(1, 2, 5), (2, 1, 9), (3, 1, 4)]
    merged = [
        Contacts.merged(*(np.asarray(column) for column in contacts(*order)))
        for order in (rows, rows[::-1], [rows[1], rows[2], rows[0]])
    ]
    for other in merged:
        assert [column.tolist() for column in other] == [[1, 1], [2, 3], [9, 4], [2, 1]]
