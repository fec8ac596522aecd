from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from voltomo.blocks import BlockPlan
from voltomo.metrics.fractions import count_window
from voltomo.metrics.representativity import Scatter, piece_bounds, piece_counts, scatter_of_fraction


def scatter(labels: np.ndarray) -> Scatter | None:
    """Of phase 2 of a map of phases 1 and 2."""
    _, pieces = count_window(labels, phase_ids=(1, 2), shape=labels.shape)
    return scatter_of_fraction(pieces[..., 1], pieces.sum(axis=-1))


def test_independent_voxels_have_the_binomial_spread() -> None:
    """Where every voxel is drawn by itself, the standard uncertainty is √(ε(1 - ε)/N), up to the scatter of 8 parts."""
    rng = np.random.default_rng(0)
    found = [scatter((rng.random((30, 30, 30)) < 0.3).astype(np.uint8) + np.uint8(1)) for _ in range(40)]
    spread = np.sqrt(np.mean([f.part.standard_uncertainty**2 for f in found]))
    # The larger of two estimates of 7 and 26 degrees of freedom is 10 to 20 % above the truth.
    assert spread / np.sqrt(0.3 * 0.7 / 27000) == pytest.approx(1.15, abs=0.12)


@pytest.mark.parametrize(("radius", "shape"), [(6.0, (48, 48, 48)), (8.0, (64, 64, 64)), (9.0, (1, 128, 128))])
def test_intervals_hold_the_true_fraction(
    boolean_model: Callable[..., np.ndarray], radius: float, shape: tuple
) -> None:
    """On overlapping balls the 95 % interval holds the known solid fraction in at least 90 of 100 windows.

    A window of 2.7 ball diameters is small for anyone's standards; the binomial spread of the count is 2.
    """
    density = 0.8 / (4 / 3 * np.pi * radius**3)
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(100):
        edge = shape[-1]
        labels = boolean_discs(radius, edge, rng) if shape[0] == 1 else boolean_model(density, radius, edge, rng)
        value = float(np.mean(labels == 2))
        found = scatter(labels)
        assert found is not None
        low, high = found.interval(value)
        hits += low <= 1 - np.exp(-0.8) <= high
    assert hits >= 90


def boolean_discs(radius: float, edge: int, rng: np.random.Generator) -> np.ndarray:
    """Overlapping discs with the covered share 1 - exp(-0.8), as a section."""
    wide = edge + 2 * radius
    labels = np.ones((1, edge, edge), np.uint8)
    y, x = np.ogrid[:edge, :edge]
    for cy, cx in rng.random((rng.poisson(0.8 / (np.pi * radius**2) * wide**2), 2)) * wide - radius:
        labels[0][(y - cy) ** 2 + (x - cx) ** 2 <= radius**2] = 2
    return labels


def test_one_phase_is_not_certain() -> None:
    """Where nothing scatters, the part is missing and not zero."""
    assert scatter(np.full((20, 20, 20), 2, np.uint8)) is None


def test_a_mask_leaves_parts_of_unequal_size() -> None:
    """Parts count by the voxels they hold: a uniform half filling has no scatter left, whatever the mask."""
    labels = np.tile(np.array([1, 2], np.uint8), (24, 24, 12))
    labels[:, :8, :8] = 0
    found = scatter(labels)
    assert found is None or found.part.standard_uncertainty < 1e-12


def test_intervals_stay_fractions() -> None:
    """No interval leaves 0 to 1."""
    labels = np.ones((24, 24, 24), np.uint8)
    labels[0, 0, :3] = 2
    found = scatter(labels)
    assert found is not None
    assert found.interval(3 / 24**3)[0] == 0.0


def test_pieces_of_blocks_add_up() -> None:
    """Counted block by block, slices and pieces are those of the whole."""
    labels = np.random.default_rng(2).integers(0, 3, (13, 14, 15), np.uint8)
    whole, pieces = count_window(labels, phase_ids=(1, 2), shape=(13, 14, 15))
    total, summed = np.zeros_like(whole.x), np.zeros_like(pieces)
    for block in BlockPlan((13, 14, 15), (5, 4, 9)):
        part = count_window(labels[block.read], phase_ids=(1, 2), shape=(13, 14, 15), origin=block.origin)
        total, summed = total + part[0].x, summed + part[1]
    np.testing.assert_array_equal(total, whole.x)
    np.testing.assert_array_equal(summed, pieces)
    assert summed.sum() == np.count_nonzero(labels)


@pytest.mark.parametrize("length", [1, 5, 6, 7, 100])
def test_pieces_cover_an_axis(length: int) -> None:
    """Pieces are disjoint, cover the axis, and differ by one voxel at most."""
    sizes = np.diff(piece_bounds(length, 6))
    assert sizes.sum() == length
    assert sizes.max() - sizes.min() <= 1
    assert piece_counts((1, length, length)) == (1, 12, 12)
