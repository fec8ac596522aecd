from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltomo.artifacts import Phase, PhaseTable
from voltomo.blocks import BlockPlan
from voltomo.metrics.contacts import (
    Contacts,
    areas_of_particles,
    contact_curves,
    contact_numbers,
    count_contacts,
    measure_contacts,
    merge_contacts,
)
from voltomo.metrics.sample import Sample
from voltomo.metrics.surfaces import flat_response
from voltomo.morphology.directions import crofton_directions

DIRECTIONS = crofton_directions(None, 3)
TABLE = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "NMC", "active")))


def bricks(number: int = 5, edge: int = 6) -> np.ndarray:
    """A wall of cubes that touch on their faces, with a margin of one voxel."""
    ids = np.arange(1, number**3 + 1, dtype=np.uint32).reshape((number,) * 3)
    return np.pad(np.kron(ids, np.ones((edge,) * 3, np.uint32)), 1)


def test_cubes_in_a_wall() -> None:
    """Each face between two cubes is a contact of its area; cubes that share only an edge or a corner do not touch."""
    labels = bricks()
    sample = Sample(TABLE, labels.shape, labels.size)
    ids = np.arange(1, 126)
    rows = list(
        measure_contacts(
            count_contacts(labels, DIRECTIONS.offsets),
            DIRECTIONS,
            sample,
            instance_ids=ids,
            is_whole=ids > 0,
            phase="NMC",
        )
    )
    by = {(m.name, m.statistic): m for m in rows}
    assert by["contact_number", "mean, number-weighted"].value == pytest.approx(2 * 300 / 125)  # 3·5·5·4 inner faces
    flat = float(flat_response(DIRECTIONS, np.array([[1.0, 0.0, 0.0]]))[0])
    # Diagonal steps that pass between four cubes reach the one across the edge: a sixth of a layer less per edge.
    assert by["contact_area", "D50, number-weighted"].value == pytest.approx(36 * flat, rel=0.2)
    assert by["contact_area", "D50, number-weighted"].unit == "voxel^2"


def test_contact_area_of_two_halves() -> None:
    """A wide flat contact has the response of Crofton's formula to a flat surface, but for its rim."""
    labels = np.ones((8, 60, 60), np.uint32)
    labels[4:] = 9
    found = count_contacts(labels, DIRECTIONS.offsets)
    np.testing.assert_array_equal(found.pairs, [[1, 9]])
    assert found.crossings[0, 0] == 3600
    # One of the steps along z, four of 59 / 60 and four of (59 / 60)² of the voxels.
    assert np.sort(found.crossings[0])[::-1][:9].tolist() == [3600] + [3540] * 4 + [3481] * 4


@settings(max_examples=10, deadline=None)
@given(block_shape=st.tuples(st.integers(1, 6), st.integers(1, 7), st.integers(1, 8)), seed=st.integers(0, 99))
def test_contacts_of_blocks_add_up(block_shape: tuple[int, int, int], seed: int) -> None:
    """Each pair of voxels is counted by exactly one block."""
    labels = np.random.default_rng(seed).integers(0, 5, (6, 7, 8), np.uint32)
    total = Contacts(np.zeros((0, 2), np.int64), np.zeros((0, 13), np.int64))
    for block in BlockPlan((6, 7, 8), block_shape, halo=1):
        total = merge_contacts(total, count_contacts(labels[block.read], DIRECTIONS.offsets, starts=block.inner))
    whole = count_contacts(labels, DIRECTIONS.offsets)
    np.testing.assert_array_equal(total.pairs, whole.pairs)
    np.testing.assert_array_equal(total.crossings, whole.crossings)


def test_few_particles_withhold_the_mean() -> None:
    """Below 30 whole particles there is no mean contact number; the area per volume stays."""
    labels = bricks(2)
    ids = np.arange(1, 9)
    rows = list(
        measure_contacts(
            count_contacts(labels, DIRECTIONS.offsets),
            DIRECTIONS,
            Sample(TABLE, labels.shape, labels.size, (1e-7,) * 3),
            instance_ids=ids,
            is_whole=ids > 0,
            phase="NMC",
        )
    )
    assert [m.name for m in rows if m.status == "ok"] == ["contact_area_density"]
    assert next(m.unit for m in rows if m.status == "ok") == "1/m"
    assert not list(
        contact_curves(
            count_contacts(labels, DIRECTIONS.offsets), DIRECTIONS, instance_ids=ids, is_whole=ids > 0, phase="NMC"
        )
    )


def test_each_particle_has_its_number_and_area() -> None:
    """In a wall of cubes a corner has 3 contacts, an edge 4, a face 5 and the inside 6, and areas in proportion."""
    labels = bricks(4)
    found, ids = count_contacts(labels, DIRECTIONS.offsets), np.arange(1, 65)
    numbers = contact_numbers(found, DIRECTIONS, ids)
    assert np.bincount(numbers).tolist() == [0, 0, 0, 8, 24, 24, 8]
    areas = areas_of_particles(found, DIRECTIONS, ids, edges=(1.0, 1.0, 1.0))
    # Diagonal steps past the edges of cubes reach others there: up to a quarter more or less per contact.
    np.testing.assert_allclose(areas / numbers, np.mean(areas / numbers), rtol=0.25)
    assert areas.sum() == pytest.approx(2 * sum(m for m in areas_by_pair(found)))


def areas_by_pair(found: Contacts) -> list[float]:
    """Contact areas of pairs that share faces, each pair as two particles alone."""
    along = np.abs(DIRECTIONS.offsets).sum(axis=1) == 1
    kept = found.crossings[:, along].any(axis=1)
    one = [Contacts(np.array([[1, 2]]), row[None]) for row in found.crossings[kept]]
    return [areas_of_particles(pair, DIRECTIONS, [1, 2], edges=(1.0, 1.0, 1.0))[0] for pair in one]


def test_the_curve_of_contacts_is_cumulated() -> None:
    """The share with so many contacts or fewer, from 0 contacts on."""
    labels, ids = bricks(4), np.arange(1, 65)
    found = count_contacts(labels, DIRECTIONS.offsets)
    (curve,) = contact_curves(found, DIRECTIONS, instance_ids=ids, is_whole=ids > 0, phase="NMC")
    assert curve.sizes == tuple(range(7))
    assert curve.shares == pytest.approx([0, 0, 0, 8 / 64, 32 / 64, 56 / 64, 1])
