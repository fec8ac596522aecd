"""The table of cracks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from voltomo.phantoms import SlitBall
from voltomo.synthesis import Networks, Slits, Structure, Voids, crack_table, rasterize
from voltomo.synthesis.families import CRACK_PHASE

Balls = Callable[..., Structure]
MakeSlit = Callable[..., Slits]


@pytest.mark.parametrize("width", [0.3, 4.0])
def test_a_slit_through_a_ball_has_the_exact_area_and_volume(balls: Balls, slit: MakeSlit, width: float) -> None:
    """The area is that of a disc and the volume that of the phantom, within 0.6 % for 48 points across."""
    exact = SlitBall((20.1, 19.8, 20.2), 18, width, (1.0, 2.0, 0.5))
    structure = balls((41, 41, 41), exact.center, exact.radius, slits=slit(exact.normal, width))
    table = crack_table(structure)
    assert table["area"] == pytest.approx([math.pi * 18**2], rel=0.006)
    assert table["volume"] == pytest.approx([exact.slit_volume], rel=0.006)
    assert table["width"].tolist() == [width]
    found = [table[f"normal_{axis}"][0] for axis in "zyx"]
    assert found == pytest.approx(np.array(exact.normal) / np.linalg.norm(exact.normal))
    assert table["type"].tolist() == ["meridional"]
    assert table["instance_id"].tolist() == [1]


def test_the_window_does_not_cut_a_crack(balls: Balls, slit: MakeSlit) -> None:
    """A particle that the window, the collector and the free surface cut has the crack of the whole one."""
    structure = balls((41, 41, 41), (20, 20, 20), 18.0, slits=slit((1, 2, 0.5), 2.0))
    cut = replace(structure, shape=(5, 12, 41), collector=4.0, free_surface=30.0, is_cylinder=True)
    assert crack_table(cut)["area"] == pytest.approx(crack_table(structure)["area"], rel=1e-12)


def test_a_core_void_has_its_volume_and_its_wall(balls: Balls) -> None:
    """A ball at the core has the volume 4/3·πr³ and the wall 4πr², within 3 % for 19 points across it."""
    yes = np.ones(1, bool)
    voids = Voids(np.zeros(1, np.int64), np.array([[20.0, 20.5, 19.5]]), np.array([6.0]), np.zeros(1), yes, ~yes)
    table = crack_table(balls((41, 41, 41), (20, 20, 20), 18.0, voids=voids))
    assert table["type"].tolist() == ["core"]
    assert table["width"].tolist() == [12.0]
    assert table["is_open"].tolist() == [False]
    assert table["volume"] == pytest.approx([4 / 3 * math.pi * 6**3], rel=0.03)
    assert table["area"] == pytest.approx([4 * math.pi * 6**2], rel=0.03)


def test_the_volume_of_a_network_is_that_of_its_voxels(balls: Balls) -> None:
    """Counted on the table's grid and on the voxels, within 2 %; a network has no normal."""
    one = np.ones(1)
    networks = Networks(
        *(np.zeros(1, np.int64), np.ones(1, bool), np.eye(3)[:1]),
        *(2 * one, 0.9 * one, np.inf * one, 2 * one, 0 * one, 2.5 * one),
    )
    structure = balls((61, 61, 61), (30, 30, 30), 28.0, grain_size=11.0, networks=networks)
    phases, _ = rasterize(structure, (slice(0, 61),) * 3)
    table = crack_table(structure)
    assert table["volume"] == pytest.approx([np.count_nonzero(phases == CRACK_PHASE)], rel=0.02)
    assert np.isnan(table["normal_z"]).all()
    assert table["type"].tolist() == ["intergranular"]


def test_a_table_can_be_of_some_particles_only(balls: Balls, slit: MakeSlit) -> None:
    """Asked for particle 2 of two cracked ones, it has the rows of that one."""
    slits = [slit((1, 0, 0), 2.0), slit((0, 1, 0), 3.0, particle=1)]
    both = Slits(*(np.concatenate([getattr(one, name) for one in slits]) for name in vars(slits[0])))
    structure = balls((30, 30, 60), [(15, 15, 15), (15, 15, 44)], [12, 12], slits=both)
    assert crack_table(structure)["instance_id"].tolist() == [1, 2]
    table = crack_table(structure, instance_ids=np.array([2, 7]))
    assert table["instance_id"].tolist() == [2]
    assert table["width"].tolist() == [3.0]


def test_a_table_without_cracks_is_empty(balls: Balls) -> None:
    """All columns are there, with no rows."""
    table = crack_table(balls((9, 9, 9), (4, 4, 4), 3.0))
    assert {"instance_id", "type", "width", "normal_x", "is_open", "area", "volume"} <= set(table)
    assert all(len(column) == 0 for column in table.values())
