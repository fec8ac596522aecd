from __future__ import annotations

import math

import numpy as np

from voltomo.metrics.void_recall import VoidScores, VoidSizes, choose_voids, is_found, void_sizes


def test_sizes_of_a_volume_are_balls_as_wide_as_the_discs_of_a_section() -> None:
    """The smallest and largest void of a section and of a volume have equal diameters, to a voxel's rounding."""
    plane, volume = void_sizes(2), void_sizes(3)
    assert (plane.smallest, plane.largest) == (20, 3000)
    for pixels, voxels in ((plane.smallest, volume.smallest), (plane.largest, volume.largest)):
        disc, ball = 2 * math.sqrt(pixels / math.pi), (6 * voxels / math.pi) ** (1 / 3)
        assert abs(disc - ball) < 0.02


def test_only_enclosed_parts_of_the_right_size_are_voids() -> None:
    """Both limits are included; a part that reaches an edge, or is unknown anywhere, is none."""
    voxels = np.array([19, 20, 3000, 3001, 100, 100])
    unknown = np.array([0, 0, 0, 0, 1, 0])
    edge = np.array([False, False, False, False, False, True])
    assert choose_voids(voxels, unknown, edge, VoidSizes(20, 3000)).tolist() == [False, True, True, False, False, False]


def test_three_tenths_left_open_are_enough() -> None:
    """A void of 100 is found with 30 open and not with 29."""
    assert is_found(np.array([100, 100]), np.array([29, 30])).tolist() == [False, True]


def test_scores_of_images_add_up_and_nothing_has_no_score() -> None:
    """Counts add, shares do not; without a void there is no share."""
    both = VoidScores(3, 1, 2, 2) + VoidScores(5, 5, 0, 0)
    assert (both.recall, both.precision) == (6 / 8, 1.0)
    assert math.isnan(VoidScores(0, 0, 0, 0).recall)
    assert math.isnan(VoidScores(0, 0, 0, 0).precision)
