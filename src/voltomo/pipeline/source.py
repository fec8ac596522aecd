"""The input of a run: opened, described, hashed, and brought into the study by the stage `import`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from voltomo.artifacts import ArrayLike, Volume, as_zyx
from voltomo.errors import InputError, RecipeError, ShapeError
from voltomo.io.artifacts import StudyArtifacts
from voltomo.io.hashing import FileStamp, hash_array, hash_json, hash_path, stamp_path
from voltomo.io.ome_zarr import ImageMetadata
from voltomo.io.registry import read_volume
from voltomo.io.study import StageRecord, Study
from voltomo.pipeline.jobs import Outcome, StageDefinition
from voltomo.stages.importing import copy_volume, import_segmentation
from voltomo.stages.inspection import find_field_of_view
from voltomo.stages.phase_table import CodedPhases, read_phase_table
from voltomo.stages.recipe import Recipe
from voltomo.stages.study_workspace import StudyWorkspace
from voltomo.units import format_voxel_size, parse_voxel_size

__all__ = ["ImportConfig", "Source", "open_source"]


class ImportConfig(BaseModel):
    """What the stage `import` was told, as resolved."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["volume", "segmentation"]
    voxel_size: str
    through_plane: str
    mask: str
    phases: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Source:
    """An opened input.

    Parameters
    ----------
    volume : voxels read by region, with the voxel size that holds
    config : what enters the identity besides the content
    paths : files it came from; empty for an array
    coded : phase table of a segmentation
    mask : field of view given by the user
    """

    volume: Volume
    config: ImportConfig
    paths: tuple[Path, ...] = ()
    coded: CodedPhases | None = None
    mask: ArrayLike | None = None

    @property
    def name(self) -> str:
        return self.volume.name

    @property
    def stem(self) -> str:
        """Name without its ending, for the default study folder."""
        return self.paths[0].name.split(".")[0] if self.paths else "array"

    @property
    def voxel_size(self) -> tuple[float, float, float] | None:
        return self.volume.voxel_size

    @property
    def definition(self) -> StageDefinition:
        """The stage that brings this input into a study."""
        makes = ("volume",) if self.coded is None else ("phases",)
        return StageDefinition("import", ImportConfig, (), (), makes, self._run)

    def content_hash(self, known: StageRecord | None) -> str:
        """Hash of the voxels; taken from the record where the files have not changed since."""
        if self.paths and known is not None and known.record.get("stamp") == self._stamp():
            return str(known.record["content"])
        return self._content

    @cached_property
    def _content(self) -> str:
        return hash_json(self._file_hashes) if self.paths else hash_array(self.volume.data)

    @cached_property
    def _file_hashes(self) -> list[str]:
        """Hash of each file, read once."""
        return [hash_path(path) for path in self.paths]

    def _stamp(self) -> FileStamp:
        return [stamp for path in self.paths for stamp in stamp_path(path)]

    def _run(self, study: StudyArtifacts, config: ImportConfig, work: StudyWorkspace) -> Outcome:
        common: dict[str, Any] = {
            "name": self.name,
            "files": [
                {"name": path.name, "hash": digest, "size": _size(path)}
                for path, digest in zip(self.paths, self._file_hashes, strict=True)
            ],
            "stamp": self._stamp(),
            "content": self._content,
            "voxel_size": self.voxel_size,
            "through_plane": self.volume.through_plane,
            "shape": list(self.volume.shape),
            "dtype": str(self.volume.data.dtype),
        }
        notices = tuple(self.volume.metadata.get("notices", ()))
        if self.coded is not None:
            imported = import_segmentation(self.volume, self.coded, work)
            work.finish("phases", ImageMetadata.of_phases(imported.phase_map))
            return Outcome({**common, "shares": imported.shares}, (*notices, *imported.warnings))
        if self._is_referenced():
            common["references"] = {"volume": str(self.paths[0].resolve())}
            stored = self.volume.data
        else:
            stored = copy_volume(self.volume, work)
            work.finish("volume", ImageMetadata.of_volume(self.volume))
        held = replace(self.volume, data=stored)
        how: Literal["auto", "none"] = "none" if self.config.mask == "none" else "auto"
        field, remarks = find_field_of_view(held, work, mask=how if self.mask is None else self.mask)
        if field.mask is not None:
            work.finish("mask", ImageMetadata("labels", self.voxel_size))
        found = {"minimum": field.low, "maximum": field.high, "inside": field.voxels}
        return Outcome({**common, **found}, (*notices, *remarks))

    def _is_referenced(self) -> bool:
        return self.volume.metadata.get("format") == "ome-zarr" and len(self.paths) == 1


def open_source(source: Any, recipe: Recipe) -> Source:
    """Open a path, the input of a recipe, a Volume or an array.

    Raises
    ------
    RecipeError
        If neither the call nor the recipe names an input.
    """
    given = recipe.input
    coded = read_phase_table(Path(given.phases)) if given.phases is not None else None
    if source is not None and not isinstance(source, str | Path):
        volume = source if isinstance(source, Volume) else Volume.from_array(np.asarray(as_zyx(source)))
        paths: tuple[Path, ...] = ()
    else:
        paths = _paths(recipe)
        opened = [read_volume(path, dataset=given.dataset, shape=given.shape, dtype=given.dtype) for path in paths]
        volume = opened[0] if len(opened) == 1 else _stack(opened)
    if paths and Study.is_study(paths[0].parent):
        volume = replace(volume, name=f"{paths[0].parent.name}/{paths[0].name}")  # "volume.ome.zarr" says nothing
    if given.voxel_size is not None:
        volume = volume.with_voxel_size(parse_voxel_size(given.voxel_size))
    if given.through_plane != "unknown":
        volume = replace(volume, through_plane=given.through_plane)
    if given.segmentation is not None and coded is None:
        raise InputError(
            f"{given.segmentation} needs a phase table that says which code is which phase; give --phases phases.yaml "
            "with rows such as {id: 1, code: 0, name: pore, role: pore}"
        )
    mask = None if given.mask in ("auto", "none") else read_volume(given.mask).channel()
    config = ImportConfig(
        kind="volume" if coded is None else "segmentation",
        voxel_size=format_voxel_size(volume.voxel_size),
        through_plane=volume.through_plane,
        mask=given.mask if mask is None else hash_path(Path(given.mask)),
        phases=tuple(coded.table.to_rows()) if coded is not None else (),
    )
    return Source(volume, config, paths, coded, mask)


def _paths(recipe: Recipe) -> tuple[Path, ...]:
    named = recipe.input.segmentation or recipe.input.volume
    if not named:
        raise RecipeError("the recipe names no input; add `input: {volume: scan.tif}` or name a file")
    return tuple(Path(name) for name in ((named,) if isinstance(named, str) else named))


def _stack(volumes: list[Volume]) -> Volume:
    """Channels of one volume from several files."""
    shapes = {volume.shape for volume in volumes}
    dtypes = {np.dtype(volume.data.dtype) for volume in volumes}
    if len(shapes) > 1 or len(dtypes) > 1:
        found = ", ".join(f"{v.name} {v.shape} {v.data.dtype}" for v in volumes)
        raise ShapeError(f"the channels of one volume must have one shape and dtype, found {found}")
    data = _ChannelStack(tuple(volume.channel() for volume in volumes))
    return replace(
        volumes[0],
        data=data,
        channels=tuple(Path(volume.name).name.split(".")[0] for volume in volumes),
        name=" + ".join(volume.name for volume in volumes),
        metadata={},
    )


@dataclass(frozen=True)
class _ChannelStack:
    """Several (Z, Y, X) array-likes as one (C, Z, Y, X)."""

    channels: tuple[ArrayLike, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.channels), *self.channels[0].shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.channels[0].dtype)

    def __getitem__(self, key: Any, /) -> npt.NDArray[Any]:
        channel, *region = key if isinstance(key, tuple) else (key,)
        return np.asarray(self.channels[channel][tuple(region) if region else slice(None)])


def _size(path: Path) -> int:
    return sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) if path.is_dir() else path.stat().st_size
