"""The networks that can be built: one registry for ours and for plug-ins.

A plug-in declares a `NetworkEntry` as an entry point in the group ``voltomo.networks``; ours come through the same
door.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

import torch

from voltomo.errors import InputError
from voltomo.networks.contract import NetworkSettings, read_settings

__all__ = [
    "NetworkEntry",
    "build_network",
    "network_entry",
    "network_names",
    "register_network",
    "resolve_settings",
]


@dataclass(frozen=True)
class NetworkEntry:
    """One architecture.

    Parameters
    ----------
    name : by which it is chosen
    settings : its settings, a frozen dataclass derived from `NetworkSettings`
    build : ``build(settings, channels=..., classes=...)`` gives the module; `channels` are those of the input tensor
    summary : one line for a list
    """

    name: str
    settings: type[NetworkSettings]
    build: Callable[..., torch.nn.Module]
    summary: str = ""


_entries: dict[str, NetworkEntry] = {}
_loaded: set[str] = set()
_GROUP = "voltomo.networks"


def register_network(entry: NetworkEntry) -> None:
    """Add a network, or replace the one of the same name."""
    network_names()  # entry points first, so that an explicit registration wins
    _entries[entry.name] = entry


def network_names() -> tuple[str, ...]:
    """All networks that can be built."""
    if _GROUP not in _loaded:
        for point in sorted(entry_points(group=_GROUP), key=lambda point: point.name):
            _entries.setdefault(point.name, point.load())
        _loaded.add(_GROUP)
    return tuple(sorted(_entries))


def network_entry(name: str) -> NetworkEntry:
    """The network of this name.

    Raises
    ------
    InputError
        If there is none; the message suggests the nearest name.
    """
    names = network_names()
    if name not in _entries:
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise InputError(f"unknown network {name!r}{hint} There are {', '.join(names)}")
    return _entries[name]


def resolve_settings(name: str, settings: Mapping[str, Any]) -> NetworkSettings:
    """The settings of a network, validated and with its defaults."""
    return read_settings(network_entry(name).settings, settings)


def build_network(name: str, settings: Mapping[str, Any], *, channels: int, classes: int) -> torch.nn.Module:
    """A network with fresh weights, drawn from torch's random generator.

    Parameters
    ----------
    name : registered name, such as "unet"
    settings : its settings; what is missing has the default
    channels : of the scan; the neighbours of a 2.5D network come on top
    classes : phases to tell apart

    Returns
    -------
    torch.nn.Module
        A `SegmentationNetwork`.

    Raises
    ------
    InputError
        If the name or a setting is unknown, or there are fewer than one channel or two classes.
    """
    if channels < 1 or classes < 2:
        raise InputError(f"expected one channel or more and two classes or more, found {channels} and {classes}")
    resolved = resolve_settings(name, settings)
    return network_entry(name).build(resolved, channels=resolved.input_channels(channels), classes=classes)
