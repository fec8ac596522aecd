"""Compressed voxels that can only be read from the start: unpacked once into a temporary file, then read by region."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

from voltomo.errors import ReadError, StorageError
from voltomo.units import format_bytes

__all__ = ["Spool"]


class Spool:
    """A temporary file of unpacked voxels, made when it is first asked for and removed with this object.

    Parameters
    ----------
    unpack : gives the unpacked bytes piece by piece
    nbytes : how many there have to be
    source : the compressed file, for messages
    """

    def __init__(self, unpack: Callable[[], Iterator[bytes]], *, nbytes: int, source: Path) -> None:
        self._unpack, self._nbytes, self._source = unpack, nbytes, source
        self._lock = threading.Lock()
        self._path: Path | None = None

    def path(self) -> Path:
        """The unpacked file.

        Raises
        ------
        ReadError
            If there are fewer or more bytes than expected.
        StorageError
            If the disk with temporary files is full.
        """
        with self._lock:
            if self._path is None:
                self._path = self._fill()
            return self._path

    def _fill(self) -> Path:
        handle, name = tempfile.mkstemp(prefix="voltomo-", suffix=".unpacked")
        weakref.finalize(self, _remove, name)
        count = 0
        with os.fdopen(handle, "wb") as stream:
            for piece in self._unpack():
                count += len(piece)
                if count > self._nbytes:
                    raise ReadError(f"{self._source} unpacks to more than the {self._nbytes} bytes its header promises")
                try:
                    stream.write(piece)
                except OSError as error:
                    raise StorageError(
                        f"unpacking {self._source} needs {format_bytes(self._nbytes)} in {tempfile.gettempdir()}: "
                        f"{error}. Set TMPDIR to a folder with more room"
                    ) from error
        if count != self._nbytes:
            raise ReadError(
                f"{self._source} is truncated: it unpacks to {count} bytes, its header promises {self._nbytes}"
            )
        return Path(name)


def _remove(name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        Path(name).unlink()
