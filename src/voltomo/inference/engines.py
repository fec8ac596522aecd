"""What runs a model, and in which precision.

Engines are OpenVINO for networks on CPUs, numba for pixel classifiers, and whatever is registered, such as torch for
networks on GPUs, which is not imported here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts.model import Model
from voltomo.errors import InputError
from voltomo.inference.averaging import Ensemble
from voltomo.inference.network import network_predictor
from voltomo.inference.openvino_engine import cpu_precisions, open_network
from voltomo.learning.predictor import Predictor
from voltomo.machine import available_cores

__all__ = [
    "AGREEMENT",
    "Engine",
    "EngineName",
    "OpenModel",
    "Precision",
    "check_precisions",
    "choose_precision",
    "open_model",
    "open_predictor",
    "register_engine",
]

EngineName: TypeAlias = Literal["auto", "openvino", "torch", "numba"]
Precision: TypeAlias = Literal["auto", "f32", "bf16"]

AGREEMENT = 0.99
"""Share of voxels of the check set that must keep their class before a lower precision is chosen by itself.

What changes are voxels on the edge between two classes, as many one way as the other: a U-Net on `nmc_nanoct`, of which
0.994 to 0.997 agree in bf16, has an IoU of the active material that differs by 0.001 at most (0.002 is allowed).
"""
F32_ONLY = ("lrcsnet", "segnet")
"""Networks that unpool by argmax: rounding moves whole values to another voxel."""


class Engine(Protocol):
    """Opens the networks of a model; may raise `voltomo.errors.MissingExtraError`."""

    def __call__(self, model: Model, *, precision: str, threads: int) -> Predictor: ...


@dataclass(frozen=True)
class OpenModel:
    """A model that is ready, and how.

    Parameters
    ----------
    predictor : answers with logits
    engine, precision : what was chosen
    """

    predictor: Predictor
    engine: str
    precision: str


_engines: dict[str, Engine] = {}


def register_engine(name: str, engine: Engine) -> None:
    """Offer an engine under a name, or replace the one that has it."""
    _engines[name] = engine


def open_predictor(
    model: Model, *, engine: EngineName = "auto", precision: Precision = "auto", threads: int | None = None
) -> Predictor:
    """The predictor of a model; see `open_model`."""
    return open_model(model, engine=engine, precision=precision, threads=threads).predictor


def open_model(
    model: Model, *, engine: EngineName = "auto", precision: Precision = "auto", threads: int | None = None
) -> OpenModel:
    """Make a model ready to answer.

    Parameters
    ----------
    model : network or classifier
    engine : "auto": numba for classifiers, OpenVINO for networks
    precision : "auto": the fastest that the CPU has and that passed the model's own check, see `choose_precision`
    threads : as many as there are cores where None

    Raises
    ------
    InputError
        If the engine is unknown or does not run this kind of model, or the CPU does not have the precision.
    MissingExtraError
        If the engine is not installed.
    """
    name = ("numba" if model.is_classifier else "openvino") if engine == "auto" else engine
    if model.is_classifier != (name == "numba"):
        kind, fitting = ("a pixel classifier", "numba") if model.is_classifier else ("a network", "openvino")
        raise InputError(f"the model {model.name} is {kind} ({model.network}); the engine {name} does not run it, "
                         f"{fitting} does")  # fmt: skip
    if name not in _engines:
        raise InputError(f"there is no engine {name!r} here; there are {', '.join(sorted(_engines))}")
    chosen = choose_precision(model) if precision == "auto" and name == "openvino" else precision
    chosen = "f32" if chosen == "auto" else chosen
    return OpenModel(_engines[name](model, precision=chosen, threads=threads or available_cores()), name, chosen)


def choose_precision(model: Model, *, available: tuple[str, ...] | None = None) -> str:
    """The fastest precision in which the classes stay the same.

    Parameters
    ----------
    model : with what its check gave, `Model.precision`; without a check f32 is taken
    available : of the engine; those of this CPU where None
    """
    if model.network in F32_ONLY:
        return "f32"
    able = cpu_precisions() if available is None else available
    return "bf16" if "bf16" in able and model.precision.get("bf16", 0.0) >= AGREEMENT else "f32"


def check_precisions(model: Model, grey: npt.NDArray[np.float32], *, threads: int | None = None) -> dict[str, float]:
    """Share of voxels that have the same class in each precision of this CPU as in f32: for `Model.precision`.

    Parameters
    ----------
    model : a network
    grey : normalised (C, Z, Y, X), such as the labelled slices that validate
    """
    if model.is_classifier or model.onnx is None:
        return {"f32": 1.0}
    classes = {
        precision: _classes(model, grey, precision, threads or available_cores()) for precision in cpu_precisions()
    }
    return {precision: float(np.mean(found == classes["f32"])) for precision, found in classes.items()}


def _classes(model: Model, grey: npt.NDArray[np.float32], precision: str, threads: int) -> npt.NDArray[np.intp]:
    logits = _open_openvino(model, precision=precision, threads=threads)(grey)
    return np.asarray(logits.argmax(axis=0), np.intp)


def _open_openvino(model: Model, *, precision: str, threads: int) -> Predictor:
    """Every member of the model in OpenVINO."""
    if model.onnx is None:
        raise InputError(f"the model {model.name} holds no ONNX network, which OpenVINO needs; train it again")
    # Volumes take the memory of many slices: one at a time, on all cores.
    streams = 1 if model.dimension == 3 else threads
    members = tuple(
        network_predictor(
            model, open_network(network, precision=precision, threads=threads, streams=streams), streams=streams
        )
        for network in (model.onnx, *model.onnx_members)
    )
    return members[0] if len(members) == 1 else Ensemble(members)


def _open_numba(model: Model, *, precision: str, threads: int) -> Predictor:
    """Every member of a pixel classifier."""
    from voltomo.classifiers import open_classifier

    members = tuple(
        open_classifier(replace(model, weights=weights, members=())) for weights in (model.weights, *model.members)
    )
    return members[0] if len(members) == 1 else Ensemble(members)


register_engine("openvino", _open_openvino)
register_engine("numba", _open_numba)
