from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from voltomo.artifacts import ProjectionStack
from voltomo.errors import InputError, ShapeError
from voltomo.io.data_exchange import write_data_exchange
from voltomo.io.hdf5 import read_hdf5
from voltomo.io.registry import ReadOptions

RNG = np.random.default_rng(0)
ANGLES = np.radians(np.arange(7) * 20.0 + 10)


def _stack(**changes: object) -> ProjectionStack:
    fields: dict[str, object] = {
        "data": RNG.integers(0, 65535, (7, 5, 6)).astype(np.uint16),
        "angles": ANGLES,
        "flats": RNG.integers(0, 65535, (3, 5, 6)).astype(np.uint16),
        "darks": RNG.integers(0, 200, (2, 5, 6)).astype(np.uint16),
        "flat_times": (0.0, 0.0, 1.0),
        "dark_times": (0.0, 1.0),
        "pixel_size": 64e-9,
        "energy": 8000.0,
        "distance": 2.5e-5,
        "name": "test scan",
    }
    return ProjectionStack(**(fields | changes))


def test_everything_is_where_beamlines_put_it(tmp_path: Path) -> None:
    """Images bit by bit; angles in degrees, energy in keV, pixel size in micron, distance in mm, each with its unit."""
    stack = _stack()
    path = write_data_exchange(stack, tmp_path / "scan.h5")
    with h5py.File(path) as file:
        exchange, instrument = file["exchange"], file["measurement/instrument"]
        assert file["implements"][()] == b"exchange:measurement"
        for name, images in (("data", stack.data), ("data_white", stack.flats), ("data_dark", stack.darks)):
            assert np.array_equal(exchange[name], images)
            assert exchange[name].attrs["units"] == "counts"
        assert exchange["data"].attrs["axes"] == "theta:y:x"
        assert exchange["theta"][:] == pytest.approx(np.arange(7) * 20.0 + 10)
        assert exchange["theta"].attrs["units"] == "degrees"
        assert exchange["theta"].attrs["description"].endswith("center + x cos(theta) + y sin(theta)")
        assert exchange["theta_white"][:] == pytest.approx([10, 10, 130])
        for name, value, unit in (
            ("monochromator/energy", 8.0, "keV"),
            ("detector/x_actual_pixel_size", 0.064, "micron"),
            ("detector/distance", 0.025, "mm"),
        ):
            assert instrument[name][()] == value
            assert instrument[name].attrs["units"] == unit
        assert file["measurement/sample/name"][()] == b"test scan"


def test_images_are_written_a_few_at_a_time(tmp_path: Path) -> None:
    """A stack larger than a slab (64 MiB) is read in pieces, and arrives whole."""

    class Counted:
        shape, dtype, largest = (70, 512, 1024), np.dtype(np.uint16), 0

        def __getitem__(self, key: tuple[slice, ...]) -> np.ndarray:
            first, last = key[0].start, key[0].stop
            Counted.largest = max(Counted.largest, last - first)
            return np.broadcast_to(np.arange(first, last, dtype=np.uint16)[:, None, None], (last - first, 512, 1024))

    path = write_data_exchange(ProjectionStack(Counted(), np.arange(70.0)), tmp_path / "scan.h5")
    assert Counted.largest <= 64
    with h5py.File(path) as file:
        assert np.array_equal(file["exchange/data"][:, 3, 5], np.arange(70))
        assert set(file["exchange"]) == {"data", "theta", "title"}


def test_a_file_is_not_replaced_unasked(tmp_path: Path) -> None:
    """A second write is refused and leaves the first as it is; allowed, it replaces it."""
    path = write_data_exchange(_stack(), tmp_path / "scan.h5")
    before = path.read_bytes()
    with pytest.raises(InputError, match="exists"):
        write_data_exchange(_stack(), path)
    assert path.read_bytes() == before
    write_data_exchange(_stack(energy=9000.0), path, overwrite=True)
    assert [item.name for item in tmp_path.iterdir()] == ["scan.h5"]


def test_a_reader_of_volumes_says_that_these_are_projections(tmp_path: Path) -> None:
    """Opened as a volume, the file is refused as raw projections; its dataset, when named, comes with that notice."""
    path = write_data_exchange(_stack(), tmp_path / "scan.h5")
    with pytest.raises(InputError, match=r"exchange/data .* projections with flats or darks; reconstruct"):
        read_hdf5(path, ReadOptions())
    volume = read_hdf5(path, ReadOptions(dataset="exchange/data"))
    assert "may be projections" in volume.metadata["notices"][0]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"angles": np.zeros(6)}, "7 projections but angles"),
        ({"flats": np.zeros((3, 5, 7), np.uint16)}, "was one of them cropped"),
        ({"darks": None}, "2 times for 0 darks"),
        ({"data": np.zeros((5, 6))}, r"\(A, V, U\)"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(changes: dict[str, object], match: str) -> None:
    """A stack with other numbers of angles or other frames for flats says what it found."""
    with pytest.raises(ShapeError, match=match):
        _stack(**changes)
