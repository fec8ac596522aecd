from __future__ import annotations

import numpy as np
import pytest

from voltomo.artifacts import PhaseTable
from voltomo.metrics.fractions import count_slices
from voltomo.metrics.sample import Sample
from voltomo.metrics.window import Window, find_window


def seen(mask: np.ndarray, edges: tuple[float, float, float] | None = None) -> Window | None:
    """The window that a field of view is."""
    labels = mask.astype(np.uint8)
    sample = Sample(PhaseTable.two_class(), labels.shape, int(mask.sum()), edges)
    return find_window(count_slices(labels, phase_ids=(1, 2)), sample)


def disc(shape: tuple[int, int], radius: float, edges: tuple[float, float] = (1.0, 1.0)) -> np.ndarray:
    """A disc in the middle."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    middle = [(n - 1) / 2 for n in shape]
    return ((y - middle[0]) * edges[0]) ** 2 + ((x - middle[1]) * edges[1]) ** 2 <= radius**2


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("edges", [(1.0, 1.0), (1.0, 2.0)])
def test_an_upright_cylinder_is_found(axis: int, edges: tuple[float, float]) -> None:
    """A round field of view is found along each axis, with its radius to a percent, on oblong voxels too."""
    mask = np.moveaxis(
        np.broadcast_to(
            disc((81, 81 if edges[1] == 1 else 41), 40, edges), (9, 81, 81 // int(edges[1]) + (edges[1] > 1))
        ),
        0,
        axis,
    )
    along = list(edges)
    along.insert(axis, 3.0)
    window = seen(mask, tuple(along))
    assert window is not None
    assert window.cylinder is not None
    assert window.cylinder.axis == axis
    assert window.cylinder.radius == pytest.approx(40, rel=0.01)


def test_other_masks_are_no_window() -> None:
    """A corner cut off, a cone, and half a disc are neither box nor cylinder."""
    corner = np.ones((9, 60, 60), bool)
    corner[:, :20, :20] = False
    cone = np.stack([disc((60, 60), 20 + i) for i in range(9)])
    half = np.broadcast_to(disc((60, 60), 28), (9, 60, 60)).copy()
    half[:, :, :30] = False
    assert [seen(mask) for mask in (corner, cone, half)] == [None, None, None]
    box = seen(np.ones((3, 4, 5), bool))
    assert box is not None
    assert box.cylinder is None


@pytest.mark.parametrize("ends", [frozenset(), frozenset({"z low"}), frozenset({"z low", "z high"})])
def test_weights_by_counting_places(ends: frozenset) -> None:
    """A weight is all places of the window over the places at which the box touches no face that cuts."""
    window = Window((9, 8, 7), ends=ends)
    box = np.array([[3, 2, 2]])
    low = np.stack(np.meshgrid(*(np.arange(n - b + 1) for n, b in zip((9, 8, 7), box[0], strict=True))), -1).reshape(
        -1, 3
    )
    held = int(window.holds(low, low + box).sum())
    places = 9 * 8 * 7
    if len(ends) == 2:
        # Along z nothing is cut, whatever the size: as many places as the box has.
        held, places = held // 7, 8 * 7
    assert window.weights(box)[0] == pytest.approx(places / held)


def test_the_eroded_cylinder_by_counting_places() -> None:
    """In a cylinder the places at which a box lies inside are those of the eroded disc, to 2 % at 40 voxels."""
    window = seen(np.broadcast_to(disc((81, 81), 40), (30, 81, 81)))
    assert window is not None
    for box in ([[5, 10, 10]], [[10, 6, 30]], [[3, 40, 40]]):
        ranges = (np.arange(n - b + 1) for n, b in zip((30, 81, 81), box[0], strict=True))
        low = np.stack(np.meshgrid(*ranges), -1).reshape(-1, 3)
        held = int(window.holds(low, low + np.array(box)).sum())
        assert window.weights(box)[0] == pytest.approx(30 * np.pi * 40**2 / held, rel=0.02)
    assert np.isinf(window.weights([[3, 60, 60]])).all()


def test_a_cylinder_keeps_the_true_sizes() -> None:
    """Sizes 6, 14, 24 at random places come back from the whole ones of a cylinder; unweighted large ones are few."""
    rng = np.random.default_rng(1)
    true = rng.choice([6, 14, 24], 200_000, p=[0.4, 0.4, 0.2])
    low = rng.integers(-30, 100, (len(true), 3))
    window = seen(np.broadcast_to(disc((81, 81), 40), (60, 81, 81)))
    assert window is not None
    held = window.holds(low, low + true[:, None])
    weights = window.weights(np.repeat(true[held][:, None], 3, axis=1))
    assert (true[held] == 24).mean() < 0.1
    # About 3000 whole ones of the largest size: three standard errors are 6 %.
    assert weights[true[held] == 24].sum() / weights.sum() == pytest.approx(0.2, rel=0.06)
