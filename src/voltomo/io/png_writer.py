"""Writer of a folder of PNG slices, colored by the phase table where there is one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from voltomo.artifacts import PhaseTable, Volume
from voltomo.errors import InputError
from voltomo.io.atomic import new_file, new_folder
from voltomo.io.registry import FormatWriter
from voltomo.io.sweep import one_channel, sweep_planes
from voltomo.units import VoxelSize

__all__ = ["WRITER", "write_png_slices"]


def write_png_slices(
    volume: Volume, path: Path, *, labels: PhaseTable | None = None, overwrite: bool = False
) -> tuple[Path, ...]:
    """Write ``path/<name>_0000.png`` and so on; a single slice may be named ``<name>.png``.

    Parameters
    ----------
    volume : one channel of uint8 or uint16
    path : the folder, or the file of a single slice
    labels : 8-bit values are written as they are, with a color table that shows each phase in its color
    overwrite : replace a folder of such slices

    Raises
    ------
    InputError
        If the values do not fit PNG.
    """
    one_channel(volume, "PNG")
    dtype = np.dtype(volume.data.dtype)
    if dtype not in (np.dtype(np.uint8), np.dtype(np.uint16)):
        raise InputError(f"{volume.name} holds {dtype}; PNG holds uint8 and uint16. Export as TIFF instead")
    slices = int(volume.data.shape[1])
    digits = max(4, len(str(slices - 1)))
    colors = None if labels is None or dtype != np.uint8 else _color_table(labels)
    if path.suffix.lower() == ".png":
        if slices > 1:
            raise InputError(f"{volume.name} has {slices} slices, a PNG file holds one; name a folder, with format png")
        with new_file(path, overwrite=overwrite) as temporary:
            _write_plane(next(sweep_planes(volume.data))[0], temporary, volume.voxel_size, colors)
    else:
        with new_folder(path, overwrite=overwrite, is_ours=_is_slice) as folder:
            for z, (plane,) in enumerate(sweep_planes(volume.data)):
                _write_plane(plane, folder / f"{path.name}_{z:0{digits}}.png", volume.voxel_size, colors)
    return (path,)


def _is_slice(item: Path) -> bool:
    return re.fullmatch(r".+_\d{4,}\.png", item.name) is not None


def _write_plane(plane: npt.NDArray[Any], path: Path, voxel_size: VoxelSize | None, colors: bytes | None) -> None:
    image = Image.fromarray(plane)
    if colors is not None:
        image.putpalette(colors)
    keywords: dict[str, Any] = {}
    if voxel_size is not None:
        text = PngInfo()
        text.add_text("voxel_size_um", " ".join(f"{edge * 1e6:.12g}" for edge in voxel_size))
        keywords = {"pnginfo": text, "dpi": (0.0254 / voxel_size[2], 0.0254 / voxel_size[1])}
    image.save(path, format="png", **keywords)


def _color_table(labels: PhaseTable) -> bytes:
    """256 RGB triples; ids without a phase are black."""
    table = bytearray(3 * 256)
    for phase in labels:
        table[3 * phase.id : 3 * phase.id + 3] = bytes.fromhex(phase.color.removeprefix("#"))
    return bytes(table)


WRITER = FormatWriter("png", (".png",), write_png_slices)
