"""TIFF files as microscopes, scanners and Fiji leave them, and broken ones."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from voltomo.errors import ReadError
from voltomo.io.registry import read_volume
from voltomo.io.tiff_layout import find_layout

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4)
STACK = np.arange(2 * 3 * 5, dtype=np.uint16).reshape(2, 3, 5)


def test_one_bit_images_are_zeros_and_ones(tmp_path: Path) -> None:
    """A mask of one bit a pixel becomes uint8, also where rows end inside a byte and the packing is a fax's."""
    mask = np.arange(5 * 13).reshape(5, 13) % 3 == 0
    for compression in ("raw", "group4", "packbits"):
        path = tmp_path / f"{compression}.tif"
        Image.fromarray(mask).save(path, compression=compression)
        volume = read_volume(path)
        assert volume.data.dtype == np.uint8
        np.testing.assert_array_equal(volume.data[0, 0, 1:4, 2:11], mask[1:4, 2:11])


def test_white_as_zero_is_turned_round(tmp_path: Path) -> None:
    """Brighter is larger, whatever the file calls white; a notice says so."""
    tifffile.imwrite(tmp_path / "a.tif", GREY, photometric="miniswhite")
    volume = read_volume(tmp_path / "a.tif")
    np.testing.assert_array_equal(volume.data[0, 0], 255 - GREY)
    assert "white as zero" in volume.metadata["notices"][0]


def test_color_is_refused_with_the_way_out(tmp_path: Path) -> None:
    """RGB says how to make it grey."""
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((8, 9, 3), np.uint8), photometric="rgb")
    with pytest.raises(ReadError, match=r"color \(3 values a pixel, RGB\).*Image > Type > 8-bit"):
        read_volume(tmp_path / "a.tif")


def test_complex_numbers_are_refused(tmp_path: Path) -> None:
    """Only integers and floats are grey values."""
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3, 4), np.complex64))
    with pytest.raises(ReadError, match="expected integers or floats"):
        read_volume(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("unit", "per_unit", "expected"),
    [
        ("CENTIMETER", 1e-2 / 64e-9, 64e-9),
        ("INCH", 0.0254 / 5e-6, 5e-6),
        ("INCH", 72, None),
        ("INCH", 96, None),
        ("INCH", 300, None),
        ("CENTIMETER", 28.346, None),  # 72 dots per inch
        ("CENTIMETER", 37.8, None),  # 96 dots per inch
        ("NONE", 15.625, None),
        ("INCH", 1, None),
    ],
)
def test_resolution_tags_count_only_as_a_calibration(
    unit: str, per_unit: float, expected: float | None, tmp_path: Path
) -> None:
    """A plain tag gives the pixel size, but not where it is the density of screens and printers."""
    tifffile.imwrite(tmp_path / "a.tif", GREY, resolution=(per_unit, per_unit), resolutionunit=unit)
    size = read_volume(tmp_path / "a.tif").voxel_size
    # 1e-6: the tag is a fraction of 32-bit integers.
    assert size == (None if expected is None else pytest.approx((expected,) * 3, rel=1e-6))


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (34682, "[Beam]\r\nHV=2000\r\n[Scan]\r\nPixelWidth=6.4e-009\r\nPixelHeight=5e-009\r\n", (6.4e-9, 5e-9, 6.4e-9)),
        (34118, "0\r\n0\r\nAP_IMAGE_PIXEL_SIZE\r\nImage Pixel Size = 5.5 nm\r\n", (5.5e-9,) * 3),
        (34118, "0\r\n0\r\nAP_WD\r\nWD = 5.1 mm\r\n", None),
        (34682, "[Scan]\r\nPixelWidth=oops\r\n", None),
    ],
)
def test_electron_microscopes_state_their_pixel(
    code: int, text: str, expected: tuple[float, float, float] | None, tmp_path: Path
) -> None:
    """Tags of FEI and Zeiss count, although the resolution tag beside them is that of a screen."""
    extra = [(code, 2, len(text) + 1, text, True)]
    tifffile.imwrite(
        tmp_path / "a.tif", GREY, resolution=(96, 96), resolutionunit="INCH", extratags=extra, metadata=None
    )
    size = read_volume(tmp_path / "a.tif").voxel_size
    assert size == (None if expected is None else pytest.approx(expected))


def test_distance_of_slices_is_not_guessed(tmp_path: Path) -> None:
    """A stack whose tags know the plane only has no voxel size, and a notice with what is known."""
    tifffile.imwrite(tmp_path / "a.tif", STACK, resolution=(156250, 156250), resolutionunit="CENTIMETER")
    volume = read_volume(tmp_path / "a.tif")
    assert volume.voxel_size is None
    assert "64 × 64 nm in the plane but no distance between slices" in volume.metadata["notices"][0]


@pytest.mark.parametrize(
    ("unit", "meters"), [("nm", 1e-9), ("micron", 1e-6), ("\\u00B5m", 1e-6), ("um", 1e-6), ("mm", 1e-3), ("cm", 1e-2)]
)
def test_imagej_units_are_understood(unit: str, meters: float) -> None:
    """Every way in which ImageJ spells a length; numbers chosen so that the voxel stays plausible."""
    description = f"ImageJ=1.54f\nimages=2\nslices=2\nunit={unit}\nspacing=0.2\n"
    tags = {"XResolution": (10, 1), "YResolution": (5, 1), "ResolutionUnit": 1}
    layout = find_layout(description, tags, pages=2, size=(3, 4), source="a.tif")
    expected = tuple(factor * meters for factor in (0.2, 0.2, 0.1))
    assert layout.voxel_size == pytest.approx(expected)


def test_imagej_pixel_is_no_unit() -> None:
    """A stack without calibration has none."""
    description = "ImageJ=1.54f\nimages=2\nslices=2\nunit=pixel\nspacing=1\n"
    tags = {"XResolution": (1, 1), "YResolution": (1, 1), "ResolutionUnit": 1}
    assert find_layout(description, tags, pages=2, size=(3, 4), source="a.tif").voxel_size is None


def test_imagej_stack_over_4_gb_has_one_header(tmp_path: Path) -> None:
    """ImageJ writes one page and then bare slices; they are found, and missing ones too."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK[0], description="ImageJ=1.54f\nimages=2\nslices=2\n", metadata=None)
    with tifffile.TiffFile(path) as file:
        assert file.pages.first.dataoffsets[0] + STACK[0].nbytes == path.stat().st_size
    with pytest.raises(ReadError, match="describes 2 slices"):
        read_volume(path)
    with path.open("ab") as stream:
        stream.write(STACK[1].tobytes())
    np.testing.assert_array_equal(read_volume(path).data[0], STACK)


def test_time_points_without_depth_are_slices(tmp_path: Path) -> None:
    """A stack saved as time is read as slices with a notice; time and depth together are refused."""
    tifffile.imwrite(tmp_path / "a.tif", STACK, imagej=True, metadata={"axes": "TYX"})
    volume = read_volume(tmp_path / "a.tif")
    np.testing.assert_array_equal(volume.data[0], STACK)
    assert "time points" in volume.metadata["notices"][0]
    tifffile.imwrite(tmp_path / "b.tif", np.zeros((2, 3, 4, 5), np.uint8), imagej=True, metadata={"axes": "TZYX"})
    with pytest.raises(ReadError, match=r"t=2, z=3.*Save one time point"):
        read_volume(tmp_path / "b.tif")


def test_array_of_four_unnamed_axes_is_refused(tmp_path: Path) -> None:
    """Which axis is the channel is not guessed."""
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((2, 5, 6, 7), np.uint8))
    with pytest.raises(ReadError, match="without axis names"):
        read_volume(tmp_path / "a.tif")


@pytest.mark.parametrize("unit", ["nm", "µm", "mm", None])
def test_ome_units_and_plane_order(unit: str | None, tmp_path: Path) -> None:
    """Physical sizes in any unit, micrometres where none is stated; channels stored after slices or before."""
    scale = {"nm": 1e-9, "mm": 1e-3}.get(unit or "", 1e-6)
    voxels = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5)
    metadata: dict[str, Any] = {"axes": "ZCYX", "Channel": {"Name": ["SE2", "BSE"]}}
    for axis, edge in zip("ZYX", (3e-7, 2e-7, 1e-7), strict=True):
        metadata[f"PhysicalSize{axis}"] = edge / scale
        if unit:
            metadata[f"PhysicalSize{axis}Unit"] = unit
    tifffile.imwrite(tmp_path / "a.ome.tif", voxels.transpose(1, 0, 2, 3), metadata=metadata, ome=True)
    volume = read_volume(tmp_path / "a.ome.tif")
    assert volume.voxel_size == pytest.approx((3e-7, 2e-7, 1e-7))
    assert volume.channels == ("SE2", "BSE")
    np.testing.assert_array_equal(volume.data[:], voxels)
    np.testing.assert_array_equal(read_volume(tmp_path / "a.ome.tif", channel="BSE").data[0], voxels[1])


def test_one_file_of_an_ome_set_is_refused(tmp_path: Path) -> None:
    """A file whose XML places slices in other files is not read as if it were whole."""
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="I:0"><Pixels ID="P:0" '
        'DimensionOrder="XYZCT" Type="uint8" SizeX="4" SizeY="3" SizeZ="2" SizeC="1" SizeT="1">'
        '<TiffData FirstZ="0" IFD="0"/><TiffData FirstZ="1" IFD="0"><UUID FileName="other.ome.tif"/></TiffData>'
        "</Pixels></Image></OME>"
    )
    tifffile.imwrite(tmp_path / "a.ome.tif", GREY, description=xml, metadata=None)
    with pytest.raises(ReadError, match="one of several OME-TIFF files"):
        read_volume(tmp_path / "a.ome.tif")


def test_entities_in_ome_xml_are_refused(tmp_path: Path) -> None:
    """XML that defines entities could unpack without end."""
    xml = '<!DOCTYPE x [<!ENTITY a "aaaa">]><OME></OME>'
    tifffile.imwrite(tmp_path / "a.ome.tif", GREY, description=xml, metadata=None)
    with pytest.raises(ReadError, match="entities"):
        read_volume(tmp_path / "a.ome.tif")


def test_pages_of_two_shapes_are_refused(tmp_path: Path) -> None:
    """The message names the page and both shapes."""
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(GREY, metadata=None)
        file.write(GREY[:2], metadata=None)
    with pytest.raises(ReadError, match="page 2 is 2×4 uint8, page 1 is 3×4 uint8"):
        read_volume(tmp_path / "a.tif")


def test_header_that_promises_more_is_refused(tmp_path: Path) -> None:
    """A height larger than the strips hold is found without reading a voxel."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, GREY, metadata=None)
    with tifffile.TiffFile(path) as file:
        place = file.pages.first.tags["ImageLength"].valueoffset
    raw = bytearray(path.read_bytes())
    raw[place : place + 2] = struct.pack("<H", 300)
    path.write_bytes(raw)
    with pytest.raises(ReadError, match="lists"):
        read_volume(path)


def test_damaged_strip_is_named(tmp_path: Path) -> None:
    """Compressed bytes that do not unpack give ReadError when they are read."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.arange(4096, dtype=np.uint16).reshape(64, 64), compression="zlib", metadata=None)
    with tifffile.TiffFile(path) as file:
        offset = file.pages.first.dataoffsets[0]
    raw = bytearray(path.read_bytes())
    raw[offset : offset + 20] = b"\xff" * 20
    path.write_bytes(raw)
    with pytest.raises(ReadError, match="damaged"):
        read_volume(path).data[0, 0]


def test_strip_that_was_never_written_is_refused(tmp_path: Path) -> None:
    """What a killed writer leaves is a strip of no bytes; it is not read as zeros."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.ones((64, 64), np.uint16), compression="zlib", rowsperstrip=64, metadata=None)
    with tifffile.TiffFile(path) as file:
        place = file.pages.first.tags["StripByteCounts"].valueoffset
    raw = bytearray(path.read_bytes())
    raw[place : place + 4] = bytes(4)
    path.write_bytes(raw)
    with pytest.raises(ReadError, match="never written"):
        read_volume(path)


def test_strip_shorter_than_its_rows_is_refused(tmp_path: Path) -> None:
    """A strip that unpacks to fewer rows than the header says is damage, not an image with a black end."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.ones((64, 64), np.uint8), compression="packbits", rowsperstrip=64, metadata=None)
    with tifffile.TiffFile(path) as file:
        place, count = file.pages.first.tags["StripByteCounts"].valueoffset, file.pages.first.databytecounts[0]
    raw = bytearray(path.read_bytes())
    raw[place : place + 4] = struct.pack("<I", count // 2)
    path.write_bytes(raw)
    with pytest.raises(ReadError, match="damaged"):
        np.asarray(read_volume(path).data)


def test_circle_of_headers_ends(tmp_path: Path) -> None:
    """A page that names itself as the next one does not hang the reader."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, GREY, metadata=None)
    raw = bytearray(path.read_bytes())
    (first,) = struct.unpack("<I", raw[4:8])
    (count,) = struct.unpack("<H", raw[first : first + 2])
    raw[first + 2 + 12 * count : first + 6 + 12 * count] = struct.pack("<I", first)
    path.write_bytes(raw)
    with pytest.raises(ReadError, match="earlier page"):
        read_volume(path)


def test_last_slice_cut_short_is_found_before_reading(tmp_path: Path) -> None:
    """A stack that lacks its last byte is refused when it is opened."""
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        for plane in STACK:
            file.write(plane, metadata=None)  # one header before each slice: the last slice ends the file
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(ReadError, match="truncated"):
        read_volume(path)
