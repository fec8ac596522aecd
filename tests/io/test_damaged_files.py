"""Files with bytes changed at random: they read, or they raise an error of ours; nothing else comes out."""

from __future__ import annotations

import contextlib
import importlib.util
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from voltomo.errors import VoltomoError
from voltomo.testing.readers import ReaderConformance


def suites() -> list[type[ReaderConformance]]:
    """The suites of test_readers_conform.py, which know how to write each format."""
    path = Path(__file__).with_name("test_readers_conform.py")
    spec = importlib.util.spec_from_file_location("formats_under_test", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [
        item
        for item in vars(module).values()
        if isinstance(item, type) and issubclass(item, ReaderConformance) and item is not ReaderConformance
    ]


def damage(whole: bytes, rng: random.Random) -> bytes:
    """A few bytes changed, most of them near the start, where headers are; sometimes cut as well."""
    raw = bytearray(whole)
    for _ in range(rng.choice((1, 1, 2, 5))):
        place = rng.randrange(len(raw) if rng.random() < 0.4 else min(len(raw), 400))
        raw[place] = rng.choice((0, 255, rng.randrange(256), raw[place] ^ (1 << rng.randrange(8))))
    return bytes(raw[: rng.randrange(1, len(raw) + 1)] if rng.random() < 0.15 else raw)


@pytest.mark.parametrize("suite", suites(), ids=lambda suite: suite.__name__)
def test_damage_is_survived(suite: type[Any], tmp_path: Path) -> None:
    """Thirty damaged copies of a file of each format, the same ones in every run."""
    rng = random.Random(0)
    example = suite()
    path = example.write_example(tmp_path, np.arange(5 * 12 * 17).reshape(1, 5, 12, 17).astype(suite.dtypes[-1]), None)
    files = sorted(item for item in tmp_path.rglob("*") if item.is_file())
    for _ in range(30):
        file = rng.choice(files)
        whole = file.read_bytes()
        file.write_bytes(damage(whole, rng))
        with contextlib.suppress(VoltomoError):
            np.asarray(example.read(path).data[:])
        file.write_bytes(whole)
