"""The engine torch gives what OpenVINO gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from voltomo.artifacts import Model
from voltomo.errors import InputError
from voltomo.inference.replay import replay_test
from voltomo.stages.segment_model import ModelSegmentConfig
from voltomo.stages.torch_engine import open_torch

MakeModel = Callable[..., Model]


@pytest.mark.parametrize(("dimension", "depth"), [(2, 2), (2.5, 1), (3, 1)])
def test_replays(network_model: MakeModel, dimension: float, depth: int) -> None:
    """A network rebuilt from its weights answers as it did, alone and in an ensemble."""
    assert ModelSegmentConfig(engine="torch").engine == "torch"
    model = network_model(dimension, depth=depth)
    found = replay_test(model, engine="torch")
    assert found.passed, found.sentence()
    twice = replace(model, members=(model.weights,), onnx_members=(model.onnx,))
    predictor = open_torch(twice, precision="f32", threads=1)
    assert np.array_equal(predictor(model.test_input).argmax(axis=0), model.test_output.argmax(axis=0))


def test_weights_must_fit(network_model: MakeModel) -> None:
    """Weights of another network are refused."""
    model = replace(network_model(), weights=network_model(depth=1).weights)
    with pytest.raises(InputError, match="do not fit the network unet"):
        open_torch(model, precision="f32", threads=1)
