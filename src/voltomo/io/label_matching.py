"""Which labels belong to which grey image, by the names of files and folders."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from voltomo.artifacts import CodedPhases, Volume
from voltomo.errors import InputError, InputNotFoundError, ShapeError
from voltomo.io.label_files import LabelSource, open_labels
from voltomo.io.label_ilastik import is_ilastik_project
from voltomo.io.label_names import image_stem, is_label_name, list_images, plain_stem, split_slice
from voltomo.io.registry import read_volume

__all__ = ["Match", "match_labels"]

_SHOWN = 8


@dataclass(frozen=True)
class Match:
    """One grey image and one source of labels for it.

    Parameters
    ----------
    name : of the image: its stem, behind its sub-folder where there are several
    grey : the image
    source : the labels
    z : slice of the image that a single label slice belongs to; None where the labels have the shape of the image
    scan : sub-folder of the image, or ""
    annotator : sub-folder or given name of who painted them, or ""
    """

    name: str
    grey: Volume
    source: LabelSource
    z: int | None = None
    scan: str = ""
    annotator: str = ""

    @property
    def label_name(self) -> str:
        """The label file for messages."""
        return f"{self.annotator}/{self.source.path.name}" if self.annotator else self.source.path.name


def match_labels(
    grey: Path, labels: Path | Mapping[str, Path] | None, phases: CodedPhases | None
) -> tuple[list[Match], tuple[Path, ...]]:
    """Pair labels with images; no voxel is read but those of formats without slices.

    Parameters
    ----------
    grey, labels, phases : as in `open_label_pairs`

    Returns
    -------
    list of Match, tuple of Path
        Pairs, and grey files without labels.

    Raises
    ------
    InputNotFoundError, InputError, ShapeError, ReadError
        As in `open_label_pairs`.
    """
    if isinstance(labels, Mapping):
        parts = [(name, match_labels(grey, Path(path), phases)) for name, path in labels.items()]
        every = [replace(match, annotator=name) for name, (found, _) in parts for match in found]
        spare = set.intersection(*(set(unused) for _, (_, unused) in parts)) if parts else set()
        return every, tuple(sorted(spare))
    labels = grey if labels is None else Path(labels)
    for path, what in ((grey, "grey images"), (labels, "labels")):
        if not path.exists():
            raise InputNotFoundError(f"there is no file or folder {path} with {what}; is the name right?")
    if _is_folder(grey) and not list_images(grey) and (scans := _sub_folders(grey)):
        return _match_scans(scans, labels, phases)
    if _is_folder(labels) and not list_images(labels, with_labels=True) and (annotators := _sub_folders(labels)):
        return match_labels(grey, {folder.name: folder for folder in annotators}, phases)
    return _match_files(grey, labels, phases)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.name.lower().endswith(".zarr")


def _sub_folders(path: Path) -> list[Path]:
    return sorted(item for item in path.iterdir() if _is_folder(item) and not item.name.startswith("."))


def _match_scans(
    scans: Sequence[Path], labels: Path, phases: CodedPhases | None
) -> tuple[list[Match], tuple[Path, ...]]:
    """Sub-folders of one name belong together."""
    names = {folder.name for folder in scans}
    lost = [folder.name for folder in _sub_folders(labels) if folder.name not in names] if labels.is_dir() else []
    if not labels.is_dir() or lost:
        raise InputError(
            f"the grey images lie in the sub-folders {sorted(names)}; expected sub-folders of the same names in "
            f"{labels}, found {lost or 'a file'}. Rename them, or give one folder of images"
        )
    found: list[Match] = []
    spare: list[Path] = []
    for folder in scans:
        if not (labels / folder.name).exists():
            spare += list_images(folder)
            continue
        matches, unused = match_labels(folder, labels / folder.name, phases)
        found += [replace(match, name=f"{folder.name}/{match.name}", scan=folder.name) for match in matches]
        spare += unused
    return found, tuple(spare)


def _match_files(grey: Path, labels: Path, phases: CodedPhases | None) -> tuple[list[Match], tuple[Path, ...]]:
    files, label_files = _list_both(grey, labels)
    images = _by_stem(files)
    opened: dict[str, Volume] = {}

    def open_image(stem: str) -> Volume:
        if stem not in opened:
            opened[stem] = read_volume(images[stem])
        return opened[stem]

    sources: list[LabelSource] = []
    for file in label_files:
        shapes = {stem: open_image(stem).shape for stem in images} if is_ilastik_project(file) else None
        sources += open_labels(file, shapes=shapes, phases=phases)
    if len(sources) == 1 and len(images) == 1 and not _is_folder(grey) and not _is_folder(labels):
        placed = [(next(iter(images)), split_slice(plain_stem(sources[0].name))[1])]  # two files: any names will do
    else:
        placed = [_find_image(source.name, images) for source in sources]
    lost = [source for source, place in zip(sources, placed, strict=True) if not place[0]]
    if lost and len(sources) == 1 and _is_folder(grey) and sources[0].shape[0] > 1:
        volume = read_volume(grey)  # a folder of slices, and one stack of labels
        return [_check_shape(Match(grey.name, volume, sources[0]))], ()
    if lost:
        raise InputError(_tell_lost(lost, images, {stem for stem, _ in placed}, grey, labels))
    found = [
        _check_shape(Match(stem, open_image(stem), source, z))
        for source, (stem, z) in zip(sources, placed, strict=True)
    ]
    used = {match.name for match in found}
    return found, tuple(path for stem, path in images.items() if stem not in used)


def _list_both(grey: Path, labels: Path) -> tuple[list[Path], list[Path]]:
    """Grey files and label files, also where both lie in one folder."""
    files = list_images(grey) if _is_folder(grey) else [grey]
    label_files = list_images(labels, with_labels=True) if _is_folder(labels) else [labels]
    if _is_folder(grey) and _is_folder(labels) and grey.resolve() == labels.resolve():
        files = [path for path in files if not is_label_name(image_stem(path)) and path.suffix.lower() != ".ilp"]
        label_files = [path for path in label_files if path not in files]
    elif _is_folder(grey) and not _is_folder(labels):
        files = [path for path in files if path.resolve() != labels.resolve()]
    if not files:
        raise InputNotFoundError(f"{grey} holds no image that voltomo reads; expected TIFF, PNG, HDF5 or others")
    return files, label_files


def _by_stem(files: Sequence[Path]) -> dict[str, Path]:
    images: dict[str, Path] = {}
    for path in files:
        stem = image_stem(path)
        if stem in images:
            raise InputError(
                f"{images[stem].name} and {path.name} in {path.parent} have one name, so labels cannot tell them "
                "apart; move one of them elsewhere"
            )
        images[stem] = path
    return images


def _find_image(name: str, images: Mapping[str, Path]) -> tuple[str, int | None]:
    """Stem of the image that a label file's name means, and the slice; "" if there is none."""
    plain = plain_stem(name)
    if name in images or plain in images:
        return name if name in images else plain, None
    base, z = split_slice(plain)
    if z is None:
        return "", None
    if not base and len(images) == 1:
        return next(iter(images)), z
    return next((stem for stem in (base, plain_stem(base)) if stem in images), ""), z


def _tell_lost(
    lost: Sequence[LabelSource], images: Mapping[str, Path], used: set[str], grey: Path, labels: Path
) -> str:
    free = [stem for stem in images if stem not in used]
    near = difflib.get_close_matches(plain_stem(lost[0].name), free, n=1)
    hint = f" Should {lost[0].name} be {near[0]}_label?" if near else ""
    one = len(lost) == 1
    return (
        f"{len(lost)} label {'image has' if one else 'images have'} no grey image: {_list([s.name for s in lost])} in "
        f"{labels}. Grey images without labels: {_list(free) or 'none'} in {grey}. Names pair where they are equal, or "
        f"the label's ends in _label or _mask; scan_z0123 labels slice 123 of the volume scan.{hint}"
    )


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _check_shape(match: Match) -> Match:
    """The match, with its slice; refused where labels and image differ."""
    found, expected = match.source.shape, match.grey.shape
    if match.z is not None and found[0] == 1 and expected[0] > 1:
        if found[1:] == expected[1:] and match.z < expected[0]:
            return match
    elif found == expected:
        return replace(match, z=None)
    hint = "was one of them cropped or resampled?"
    if found == (expected[0], expected[2], expected[1]):
        hint = "are x and y exchanged?"
    elif found[0] == 1 < expected[0] and found[1:] == expected[1:] and match.z is None:
        hint = f"name a single slice by its number from 0, such as {match.name}_z0123.tif"
    elif match.z is not None and match.z >= expected[0]:
        hint = f"slice {match.z} was asked for; slices count from 0"
    raise ShapeError(
        f"the labels {match.source.path} have {found} voxels (z, y, x) and the grey image {match.name} {expected}; "
        + hint
    )
