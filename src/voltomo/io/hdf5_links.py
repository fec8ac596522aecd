"""Finding datasets in HDF5 files without following a link out of their folder.

HDF5 files may point into other files: by external links, virtual datasets and external storage. Links inside the folder
are followed, dangling ones are passed over in a search, and those that lead elsewhere are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from voltomo.errors import InputError, ReadError
from voltomo.io.paths import is_beside, resolve_beside

__all__ = ["FoundDataset", "Location", "find_datasets", "locate_dataset"]

_DEEPEST = 32  # links that point in circles end here


@dataclass(frozen=True)
class Location:
    """A dataset after all links: the file that holds it, its path in there, and the path by which it was found."""

    file: Path
    name: str
    found_as: str = ""


@dataclass(frozen=True)
class FoundDataset:
    """A dataset under the name by which it was found."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    location: Location


def find_datasets(path: Path) -> list[FoundDataset]:
    """All numeric datasets of two or more axes, each once, under the first name found.

    Raises
    ------
    ReadError
        If the file cannot be opened, or a dataset takes its values from outside its folder.
    """
    found: list[FoundDataset] = []
    seen: set[tuple[str, int]] = set()
    for name, location in _walk(path, "/", seen, 0):
        with h5py.File(location.file, "r") as file:
            dataset = file[location.name]
            if dataset.shape and len(dataset.shape) >= 2 and dataset.dtype.kind in "uifb":
                _check_sources(dataset, location.file)
                found.append(FoundDataset(name, tuple(dataset.shape), dataset.dtype, location))
    return found


def _walk(path: Path, group_name: str, seen: set[tuple[str, int]], depth: int) -> Iterator[tuple[str, Location]]:
    """Names and places of the datasets below a group; dangling and outward links are passed over."""
    if depth > _DEEPEST:
        return
    try:
        with h5py.File(path, "r") as file:
            names = list(file[group_name])
    except (OSError, KeyError) as error:
        if depth:
            return
        raise ReadError(f"{path} cannot be opened as HDF5 ({error}); is it truncated?") from error
    for name in names:
        full = f"{group_name.rstrip('/')}/{name}"
        try:
            place, kind, address = _resolve(path, full, 0)
        except (InputError, ReadError):
            continue
        if (str(place.file), address) in seen:
            continue
        seen.add((str(place.file), address))
        if kind == "dataset":
            yield full, replace(place, found_as=full)
        elif kind == "group":
            for below, location in _walk(place.file, place.name, seen, depth + 1):
                outer = full + below.removeprefix(place.name.rstrip("/"))
                yield outer, replace(location, found_as=outer)


def locate_dataset(path: Path, name: str) -> Location:
    """The place of a named dataset.

    Raises
    ------
    InputError
        If there is no dataset of that name.
    ReadError
        If a link leads out of the folder of the file.
    """
    place, kind, _ = _resolve(path, name, 0)
    if kind != "dataset":
        raise InputError(f"{path}: {name} is a group; name a dataset in it")
    with h5py.File(place.file, "r") as file:
        _check_sources(file[place.name], place.file)
    return replace(place, found_as=name)


def _resolve(path: Path, name: str, depth: int) -> tuple[Location, str, int]:
    """Follow a path link by link; also whether it is a group or a dataset, and its address in the file."""
    if depth > _DEEPEST:
        raise ReadError(f"{path}: the links of {name} lead in a circle")
    with h5py.File(path, "r") as file:
        here: Any = file
        parts = [part for part in name.split("/") if part]
        for i, part in enumerate(parts):
            link = here.get(part, getlink=True) if isinstance(here, h5py.Group) else None
            rest = "/".join(parts[i + 1 :])
            if link is None:
                raise InputError(f"{path} has no {name}: {part!r} is not in {here.name} (there is {_list(here)})")
            if isinstance(link, h5py.ExternalLink):
                return _resolve(resolve_beside(path, link.filename), f"{link.path}/{rest}", depth + 1)
            if isinstance(link, h5py.SoftLink):
                start = "" if link.path.startswith("/") else here.name
                return _resolve(path, f"{start}/{link.path}/{rest}", depth + 1)
            try:
                here = here[part]
            except KeyError as error:
                raise ReadError(f"{path}: {part!r} in {here.name} is damaged ({error})") from error
        kind = "dataset" if isinstance(here, h5py.Dataset) else "group" if isinstance(here, h5py.Group) else "other"
        return Location(path, here.name), kind, int(h5py.h5o.get_info(here.id).addr)


def _list(group: Any) -> str:
    return ", ".join(sorted(str(name) for name in group)) if isinstance(group, h5py.Group) else "a dataset, not a group"


def _check_sources(dataset: Any, path: Path) -> None:
    """Values that lie in other files have to lie beside this one and exist: HDF5 fills the rest with zeros silently."""
    named = [source.file_name for source in dataset.virtual_sources()] if dataset.is_virtual else []
    named += [entry[0] if isinstance(entry[0], str) else entry[0].decode() for entry in dataset.external or ()]
    for name in set(named) - {"."}:
        if not is_beside(path, name):
            raise ReadError(f"{path}:{dataset.name} takes its values from {name!r} outside its own folder; refused")
        if "%" not in name and not (path.parent / name).is_file():
            raise ReadError(
                f"{path}:{dataset.name} takes its values from {name!r}, which is not there; was it copied too?"
            )
