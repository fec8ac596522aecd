"""What a report is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from voltomo.artifacts import ArrayLike, CrackMap, InstanceMap, Measurements, PhaseMap, ThroughPlane, Volume, as_zyx
from voltomo.errors import InputError
from voltomo.units import VoxelSize

__all__ = ["AXES", "ReportContent"]

AXES = ("z", "y", "x")


@dataclass(frozen=True)
class ReportContent:
    """Everything that a page shows; the page computes nothing from it but pictures.

    Parameters
    ----------
    title : heading of the page
    volume, phase_map, instance_map, crack_map : what there is; arrays are read by region only
    measurements : the numbers
    profiles : axis → ``{"position": [...], phase name: [...]}``; positions in m, or in voxels without a voxel size
    curves : size distributions: ``{"name", "phase", "axis", "weighting", "sizes": [...], "shares": [...]}``; sizes in m
        or voxels, shares up to them
    correlations : two-point statistics: ``{"name", "phase", "axis", "distances": [...], "values": [...],
        "range_radius"}``; distances in m or voxels
    histogram : ``{"edges": [...], "counts": [...], "cuts": [...], "classes": [{"name", "color"}], "method"}``, or None
    warnings : sentences from the gates, shown at the top
    steps : one ``{"verb", "config", "seconds", "peak_memory"}`` per stage, in order; memory in bytes
    provenance : ``{"versions": {name: version}, "inputs": [{"name", "hash", "size"}], "command", "date"}``
    truth : ``{"rows": [{"quantity", "measured", "truth", "difference", "unit"}], "scores": Measurements, "note"}``
    previews : coarse (Z, Y, X) levels for the 3D pictures under "phases" and "particles"; strided maps if absent
    """

    title: str
    volume: Volume | None = None
    phase_map: PhaseMap | None = None
    instance_map: InstanceMap | None = None
    crack_map: CrackMap | None = None
    measurements: Measurements = field(default_factory=Measurements)
    profiles: Mapping[str, Any] = field(default_factory=dict)
    curves: Sequence[Mapping[str, Any]] = ()
    correlations: Sequence[Mapping[str, Any]] = ()
    histogram: Mapping[str, Any] | None = None
    warnings: tuple[str, ...] = ()
    steps: Sequence[Mapping[str, Any]] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    truth: Mapping[str, Any] | None = None
    previews: Mapping[str, ArrayLike] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shapes = {name: tuple(array.shape) for name, array in self.arrays().items()}
        if len(set(shapes.values())) > 1:
            raise InputError(f"the maps of one report must cover the same voxels, found {shapes}")

    def arrays(self) -> dict[str, Any]:
        """The (Z, Y, X) array-likes there are, by artefact."""
        found: dict[str, Any] = {}
        if self.volume is not None:
            found["volume"] = self.volume.channel(0)
        for name, artefact in (
            ("phases", self.phase_map),
            ("particles", self.instance_map),
            ("cracks", self.crack_map),
        ):
            if artefact is not None:
                found[name] = as_zyx(artefact.data)
        return found

    @property
    def shape(self) -> tuple[int, int, int] | None:
        """(Z, Y, X) of the scan; None in a report without arrays."""
        for array in self.arrays().values():
            z, y, x = array.shape
            return int(z), int(y), int(x)
        return None

    @property
    def voxel_size(self) -> VoxelSize | None:
        """(dz, dy, dx) in m of the first artefact that knows it."""
        for artefact in (self.volume, self.phase_map, self.instance_map, self.crack_map):
            if artefact is not None and artefact.voxel_size is not None:
                return artefact.voxel_size
        return None

    @property
    def spacing(self) -> VoxelSize:
        """(dz, dy, dx) in m, or in voxels where the size is unknown."""
        return self.voxel_size or (1.0, 1.0, 1.0)

    @property
    def dimension(self) -> int:
        """2 for a single section, 3 for a volume."""
        return 2 if self.shape is not None and self.shape[0] == 1 else 3

    @property
    def through_plane(self) -> ThroughPlane:
        """Axis normal to the current collector."""
        for artefact in (self.volume, self.phase_map):
            if artefact is not None and artefact.through_plane != "unknown":
                return artefact.through_plane
        return "unknown"

    def axis_label(self, axis: str) -> str:
        """``"z (through-plane)"`` where the direction is known, else the bare axis."""
        if self.through_plane == "unknown" or axis not in AXES:
            return axis
        return f"{axis} ({'through-plane' if axis == self.through_plane else 'in-plane'})"
