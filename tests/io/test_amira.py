"""AmiraMesh headers as Amira and Avizo write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from voltomo.errors import InputError, ReadError
from voltomo.io.registry import read_volume

VOXELS = (np.arange(3 * 4 * 5) % 3).astype(np.uint8).reshape(3, 4, 5)
LABELS = """# Avizo BINARY-LITTLE-ENDIAN 2.1


define Lattice 5 4 3

Parameters {
    Materials {
        Exterior {
            Id 1
        }
        Inside {
            Color 0.902 0.624 0,
            Id 2
        }
        "Carbon binder" { Color 0 0.62 0.45, Id 3 }
    }
    Units { Coordinates "nm" }
    Content "5x4x3 byte, uniform coordinates",
    BoundingBox 0 200 100 292 0 400,
    CoordType "uniform"
}

"""


def write(path: Path, header: str, fields: str, sections: bytes) -> Path:
    """A file of these parts."""
    path.write_bytes(header.encode("latin-1") + fields.encode() + b"\n# Data section follows\n" + sections)
    return path


def test_label_field_of_avizo(tmp_path: Path) -> None:
    """Materials give names and colors by their place in the list, the box gives the distance of centres."""
    path = write(tmp_path / "a.am", LABELS, "Lattice { byte Labels } @1\n", b"@1\n" + VOXELS.tobytes() + b"\n")
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.data[0], VOXELS)
    # 200 nm over 4 steps, 192 over 3, 400 over 2
    assert volume.voxel_size == pytest.approx((2e-7, 6.4e-8, 5e-8))
    assert [(row["code"], row["name"], row["color"]) for row in volume.metadata["labels"]] == [
        (0, "Exterior", None),
        (1, "Inside", "#e69f00"),
        (2, "Carbon binder", "#009e73"),
    ]


def test_micrometres_in_latin_1(tmp_path: Path) -> None:
    """The micro sign of older files is one byte."""
    header = LABELS.replace('"nm"', '"µm"')
    path = write(tmp_path / "a.am", header, "Lattice { byte Labels } @1\n", b"@1\n" + VOXELS.tobytes())
    assert read_volume(path, voxel_size=None).voxel_size == pytest.approx((2e-4, 6.4e-5, 5e-5))


def test_box_without_unit_is_not_guessed(tmp_path: Path) -> None:
    """The numbers go into a notice."""
    header = LABELS.replace('Units { Coordinates "nm" }', "")
    path = write(tmp_path / "a.am", header, "Lattice { byte Labels } @1\n", b"@1\n" + VOXELS.tobytes())
    volume = read_volume(path)
    assert volume.voxel_size is None
    assert "(200, 64, 50) without a unit" in volume.metadata["notices"][0]


def test_one_field_of_several_is_chosen_by_name(tmp_path: Path) -> None:
    """Sections follow each other; the second is found behind a packed first."""
    packed = b"".join(bytes([1, value]) for value in VOXELS.ravel())
    fields = f"Lattice {{ byte Labels }} @1(HxByteRLE,{len(packed)})\nLattice {{ ushort Grey }} @2\n"
    grey = np.arange(60, dtype="<u2").reshape(3, 4, 5)
    path = write(tmp_path / "a.am", LABELS, fields, b"@1\n" + packed + b"\n@2\n" + grey.tobytes() + b"\n")
    with pytest.raises(InputError, match="fields Labels, Grey"):
        read_volume(path)
    np.testing.assert_array_equal(read_volume(path, dataset="Labels").data[0], VOXELS)
    np.testing.assert_array_equal(read_volume(path, dataset="Grey").data[0], grey)


@pytest.mark.parametrize(
    ("old", "new", "fields", "message"),
    [
        ('"uniform"', '"rectilinear"', "Lattice { byte Labels } @1\n", "rectilinear"),
        ("define Lattice 5 4 3", "define Vertices 60", "Lattice { byte Labels } @1\n", "no lattice"),
        ("", "", "Lattice { float[3] Flow } @1\n", "3 values a voxel"),
        ("", "", "Lattice { complex Field } @1\n", "'complex'"),
        ("", "", "Lattice { byte Labels } @1(HxSecret,60)\n", "HxSecret"),
        ("", "", "Lattice { byte Labels } @7\n", "@7"),
    ],
)
def test_what_is_not_read_is_named(old: str, new: str, fields: str, message: str, tmp_path: Path) -> None:
    """Other lattices, vectors and codecs are refused by name."""
    path = write(tmp_path / "a.am", LABELS.replace(old, new), fields, b"@1\n" + VOXELS.tobytes())
    with pytest.raises(ReadError, match=message):
        read_volume(path)


def test_long_runs_cross_the_pieces(tmp_path: Path) -> None:
    """Runs of 127 equal bytes and stretches of 127 different ones unpack beyond one piece of a mebibyte."""
    runs, stretch = 9000, bytes(range(127))
    packed = bytes([127, 5]) * runs + (bytes([255]) + stretch) * 500
    expected = np.frombuffer(bytes([5]) * 127 * runs + stretch * 500, np.uint8)
    header = LABELS.replace("define Lattice 5 4 3", f"define Lattice 127 {len(expected) // 127} 1")
    path = write(
        tmp_path / "a.am", header, f"Lattice {{ byte Labels }} @1(HxByteRLE,{len(packed)})\n", b"@1\n" + packed
    )
    np.testing.assert_array_equal(np.asarray(read_volume(path).data).ravel(), expected)
