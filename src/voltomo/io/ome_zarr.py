"""OME-Zarr 0.5 on disk: one multiscale image at the root of each `*.ome.zarr`.

Volumes and probabilities have the axes (c, z, y, x), labels (z, y, x). Level 0 is the array `0`. The unit of writing is
one whole shard: two writers in one shard would lose data.

References
----------
.. [1] OME-NGFF specification 0.5, https://ngff.openmicroscopy.org/0.5/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import zarr
from zarr.codecs import BloscCodec, BloscShuffle

from voltomo.artifacts import Channel, PhaseMap, PhaseTable, Volume
from voltomo.blocks import Block, BlockPlan, WritableArray, map_blocks
from voltomo.errors import ReadError
from voltomo.units import VoxelSize

__all__ = [
    "ImageMetadata",
    "create_array",
    "create_image",
    "open_image",
    "set_metadata",
    "shard_shape",
    "write_pyramid",
]

MICROMETER = 1e-6
CHUNK = 64  # 64³ uint8 = 256 KiB: a slice view touches few bytes, a block read few files
CHUNK_2D = 512
SHARDS_2D = 4
SMALLEST_LEVEL = 192
"""A pyramid ends at the first level whose longest axis is not longer than this."""

Kind = Literal["volume", "labels"]


@dataclass(frozen=True)
class ImageMetadata:
    """What an image carries besides its voxels.

    Parameters
    ----------
    kind : "volume" has a channel axis and is averaged in its pyramid, "labels" has none and is subsampled
    voxel_size : (dz, dy, dx) in m, or None
    channels : names of the channels of a volume
    phases : names and colors of a label image
    voltomo : our own fields
    """

    kind: Kind
    voxel_size: VoxelSize | None = None
    channels: tuple[str, ...] = ()
    phases: PhaseTable | None = None
    voltomo: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_volume(cls, volume: Volume) -> ImageMetadata:
        """What a volume carries."""
        own = {"through_plane": volume.through_plane}
        return cls("volume", volume.voxel_size, volume.channels, voltomo=own)

    @classmethod
    def of_phases(cls, phase_map: PhaseMap) -> ImageMetadata:
        """What a phase map carries."""
        own = {"through_plane": phase_map.through_plane}
        return cls("labels", phase_map.voxel_size, phases=phase_map.phases, voltomo=own)


def shard_shape(shape: tuple[int, int, int], *, edge: int = 256) -> tuple[int, int, int]:
    """Shape of the unit of writing for a (Z, Y, X) image; whole chunks, at most about `edge` per axis."""
    chunks = _chunk_shape(shape)
    limits = (1, SHARDS_2D * CHUNK_2D, SHARDS_2D * CHUNK_2D) if shape[0] == 1 else (edge,) * 3
    z, y, x = (c * min(max(1, m // c), -(-n // c)) for n, c, m in zip(shape, chunks, limits, strict=True))
    return z, y, x


def _chunk_shape(shape: tuple[int, int, int]) -> tuple[int, int, int]:
    z, y, x = shape
    return (1, min(y, CHUNK_2D), min(x, CHUNK_2D)) if z == 1 else (min(z, CHUNK), min(y, CHUNK), min(x, CHUNK))


def create_array(
    path: Path,
    shape: tuple[int, ...],
    dtype: npt.DTypeLike,
    *,
    edge: int = 256,
    compressor: Literal["lz4", "zstd"] = "lz4",
) -> WritableArray:
    """A sharded Zarr 3 array; an existing one of the same shape and dtype is opened instead."""
    spatial = (int(shape[-3]), int(shape[-2]), int(shape[-1]))
    lead = (1,) * (len(shape) - 3)
    if (path / "zarr.json").exists():
        array: WritableArray = zarr.open_array(path, mode="r+")
        if tuple(array.shape) == tuple(shape) and array.dtype == np.dtype(dtype):
            return array
    created: WritableArray = zarr.create_array(
        path,
        shape=shape,
        dtype=np.dtype(dtype),
        chunks=lead + _chunk_shape(spatial),
        shards=lead + shard_shape(spatial, edge=edge),
        compressors=BloscCodec(cname=compressor, clevel=3, shuffle=BloscShuffle.bitshuffle),
        fill_value=0,
        overwrite=True,
    )
    return created


def create_image(
    path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike, metadata: ImageMetadata, *, edge: int = 256
) -> WritableArray:
    """Level 0 of a multiscale image, ready to be written shard by shard; an unfinished one is continued.

    Parameters
    ----------
    path : ends in ``.ome.zarr``
    shape : (C, Z, Y, X) for a volume, (Z, Y, X) for labels
    dtype : of the voxels
    metadata : written to the group
    edge : shard edge in voxels
    """
    array = create_array(path / "0", shape, dtype, edge=edge, compressor="zstd" if metadata.kind == "labels" else "lz4")
    _write_metadata(path, metadata, [tuple(shape)])
    return array


def set_metadata(path: Path, metadata: ImageMetadata) -> None:
    """Replace the metadata of an image that has level 0 only."""
    _write_metadata(path, metadata, [tuple(zarr.open_array(path / "0", mode="r").shape)])


def write_pyramid(
    path: Path, *, edge: int = 256, workers: int = 1, progress: Callable[[int, int], None] | None = None
) -> None:
    """Levels 1, 2, ... of an image, each half the size of the one before: mean for volumes, nearest for labels."""
    group = zarr.open_group(path, mode="r")
    metadata = _read_metadata(path, group)
    previous: Any = group["0"]
    shapes = [tuple(previous.shape)]
    while max(shapes[-1][-3:]) > SMALLEST_LEVEL:
        shape = tuple(shapes[-1][:-3]) + tuple(-(-n // 2) for n in shapes[-1][-3:])
        level = create_array(
            path / str(len(shapes)), shape, previous.dtype, edge=edge, compressor=_compressor(metadata.kind)
        )
        for channel in range(shape[0] if metadata.kind == "volume" else 1):
            _write_level(previous, level, metadata.kind, channel, edge=edge, workers=workers, progress=progress)
        shapes.append(shape)
        previous = level
    _write_metadata(path, metadata, shapes)


def _compressor(kind: Kind) -> Literal["lz4", "zstd"]:
    return "zstd" if kind == "labels" else "lz4"


def _write_level(
    fine: Any,
    coarse: Any,
    kind: Kind,
    channel: int,
    *,
    edge: int,
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    source, target = (Channel(fine, channel), Channel(coarse, channel)) if kind == "volume" else (fine, coarse)
    z, y, x = target.shape
    spatial = (int(z), int(y), int(x))

    def halve(block: Block) -> npt.NDArray[Any]:
        region = tuple(slice(2 * s.start, min(2 * s.stop, n)) for s, n in zip(block.write, source.shape, strict=True))
        voxels = np.asarray(source[region])
        halved: npt.NDArray[Any] = voxels[::2, ::2, ::2] if kind == "labels" else _mean_of_eight(voxels)
        return halved

    plan = BlockPlan(spatial, shard_shape(spatial, edge=edge))
    map_blocks(halve, out=target, plan=plan, workers=workers, progress=progress)


def _mean_of_eight(voxels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Mean over 2×2×2 voxels in the source dtype; a last odd plane stands for itself."""
    pads = [(0, n % 2) for n in voxels.shape]
    padded = np.pad(voxels, pads, mode="edge").astype(np.float32)
    z, y, x = (n // 2 for n in padded.shape)
    mean = padded.reshape(z, 2, y, 2, x, 2).mean(axis=(1, 3, 5))
    rounded: npt.NDArray[Any] = np.rint(mean) if np.issubdtype(voxels.dtype, np.integer) else mean
    return rounded.astype(voxels.dtype)


def open_image(path: Path) -> tuple[Any, ImageMetadata]:
    """Level 0 of an OME-Zarr image, and its metadata.

    Raises
    ------
    ReadError
        If the folder is no OME-Zarr image with the axes (c), z, y, x.
    """
    try:
        group = zarr.open_group(path, mode="r")
    except (OSError, ValueError, KeyError) as error:
        raise ReadError(f"expected an OME-Zarr group in {path}, found {error}") from error
    metadata = _read_metadata(path, group)
    multiscale = _multiscale(path, group)
    level = multiscale["datasets"][0]["path"]
    if level not in group:
        raise ReadError(f"{path} names the level {level!r} but does not hold it; was it copied completely?")
    return group[level], metadata


def _multiscale(path: Path, group: Any) -> dict[str, Any]:
    attributes = dict(group.attrs)
    found = attributes.get("ome", attributes).get("multiscales")  # 0.5 nests under "ome", 0.4 does not
    if not found or not found[0].get("datasets"):
        raise ReadError(f"expected OME-Zarr multiscales in {path}, found the attributes {sorted(attributes)}")
    multiscale: dict[str, Any] = found[0]
    return multiscale


_UNIT_METERS = {"nanometer": 1e-9, "micrometer": 1e-6, "millimeter": 1e-3, "meter": 1.0, "angstrom": 1e-10}


def _read_metadata(path: Path, group: Any) -> ImageMetadata:
    multiscale = _multiscale(path, group)
    axes = multiscale.get("axes", [])
    names = "".join(axis["name"] for axis in axes)
    if names not in ("tczyx", "tzyx", "czyx", "zyx", "yx", "cyx"):
        raise ReadError(f"expected the axes (c, z, y, x) or (z, y, x) in {path}, found {names or 'none'}")
    attributes = dict(group.attrs)
    ome = attributes.get("ome", attributes)
    own = attributes.get("voltomo", {})
    is_labels = "image-label" in ome or own.get("kind") == "labels"
    channels = tuple(c.get("label", f"channel {i}") for i, c in enumerate(ome.get("omero", {}).get("channels", [])))
    return ImageMetadata(
        "labels" if is_labels else "volume",
        voxel_size=_read_voxel_size(multiscale),
        channels=channels,
        phases=_phase_table(own),
        voltomo=own,
    )


def _read_voxel_size(multiscale: dict[str, Any]) -> VoxelSize | None:
    spatial = [axis for axis in multiscale["axes"] if axis["name"] in "zyx"]
    units = [_UNIT_METERS.get(str(axis.get("unit", "")).replace("metre", "meter")) for axis in spatial]
    if any(unit is None for unit in units):
        return None
    scale = [1.0] * len(multiscale["axes"])
    for level in (multiscale["datasets"][0], multiscale):
        for transform in level.get("coordinateTransformations", []):
            if transform["type"] == "scale":
                scale = [s * t for s, t in zip(scale, transform["scale"], strict=True)]
    edges = [float(f"{s * (u or 1.0):.12g}") for s, u in zip(scale[-len(spatial) :], units, strict=True)]
    edges = [edges[0], *edges] if len(edges) == 2 else edges
    return (edges[0], edges[1], edges[2])


def _phase_table(own: Mapping[str, Any]) -> PhaseTable | None:
    rows = own.get("phases")
    return PhaseTable.from_rows(rows) if rows else None


def _write_metadata(path: Path, metadata: ImageMetadata, shapes: list[tuple[int, ...]]) -> None:
    names = "czyx" if metadata.kind == "volume" else "zyx"
    axes: list[dict[str, str]] = []
    for name in names:
        axis = {"name": name, "type": "channel" if name == "c" else "space"}
        if name != "c" and metadata.voxel_size is not None:
            axis["unit"] = "micrometer"
        axes.append(axis)
    lead = [1.0] * (len(names) - 3)
    edges = [float(f"{edge / MICROMETER:.12g}") for edge in metadata.voxel_size] if metadata.voxel_size else [1.0] * 3
    datasets = []
    steps = [1, 1, 1]
    for level, shape in enumerate(shapes):
        if level:
            steps = [s * 2 if n != m else s for s, n, m in zip(steps, shape[-3:], shapes[level - 1][-3:], strict=True)]
        # The mean of voxels 0 and 1 sits at 0.5; a subsampled label sits where its voxel was.
        shifts = [(s - 1) / 2 if metadata.kind == "volume" else 0.0 for s in steps]
        scale = lead + [edge * s for edge, s in zip(edges, steps, strict=True)]
        translation = [0.0] * len(lead) + [edge * s for edge, s in zip(edges, shifts, strict=True)]
        transforms = [{"type": "scale", "scale": scale}, {"type": "translation", "translation": translation}]
        datasets.append({"path": str(level), "coordinateTransformations": transforms})
    ome: dict[str, Any] = {
        "version": "0.5",
        "multiscales": [{"name": path.name.removesuffix(".ome.zarr"), "axes": axes, "datasets": datasets}],
    }
    own: dict[str, Any] = {"kind": metadata.kind, **metadata.voltomo}
    if metadata.kind == "volume":
        ome["omero"] = {"channels": [{"label": name, "color": "FFFFFF"} for name in metadata.channels]}
    else:
        ome["image-label"] = {"version": "0.5"}
    if metadata.phases is not None:
        ome["image-label"]["colors"] = [
            {"label-value": p.id, "rgba": [*bytes.fromhex(p.color.removeprefix("#")), 255]} for p in metadata.phases
        ]
        ome["image-label"]["properties"] = [
            {"label-value": p.id, "name": p.name, "role": p.role} for p in metadata.phases
        ]
        own["phases"] = metadata.phases.to_rows()
    group = zarr.open_group(path, mode="a", zarr_format=3)
    group.attrs.put({"ome": ome, "voltomo": own})
