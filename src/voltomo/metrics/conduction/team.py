"""Planes of a volume, shared among threads."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any

from voltomo.machine import available_cores

__all__ = ["Team"]

_PER_WORKER = 4
"""Pieces per thread: planes differ in how much conducts."""
_FEWEST_PLANES = 8
"""Below this a piece is not worth waking a thread for."""


class Team:
    """Threads that run ``loop(first, last, *arrays)`` over pieces of the planes 1 … count.

    What a loop computes must not depend on how the planes are cut.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or available_cores()
        self._pool = ThreadPoolExecutor(self.workers) if self.workers > 1 else None

    def __enter__(self) -> Team:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def run(self, loop: Callable[..., None], planes: int, *arrays: Any) -> None:
        """Run a loop over all planes and wait for it."""
        pieces = min(_PER_WORKER * self.workers, planes // _FEWEST_PLANES)
        if self._pool is None or pieces < 2:
            loop(1, planes + 1, *arrays)
            return
        cuts = [1 + planes * i // pieces for i in range(pieces + 1)]
        for done in [self._pool.submit(loop, a, b, *arrays) for a, b in itertools.pairwise(cuts)]:
            done.result()
