"""Outputs that appear whole or not at all."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from voltomo.errors import InputError, InputNotFoundError, StorageError, VoltomoError

__all__ = ["new_file", "new_folder"]


@contextlib.contextmanager
def new_file(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """A temporary name beside `path` to write to; renamed to `path` at the end, removed after an error.

    Raises
    ------
    InputError
        If `path` exists and `overwrite` is False, or is a folder.
    InputNotFoundError
        If its folder does not exist.
    StorageError
        If the disk is full or not writable.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; expected the name of a file to write")
    with _guarded(path, overwrite) as temporary:
        yield temporary
        temporary.replace(path)


@contextlib.contextmanager
def new_folder(path: Path, *, overwrite: bool, is_ours: Callable[[Path], bool]) -> Iterator[Path]:
    """A temporary folder beside `path` to fill; renamed to `path` at the end, removed after an error.

    Parameters
    ----------
    path : the folder to appear
    overwrite : replace a folder that exists, if `is_ours` holds for everything in it
    is_ours : whether a file is one that this export writes

    Raises
    ------
    InputError, InputNotFoundError, StorageError
        As in `new_file`; also if the folder holds files that this export would not write.
    """
    if path.exists() and overwrite:
        foreign = [item.name for item in path.iterdir() if not is_ours(item)] if path.is_dir() else [path.name]
        if foreign:
            raise InputError(f"{path} holds other files too ({foreign[0]}); it is not replaced. Choose a new folder")
    with _guarded(path, overwrite) as temporary:
        temporary.mkdir()
        yield temporary
        if path.exists():
            old = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.old")
            path.rename(old)
            temporary.rename(path)
            shutil.rmtree(old)
        else:
            temporary.rename(path)


@contextlib.contextmanager
def _guarded(path: Path, overwrite: bool) -> Iterator[Path]:
    """Refuse what must not be written, name the temporary, clean up, and translate errors of the disk."""
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists; allow overwriting or choose another name")
    if not path.parent.is_dir():
        raise InputNotFoundError(f"there is no folder {path.parent} to write {path.name} into")
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        yield temporary
    except VoltomoError:
        raise
    except OSError as error:
        raise StorageError(f"{path} could not be written: {error}; nothing was left behind") from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)
