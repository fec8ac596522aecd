from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from voltomo.synthesis import Structure
from voltomo.synthesis.families import ACTIVE, ELECTROLYTE
from voltomo.synthesis.fibsem import FibsemScanner, phase_yields
from voltomo.synthesis.fibsem.depths import Depths, View
from voltomo.synthesis.fibsem.face import Face, paint_face
from voltomo.synthesis.fibsem.texture import Texture

BallMaker = Callable[..., Structure]
VOXEL = 50e-9
PLAIN = Texture(0.0, 0.0, 0)
IDEAL = FibsemScanner()


def _face(
    structure: Structure,
    view: View,
    *,
    rows: slice = slice(0, 48),
    columns: slice = slice(0, 64),
    subsamples: int = 4,
    reach: float = 0.0,
    slope: float = 0.0,
    texture: Texture = PLAIN,
) -> Face:
    depths = Depths(structure, reach, slope, attenuation=4 * VOXEL)
    depths.cover(slice(rows.start - 20, rows.stop + 20), slice(columns.start - 20, columns.stop + 20))
    yields = phase_yields(structure, IDEAL)
    return paint_face(
        structure, view, (rows, columns), yields=yields, subsamples=subsamples, depths=depths, texture=texture
    )


@pytest.mark.parametrize("z", [0.0, 3.3, 6.25])
def test_a_cut_ball_is_a_disc(balls: BallMaker, z: float) -> None:
    """Off the middle by z, a ball of radius R shows as a disc of area π(R² − z²)."""
    structure = balls([(0, 24, 32)], [12])
    share = 1 - _face(structure, View(z * VOXEL, 0, 0)).void_share
    # A disc's area on a lattice of half voxels has an error of about its radius to 2/3, in points (of 1/4).
    assert share.sum() == pytest.approx(math.pi * (12**2 - z**2), abs=24 ** (2 / 3) / 4)


@pytest.mark.parametrize(("row", "column"), [(0.0, 0.0), (2.25, -3.6), (-0.13, 0.48)])
def test_a_face_shows_the_specimen_where_the_view_says(balls: BallMaker, row: float, column: float) -> None:
    """The middle of a disc lies at its place in the structure plus the drift, to 0.03 voxel with 4 points each."""
    share = 1 - _face(balls([(0, 24, 32)], [12]), View(0.0, row, column)).void_share
    rows, columns = np.indices(share.shape)
    found = (share * rows).sum() / share.sum(), (share * columns).sum() / share.sum()
    assert found == pytest.approx((24 + row, 32 + column), abs=0.03)


def test_a_part_of_a_face_is_that_of_the_whole(balls: BallMaker) -> None:
    """Regions give the same values bit by bit, with grains and pores in binder, and may stick out of the window."""
    structure = replace(balls([(0, 24, 32), (2, 10, 10)], [12, 8]), grain_size=4 * VOXEL)
    texture = Texture(0.2, 0.5, 5)
    view = View(1.3 * VOXEL, 2.71, -3.14)
    whole = _face(structure, view, texture=texture, rows=slice(-9, 48), reach=6 * VOXEL, slope=0.78)
    part = _face(
        structure, view, texture=texture, rows=slice(-4, 30), columns=slice(7, 33), reach=6 * VOXEL, slope=0.78
    )
    for name in ("yields", "void_share", "phases"):
        assert np.array_equal(getattr(part, name), getattr(whole, name)[5:39, 7:33])


def test_deeper_material_shows_through_pores_along_the_line_of_sight(balls: BallMaker) -> None:
    """A wall of balls 4 voxels behind the face shows with exp(−4/4), shifted up by the slope times the depth.

    Solid on the face hides what is behind it, and without reach pores are black.
    """
    # The near ball's top lies 0.4 behind plane 3, so that plane 4 is the first in it.
    structure = balls([(24.0 - 0.4 + 4, 24, 32)], [24])
    yields = phase_yields(structure, IDEAL)
    face = _face(structure, View(0.0, 0, 0), reach=8 * VOXEL, slope=0.5)
    blind = _face(structure, View(0.0, 0, 0))
    assert np.all(blind.yields == 0)
    expected = yields.mean[ACTIVE] * math.exp(-4 / 4)
    rows, columns = np.nonzero(np.abs(face.yields - expected) < 1e-6)
    assert len(rows) > 10
    # Where the line of sight meets plane 4 within the ball's disc there: centred at row 24 = r + 0.5 · 4.
    assert (rows.mean(), columns.mean()) == pytest.approx((22, 32), abs=0.3)


def test_only_pores_are_transparent(balls: BallMaker) -> None:
    """With and without a view behind the face, solid voxels are equal and pores are not darker."""
    structure = balls([(0, 24, 20), (9, 24, 44)], [10, 8])
    closed = _face(structure, View(0.0, 0, 0))
    open_ = _face(structure, View(0.0, 0, 0), reach=12 * VOXEL, slope=0.78)
    solid = closed.void_share == 0
    assert np.array_equal(open_.yields[solid], closed.yields[solid])
    assert np.all(open_.yields >= closed.yields)
    assert np.any(open_.yields > closed.yields)


def test_grains_are_even_patches_of_a_particle(balls: BallMaker) -> None:
    """Grains change the grey of a particle by at most the contrast, in patches of about the stated size."""
    structure = replace(balls([(0, 24, 32)], [22], background=ELECTROLYTE), grain_size=8 * VOXEL)
    plain = _face(structure, View(0.0, 0, 0), subsamples=1)
    grainy = _face(structure, View(0.0, 0, 0), subsamples=1, texture=Texture(0.2, 0.0, 1))
    ratio = grainy.yields / plain.yields
    matrix = plain.phases == ELECTROLYTE
    assert np.all(ratio[matrix] == 1)
    assert np.abs(ratio[~matrix] - 1).max() <= 0.2 + 1e-6
    # The disc of 1520 voxels holds 24 squares of 8 × 8; a plane through Voronoi cells cuts 1.3 to 2 times as many.
    assert 15 < len(np.unique(ratio[~matrix].round(6))) < 80
    assert ratio[~matrix].mean() == pytest.approx(1, abs=0.08)  # 40 grains of uniform contrast: 0.2/√3/√40 = 0.02


def test_unresolved_pores_vary_around_their_share(balls: BallMaker) -> None:
    """Binder varies by the stated share of its porosity and keeps its mean."""
    from voltomo.synthesis.families import BINDER

    structure = balls([(0, 24, 32)], [1], background=BINDER, family="nmc")
    face = _face(structure, View(0.0, 0, 0), subsamples=1, texture=Texture(0.0, 0.5, 1))
    binder = face.yields[face.phases == BINDER]
    yields = phase_yields(structure, IDEAL)
    lowest, highest = (yields.dense[BINDER] * (1 - 0.47 * (1 + s * 0.5)) for s in (1, -1))
    assert lowest - 1e-6 <= binder.min() < binder.max() <= highest + 1e-6
    # Some 500 independent patches of a standard deviation of a fifth of the mean: 3 % is three standard errors.
    assert binder.mean() == pytest.approx(yields.mean[BINDER], rel=0.03)
    assert binder.std() > 0.05 * binder.mean()
