"""Multi-scale features."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltomo.classifiers.eigenvalues import eigenvalues_2, eigenvalues_3
from voltomo.classifiers.features import Features, FeatureSettings
from voltomo.errors import InputError, ShapeError

SMALL = FeatureSettings(sigmas=(1.0, 2.0), structure=2.0)
VOLUME = FeatureSettings(sigmas=(1.0, 2.0), structure=2.0, dimension=3, edges=(2.0, 1.0, 1.0))


def table(features: Features, grey: np.ndarray) -> dict[str, np.ndarray]:
    """Every feature of a block by its name, as (Z, Y, X)."""
    space = features.prepare(grey.astype(np.float32))
    values = features.rows(space, 0, space.rows)
    return {name: value.reshape(grey.shape[1:]) for name, value in zip(features.names, values, strict=True)}


@given(st.lists(st.floats(-5, 5), min_size=6, max_size=6))
@settings(max_examples=40)
def test_eigenvalues_are_those_of_lapack(entries: list[float]) -> None:
    """The closed forms agree with `numpy.linalg.eigvalsh`."""
    xx, yy, zz, xy, xz, yz = entries
    matrix = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    size = np.abs(matrix).max()
    # the cosine loses half of the digits where two eigenvalues are equal
    assert np.allclose(eigenvalues_3(*entries), np.linalg.eigvalsh(matrix)[::-1], atol=1e-7 * size + 1e-300)
    assert np.allclose(eigenvalues_2(xx, xy, yy), np.linalg.eigvalsh(matrix[:2, :2])[::-1], atol=1e-12 * size + 1e-300)


def test_a_slope_has_its_gradient() -> None:
    """On a slope the gradient is sigma times it, the structure tensor knows one direction, curvature is 0."""
    y, x = np.mgrid[:90, :90].astype(np.float32)
    found = table(Features(SMALL), (0.03 * y + 0.04 * x)[None, None])
    inner = (0, slice(30, 60), slice(30, 60))
    # float32 differences of numbers up to 6
    for sigma in (1, 2):
        assert np.allclose(found[f"0 gradient {sigma}"][inner], 0.05 * sigma, atol=2e-5)
        assert np.allclose(found[f"0 structure 1 {sigma}"][inner], 0.05 * sigma, atol=2e-5)
        assert np.allclose(found[f"0 structure 2 {sigma}"][inner], 0, atol=2e-3)
        assert np.allclose(found[f"0 Hessian 1 {sigma}"][inner], 0, atol=2e-5)


def test_a_valley_has_its_curvatures() -> None:
    """On a saddle the eigenvalues of the Hessian are sigma² times its curvatures, largest first."""
    y, x = np.mgrid[-45:45, -45:45].astype(np.float32) / 45
    found = table(Features(SMALL), (y**2 - 0.5 * x**2)[None, None])
    inner = (0, slice(35, 55), slice(35, 55))
    for sigma in (1, 2):
        unit = (sigma / 45) ** 2
        # second differences of float32 numbers near 1, in units of 1/45²
        assert np.allclose(found[f"0 Hessian 1 {sigma}"][inner] / unit, 2, atol=0.02)
        assert np.allclose(found[f"0 Hessian 2 {sigma}"][inner] / unit, -1, atol=0.02)
        assert np.allclose(found[f"0 Laplacian {sigma}"][inner] / unit, 1, atol=0.02)


def test_lengths_count_and_not_voxels() -> None:
    """In voxels twice as deep as wide, a bowl that is round in space has three equal curvatures."""
    z, y, x = np.mgrid[-24:25, -24:25, -24:25].astype(np.float32)
    bowl = ((2 * z) ** 2 + y**2 + x**2) / 1000
    found = table(Features(VOLUME), bowl[None])
    for number in (1, 2, 3):
        # float32 second differences of numbers near 1
        assert found[f"0 Hessian {number} 2"][24, 24, 24] == pytest.approx(2 * 4 / 1000, rel=0.02)


def test_turning_the_image_turns_the_features() -> None:
    """No direction in the plane is special."""
    grey = np.random.default_rng(3).normal(size=(1, 1, 48, 48))
    straight, turned = table(Features(SMALL), grey), table(Features(SMALL), np.rot90(grey, axes=(2, 3)))
    for name, values in straight.items():
        # sums in another order
        assert np.allclose(turned[name], np.rot90(values, axes=(1, 2)), atol=1e-4), name


@pytest.mark.parametrize("chosen", [SMALL, VOLUME], ids=["2D", "3D"])
def test_a_block_with_its_halo_has_the_features_of_the_whole(chosen: FeatureSettings) -> None:
    """Block by block equals whole, to the bit, and the halo is what is needed."""
    grey = np.random.default_rng(4).normal(size=(2, 18, 60, 70)).astype(np.float32)
    features = Features(chosen, channels=2)
    halo = np.array(features.halo)
    whole = table(features, grey)
    low, high = np.array([6, 20, 25]), np.array([12, 35, 40])
    start, end = np.maximum(low - halo, 0), np.minimum(high + halo, grey.shape[1:])
    part = table(features, grey[(slice(None), *map(slice, start, end))])
    inner = tuple(map(slice, low - start, high - start))
    for name, values in whole.items():
        assert np.array_equal(part[name][inner], values[tuple(map(slice, low, high))]), name


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 5, 1), (2, 1, 7), (3, 2, 2)], ids=str)
@pytest.mark.parametrize("dimension", [2, 3])
def test_images_smaller_than_every_scale_have_features(shape: tuple[int, int, int], dimension: int) -> None:
    """A constant sliver keeps its grey, and has no edges."""
    found = table(Features(FeatureSettings(dimension=dimension)), np.full((1, *shape), 0.25))
    for name, values in found.items():
        # the weights of a kernel add up to 1 within a float32, in up to ten passes
        assert np.allclose(values, 0.25 if "grey" in name else 0, atol=1e-5), name


def test_slices_do_not_see_each_other_in_two_dimensions() -> None:
    """The 2D features of a volume are those of its slices."""
    grey = np.random.default_rng(5).normal(size=(1, 3, 40, 40)).astype(np.float32)
    whole, alone = table(Features(SMALL), grey), table(Features(SMALL), grey[:, 1:2])
    assert all(np.array_equal(values[1:2], alone[name]) for name, values in whole.items())


def test_volumes_are_seen_less_far_by_default() -> None:
    """The reach of the default scales stays small enough for blocks: its cost grows with the cube."""
    reach = {dimension: max(Features(FeatureSettings(dimension=dimension)).halo) for dimension in (2, 3)}
    assert reach[3] < 32 < reach[2]


def test_settings_survive_a_file() -> None:
    """What `to_mapping` gives is read back the same."""
    assert FeatureSettings.from_mapping(VOLUME.to_mapping()) == VOLUME


@pytest.mark.parametrize(
    "wrong", [{"sigmas": (0.0,)}, {"sigmas": (2.0, 1.0)}, {"dimension": 4}, {"edges": (1.0, 0.0, 1.0)}], ids=str
)
def test_senseless_settings_are_refused(wrong: dict[str, object]) -> None:
    """Scales that do not rise, a fourth dimension, a voxel without an edge."""
    with pytest.raises(InputError):
        FeatureSettings(**wrong)


def test_a_file_without_the_settings_is_refused() -> None:
    """The message names what is needed."""
    with pytest.raises(InputError, match="sigmas, structure, dimension and edges"):
        FeatureSettings.from_mapping({"sigmas": [1.0]})


def test_another_number_of_channels_is_refused() -> None:
    """Features for one channel do not take two."""
    with pytest.raises(ShapeError, match="1 channels"):
        Features(SMALL).prepare(np.zeros((2, 1, 8, 8), np.float32))
