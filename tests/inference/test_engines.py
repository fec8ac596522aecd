"""Engines give what the network gives, in a precision that is always said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from voltomo.artifacts import Model
from voltomo.errors import InputError, ShapeError
from voltomo.inference import engines
from voltomo.inference.engines import check_precisions, choose_precision, open_model, open_predictor, register_engine
from voltomo.inference.openvino_engine import cpu_precisions

MakeModel = Callable[..., Model]


@pytest.mark.parametrize(("dimension", "depth"), [(2, 2), (2.5, 1), (3, 1)])
def test_openvino_equals_torch(network_model: MakeModel, dimension: float, depth: int) -> None:
    """In f32, the logits are torch's to rounding, for slices, slices with neighbours, and volumes."""
    model = network_model(dimension, depth=depth)
    answer = open_predictor(model, precision="f32")(model.test_input)
    # Sums of some hundred products in another order: about 1e-6 of the largest logit.
    np.testing.assert_allclose(answer, model.test_output, atol=1e-5 * np.abs(model.test_output).max())


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 7), (2, 33, 16)])
def test_any_shape(network_model: MakeModel, shape: tuple[int, int, int]) -> None:
    """The answer has the shape of the input, whatever that is."""
    for model in (network_model(), network_model(3, depth=1)):
        assert open_predictor(model)(np.zeros((1, *shape), np.float32)).shape == (3, *shape)


def test_bf16_is_told_and_close(network_model: MakeModel) -> None:
    """Where the CPU has bf16, it is used when asked for: its answers differ from f32, by less than its 3 digits."""
    if "bf16" not in cpu_precisions():
        pytest.skip("this CPU has no bf16")
    model = network_model()
    answer = open_predictor(model, precision="bf16")(model.test_input)
    worst = np.abs(answer - model.test_output).max() / np.abs(model.test_output).max()
    assert 1e-6 < worst < 0.1  # 8 bits of mantissa through ten layers


def test_precision_is_chosen_by_the_check(network_model: MakeModel) -> None:
    """bf16 is taken by itself only if the model's own check passed, and never for networks that unpool by argmax."""
    passed, failed = (replace(network_model(), precision={"bf16": share}) for share in (0.995, 0.98))
    both = ("f32", "bf16")
    assert choose_precision(passed, available=both) == "bf16"
    assert choose_precision(failed, available=both) == "f32"
    assert choose_precision(network_model(), available=both) == "f32"
    assert choose_precision(passed, available=("f32",)) == "f32"
    assert choose_precision(replace(passed, network="lrcsnet"), available=both) == "f32"


def test_check_of_precisions(network_model: MakeModel) -> None:
    """The check compares each precision of this CPU with f32 on given voxels."""
    model = network_model()
    shares = check_precisions(model, model.test_input)
    assert shares["f32"] == 1.0
    assert set(shares) == set(cpu_precisions())
    assert all(share > 0.9 for share in shares.values())  # random weights leave no margin between classes


def test_slices_side_by_side(network_model: MakeModel) -> None:
    """Every stream computes slices of its own, and each answer lands in its place."""
    model = network_model(2.5, depth=1)
    both, alone = (open_predictor(model, precision="f32", threads=threads) for threads in (2, 1))
    assert (both.streams, alone.streams) == (2, 1)
    grey = np.random.default_rng(0).random((1, 9, 20, 28), np.float32)
    # Both streams sum in the same order, as one thread alone does.
    np.testing.assert_allclose(both(grey), alone(grey), atol=1e-5 * np.abs(model.test_output).max())


def test_ensemble_is_opened(network_model: MakeModel) -> None:
    """A model with members answers with the logarithm of their mean probability."""
    one, two = network_model(), network_model(depth=1)
    both = replace(one, members=(two.weights,), onnx_members=(two.onnx,))
    grey = one.test_input
    mean = sum(softmax(open_predictor(model)(grey)) for model in (one, two)) / 2
    np.testing.assert_allclose(np.exp(open_predictor(both)(grey)), mean, atol=1e-5)  # f32


def softmax(logits: np.ndarray) -> np.ndarray:
    """The obvious one."""
    raised = np.exp(logits - logits.max(axis=0))
    return raised / raised.sum(axis=0)


def test_registered_engines_are_used(network_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that is registered, such as torch, is asked with precision and threads."""
    asked = []

    def engine(model: Model, *, precision: str, threads: int) -> object:
        asked.append((model.name, precision, threads))
        return "predictor"

    monkeypatch.setattr(engines, "_engines", dict(engines._engines))
    register_engine("torch", engine)  # type: ignore[arg-type]
    opened = open_model(network_model(), engine="torch", threads=3)
    assert (opened.predictor, opened.engine, opened.precision) == ("predictor", "torch", "f32")
    assert asked == [("random unet", "f32", 3)]


def test_refusals(network_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine for another kind, one that is not there, an odd precision, and wrong channels are refused."""
    model = network_model()
    with pytest.raises(InputError, match="numba does not run it, openvino does"):
        open_predictor(model, engine="numba")
    monkeypatch.setattr(engines, "_engines", {k: v for k, v in engines._engines.items() if k != "torch"})
    with pytest.raises(InputError, match="no engine 'torch' here"):
        open_predictor(model, engine="torch")
    with pytest.raises(InputError, match="f32 or bf16"):
        open_predictor(model, precision="f8")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="holds no ONNX"):
        open_predictor(replace(model, onnx=None))
    with pytest.raises(InputError, match="cannot use the network"):
        open_predictor(replace(model, onnx=b"nonsense"))
    with pytest.raises(InputError, match="lack `halo`"):
        open_predictor(replace(model, settings={"dimension": 2}))
    with pytest.raises(ShapeError, match=r"reads \(1, Z, Y, X\)"):
        open_predictor(model)(np.zeros((2, 1, 8, 8), np.float32))
