"""A study as artefacts: what its folder holds, opened lazily."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import Any

from voltomo.artifacts import CrackMap, InstanceMap, Measurements, PhaseMap, Volume
from voltomo.errors import StudyError
from voltomo.io.ome_zarr import ImageMetadata, open_image
from voltomo.io.study import StageRecord, Study
from voltomo.io.tables import read_measurements, read_table

__all__ = ["StudyArtifacts"]


class StudyArtifacts:
    """The artefacts of a study; each is opened when it is first asked for.

    Parameters
    ----------
    folder : a study
    hidden : finished stages that are taken as absent, with what they left

    Raises
    ------
    StudyError
        If the folder is no study, or (on access) does not hold the artefact.
    """

    def __init__(self, folder: Path | str, *, hidden: Collection[str] = ()) -> None:
        self.folder = Path(folder)
        self._hidden = frozenset(hidden)
        if not Study.is_study(self.folder):
            raise StudyError(f"expected a study folder, found none at {self.folder}")

    def __repr__(self) -> str:
        return f"StudyArtifacts({str(self.folder)!r}, finished: {', '.join(self.records) or 'nothing'})"

    @cached_property
    def records(self) -> dict[str, StageRecord]:
        """What is known about each finished stage."""
        return {stage: record for stage, record in self._all_records.items() if stage not in self._hidden}

    @cached_property
    def _all_records(self) -> dict[str, StageRecord]:
        return Study(self.folder, writable=False).records() if (self.folder / "run.json").exists() else {}

    def file(self, name: str) -> Path | None:
        """A file or folder of the study; None if it holds none of this name."""
        is_hidden = any(name in self._all_records[s].outputs for s in self._hidden if s in self._all_records)
        path = self.folder / name
        return path if path.exists() and not is_hidden else None

    def path(self, name: str) -> Path:
        """Where an array of the study is: in its folder, or the foreign OME-Zarr that it refers to."""
        own = self.file(f"{name}.ome.zarr")
        if own is not None:
            return own
        for record in self.records.values():
            referenced = record.record.get("references", {}).get(name)
            if referenced:
                return Path(referenced)
        raise StudyError(f"the study {self.folder} holds no {name}; the finished stages are {list(self.records)}")

    def has(self, name: str) -> bool:
        """Whether the study holds an array or a finished measurement."""
        if name == "measurements":
            return self.file(self.measurements_path.name) is not None
        try:
            return self.path(name).exists()
        except StudyError:
            return False

    @property
    def measurements_path(self) -> Path:
        return self.folder / "measurements.json"

    @property
    def report(self) -> Path:
        """The page to read."""
        return self.folder / "report.html"

    @cached_property
    def volume(self) -> Volume:
        """The grey volume as imported, with the field of view if one was found."""
        return self._volume("volume")

    @cached_property
    def denoised(self) -> Volume:
        """The volume after `denoise`."""
        return self._volume("denoised")

    @cached_property
    def phase_map(self) -> PhaseMap:
        """The phases, with probabilities, and of an ensemble disagreement and members, where the study holds some."""
        data, metadata = open_image(self.path("phases"))
        if metadata.phases is None:
            raise StudyError(f"{self.path('phases')} carries no phase table; was it written by another program?")
        likely, apart = (
            open_image(self.path(name))[0] if self.has(name) else None for name in ("probabilities", "disagreement")
        )
        members = tuple(open_image(path)[0] for path in self._numbered("members"))
        return PhaseMap(data, metadata.phases, metadata.voxel_size, _through_plane(metadata), likely, apart, members)

    @cached_property
    def instance_map(self) -> InstanceMap:
        """The particles with their table."""
        data, metadata = open_image(self.path("particles"))
        table = read_table(self.folder / "particles.csv")
        return InstanceMap(data, table, metadata.voxel_size)

    @cached_property
    def crack_map(self) -> CrackMap:
        """Cracks and voids inside particles."""
        data, metadata = open_image(self.path("cracks"))
        return CrackMap(data, metadata.voltomo.get("threshold"), metadata.voxel_size)

    @cached_property
    def measurements(self) -> Measurements:
        """Every number with its definition and uncertainty."""
        if not self.measurements_path.exists():
            raise StudyError(f"the study {self.folder} holds no measurements; run `voltomo measure {self.folder}`")
        return read_measurements(self.measurements_path)

    def pyramid_level(self, name: str, *, longest: int) -> Any:
        """The finest level of an array whose longest axis is at most `longest`; the coarsest one if none is."""
        import zarr

        group = zarr.open_group(self.path(name), mode="r")
        level: Any = group["0"]
        for number in sorted(int(key) for key in group if key.isdigit()):
            level = group[str(number)]
            if max(level.shape[-3:]) <= longest:
                break
        return level

    def _numbered(self, name: str) -> list[Path]:
        """The arrays of a folder of the study, in the order of their numbers."""
        paths = (self.folder / name).glob("*.ome.zarr")
        return sorted(paths, key=lambda path: int(path.name.removesuffix(".ome.zarr")))

    def _volume(self, name: str) -> Volume:
        data, metadata = open_image(self.path(name))
        given = self.records["import"].record if "import" in self.records else {}
        voxel_size = given.get("voxel_size", metadata.voxel_size)  # for a referenced file the user may know better
        return Volume(
            data,
            tuple(voxel_size) if voxel_size else None,
            metadata.channels or tuple(f"channel {i}" for i in range(data.shape[0])),
            given.get("through_plane") or _through_plane(metadata),
            open_image(self.path("mask"))[0] if self.has("mask") else None,
            name=str(given.get("name", self.folder.name)),
        )


def _through_plane(metadata: ImageMetadata) -> Any:
    return metadata.voltomo.get("through_plane", "unknown")
