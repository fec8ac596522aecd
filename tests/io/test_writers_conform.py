"""Every writer of ours passes the suite that plug-in authors inherit; files are read back by other programs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import h5py
import nrrd
import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from voltomo.io import amira_writer, nrrd_writer, plain_writers, png_writer, tiff_writer
from voltomo.testing.writers import WriterConformance
from voltomo.units import VoxelSize

Found = tuple[npt.NDArray[Any], VoxelSize | None]


class TestTiff(WriterConformance):
    writer = tiff_writer.WRITER
    file_name = "scan.tif"
    dtypes = ("uint8", "uint16", "float32", "uint32", "int16", "int32")

    def read_back(self, path: Path) -> Found:
        with tifffile.TiffFile(path) as file:
            assert file.is_imagej
            tags, fields = file.pages.first.tags, file.imagej_metadata
            voxels = file.asarray()
            if "unit" not in fields:
                return voxels, None
            assert fields["unit"] == "micron"
            dx, dy = (tags[key].value[1] / tags[key].value[0] * 1e-6 for key in ("XResolution", "YResolution"))
            return voxels, (fields["spacing"] * 1e-6, dy, dx)


class TestOmeTiff(WriterConformance):
    writer = tiff_writer.OME_WRITER
    file_name = "scan.ome.tif"
    dtypes = ("uint8", "uint16", "float32", "float64", "int32")

    def read_back(self, path: Path) -> Found:
        with tifffile.TiffFile(path) as file:
            assert file.is_ome
            sizes = [re.search(rf'PhysicalSize{axis}="([^"]+)"', file.ome_metadata or "") for axis in "ZYX"]
            edges = [float(size[1]) * 1e-6 for size in sizes if size]
            return file.asarray(), (edges[0], edges[1], edges[2]) if edges else None


class TestPngSlices(WriterConformance):
    writer = png_writer.WRITER
    file_name = "slices"
    dtypes = ("uint8", "uint16")

    def read_back(self, path: Path) -> Found:
        files = sorted(path.iterdir())
        assert files[0].name == "slices_0000.png"
        planes = []
        for file in files:
            with Image.open(file) as image:
                planes.append(np.asarray(image))
                text, dpi = image.info.get("voxel_size_um"), image.info.get("dpi")
        if text is None:
            return np.stack(planes), None
        dz, dy, dx = (float(edge) * 1e-6 for edge in text.split())
        # PNG counts whole pixels per metre: at 20 million, that is good to 1e-7.
        np.testing.assert_allclose((0.0254 / dpi[1], 0.0254 / dpi[0]), (dy, dx), rtol=1e-6)
        return np.stack(planes), (dz, dy, dx)


class TestNrrd(WriterConformance):
    writer = nrrd_writer.WRITER
    file_name = "scan.nrrd"
    dtypes = ("uint8", "uint16", "float32", "uint32", "int64", "float64")

    def read_back(self, path: Path) -> Found:
        voxels, header = nrrd.read(str(path), index_order="C")
        if "space directions" not in header:
            return voxels, None
        assert header["space units"] == ["um"] * 3
        dx, dy, dz = (float(edge) * 1e-6 for edge in np.diag(header["space directions"]))
        return voxels, (dz, dy, dx)


class TestAmira(WriterConformance):
    writer = amira_writer.WRITER
    file_name = "scan.am"
    dtypes = ("uint8", "uint16", "float32", "int16", "int32", "float64")

    def read_back(self, path: Path) -> Found:
        """By the letter of the format: numpy on what stands in the header, not our reader."""
        header, voxels = path.read_bytes().split(b"# Data section follows\n@1\n")
        text = header.decode("utf-8")
        assert text.startswith("# AmiraMesh BINARY-LITTLE-ENDIAN 2.1\n")
        x, y, z = (int(n) for n in re.findall(r"define Lattice (\d+) (\d+) (\d+)", text)[0])
        kind = re.findall(r"Lattice \{ (\w+) \w+ \} @1", text)[0]
        dtype = {"byte": "<u1", "ushort": "<u2", "short": "<i2", "int": "<i4", "float": "<f4", "double": "<f8"}[kind]
        found = np.frombuffer(voxels[:-1], dtype).reshape(z, y, x)
        assert voxels[-1:] == b"\n"
        box = [float(edge) for edge in re.findall(r"BoundingBox ([^,]+),", text)[0].split()]
        if "Units" not in text:
            return found, None
        assert re.search(r'Units \{\s+Coordinates "µm"', text)
        return found, (box[5] / (z - 1) * 1e-6, box[3] / (y - 1) * 1e-6, box[1] / (x - 1) * 1e-6)


class TestRaw(WriterConformance):
    writer = plain_writers.RAW_WRITER
    file_name = "scan.raw"
    dtypes = ("uint8", "uint16", "float32", "float64", "uint32")

    def read_back(self, path: Path) -> Found:
        fields = json.loads(path.with_name("scan.raw.json").read_text())
        voxels = np.fromfile(path, np.dtype(fields["dtype"]).newbyteorder("<")).reshape(fields["shape"])
        size = fields["voxel_size_um"]
        return voxels, None if size is None else (size[0] * 1e-6, size[1] * 1e-6, size[2] * 1e-6)


class TestNpy(WriterConformance):
    writer = plain_writers.NPY_WRITER
    file_name = "scan.npy"
    dtypes = ("uint8", "uint16", "float32", "float64", "uint32")
    keeps_voxel_size = False

    def read_back(self, path: Path) -> Found:
        return np.load(path, allow_pickle=False), None


class TestHdf5(WriterConformance):
    writer = plain_writers.HDF5_WRITER
    file_name = "scan.h5"
    dtypes = ("uint8", "uint16", "float32", "float64", "uint32")

    def read_back(self, path: Path) -> Found:
        with h5py.File(path, "r") as file:
            (dataset,) = file.values()
            size = dataset.attrs.get("element_size_um")
            return dataset[:], None if size is None else (size[0] * 1e-6, size[1] * 1e-6, size[2] * 1e-6)
