"""What every writer has to do: a test class that authors of writers inherit.

Needs pytest, which the extra ``test`` installs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pytest

from voltomo.artifacts import PhaseTable, Volume
from voltomo.errors import InputError, ReadError
from voltomo.units import VoxelSize

__all__ = ["WatchedArray", "WriterConformance"]

_VOXEL_SIZE = (2e-7, 6.4e-8, 5e-8)


class WatchedArray:
    """(C, Z, Y, X) array that counts what is read of it, and breaks on request.

    Parameters
    ----------
    voxels : what it holds
    breaks_at : slice at which reading raises ReadError, or None
    """

    def __init__(self, voxels: npt.NDArray[Any], *, breaks_at: int | None = None) -> None:
        self.voxels, self.breaks_at = voxels, breaks_at
        self.largest_read = 0

    @property
    def shape(self) -> tuple[int, ...]:
        return self.voxels.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.voxels.dtype

    def __getitem__(self, key: Any, /) -> npt.NDArray[Any]:
        touched = np.broadcast_to(np.arange(self.shape[1])[None, :, None, None], self.shape)[key]
        if self.breaks_at is not None and np.any(touched >= self.breaks_at):
            raise ReadError("the source broke, as the test asked")
        region = np.array(self.voxels[key])
        self.largest_read = max(self.largest_read, region.nbytes)
        return region


class WriterConformance:
    """Inherit, set `writer` and `file_name`, and read files back with a library that is not ours.

    Attributes
    ----------
    writer : the writer under test
    file_name : of the output, or of the folder
    dtypes : that the format can hold
    keeps_voxel_size : whether `read_back` finds all three edges
    """

    writer: ClassVar[Any]
    file_name: ClassVar[str]
    dtypes: ClassVar[tuple[str, ...]] = ("uint8", "uint16", "float32")
    keeps_voxel_size: ClassVar[bool] = True

    def read_back(self, path: Path) -> tuple[npt.NDArray[Any], VoxelSize | None]:
        """(Z, Y, X) voxels and voxel size in m, read with another library."""
        raise NotImplementedError

    def test_voxels_survive(self, tmp_path: Path) -> None:
        """Every dtype comes back with its values and shape."""
        for dtype in self.dtypes:
            folder = tmp_path / dtype
            folder.mkdir()
            voxels = _example(dtype)
            self.writer.write(Volume(voxels), folder / self.file_name)
            found, _ = self.read_back(folder / self.file_name)
            assert found.dtype == np.dtype(dtype)
            np.testing.assert_array_equal(found, voxels[0])

    def test_voxel_size_survives(self, tmp_path: Path) -> None:
        """Three different edges come back."""
        if not self.keeps_voxel_size:
            pytest.skip("the format has no room for it")
        path = tmp_path / self.file_name
        self.writer.write(Volume(_example(self.dtypes[0]), _VOXEL_SIZE), path)
        # 1e-6: some formats hold rational numbers or decimals.
        assert self.read_back(path)[1] == pytest.approx(_VOXEL_SIZE, rel=1e-6)

    def test_existing_output_is_kept(self, tmp_path: Path) -> None:
        """An output that exists is refused, unless overwriting is asked for."""
        path = tmp_path / self.file_name
        first, second = _example(self.dtypes[0]), _example(self.dtypes[0])[:, ::-1]
        self.writer.write(Volume(first), path)
        with pytest.raises(InputError, match="exists"):
            self.writer.write(Volume(second), path)
        np.testing.assert_array_equal(self.read_back(path)[0], first[0])
        self.writer.write(Volume(second), path, overwrite=True)
        np.testing.assert_array_equal(self.read_back(path)[0], second[0])

    def test_failure_leaves_nothing(self, tmp_path: Path) -> None:
        """When the source breaks in the middle, no file is left, neither whole nor in part."""
        source = WatchedArray(_example(self.dtypes[0]), breaks_at=3)
        with pytest.raises(ReadError):
            self.writer.write(Volume(source), tmp_path / self.file_name)
        assert list(tmp_path.iterdir()) == []

    def test_the_whole_is_never_held(self, tmp_path: Path) -> None:
        """A volume larger than a slab is read in slabs."""
        voxels = np.zeros((1, 70, 1024, 1024), self.dtypes[0])
        source = WatchedArray(voxels)
        self.writer.write(Volume(source), tmp_path / self.file_name)
        assert source.largest_read <= 2**26 < voxels.nbytes

    def test_phases_are_accepted(self, tmp_path: Path) -> None:
        """A label volume keeps its values, whatever the format does with names and colors."""
        voxels = _example("uint8") % 3
        self.writer.write(Volume(voxels), tmp_path / self.file_name, labels=PhaseTable.two_class())
        np.testing.assert_array_equal(self.read_back(tmp_path / self.file_name)[0], voxels[0])


def _example(dtype: str) -> npt.NDArray[Any]:
    """(1, 5, 12, 17) values that differ along every axis."""
    values = np.arange(5 * 12 * 17).reshape(1, 5, 12, 17)
    if np.dtype(dtype).kind == "f":
        return (values / 7 - 3).astype(dtype)
    return (values * 37 % min(np.iinfo(dtype).max, 2**31)).astype(dtype)
