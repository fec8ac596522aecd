"""Finding the reader, and what is said where there is none."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
import tifffile

from voltomo.artifacts import Volume
from voltomo.errors import InputError, InputNotFoundError, ReadError
from voltomo.io import registry
from voltomo.io.registry import (
    FormatReader,
    find_writer,
    read_volume,
    readers,
    register_reader,
    writers,
)

DECLARED = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["entry-points"]


def test_every_declared_reader_and_writer_loads() -> None:
    """Each entry point gives a value of its own name, and the registry holds exactly those."""
    for group, known in (("voltomo.readers", readers()), ("voltomo.writers", writers())):
        assert set(known) == set(DECLARED[group])
        for name, item in known.items():
            assert item.name == name
            assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in item.suffixes)


def test_explicit_registration_adds_a_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader registered in a program is found like those of plug-ins."""
    monkeypatch.setattr(registry, "_readers", dict(readers()))
    expected = Volume(np.zeros((1, 1, 2, 2), np.uint8))
    register_reader(
        FormatReader("mine", (".mine",), lambda path: path.suffix == ".mine", lambda path, options: expected)
    )
    (tmp_path / "scan.mine").write_bytes(b"anything")
    assert read_volume(tmp_path / "scan.mine").data is expected.data
    assert read_volume(tmp_path / "scan.mine").metadata["format"] == "mine"


def test_missing_file_suggests_similar_names(tmp_path: Path) -> None:
    """A slip of the keyboard is answered with the name that was meant."""
    (tmp_path / "electrode_top.tif").write_bytes(b"x")
    with pytest.raises(InputNotFoundError, match=r"did you mean electrode_top\.tif"):
        read_volume(tmp_path / "electrod_top.tif")


def test_missing_folder_is_named(tmp_path: Path) -> None:
    """Where the folder is wrong, the message says up to where it is right."""
    with pytest.raises(InputNotFoundError, match="there is no folder"):
        read_volume(tmp_path / "nowhere" / "deep" / "scan.tif")


def test_unknown_format_lists_what_is_read(tmp_path: Path) -> None:
    """The message names the endings."""
    (tmp_path / "paper.pdf").write_bytes(b"%PDF-1.7 and more")
    with pytest.raises(InputError, match=r"unknown format.*\.tif"):
        read_volume(tmp_path / "paper.pdf")


def test_wrong_ending_is_read_by_content(tmp_path: Path) -> None:
    """A TIFF called .png is read as the TIFF it is."""
    tifffile.imwrite(tmp_path / "scan.tif", np.ones((3, 4), np.uint8))
    (tmp_path / "scan.tif").rename(tmp_path / "scan.png")
    assert read_volume(tmp_path / "scan.png").metadata["format"] == "tiff"


def test_text_called_tiff_is_refused(tmp_path: Path) -> None:
    """The message shows what the file begins with."""
    (tmp_path / "scan.tif").write_text("<html>not found</html>")
    with pytest.raises(ReadError, match=r"does not begin like a tiff.*<html>"):
        read_volume(tmp_path / "scan.tif")


def test_empty_file_is_refused(tmp_path: Path) -> None:
    """Zero bytes are named as such."""
    (tmp_path / "scan.tif").touch()
    with pytest.raises(ReadError, match="empty"):
        read_volume(tmp_path / "scan.tif")


def test_empty_folder_is_refused(tmp_path: Path) -> None:
    """A folder without images says so."""
    with pytest.raises(InputError, match="folder without"):
        read_volume(tmp_path)


def test_unknown_channel_lists_the_channels(tmp_path: Path) -> None:
    """The names there are come with the error."""
    tifffile.imwrite(tmp_path / "scan.tif", np.ones((3, 4), np.uint8))
    with pytest.raises(InputError, match="its channels are grey"):
        read_volume(tmp_path / "scan.tif", channel="BSE")


def test_stated_voxel_size_wins(tmp_path: Path) -> None:
    """What the user says replaces what the file says."""
    tifffile.imwrite(tmp_path / "scan.tif", np.ones((3, 4), np.uint8))
    assert read_volume(tmp_path / "scan.tif", voxel_size=(1e-7, 1e-7, 1e-7)).voxel_size == (1e-7, 1e-7, 1e-7)


def test_writer_is_found_by_the_longest_ending() -> None:
    """.ome.tif is not taken for .tif; an unknown name suggests the nearest."""
    assert find_writer(Path("a.ome.tif")).name == "ome-tiff"
    assert find_writer(Path("a.tif")).name == "tiff"
    assert find_writer(Path("slices"), "png").name == "png"
    with pytest.raises(InputError, match="did you mean 'nrrd'"):
        find_writer(Path("a"), "nrd")
    with pytest.raises(InputError, match="no format has this ending"):
        find_writer(Path("a.docx"))
