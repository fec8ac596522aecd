"""A small network per voxel."""

from __future__ import annotations

import numpy as np
import pytest

from voltomo.classifiers.perceptron import Perceptron, _loss_and_gradients, train_perceptron
from voltomo.errors import InputError

NUMBERS = {"hidden": (16, 8), "steps": 400, "batch": 128, "rate": 1e-2, "decay": 1e-3}


def checkers(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of a checkerboard of two by two fields, and a third feature that says nothing, at another scale."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(-1, 1, (3, count)).astype(np.float32)
    rows = ((points[0] > 0) ^ (points[1] > 0)).astype(np.intp)
    points[0] = 5 + 100 * points[0]
    return points, rows


def train(seed: int = 0) -> Perceptron:
    """A perceptron that knows the checkerboard."""
    points, rows = checkers(3000, 1)
    return train_perceptron(
        points, rows, np.ones(3000, np.float32), classes=2, rng=np.random.default_rng(seed), **NUMBERS
    )


def test_it_learns_what_no_line_can_part() -> None:
    """A checkerboard, on points that did not train it."""
    points, rows = checkers(2000, 2)
    # points within a few percent of an edge of the fields may be wrong
    assert np.mean(train()(points).argmax(axis=0) == rows) > 0.95


def test_a_seed_gives_the_same_weights() -> None:
    """The same seed the same, another seed others."""
    one, again, other = train().to_arrays(), train().to_arrays(), train(1).to_arrays()
    assert all(np.array_equal(one[name], again[name]) for name in one)
    assert not np.array_equal(one["layer0.weight"], other["layer0.weight"])


def test_the_kernel_is_a_matrix_product() -> None:
    """The answers are those of NumPy in double precision."""
    network = train()
    points, _ = checkers(500, 3)
    values = points.astype(np.float64)
    for layer, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        values = weight @ values + bias[:, None]
        values = np.maximum(values, 0) if layer < 2 else values
    # float32 sums over 16 values
    assert np.allclose(network(points), values, rtol=1e-4, atol=1e-4)


def test_the_answer_of_a_voxel_does_not_depend_on_its_neighbors() -> None:
    """Any piece of an array gets the answers of the whole, to the bit."""
    network = train()
    points, _ = checkers(777, 4)
    assert np.array_equal(network(points)[:, 101:302], network(points[:, 101:302]))


def test_gradients_are_those_of_the_loss() -> None:
    """The derivative agrees with a difference quotient."""
    rng = np.random.default_rng(6)
    parameters = [rng.normal(size=size) for size in ((4, 5), (5,), (5, 3), (3,))]
    samples, rows, weight = rng.normal(size=(20, 4)), rng.integers(0, 3, 20), rng.uniform(0.5, 2, 20)
    _, gradients = _loss_and_gradients(parameters, samples, rows, weight)
    for part, gradient in zip(parameters, gradients, strict=True):
        place = (0,) * part.ndim
        part[place] += 1e-6
        above, _ = _loss_and_gradients(parameters, samples, rows, weight)
        part[place] -= 2e-6
        below, _ = _loss_and_gradients(parameters, samples, rows, weight)
        part[place] += 1e-6
        # the error of a central difference in double precision
        assert gradient[place] == pytest.approx((above - below) / 2e-6, rel=1e-5, abs=1e-8)


def test_weights_survive_a_file() -> None:
    """What `to_arrays` gives is read back the same."""
    network = train()
    points, _ = checkers(50, 5)
    assert np.array_equal(Perceptron.from_arrays(network.to_arrays())(points), network(points))


def test_layers_that_do_not_fit_are_refused() -> None:
    """A missing bias, and a layer of another width."""
    arrays = train().to_arrays()
    with pytest.raises(InputError, match=r"layer1\.bias"):
        Perceptron.from_arrays({name: array for name, array in arrays.items() if name != "layer1.bias"})
    with pytest.raises(InputError, match="do not fit"):
        Perceptron.from_arrays(arrays | {"layer1.weight": arrays["layer1.weight"][:, :3]})
