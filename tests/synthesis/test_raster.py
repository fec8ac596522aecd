from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from voltomo.blocks import BlockPlan
from voltomo.phantoms import Ball, Ellipsoid, SlitBall, rasterize
from voltomo.synthesis import (
    ACTIVE,
    BINDER,
    CRACK_PHASE,
    PORE,
    Electrode,
    ElectrodeRequest,
    Slits,
    Voids,
    make_electrode,
)
from voltomo.synthesis.raster import find_owners
from voltomo.synthesis.raster import rasterize as paint

VOXEL = (2e-7, 1e-7, 1e-7)
REQUEST = ElectrodeRequest(
    shape=(24, 48, 56),
    voxel_size=VOXEL,
    active=0.5,
    binder=0.15,
    d50=1.6e-6,
    spread=1.4,
    elongation=1.4,
    roughness=0.1,
    cracked=0.3,
    crack_width=3e-7,
    hollow=0.2,
    void_diameter=4e-7,
)


def _everything(shape: tuple[int, int, int]) -> tuple[slice, slice, slice]:
    z, y, x = shape
    return slice(0, z), slice(0, y), slice(0, x)


def _electrode(shape: tuple[int, int, int], centers: object, semi_axes: object, **fields: object) -> Electrode:
    """Smooth particles along the axes of the grid, without binder; voxels of edge 1."""
    places = np.asarray(centers, float)
    none, nowhere = np.empty(0, np.int64), np.empty((0, 3))
    plain = Electrode(
        shape=shape,
        voxel_size=(1.0, 1.0, 1.0),
        centers=places,
        semi_axes=np.asarray(semi_axes, float),
        rotations=np.tile(np.eye(3), (len(places), 1, 1)),
        roughness=0.0,
        slits=Slits(none, nowhere, nowhere, np.empty(0), np.empty(0), np.empty(0)),
        voids=Voids(none, nowhere, np.empty(0)),
        crack_width=1.0,
        binder_reach=4.0,
        binder_roughness=0.0,
        binder_threshold=-1.0,
        texture_length=3.0,
        seed=5,
    )
    return replace(plain, **fields)  # type: ignore[arg-type]


def test_a_smooth_particle_is_the_exact_shape() -> None:
    """Ball and ellipsoid have the voxels of the phantom of the same name, ids from 1, pore around."""
    electrode = _electrode((30, 30, 60), [(14, 15, 14.5), (15, 15, 43)], [(9, 9, 9), (12, 9, 6)])
    phases, ids = paint(electrode, _everything(electrode.shape))
    ball = rasterize(Ball((14, 15, 14.5), 9), electrode.shape) > 0
    ellipsoid = rasterize(Ellipsoid((15, 15, 43), (12, 9, 6)), electrode.shape) > 0
    assert np.array_equal(ids, np.where(ball, 1, np.where(ellipsoid, 2, 0)))
    assert np.array_equal(phases, np.where(ball | ellipsoid, ACTIVE, PORE))


def test_a_slit_has_its_known_volume() -> None:
    """A flat slit through the whole of a ball has the voxels and the volume of the phantom's; the envelope stays whole.

    Across (2, 4, 1) the planes of voxel centers are 0.22 apart; the slit holds 14 of them, one more or less is 7 %.
    """
    normal = np.array([1.0, 2.0, 0.5]) / math.sqrt(5.25)
    direction = np.array([2.0, -1.0, 0.0]) / math.sqrt(5)
    slit = Slits(np.array([0]), normal[None], direction[None], np.array([-np.inf]), np.array([1.5]), np.array([0.0]))
    electrode = _electrode((41, 41, 41), [(20.1, 19.8, 20.2)], [(18, 18, 18)], slits=slit, crack_width=3.0)
    phases, ids = paint(electrode, _everything(electrode.shape))
    exact = SlitBall((20.1, 19.8, 20.2), 18, 3.0, (1.0, 2.0, 0.5))
    assert np.array_equal(phases == ACTIVE, rasterize(exact, electrode.shape) > 0)
    assert np.count_nonzero(phases == CRACK_PHASE) == pytest.approx(exact.slit_volume, rel=0.07)
    assert np.array_equal(ids > 0, rasterize(exact.envelope, electrode.shape) > 0)


def test_waves_leave_the_volume_of_a_slit() -> None:
    """A wavy slit is a sheared flat one: its volume is the same within the little it gains or loses at the rim."""
    flat = Slits(
        np.array([0]),
        np.array([[1.0, 0, 0]]),
        np.array([[0, 1.0, 0]]),
        np.array([-np.inf]),
        np.array([0.8]),
        np.zeros(1),
    )
    electrode = _electrode(
        (61, 61, 61), [(30.3, 30, 30)], [(28, 28, 28)], slits=flat, crack_width=3.0, texture_length=8.0
    )
    wavy = replace(electrode, slits=replace(flat, wave=np.array([4.0])))
    volumes = [np.count_nonzero(paint(e, _everything(e.shape))[0] == CRACK_PHASE) for e in (electrode, wavy)]
    assert volumes[1] == pytest.approx(volumes[0], rel=0.03)
    assert not np.array_equal(*(paint(e, _everything(e.shape))[0] for e in (electrode, wavy)))


def test_a_closed_void_is_a_ball_in_its_particle() -> None:
    """The void carries the crack phase and the particle's id."""
    voids = Voids(np.array([0]), np.array([[14.0, 15.0, 17.0]]), np.array([3.0]))
    electrode = _electrode((30, 30, 30), [(14, 14, 14)], [(12, 12, 12)], voids=voids)
    phases, ids = paint(electrode, _everything(electrode.shape))
    assert np.array_equal(phases == CRACK_PHASE, rasterize(Ball((14, 15, 17), 3), electrode.shape) > 0)
    assert np.all(ids[phases == CRACK_PHASE] == 1)


def test_overlapping_particles_meet_in_the_plane_of_their_intersection() -> None:
    """Two equal balls share their overlap halfway between the centers."""
    electrode = _electrode((21, 21, 40), [(10, 10, 12), (10, 10, 25)], [(8, 8, 8), (8, 8, 8)])
    _, ids = paint(electrode, _everything(electrode.shape))
    assert np.all(ids[:, :, :19] != 2)
    assert np.all(ids[:, :, 19:] != 1)


def test_binder_sits_first_in_the_neck_between_particles() -> None:
    """With no random part the binder fills the points where the distances to two particles add up to the threshold."""
    electrode = _electrode(
        (31, 31, 60), [(15, 15, 15), (15, 15, 40)], [(11, 11, 11), (11, 11, 11)], binder_reach=8.0, binder_threshold=5.0
    )
    phases, _ = paint(electrode, _everything(electrode.shape))
    z, y, x = np.ogrid[:31, :31, :60]
    gaps = [np.sqrt((z - 15) ** 2 + (y - 15) ** 2 + (x - c) ** 2) - 11 for c in (15, 40)]
    expected = (np.minimum(gaps[0], 8) + np.minimum(gaps[1], 8) < 5) & (gaps[0] >= 0) & (gaps[1] >= 0)
    assert np.array_equal(phases == BINDER, expected)
    assert expected.any()


@pytest.mark.parametrize("block", [(24, 48, 56), (7, 11, 13), (1, 48, 5)])
def test_every_cutting_gives_the_same_voxels(block: tuple[int, int, int]) -> None:
    """Regions put together are the whole, with anisotropic voxels and everything random switched on."""
    electrode = make_electrode(REQUEST, np.random.default_rng(1))
    phases, ids = paint(electrode, _everything(electrode.shape))
    for piece in BlockPlan(electrode.shape, block):
        cut_phases, cut_ids = paint(electrode, piece.write)
        assert np.array_equal(cut_phases, phases[piece.write])
        assert np.array_equal(cut_ids, ids[piece.write])
        assert np.array_equal(find_owners(electrode, piece.write), ids[piece.write])


def test_a_cylinder_leaves_its_outside_empty() -> None:
    """Outside the inscribed cylinder phases and ids are 0; inside nothing changes."""
    electrode = make_electrode(REQUEST, np.random.default_rng(1))
    phases, ids = paint(electrode, _everything(electrode.shape))
    cut_phases, cut_ids = paint(replace(electrode, is_cylinder=True), _everything(electrode.shape))
    y, x = np.ogrid[:48, :56]
    inside = np.broadcast_to(np.hypot(y - 23.5, x - 27.5) <= 24, phases.shape)
    assert np.array_equal(cut_phases, np.where(inside, phases, 0))
    assert np.array_equal(cut_ids, np.where(inside, ids, 0))


def test_an_electrode_survives_being_stored() -> None:
    """Named arrays and back give the same shapes, so the same voxels."""
    electrode = make_electrode(REQUEST, np.random.default_rng(1))
    again = Electrode.from_arrays(electrode.to_arrays())
    assert (again.shape, again.voxel_size, again.seed) == (electrode.shape, electrode.voxel_size, electrode.seed)
    region = _everything(electrode.shape)
    for one, other in zip(paint(electrode, region), paint(again, region), strict=True):
        assert np.array_equal(one, other)
