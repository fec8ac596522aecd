"""HDF5 files of ilastik, Data Exchange and NeXus, and links that lead elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from voltomo.errors import InputError, ReadError
from voltomo.io.registry import read_volume

VOXELS = np.arange(3 * 4 * 5, dtype=np.uint16).reshape(3, 4, 5)


def test_only_volume_is_chosen(tmp_path: Path) -> None:
    """Vectors, tables of text and images beside it do not matter."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["entry/data/volume"] = VOXELS
        file["entry/angles"] = np.arange(7.0)
        file["entry/preview"] = VOXELS[0]
        file["entry/title"] = "scan"
    np.testing.assert_array_equal(read_volume(tmp_path / "a.h5").data[0], VOXELS)


def test_several_volumes_are_listed(tmp_path: Path) -> None:
    """The user gets the names to choose from, and one of them works, with or without the first slash."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["raw"], file["filtered/nlm"] = VOXELS, VOXELS[::-1]
    with pytest.raises(InputError, match=r"2 volumes: /filtered/nlm \(3, 4, 5\) uint16; /raw"):
        read_volume(tmp_path / "a.h5")
    for name in ("filtered/nlm", "/filtered/nlm"):
        np.testing.assert_array_equal(read_volume(tmp_path / "a.h5", dataset=name).data[0], VOXELS[::-1])
    with pytest.raises(InputError, match=r"has no nlm.*there is filtered, raw"):
        read_volume(tmp_path / "a.h5", dataset="nlm")
    with pytest.raises(InputError, match="is a group"):
        read_volume(tmp_path / "a.h5", dataset="filtered")


def test_two_names_of_one_dataset_are_one(tmp_path: Path) -> None:
    """Hard and soft links, of which NeXus files are full, do not make a choice necessary."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["detector/data"] = VOXELS
        file["entry/data"] = file["detector/data"]
        file["default"] = h5py.SoftLink("/entry/data")
        file["detector/again"] = h5py.SoftLink("data")
        file["detector/circle"] = h5py.SoftLink("/detector")
        file["lost"] = h5py.SoftLink("/nowhere")
    np.testing.assert_array_equal(read_volume(tmp_path / "a.h5").data[0], VOXELS)
    np.testing.assert_array_equal(read_volume(tmp_path / "a.h5", dataset="detector/again").data[0], VOXELS)


def test_soft_links_in_a_circle_end(tmp_path: Path) -> None:
    """They are reported, not followed for ever."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"], file["b"] = h5py.SoftLink("/b"), h5py.SoftLink("/a")
    with pytest.raises(ReadError, match="circle"):
        read_volume(tmp_path / "a.h5", dataset="a")


def test_external_link_inside_the_folder_is_followed(tmp_path: Path) -> None:
    """Also into a folder below, as beamlines store their frames."""
    (tmp_path / "frames").mkdir()
    with h5py.File(tmp_path / "frames" / "b.h5", "w") as file:
        file["x/data"] = VOXELS
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["entry"] = h5py.ExternalLink("frames/b.h5", "/x")
        file["dangling"] = h5py.ExternalLink("gone.h5", "/x")
    np.testing.assert_array_equal(read_volume(tmp_path / "a.h5").data[0], VOXELS)


@pytest.mark.parametrize("kind", ["relative", "absolute", "symlink"])
def test_external_link_out_of_the_folder_is_refused(kind: str, tmp_path: Path) -> None:
    """A file must not reach into other folders of the reader's machine."""
    (tmp_path / "study").mkdir()
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["data"] = VOXELS
    if kind == "symlink":
        (tmp_path / "study" / "inside.h5").symlink_to(secret)
    target = {"relative": "../secret.h5", "absolute": str(secret), "symlink": "inside.h5"}[kind]
    with h5py.File(tmp_path / "study" / "a.h5", "w") as file:
        file["data"] = h5py.ExternalLink(target, "/data")
    with pytest.raises(ReadError, match="outside its own folder"):
        read_volume(tmp_path / "study" / "a.h5", dataset="data")
    with pytest.raises(ReadError, match="no image or volume"):
        read_volume(tmp_path / "study" / "a.h5")


def test_virtual_dataset_with_a_missing_source_is_refused(tmp_path: Path) -> None:
    """HDF5 itself would give zeros for the part that is not there."""
    layout = h5py.VirtualLayout(VOXELS.shape, VOXELS.dtype)
    layout[:] = h5py.VirtualSource("part.h5", "data", VOXELS.shape)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_virtual_dataset("data", layout)
    with pytest.raises(ReadError, match=r"part\.h5.*not there"):
        read_volume(tmp_path / "a.h5")
    with h5py.File(tmp_path / "part.h5", "w") as file:
        file["data"] = VOXELS
    np.testing.assert_array_equal(read_volume(tmp_path / "a.h5").data[0], VOXELS)


def test_external_storage_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    """Raw bytes of another folder are not read either."""
    (tmp_path / "study").mkdir()
    (tmp_path / "secret.raw").write_bytes(VOXELS.tobytes())
    with h5py.File(tmp_path / "study" / "a.h5", "w") as file:
        external = [(str(tmp_path / "secret.raw"), 0, VOXELS.nbytes)]
        file.create_dataset("data", VOXELS.shape, VOXELS.dtype, external=external)
    with pytest.raises(ReadError, match="outside its own folder"):
        read_volume(tmp_path / "study" / "a.h5", dataset="data")


def test_dataset_that_was_never_written_is_refused(tmp_path: Path) -> None:
    """A shape without values is what a killed acquisition leaves; it would read as zeros."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", VOXELS.shape, VOXELS.dtype)
    with pytest.raises(ReadError, match="no values were ever written"):
        read_volume(tmp_path / "a.h5")


@pytest.mark.parametrize("axes", ["zyx", "xyz", "czyx", "zyxc", "tzyxc", "txyzc", "cxzy"])
def test_axis_tags_decide_the_order(axes: str, tmp_path: Path) -> None:
    """Any order of c, z, y, x comes out as (C, Z, Y, X), whole and by region."""
    canonical = np.arange(2 * 3 * 4 * 5, dtype=np.uint16).reshape(1, 2, 3, 4, 5)
    canonical = canonical if "c" in axes else canonical[:, :1]
    letters = "tczyx"
    dropped = tuple(i for i, letter in enumerate(letters) if letter not in axes)
    kept = [letter for letter in letters if letter in axes]
    stored = np.squeeze(canonical, dropped).transpose([kept.index(letter) for letter in axes])
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("data", data=stored)
        dataset.attrs["axistags"] = json.dumps({"axes": [{"key": letter} for letter in axes]})
    data = read_volume(tmp_path / "a.h5").data
    np.testing.assert_array_equal(data[:], canonical[0])
    np.testing.assert_array_equal(data[:, 1:3, 2, 1::2], canonical[0][:, 1:3, 2, 1::2])


def test_time_series_is_refused(tmp_path: Path) -> None:
    """Several volumes in one dataset are not taken for one."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("data", data=np.ones((2, 3, 4, 5), np.uint8))
        dataset.attrs["axistags"] = json.dumps({"axes": [{"key": letter} for letter in "tzyx"]})
    with pytest.raises(ReadError, match="time series"):
        read_volume(tmp_path / "a.h5")


def test_nexus_with_external_links(data) -> None:  # type: ignore[no-untyped-def]
    """The K11 file reaches 3201 frames in another file and has links that dangle."""
    volume = read_volume(data("projections_k11_nexus/k11-18014.nxs"))
    assert volume.data.shape == (1, 3201, 22, 26)
    assert volume.data.dtype == np.uint16
    assert "image_key" in volume.metadata["notices"][0]


def test_data_exchange_projections_are_named_as_such(data) -> None:  # type: ignore[no-untyped-def]
    """Three volumes are listed; the one that is chosen comes with a notice that it is not a reconstruction."""
    path = data("projections_tooth/tooth.h5")
    with pytest.raises(InputError, match=r"3 volumes: /exchange/data \(181, 2, 640\) float32"):
        read_volume(path)
    volume = read_volume(path, dataset="exchange/data")
    assert volume.data.shape == (1, 181, 2, 640)
    assert "reconstruct" in volume.metadata["notices"][0]
