"""Pictures of voxels in space."""

import numpy as np
import pytest

from voltomo.report.colors import particle_colors
from voltomo.report.render import View, render

COLORS = np.array([[0, 0, 0], [200, 200, 200]], np.uint8)


def _covered(view: View) -> float:
    """Area of what was hit, in the unit of the voxels squared."""
    return float((view.image < 250).any(axis=2).sum()) * view.pixel**2


def test_the_outline_of_a_ball_is_a_disc() -> None:
    """A ball covers π r² at least, and less than half a voxel's diagonal more on all sides: the scale bar holds."""
    z, y, x = np.ogrid[:80, :80, :80]
    ball = ((z - 52) ** 2 + (y - 26) ** 2 + (x - 26) ** 2 < 24**2).astype(np.uint32)
    covered = _covered(render(ball, COLORS, spacing=(0.5, 0.5, 0.5)))
    assert np.pi * 12**2 < covered < np.pi * (12 + 0.5 * 3**0.5 / 2) ** 2


def test_the_outline_of_a_box_is_its_shadow() -> None:
    """A full box covers the sum of its faces times their tilt, with the corner cut away too. 1 %: the rim of pixels."""
    spacing = (2.0, 1.0, 0.5)
    box = np.ones((12, 20, 40), np.uint32)
    depth, height, width = 24.0, 20.0, 20.0
    toward = np.array([0.56, 0.70, 0.44]) / np.linalg.norm([0.56, 0.70, 0.44])
    shadow = toward @ [height * width, depth * width, depth * height]
    assert _covered(render(box, COLORS, spacing=spacing)) == pytest.approx(shadow, rel=0.01)


def test_only_the_voxels_matter_not_how_finely_they_are_cut() -> None:
    """Voxels twice as thick and twice as many thin ones give one outline, to the pixel."""
    rng = np.random.default_rng(5)
    thick = (rng.random((10, 20, 20)) < 0.2).astype(np.uint32)
    thin = np.repeat(thick, 2, axis=0)
    one = render(thick, COLORS, spacing=(2.0, 1.0, 1.0))
    two = render(thin, COLORS, spacing=(1.0, 1.0, 1.0))
    assert np.array_equal((one.image < 255).any(axis=2), (two.image < 255).any(axis=2))


def test_a_tall_volume_keeps_a_picture_of_reasonable_size() -> None:
    """A needle of 400 × 4 × 4 voxels is not drawn on ten thousand rows."""
    view = render(np.ones((400, 4, 4), np.uint32), COLORS, spacing=(1, 1, 1), width=200)
    assert view.image.shape[0] <= 1.5 * 200
    assert (view.image < 250).any()


def test_nothing_gives_a_white_picture() -> None:
    """Ids of 0 are looked through."""
    assert (render(np.zeros((5, 6, 7), np.uint32), COLORS, spacing=(1, 1, 1)).image == 255).all()


def test_the_nearest_octant_is_cut_away() -> None:
    """A voxel in the octant at z = 0, y = end, x = end is not drawn; its neighbour behind the cut is."""
    ids = np.zeros((20, 20, 20), np.uint32)
    ids[5, 15, 15] = 1
    assert (render(ids, COLORS, spacing=(1, 1, 1)).image == 255).all()
    ids[5, 5, 15] = 1
    assert (render(ids, COLORS, spacing=(1, 1, 1)).image < 255).any()


def test_corners_are_where_the_view_says() -> None:
    """The lowest hit pixel of a full box lies at the bottom corner that `place` names, within two pixels."""
    view = render(np.ones((10, 10, 10), np.uint32), COLORS, spacing=(1, 1, 1), width=300)
    rows, columns = np.nonzero((view.image < 250).any(axis=2))
    row, column = view.place(1, 1, 1)
    assert rows.max() == pytest.approx(row, abs=2)
    assert columns[rows.argmax()] == pytest.approx(column, abs=4)


def test_x_runs_right_y_towards_the_viewer_and_z_down() -> None:
    """The picture is not mirrored: it shows the slices as they lie on a table."""
    view = render(np.ones((10, 10, 10), np.uint32), COLORS, spacing=(1, 1, 1), width=300)
    origin = np.array(view.place(0, 0, 0))
    along_x, along_y, along_z = (np.array(view.place(*np.eye(3)[i])) - origin for i in (2, 1, 0))
    assert along_x[1] > 0
    assert along_y[0] > 0
    assert along_z[0] > 0
    assert along_z[1] == pytest.approx(0, abs=1e-9)


def test_colors_of_particles_differ_between_neighbors_in_id() -> None:
    """Successive ids are told apart: at least 40 of 255 in one channel."""
    colors = particle_colors()[1:].astype(int)
    assert np.abs(np.diff(colors, axis=0)).max(axis=1).min() > 40
