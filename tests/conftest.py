"""Fixtures shared by all tests."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from voltomo.artifacts import Model, PhaseTable
from voltomo.io.model_card import from_network_axes, to_network_axes
from voltomo.learning.normalization import Normalization

# A shared machine or a first compilation is slow at times; that is no failure of a property.
settings.register_profile("voltomo", deadline=None)
settings.load_profile("voltomo")

DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture
def data() -> Callable[[str], Path]:
    """Path of a real data file; the test skips where the data are not beside the checkout."""

    def find(name: str) -> Path:
        path = DATA / name
        if not (DATA / name.split("/")[0]).exists():
            pytest.skip(f"real data {name} not beside this checkout")
        assert path.exists(), f"the data are here, but not {name}: is the name right?"
        return path

    return find


@pytest.fixture(scope="session")
def network_model() -> Callable[..., Model]:
    """Makes a small U-Net with random weights, ready as a model: ``network_model(dimension=2, channels=1, seed=0)``.

    Skips where torch is missing. Its batch normalization has seen noise, so that its answers differ between voxels.
    """
    torch = pytest.importorskip("torch", reason="networks are made with torch: pip install 'voltomo[train]'")
    from voltomo.networks.contract import settings_mapping
    from voltomo.networks.export import export_onnx
    from voltomo.networks.registry import build_network, resolve_settings

    @functools.cache
    def make(dimension: float = 2, channels: int = 1, seed: int = 0, depth: int = 2, network: str = "unet") -> Model:
        spatial = 3 if dimension == 3 else 2
        settings = {"dimension": dimension, "neighbors": 1 if dimension == 2.5 else 0}
        settings |= {"base": 8, "depth": depth} if network == "unet" else {}
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            module = build_network(network, settings, channels=channels, classes=3)
            inputs = channels * (2 * settings["neighbors"] + 1)
            module.train()
            with torch.no_grad():
                for _ in range(5):
                    module(torch.rand(4, inputs, *(32,) * spatial))
            module.eval()
            grey = np.random.default_rng(seed).random((channels, 4, 20, 28), np.float32)
            model = Model(
                name=f"random {network}",
                network=network,
                settings=settings_mapping(resolve_settings(network, settings), module),
                phases=PhaseTable.numbered(3),
                channels=tuple(f"channel {i}" for i in range(channels)),
                normalization=Normalization((0.0,) * channels, (1.0,) * channels).to_mapping(),
                weights={name: value.numpy().copy() for name, value in module.state_dict().items()},
                onnx=export_onnx(module, channels=inputs, spatial=spatial),
                precision={"f32": 1.0},
            )
            with torch.no_grad():
                answer = from_network_axes(module(torch.from_numpy(to_network_axes(grey, model))).numpy(), 0)
        return replace(model, test_input=grey, test_output=answer)

    return make
