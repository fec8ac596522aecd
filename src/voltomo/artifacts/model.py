"""A trained model: weights, and all that is needed to use them on another scan and to judge the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts.phases import PhaseTable
from voltomo.errors import InputError, ShapeError
from voltomo.units import VoxelSize

__all__ = ["CLASSIFIERS", "DIMENSIONS", "Model", "Weights"]

Weights: TypeAlias = Mapping[str, npt.NDArray[Any]]
"""Arrays by name, as they stand in a safetensors file."""

CLASSIFIERS = ("forest", "boosting", "mlp")
"""Pixel classifiers on image features; every other `network` is a neural network."""
DIMENSIONS = (2, 2.5, 3)
"""What a network reads at once: a slice, a slice with its neighbours as channels, a volume."""


@dataclass(frozen=True)
class Model:
    """A trained model.

    Parameters
    ----------
    name : what it is called on disk, in reports and on the command line
    network : registered name of the architecture, such as "unet", or one of `CLASSIFIERS`
    settings : all that rebuilds it, as JSON has it
        For networks `dimension` (2, 2.5 or 3), `halo` and `multiple` as [z, y, x] in voxels (how far a voxel's answer
        looks, and what tile origins must be multiples of), and for 2.5 `neighbors`, the slices on either side that
        are seen as channels. For classifiers the scales of the features and the like.
    phases : class k of the logits is row k
    channels : names of the channels of the grey volume, in order
    normalization : what `voltomo.learning.normalization.Normalization.to_mapping` gave
    weights : of the (first) network, or of the classifier
    onnx : the network as ONNX; None for classifiers
        Input (N, C, Y, X) or (N, C, Z, Y, X) float32, normalised; output logits with K in the place of C.
    temperature : logits are divided by it before they become probabilities
    binder_offsets : nats by which binder must be ahead of other phases to be chosen, where a voxel touches active
        material and elsewhere; probabilities stay as they are. (0, 0) for none. See `voltomo.inference.binder_rule`
    voxel_size : smallest and largest (dz, dy, dx) in m of the scans that trained it; None where they are unknown
    domain : fingerprint of the scans that trained it, see `voltomo.learning.domain`
    record : data hashes, split, curves, scores, and the fitted-cut baseline, as JSON has it
    test_input, test_output : float32 (C, Z, Y, X) normalised grey and the (K, Z, Y, X) logits that belong to it
    precision : precision of the engine -> share of voxels of a check set with the same class as in f32
    members : weights of further networks of the same kind, whose probabilities are averaged; empty for a single one
    onnx_members : their networks as ONNX, in the same order
    licence : under which it may be used, as an SPDX name; "" where not said
    """

    name: str
    network: str
    settings: Mapping[str, Any]
    phases: PhaseTable
    channels: tuple[str, ...]
    normalization: Mapping[str, Any]
    weights: Weights
    onnx: bytes | None = None
    temperature: float = 1.0
    binder_offsets: tuple[float, float] = (0.0, 0.0)
    voxel_size: tuple[VoxelSize, VoxelSize] | None = None
    domain: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    test_input: npt.NDArray[np.float32] | None = None
    test_output: npt.NDArray[np.float32] | None = None
    precision: Mapping[str, float] = field(default_factory=dict)
    members: tuple[Weights, ...] = ()
    onnx_members: tuple[bytes, ...] = ()
    licence: str = ""

    def __post_init__(self) -> None:
        if not self.name or not self.network:
            raise InputError("a model has a name and a network; one of them is empty")
        if len(self.phases) < 2:
            raise InputError(f"a model tells two phases or more apart, found the table {self.phases.ids}")
        if not self.channels:
            raise InputError("a model reads one channel or more, found none")
        if not (np.isfinite(self.temperature) and self.temperature > 0):
            raise InputError(f"the temperature of a model is positive, found {self.temperature}")
        if not np.isfinite(self.binder_offsets).all():
            raise InputError(f"the binder offsets of a model are finite, found {self.binder_offsets}")
        if not self.is_classifier and self.dimension not in DIMENSIONS:
            raise InputError(f"a network has dimension 2, 2.5 or 3 in its settings, found {self.dimension}")
        if not self.is_classifier and self.onnx is not None and len(self.members) != len(self.onnx_members):
            raise InputError(
                f"{len(self.members)} further networks but {len(self.onnx_members)} ONNX files; expected one for each"
            )
        self._check_test_tensors()

    def _check_test_tensors(self) -> None:
        """The stored input has the channels, the stored output the classes, both the same voxels."""
        if self.test_input is None or self.test_output is None:
            if self.test_input is not self.test_output:
                raise InputError("a test input needs its test output, and the other way round; one of them is missing")
            return
        given, answer = self.test_input.shape, self.test_output.shape
        if len(given) != 4 or (len(self.channels), len(self.phases), given[1:]) != (given[0], answer[0], answer[1:]):
            raise ShapeError(
                f"test input {given} and output {answer} of a model with {len(self.channels)} channels and "
                f"{len(self.phases)} phases; expected (C, Z, Y, X) and (K, Z, Y, X)"
            )

    @property
    def is_classifier(self) -> bool:
        """Whether it works on image features rather than being a neural network."""
        return self.network in CLASSIFIERS

    @property
    def dimension(self) -> float:
        """2, 2.5 or 3; 3 where the settings do not say."""
        return float(self.settings.get("dimension", 3))

    @property
    def classes(self) -> int:
        """Number of phases."""
        return len(self.phases)

    def with_record(self, **entries: Any) -> Model:
        """The same model with more in its record."""
        return replace(self, record={**self.record, **entries})
