"""Folders of slices: order, gaps, strangers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from voltomo.errors import ReadError
from voltomo.io.registry import read_volume


def write(folder: Path, *names: str, shape: tuple[int, int] = (3, 4), dtype: str = "uint8") -> None:
    """One image per name; its value is its place in the list."""
    folder.mkdir(exist_ok=True)
    for value, name in enumerate(names):
        image = np.full(shape, value, dtype)
        if name.endswith(".png"):
            Image.fromarray(image).save(folder / name)
        else:
            tifffile.imwrite(folder / name, image)


@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_ten_comes_after_nine(suffix: str, tmp_path: Path) -> None:
    """Numbers are sorted as numbers, and another number in the name does not disturb."""
    write(tmp_path / "s", *(f"scan2_{n}_64nm{suffix}" for n in range(8, 12)))
    volume = read_volume(tmp_path / "s")
    assert volume.shape == (4, 3, 4)
    assert volume.data[0, :, 0, 0].tolist() == [0, 1, 2, 3]
    assert volume.metadata["slices"] == tuple(f"scan2_{n}_64nm{suffix}" for n in range(8, 12))


def test_logs_and_hidden_files_are_ignored(tmp_path: Path) -> None:
    """What operating systems and scanners leave in a folder is no slice."""
    write(tmp_path / "s", "a_1.tif", "a_2.tif", "._a_1.tif")
    (tmp_path / "s" / "scan.log").write_text("kV")
    (tmp_path / "s" / "Thumbs.db").write_text("")
    assert read_volume(tmp_path / "s").shape == (2, 3, 4)


def test_missing_slices_are_named(tmp_path: Path) -> None:
    """A gap in the numbers is refused with the numbers."""
    write(tmp_path / "s", *(f"a_{n:03}.tif" for n in (1, 2, 3, 6, 7)))
    with pytest.raises(ReadError, match="4, 5 are missing"):
        read_volume(tmp_path / "s")


def test_every_second_slice_is_noticed(tmp_path: Path) -> None:
    """Equal steps are read, with a question about the distance."""
    write(tmp_path / "s", "a_10.tif", "a_12.tif", "a_14.tif")
    volume = read_volume(tmp_path / "s")
    assert volume.shape[0] == 3
    assert "steps of 2" in volume.metadata["notices"][0]


def test_two_series_in_a_folder_are_refused(tmp_path: Path) -> None:
    """Images and their labels in one folder are not mixed into one stack."""
    write(tmp_path / "s", "a_1.tif", "a_2.tif", "a_1_label.tif", "a_2_label.tif")
    with pytest.raises(ReadError, match="2 kinds of names"):
        read_volume(tmp_path / "s")


def test_two_numbers_that_vary_are_refused(tmp_path: Path) -> None:
    """Which number counts the slices is not guessed."""
    write(tmp_path / "s", "t1_z1.tif", "t1_z2.tif", "t2_z1.tif", "t2_z2.tif")
    with pytest.raises(ReadError, match="differ in 2 numbers"):
        read_volume(tmp_path / "s")


@pytest.mark.parametrize("suffix", [".tif", ".png"])
@pytest.mark.parametrize("odd", [{"shape": (3, 5)}, {"dtype": "uint16"}])
def test_slice_unlike_the_others_is_named(suffix: str, odd: dict[str, str], tmp_path: Path) -> None:
    """Mixed shapes and types are refused when the folder is opened."""
    write(tmp_path / "s", f"a_1{suffix}", f"a_2{suffix}")
    write(tmp_path / "s", f"a_3{suffix}", **odd)  # type: ignore[arg-type]
    with pytest.raises(ReadError, match=rf"a_3\{suffix} is .* expected slices of one shape and type"):
        read_volume(tmp_path / "s")


@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_empty_and_cut_slices_are_named(suffix: str, tmp_path: Path) -> None:
    """A slice of no bytes, and one that lost its end, raise ReadError with their name."""
    write(tmp_path / "s", f"a_1{suffix}", f"a_2{suffix}", shape=(64, 64))
    slice_2 = tmp_path / "s" / f"a_2{suffix}"
    whole = slice_2.read_bytes()
    slice_2.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ReadError, match=r"a_2\.\w+ .*truncated"):
        np.asarray(read_volume(tmp_path / "s").data)
    slice_2.write_bytes(b"")
    with pytest.raises(ReadError, match=r"a_2\.\w+ is empty"):
        read_volume(tmp_path / "s")


def test_tiff_and_png_together_are_refused(tmp_path: Path) -> None:
    """One kind of slices per folder."""
    write(tmp_path / "s", "a_1.tif", "a_2.tif", "preview.png")
    with pytest.raises(ReadError, match="TIFF and PNG"):
        read_volume(tmp_path / "s")


def test_spacing_of_single_slices_is_used(tmp_path: Path) -> None:
    """Where each slice carries ImageJ's spacing, the stack has a voxel size."""
    folder = tmp_path / "s"
    folder.mkdir()
    for n in (1, 2):
        description = "ImageJ=1.54f\nunit=nm\nspacing=200\n"
        tifffile.imwrite(
            folder / f"a_{n}.tif",
            np.zeros((3, 4), np.uint8),
            description=description,
            metadata=None,
            resolution=(1 / 50, 1 / 64),
        )
    assert read_volume(folder).voxel_size == pytest.approx((2e-7, 6.4e-8, 5e-8), rel=1e-6)


def test_color_png_is_refused(tmp_path: Path) -> None:
    """RGB is not made grey silently."""
    Image.fromarray(np.zeros((3, 4, 3), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(ReadError, match="color"):
        read_volume(tmp_path / "a.png")


def test_one_bit_png_is_zeros_and_ones(tmp_path: Path) -> None:
    """A mask stays a mask."""
    mask = np.arange(15).reshape(3, 5) % 2 == 0
    Image.fromarray(mask).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_volume(tmp_path / "a.png").data[0, 0], mask)
