"""Other programs read what is exported, and get the same answers."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from voltomo.artifacts import Model
from voltomo.errors import InputError
from voltomo.inference.openvino_engine import open_network
from voltomo.stages.model_export import export_model

MakeModel = Callable[..., Model]


def test_onnx_is_the_network(network_model: MakeModel, tmp_path: Path) -> None:
    """The exported file is the network byte by byte."""
    model = network_model()
    assert export_model(model, tmp_path / "m.onnx", form="onnx").read_bytes() == model.onnx


@pytest.mark.parametrize("method", ["percentile", "fixed"])
@pytest.mark.parametrize(("dimension", "depth"), [(2, 2), (2.5, 1), (3, 1)])
def test_bioimageio(network_model: MakeModel, tmp_path: Path, dimension: float, depth: int, method: str) -> None:
    """A program that does what `rdf.yaml` says, step by step, gets the test output from the test input."""
    model = network_model(dimension, depth=depth)
    model = replace(model, normalization={**model.normalization, "method": method, "low": [0.2], "high": [0.9]})
    with zipfile.ZipFile(export_model(model, tmp_path / "m.zip", form="bioimageio")) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    card = yaml.safe_load(files["rdf.yaml"])
    (grey,), (logits,) = card["inputs"], card["outputs"]
    given, expected = (np.load(io.BytesIO(files[side["test_tensor"]["source"]])) for side in (grey, logits))
    assert len(grey["axes"]) == given.ndim
    values = given
    for step in grey["preprocessing"]:
        kwargs = step["kwargs"]
        if step["id"] == "scale_range":
            names = [axis.get("id", axis["type"]) for axis in grey["axes"]]
            axes = tuple(names.index(name) for name in kwargs["axes"])
            low = np.percentile(values, kwargs["min_percentile"], axis=axes, keepdims=True)
            high = np.percentile(values, kwargs["max_percentile"], axis=axes, keepdims=True)
            values = (values - low) / (high - low + kwargs["eps"])
        elif step["id"] == "scale_linear":
            shape = (1, -1, *(1,) * (values.ndim - 2))
            values = values * np.reshape(kwargs["gain"], shape) + np.reshape(kwargs["offset"], shape)
        else:
            assert step["id"] == "clip"
            values = np.clip(values, kwargs["min"], kwargs["max"])
    run = open_network(files["model.onnx"], precision="f32", threads=1, streams=1)
    answer = run(np.ascontiguousarray(values, np.float32))
    np.testing.assert_allclose(answer, expected, atol=1e-4 * np.abs(expected).max())  # f32, twice rounded


def test_refusals(network_model: MakeModel, tmp_path: Path) -> None:
    """Classifiers, ensembles and models without test tensors are refused, and no file appears."""
    model = network_model()
    classifier = replace(model, network="forest", onnx=None)
    ensemble = replace(model, members=(model.weights,), onnx_members=(model.onnx,))
    untested = replace(model, test_input=None, test_output=None)
    for given, message in ((classifier, "no network"), (ensemble, "ensemble of 2"), (untested, "no test tensors")):
        with pytest.raises(InputError, match=message):
            export_model(given, tmp_path / "m.zip", form="bioimageio")
    assert list(tmp_path.iterdir()) == []
