"""What a training is told, and what it works out by itself where it is not told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from voltomo.errors import InputError
from voltomo.learning.normalization import NormalizationMethod
from voltomo.training.augmentation import Augmentation

__all__ = ["Ensemble", "Loss", "Precision", "TrainingSettings"]

Loss: TypeAlias = Literal["dice_ce", "cross_entropy", "segmentpy"]
Precision: TypeAlias = Literal["auto", "f32", "bf16"]
Ensemble: TypeAlias = Literal["seeds", "snapshots"]


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of one training; None is worked out from the data (see `voltomo.training.plan`).

    Parameters
    ----------
    network : registered name
    network_settings : its settings; what is missing is worked out
    name : of the model
    licence : of the model, as an SPDX name
    loss : "dice_ce": per-class soft Dice and cross-entropy; "segmentpy": what SegmentPy minimises, for comparison
    augmentation : how crops are changed
    normalization : "percentile" per scan, or "fixed" for grey values with a meaning
    patch : (z, y, x) of a crop
    batch : crops per step
    steps : of the whole training
    learning_rate, weight_decay : of AdamW; the rate is 0.003, and lower for a training begun from another model
    warm_up : share of the steps in which the rate rises; then it falls as a cosine to zero
    averaging : the weights that predict are an average over the steps, in which the old one keeps this part
    validate_every : steps between validations
    patience : validations without a gain after which training ends; 0 for never
    precision : "auto" takes bf16 on processors and devices that are fast at it
    members : networks in the ensemble
    ensemble : members from seeds of their own, or snapshots of one training whose rate is raised again
    reuse : of the model that training starts from: "all", "encoder", or beginnings of parameter names
    freeze : parameters that stay as they are: "none", "encoder", or beginnings of names
    seed : of weights, crops and augmentation
    threads : of torch; None leaves what is set. The same number is needed to repeat a training to the bit
    device : "cpu", "cuda", or "auto"

    Raises
    ------
    InputError
        If a value makes no sense.
    """

    network: str = "unet"
    network_settings: Mapping[str, Any] = field(default_factory=dict)
    name: str = "model"
    licence: str = ""
    loss: Loss = "dice_ce"
    augmentation: Augmentation = field(default_factory=Augmentation)
    normalization: NormalizationMethod = "percentile"
    patch: tuple[int, int, int] | None = None
    batch: int | None = None
    steps: int | None = None
    learning_rate: float | None = None
    weight_decay: float = 1e-2
    warm_up: float = 0.05
    averaging: float = 0.99
    validate_every: int | None = None
    patience: int = 0
    precision: Precision = "auto"
    members: int = 1
    ensemble: Ensemble = "seeds"
    reuse: str | tuple[str, ...] = "all"
    freeze: str | tuple[str, ...] = "none"
    seed: int = 0
    threads: int | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        for what, value, allowed in (
            ("loss", self.loss, get_args(Loss)),
            ("precision", self.precision, get_args(Precision)),
            ("ensemble", self.ensemble, get_args(Ensemble)),
        ):
            if value not in allowed:
                raise InputError(f"expected the {what} to be one of {', '.join(allowed)}, found {value!r}")
        counts = {
            "batch": self.batch,
            "steps": self.steps,
            "validate_every": self.validate_every,
            "members": self.members,
            "threads": self.threads,
        }
        for what, count in counts.items():
            if count is not None and count < 1:
                raise InputError(f"expected {what} to be 1 or more, found {count}")
        if self.patch is not None and (min(self.patch) < 1):
            raise InputError(f"expected a patch (z, y, x) in voxels, found {self.patch}")
        if (self.learning_rate is not None and not self.learning_rate > 0) or self.weight_decay < 0:
            raise InputError(
                f"expected a learning rate above 0 and no negative weight decay, found {self.learning_rate} and "
                f"{self.weight_decay}"
            )
        if not 0 <= self.warm_up < 1 or not 0 <= self.averaging < 1 or self.patience < 0:
            raise InputError(
                f"expected warm_up and averaging from 0 to below 1 and patience from 0, found {self.warm_up}, "
                f"{self.averaging} and {self.patience}"
            )
