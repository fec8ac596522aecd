"""Which blocks of a stage are done, so that a killed run continues where it stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["BlockLog", "Partial"]

Partial = dict[str, npt.NDArray[np.generic]]
"""What a block contributes to a reduction: named arrays."""


class BlockLog:
    """A folder that records finished blocks; survives a kill at any moment.

    A map records a block with an empty marker file, a reduction with the block's partial result. Both appear by rename
    after their content is complete, so that what is recorded is whole.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def is_done(self, number: int) -> bool:
        """Whether a block of a map was written."""
        return (self.folder / f"{number}.done").exists()

    def mark_done(self, number: int) -> None:
        """Record that a block of a map was written."""
        (self.folder / f"{number}.done").touch()

    def load(self, number: int) -> Partial | None:
        """The partial result that a block left, or None."""
        path = self.folder / f"{number}.npz"
        if not path.exists():
            return None
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}

    def store(self, number: int, partial: Partial) -> None:
        """Record the partial result of a block."""
        temporary = self.folder / f"{number}.part"
        with temporary.open("wb") as stream:
            # The stubs of NumPy 2 take the second positional-only name of savez for an array.
            np.savez(stream, **partial)  # type: ignore[arg-type]
        temporary.replace(self.folder / f"{number}.npz")
