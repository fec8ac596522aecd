"""OME-Zarr images that other programs write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from voltomo.errors import InputError, ReadError
from voltomo.io.registry import read_volume

VOXELS = np.arange(2 * 3 * 4 * 5, dtype=np.uint16).reshape(2, 3, 4, 5)


def write(path: Path, voxels: np.ndarray, axes: str, *, version: str = "0.5", unit: str = "micrometer") -> None:  # type: ignore[type-arg]
    """A multiscale image with one level of 0.2 x 0.064 x 0.05 units."""
    scale = dict(zip("zyx", (0.2, 0.064, 0.05), strict=True))
    multiscale: dict[str, Any] = {
        "axes": [{"name": a} | ({"type": "space", "unit": unit} if a in "zyx" else {}) for a in axes],
        "datasets": [
            {"path": "s0", "coordinateTransformations": [{"type": "scale", "scale": [scale.get(a, 1.0) for a in axes]}]}
        ],
        "version": version,
    }
    group = zarr.open_group(path, mode="w", zarr_format=3 if version == "0.5" else 2)
    group.create_array("s0", data=voxels, chunks=tuple(min(n, 2) for n in voxels.shape))
    group.attrs.put(
        {"ome": {"version": "0.5", "multiscales": [multiscale]}} if version == "0.5" else {"multiscales": [multiscale]}
    )


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("axes", ["tczyx", "czyx", "zyx", "cyx", "yx"])
def test_axes_and_versions(axes: str, version: str, tmp_path: Path) -> None:
    """Missing axes have length 1; the scale is the voxel size."""
    index = tuple(slice(None) if letter in axes else 0 for letter in "czyx")
    stored = VOXELS[index][None] if "t" in axes else VOXELS[index]
    write(tmp_path / "a.zarr", stored, axes, version=version)
    volume = read_volume(tmp_path / "a.zarr")
    kept = tuple(slice(None) if letter in axes else slice(1) for letter in "czyx")
    np.testing.assert_array_equal(volume.data[:], VOXELS[kept])
    np.testing.assert_array_equal(volume.data[0, -1:, 1:3, ::2], VOXELS[kept][0, -1:, 1:3, ::2])
    expected = (2e-7, 6.4e-8, 5e-8) if "z" in axes else (6.4e-8, 6.4e-8, 5e-8)
    assert volume.voxel_size == pytest.approx(expected)


def test_scale_without_a_unit_is_not_guessed(tmp_path: Path) -> None:
    """A number alone is no length."""
    write(tmp_path / "a.zarr", VOXELS, "czyx", unit="")
    assert read_volume(tmp_path / "a.zarr").voxel_size is None


def test_first_image_of_a_converter_is_read(tmp_path: Path) -> None:
    """bioformats2raw puts images into numbered folders."""
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    group.attrs.put({"bioformats2raw.layout": 3})
    write(tmp_path / "a.zarr" / "0", VOXELS[None], "tczyx", version="0.4")
    np.testing.assert_array_equal(read_volume(tmp_path / "a.zarr").data[:], VOXELS)


def test_time_series_is_refused(tmp_path: Path) -> None:
    """Several volumes are not taken for one."""
    write(tmp_path / "a.zarr", np.stack([VOXELS, VOXELS]), "tczyx")
    with pytest.raises(ReadError, match="time series"):
        read_volume(tmp_path / "a.zarr")


def test_zarr_without_multiscales_is_refused(tmp_path: Path) -> None:
    """A plain Zarr group says what was expected."""
    zarr.open_group(tmp_path / "a.zarr", mode="w").create_array("x", data=VOXELS)
    with pytest.raises((ReadError, InputError), match="multiscales"):
        read_volume(tmp_path / "a.zarr")
