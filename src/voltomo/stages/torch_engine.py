"""Networks in torch: for GPUs, and to compare with. Registered by `voltomo.stages.segment_model`."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Model, Weights
from voltomo.errors import InputError, MissingExtraError
from voltomo.inference.averaging import Ensemble
from voltomo.inference.network import NetworkRun, network_predictor
from voltomo.learning.predictor import Predictor

__all__ = ["open_torch"]

Floats: TypeAlias = npt.NDArray[np.float32]


def open_torch(model: Model, *, precision: str, threads: int) -> Predictor:
    """Every member of a model in torch, on a GPU where there is one.

    Parameters
    ----------
    model : a network that is registered here
    precision : "f32", or "bf16" by autocast
    threads : of torch on a CPU, where it is process-wide

    Raises
    ------
    MissingExtraError
        If torch is not installed.
    InputError
        If the weights do not fit the network.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("the engine torch needs torch: pip install 'voltomo[train]'") from error
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        torch.set_num_threads(threads)
    members = tuple(
        network_predictor(model, _open_member(model, weights, device, precision))
        for weights in (model.weights, *model.members)
    )
    return members[0] if len(members) == 1 else Ensemble(members)


def _open_member(model: Model, weights: Weights, device: str, precision: str) -> NetworkRun:
    """One network with its weights."""
    import torch

    from voltomo.networks.registry import build_network

    module = build_network(model.network, model.settings, channels=len(model.channels), classes=model.classes)
    try:
        module.load_state_dict({name: torch.from_numpy(np.array(values)) for name, values in weights.items()})
    except RuntimeError as error:
        raise InputError(
            f"the weights of the model {model.name} do not fit the network {model.network}: {error}"
        ) from error
    module.eval().to(device, memory_format=torch.channels_last if model.dimension != 3 else torch.preserve_format)

    def run(grey: Floats) -> Floats:
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
            logits = module(torch.from_numpy(grey).to(device))
        return np.asarray(logits.float().cpu().numpy(), np.float32)

    return run
