from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltomo.blocks import BlockPlan, Region
from voltomo.phantoms import Ball, Ellipsoid, rasterize
from voltomo.stages.synth import SynthConfig
from voltomo.synthesis import FAMILIES, Layers, Structure, make_structure
from voltomo.synthesis.families import ACTIVE, BINDER, COLLECTOR, PORE
from voltomo.synthesis.filling import _as_layers
from voltomo.synthesis.raster import find_owners
from voltomo.synthesis.raster import rasterize as paint
from voltomo.synthesis.rules import Rule
from voltomo.synthesis.structure import FIBER, NETWORK, SHEET

SETTINGS = {"shape": (24, 48, 56), "voxel_size": "200,100,100 nm", "d50": "1.6 um", "cracked": 0.3}


def _window(shape: tuple[int, int, int]) -> Region:
    z, y, x = shape
    return slice(0, z), slice(0, y), slice(0, x)


def _made(**changes: object) -> Structure:
    config = SynthConfig.model_validate(SETTINGS | changes)
    return make_structure(config.request(), np.random.default_rng(1))


def _layers(*rules: Rule, thresholds: tuple[float, ...]) -> Layers:
    return replace(_as_layers(rules), threshold=np.array(thresholds))


def test_a_smooth_particle_is_the_exact_shape(balls: Callable[..., Structure]) -> None:
    """Ball and ellipsoid have the voxels of the phantom of the same name, ids from 1, pore around."""
    structure = balls((30, 30, 60), [(14, 15, 14.5), (15, 15, 43)], [9, 9])
    axes = np.array([(9.0, 9.0, 9.0), (12.0, 9.0, 6.0)])
    structure = replace(structure, particles=replace(structure.particles, semi_axes=axes))
    phases, ids = paint(structure, _window(structure.shape))
    ball = rasterize(Ball((14, 15, 14.5), 9), structure.shape) > 0
    ellipsoid = rasterize(Ellipsoid((15, 15, 43), (12, 9, 6)), structure.shape) > 0
    assert np.array_equal(ids, np.where(ball, 1, np.where(ellipsoid, 2, 0)))
    assert np.array_equal(phases, np.where(ball | ellipsoid, ACTIVE, PORE))


def test_overlapping_particles_meet_in_the_plane_of_their_intersection(balls: Callable[..., Structure]) -> None:
    """Two equal balls share their overlap halfway between the centers."""
    _, ids = paint(structure := balls((21, 21, 40), [(10, 10, 12), (10, 10, 25)], [8, 8]), _window(structure.shape))
    assert np.all(ids[:, :, :19] != 2)
    assert np.all(ids[:, :, 19:] != 1)


def test_a_bridge_sits_in_the_neck_between_particles(balls: Callable[..., Structure]) -> None:
    """With no random part it fills the points where the distances to two particles add up to the threshold."""
    neck = _layers(Rule(BINDER, first=1, second=1), thresholds=(5.0,))
    structure = balls((31, 31, 60), [(15, 15, 15), (15, 15, 40)], [11, 11], reach=8.0, layers=neck)
    phases, _ = paint(structure, _window(structure.shape))
    z, y, x = np.ogrid[:31, :31, :60]
    gaps = [np.sqrt((z - 15) ** 2 + (y - 15) ** 2 + (x - c) ** 2) - 11 for c in (15, 40)]
    expected = (np.minimum(gaps[0], 8) + np.minimum(gaps[1], 8) < 5) & (gaps[0] >= 0) & (gaps[1] >= 0)
    assert np.array_equal(phases == BINDER, expected)
    assert expected.any()


def test_a_film_covers_particles_to_a_thickness(balls: Callable[..., Structure]) -> None:
    """Where only the nearest surface counts, the threshold is the thickness of an even coat."""
    coat = _layers(Rule(BINDER, first=1), thresholds=(3.0,))
    structure = balls((41, 41, 41), [(20, 20, 20)], [11], reach=8.0, layers=coat)
    phases, _ = paint(structure, _window(structure.shape))
    both = rasterize(Ball((20, 20, 20), 14), structure.shape) > 0
    assert np.array_equal(phases != PORE, both)


def test_the_first_rule_that_is_met_decides(balls: Callable[..., Structure]) -> None:
    """Of two coats, the one that comes first takes the inner shell, the second what is left of its own."""
    coats = _layers(Rule(BINDER, first=1), Rule(7, first=1), thresholds=(2.0, 5.0))
    structure = balls((41, 41, 41), [(20, 20, 20)], [11], reach=8.0, layers=coats)
    phases, _ = paint(structure, _window(structure.shape))
    inner, outer = (rasterize(Ball((20, 20, 20), r), structure.shape) > 0 for r in (13, 16))
    assert np.array_equal(np.isin(phases, (ACTIVE, BINDER)), inner)
    assert np.array_equal(phases != PORE, outer)


def test_sheets_are_thin_and_fibers_thinner(balls: Callable[..., Structure]) -> None:
    """At the same small threshold t a network holds about half of space, a sheet 2·t·φ(0), fibers t²/2.

    φ(0) = 0.399 is the density of a normal distribution; the fields are sums of three and nearly normal.
    """
    share = {}
    for form in (NETWORK, SHEET, FIBER):
        rule = _layers(Rule(BINDER, field=1.0, form=form, field_length=(3.0, 3.0, 3.0)), thresholds=(0.3,))
        structure = balls((64, 64, 64), np.empty((0, 3)), [], layers=rule)
        share[form] = np.mean(paint(structure, _window(structure.shape))[0] == BINDER)
    assert share[NETWORK] == pytest.approx(0.5 + 0.3 * 0.399, rel=0.15)
    assert share[SHEET] == pytest.approx(0.3 * 2 * 0.399, rel=0.15)
    assert share[FIBER] == pytest.approx(0.045, rel=0.25)


def test_collector_and_free_surface_bound_the_rules(balls: Callable[..., Structure]) -> None:
    """Below the collector's surface is collector; above the free surface particles stick out, rules do not."""
    everywhere = _layers(Rule(BINDER, first=1), thresholds=(np.inf,))
    structure = balls((40, 20, 20), [(29, 10, 10)], [6], layers=everywhere, collector=4.5, free_surface=30.5)
    phases, ids = paint(structure, _window(structure.shape))
    assert np.all(phases[:5] == COLLECTOR)
    assert np.all(ids[:5] == 0)
    assert set(np.unique(phases[5:31])) == {ACTIVE, BINDER}
    assert set(np.unique(phases[31:])) == {PORE, ACTIVE}
    assert structure.electrode_rows() == slice(5, 31)


@settings(max_examples=8, deadline=None)
@given(data=st.data(), family=st.sampled_from(sorted(FAMILIES)))
def test_every_region_is_a_piece_of_the_whole(data: st.DataObject, family: str) -> None:
    """A region drawn at random, of any family, has the voxels of the whole bit by bit."""
    config = SynthConfig(family=family, shape=(20, 28, 30), calendering=0.5)
    structure = make_structure(config.request(), np.random.default_rng(2))
    phases, ids = paint(structure, _window(structure.shape))
    region = tuple(
        slice(*sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n)).filter(lambda p: p[0] != p[1]))))
        for n in structure.shape
    )
    cut_phases, cut_ids = paint(structure, region)
    assert np.array_equal(cut_phases, phases[region])
    assert np.array_equal(cut_ids, ids[region])


@pytest.mark.parametrize("block", [(7, 11, 13), (1, 48, 5)])
def test_every_cutting_gives_the_same_voxels(block: tuple[int, int, int]) -> None:
    """Regions put together are the whole, with anisotropic voxels and everything random switched on."""
    structure = _made()
    phases, ids = paint(structure, _window(structure.shape))
    for piece in BlockPlan(structure.shape, block):
        cut_phases, cut_ids = paint(structure, piece.write)
        assert np.array_equal(cut_phases, phases[piece.write])
        assert np.array_equal(cut_ids, ids[piece.write])
        assert np.array_equal(find_owners(structure, piece.write), ids[piece.write])


def test_a_cylinder_leaves_its_outside_empty() -> None:
    """Outside the inscribed cylinder phases and ids are 0; inside nothing changes."""
    structure = _made()
    phases, ids = paint(structure, _window(structure.shape))
    cut_phases, cut_ids = paint(replace(structure, is_cylinder=True), _window(structure.shape))
    y, x = np.ogrid[:48, :56]
    inside = np.broadcast_to(np.hypot(y - 23.5, x - 27.5) <= 24, phases.shape)
    assert np.array_equal(cut_phases, np.where(inside, phases, 0))
    assert np.array_equal(cut_ids, np.where(inside, ids, 0))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_finer_grid_shows_the_same_thing(family: str) -> None:
    """Each voxel's phase is that of most of the 27 finer voxels in it where these agree, and fractions hardly move.

    The middle one of the 27 has the very center of the coarse voxel. Fractions differ by what sampling at fewer places
    leaves to chance: 0.01 for features of ten voxels in 40³.
    """
    config = SynthConfig(family=family, shape=40, cracked=0.0, hollow=0.0)
    structure = make_structure(config.request(), np.random.default_rng(0))
    coarse, coarse_ids = paint(structure, _window(structure.shape))
    finer = structure.refined(3)
    fine, fine_ids = paint(finer, _window(finer.shape))
    assert np.array_equal(fine[1::3, 1::3, 1::3], coarse)
    assert np.array_equal(fine_ids[1::3, 1::3, 1::3], coarse_ids)
    cells = fine.reshape(40, 3, 40, 3, 40, 3).transpose(0, 2, 4, 1, 3, 5).reshape(40, 40, 40, 27)
    is_uniform = np.all(cells == cells[..., :1], axis=-1)
    assert np.array_equal(cells[is_uniform][:, 0], coarse[is_uniform])
    for phase in structure.phases:
        assert np.mean(fine == phase.id) == pytest.approx(np.mean(coarse == phase.id), abs=0.01)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_structure_survives_being_stored(family: str) -> None:
    """Named arrays and back give the same shapes, so the same voxels."""
    structure = make_structure(SynthConfig(family=family, shape=24).request(), np.random.default_rng(0))
    again = Structure.from_arrays(structure.to_arrays())
    assert (again.family, again.shape, again.voxel_size) == (structure.family, structure.shape, structure.voxel_size)
    for name, array in structure.to_arrays().items():
        assert np.array_equal(again.to_arrays()[name], array), name
    region = _window(structure.shape)
    for one, other in zip(paint(structure, region), paint(again, region), strict=True):
        assert np.array_equal(one, other)
