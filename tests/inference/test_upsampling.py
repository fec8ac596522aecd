"""Weights added before voxels are repeated give what products after it give."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops
from scipy import ndimage

from voltomo.artifacts import Model
from voltomo.inference.upsampling import convolve_before_repeating, transposed_kernel

MakeModel = Callable[..., Model]


def test_taps_of_a_line() -> None:
    """Along one axis, a ramp repeated twice and convolved is the transposed convolution of the ramp."""
    kernel = np.array([1.0, 10.0, 100.0], np.float32)
    line = np.array([2.0, 3.0, 5.0, 7.0])
    expected = ndimage.correlate1d(np.repeat(line, 2), kernel, mode="constant")
    taps = transposed_kernel(kernel[None, None], (2,))[0, 0]
    found = np.zeros(2 * line.size + 2)
    for i, value in enumerate(line):
        found[2 * i : 2 * i + 4] += value * taps
    np.testing.assert_array_equal(found[1:-1], expected)  # whole numbers


@pytest.mark.parametrize(("kernel", "scale"), [((3, 3), (2, 2)), ((3, 3, 3), (1, 2, 2)), ((1, 3, 3), (1, 2, 2))])
@pytest.mark.parametrize("repeated", [0, 1])
def test_rewritten_network(kernel: tuple[int, ...], scale: tuple[int, ...], repeated: int) -> None:
    """A rewritten network has no concatenation left and answers the same to rounding, borders included."""
    network = small_network(kernel, scale, repeated)
    grey = np.random.default_rng(0).random((1, 3, *(6,) * len(kernel)), np.float32)
    before = answer(network, grey)
    assert convolve_before_repeating(network) == 1
    left = {node.get_type_name() for node in network.get_ordered_ops()}
    assert "Concat" not in left
    assert "ConvolutionBackpropData" in left
    np.testing.assert_allclose(answer(network, grey), before, atol=1e-5 * np.abs(before).max())  # f32


def test_only_what_repeats_is_changed() -> None:
    """A concatenation of two plain images stays as it is."""
    assert convolve_before_repeating(small_network((3, 3), (1, 1), 1, interpolate=False)) == 0


def test_every_level_of_a_unet_is_found(network_model: MakeModel) -> None:
    """The exported network of a U-Net has one such convolution per level."""
    for dimension, depth in ((2, 2), (3, 1)):
        graph = openvino.Core().read_model(network_model(dimension, depth=depth).onnx, b"")
        assert convolve_before_repeating(graph) == depth


def small_network(
    kernel: tuple[int, ...], scale: tuple[int, ...], repeated: int, *, interpolate: bool = True
) -> openvino.Model:
    """A level of a U-Net: what comes up beside a skip connection, and a convolution of both."""
    rng = np.random.default_rng(1)
    ones = [1] * len(kernel)
    grey = ops.parameter([1, 3, *(6,) * len(kernel)], np.float32)
    low = ops.avg_pool(grey, list(scale), [0] * len(kernel), [0] * len(kernel), list(scale), False)
    if interpolate:
        low = ops.interpolate(
            low,
            np.array([1, 1, *scale], np.float32),
            "nearest",
            "scales",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
    joined = ops.concat([low, grey] if repeated == 0 else [grey, low], 1)
    around = [(size - 1) // 2 for size in kernel]
    weights = rng.normal(size=(4, 6, *kernel)).astype(np.float32)
    return openvino.Model([ops.relu(ops.convolution(joined, weights, ones, around, around, ones))], [grey])


def answer(network: openvino.Model, grey: np.ndarray) -> np.ndarray:
    """In f32."""
    compiled = openvino.Core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.array(compiled([grey])[0])
