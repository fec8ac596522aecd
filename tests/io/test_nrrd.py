"""NRRD: detached headers, spacings with and without units, text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from voltomo.errors import ReadError
from voltomo.io.registry import read_volume

VOXELS = np.arange(3 * 4 * 5, dtype=np.uint16).reshape(3, 4, 5)
HEADER = "NRRD0005\ntype: ushort\ndimension: 3\nsizes: 5 4 3\nencoding: raw\n"


def test_detached_header_finds_its_data(tmp_path: Path) -> None:
    """Big endian, a header line and 7 bytes to skip in the data file, and a comment."""
    (tmp_path / "v.raw").write_bytes(b"one line\n" + b"7 bytes" + VOXELS.astype(">u2").tobytes())
    text = HEADER + "# comment\nendian: big\nline skip: 1\nbyte skip: 7\ndata file: v.raw\n"
    (tmp_path / "v.nhdr").write_text(text)
    volume = read_volume(tmp_path / "v.nhdr")
    np.testing.assert_array_equal(volume.data[0], VOXELS)
    np.testing.assert_array_equal(volume.data[0, 1:, 2, ::2], VOXELS[1:, 2, ::2])


def test_data_at_the_end_of_a_file(tmp_path: Path) -> None:
    """A byte skip of -1 counts from the end."""
    (tmp_path / "v.raw").write_bytes(b"whatever header" + VOXELS.tobytes())
    (tmp_path / "v.nhdr").write_text(HEADER + "endian: little\nbyte skip: -1\ndata file: v.raw\n")
    np.testing.assert_array_equal(read_volume(tmp_path / "v.nhdr").data[0], VOXELS)


@pytest.mark.parametrize("name", ["../secret.raw", "/etc/hostname", "C:\\secret.raw", "sub/../../secret.raw"])
def test_data_file_outside_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    """A header must not make the reader open other folders."""
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.raw").write_bytes(VOXELS.tobytes())
    (tmp_path / "in" / "v.nhdr").write_text(HEADER + f"endian: little\ndata file: {name}\n")
    with pytest.raises(ReadError, match="outside its own folder"):
        read_volume(tmp_path / "in" / "v.nhdr")


def test_missing_data_file_is_named(tmp_path: Path) -> None:
    """The question is whether it was copied too."""
    (tmp_path / "v.nhdr").write_text(HEADER + "endian: little\ndata file: v.raw\n")
    with pytest.raises(ReadError, match=r"'v\.raw', which is not there"):
        read_volume(tmp_path / "v.nhdr")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ('spacings: 0.05 0.064 0.2\nunits: "um" "um" "um"\n', (2e-7, 6.4e-8, 5e-8)),
        (
            'space dimension: 3\nspace directions: (0,50,0) (64,0,0) (0,0,-200)\nspace units: "nm" "nm" "nm"\n',
            (2e-7, 6.4e-8, 5e-8),
        ),
        ("spacings: nan nan nan\n", None),
        ("", None),
    ],
)
def test_spacing_with_a_unit_is_the_voxel_size(
    lines: str, expected: tuple[float, float, float] | None, tmp_path: Path
) -> None:
    """Also where the directions are turned."""
    (tmp_path / "v.nrrd").write_bytes((HEADER + "endian: little\n" + lines + "\n").encode() + VOXELS.tobytes())
    assert read_volume(tmp_path / "v.nrrd").voxel_size == (None if expected is None else pytest.approx(expected))


def test_spacing_without_a_unit_is_not_guessed(tmp_path: Path) -> None:
    """The number goes into a notice."""
    text = HEADER + "endian: little\nspacings: 0.05 0.064 0.2\n\n"
    (tmp_path / "v.nrrd").write_bytes(text.encode() + VOXELS.tobytes())
    volume = read_volume(tmp_path / "v.nrrd")
    assert volume.voxel_size is None
    assert "(0.2, 0.064, 0.05) without a unit" in volume.metadata["notices"][0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("type: ushort", "type: block", "'block'"),
        ("encoding: raw", "encoding: bzip2", "bzip2"),
        ("sizes: 5 4 3", "sizes: 5 4", "sizes"),
        ("sizes: 5 4 3\n", "", "no 'sizes'"),
        ("dimension: 3", "dimension: 3\nkinds: RGB-color domain domain", "color"),
    ],
)
def test_what_is_not_read_is_named(old: str, new: str, message: str, tmp_path: Path) -> None:
    """Types, encodings and kinds beyond grey voxels are refused by name."""
    text = HEADER.replace(old, new) + "endian: little\n\n"
    (tmp_path / "v.nrrd").write_bytes(text.encode() + VOXELS.tobytes())
    with pytest.raises(ReadError, match=message):
        read_volume(tmp_path / "v.nrrd")


def test_missing_number_in_text_is_found(tmp_path: Path) -> None:
    """Text with one number too few, or a word, raises when it is read."""
    text = HEADER.replace("raw", "ascii") + "\n"
    numbers = " ".join(str(n) for n in VOXELS.ravel())
    for broken, message in (
        ("70000 " + numbers, "cannot hold the value 70000"),
        ("-1 " + numbers, "cannot hold the value -1"),
        ("0.5 " + numbers, r"cannot hold the value 0\.5"),
        (numbers.rpartition(" ")[0], "truncated"),
        (numbers + " 7", "more than"),
        ("a b", "numbers"),
    ):
        (tmp_path / "v.nrrd").write_text(text + broken)
        with pytest.raises(ReadError, match=message):
            np.asarray(read_volume(tmp_path / "v.nrrd").data)


def test_unpacked_file_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The temporary file of a compressed volume goes with the volume."""
    import gzip
    import tempfile

    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    text = HEADER.replace("raw", "gzip") + "endian: little\n\n"
    (tmp_path / "v.nrrd").write_bytes(text.encode() + gzip.compress(VOXELS.tobytes()))
    volume = read_volume(tmp_path / "v.nrrd")
    np.testing.assert_array_equal(volume.data[0], VOXELS)
    assert len(list((tmp_path / "tmp").iterdir())) == 1
    del volume
    assert list((tmp_path / "tmp").iterdir()) == []
