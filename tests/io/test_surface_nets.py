"""Surfaces between labels against balls, cubes and laminates."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt
import pytest
import trimesh

from voltomo.errors import InputError
from voltomo.io.surface_nets import Interfaces, count_faces, find_interfaces


def ball(radius: int) -> npt.NDArray[np.uint8]:
    """(1, Z, Y, X) labels: 2 in a ball, 1 around it."""
    size = 2 * radius + 6
    grid = np.indices((size,) * 3) - (size - 1) / 2
    return (1 + (np.sum(grid**2, axis=0) <= radius**2)).astype(np.uint8)[None]


def mesh(interfaces: Interfaces, label: int) -> trimesh.Trimesh:
    """Surface of a label in (x, y, z)."""
    return trimesh.Trimesh(interfaces.vertices[:, ::-1], interfaces.of_label(label), process=False)


def test_without_smoothing_the_surface_is_that_of_the_voxels() -> None:
    """A cube of 4 x 5 x 6 voxels has exactly its volume, its 148 faces, and outward normals."""
    labels = np.zeros((1, 9, 10, 11), np.uint8)
    labels[0, 2:6, 3:8, 4:10] = 7
    surface = mesh(find_interfaces(labels, iterations=0), 7)
    assert surface.is_watertight
    assert surface.volume == pytest.approx(4 * 5 * 6)
    assert surface.area == pytest.approx(2 * (4 * 5 + 4 * 6 + 5 * 6))
    assert count_faces(labels) == 148
    # The first voxel's centre is 0.0, so that the cube begins half a voxel before index 2.
    np.testing.assert_allclose(surface.bounds, [[3.5, 2.5, 1.5], [9.5, 7.5, 5.5]])


@pytest.mark.parametrize("radius", [8, 16])
def test_ball_keeps_its_volume_and_nearly_its_area(radius: int) -> None:
    """Smoothing changes the volume of the voxels by less than 1 % and leaves the area 1 to 3 % high, not 50 %."""
    labels = ball(radius)
    surface = mesh(find_interfaces(labels), 2)
    assert surface.is_watertight
    assert surface.is_winding_consistent
    assert surface.volume == pytest.approx(np.sum(labels == 2), rel=0.01)
    assert 1.0 < surface.area / (4 * np.pi * radius**2) < 1.03


def test_box_faces_stay_flat() -> None:
    """The two phases of a ball in a box together fill the box exactly, and the box keeps its corners."""
    labels = ball(6)
    interfaces = find_interfaces(labels)
    inner, outer = mesh(interfaces, 2), mesh(interfaces, 1)
    size = labels.shape[1]
    np.testing.assert_allclose(outer.bounds, [[-0.5] * 3, [size - 0.5] * 3])
    assert inner.volume + outer.volume == pytest.approx(size**3)


def test_neighbors_share_their_interface_exactly() -> None:
    """Every triangle between two phases occurs in both, the other way round, at triple lines too."""
    labels = ball(7)
    labels[0, :10][labels[0, :10] == 2] = 3  # ball cut in two: pore, and two phases that meet along a circle
    interfaces = find_interfaces(labels)
    sides: Counter[tuple[int, ...]] = Counter()
    for label in (1, 2, 3):
        for triangle in interfaces.of_label(label):
            sides[tuple(np.roll(triangle, -triangle.argmin()))] += 1
    on_box = np.any((interfaces.vertices == -0.5) | (interfaces.vertices == labels.shape[1] - 0.5), axis=1)
    for corners, count in sides.items():
        assert count == 1
        a, b, c = corners
        assert (a, c, b) in sides or on_box[list(corners)].all()


def test_surfaces_of_noise_are_closed() -> None:
    """Every edge is run through as often one way as the other, also where parts touch along lines and points only."""
    labels = np.random.default_rng(1).integers(1, 4, (1, 8, 9, 10)).astype(np.uint8)
    interfaces = find_interfaces(labels)
    volume = 0.0
    for label in (1, 2, 3):
        triangles = interfaces.of_label(label)
        edges = Counter(tuple(edge) for i in range(3) for edge in np.roll(triangles, -i, axis=1)[:, :2].tolist())
        assert all(edges[b, a] == count for (a, b), count in edges.items())
        a, b, c = (interfaces.vertices[triangles[:, i], ::-1] for i in range(3))
        volume += float(np.sum(a * np.cross(b, c))) / 6
    assert volume == pytest.approx(8 * 9 * 10)


def test_slabs_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading slice by slice gives the surface that reading all at once gives."""
    labels = np.random.default_rng(0).integers(0, 3, (1, 6, 7, 8)).astype(np.uint8)
    whole = find_interfaces(labels)
    monkeypatch.setattr("voltomo.io.sweep._SLAB_BYTES", 1)
    thin = find_interfaces(labels)
    np.testing.assert_array_equal(whole.vertices, thin.vertices)
    np.testing.assert_array_equal(whole.quads, thin.quads)


def test_too_large_a_surface_is_refused_before_it_is_made() -> None:
    """The message names the memory that is missing."""
    with pytest.raises(InputError, match=r"faces and need .* of memory"):
        find_interfaces(ball(8), memory=1000)


def test_nothing_has_no_surface() -> None:
    """A volume of zeros is refused."""
    with pytest.raises(InputError, match="no surface"):
        find_interfaces(np.zeros((1, 3, 3, 3), np.uint8))
