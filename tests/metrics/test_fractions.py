from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltomo.artifacts import Phase, PhaseTable
from voltomo.errors import InputError
from voltomo.metrics.fractions import VoidParts, count_slices, measure_fractions, measure_porosity, profiles
from voltomo.metrics.sample import Sample

THREE = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "NMC", "active"), Phase(9, "CBD", "binder")))


def sample_of(labels: np.ndarray, table: PhaseTable = THREE) -> Sample:
    """The sample that a map shows."""
    return Sample(table, labels.shape, int(np.count_nonzero(labels)))


@settings(max_examples=20, deadline=None)
@given(shape=st.tuples(*(st.integers(1, 9),) * 3), seed=st.integers(0, 999))
def test_fractions_sum_to_one_and_outside_is_never_counted(shape: tuple[int, int, int], seed: int) -> None:
    """Fractions are of the voxels inside the field of view, and sum to 1 as integers do."""
    labels = np.random.default_rng(seed).choice(np.array([0, 1, 2, 9], np.uint8), shape)
    labels.flat[0] = 1
    counts = count_slices(labels, phase_ids=THREE.ids)
    assert counts.phases.tolist() == [np.count_nonzero(labels == phase_id) for phase_id in THREE.ids]
    values = [item.value for item in measure_fractions(counts, sample_of(labels))]
    assert sum(values) == pytest.approx(1, abs=1e-15)


def test_permuting_axes_permutes_profiles() -> None:
    """The profile along z of a map is the profile along x of the map with z and x swapped."""
    labels = np.random.default_rng(1).choice(np.array([0, 1, 2, 9], np.uint8), (4, 5, 6))
    swapped = labels.T.copy()
    along = profiles(count_slices(labels, phase_ids=THREE.ids), sample_of(labels))
    turned = profiles(count_slices(swapped, phase_ids=THREE.ids), sample_of(swapped))
    assert along["z"] == turned["x"]
    assert along["y"] == turned["y"]


def test_a_profile_of_layers() -> None:
    """Layers show in the profile across them as ones and zeros, along them as their fraction; no slice, no number."""
    labels = np.zeros((4, 3, 3), np.uint8)
    labels[0], labels[1], labels[3] = 1, 2, 2
    along = profiles(count_slices(labels, phase_ids=THREE.ids), sample_of(labels))
    assert along["z"]["pore"] == [1.0, 0.0, None, 0.0]
    assert along["y"]["NMC"] == [2 / 3] * 3


def test_relabelling_changes_nothing() -> None:
    """Other ids for the same phases give the same counts."""
    labels = np.random.default_rng(2).integers(1, 4, (5, 5, 5), np.uint8)
    other = np.array([0, 7, 200, 30], np.uint8)[labels]
    np.testing.assert_array_equal(
        count_slices(labels, phase_ids=(1, 2, 3)).z, count_slices(other, phase_ids=(7, 200, 30)).z
    )


def test_ids_beyond_the_table_are_counted_apart() -> None:
    """A voxel whose id no row of the table has is neither a phase nor outside."""
    counts = count_slices(np.array([[[0, 1, 5]]], np.uint8), phase_ids=(1, 2))
    assert (counts.unknown, counts.region) == (1, 1)


def porosity_of(roles: tuple[str, str], parts: VoidParts | None) -> dict[str, float | None]:
    """Values of a map that is 30 % of the first role."""
    table = PhaseTable((Phase(1, roles[0], roles[0]), Phase(2, roles[1], roles[1])))  # type: ignore[arg-type]
    labels = np.repeat(np.array([1, 2], np.uint8), (300, 700)).reshape(10, 10, 10)
    counts = count_slices(labels, phase_ids=table.ids)
    return {item.name: item.value for item in measure_porosity(counts, sample_of(labels, table), parts=parts)}


def test_porosity_is_between_particles() -> None:
    """`porosity` is inter-particle; with the closed and open void inside particles it adds up to `porosity_total`."""
    found = porosity_of(("pore", "active"), VoidParts(inter=250, closed=30, opened=20))
    assert found == {
        "porosity_total": 0.3,
        "porosity": 0.25,
        "porosity_intra_closed": 0.03,
        "porosity_intra_open": 0.02,
    }


def test_no_porosity_without_pore() -> None:
    """A two-class map has `pore+binder`: its lines avoid the word porosity."""
    found = porosity_of(("pore+binder", "active"), VoidParts(inter=250, closed=30, opened=20))
    assert found == {
        "volume_fraction_inter": 0.25,
        "volume_fraction_intra_closed": 0.03,
        "volume_fraction_intra_open": 0.02,
    }
    assert porosity_of(("pore+binder", "active"), None) == {}


def test_porosity_needs_particles_where_there_is_active_material() -> None:
    """Without particles, `porosity` is withheld in an electrode; in a separator all void is between the solid."""
    assert porosity_of(("pore", "active"), None) == {"porosity_total": 0.3, "porosity": None}
    assert porosity_of(("pore", "other"), None) == {"porosity_total": 0.3, "porosity": 0.3}


def test_parts_of_another_map_are_refused() -> None:
    """Parts that do not add up to the void of the map are an error, not a number."""
    with pytest.raises(InputError, match="add up"):
        porosity_of(("pore", "active"), VoidParts(1, 2, 3))
