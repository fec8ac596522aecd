from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from voltomo.artifacts import SliceStack
from voltomo.errors import InputError, ShapeError
from voltomo.io.registry import read_volume
from voltomo.io.slice_writer import read_drift, write_slices

RNG = np.random.default_rng(0)
TABLE = {
    "z": np.array([0.0, 21e-9, 39e-9]),
    "thickness": np.array([20e-9, 21e-9, 18e-9]),
    "dy": np.array([0.0, -0.25, 3.5]),
    "dx": np.array([0.0, 0.1, -2.0]),
    "gain": np.array([1.0, 1.1, 0.9]),
    "is_jump": np.array([False, False, True]),
}


def _stack(dtype: str = "uint8") -> SliceStack:
    return SliceStack(RNG.integers(0, 255, (3, 5, 7)).astype(dtype), (10e-9, 10e-9), 20e-9)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_slices_read_back(tmp_path: Path, dtype: str) -> None:
    """The folder opens as a volume with the same pixels, pixel size and slice thickness."""
    stack = _stack(dtype)
    written = write_slices(tmp_path / "slices", stack, table=TABLE, record={"tilt": 52})
    assert [path.name for path in written] == [*(f"slice_000{k}.tif" for k in range(3)), "drift.csv", "scan.json"]
    volume = read_volume(tmp_path / "slices")
    assert np.array_equal(np.asarray(volume.data[0]), stack.data)
    assert volume.voxel_size == pytest.approx((20e-9, 10e-9, 10e-9))
    assert json.loads((tmp_path / "slices" / "scan.json").read_text()) == {"tilt": 52}


def test_the_table_names_its_units_and_reads_back(tmp_path: Path) -> None:
    """Lengths are micrometres in the file and metres in memory; drift is in pixels."""
    write_slices(tmp_path / "slices", _stack(), table=TABLE)
    path = tmp_path / "slices" / "drift.csv"
    header, first, second, _ = path.read_text().splitlines()
    assert header == "slice,z_um,thickness_um,dy_px,dx_px,gain,is_jump"
    assert first == "0,0,0.02,0,0,1,false"
    assert second == "1,0.021,0.021,-0.25,0.1,1.1,false"
    table = read_drift(path)
    assert table["slice"].tolist() == [0, 1, 2]
    for name, values in TABLE.items():
        assert table[name] == pytest.approx(values)


def test_a_folder_of_slices_is_replaced_only_when_asked(tmp_path: Path) -> None:
    """An existing folder is refused, replaced on request, and never where it holds something else."""
    folder = tmp_path / "slices"
    write_slices(folder, _stack())
    with pytest.raises(InputError, match="exists"):
        write_slices(folder, _stack())
    write_slices(folder, _stack(), overwrite=True)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"notes\.txt"):
        write_slices(folder, _stack(), overwrite=True)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["slices"]


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    """Tables of another length and images of another type leave nothing behind."""
    with pytest.raises(ShapeError, match="2 values for 3 slices"):
        write_slices(tmp_path / "slices", _stack(), table={"z": np.zeros(2)})
    with pytest.raises(InputError, match="float32"):
        write_slices(tmp_path / "slices", _stack("float32"))
    assert not list(tmp_path.iterdir())
