from __future__ import annotations

import numpy as np
import pytest

from voltomo.artifacts import Phase, PhaseTable
from voltomo.metrics.connectivity import measure_connectivity, reach
from voltomo.metrics.fractions import count_slices
from voltomo.metrics.sample import Sample

TABLE = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "solid")))


def test_reach_counts_voxels_by_the_faces_they_reach() -> None:
    """A channel through, a dead end at each face and an island: fractions of the voxels, summing to 1."""
    sizes = np.array([50, 20, 20, 10])
    touches = np.zeros((4, 6), bool)
    touches[0, [0, 3]] = touches[1, 0] = touches[2, 3] = True
    assert reach(sizes, touches, axis="z") == (0.5, 0.4, 0.1)
    assert reach(sizes, touches, axis="y") == (0.0, 0.0, 1.0)


def measure(labels: np.ndarray, **fields: object) -> dict[tuple[str, str, str], float | None]:
    """Values of a map, by name, axis and statistic."""
    counts = count_slices(labels, phase_ids=TABLE.ids)
    sample = Sample(TABLE, labels.shape, counts.region, through_plane="z")
    fields = {"sizes": np.array([8]), "touches": np.ones((1, 6), bool)} | fields
    found = measure_connectivity(sample, phase="pore", neighbors=6, slices=counts, **fields)  # type: ignore[arg-type]
    return {(item.name, item.axis, item.statistic): item.value for item in found}


def test_fractions_of_an_axis_sum_to_one() -> None:
    """Both faces, one face and no face are all there is."""
    found = measure(np.ones((4, 4, 4), np.uint8))
    for axis in "zyx":
        assert sum(found["connected_fraction", axis, s] for s in ("both faces", "one face", "no face")) == 1.0


def test_faces_outside_the_field_of_view_say_nothing() -> None:
    """The side faces of a cylinder are withheld; its ends are measured."""
    y, x = np.ogrid[-10:10, -10:10]
    cylinder = np.broadcast_to(y * y + x * x < 100, (5, 20, 20)).astype(np.uint8)
    found = measure(cylinder)
    assert found["connected_fraction", "z", "both faces"] == 1.0
    assert found["connected_fraction", "y", "both faces"] is None


def test_an_absent_phase_has_no_component() -> None:
    """Zero components are reported, and the fractions withheld."""
    found = measure(np.full((3, 3, 3), 2, np.uint8), sizes=np.zeros(0, np.int64), touches=np.zeros((0, 6), bool))
    assert found["component_count", "", ""] == 0
    assert found["largest_component_fraction", "", ""] is None


def test_directions_are_named() -> None:
    """The definition says which axis is through-plane, and only the axis where that is not known."""
    counts = count_slices(np.ones((2, 2, 2), np.uint8), phase_ids=TABLE.ids)
    for known, word in (("y", "y, through-plane"), ("unknown", "Direction: y.")):
        sample = Sample(TABLE, (2, 2, 2), 8, through_plane=known)  # type: ignore[arg-type]
        found = measure_connectivity(
            sample, phase="pore", neighbors=6, sizes=np.array([8]), touches=np.ones((1, 6), bool), slices=counts
        )
        assert word in next(item.definition for item in found if item.axis == "y")


@pytest.mark.parametrize(("shape", "axes"), [((1, 4, 4), {"y", "x"}), ((4, 4, 4), {"z", "y", "x"})])
def test_a_section_has_two_axes(shape: tuple[int, int, int], axes: set[str]) -> None:
    """No connectivity across the one voxel of a section."""
    assert {axis for name, axis, _ in measure(np.ones(shape, np.uint8)) if name == "connected_fraction"} == axes
