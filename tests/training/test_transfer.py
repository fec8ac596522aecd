"""What a new training takes from a model: weights by name, rows of the head by phase."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="networks are made with torch: pip install 'voltomo[train]'")

from voltomo.artifacts import Phase, PhaseTable  # noqa: E402
from voltomo.artifacts.model import Model  # noqa: E402
from voltomo.networks import build_network, resolve_settings  # noqa: E402
from voltomo.networks.contract import settings_mapping  # noqa: E402
from voltomo.training.transfer import match_phases, reuse_weights  # noqa: E402

KNOWN = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "binder", "binder"), Phase(3, "active", "active")))
SETTINGS = {"base": 4, "depth": 1, "stem": 2}


def model_of(network: torch.nn.Module) -> Model:
    """A model of three phases with the weights of a network."""
    weights = {name: value.numpy().copy() for name, value in network.state_dict().items()}
    settings = settings_mapping(resolve_settings("unet", SETTINGS), network)
    scale = {"method": "percentile", "percentiles": [1, 99], "low": [0.0], "high": [1.0]}
    return Model("known", "unet", settings, KNOWN, ("grey",), scale, weights, onnx=None)


def test_phases_are_the_same_by_name_or_by_a_role_of_their_own() -> None:
    """Two phases of one role are told apart by their names only; "other" says nothing."""
    wanted = PhaseTable((Phase(1, "NMC", "active"), Phase(2, "CBD", "binder"), Phase(5, "Pore", "other")))
    assert match_phases(KNOWN, wanted) == (2, 1, 0)
    blend = PhaseTable((Phase(1, "graphite", "active"), Phase(2, "active", "active"), Phase(3, "class 3", "other")))
    assert match_phases(KNOWN, blend) == (None, 2, None)


def test_the_head_follows_the_phases_in_any_order() -> None:
    """A network for NMC, binder, pore answers like the one for pore, binder, active, with its rows turned around."""
    torch.manual_seed(0)
    before = build_network("unet", SETTINGS, channels=1, classes=3).eval()
    after = build_network("unet", SETTINGS, channels=1, classes=3).eval()
    turned = PhaseTable((Phase(1, "NMC", "active"), Phase(2, "CBD", "binder"), Phase(3, "void", "pore")))
    transfer = reuse_weights(after, model_of(before), "all", turned)
    grey = torch.rand(1, 1, 12, 16)
    with torch.no_grad():
        assert torch.equal(after(grey), before(grey).flip(1))
    assert not transfer.fresh
    assert not transfer.fresh_phases


def test_a_phase_that_the_model_does_not_know_begins_anew() -> None:
    """The rows of the others are taken over, also where there are more phases."""
    torch.manual_seed(0)
    before = build_network("unet", SETTINGS, channels=1, classes=3).eval()
    after = build_network("unet", SETTINGS, channels=1, classes=4).eval()
    own = after.head.weight.detach().clone().reshape(4, 4, -1)
    more = PhaseTable((Phase(1, "crack", "crack"), *(Phase(p.id + 1, p.name, p.role) for p in KNOWN)))
    transfer = reuse_weights(after, model_of(before), "all", more)
    found = after.head.weight.detach().reshape(4, 4, -1)
    assert torch.equal(found[0], own[0])
    assert torch.equal(found[1:], before.head.weight.detach().reshape(3, 4, -1))
    assert transfer.fresh_phases == ("crack",)
