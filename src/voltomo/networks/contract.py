"""What every network for segmentation promises, and the settings that all of them share."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol, TypeVar, runtime_checkable

from voltomo.errors import InputError

__all__ = ["DERIVED", "NetworkSettings", "SegmentationNetwork", "read_settings", "settings_mapping"]

DERIVED = ("halo", "multiple")
"""Keys of a model's settings that follow from the others; they are written for readers without torch."""


@runtime_checkable
class SegmentationNetwork(Protocol):
    """A torch module that gives every voxel one logit per class.

    ``forward`` takes (N, C, Y, X) for dimension 2 and 2.5, (N, C, Z, Y, X) for dimension 3, of any size, and returns
    logits (N, K, ...) of the same size. Parameters whose names begin with ``encoder.`` are what a transfer may reuse
    alone.
    """

    @property
    def halo(self) -> tuple[int, int, int]:
        """How many voxels away along z, y and x the answer of a voxel depends on."""
        ...

    @property
    def multiple(self) -> tuple[int, int, int]:
        """The answers do not depend on where an array was cut off if its origin is a multiple of this."""
        ...


@dataclass(frozen=True)
class NetworkSettings:
    """What every network is told.

    Parameters
    ----------
    dimension : 2 (slice by slice), 2.5 (a slice with its neighbours as channels) or 3 (volumes)
    neighbors : slices on either side that a 2.5D network sees

    Raises
    ------
    InputError
        If they do not belong together.
    """

    dimension: float = 2
    neighbors: int = 0

    def __post_init__(self) -> None:
        if self.dimension not in (2, 2.5, 3):
            raise InputError(f"expected a network of dimension 2, 2.5 or 3, found {self.dimension}")
        if (self.dimension == 2.5) != (self.neighbors > 0):
            raise InputError(
                f"expected neighbors > 0 for dimension 2.5 and 0 otherwise, found dimension {self.dimension} and "
                f"neighbors {self.neighbors}"
            )

    @property
    def spatial(self) -> int:
        """Spatial axes of the tensors: 2 or 3."""
        return 3 if self.dimension == 3 else 2

    def input_channels(self, channels: int) -> int:
        """Channels of the input tensor for a scan with `channels` of them."""
        return channels * (2 * self.neighbors + 1)

    def along_axes(self, value: int) -> tuple[int, int, int]:
        """A halo in the plane, with what holds along z."""
        return (value if self.dimension == 3 else self.neighbors, value, value)


S = TypeVar("S", bound=NetworkSettings)


def read_settings(kind: type[S], values: Mapping[str, Any]) -> S:
    """Settings of a network from plain values; keys that follow from others are passed over.

    Raises
    ------
    InputError
        If a key is unknown; the message suggests the nearest one.
    """
    known = {field.name for field in fields(kind)}
    given: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in values.items() if key not in DERIVED
    }
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise InputError(f"unknown network setting {key!r}{hint} Known: {', '.join(sorted(known))}")
    return kind(**given)


def settings_mapping(settings: NetworkSettings, network: SegmentationNetwork) -> dict[str, Any]:
    """All that rebuilds a network, and its halo and multiple, as JSON has it."""
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(settings).items()}
    return {**plain, "halo": list(network.halo), "multiple": list(network.multiple)}
