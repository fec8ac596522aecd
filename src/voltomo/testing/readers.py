"""What every reader has to do: a test class that authors of readers inherit.

Needs pytest, which the extra ``test`` installs.

Examples
--------
::

    class TestMyReader(ReaderConformance):
        reader = MY_READER
        options = ReadOptions()

        def write_example(self, folder, voxels, voxel_size):
            ...  # with another program than the reader's own writer, where there is one
            return path
"""

from __future__ import annotations

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pytest

from voltomo.artifacts import Volume
from voltomo.errors import ReadError
from voltomo.units import VoxelSize

__all__ = ["ReaderConformance"]

_SHAPE = (1, 5, 12, 17)  # no axis like another, so that a swapped pair shows
_VOXEL_SIZE = (2e-7, 6.4e-8, 5e-8)


class ReaderConformance:
    """Inherit, set `reader` and `options`, and write an example file.

    Attributes
    ----------
    reader : the reader under test
    options : what to pass to ``reader.read``
    dtypes : that the format can hold
    keeps_voxel_size : whether the format carries all three edges
    has_channels : whether the format holds more than one channel
    is_truncatable : whether the format is one file whose length can be checked
    """

    reader: ClassVar[Any]
    options: ClassVar[Any]
    dtypes: ClassVar[tuple[str, ...]] = ("uint8", "uint16", "float32")
    keeps_voxel_size: ClassVar[bool] = True
    has_channels: ClassVar[bool] = False
    is_truncatable: ClassVar[bool] = True

    def write_example(self, folder: Path, voxels: npt.NDArray[Any], voxel_size: VoxelSize | None) -> Path:
        """Write (C, Z, Y, X) voxels into `folder` and return the path to read."""
        raise NotImplementedError

    def read(self, path: Path) -> Volume:
        """Read with the options of the class; override where they depend on the file."""
        volume = self.reader.read(path, self.options)
        assert isinstance(volume, Volume)
        return volume

    def test_whole_volume_survives(self, tmp_path: Path) -> None:
        """Every dtype comes back with its values, its shape and native byte order."""
        for dtype in self.dtypes:
            folder = tmp_path / dtype
            folder.mkdir()
            voxels = _example(dtype)
            volume = self.read(self.write_example(folder, voxels, None))
            assert tuple(volume.data.shape) == voxels.shape
            assert volume.data.dtype == np.dtype(dtype)
            assert np.dtype(volume.data.dtype).isnative
            whole = np.asarray(volume.data[:])
            assert whole.dtype == np.dtype(dtype)
            np.testing.assert_array_equal(whole, voxels)

    def test_regions_equal_the_same_part_of_the_whole(self, tmp_path: Path) -> None:
        """Reading a region gives what slicing the whole gives, for slices, single indices, steps and empty regions."""
        voxels = _example(self.dtypes[0])
        data = self.read(self.write_example(tmp_path, voxels, None)).data
        for key in _KEYS:
            region = np.asarray(data[key])
            assert region.shape == voxels[key].shape, key
            np.testing.assert_array_equal(region, voxels[key], err_msg=str(key))

    def test_single_slice_keeps_its_axis(self, tmp_path: Path) -> None:
        """One image is a volume with Z = 1."""
        voxels = _example(self.dtypes[0])[:, :1]
        volume = self.read(self.write_example(tmp_path, voxels, None))
        assert tuple(volume.data.shape) == voxels.shape
        np.testing.assert_array_equal(np.asarray(volume.data[0, 0]), voxels[0, 0])

    def test_channels_survive(self, tmp_path: Path) -> None:
        """Two channels are not mixed with slices."""
        if not self.has_channels:
            pytest.skip("the format holds one channel")
        voxels = np.concatenate([_example(self.dtypes[0]), _example(self.dtypes[0])[:, ::-1]])
        volume = self.read(self.write_example(tmp_path, voxels, None))
        assert len(volume.channels) == 2
        np.testing.assert_array_equal(np.asarray(volume.data[:]), voxels)

    def test_voxel_size_survives(self, tmp_path: Path) -> None:
        """Three different edges come back in z, y, x order; where the format cannot hold them, the size is None."""
        volume = self.read(self.write_example(tmp_path, _example(self.dtypes[0]), _VOXEL_SIZE))
        if self.keeps_voxel_size:
            # 1e-6: TIFF and NRRD hold rational or decimal numbers.
            assert volume.voxel_size == pytest.approx(_VOXEL_SIZE, rel=1e-6)
        else:
            assert volume.voxel_size is None

    def test_unknown_voxel_size_is_none(self, tmp_path: Path) -> None:
        """A file that does not state its voxel size gets none."""
        assert self.read(self.write_example(tmp_path, _example(self.dtypes[0]), None)).voxel_size is None

    def test_threads_read_the_same(self, tmp_path: Path) -> None:
        """Slices read by several threads at once are the right ones."""
        voxels = _example(self.dtypes[0])
        data = self.read(self.write_example(tmp_path, voxels, None)).data
        order = [z for _ in range(8) for z in range(voxels.shape[1])]
        with ThreadPoolExecutor(4) as pool:
            slices = list(pool.map(lambda z: np.asarray(data[0, z]), order))
        for z, found in zip(order, slices, strict=True):
            np.testing.assert_array_equal(found, voxels[0, z])

    def test_region_needs_little_memory(self, tmp_path: Path) -> None:
        """Opening a volume and reading a small region takes less than half of what the whole would."""
        voxels = np.zeros((1, 64, 512, 512), np.uint8)
        voxels[0, 40, 100:110, 200:210] = np.arange(100).reshape(10, 10)
        path = self.write_example(tmp_path, voxels, None)
        expected = voxels[0, 40, 100:110, 200:210].copy()
        self.read(path)  # imports and caches are not what is measured
        tracemalloc.start()
        found = np.asarray(self.read(path).data[0, 40, 100:110, 200:210])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        np.testing.assert_array_equal(found, expected)
        assert peak < voxels.nbytes / 2

    def test_own_file_is_recognized_and_text_is_not(self, tmp_path: Path) -> None:
        """`can_read` says yes to the format and no to a text file of another name."""
        text = tmp_path / "notes.txt"
        text.write_text("no image\n")
        assert self.reader.can_read(self.write_example(tmp_path, _example(self.dtypes[0]), None))
        assert not self.reader.can_read(text)

    def test_truncated_file_is_refused(self, tmp_path: Path) -> None:
        """A file cut anywhere, even by its last voxels, raises ReadError; it never gives voxels that are not there."""
        if not self.is_truncatable:
            pytest.skip("the format is a folder")
        path = self.write_example(tmp_path, _example(self.dtypes[0]), None)
        whole = path.read_bytes()
        for keep in (len(whole) - 40, len(whole) * 3 // 4, len(whole) // 2, len(whole) // 8, 4):
            path.write_bytes(whole[:keep])
            with pytest.raises(ReadError):
                np.asarray(self.read(path).data[:])

    def test_empty_file_is_refused(self, tmp_path: Path) -> None:
        """A file of no bytes raises ReadError."""
        if not self.is_truncatable:
            pytest.skip("the format is a folder")
        path = self.write_example(tmp_path, _example(self.dtypes[0]), None)
        path.write_bytes(b"")
        with pytest.raises(ReadError):
            np.asarray(self.read(path).data[:])


def _example(dtype: str) -> npt.NDArray[Any]:
    """(1, Z, Y, X) values that differ along every axis and use the range of the dtype."""
    count = int(np.prod(_SHAPE))
    values = np.arange(count).reshape(_SHAPE)
    if np.dtype(dtype).kind == "f":
        return (values / 7 - 3).astype(dtype)
    return (values * 37 % min(np.iinfo(dtype).max, 2**31)).astype(dtype)


_KEYS: tuple[Any, ...] = (
    (0, slice(1, 4), slice(3, 9), slice(5, 16)),
    (0, slice(4, 5), slice(11, 12), slice(16, 17)),
    (slice(None), slice(None, None, 2), slice(1, None, 3), slice(2, -1, 4)),
    (0, slice(None, None, -2), slice(None), slice(-5, None)),
    (0, 2),
    (0, -1, 3, 4),
    (..., slice(2, 5)),
    (0, slice(2, 2)),
    (0, slice(3, 1), slice(None), slice(2, 5)),
    (),
)
