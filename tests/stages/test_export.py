"""`export` on every artefact, read back by other programs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
import trimesh
import zarr
from PIL import Image

from voltomo.artifacts import CrackMap, InstanceMap, Phase, PhaseMap, PhaseTable, Volume
from voltomo.errors import InputError
from voltomo.stages.export import export

TABLE = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "NMC 622/a", "active"), Phase(5, "binder", "binder")))
VOXEL_SIZE = (2e-7, 1e-7, 5e-8)


def phases(shape: tuple[int, int, int] = (10, 12, 14)) -> npt.NDArray[np.uint8]:
    """Pore with a box of NMC, half covered by binder."""
    labels = np.ones(shape, np.uint8)
    labels[3:7, 3:9, 3:9] = 2
    labels[3:7, 3:9, 9:11] = 5
    return labels


def test_phase_map_becomes_a_colored_stack_for_imagej(tmp_path: Path) -> None:
    """Ids are kept, the color table is the phase table's, the voxel size stands in ImageJ's tags."""
    assert export(PhaseMap(phases(), TABLE, VOXEL_SIZE), tmp_path / "phases.tif") == (tmp_path / "phases.tif",)
    with tifffile.TiffFile(tmp_path / "phases.tif") as file:
        assert file.is_imagej
        assert not file.is_bigtiff
        assert file.imagej_metadata["spacing"] == pytest.approx(0.2)
        np.testing.assert_array_equal(file.asarray(), phases())
        table = file.pages.first.colormap
    assert (table[:, 2] // 257).tolist() == [0xE6, 0x9F, 0x00]


def test_large_stack_becomes_bigtiff_with_the_same_tags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above 4 GB (here: above nothing) the offsets are 64 bits wide and the description stays."""
    monkeypatch.setattr("voltomo.io.tiff_writer._LARGEST_CLASSIC", 0)
    export(PhaseMap(phases(), TABLE, VOXEL_SIZE), tmp_path / "phases.tif")
    with tifffile.TiffFile(tmp_path / "phases.tif") as file:
        assert file.is_bigtiff
        assert file.pages.first.description.startswith("ImageJ=")
        np.testing.assert_array_equal(file.asarray(), phases())


def test_zarr_artefact_is_exported_slab_by_slab(tmp_path: Path) -> None:
    """A map that lies on disk in chunks gives the same file as one in memory."""
    array = zarr.create_array(
        tmp_path / "a.zarr", shape=(10, 12, 14), dtype="uint8", chunks=(4, 8, 8), shards=(8, 8, 8)
    )
    array[:] = phases()
    export(PhaseMap(array, TABLE, VOXEL_SIZE), tmp_path / "disk.nrrd")
    export(PhaseMap(phases(), TABLE, VOXEL_SIZE), tmp_path / "memory.nrrd")
    assert (tmp_path / "disk.nrrd").read_bytes() == (tmp_path / "memory.nrrd").read_bytes()


def test_png_slices_show_the_colors_and_keep_the_ids(tmp_path: Path) -> None:
    """Seen as a picture they are colored, read as numbers they are ids."""
    export(PhaseMap(phases(), TABLE), tmp_path / "slices", format="png")
    with Image.open(tmp_path / "slices" / "slices_0005.png") as image:
        np.testing.assert_array_equal(np.asarray(image), phases()[5])
        assert image.convert("RGB").getpixel((4, 4)) == (0xE6, 0x9F, 0x00)


def test_section_becomes_one_png(tmp_path: Path) -> None:
    """A map of one slice, given as (Y, X), may be named as a file; a volume may not."""
    export(PhaseMap(phases()[5], TABLE), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        np.testing.assert_array_equal(np.asarray(image), phases()[5])
    with pytest.raises(InputError, match="name a folder"):
        export(PhaseMap(phases(), TABLE), tmp_path / "b.png")


def test_particles_take_16_bits_where_they_fit(tmp_path: Path) -> None:
    """uint16 opens everywhere; ids beyond, or unknown, stay uint32."""
    ids = np.arange(8, dtype=np.uint32).reshape(2, 2, 2)
    for table, dtype in (({"instance_id": np.arange(1, 8)}, "uint16"), ({"instance_id": np.array([70000])}, "uint32")):
        export(InstanceMap(ids, table), tmp_path / "a.tif", overwrite=True)
        found = tifffile.imread(tmp_path / "a.tif")
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, ids)
    with pytest.raises(InputError, match="PNG holds uint8 and uint16"):
        export(InstanceMap(ids), tmp_path / "slices", format="png")


def test_crack_map_carries_its_names(tmp_path: Path) -> None:
    """Solid and crack become materials."""
    export(CrackMap(phases() % 3, None), tmp_path / "cracks.am")
    assert b"crack {" in (tmp_path / "cracks.am").read_bytes()


def test_grey_volume_of_two_channels_becomes_a_hyperstack(tmp_path: Path) -> None:
    """ImageJ finds channels and slices in their places; formats of one channel refuse."""
    voxels = np.arange(2 * 3 * 4 * 5, dtype=np.uint16).reshape(2, 3, 4, 5)
    volume = Volume(voxels, VOXEL_SIZE, channels=("SE2", "BSE"))
    export(volume, tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.series[0].axes == "ZCYX"
        np.testing.assert_array_equal(file.asarray().transpose(1, 0, 2, 3), voxels)
    with pytest.raises(InputError, match="has 2: SE2, BSE"):
        export(volume, tmp_path / "a.am")


@pytest.mark.parametrize("suffix", [".stl", ".ply"])
def test_each_phase_becomes_a_closed_surface_in_micrometres(suffix: str, tmp_path: Path) -> None:
    """Volumes add up to the box, and the surfaces of two touching phases hold the same points on their interface."""
    written = export(PhaseMap(phases(), TABLE, VOXEL_SIZE), tmp_path / f"mesh{suffix}")
    assert [path.name for path in written] == [f"mesh_{name}{suffix}" for name in ("pore", "NMC_622_a", "binder")]
    meshes = [trimesh.load(path) for path in written]
    assert all(mesh.is_watertight and mesh.is_winding_consistent for mesh in meshes)
    box = 10 * 12 * 14 * 0.2 * 0.1 * 0.05
    assert sum(mesh.volume for mesh in meshes) == pytest.approx(box, rel=1e-5)  # float32 coordinates
    np.testing.assert_allclose(meshes[0].bounds[1] - meshes[0].bounds[0], (14 * 0.05, 12 * 0.1, 10 * 0.2), rtol=1e-6)
    nmc, binder = ({tuple(point) for point in mesh.vertices} for mesh in meshes[1:])
    # The interface is 4 x 6 voxel faces: 5 x 7 points.
    assert len(nmc & binder) == 35


def test_mesh_needs_phases_and_depth(tmp_path: Path) -> None:
    """Grey volumes and single slices are refused."""
    with pytest.raises(InputError, match="no phases"):
        export(Volume(np.zeros((1, 3, 4, 5), np.uint8)), tmp_path / "a.stl")
    with pytest.raises(InputError, match="single slice"):
        export(PhaseMap(phases()[5], TABLE), tmp_path / "a.stl")


def test_types_that_a_format_lacks_are_refused(tmp_path: Path) -> None:
    """The message says which format to take instead."""
    volume = Volume(np.zeros((1, 3, 4, 5), np.float64))
    with pytest.raises(InputError, match=r"float64; ImageJ reads .* Use npy"):
        export(volume, tmp_path / "a.tif")
    with pytest.raises(InputError, match="PNG holds uint8 and uint16"):
        export(volume, tmp_path / "a", format="png")
    assert list(tmp_path.iterdir()) == []
