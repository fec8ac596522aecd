"""Models on disk: a folder, or a zip of it, that other programs can read and that shows when it was changed.

::

    mine/
      model.yaml             what it is (BioImage.IO 0.5 where that says it), and the hash of every file
      weights.safetensors    arrays; weights-1.safetensors ... of further members of an ensemble
      model.onnx             the network; model-1.onnx ... of further members
      test_input.npy         what a replay puts in, and
      test_output.npy        what has to come out
      record.json            how it was trained, on what, with which scores
      training.html          the same to read, where the training wrote it
      phases.yaml            which code of its label files is which phase, for another training with --phases

Nothing is unpickled, and nothing of a zip is written to disk while it is read.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts.model import Model, Weights
from voltomo.errors import InputError, InputNotFoundError, ReadError, StorageError
from voltomo.io.atomic import new_file, new_folder
from voltomo.io.model_card import (
    CARD,
    FORMAT,
    ModelCard,
    card_text,
    check_card,
    describe,
    from_network_axes,
    hash_bytes,
    parse_card,
    plain,
    to_network_axes,
)

__all__ = ["is_model", "model_files", "read_card", "read_model", "write_model", "write_zip"]

LARGEST = 4_000_000_000
"""Bytes of one file of a model, unpacked: far above any network here, far below what a hostile zip unpacks to."""
_PARTS = (
    r"model\.yaml|record\.json|training\.html|phases\.yaml|test_(in|out)put\.npy|"
    r"weights(-[1-9]\d*)?\.safetensors|model(-[1-9]\d*)?\.onnx"
)
_DATE = (1980, 1, 1, 0, 0, 0)  # the same model gives the same zip


def write_model(model: Model, path: Path | str, *, overwrite: bool = False) -> Path:
    """Write a model as a folder, or as one file where the name ends in ".zip".

    It appears under its name when it is complete.

    Parameters
    ----------
    model : the model
    path : the folder or zip to appear
    overwrite : replace a model that is there

    Raises
    ------
    InputError
        If something is there that is not to be replaced, or the model holds values that JSON has no word for.
    StorageError
        If the disk is full or not writable.
    """
    path = Path(path)
    files = model_files(model)
    if path.suffix == ".zip":
        with new_file(path, overwrite=overwrite) as temporary:
            write_zip(temporary, files)
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"there can be no folder {path.parent} for the model: {error}") from error
    with new_folder(path, overwrite=overwrite, is_ours=lambda item: _is_part(item.name)) as folder:
        for name, content in files.items():
            (folder / name).write_bytes(content)
    return path


def model_files(model: Model) -> dict[str, bytes]:
    """The files of a model by name; the card comes last, so that a copy cut short has none."""
    files = {"weights.safetensors": _pack(model.weights)}
    files |= {f"weights-{i}.safetensors": _pack(weights) for i, weights in enumerate(model.members, start=1)}
    if model.onnx is not None:
        files["model.onnx"] = model.onnx
    files |= {f"model-{i}.onnx": network for i, network in enumerate(model.onnx_members, start=1)}
    if model.test_input is not None and model.test_output is not None:
        files["test_input.npy"] = _npy_bytes(to_network_axes(model.test_input, model))
        files["test_output.npy"] = _npy_bytes(to_network_axes(model.test_output, model, answer=True))
    files["record.json"] = json.dumps(plain(model.record, "record"), indent=1).encode()
    files[CARD] = card_text(describe(model, {name: hash_bytes(content) for name, content in files.items()})).encode()
    return files


def write_zip(path: Path, files: Mapping[str, bytes]) -> None:
    """A zip whose bytes depend on its files alone."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), content, zipfile.ZIP_DEFLATED)


def is_model(path: Path) -> bool:
    """Whether a folder or zip has the card of a model; what else it holds is not looked at."""
    if path.is_dir():
        return (path / CARD).is_file()
    if path.suffix != ".zip" or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return CARD in archive.namelist()


def read_card(path: Path | str) -> ModelCard:
    """What a model says about itself, without its weights.

    Raises
    ------
    InputNotFoundError
        If nothing is there.
    ReadError
        If it is no model, was written by another version of the format, or was changed by hand.
    """
    with _opened(Path(path)) as load:
        return _card(Path(path), load)


def read_model(path: Path | str) -> Model:
    """Read a model from a folder or a zip.

    Raises
    ------
    InputNotFoundError
        If nothing is there.
    ReadError
        If it is no model, was written by another version of the format, or a file is missing or was altered.
    """
    path = Path(path)
    with _opened(path) as load:
        card = _card(path, load)
        files = {name: _checked(path, load, name, digest) for name, digest in card.files.items()}
    try:
        return _assemble(card, files)
    except (InputError, KeyError, ValueError, TypeError) as error:
        raise ReadError(f"{path} does not hold a complete model: {error}; was it written by voltomo?") from error


def _assemble(card: ModelCard, files: Mapping[str, bytes]) -> Model:
    """The model of a card and its files."""
    members = range(1, card.members + 1)
    given, answer = (files.get(name) for name in ("test_input.npy", "test_output.npy"))
    return Model(
        **card.fields(),
        weights=_unpack(files["weights.safetensors"]),
        onnx=files.get("model.onnx"),
        record=json.loads(files["record.json"]),
        test_input=None if given is None else from_network_axes(_read_npy(given), card.neighbors),
        test_output=None if answer is None else from_network_axes(_read_npy(answer), 0),
        members=tuple(_unpack(files[f"weights-{i}.safetensors"]) for i in members),
        onnx_members=tuple(files[f"model-{i}.onnx"] for i in members if f"model-{i}.onnx" in files),
    )


def _card(path: Path, load: Callable[[str], bytes | None]) -> ModelCard:
    content = load(CARD)
    if content is None:
        raise ReadError(f"{path} has no {CARD}; expected a model folder as `voltomo train` writes it, or a zip of one")
    return check_card(parse_card(content, path), path)


def _checked(path: Path, load: Callable[[str], bytes | None], name: str, digest: str) -> bytes:
    """A file of the model, as it was written."""
    if not _is_part(name):
        raise ReadError(f"{path} names the file {name!r}, which is no part of a model; refused")
    content = load(name)
    if content is None:
        raise ReadError(f"{path} lacks the file {name}; copy the whole model folder again")
    if hash_bytes(content) != digest:
        raise ReadError(
            f"{path}: the file {name} was altered or damaged after the model was written (its SHA-256 differs from the "
            f"one in {CARD}); copy the model again from its source"
        )
    return content


@contextmanager
def _opened(path: Path) -> Iterator[Callable[[str], bytes | None]]:
    """A function that gives the content of a file of the model by name, or None where there is none."""
    if path.is_dir():

        def load(name: str) -> bytes | None:
            file = path / name
            return file.read_bytes() if file.is_file() else None

        yield load
        return
    if not path.exists():
        raise InputNotFoundError(f"there is no model at {path}")
    if not zipfile.is_zipfile(path):
        raise ReadError(f"{path} is no model: expected a folder with {CARD}, or a zip of one")
    with zipfile.ZipFile(path) as archive:

        def load_zipped(name: str) -> bytes | None:
            try:
                entry = archive.getinfo(name)
            except KeyError:
                return None
            if entry.file_size > LARGEST:
                raise ReadError(f"{path}: {name} claims {entry.file_size} bytes unpacked; no model is that large")
            try:
                return archive.read(entry)
            except (zipfile.BadZipFile, OSError, EOFError) as error:
                raise ReadError(f"{path}: {name} cannot be unpacked ({error}); copy the model again") from error

        yield load_zipped


def _is_part(name: str) -> bool:
    """Whether a name is one that a model folder has; no other is ever opened."""
    return re.fullmatch(_PARTS, name) is not None


def _pack(weights: Weights) -> bytes:
    """Arrays as safetensors."""
    from safetensors.numpy import save

    content: bytes = save({name: np.array(values, order="C") for name, values in weights.items()}, {"format": FORMAT})
    return content


def _unpack(content: bytes) -> dict[str, npt.NDArray[Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return dict(load(content))
    except SafetensorError as error:
        raise ReadError(f"the weights are no safetensors file ({error})") from error


def _npy_bytes(values: npt.NDArray[np.float32]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values, allow_pickle=False)
    return stream.getvalue()


def _read_npy(content: bytes) -> npt.NDArray[np.float32]:
    return np.asarray(np.load(io.BytesIO(content), allow_pickle=False), dtype=np.float32)
