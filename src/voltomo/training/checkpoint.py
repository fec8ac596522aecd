"""An unfinished training on disk: one safetensors file, written whole or not at all. No pickle."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from voltomo.errors import ReadError, StorageError, StudyError

__all__ = ["Checkpoint", "Tensors", "fingerprint"]

Tensors = dict[str, torch.Tensor]

_VERSION = 1


def fingerprint(parts: Mapping[str, Any]) -> str:
    """Hash of what a training depends on; the same keys in another order give the same hash."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True)
class Checkpoint:
    """The file of an unfinished training.

    Parameters
    ----------
    path : of the file
    identity : `fingerprint` of the training
    replace : a file of another training, or one that cannot be read, is not refused; it stays until the first save
    """

    path: Path
    identity: str
    replace: bool = False

    def of_member(self, number: int) -> Checkpoint:
        """Each network of an ensemble has its own; the first has the file as named."""
        name = self.path.name if number == 0 else f"{self.path.name}.{number}"
        return Checkpoint(self.path.with_name(name), self.identity, self.replace)

    def save(self, tensors: Mapping[str, torch.Tensor], state: Mapping[str, Any]) -> None:
        """Write, replacing what is there in one move.

        Parameters
        ----------
        tensors : weights, moments of the optimizer and the like, by name
        state : step, curves and the like, as JSON has it

        Raises
        ------
        StorageError
            If it cannot be written, such as on a full disk; an older checkpoint stays.
        """
        from safetensors.torch import save_file

        path = self.path
        header = {"voltomo": json.dumps({"version": _VERSION, "identity": self.identity, "state": state})}
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

    def load(self) -> tuple[Tensors, dict[str, Any]] | None:
        """What `save` wrote; None where there is nothing to go on from.

        Raises
        ------
        ReadError
            If the file is damaged or no checkpoint.
        StudyError
            If it belongs to a training with other settings or labels.
        """
        if not self.path.exists():
            return None
        try:
            return self._read()
        except (ReadError, StudyError):
            if self.replace:
                return None
            raise

    def _read(self) -> tuple[Tensors, dict[str, Any]]:
        from safetensors import SafetensorError, safe_open

        path = self.path
        try:
            with safe_open(path, framework="pt") as file:
                header = json.loads((file.metadata() or {})["voltomo"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
        except (SafetensorError, KeyError, ValueError, OSError) as error:
            raise ReadError(
                f"{path} is not a readable checkpoint ({error}); begin anew with --overwrite, or delete it"
            ) from error
        if header["version"] != _VERSION:
            raise StudyError(
                f"the checkpoint {path} has version {header['version']}, expected {_VERSION}; begin anew with "
                "--overwrite, or delete it"
            )
        if header["identity"] != self.identity:
            raise StudyError(
                f"the checkpoint {path} belongs to a training with other settings, labels or images; give another "
                "place, or begin anew with --overwrite"
            )
        return tensors, header["state"]
