"""The suites for plug-in authors find what they are there to find."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from voltomo.artifacts import PhaseTable, Volume
from voltomo.io import npy
from voltomo.io.registry import FormatReader, FormatWriter, ReadOptions
from voltomo.testing.readers import ReaderConformance
from voltomo.testing.writers import WatchedArray, WriterConformance
from voltomo.units import VoxelSize


def suite_for(read: Any) -> ReaderConformance:
    """The suite, on a reader of .npy files that is made of `read`."""

    class Suite(ReaderConformance):
        reader = FormatReader("npy", (".npy",), npy.is_npy, read)
        options = ReadOptions()
        keeps_voxel_size = False
        has_channels = True

        def write_example(self, folder: Path, voxels: npt.NDArray[Any], voxel_size: VoxelSize | None) -> Path:
            np.save(folder / "a.npy", voxels)
            return folder / "a.npy"

    return Suite()


def read_padded(path: Path, options: ReadOptions) -> Volume:
    """Fills what a truncated file lacks with zeros."""
    raw = path.read_bytes()
    return Volume(np.resize(np.frombuffer(raw[128:] + bytes(5 * 12 * 17), np.uint8)[: 5 * 12 * 17], (1, 5, 12, 17)))


def read_swapped(path: Path, options: ReadOptions) -> Volume:
    """Takes z for y."""
    return Volume(np.load(path).swapaxes(1, 2))


def read_guessing(path: Path, options: ReadOptions) -> Volume:
    """Makes up a voxel size."""
    return Volume(np.load(path), (1e-6, 1e-6, 1e-6))


def read_as_float(path: Path, options: ReadOptions) -> Volume:
    """Converts everything."""
    return Volume(np.load(path).astype(np.float32))


@pytest.mark.parametrize(
    ("read", "test"),
    [
        (read_padded, "test_truncated_file_is_refused"),
        (read_padded, "test_empty_file_is_refused"),
        (read_swapped, "test_whole_volume_survives"),
        (read_swapped, "test_regions_equal_the_same_part_of_the_whole"),
        (read_guessing, "test_voxel_size_survives"),
        (read_guessing, "test_unknown_voxel_size_is_none"),
        (read_as_float, "test_whole_volume_survives"),
    ],
)
def test_careless_reader_fails(read: Any, test: str, tmp_path: Path) -> None:
    """Each carelessness is caught by the test that is there for it."""
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        getattr(suite_for(read), test)(tmp_path)


def test_writer_that_loads_everything_fails(tmp_path: Path) -> None:
    """A writer that holds the whole volume, and one that leaves half a file behind, are caught."""

    def write(volume: Volume, path: Path, *, labels: PhaseTable | None = None, overwrite: bool = False) -> tuple[Path]:
        path.touch()
        np.save(path, np.asarray(volume.data[:])[0])
        return (path,)

    class Suite(WriterConformance):
        writer = FormatWriter("npy", (".npy",), write)
        file_name = "a.npy"

    for test in ("test_the_whole_is_never_held", "test_failure_leaves_nothing", "test_existing_output_is_kept"):
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            getattr(Suite(), test)(tmp_path)


def test_watched_array_counts_what_is_read() -> None:
    """The largest region is remembered."""
    array = WatchedArray(np.zeros((1, 4, 5, 6), np.uint16))
    array[0, 1]
    array[:, 1:3]
    array[0, 0, 0, 0]
    assert array.largest_read == 2 * 5 * 6 * 2
