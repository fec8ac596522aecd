"""Files that a file names: they have to lie beside it or below."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

from voltomo.errors import ReadError

__all__ = ["is_beside", "resolve_beside"]


def is_beside(origin: Path, named: str) -> bool:
    """Whether a name found in `origin` stays in its folder or below, links followed."""
    if not named or PurePosixPath(named).is_absolute() or PureWindowsPath(named).is_absolute():
        return False
    folder = origin.parent.resolve()
    return (folder / named).resolve().is_relative_to(folder)


def resolve_beside(origin: Path, named: str) -> Path:
    """The file that `origin` names.

    Raises
    ------
    ReadError
        If the name leads out of the folder of `origin`, or nothing is there.
    """
    if not is_beside(origin, named):
        raise ReadError(
            f"{origin} names the data file {named!r} outside its own folder; refused. Put both in one folder"
        )
    path = origin.parent / named
    if not path.is_file():
        raise ReadError(f"{origin} names the data file {named!r}, which is not there; was it copied too?")
    return path
