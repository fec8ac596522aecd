"""Begin from another model's weights: what to reuse, what to keep as it is.

The last layer of a network is called `head`; its rows are grouped by class. They follow the phases: a phase takes the
rows of the one that is the same in the model, wherever either stands in its table.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from voltomo.artifacts.model import Model, Weights
from voltomo.artifacts.phases import Phase, PhaseTable
from voltomo.errors import InputError

__all__ = ["Transfer", "frozen_prefixes", "load_weights", "match_phases", "reuse_weights"]

_HEAD = "head."


@dataclass(frozen=True)
class Transfer:
    """What was taken over.

    Parameters
    ----------
    reused, fresh : names of weights that come from the model, and that begin anew
    fresh_phases : names of the phases whose rows of the head begin anew
    """

    reused: tuple[str, ...]
    fresh: tuple[str, ...]
    fresh_phases: tuple[str, ...] = ()


def match_phases(known: PhaseTable, wanted: PhaseTable) -> tuple[int | None, ...]:
    """Row in `known` of each phase in `wanted`; None where there is none.

    Phases are the same if they alone have their role in both tables, or have the same name.
    """
    names = [phase.name.lower() for phase in known]
    roles = [phase.role for phase in known]

    def find(phase: Phase) -> int | None:
        if phase.name.lower() in names:
            return names.index(phase.name.lower())
        is_only = phase.role != "other" and roles.count(phase.role) == len(wanted.with_role(phase.role)) == 1
        return roles.index(phase.role) if is_only else None

    return tuple(find(phase) for phase in wanted)


def load_weights(network: nn.Module, weights: Weights) -> None:
    """Put stored weights into a network of the same make."""
    network.load_state_dict({name: torch.from_numpy(values.copy()) for name, values in weights.items()})


def reuse_weights(network: nn.Module, start: Model, reuse: str | tuple[str, ...], phases: PhaseTable) -> Transfer:
    """Copy weights of a model into a fresh network.

    Parameters
    ----------
    network : with its first weights; changed in place
    start : the model to begin from
    reuse : "all", "encoder", or beginnings of parameter names such as "encoder.0."
    phases : of the network

    Returns
    -------
    Transfer
        Weights of another shape stay fresh where everything was asked for: a first layer for other channels. So do the
        rows of the head for phases that the model does not know.

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
    rows = match_phases(start.phases, phases)
    offered = {name: _offered(name, value, start, rows) for name, value in own.items()}
    fitting = [name for name in chosen if offered[name] is not None]
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
            own[name].copy_(offered[name])
    reused = set(fitting)
    has_head = any(name.startswith(_HEAD) for name in reused)
    fresh_phases = tuple(phase.name for phase, row in zip(phases, rows, strict=True) if row is None or not has_head)
    return Transfer(tuple(fitting), tuple(name for name in own if name not in reused), fresh_phases)


def _offered(name: str, own: torch.Tensor, start: Model, rows: tuple[int | None, ...]) -> torch.Tensor | None:
    """What a model has for a weight; None where it has nothing of its shape."""
    if name not in start.weights:
        return None
    found = torch.from_numpy(start.weights[name].copy())
    if not name.startswith(_HEAD):
        return found if found.shape == own.shape else None
    if all(row is None for row in rows) or len(found) % start.classes or len(own) % len(rows):
        return None
    old = found.reshape(start.classes, -1, *found.shape[1:])
    new = own.detach().clone().reshape(len(rows), -1, *own.shape[1:])
    if old.shape[1:] != new.shape[1:]:
        return None
    for k, row in enumerate(rows):
        if row is not None:
            new[k] = old[row]
    return new.reshape(own.shape)


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
