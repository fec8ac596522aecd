"""Every reader of ours passes the suite that plug-in authors inherit; examples are written by other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import h5py
import nrrd
import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from voltomo.io import amira, hdf5, npy, ome_zarr_reader, png, raw, tiff, tiff_folder
from voltomo.io import nrrd as our_nrrd
from voltomo.io.ome_zarr import ImageMetadata, create_image
from voltomo.io.registry import ReadOptions
from voltomo.testing.readers import ReaderConformance
from voltomo.units import VoxelSize

Voxels = npt.NDArray[Any]


class TestImageJTiff(ReaderConformance):
    reader = tiff.READER
    options = ReadOptions()
    has_channels = True

    def write_example(self, folder: Path, voxels: Voxels, voxel_size: VoxelSize | None) -> Path:
        path = folder / "scan.tif"
        keywords: dict[str, Any] = {"metadata": {"axes": "ZCYX"}}
        if voxel_size is not None:
            dz, dy, dx = (edge * 1e6 for edge in voxel_size)
            keywords = {"resolution": (1 / dx, 1 / dy), "metadata": {"axes": "ZCYX", "spacing": dz, "unit": "um"}}
        tifffile.imwrite(path, voxels.transpose(1, 0, 2, 3), imagej=True, **keywords)
        return path


class TestOmeTiff(ReaderConformance):
    reader = tiff.READER
    options = ReadOptions()
    dtypes = ("uint8", "uint16", "float32", "int16", "float64")
    has_channels = True

    def write_example(self, folder: Path, voxels: Voxels, voxel_size: VoxelSize | None) -> Path:
        path = folder / "scan.ome.tif"
        metadata: dict[str, Any] = {"axes": "CZYX"}
        if voxel_size is not None:
            for axis, edge in zip("ZYX", voxel_size, strict=True):
                metadata |= {f"PhysicalSize{axis}": edge * 1e9, f"PhysicalSize{axis}Unit": "nm"}
        tifffile.imwrite(path, voxels, ome=True, metadata=metadata)
        return path


class TestCompressedTiledBigTiff(ReaderConformance):
    reader = tiff.READER
    options = ReadOptions()
    dtypes = ("uint8", "uint16", "float32", "int32")
    keeps_voxel_size = False

    def write_example(self, folder: Path, voxels: Voxels, voxel_size: VoxelSize | None) -> Path:
        path = folder / "scan.tif"
        with tifffile.TiffWriter(path, bigtiff=True, byteorder=">") as file:
            for plane in voxels[0]:
                file.write(plane, compression="zlib", predictor=True, tile=(16, 16), metadata=None)
        return path


class TestCompressedStrips(ReaderConformance):
    reader = tiff.READER
    options = ReadOptions()
    keeps_voxel_size = False

    def write_example(self, folder: Path, voxels: Voxels, voxel_size: VoxelSize | None) -> Path:
        path = folder / "scan.tiff"
        tifffile.imwrite(path, voxels[0], compression="lzw", rowsperstrip=5)
        return path


class TestTiffFolder(ReaderConformance):
    reader = tiff_folder.READER
    options = ReadOptions()
    keeps_voxel_size = False
    is_truncatable = False

    def write_example(self, folder: Path, voxels: Voxels, voxel_size: VoxelSize | None) -> Path:
        path = folder / "slices"
        path.mkdir()
        for z, plane in enumerate(voxels[0], start=8):  # 8, 9, 10: natural order is not alphabetical order
            tifffile.imwrite(path / f"slice_{z}.tif", plane)
        return path


class TestPngFolder(ReaderConformance):
    reader = png.FOLDER_READER
    options = ReadOptions()
    dtypes = ("uint8", "uint16")
    keeps_voxel_size = False
    is_truncatable = False

    def write_example(self, folder: Path, voxels: Voxels, voxel_size: VoxelSize | None) -> Path:
        path = folder / "slices"
        path.mkdir()
        for z, plane in enumerate(voxels[0], start=8):
            Image.fromarray(plane).save(path / f"slice_{z}.png")
        return path


class TestNpy(ReaderConformance):
    reader = npy.READER
    options = ReadOptions()
    dtypes = ("uint8", "uint16", "float32", "float64", "int64")
    keeps_voxel_size = False
    has_channels = True

    def write_example(self, folder: Path, voxels: Voxels, voxel_size: VoxelSize | None) -> Path:
        path = folder / "scan.npy"
        np.save(path, voxels if len(voxels) > 1 else voxels[0])
        return path


class TestNpyBigEndianFortran(ReaderConformance):
    reader = npy.READER
    options = ReadOptions()
    keeps_voxel_size = False

    def write_example(self, folder: Path, voxels: Voxels, voxel_size: VoxelSize | None) -> Path:
        path = folder / "scan.npy"
        np.save(path, np.asfortranarray(voxels[0].astype(voxels.dtype.newbyteorder(">"))))
        return path


class TestRaw(ReaderConformance):
    reader = raw.READER
    options = ReadOptions()
    has_channels = True

    def write_example(self, folder: Path, voxels: Voxels, voxel_size: VoxelSize | None) -> Path:
        path = folder / "scan.raw"
        path.write_bytes(b"HEADER" + voxels.astype(voxels.dtype.newbyteorder(">")).tobytes())
        fields = {"shape": voxels.shape, "dtype": str(voxels.dtype), "byte_order": "big", "offset": 6}
        if voxel_size is not None:
            fields["voxel_size_um"] = [edge * 1e6 for edge in voxel_size]
        path.with_name("scan.raw.json").write_text(json.dumps(fields))
        return path


class TestNrrd(ReaderConformance):
    reader = our_nrrd.READER
    options = ReadOptions()
    dtypes = ("uint8", "uint16", "float32", "int16", "float64", "uint32")
    encoding: ClassVar[str] = "raw"

    def write_example(self, folder: Path, voxels: Voxels, voxel_size: VoxelSize | None) -> Path:
        path = folder / "scan.nrrd"
        header: dict[str, Any] = {"encoding": self.encoding}
        if voxel_size is not None:
            header |= {
                "space dimension": 3,
                "space directions": np.diag([edge * 1e3 for edge in voxel_size[::-1]]),
                "space units": ["mm"] * 3,
            }
        nrrd.write(str(path), voxels[0].transpose(), header=header, index_order="F")
        return path


class TestNrrdGzip(TestNrrd):
    encoding = "gzip"


class TestNrrdText(TestNrrd):
    encoding = "ascii"
    dtypes = ("uint8", "uint16", "int16", "float64")
    test_region_needs_little_memory = None  # writing 16 MB as text takes too long
    is_truncatable = False  # cutting text may leave whole numbers; test_nrrd.py covers a missing number


class TestHdf5(ReaderConformance):
    reader = hdf5.READER
    options = ReadOptions()
    dtypes = ("uint8", "uint16", "float32", "float64", "int32")
    has_channels = True

    def write_example(self, folder: Path, voxels: Voxels, voxel_size: VoxelSize | None) -> Path:
        path = folder / "scan.h5"
        with h5py.File(path, "w") as file:
            data = voxels if len(voxels) > 1 else voxels[0]
            dataset = file.create_dataset("entry/volume", data=data, chunks=True, compression="gzip")
            if voxel_size is not None:
                dataset.attrs["element_size_um"] = [edge * 1e6 for edge in voxel_size]
        return path


class TestHdf5InIlastikOrder(ReaderConformance):
    reader = hdf5.READER
    options = ReadOptions()
    keeps_voxel_size = False
    has_channels = True

    def write_example(self, folder: Path, voxels: Voxels, voxel_size: VoxelSize | None) -> Path:
        path = folder / "exported.h5"
        with h5py.File(path, "w") as file:
            dataset = file.create_dataset("exported_data", data=voxels.transpose(3, 2, 1, 0)[None])
            dataset.attrs["axistags"] = json.dumps({"axes": [{"key": key, "typeFlags": 2} for key in "txyzc"]})
        return path


class TestOmeZarr(ReaderConformance):
    reader = ome_zarr_reader.READER
    options = ReadOptions()
    has_channels = True
    is_truncatable = False

    def write_example(self, folder: Path, voxels: Voxels, voxel_size: VoxelSize | None) -> Path:
        path = folder / "scan.ome.zarr"
        channels = tuple(f"channel {i}" for i in range(len(voxels)))
        array = create_image(path, voxels.shape, voxels.dtype, ImageMetadata("volume", voxel_size, channels))
        array[:] = voxels
        return path


class TestAmira(ReaderConformance):
    reader = amira.READER
    options = ReadOptions()
    dtypes = ("uint8", "uint16", "float32", "int16", "float64", "int32")
    kind: ClassVar[str] = "AmiraMesh BINARY-LITTLE-ENDIAN 2.1"
    order: ClassVar[str] = "<"

    def write_example(self, folder: Path, voxels: Voxels, voxel_size: VoxelSize | None) -> Path:
        path = folder / "scan.am"
        z, y, x = voxels.shape[1:]
        names = {"uint8": "byte", "uint16": "ushort", "float32": "float", "int16": "short", "float64": "double"}
        unit, edges = "", (1.0, 1.0, 1.0)
        if voxel_size is not None:
            unit, edges = 'Units { Coordinates "µm" }', tuple(edge * 1e6 for edge in voxel_size)  # type: ignore[assignment]
        box = " ".join(f"0 {max(n - 1, 1) * edge!r}" for n, edge in zip((x, y, z), edges[::-1], strict=True))
        packed, codec = self.pack(voxels.astype(voxels.dtype.newbyteorder(self.order)))
        header = (
            f"# {self.kind}\n\n\ndefine Lattice {x} {y} {z}\n\nParameters {{\n    {unit}\n"
            f'    BoundingBox {box},\n    CoordType "uniform"\n}}\n\n'
            f"Lattice {{ {names.get(str(voxels.dtype), 'int')} Data }} @1{codec}\n\n# Data section follows\n@1\n"
        )
        path.write_bytes(header.encode() + packed + b"\n")
        return path

    def pack(self, voxels: Voxels) -> tuple[bytes, str]:
        return voxels.tobytes(), ""


class TestAmiraBigEndian(TestAmira):
    kind = "AmiraMesh 3D BINARY 2.0"
    order = ">"


class TestAmiraText(TestAmira):
    kind = "AmiraMesh 3D ASCII 2.0"
    dtypes = ("uint8", "uint16", "int16", "float64")
    test_region_needs_little_memory = None  # writing 16 MB as text takes too long
    is_truncatable = False

    def pack(self, voxels: Voxels) -> tuple[bytes, str]:
        return " ".join(str(value) for value in voxels.ravel().tolist()).encode(), ""


class TestAmiraZip(TestAmira):
    def pack(self, voxels: Voxels) -> tuple[bytes, str]:
        import zlib

        packed = zlib.compress(voxels.tobytes())
        return packed, f"(HxZip,{len(packed)})"


class TestAmiraRuns(TestAmira):
    dtypes = ("uint8",)

    def pack(self, voxels: Voxels) -> tuple[bytes, str]:
        """One literal stretch of at most 127 bytes after another, with a repeated pair in between."""
        raw_bytes = voxels.tobytes()
        pieces = [raw_bytes[i : i + 128] for i in range(0, len(raw_bytes), 128)]
        packed = b"".join(bytes([128 + len(piece) - 1]) + piece[:-1] + b"\x01" + piece[-1:] for piece in pieces)
        return packed, f"(HxByteRLE,{len(packed)})"
