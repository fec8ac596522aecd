"""The map of crack widths."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

from voltomo.errors import InputError
from voltomo.synthesis import Slits, Structure, crack_widths, rasterize
from voltomo.synthesis.families import CRACK_PHASE

Balls = Callable[..., Structure]
MakeSlit = Callable[..., Slits]
NM = 1e-9


def _at_nanometers(balls: Balls, slits: Slits) -> Structure:
    """A ball of 15 voxels radius, voxels of 40 × 20 × 20 nm."""
    return balls(
        (17, 34, 34), (320 * NM, 330 * NM, 335 * NM), 290 * NM, voxel_size=(40 * NM, 20 * NM, 20 * NM), slits=slits
    )


@pytest.mark.parametrize("width", [2, 30, 75])
def test_every_voxel_that_a_flat_crack_meets_shows_its_width(balls: Balls, slit: MakeSlit, width: int) -> None:
    """A voxel in the particle carries the width in nm exactly if the crack meets the box of the voxel."""
    normal = np.array([0.3, 1.0, -0.6])
    structure = _at_nanometers(balls, slit(normal, width * NM))
    region = (slice(0, 17), slice(0, 34), slice(0, 34))
    ids = rasterize(structure, region)[1]
    edges = np.asarray(structure.voxel_size)
    offsets = np.indices(structure.shape).reshape(3, -1).T * edges - structure.particles.center[0]
    corners = np.array(list(itertools.product((-0.5, 0.5), repeat=3))) * edges
    heights = (offsets[:, None] + corners) @ (normal / np.linalg.norm(normal))
    meets = (heights.min(axis=1) < 0.5 * width * NM) & (heights.max(axis=1) > -0.5 * width * NM)
    expected = np.where(meets.reshape(structure.shape) & (ids > 0), width, 0)
    assert np.array_equal(crack_widths(structure, region), expected)
    assert np.any(expected)


def test_a_thin_crack_has_no_holes_in_the_map(balls: Balls, slit: MakeSlit) -> None:
    """A wavy crack of a tenth of a voxel is a sheet in the map that parts the particle; few of its voxels are void."""
    structure = balls((40, 40, 40), (19.6, 20.3, 19.9), 17.0, slits=slit((1, 2, 0.5), 0.1, wave=2.0))
    region = (slice(0, 40),) * 3
    phases, ids = rasterize(structure, region)
    shown = crack_widths(structure, region) > 0
    assert np.count_nonzero(phases == CRACK_PHASE) < 0.2 * np.count_nonzero(shown)
    assert np.all(shown[phases == CRACK_PHASE])
    _, pieces = ndimage.label((ids > 0) & ~shown)
    assert pieces == 2


def test_ids_of_another_region_are_refused(balls: Balls, slit: MakeSlit) -> None:
    """The shapes of ids and region must agree."""
    structure = _at_nanometers(balls, slit((1, 0, 0), 10 * NM))
    with pytest.raises(InputError, match="another region"):
        crack_widths(structure, (slice(0, 2), slice(0, 4), slice(0, 4)), np.zeros((2, 4, 5), np.uint32))
