"""`model.yaml`: what a model says about itself.

The card is a BioImage.IO 0.5 model description as far as that has words for it; the rest stands under
``config: voltomo``. A hash over the card shows when it was changed by hand.

References
----------
.. [1] BioImage.IO model description format 0.5, https://github.com/bioimage-io/spec-bioimage-io
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from voltomo.artifacts.model import Model
from voltomo.artifacts.phases import PhaseTable
from voltomo.errors import InputError, ReadError
from voltomo.io.hashing import hash_json
from voltomo.learning.predictor import stack_neighbors
from voltomo.version import VERSION

__all__ = [
    "CARD",
    "FORMAT",
    "ModelCard",
    "card_text",
    "check_card",
    "describe",
    "from_network_axes",
    "hash_bytes",
    "opset_version",
    "parse_card",
    "plain",
    "to_network_axes",
]

CARD = "model.yaml"
FORMAT = "voltomo-model-1"
"""Raised when a reader of the old format could misunderstand the new one."""
BIOIMAGE_VERSION = "0.5.4"


@dataclass(frozen=True)
class ModelCard:
    """The part of `model.yaml` that is voltomo's.

    Parameters
    ----------
    name, licence : of the model
    values : what stands under ``config: voltomo``
    """

    name: str
    licence: str
    values: Mapping[str, Any]

    @property
    def files(self) -> Mapping[str, str]:
        """SHA-256 of every other file."""
        return dict(self.values["files"])

    @property
    def network(self) -> str:
        return str(self.values["network"])

    @property
    def dimension(self) -> float:
        """2, 2.5 or 3."""
        return float(self.values["settings"].get("dimension", 3))

    @property
    def neighbors(self) -> int:
        """Slices on either side that a 2.5D network sees as channels."""
        return int(self.values["settings"].get("neighbors", 0)) if self.dimension == 2.5 else 0

    @property
    def members(self) -> int:
        """Further networks beside the first."""
        return int(self.values["members"])

    @property
    def phases(self) -> PhaseTable:
        return PhaseTable.from_rows(self.values["phases"])

    def fields(self) -> dict[str, Any]:
        """The fields of `Model` that stand in the card."""
        values, size = self.values, self.values["voxel_size"]
        return {
            "name": self.name,
            "network": self.network,
            "settings": values["settings"],
            "phases": self.phases,
            "channels": tuple(str(name) for name in values["channels"]),
            "normalization": values["normalization"],
            "temperature": float(values["temperature"]),
            "binder_offsets": _pair(values.get("binder_offsets", (0.0, 0.0))),
            "voxel_size": None if size is None else tuple(tuple(float(edge) for edge in edges) for edges in size),
            "domain": values["domain"],
            "precision": {str(key): float(share) for key, share in values["precision"].items()},
            "licence": self.licence,
        }


def _pair(values: Any) -> tuple[float, float]:
    touching, elsewhere = (float(value) for value in values)
    return touching, elsewhere


def describe(model: Model, files: Mapping[str, str]) -> dict[str, Any]:
    """The card of a model whose files have these hashes, as plain values."""
    ours = {
        "format": FORMAT,
        "written_by": f"voltomo {VERSION}",
        "network": model.network,
        "settings": plain(model.settings, "settings"),
        "phases": model.phases.to_rows(),
        "channels": list(model.channels),
        "normalization": plain(model.normalization, "normalization"),
        "temperature": float(model.temperature),
        **({"binder_offsets": [float(v) for v in model.binder_offsets]} if any(model.binder_offsets) else {}),
        "voxel_size": None if model.voxel_size is None else [list(size) for size in model.voxel_size],
        "domain": plain(model.domain, "domain"),
        "precision": {key: float(share) for key, share in model.precision.items()},
        "members": len(model.members),
        "files": dict(files),
    }
    card: dict[str, Any] = {
        "type": "model",
        "format_version": BIOIMAGE_VERSION,
        "name": model.name,
        "description": f"{model.network}: {', '.join(phase.name for phase in model.phases)} of a battery electrode",
        **({"license": model.licence} if model.licence else {}),
        "tags": ["semantic-segmentation", "tomography", "battery"],
    }
    if "model.onnx" in files and "test_input.npy" in files:
        card |= _tensors(model, files)
        card["weights"] = {"onnx": _onnx_entry(model, files["model.onnx"])}
    card["config"] = {"voltomo": {**ours, "card": ""}}
    card["config"]["voltomo"]["card"] = _card_hash(card)
    return card


def _tensors(model: Model, files: Mapping[str, str]) -> dict[str, Any]:
    """Inputs, outputs and weights as BioImage.IO says them; the grey values are already normalised."""
    neighbors = int(model.settings.get("neighbors", 0)) if model.dimension == 2.5 else 0
    names = [
        f"{channel}{'' if not offset else f'{offset:+d}'}"
        for channel in model.channels
        for offset in range(-neighbors, neighbors + 1)
    ]
    places = ("z", "y", "x") if model.dimension == 3 else ("y", "x")
    assert model.test_input is not None
    sizes = model.test_input.shape[-len(places) :]
    # Any size will do; the test tensor has to be one of those that are declared.
    seen = [
        {"type": "space", "id": place, "size": {"min": min(size, 16), "step": 1}}
        for place, size in zip(places, sizes, strict=True)
    ]
    given = [{"type": "space", "id": place, "size": {"tensor_id": "grey", "axis_id": place}} for place in places]
    phases = [phase.name for phase in model.phases]
    return {
        "inputs": [
            {
                "id": "grey",
                "description": "grey values, normalised: see config.voltomo.normalization",
                "axes": [{"type": "batch"}, {"type": "channel", "channel_names": _identifiers(names)}, *seen],
                "data": {"type": "float32"},
                "test_tensor": {"source": "test_input.npy", "sha256": files["test_input.npy"]},
            }
        ],
        "outputs": [
            {
                "id": "logits",
                "description": "one logit per phase; divide by config.voltomo.temperature before a softmax",
                "axes": [{"type": "batch"}, {"type": "channel", "channel_names": _identifiers(phases)}, *given],
                "data": {"type": "float32"},
                "test_tensor": {"source": "test_output.npy", "sha256": files["test_output.npy"]},
            }
        ],
    }


def _onnx_entry(model: Model, digest: str) -> dict[str, Any]:
    """Where the network is, and which operators of ONNX it uses."""
    assert model.onnx is not None
    opset = opset_version(model.onnx)
    return {"source": "model.onnx", "sha256": digest, **({} if opset is None else {"opset_version": opset})}


def opset_version(network: bytes) -> int | None:
    """Version of ONNX's own operators that a network imports; None where the file does not say.

    ``ModelProto.opset_import`` (field 8) holds pairs of domain (1) and version (2); the domain of ONNX itself is empty.
    """
    versions = []
    for number, value in _protobuf_fields(network):
        if number == 8 and isinstance(value, bytes):
            entry = dict(_protobuf_fields(value))
            if not entry.get(1):
                versions.append(entry.get(2))
    return next((version for version in versions if isinstance(version, int)), None)


def _protobuf_fields(content: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Numbers and values of the fields of a message; stops at what it does not know.

    References
    ----------
    .. [1] Protocol Buffers, Encoding, https://protobuf.dev/programming-guides/encoding/
    """
    place = 0

    def varint() -> int:
        nonlocal place
        value = shift = 0
        while place < len(content):
            byte = content[place]
            place, value, shift = place + 1, value | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                break
        return value

    while place < len(content):
        number, kind = divmod(varint(), 8)
        if kind == 0:
            yield number, varint()
        elif kind == 2:
            length = varint()
            yield number, content[place : place + length]
            place += length
        else:
            return


def _identifiers(names: list[str]) -> list[str]:
    """Names as BioImage.IO allows them: letters, digits and underscores, each once."""
    found: list[str] = []
    for name in names:
        text = name.replace("+", "_p").replace("-", "_m")
        word = "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in text).strip("_").lower()
        word = word if word and word[0].isalpha() else f"c{word}"
        found.append(word if word not in found else f"{word}_{len(found)}")
    return found


def card_text(card: Mapping[str, Any]) -> str:
    """YAML of a card; lists of plain values in one line."""
    return str(yaml.safe_dump(dict(card), sort_keys=False, allow_unicode=True, default_flow_style=None, width=120))


def parse_card(content: bytes, path: Path) -> ModelCard:
    """The card in a file.

    Raises
    ------
    ReadError
        If it is not the card of a voltomo model.
    """
    try:
        card = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ReadError(f"{path}: {CARD} is no readable YAML ({error})") from error
    config = card.get("config") if isinstance(card, dict) else None
    values = config.get("voltomo") if isinstance(config, dict) else None
    if not isinstance(values, dict) or "format" not in values:
        raise ReadError(
            f"{path}: {CARD} has no `config: voltomo:`; expected a model that `voltomo train` wrote. Models of other "
            "programs cannot be read"
        )
    if values["format"] != FORMAT:
        raise ReadError(
            f"{path} was written in the format {values['format']!r} by {values.get('written_by', 'another version')}; "
            f"this is voltomo {VERSION}, which reads {FORMAT!r}. Train the model again, or read it with that version"
        )
    if values.get("card") != _card_hash(card):
        raise ReadError(
            f"{path}: {CARD} was altered after the model was written (its own hash differs); copy the model again. "
            "What a model says about its phases and grey values must belong to its weights"
        )
    return ModelCard(str(card.get("name", "")), str(card.get("license", "")), values)


def check_card(card: ModelCard, path: Path) -> ModelCard:
    """The card itself, refused if it lacks an entry."""
    needed = ("network", "settings", "phases", "channels", "normalization", "temperature", "voxel_size", "domain")
    missing = [key for key in (*needed, "precision", "members", "files") if key not in card.values]
    if missing:
        raise ReadError(f"{path}: {CARD} lacks {', '.join(missing)} under `config: voltomo:`")
    return card


def _card_hash(card: Mapping[str, Any]) -> str:
    """Hash of a card as YAML gives it back, without the hash itself."""
    config = card["config"]["voltomo"]
    rest = {**card, "config": {**card["config"], "voltomo": {k: v for k, v in config.items() if k != "card"}}}
    return hash_json(json.loads(json.dumps(rest)))


def hash_bytes(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def plain(values: Any, where: str) -> Any:
    """Values as JSON has them: NumPy's become lists and numbers, tuples lists, nan and infinity None.

    Raises
    ------
    InputError
        If something has no word in JSON.
    """
    if isinstance(values, Mapping):
        return {str(key): plain(value, f"{where}.{key}") for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [plain(value, where) for value in values]
    if isinstance(values, np.ndarray):
        return plain(values.tolist(), where)
    if isinstance(values, np.generic):
        return plain(values.item(), where)
    if values is None or isinstance(values, bool | int | str):
        return values
    if isinstance(values, float):
        return values if np.isfinite(values) else None
    raise InputError(f"{where} of a model holds {values!r} ({type(values).__name__}), which JSON has no word for")


def to_network_axes(values: npt.NDArray[np.float32], model: Model, *, answer: bool = False) -> npt.NDArray[np.float32]:
    """(C, Z, Y, X) as the network takes it, or the answer (K, Z, Y, X) as it gives it: slices are a batch in 2D."""
    if model.is_classifier or model.dimension == 3:
        return np.ascontiguousarray(values[None], dtype=np.float32)
    reach = 0 if answer or model.dimension == 2 else int(model.settings.get("neighbors", 0))
    return stack_neighbors(np.asarray(values, np.float32), reach)


def from_network_axes(values: npt.NDArray[np.float32], neighbors: int) -> npt.NDArray[np.float32]:
    """What `to_network_axes` was given."""
    if values.ndim == 5:
        return np.asarray(values[0])
    middle = values[:, neighbors :: 2 * neighbors + 1]  # of each channel, the slice itself
    return np.ascontiguousarray(middle.swapaxes(0, 1))
