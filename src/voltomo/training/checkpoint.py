"""An unfinished training on disk: one safetensors file, written whole or not at all. No pickle."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from voltomo.errors import ReadError, StorageError, StudyError

__all__ = ["Tensors", "fingerprint", "load_checkpoint", "save_checkpoint"]

Tensors = dict[str, torch.Tensor]

_VERSION = 1


def fingerprint(parts: Mapping[str, Any]) -> str:
    """Hash of what a training depends on; the same keys in another order give the same hash."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def save_checkpoint(
    path: Path, tensors: Mapping[str, torch.Tensor], state: Mapping[str, Any], *, identity: str
) -> None:
    """Write a checkpoint, replacing an older one in one move.

    Parameters
    ----------
    path : of the file
    tensors : weights, moments of the optimizer and the like, by name
    state : step, curves and the like, as JSON has it
    identity : `fingerprint` of the training

    Raises
    ------
    StorageError
        If it cannot be written, such as on a full disk; an older checkpoint stays.
    """
    from safetensors.torch import save_file

    header = {"voltomo": json.dumps({"version": _VERSION, "identity": identity, "state": state})}
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, partial, header)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except Exception as error:  # safetensors reports a full disk as an error of its own
        partial.unlink(missing_ok=True)
        raise StorageError(f"the checkpoint {path} could not be written: {error}") from error


def load_checkpoint(path: Path, *, identity: str) -> tuple[Tensors, dict[str, Any]]:
    """What `save_checkpoint` wrote.

    Raises
    ------
    ReadError
        If the file is damaged or no checkpoint.
    StudyError
        If it belongs to a training with other settings or labels.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})["voltomo"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - the file is no mapping
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise ReadError(
            f"{path} is not a readable checkpoint ({error}); delete it to begin the training anew"
        ) from error
    if header["version"] != _VERSION:
        raise StudyError(
            f"the checkpoint {path} has version {header['version']}, expected {_VERSION}; delete it to begin anew"
        )
    if header["identity"] != identity:
        raise StudyError(
            f"the checkpoint {path} belongs to a training with other settings, labels or images; give another place, "
            "or delete it to begin anew"
        )
    return tensors, header["state"]
