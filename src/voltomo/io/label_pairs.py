"""Grey images and the labels that belong to them, read from files and folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, CodedPhases, PhaseTable
from voltomo.errors import InputError, InputNotFoundError, ShapeError
from voltomo.io.label_candidates import find_candidates
from voltomo.io.label_matching import Match, match_labels
from voltomo.io.label_names import scan_prefix
from voltomo.learning.codes import LabelCounts, Unlabelled, resolve_codes
from voltomo.learning.next_slices import Candidates
from voltomo.learning.pairs import LabelledImage

__all__ = ["LabelPairs", "open_label_pairs", "read_label_pairs"]

_IN_MEMORY = 2**26
"""Grey images of up to this many bytes are read at once; larger ones by region."""
CONTEXT = 8
"""Slices kept on either side of a labelled one where a volume is labelled on a few slices only."""


@dataclass(frozen=True)
class LabelPairs:
    """What was read.

    Parameters
    ----------
    images : grey images with their labels; a volume with few labelled slices comes as slabs around them
    coded : the phase table, and the codes of the label files
    notices : sentences for the reader
    unlabelled : grey files without labels
    sources : for each image, the grey file that it is from: its name and how many slices it has
    """

    images: tuple[LabelledImage, ...]
    coded: CodedPhases
    notices: tuple[str, ...] = ()
    unlabelled: tuple[Path, ...] = ()
    sources: tuple[tuple[str, int], ...] = ()

    @property
    def phases(self) -> PhaseTable:
        """The phase table."""
        return self.coded.table

    def candidates(self) -> tuple[Candidates, ...]:
        """Where to label next, for `choose_next_slices`; no voxel is read."""
        return find_candidates(self.images, self.sources, self.unlabelled)


def read_label_pairs(
    grey: Path,
    labels: Path,
    *,
    phases: CodedPhases | None = None,
    unlabelled: Unlabelled = "auto",
    scan_of: Callable[[str], str] | None = None,
) -> tuple[tuple[LabelledImage, ...], PhaseTable]:
    """`open_label_pairs` without its notices."""
    found = open_label_pairs(grey, labels, phases=phases, unlabelled=unlabelled, scan_of=scan_of)
    return found.images, found.phases


def open_label_pairs(
    grey: Path,
    labels: Path | Mapping[str, Path] | None = None,
    *,
    phases: CodedPhases | None = None,
    unlabelled: Unlabelled = "auto",
    scan_of: Callable[[str], str] | None = None,
) -> LabelPairs:
    """Read grey images and their labels.

    Parameters
    ----------
    grey : image or volume, or a folder of them; with a sub-folder per scan if there are several
    labels : label file, or a folder of them
        They pair with the images by equal stem, or stem + ``_label`` or ``_mask``; ``scan_z0123.tif`` is slice 123,
        counted from 0, of the volume ``scan``. Sub-folders without counterpart beside the images are annotators.
        {annotator: path} names annotators; None takes the labels from the folder of the images.
    phases : which code is which phase, and the legend of label images in color
    unlabelled : as in `resolve_codes`
    scan_of : name of an image -> name of its scan
        None: slices of one size and type whose names differ in the last number are slices of one scan.

    Raises
    ------
    InputNotFoundError
        If a file or folder does not exist, or there is no label in it.
    InputError
        If labels do not pair with an image (all are listed), or hold no integers.
    ShapeError
        If labels have another shape than their image, or images another number of channels.
    GateError
        As in `resolve_codes`.
    ReadError
        If a file is damaged.
    """
    matches, spare = match_labels(Path(grey), labels, phases)
    if not matches:
        raise InputNotFoundError(f"no label file was found for {grey}; labels pair by equal name, or name + _label")
    _check_channels(matches)
    coding = resolve_codes([_count(match) for match in matches], phases=phases, unlabelled=unlabelled)
    every = [part for pairs in _by_image(matches, coding.ids) for part in _make_images(pairs)]
    read = [part for part in every if part.image.labelled]
    empty = [part.match.label_name for part in every if not part.image.labelled]
    notices = [f"Nothing is labelled in {', '.join(empty)}; left out."] if empty else []
    scans, guessed = _name_scans(read, scan_of)
    images = [replace(part.image, scan=scan) for part, scan in zip(read, scans, strict=True)]
    sources = tuple((part.match.name, part.match.grey.shape[0]) for part in read)
    told = (*coding.notices, *notices, *guessed)
    return LabelPairs(tuple(images), phases or coding.coded, told, spare, sources)


def _check_channels(matches: Sequence[Match]) -> None:
    counts = {match.grey.data.shape[0]: match.name for match in matches}
    if len(counts) > 1:
        found = ", ".join(f"{name} has {count}" for count, name in sorted(counts.items()))
        raise ShapeError(f"expected grey images with one number of channels, but {found}; train each kind by itself")


def _count(match: Match) -> LabelCounts:
    """What a label source holds, read slab by slab."""
    codes: Counter[int] = Counter()
    empty = 0
    for _, slab in match.source.slabs():
        painted = slab.any(axis=(1, 2))
        empty += int(np.count_nonzero(~painted))
        codes.update(_count_codes(slab[painted]))
    source = match.source
    return LabelCounts(
        match.label_name,
        dict(codes),
        source.names,
        is_zero_unlabelled=source.is_zero_unlabelled,
        is_in_ids=source.is_in_ids,
        slices=source.shape[0],
        empty_slices=empty,
    )


def _count_codes(codes: npt.NDArray[Any]) -> dict[int, int]:
    if codes.dtype in (np.uint8, np.uint16):  # counting is ten times as fast as sorting
        counts = np.bincount(codes.ravel())
        return {int(code): int(counts[code]) for code in np.flatnonzero(counts)}
    values, found = np.unique(codes, return_counts=True)
    return {int(code): int(count) for code, count in zip(values, found, strict=True)}


_Pairs = list[tuple[Match, Mapping[int, int]]]


def _by_image(matches: Sequence[Match], ids: Sequence[Mapping[int, int]]) -> list[_Pairs]:
    """Label sources of one image and annotator together, each with its codes."""
    groups: dict[tuple[str, str], _Pairs] = {}
    for match, of in zip(matches, ids, strict=True):
        groups.setdefault((match.name, match.annotator), []).append((match, of))
    for (name, _), pairs in groups.items():
        slices = [match.z for match, _ in pairs]
        if len(set(slices)) != len(slices) or (None in slices and len(slices) > 1):
            files = ", ".join(match.label_name for match, _ in pairs)
            raise InputError(
                f"{name} is labelled twice, by {files}; keep one of them, or put each annotator's labels into a folder"
            )
    return list(groups.values())


@dataclass(frozen=True)
class _Part:
    """An image, and what tells its scan."""

    image: LabelledImage
    match: Match


def _make_images(pairs: _Pairs) -> Iterator[_Part]:
    """The labelled image, or slabs of it around the labelled slices."""
    match = pairs[0][0]
    depth = match.grey.shape[0]
    labels = np.zeros(match.grey.shape, np.uint8)  # memory is taken where it is written: on labelled slices
    labelled: list[int] = []
    for source, ids in pairs:
        for start, slab in source.source.slabs():
            found = _translate(slab, ids)
            first = start if source.z is None else source.z
            for k in np.flatnonzero(found.any(axis=(1, 2))):
                labels[first + k] = found[k]
                labelled.append(first + int(k))
    spans = _find_spans(sorted(labelled), depth)
    for first, last in spans:
        is_whole = (first, last) == (0, depth)
        image = LabelledImage(
            match.name if is_whole else f"{match.name} z{first}-{last - 1}",
            _take(match.grey.data, first, last),
            labels if is_whole else labels[first:last].copy(),
            voxel_size=match.grey.voxel_size,
            annotator=match.annotator,
            first_slice=first,
        )
        yield _Part(image, match)


def _find_spans(labelled: Sequence[int], depth: int) -> list[tuple[int, int]]:
    """Runs of slices (first, behind the last) around the labelled ones; all of them where most are labelled."""
    spans: list[tuple[int, int]] = []
    for z in labelled:
        first, last = max(0, z - CONTEXT), min(depth, z + CONTEXT + 1)
        if spans and first <= spans[-1][1]:
            spans[-1] = (spans[-1][0], last)
        else:
            spans.append((first, last))
    kept = sum(last - first for first, last in spans)
    return spans if spans and 2 * kept < depth else [(0, depth)]


def _translate(codes: npt.NDArray[Any], ids: Mapping[int, int]) -> npt.NDArray[np.uint8]:
    if codes.dtype in (np.uint8, np.uint16):
        table = np.zeros(np.iinfo(codes.dtype).max + 1, np.uint8)
        for code, phase_id in ids.items():
            if 0 <= code < table.size:
                table[code] = phase_id
        return np.asarray(table[codes])
    values, where = np.unique(codes, return_inverse=True)
    return np.array([ids.get(int(value), 0) for value in values], np.uint8)[where].reshape(codes.shape)


def _take(data: ArrayLike, first: int, last: int) -> ArrayLike:
    """Slices of a (C, Z, Y, X) array-like: read where they are small, else still read by region."""
    channels, depth, height, width = data.shape
    if channels * (last - first) * height * width * np.dtype(data.dtype).itemsize <= _IN_MEMORY:
        return np.asarray(data[:, first:last])
    return data if (first, last) == (0, depth) else _Slab(data, first, last)


@dataclass(frozen=True)
class _Slab:
    """Slices `first` to `last` - 1 of a (C, Z, Y, X) array-like."""

    source: ArrayLike
    first: int
    last: int

    @property
    def shape(self) -> tuple[int, ...]:
        channels, _, height, width = self.source.shape
        return channels, self.last - self.first, height, width

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.source.dtype)

    def __getitem__(self, key: Any, /) -> npt.NDArray[Any]:
        keys = key if isinstance(key, tuple) else (key,)
        if Ellipsis in keys:
            at = keys.index(Ellipsis)
            keys = (*keys[:at], *[slice(None)] * (5 - len(keys)), *keys[at + 1 :])
        keys = (*keys, *[slice(None)] * (4 - len(keys)))
        planes = keys[1]
        if isinstance(planes, slice):
            start, stop, step = planes.indices(self.last - self.first)
            if step < 1:
                raise IndexError(f"slices are read forwards only, found a step of {step}")
            planes = slice(start + self.first, max(start, stop) + self.first, step)
        else:
            planes = range(self.first, self.last)[planes]
        return np.asarray(self.source[(keys[0], planes, *keys[2:])])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.asarray(self[:], dtype=dtype)


def _name_scans(parts: Sequence[_Part], scan_of: Callable[[str], str] | None) -> tuple[list[str], list[str]]:
    """Scan of each image, and a sentence where names were all there was to tell."""
    if scan_of is not None:
        return [scan_of(part.match.name) for part in parts], []
    groups: dict[tuple[str, int, int, str], set[str]] = {}
    keys = []
    for part in parts:
        _, height, width = part.match.grey.shape
        key = (scan_prefix(part.match.name), height, width, str(part.match.grey.data.dtype))
        keys.append(key)
        groups.setdefault(key, set()).add(part.match.name)
    scans, guessed = [], Counter[str]()
    for part, key in zip(parts, keys, strict=True):
        match = part.match
        if match.scan or match.grey.shape[0] > 1 or len(groups[key]) == 1:
            scans.append(match.scan or match.name)
            continue
        rivals = [other for other in groups if other[0] == key[0]]
        name = key[0] or "slices"
        name = name if len(rivals) == 1 else f"{name} ({key[1]}×{key[2]} {key[3]})"
        guessed[name] = len(groups[key])
        scans.append(name)
    if not guessed:
        return scans, []
    listed = ", ".join(f"{name} ({count})" for name, count in guessed.items())
    return scans, [f"By their names, slices were taken as parts of {len(guessed)} scans: {listed}."]
