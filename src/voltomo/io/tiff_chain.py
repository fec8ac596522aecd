"""Walking the page headers of a TIFF to their end.

A file that was cut in the middle otherwise reads as a shorter stack, or loses the tag that says what its pages are.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from voltomo.errors import ReadError

__all__ = ["check_chain"]

# Bytes per value of each tag type, TIFF 6.0 section 2 and the BigTIFF design.
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_FIRST_PRIVATE_TAG = 32768  # what programs put there may point anywhere


@dataclass(frozen=True)
class _Dialect:
    """How a header is packed: TIFF or BigTIFF, in one byte order."""

    count: struct.Struct
    tag: struct.Struct  # code, type, count, value or offset
    offset: struct.Struct


def check_chain(path: Path) -> None:
    """Check that every page header, and every value it points to, lies inside the file.

    Raises
    ------
    ReadError
        If one does not.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(16)
        order = "<" if start[:2] == b"II" else ">"
        is_big = start[2:4] in (b"+\0", b"\0+")
        dialect = _Dialect(
            *(struct.Struct(order + form) for form in (("Q", "HHQQ", "Q") if is_big else ("H", "HHII", "I")))
        )
        first = start[8:16] if is_big else start[4:8]
        (offset,) = _unpack(dialect.offset, first[: dialect.offset.size], path, 1)
        seen: set[int] = set()
        while offset:
            if offset in seen:
                raise ReadError(
                    f"{path}: the header of page {len(seen) + 1} is that of an earlier page; the file is damaged"
                )
            if offset >= size:
                raise _truncated(path, f"page {len(seen) + 1} should begin at byte {offset}", size)
            seen.add(offset)
            offset = _check_header(stream, offset, dialect, path, size, len(seen))
    if not seen:
        raise ReadError(f"{path} is a TIFF without a page; was the program that wrote it stopped?")


def _check_header(stream: BinaryIO, offset: int, dialect: _Dialect, path: Path, size: int, page: int) -> int:
    """Check the tags of one page; returns where the next page begins, 0 for none."""
    stream.seek(offset)
    (count,) = _unpack(dialect.count, stream.read(dialect.count.size), path, page)
    if count * dialect.tag.size > size:
        raise _truncated(path, f"page {page} claims to have {count} tags", size)
    raw = stream.read(count * dialect.tag.size + dialect.offset.size)
    if len(raw) < count * dialect.tag.size + dialect.offset.size:
        raise _truncated(path, f"it ends inside the header of page {page}", size)
    for code, kind, values, place in dialect.tag.iter_unpack(raw[: count * dialect.tag.size]):
        nbytes = values * _TYPE_BYTES.get(kind, 0)
        if code < _FIRST_PRIVATE_TAG and nbytes > dialect.offset.size and place + nbytes > size:
            raise _truncated(path, f"tag {code} of page {page} ends at byte {place + nbytes}", size)
    (following,) = dialect.offset.unpack(raw[-dialect.offset.size :])
    return int(following)


def _unpack(form: struct.Struct, raw: bytes, path: Path, page: int) -> tuple[int, ...]:
    if len(raw) < form.size:
        raise ReadError(f"{path} is truncated: it ends inside the header of page {page}; copy or export it again")
    return form.unpack(raw)


def _truncated(path: Path, what: str, size: int) -> ReadError:
    return ReadError(f"{path} is truncated: {what}, the file has {size} bytes; copy or export it again")
