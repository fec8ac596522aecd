"""A model shows by itself whether it still gives what it gave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from voltomo.artifacts import Model
from voltomo.errors import InputError
from voltomo.inference.openvino_engine import cpu_precisions
from voltomo.inference.replay import replay_test
from voltomo.io.model_folder import read_model, write_model

MakeModel = Callable[..., Model]


@pytest.mark.parametrize(("dimension", "depth"), [(2, 2), (2.5, 1), (3, 1)])
def test_a_written_model_passes(network_model: MakeModel, tmp_path: Path, dimension: float, depth: int) -> None:
    """Written, read and replayed, a network of each dimension gives what it gave."""
    again = read_model(write_model(network_model(dimension, depth=depth), tmp_path / "m"))
    found = replay_test(again, precision="f32")
    assert found.passed, found.sentence()
    assert "passed: openvino in f32" in found.sentence()


def test_another_network_fails(network_model: MakeModel) -> None:
    """The stored output of another network is not matched, and that is said."""
    model = replace(network_model(), onnx=network_model(depth=1).onnx)
    found = replay_test(model)
    assert not found.passed
    assert found.sentence().startswith("FAILED")


def test_lower_precision_has_its_own_limits(network_model: MakeModel) -> None:
    """In bf16 a larger difference is expected than in f32."""
    if "bf16" not in cpu_precisions():
        pytest.skip("this CPU has no bf16")
    found = replay_test(network_model(), precision="bf16")
    assert found.difference > 1e-5
    assert found.difference < 0.1


def test_needs_test_tensors(network_model: MakeModel) -> None:
    """Without test tensors there is nothing to replay."""
    with pytest.raises(InputError, match="no test tensors"):
        replay_test(replace(network_model(), test_input=None, test_output=None))
