"""Begin from another model's weights: what to reuse, what to keep as it is."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from voltomo.artifacts.model import Model, Weights
from voltomo.errors import InputError

__all__ = ["Transfer", "frozen_prefixes", "load_weights", "reuse_weights"]


@dataclass(frozen=True)
class Transfer:
    """What was taken over.

    Parameters
    ----------
    reused, fresh : names of weights that come from the model, and that begin anew
    """

    reused: tuple[str, ...]
    fresh: tuple[str, ...]


def load_weights(network: nn.Module, weights: Weights) -> None:
    """Put stored weights into a network of the same make."""
    network.load_state_dict({name: torch.from_numpy(values.copy()) for name, values in weights.items()})


def reuse_weights(network: nn.Module, start: Model, reuse: str | tuple[str, ...]) -> Transfer:
    """Copy weights of a model into a fresh network.

    Parameters
    ----------
    network : with its first weights; changed in place
    start : the model to begin from
    reuse : "all", "encoder", or beginnings of parameter names such as "encoder.0."

    Returns
    -------
    Transfer
        Weights of another shape stay fresh where everything was asked for: a first layer for other channels, a head for
        other phases.

    Raises
    ------
    InputError
        If nothing can be reused, or a named layer does not exist or has another shape in the two networks.
    """
    if start.is_classifier:
        raise InputError(f"the model {start.name} is a pixel classifier; a network can begin from a network only")
    own = network.state_dict()
    prefixes = _prefixes(reuse)
    chosen = [name for name in own if prefixes is None or name.startswith(prefixes)]
    fitting = [name for name in chosen if name in start.weights and start.weights[name].shape == tuple(own[name].shape)]
    by_name = not isinstance(reuse, str)
    if (by_name and len(fitting) < len(chosen)) or not any(own[name].ndim for name in fitting):
        amiss = sorted(set(chosen) - set(fitting)) or list(prefixes or ())
        raise InputError(
            f"cannot reuse {reuse!r} of the model {start.name} ({start.network} with {dict(start.settings)}): "
            f"{', '.join(amiss[:5])} missing or of another shape. Train the same network with the same settings, or "
            "reuse other layers"
        )
    with torch.no_grad():
        for name in fitting:
            own[name].copy_(torch.from_numpy(start.weights[name].copy()))
    return Transfer(tuple(fitting), tuple(name for name in own if name not in set(fitting)))


def frozen_prefixes(network: nn.Module, freeze: str | tuple[str, ...]) -> tuple[str, ...]:
    """Beginnings of the names of the parameters that stay as they are.

    Raises
    ------
    InputError
        If one of them fits no parameter, or nothing is left to train.
    """
    if freeze == "none":
        return ()
    prefixes = _prefixes(freeze) or ()
    names = [name for name, _ in network.named_parameters()]
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in names):
            tops = sorted({name.split(".")[0] for name in names})
            raise InputError(f"no layer of the network begins with {prefix!r}; there are {', '.join(tops)}")
    if not prefixes or all(name.startswith(prefixes) for name in names):
        raise InputError(f"freezing {freeze!r} leaves nothing to train; name some layers only")
    return prefixes


def _prefixes(choice: str | tuple[str, ...]) -> tuple[str, ...] | None:
    """None for everything."""
    if not isinstance(choice, str):
        return tuple(choice)
    return None if choice == "all" else (choice if choice.endswith(".") else f"{choice}.",)
