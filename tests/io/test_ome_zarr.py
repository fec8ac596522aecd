"""OME-Zarr on disk: voxels, voxel size, pyramid, names and colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from voltomo.artifacts import PhaseTable
from voltomo.errors import ReadError
from voltomo.io.ome_zarr import ImageMetadata, create_image, open_image, shard_shape, write_pyramid

SIZE = (2e-7, 6.4e-8, 6.4e-8)


def write(path: Path, voxels: np.ndarray, metadata: ImageMetadata) -> None:
    """Whole image with its pyramid."""
    array = create_image(path, voxels.shape, voxels.dtype, metadata)
    array[(slice(None),) * voxels.ndim] = voxels
    write_pyramid(path)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_a_volume_comes_back_with_its_voxel_size(tmp_path: Path, dtype: str) -> None:
    """Voxels bit for bit, voxel size to twelve digits, channel names."""
    voxels = np.random.default_rng(0).integers(0, 200, (2, 5, 70, 40)).astype(dtype)
    write(tmp_path / "v.ome.zarr", voxels, ImageMetadata("volume", SIZE, ("BSE", "SE2")))
    array, metadata = open_image(tmp_path / "v.ome.zarr")
    np.testing.assert_array_equal(array[:], voxels)
    assert array.dtype == voxels.dtype
    assert metadata.voxel_size == pytest.approx(SIZE, rel=1e-12)
    assert metadata.channels == ("BSE", "SE2")


def test_an_unknown_voxel_size_stays_unknown(tmp_path: Path) -> None:
    """No unit on the axes means that lengths are in voxels, not in micrometres."""
    write(tmp_path / "l.ome.zarr", np.ones((1, 4, 4), np.uint8), ImageMetadata("labels"))
    assert open_image(tmp_path / "l.ome.zarr")[1].voxel_size is None


def test_phase_names_and_colors_travel_with_labels(tmp_path: Path) -> None:
    """As image-label properties for other programs, and as our own table."""
    table = PhaseTable.two_class()
    write(tmp_path / "p.ome.zarr", np.ones((4, 4, 4), np.uint8), ImageMetadata("labels", SIZE, phases=table))
    assert open_image(tmp_path / "p.ome.zarr")[1].phases == table
    label = dict(zarr.open_group(tmp_path / "p.ome.zarr", mode="r").attrs)["ome"]["image-label"]
    assert label["properties"][1]["name"] == "active"
    assert label["colors"][1]["rgba"] == [230, 159, 0, 255]


def test_the_pyramid_averages_grey_values_and_picks_labels(tmp_path: Path) -> None:
    """A mean of label ids would invent phases; a picked grey value would alias."""
    voxels = np.random.default_rng(1).integers(0, 250, (1, 200, 40, 40)).astype(np.uint8)
    write(tmp_path / "v.ome.zarr", voxels, ImageMetadata("volume", SIZE, ("grey",)))
    coarse = zarr.open_group(tmp_path / "v.ome.zarr", mode="r")["1"]
    assert coarse.shape == (1, 100, 20, 20)
    assert coarse[0, 7, 3, 5] == np.rint(voxels[0, 14:16, 6:8, 10:12].astype(float).mean())
    labels = np.where(voxels[0] > 100, 3, 1).astype(np.uint8)
    write(tmp_path / "l.ome.zarr", labels, ImageMetadata("labels", SIZE))
    np.testing.assert_array_equal(zarr.open_group(tmp_path / "l.ome.zarr", mode="r")["1"][:], labels[::2, ::2, ::2])


def test_the_levels_of_a_volume_cover_the_same_place(tmp_path: Path) -> None:
    """Level 1 has twice the voxel size; its first voxel, a mean of two, is centred half a fine voxel in."""
    write(tmp_path / "v.ome.zarr", np.zeros((1, 1, 400, 40), np.uint8), ImageMetadata("volume", SIZE, ("grey",)))
    ome = dict(zarr.open_group(tmp_path / "v.ome.zarr", mode="r").attrs)["ome"]
    scale, translation = ome["multiscales"][0]["datasets"][1]["coordinateTransformations"]
    assert scale["scale"] == pytest.approx([1, 0.2, 0.128, 0.128])  # one slice is not halved
    assert translation["translation"] == pytest.approx([0, 0, 0.032, 0.032])


@given(st.tuples(*[st.integers(1, 3000)] * 3))
def test_a_shard_is_a_whole_number_of_chunks_and_covers_small_images(shape: tuple[int, int, int]) -> None:
    """The unit of writing never exceeds what a block may hold, 256³ or a 2048² section."""
    shard = shard_shape(shape)
    assert np.prod(shard) <= max(256**3, 2048**2)
    assert all(s >= 1 for s in shard)


def test_a_folder_that_is_no_image_is_refused(tmp_path: Path) -> None:
    """A Zarr group without multiscales, and no Zarr at all."""
    zarr.open_group(tmp_path / "x.zarr", mode="w")
    for path in (tmp_path / "x.zarr", tmp_path):
        with pytest.raises(ReadError, match="OME-Zarr"):
            open_image(path)
