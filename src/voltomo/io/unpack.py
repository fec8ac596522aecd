"""Decoders that give voxels piece by piece: zlib and gzip streams, text, and Amira's run lengths."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from voltomo.errors import ReadError

__all__ = ["unpack_runs", "unpack_text", "unpack_zlib"]

_PIECE = 1 << 20


def unpack_zlib(path: Path, offset: int, *, length: int | None = None) -> Iterator[bytes]:
    """Unpack a zlib or gzip stream that begins at a byte of a file.

    Raises
    ------
    ReadError
        If the stream is damaged or ends early.
    """
    decoder = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: either header, found out by zlib
    left = length
    with path.open("rb") as stream:
        stream.seek(offset)
        try:
            while not decoder.eof and (raw := stream.read(_PIECE if left is None else min(_PIECE, left))):
                left = None if left is None else left - len(raw)
                pending = raw
                while pending and not decoder.eof:
                    yield decoder.decompress(pending, _PIECE)
                    pending = decoder.unconsumed_tail
        except zlib.error as error:
            raise ReadError(f"{path}: its compressed voxels are damaged ({error})") from error
    if not decoder.eof:
        raise ReadError(f"{path} is truncated: its compressed voxels end early")


def unpack_text(path: Path, offset: int, *, dtype: np.dtype[Any]) -> Iterator[bytes]:
    """Numbers written as text from a byte of a file to its end, as bytes of `dtype`."""
    with path.open("rb") as stream:
        stream.seek(offset)
        rest = b""
        while raw := stream.read(_PIECE):
            whole, gap, rest = (rest + raw).rpartition(_last_gap(rest + raw))
            if gap:
                yield _parse_numbers(whole, dtype, path)
        yield _parse_numbers(rest, dtype, path)


def _last_gap(text: bytes) -> bytes:
    """The kind of white space that comes last in a text."""
    return max((b" ", b"\n", b"\t"), key=text.rfind)


def _parse_numbers(text: bytes, dtype: np.dtype[Any], path: Path) -> bytes:
    try:
        values = np.array(text.split(), dtype=np.float64)
    except ValueError as error:
        raise ReadError(f"{path}: expected numbers, found {error}") from error
    if dtype.kind in "ui":
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        wrong = values[(values < low) | (values > high) | (values != np.rint(values))]
        if len(wrong):
            raise ReadError(f"{path}: its header promises {dtype}, which cannot hold the value {wrong[0]:g}")
    return values.astype(dtype).tobytes()


def unpack_runs(path: Path, offset: int, *, length: int) -> Iterator[bytes]:
    """Unpack Amira's HxByteRLE.

    A control byte below 128 repeats the next byte that many times; from 128 on, that many (less 128) bytes follow
    as they are.
    """
    from voltomo.io.run_lengths import expand_runs  # numba takes longer to load than most files to read

    out = np.empty(_PIECE, np.uint8)
    run, value = 0, 0  # run: bytes left of the current one; below 0 where they follow as they are
    rest, left = b"", length
    with path.open("rb") as stream:
        stream.seek(offset)
        while left and (raw := stream.read(min(_PIECE, left))):
            left -= len(raw)
            packed, position, filled = np.frombuffer(rest + raw, np.uint8), 0, len(out)
            while filled == len(out):
                filled, position, run, value = expand_runs(packed, position, run, value, out)
                yield out[:filled].tobytes()
            rest = packed[position:].tobytes()
    if left or rest or run:
        raise ReadError(f"{path} is truncated: its run lengths end early")
