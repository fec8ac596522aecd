"""Models for other programs: plain ONNX, and BioImage.IO zips that scale grey values by themselves.

References
----------
.. [1] BioImage.IO model description format 0.5, https://github.com/bioimage-io/spec-bioimage-io
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts.model import Model
from voltomo.errors import InputError
from voltomo.inference.openvino_engine import open_network
from voltomo.io.atomic import new_file
from voltomo.io.model_card import card_text, describe, hash_bytes, to_network_axes
from voltomo.io.model_folder import write_zip
from voltomo.learning.normalization import CLIP, Normalization
from voltomo.machine import available_cores

__all__ = ["ExportFormat", "export_model"]

ExportFormat: TypeAlias = Literal["onnx", "bioimageio"]
Floats: TypeAlias = npt.NDArray[np.float32]

EPSILON = 1e-6
"""Of the scaling by percentiles as BioImage.IO defines it."""


def export_model(model: Model, path: Path | str, *, form: ExportFormat, overwrite: bool = False) -> Path:
    """Write a model in a form that other programs read.

    Parameters
    ----------
    model : a single network
    path : the file to appear; ".onnx" or ".zip"
    form : "onnx": the network alone, which takes normalised grey values and gives logits; "bioimageio": a zip with
        `rdf.yaml`, whose preprocessing is the model's normalization as far as BioImage.IO has it (percentiles of the
        image it is given, not of the whole scan)
    overwrite : replace a file that is there

    Raises
    ------
    InputError
        If the model is a pixel classifier or an ensemble, or holds no test tensors for a BioImage.IO zip.
    """
    path = Path(path)
    if model.onnx is None:
        raise InputError(
            f"the model {model.name} is {model.network}, which is no network; only networks can be handed to other "
            "programs. Its arrays are in weights.safetensors"
        )
    if model.members:
        raise InputError(
            f"the model {model.name} is an ensemble of {1 + len(model.members)} networks, for which neither ONNX nor "
            "BioImage.IO has a word; its networks are the files model*.onnx in its folder"
        )
    content = {"onnx": None, "bioimageio": _bioimageio}[form]
    with new_file(path, overwrite=overwrite) as temporary:
        if content is None:
            temporary.write_bytes(model.onnx)
        else:
            write_zip(temporary, content(model))
    return path


def _bioimageio(model: Model) -> dict[str, bytes]:
    """Files of the zip. The test output belongs to the test input after the preprocessing that the card describes."""
    assert model.onnx is not None
    if model.test_input is None:
        raise InputError(f"the model {model.name} holds no test tensors, which a BioImage.IO zip needs")
    normalization = Normalization.from_mapping(model.normalization)
    given = to_network_axes(model.test_input, model)
    run = open_network(model.onnx, precision="f32", threads=available_cores(), streams=1)
    files = {
        "model.onnx": model.onnx,
        "test_input.npy": _npy(given),
        "test_output.npy": _npy(run(_preprocessed(given, normalization, len(model.channels)))),
        "README.md": _readme(model).encode(),
    }
    card = describe(model, {name: hash_bytes(content) for name, content in files.items()})
    (grey,) = card["inputs"]
    grey["preprocessing"] = _preprocessing(normalization, grey["axes"], len(model.channels))
    grey["description"] = "grey values of the scan"
    card |= {"documentation": "README.md", "name": _valid_name(model.name)}
    card["config"]["voltomo"].pop("card")
    return {**files, "rdf.yaml": card_text(card).encode()}


def _preprocessing(normalization: Normalization, axes: list[dict[str, Any]], channels: int) -> list[dict[str, Any]]:
    """Scaling and clipping in the words of BioImage.IO."""
    names = [axis.get("id", axis["type"]) for axis in axes]
    clip = {"id": "clip", "kwargs": {"min": CLIP[0], "max": CLIP[1]}}
    if normalization.method == "fixed":
        inputs = len(axes[1]["channel_names"]) // channels
        gains = [1 / (high - low) for low, high in zip(normalization.low, normalization.high, strict=True)]
        offsets = [-low * gain for low, gain in zip(normalization.low, gains, strict=True)]
        scale: dict[str, Any] = {
            "id": "scale_linear",
            "kwargs": {
                "axis": "channel",
                "gain": list(np.repeat(gains, inputs).tolist()),
                "offset": list(np.repeat(offsets, inputs).tolist()),
            },
        }
        return [scale, clip]
    # Neighbouring slices of one channel share their percentiles; several channels have their own.
    joint = [name for name in names if name != "channel" or channels == 1]
    low, high = normalization.percentiles
    kwargs = {"axes": joint, "min_percentile": low, "max_percentile": high, "eps": EPSILON}
    return [{"id": "scale_range", "kwargs": kwargs}, clip]


def _preprocessed(grey: Floats, normalization: Normalization, channels: int) -> Floats:
    """What a program that follows the card feeds to the network."""
    inputs = grey.shape[1] // channels
    if normalization.method == "fixed":
        shape = (1, -1, *(1,) * (grey.ndim - 2))
        low, high = (np.repeat(ends, inputs).reshape(shape) for ends in (normalization.low, normalization.high))
        scaled = (grey - low) / (high - low)
    else:
        axes = tuple(axis for axis in range(grey.ndim) if axis != 1 or channels == 1)
        low, high = np.percentile(grey, normalization.percentiles, axis=axes, keepdims=True)
        scaled = (grey - low) / (high - low + EPSILON)
    return np.ascontiguousarray(np.clip(scaled, *CLIP), np.float32)


def _readme(model: Model) -> str:
    """What BioImage.IO calls the documentation."""
    phases = ", ".join(phase.name for phase in model.phases)
    return (
        f"# {model.name}\n\nSegments scans of battery electrodes into {phases}. Trained with voltomo; how, on what and "
        "with which scores stands in `rdf.yaml` under `config: voltomo` and in the record of the original model. The "
        "output is one logit per phase: the phase is the one with the largest; for probabilities divide by "
        f"{model.temperature:.6g} and take a softmax.\n"
    )


def _valid_name(name: str) -> str:
    """A name as BioImage.IO allows it: letters, digits, blanks, hyphens, underscores; five or more."""
    kept = "".join(letter if (letter.isascii() and letter.isalnum()) or letter in " -_" else "-" for letter in name)
    return kept if len(kept) >= 5 else f"{kept} electrode model"


def _npy(values: Floats) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values, allow_pickle=False)
    return stream.getvalue()
