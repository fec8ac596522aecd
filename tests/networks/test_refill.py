"""An exported network takes new weights without another export."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="networks are made with torch: pip install 'voltomo[train]'")

from voltomo.inference.openvino_engine import open_network  # noqa: E402
from voltomo.networks import build_network, export_onnx  # noqa: E402
from voltomo.networks.refill import refill_onnx  # noqa: E402


def network(settings: dict[str, Any], seed: int, name: str = "unet") -> Any:
    """With random weights, biases and statistics."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = build_network(name, settings, channels=1, classes=3).train()
        with torch.no_grad():
            made(torch.rand(2, 1, *((8,) if settings.get("dimension") == 3 else ()), 32, 32))
            for key, value in made.named_parameters():
                if key.endswith("bias"):
                    value.normal_(0, 0.1)
    return made.eval()


@pytest.mark.parametrize(
    ("name", "settings"),
    [("unet", {"stem": 2, "base": 4, "depth": 2}), ("unet", {"dimension": 3, "base": 4, "depth": 1}), ("lrcsnet", {})],
)
def test_a_refilled_network_answers_like_the_one_whose_weights_it_took(name: str, settings: dict[str, Any]) -> None:
    """Batch normalization is folded as the exporter folds it."""
    before, after = network(settings, 0, name), network(settings, 1, name)
    spatial = 3 if settings.get("dimension") == 3 else 2
    refilled = refill_onnx(export_onnx(before, channels=1, spatial=spatial), before, after)
    assert refilled is not None
    grey = np.random.default_rng(0).random((1, 1, *((8,) if spatial == 3 else ()), 32, 40), np.float32)
    found = open_network(refilled, precision="f32", threads=1, streams=1)(grey)
    with torch.no_grad():
        expected = after(torch.from_numpy(grey)).numpy()
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()  # float32


def test_a_file_of_other_weights_is_not_refilled() -> None:
    """Whoever altered the file gets a new export, not a mixture."""
    settings = {"stem": 2, "base": 4, "depth": 1}
    before, after = network(settings, 0), network(settings, 1)
    assert refill_onnx(export_onnx(after, channels=1, spatial=2), before, after) is None
