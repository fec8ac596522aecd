"""What we write, we read: voxels, voxel size, labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from voltomo.artifacts import Phase, PhaseTable, Volume
from voltomo.io.regions import RegionArray
from voltomo.io.registry import read_volume, writers

VOXEL_SIZE = (2e-7, 6.4e-8, 5e-8)
KEEP_SIZE = ("tiff", "ome-tiff", "nrrd", "amira", "raw", "hdf5", "png")


@pytest.mark.parametrize("name", ["amira", "hdf5", "npy", "nrrd", "ome-tiff", "png", "raw", "tiff"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_written_volume_is_read_back(name: str, dtype: str, tmp_path: Path) -> None:
    """Voxels, dtype and, where the format has room, the voxel size survive; the suffix finds the reader."""
    writer = writers()[name]
    path = tmp_path / ("slices" if name == "png" else f"scan{writer.suffixes[0]}")
    voxels = np.arange(3 * 4 * 5).reshape(1, 3, 4, 5).astype(dtype)
    writer.write(Volume(voxels, VOXEL_SIZE), path)
    volume = read_volume(path)
    np.testing.assert_array_equal(np.asarray(volume.data[:]), voxels)
    assert volume.data.dtype == np.dtype(dtype)
    # 1e-6: TIFF holds rational numbers.
    assert volume.voxel_size == (pytest.approx(VOXEL_SIZE, rel=1e-6) if name in KEEP_SIZE else None)


@pytest.mark.parametrize("name", ["hdf5", "npy", "ome-tiff", "raw", "tiff"])
def test_two_channels_are_read_back(name: str, tmp_path: Path) -> None:
    """Channels are not mixed with slices, and one can be picked."""
    writer = writers()[name]
    path = tmp_path / f"scan{writer.suffixes[0]}"
    voxels = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5).astype(np.uint16)
    writer.write(Volume(voxels, VOXEL_SIZE, channels=("SE2", "BSE")), path)
    np.testing.assert_array_equal(np.asarray(read_volume(path).data[:]), voxels)
    one = read_volume(path, channel=1)
    assert len(one.channels) == 1
    np.testing.assert_array_equal(np.asarray(one.data[0, 1:, 2]), voxels[1, 1:, 2])


@pytest.mark.parametrize(("name", "key"), [("amira", "scan.am"), ("raw", "scan.raw")])
def test_names_and_colors_of_phases_are_read_back(name: str, key: str, tmp_path: Path) -> None:
    """Labels keep their codes, colors and names, also where ids leave gaps."""
    table = PhaseTable((Phase(1, "pore", "pore"), Phase(4, "NMC", "active"), Phase(6, "binder", "binder")))
    writers()[name].write(Volume(np.full((1, 2, 3, 4), 4, np.uint8)), tmp_path / key, labels=table)
    rows = {row["code"]: row for row in read_volume(tmp_path / key).metadata["labels"]}
    for phase in table:
        assert rows[phase.id]["name"] == phase.name
        assert rows[phase.id]["color"] == phase.color


def test_color_table_of_a_label_stack_keeps_the_ids(tmp_path: Path) -> None:
    """A colored 8-bit TIFF reads as ids, with a notice."""
    voxels = (np.arange(60).reshape(1, 3, 4, 5) % 2 + 1).astype(np.uint8)
    writers()["tiff"].write(Volume(voxels), tmp_path / "phases.tif", labels=PhaseTable.two_class())
    volume = read_volume(tmp_path / "phases.tif")
    np.testing.assert_array_equal(np.asarray(volume.data[:]), voxels)
    assert "color table" in volume.metadata["notices"][0]


# An index of each axis: an integer or a slice with any step but 0.
_INDICES = st.one_of(
    st.integers(-4, 3),
    st.builds(slice, *(st.none() | st.integers(-6, 6),) * 2, st.none() | st.sampled_from([-3, -2, -1, 1, 2, 3])),
)


@settings(max_examples=200, deadline=None)
@given(voxels=hnp.arrays(np.uint8, (4, 5, 6, 7)), key=st.lists(_INDICES, max_size=4).map(tuple))
def test_region_arrays_index_like_numpy(voxels: np.ndarray, key: tuple[int | slice, ...]) -> None:  # type: ignore[type-arg]
    """Any mix of integers and slices gives what NumPy gives."""
    data = RegionArray((4, 5, 6, 7), np.dtype(np.uint8), lambda channel, region: voxels[(channel, *region)])
    np.testing.assert_array_equal(data[key], voxels[key])


def test_index_out_of_range_is_an_index_error() -> None:
    """As for NumPy arrays."""
    data = RegionArray((1, 2, 3, 4), np.dtype(np.uint8), lambda channel, region: np.zeros((1, 1, 1), np.uint8))
    with pytest.raises(IndexError):
        data[0, 2]
    with pytest.raises(IndexError):
        data[0, 0, 0, 0, 0]
