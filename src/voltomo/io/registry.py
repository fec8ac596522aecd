"""The formats that can be read and written: one registry for ours and for plug-ins.

A reader or writer is any value with the members of `Reader` or `Writer`. Plug-ins declare theirs as entry points in the
groups ``voltomo.readers`` and ``voltomo.writers``; ours come through the same door.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from voltomo.artifacts import PhaseTable, Volume
from voltomo.errors import InputError, InputNotFoundError, ReadError
from voltomo.io.channels import select_channel
from voltomo.units import VoxelSize

__all__ = [
    "FormatReader",
    "FormatWriter",
    "ReadOptions",
    "Reader",
    "Writer",
    "find_reader",
    "find_writer",
    "read_volume",
    "readers",
    "register_reader",
    "register_writer",
    "writers",
]


@dataclass(frozen=True)
class ReadOptions:
    """What a user may have to say about a file.

    Parameters
    ----------
    dataset : path of the array inside an HDF5 file
    shape : (Z, Y, X) of a raw file
    dtype : of a raw file, with byte order where it is not little endian, such as ">u2"
    offset : bytes of header before the voxels of a raw file
    """

    dataset: str | None = None
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    offset: int = 0


class Reader(Protocol):
    """Reads one format."""

    @property
    def name(self) -> str: ...

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Lower-case file endings such as ".tif"; empty for a reader of folders."""
        ...

    @property
    def can_read(self) -> Callable[[Path], bool]:
        """Whether the file or folder looks like this format, by its first bytes where the format has a signature."""
        ...

    @property
    def read(self) -> Callable[[Path, ReadOptions], Volume]:
        """Open a file; the voxels are read by region when `Volume.data` is indexed."""
        ...


class Writer(Protocol):
    """Writes one format; ``write(volume, path, labels=None or phase table, overwrite=False)`` returns what it wrote."""

    @property
    def name(self) -> str: ...

    @property
    def suffixes(self) -> tuple[str, ...]: ...

    @property
    def write(self) -> Callable[..., tuple[Path, ...]]: ...


@dataclass(frozen=True)
class FormatReader:
    """A reader made of two functions."""

    name: str
    suffixes: tuple[str, ...]
    can_read: Callable[[Path], bool]
    read: Callable[[Path, ReadOptions], Volume]


class WriteFunction(Protocol):
    """Signature of a writer's function."""

    def __call__(
        self, volume: Volume, path: Path, *, labels: PhaseTable | None = None, overwrite: bool = False
    ) -> tuple[Path, ...]: ...


@dataclass(frozen=True)
class FormatWriter:
    """A writer made of one function."""

    name: str
    suffixes: tuple[str, ...]
    write: WriteFunction


_readers: dict[str, Reader] = {}
_writers: dict[str, Writer] = {}
_loaded: set[str] = set()


def register_reader(reader: Reader) -> None:
    """Add a reader, or replace the one of the same name."""
    readers()  # entry points first, so that an explicit registration wins
    _readers[reader.name] = reader


def register_writer(writer: Writer) -> None:
    """Add a writer, or replace the one of the same name."""
    writers()
    _writers[writer.name] = writer


def readers() -> dict[str, Reader]:
    """All readers by name."""
    _load("voltomo.readers", _readers)
    return dict(_readers)


def writers() -> dict[str, Writer]:
    """All writers by name."""
    _load("voltomo.writers", _writers)
    return dict(_writers)


def _load(group: str, into: dict[str, Any]) -> None:
    if group not in _loaded:
        for point in sorted(entry_points(group=group), key=lambda point: point.name):
            into.setdefault(point.name, point.load())
        _loaded.add(group)


def read_volume(
    path: str | Path,
    *,
    voxel_size: VoxelSize | None = None,
    dataset: str | None = None,
    shape: tuple[int, ...] | None = None,
    dtype: str | None = None,
    offset: int = 0,
    channel: int | str | None = None,
) -> Volume:
    """Open a volume or image of any known format.

    Parameters
    ----------
    path : file, folder of slices, or OME-Zarr folder
    voxel_size : (dz, dy, dx) in m; None takes what the file says, which may be nothing
    dataset : path of the array inside an HDF5 file that holds several
    shape, dtype, offset : of a raw file without a JSON beside it
    channel : name or index of the one channel to keep; None keeps all

    Returns
    -------
    Volume
        Read by region; ``metadata["format"]`` names the reader, ``metadata["notices"]`` lists what a user should know;
        of a folder ``metadata["slices"]`` names the files.

    Raises
    ------
    InputNotFoundError
        If nothing is at `path`; the message suggests similar names.
    InputError
        If the format is unknown, or an option does not fit the file.
    ReadError
        If the file does not hold what its format promises.
    """
    path = Path(path)
    reader = find_reader(path)
    try:
        volume = reader.read(path, ReadOptions(dataset, shape, dtype, offset))
    except PermissionError as error:
        raise ReadError(f"{path} may not be read by this user ({error.strerror})") from error
    volume = replace(volume, name=path.name, metadata={"format": reader.name, "notices": (), **volume.metadata})
    if channel is not None:
        volume = select_channel(volume, channel)
    return volume if voxel_size is None else volume.with_voxel_size(voxel_size)


def find_reader(path: Path) -> Reader:
    """The reader of a file or folder: by its ending where the content agrees, else by its content.

    Raises
    ------
    InputNotFoundError, InputError, ReadError
        As in `read_volume`.
    """
    if not path.exists():
        raise _not_found(path)
    known = readers()
    if path.is_dir():
        for reader in known.values():
            if reader.can_read(path):
                return reader
        raise InputError(f"{path} is a folder without TIFF or PNG slices and no OME-Zarr image; name a file in it")
    if path.stat().st_size == 0:
        raise ReadError(f"{path} is empty (0 bytes); was the copy or the export interrupted?")
    by_suffix = [reader for reader in known.values() if path.name.lower().endswith(reader.suffixes or ("\0",))]
    for reader in (*by_suffix, *known.values()):
        if reader.can_read(path):
            return reader
    if by_suffix:
        with path.open("rb") as stream:
            start = stream.read(8)
        raise ReadError(f"{path} does not begin like a {by_suffix[0].name} file: found {start!r}; is its ending right?")
    raise InputError(f"{path}: unknown format; voltomo reads {_list_suffixes(known)} and folders of TIFF or PNG slices")


def find_writer(path: Path, format: str | None = None) -> Writer:  # noqa: A002 - the word users know
    """The writer of a format, or of a file's ending.

    Raises
    ------
    InputError
        If there is none.
    """
    known = writers()
    if format is not None:
        if format not in known:
            near = difflib.get_close_matches(format, known, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise InputError(f"unknown format {format!r}{hint}; voltomo writes {', '.join(known)}")
        return known[format]
    endings = [(suffix, writer) for writer in known.values() for suffix in writer.suffixes]
    for suffix, writer in sorted(endings, key=lambda ending: -len(ending[0])):  # .ome.tif before .tif
        if path.name.lower().endswith(suffix):
            return writer
    raise InputError(f"{path}: no format has this ending; voltomo writes {_list_suffixes(known)}, or give the format")


def _list_suffixes(known: dict[str, Any]) -> str:
    return ", ".join(sorted({suffix for item in known.values() for suffix in item.suffixes}))


def _not_found(path: Path) -> InputNotFoundError:
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    if folder != path.parent:
        return InputNotFoundError(f"{path} does not exist: there is no folder {path.parent} (there is {folder})")
    near = difflib.get_close_matches(path.name, [item.name for item in folder.iterdir()], n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return InputNotFoundError(f"{path} does not exist{hint}")
