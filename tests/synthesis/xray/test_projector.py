from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from voltomo.phantoms import Ball, Ellipsoid, rasterize
from voltomo.synthesis.xray.projector import LANES, project_slab

ANGLES = np.array([0.0, 0.4, np.pi / 4, np.pi / 2, 2.0, np.pi, 4.5])
Floats = np.ndarray


def _project(solid: np.ndarray, offsets: Floats, *, radius: float | None = None) -> Floats:
    """(A, Z, U) path lengths through a (Z, Y, X) mask, in voxels."""
    slab = np.zeros((*solid.shape[1:], LANES), np.uint8)
    slab[..., : len(solid)] = 2 * solid.transpose(1, 2, 0)
    out = np.zeros((len(ANGLES), 1, len(solid), len(offsets)), np.float32)
    project_slab(
        slab,
        ids=np.array([2], np.uint8),
        weights=np.ones((1, 1), np.float32),
        directions=ANGLES,
        offsets=np.broadcast_to(offsets, (len(ANGLES), len(offsets))),
        radius=radius,
        out=out,
        rows=slice(0, len(solid)),
    )
    return out[:, 0]


def _chords(shape: Ball | Ellipsoid, size: int, rows: int, offsets: Floats) -> Floats:
    """The same from the formula; rays run along (y, x) = (cos θ, −sin θ)."""
    middle = 0.5 * (size - 1)
    found = []
    for angle in ANGLES:
        y, x = middle + offsets * np.sin(angle), middle + offsets * np.cos(angle)
        z = np.arange(rows, dtype=float)[:, None]
        found.append(shape.chord(z, y, x, direction=(0.0, float(np.cos(angle)), float(-np.sin(angle)))))
    return np.array(found)


def test_a_square_is_crossed_exactly() -> None:
    """Through a filled square the ray's length is the distance between its two crossings (float32: 1e-5)."""
    size, offsets = 20, np.linspace(-9.7, 9.7, 41)
    found = _project(np.ones((1, size, size), bool), offsets)[:, 0]
    half = size / 2
    for angle, row in zip(ANGLES, found, strict=True):
        sine, cosine = np.sin(angle), np.cos(angle)
        with np.errstate(divide="ignore"):
            one = (np.array([-half, half])[:, None] - offsets * sine) / cosine
            two = (np.array([-half, half])[:, None] - offsets * cosine) / -sine
        low = np.maximum(one.min(axis=0), two.min(axis=0))
        high = np.minimum(one.max(axis=0), two.max(axis=0))
        assert row == pytest.approx(np.maximum(high - low, 0), abs=2e-4)


@pytest.mark.parametrize("kind", ["ball", "ellipsoid"])
def test_chords_of_shapes_are_found(kind: str) -> None:
    """Rays through a rasterized shape off the axis are its chords: to 0.4 voxels in the mean, 3 for 99 % of the rays.

    A ray meets the staircase of the surface twice, up to a voxel from the surface, and grazes it longer near the rim;
    the mean over rays has no bias, so the projected volume is right to 0.5 %.
    """
    size, offsets = 64, np.arange(64) - 31.3
    tilt = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    shape = (
        Ball((30.2, 36.0, 27.0), 18.0)
        if kind == "ball"
        else Ellipsoid((30.2, 34.0, 28.0), (24.0, 16.0, 12.0), tuple(map(tuple, tilt)))
    )
    solid = rasterize(shape, (LANES, size, size)) > 0
    found, expected = _project(solid, offsets), _chords(shape, size, LANES, offsets)
    assert np.percentile(np.abs(found - expected)[expected > 0], 99) < 3
    assert np.abs(found - expected).mean() < 0.4
    assert found.sum(axis=(1, 2)) == pytest.approx(np.full(len(ANGLES), shape.volume), rel=0.005)


def test_halving_the_voxels_halves_the_error() -> None:
    """The error against the chords falls in proportion to the voxel (factor 2 ± 0.5)."""
    errors = []
    for factor in (1, 2):
        size = 32 * factor
        middle = 0.5 * (size - 1)
        ball = Ball((middle + 0.1, middle, middle), 12.0 * factor)
        offsets = (np.linspace(-11, 11, 45) + 0.03) * factor
        solid = rasterize(ball, (size, size, size)) > 0
        difference = _project(solid, offsets) - _chords(ball, size, size, offsets)
        errors.append(np.abs(difference).mean() / factor)
    assert errors[0] / errors[1] == pytest.approx(2, abs=0.5)


def test_leaving_out_the_air_around_a_cylinder_changes_nothing() -> None:
    """Rays cut at the cylinder's radius give the same sums, to the last bit but one step's rounding (1e-5)."""
    size, offsets = 40, np.arange(44) - 21.6
    y, x = np.mgrid[:size, :size] - 0.5 * (size - 1)
    solid = np.broadcast_to(np.hypot(y, x) <= size / 2, (3, size, size))
    assert _project(solid, offsets, radius=size / 2) == pytest.approx(_project(solid, offsets), abs=1e-4)


def test_each_material_has_its_weight() -> None:
    """Two materials in one slab add up by their weights, in each of several sums."""
    slab = np.zeros((4, 6, LANES), np.uint8)
    slab[:, :2], slab[:, 2:5] = 3, 7
    out = np.zeros((1, 2, 5, 1), np.float32)
    project_slab(
        slab,
        ids=np.array([3, 7], np.uint8),
        weights=np.array([[1, 10], [0.5, 0]], np.float32),
        directions=np.array([np.pi / 2]),
        offsets=np.array([[0.2]]),
        out=out,
        rows=slice(0, 5),
    )
    assert out[0, :, :, 0] == pytest.approx(np.array([[32.0], [1.0]]) * np.ones(5))


@settings(max_examples=15)
@given(st.floats(0.0, 6.3), st.floats(-14.0, 14.0), st.integers(0, 2**32 - 1))
def test_a_ray_and_its_reverse_agree(angle: float, offset: float, seed: int) -> None:
    """Seen from behind, a ray at the opposite offset crosses the same voxels: equal to 1e-4 voxels for any sample."""
    slab = np.random.default_rng(seed).integers(0, 3, (18, 20, LANES)).astype(np.uint8)
    out = np.zeros((2, 1, LANES, 1), np.float32)
    project_slab(
        slab,
        ids=np.array([1, 2], np.uint8),
        weights=np.array([[1.0, 0.5]], np.float32),
        directions=np.array([angle, angle + np.pi]),
        offsets=np.array([[offset], [-offset]]),
        out=out,
        rows=slice(0, LANES),
    )
    # Along the rows of voxels a ray on their border may fall to either side.
    assume(min(abs(np.sin(2 * angle)), 1) > 1e-3)
    assert out[0] == pytest.approx(out[1], abs=1e-4)
