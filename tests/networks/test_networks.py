from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from voltomo.errors import InputError

torch = pytest.importorskip("torch", reason="networks need torch: pip install 'voltomo[train]'")

from voltomo.networks import (  # noqa: E402 - after the check for torch
    NetworkEntry,
    SegmentationNetwork,
    build_network,
    export_onnx,
    network_names,
    register_network,
    resolve_settings,
)
from voltomo.networks.contract import settings_mapping  # noqa: E402 - after the check for torch

SMALL: list[tuple[str, dict[str, Any]]] = [
    ("unet", {"base": 4, "depth": 2}),
    ("unet", {"base": 4, "depth": 2, "stem": 2}),
    ("unet", {"base": 4, "depth": 1, "dimension": 2.5, "neighbors": 1}),
    ("unet", {"base": 2, "depth": 2, "dimension": 3, "flat_levels": 1}),
    ("lrcsnet", {"filters": 4}),
    ("segnet", {"base": 4, "depth": 2}),
    ("segnet", {"base": 2, "depth": 1, "dimension": 3}),
    ("patchnet", {"filters": 4, "patch": 16}),
]


def _network(name: str, settings: Mapping[str, Any], *, channels: int = 1) -> Any:
    torch.manual_seed(1)
    return build_network(name, settings, channels=channels, classes=3).eval()


@pytest.mark.parametrize(("name", "settings"), SMALL)
def test_logits_have_the_shape_of_the_image(name: str, settings: dict[str, Any]) -> None:
    """Any size in, the same size out, one logit per class, also for sizes that no halving divides."""
    network, resolved = _network(name, settings, channels=2), resolve_settings(name, settings)
    grey = torch.rand(2, resolved.input_channels(2), *(5, 19, 34)[-resolved.spatial :])
    with torch.no_grad():
        logits = network(grey)
    assert logits.shape == (2, 3, *grey.shape[2:])


@pytest.mark.parametrize(("name", "settings"), SMALL)
def test_what_lies_beyond_the_halo_does_not_matter(name: str, settings: dict[str, Any]) -> None:
    """Voxels further away than the halo leave a logit as it is, at every place in a cell of `multiple`."""
    network, resolved = _network(name, settings).double(), resolve_settings(name, settings)
    halo, cell = network.halo[2], network.multiple[2]
    middle = 4 * cell * (1 + halo // cell)
    shape = (1, resolved.input_channels(1), *(8, 16)[: resolved.spatial - 1], 2 * middle)
    grey = torch.rand(shape, dtype=torch.float64)
    with torch.no_grad():
        before = network(grey)
        for edge in (middle, middle + cell // 2, middle + cell - 1):
            other = grey.clone()
            other[..., edge:] = 50 * torch.rand_like(other[..., edge:])
            changed = (network(other) != before).flatten(0, -2).any(0)
            assert not changed[: edge - halo].any()
            other = grey.clone()
            other[..., :edge] = 50 * torch.rand_like(other[..., :edge])
            changed = (network(other) != before).flatten(0, -2).any(0)
            assert not changed[edge + halo :].any()


@pytest.mark.parametrize(("name", "settings"), SMALL)
def test_an_image_may_be_cut_at_the_multiple(name: str, settings: dict[str, Any]) -> None:
    """A crop that begins at a multiple and holds the halo gives the same logits as the whole; 1e-9 is rounding."""
    network, resolved = _network(name, settings).double(), resolve_settings(name, settings)
    halo, cell = network.halo[2], network.multiple[2]
    first, margin = cell, cell * -(-halo // cell)
    width = first + 2 * margin + 3 * cell
    grey = torch.rand((1, resolved.input_channels(1), *(8, 16)[: resolved.spatial - 1], width), dtype=torch.float64)
    with torch.no_grad():
        whole, part = network(grey), network(grey[..., first:])
    assert torch.allclose(part[..., margin:], whole[..., first + margin :], atol=1e-9)


@pytest.mark.parametrize(
    ("name", "settings"), [SMALL[1], SMALL[3], SMALL[4]], ids=["unet with a stem", "unet in 3D", "argmax unpooling"]
)
def test_onnx_predicts_what_torch_predicts(name: str, settings: dict[str, Any]) -> None:
    """Sizes other than the exported one give the logits of torch; 1e-4 is float32 rounding over some layers."""
    openvino = pytest.importorskip("openvino")
    network, resolved = _network(name, settings), resolve_settings(name, settings)
    exported = export_onnx(network, channels=resolved.input_channels(1), spatial=resolved.spatial)
    core = openvino.Core()
    engine = core.compile_model(core.read_model(exported), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for size in ((6, 33, 50), (4, 16, 24)):
        grey = torch.rand(1, resolved.input_channels(1), *size[-resolved.spatial :])
        with torch.no_grad():
            expected = network(grey).numpy()
        np.testing.assert_allclose(engine([grey.numpy()])[0], expected, atol=1e-4)


def test_lrcsnet_has_the_published_size() -> None:
    """32 filters and three classes make 0.88 million parameters."""
    parameters = sum(parameter.numel() for parameter in _network("lrcsnet", {}).parameters())
    assert parameters == pytest.approx(0.88e6, rel=0.005)


def test_settings_rebuild_the_network() -> None:
    """What is stored with a model, halo and multiple included, builds a network that takes the same weights."""
    name, settings = SMALL[3]
    network = _network(name, settings)
    stored = settings_mapping(resolve_settings(name, settings), network)
    assert (stored["halo"], stored["multiple"]) == (list(network.halo), list(network.multiple))
    _network(name, stored).load_state_dict(network.state_dict())


@pytest.mark.parametrize("name", network_names())
def test_every_registered_network_keeps_the_contract(name: str) -> None:
    """Defaults build a module with a halo, a multiple and an encoder that a transfer can reuse."""
    network = _network(name, {})
    assert isinstance(network, SegmentationNetwork)
    assert any(key.startswith("encoder.") for key in network.state_dict())


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("unnet", {}, "did you mean unet"),
        ("unet", {"bas": 8}, "did you mean base"),
        ("unet", {"dimension": 2.5}, "neighbors > 0"),
        ("unet", {"dimension": 3, "stem": 2}, "stem"),
        ("unet", {"depth": 0}, "depth"),
        ("patchnet", {"patch": 30}, "multiple of 4"),
        ("patchnet", {"dimension": 3}, "2 or 2.5"),
        ("lrcsnet", {"filters": 0}, "filter"),
        ("segnet", {"depth": 9}, "depth"),
        ("segnet", {"dimension": 4}, "dimension"),
    ],
)
def test_wrong_settings_say_what_is_expected(name: str, settings: dict[str, Any], message: str) -> None:
    """Unknown names and impossible sizes are refused with the way out."""
    with pytest.raises(InputError, match=message):
        build_network(name, settings, channels=1, classes=3)


def test_a_single_class_is_refused() -> None:
    """A network tells two classes or more apart."""
    with pytest.raises(InputError, match="two classes"):
        build_network("unet", {}, channels=1, classes=1)


def test_a_network_of_ones_own_can_be_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """An explicit registration is found by name, with its settings."""
    from voltomo.networks import registry
    from voltomo.networks.segnet import SegNet, SegNetSettings

    monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    register_network(NetworkEntry("mine", SegNetSettings, SegNet))
    assert "mine" in network_names()
    assert isinstance(build_network("mine", {"base": 2}, channels=1, classes=2), SegNet)
