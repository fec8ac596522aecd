"""The verbs on plain arrays and artefacts, in memory: what `voltomo.run` does to a study, step by step in Python.

An array of (Z, Y, X) or (Y, X) comes back in its shape; `.data` of the artefact is the array.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from voltomo.artifacts import (
    ArrayLike,
    CrackMap,
    InstanceMap,
    Measurement,
    Measurements,
    Model,
    PhaseMap,
    PhaseTable,
    Volume,
    as_zyx,
)
from voltomo.errors import InputError
from voltomo.io.artifacts import StudyArtifacts
from voltomo.machine import available_cores
from voltomo.metrics import electrode_tortuosity, transport
from voltomo.metrics.conduction import End, Sides
from voltomo.metrics.sample import Sample
from voltomo.stages.denoise import DenoiseConfig, run_denoise
from voltomo.stages.evaluate import EvaluateConfig, EvaluateResult, run_evaluate
from voltomo.stages.inspection import find_field_of_view
from voltomo.stages.measure import MeasureConfig, run_measure
from voltomo.stages.particles import ParticlesConfig, run_particles
from voltomo.stages.phase_table import CodedPhases, PhaseRow, code_phases, read_phase_table
from voltomo.stages.recipe import validate_config
from voltomo.stages.scan_fibsem import FibsemScanConfig, FibsemScanResult, run_fibsem_scan
from voltomo.stages.scan_image import ImageScanConfig, run_image_scan
from voltomo.stages.scan_xray import XrayScanConfig, XrayScanResult, run_xray_scan
from voltomo.stages.segment import SegmentConfig, run_segment
from voltomo.stages.synth import SynthConfig, SynthResult, run_synth
from voltomo.stages.workspace import MemoryWorkspace
from voltomo.units import VoxelSize, parse_voxel_size

__all__ = [
    "Twin",
    "denoise",
    "electrode_tortuosity_factor",
    "evaluate",
    "measure",
    "open_study",
    "particles",
    "segment",
    "synth",
    "tortuosity_factor",
]

Size: TypeAlias = "str | VoxelSize | None"
"""``"64 nm"``, or (dz, dy, dx) in m, or None where it is unknown."""

_PAINTED_EDGE = 96
"""Voxels of a block of a synthetic electrode."""

ConfigT = TypeVar("ConfigT", bound=BaseModel)


def denoise(volume: Volume | npt.ArrayLike, *, mask: ArrayLike | str = "auto", **settings: Any) -> Volume:
    """Take noise out of a volume.

    Parameters
    ----------
    volume : Volume, or (Z, Y, X) or (Y, X) array
    mask : "auto" finds the field of view, "none" takes all of it, or an array of the volume's shape with 1 inside
    **settings : of `voltomo.stages.denoise.DenoiseConfig`, such as ``method="nlm"``

    Returns
    -------
    Volume
        Data (C, Z, Y, X) in the source dtype.
    """
    work = MemoryWorkspace()
    held = _in_field_of_view(_volume(volume, None), mask, work)
    return run_denoise(held, _config(DenoiseConfig, settings), work)


def segment(
    volume: Volume | npt.ArrayLike,
    *,
    voxel_size: Size = None,
    mask: ArrayLike | str = "auto",
    model: Model | str | None = None,
    **settings: Any,
) -> PhaseMap:
    """Segment a grey volume into phases.

    Parameters
    ----------
    volume : Volume, or (Z, Y, X) or (Y, X) array
    voxel_size : "64 nm", (dz, dy, dx) in m, or None
    mask : "auto" finds the field of view, "none" takes all of it, or an array of the volume's shape with 1 inside
    model : a trained model, its path or its name; it then says what the phases are
    **settings : of `voltomo.stages.segment.SegmentConfig`, such as ``method="multi-otsu", classes=3``

    Returns
    -------
    PhaseMap
        uint8 ids in the shape of the input; 0 is outside the field of view.

    Raises
    ------
    GateError
        If the image is constant or holds infinite values, or NaN inside the sample.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((8, 8)); image[2:6, 2:6] = 1
    >>> image += np.random.default_rng(0).normal(0, 0.05, image.shape)
    >>> int((segment(image).data == 2).sum())
    16
    """
    work = MemoryWorkspace()
    held = _in_field_of_view(_volume(volume, voxel_size), mask, work)
    name = model.name if isinstance(model, Model) else model
    config = _config(SegmentConfig, settings if name is None else {"model": name, **settings})
    trained = model if isinstance(model, Model) else None
    result = run_segment(held, config, work, trained=trained).phase_map
    return replace(result, data=_like(volume, result.data))


def particles(
    phases: PhaseMap | npt.ArrayLike,
    *,
    table: PhaseTable | Iterable[Mapping[str, Any]] | Path | str | None = None,
    voxel_size: Size = None,
    volume: Volume | npt.ArrayLike | None = None,
    **settings: Any,
) -> tuple[InstanceMap, CrackMap]:
    """Find every particle, cracked ones whole, and the voids inside them.

    Parameters
    ----------
    phases : PhaseMap, or (Z, Y, X) or (Y, X) array of phase ids with its `table`
    table : phase table of a plain array: PhaseTable, rows, or a YAML file
    voxel_size : of a plain array
    volume : grey values; with them, dark voxels inside particles count as voids
    **settings : of `voltomo.stages.particles.ParticlesConfig`, such as ``min_diameter="1 um"``

    Returns
    -------
    InstanceMap, CrackMap
        In the shape of the input.
    """
    held = _phase_map(phases, table, voxel_size)
    grey = None if volume is None else _volume(volume, held.voxel_size)
    flat = replace(held, data=as_zyx(held.data))
    result = run_particles(flat, _config(ParticlesConfig, settings), MemoryWorkspace(), volume=grey)
    source = held.data
    return (
        replace(result.instance_map, data=_like(source, result.instance_map.data)),
        replace(result.crack_map, data=_like(source, result.crack_map.data)),
    )


def measure(
    phases: PhaseMap | npt.ArrayLike,
    *,
    table: PhaseTable | Iterable[Mapping[str, Any]] | Path | str | None = None,
    voxel_size: Size = None,
    instance_map: InstanceMap | None = None,
    crack_map: CrackMap | None = None,
    volume: Volume | npt.ArrayLike | None = None,
    segmentation: Mapping[str, Any] | None = None,
    others: Sequence[PhaseMap] = (),
    **settings: Any,
) -> Measurements:
    """Measure phases, and particles where they are given.

    Parameters
    ----------
    phases, table, voxel_size : as in `particles`
    instance_map, crack_map : what `particles` returned
    volume : the grey values that were segmented; with them, the resolution of the image is measured
    segmentation : the settings that `segment` had, such as ``{"method": "multi-otsu", "classes": 3}``; with them and
        the volume, the budgets hold the part of the resolution
    others : other segmentations of the same volume; with `phases`, three or more give the budgets their operator part,
        two a range
    **settings : of `voltomo.stages.measure.MeasureConfig`

    Raises
    ------
    ShapeError
        If volume and phases differ in shape.
    """
    held = _phase_map(phases, table, voxel_size)
    config = _config(MeasureConfig, settings)
    grey = None if volume is None else _volume(volume, held.voxel_size)
    result = run_measure(
        replace(held, data=as_zyx(held.data)),
        config,
        MemoryWorkspace(),
        instance_map=_as_volume(instance_map),
        crack_map=None if crack_map is None else replace(crack_map, data=as_zyx(crack_map.data)),
        volume=grey,
        segmentation=None if segmentation is None else _config(SegmentConfig, segmentation),
        others=others,
    )
    return result.measurements


def evaluate(
    result: PhaseMap,
    truth: PhaseMap | npt.ArrayLike,
    *,
    table: PhaseTable | Iterable[Mapping[str, Any]] | Path | str | None = None,
    result_instances: InstanceMap | None = None,
    truth_instances: InstanceMap | None = None,
    **settings: Any,
) -> EvaluateResult:
    """Score phases, and particles where both sides have them, against a truth.

    Parameters
    ----------
    result : PhaseMap
    truth : PhaseMap, or array of phase ids with its `table`, of the same shape
    table : phase table of a plain truth: PhaseTable, rows (`code` is the value in the array), or a YAML file
    result_instances, truth_instances : InstanceMap
    **settings : of `voltomo.stages.evaluate.EvaluateConfig`, such as ``boundary_tolerance=3``

    Returns
    -------
    EvaluateResult
        `.measurements` holds the scores, `.active_iou` the one people ask for first.

    Raises
    ------
    ShapeError
        If the two sides differ in shape.
    """
    wanted = _phase_map(truth, table, None)
    return run_evaluate(
        replace(result, data=as_zyx(result.data)),
        replace(wanted, data=as_zyx(wanted.data)),
        _config(EvaluateConfig, settings),
        MemoryWorkspace(),
        result_instances=_as_volume(result_instances),
        truth_instances=_as_volume(truth_instances),
    )


def _as_volume(instances: InstanceMap | None) -> InstanceMap | None:
    return None if instances is None else replace(instances, data=as_zyx(instances.data))


def tortuosity_factor(
    phases: PhaseMap | npt.ArrayLike,
    phase_id: int | Mapping[int, float],
    *,
    axis: int,
    voxel_size: Size = None,
    sides: Sides = "closed",
    tolerance: float = 1e-3,
) -> Measurement:
    """Tortuosity factor ε·D₀/D_eff of one phase along one axis; of several, the mean of their D / D_eff.

    Parameters
    ----------
    phases : PhaseMap, or (Z, Y, X) uint8 array, all of which is the region
    phase_id : the phase that conducts; or several with their conductivities, as in ``{1: 1.0, 3: 0.05}``
    axis : 0, 1 or 2 for z, y, x
    voxel_size : "64 nm", (dz, dy, dx) in m; only its ratios matter, None takes cubes
    sides : of the box along the flow: "closed", or "periodic" where each continues at the opposite one
    tolerance : of the effective diffusivity, relative

    Returns
    -------
    Measurement
        `.value`, dimensionless; infinite where nothing joins the two faces. `.interval` holds the error of the solver
        alone.

    Raises
    ------
    PhaseNotFoundError
        If a phase that conducts has no voxel.
    ConvergenceError
        If the solver does not converge; there is no number then.

    Examples
    --------
    >>> layers = np.tile(np.array([1, 1, 2], np.uint8), (6, 6, 2))
    >>> round(tortuosity_factor(layers, 1, axis=0).value, 6)
    1.0
    """
    data, sample = _box(phases, voxel_size)
    return transport.tortuosity_factor(data, phase_id, axis=axis, sample=sample, sides=sides, tolerance=tolerance)


def electrode_tortuosity_factor(
    phases: PhaseMap | npt.ArrayLike,
    phase_id: int,
    *,
    axis: int,
    open_end: End = "low",
    voxel_size: Size = None,
    sides: Sides = "closed",
    tolerance: float = 1e-3,
) -> Measurement:
    """Electrode tortuosity factor ε·R_ion·κ·A/L: ions enter at one face and charge all walls of the pores.

    Parameters
    ----------
    phases : PhaseMap, or (Z, Y, X) uint8 array, all of which is the region
    phase_id : the phase that conducts ions
    axis : 0, 1 or 2 for z, y, x
    open_end : the face towards the separator: "low" is the first plane, "high" the last; the other one is blocked
    voxel_size, sides, tolerance : as in `tortuosity_factor`

    Returns
    -------
    Measurement
        `.value`, dimensionless; infinite where the phase does not touch the open face.

    Raises
    ------
    PhaseNotFoundError, ConvergenceError
        As `tortuosity_factor`.

    Examples
    --------
    >>> electrode_tortuosity_factor(np.ones((8, 8, 8), np.uint8), 1, axis=0).value
    1.0
    """
    data, sample = _box(phases, voxel_size)
    settings: dict[str, Any] = {"open_end": open_end, "sides": sides, "tolerance": tolerance}
    return electrode_tortuosity.electrode_tortuosity_factor(data, phase_id, axis=axis, sample=sample, **settings)


def _box(phases: PhaseMap | npt.ArrayLike, voxel_size: Size) -> tuple[npt.NDArray[np.uint8], Sample]:
    """The ids of a map, and the region they are."""
    size = _size(voxel_size)
    if isinstance(phases, PhaseMap):
        data, table = np.asarray(as_zyx(phases.data)), phases.phases
        size = size or phases.voxel_size
        inside = int(np.count_nonzero(data))
    else:
        data = np.asarray(phases)
        if data.ndim != 3 or data.dtype != np.uint8:
            raise InputError(f"expected phases as a (Z, Y, X) uint8 array, found {data.ndim} axes of {data.dtype}")
        table, inside = PhaseTable(()), data.size
    z, y, x = data.shape
    return data, Sample(table, (z, y, x), inside, size)


def synth(
    family: str = "nmc",
    *,
    scan: Literal["image", "nanoct", "fibsem", "none"] = "image",
    scan_settings: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Twin:
    """Make a synthetic electrode and a scan of it, and say what is true about it.

    Parameters
    ----------
    family : kind of electrode: "nmc", "graphite", "lfp", "si-graphite", "assb", "li-s", "li-air", "separator"
    scan : "image" for a reconstructed volume, "nanoct" for raw projections, "fibsem" for slices
    scan_settings : of `ImageScanConfig`, `XrayScanConfig` or `FibsemScanConfig`, such as ``{"dose": "low"}``
    **settings : of `voltomo.stages.synth_config.SynthConfig`, such as ``shape=(64, 64, 64), porosity=0.3, seed=7``

    Returns
    -------
    Twin
        The truth (`.phase_map`, `.instance_map`, `.crack_map`, `.truth` ...) and the scan: `.volume`, `.xray` or
        `.fibsem`.

    Raises
    ------
    InputError
        If no electrode can be as asked; the message says what is reachable.
    """
    config = _config(SynthConfig, {"family": family, **settings})
    made = run_synth(config, _shared(config.shape))
    wanted = dict(scan_settings or {})
    work = _shared(config.shape)
    match scan:
        case "image":
            found = run_image_scan(made.structure, made.phase_map.data, _config(ImageScanConfig, wanted), work)
            return Twin.of(made, volume=found)
        case "nanoct":
            return Twin.of(made, xray=run_xray_scan(made.structure, _config(XrayScanConfig, wanted), work))
        case "fibsem":
            return Twin.of(made, fibsem=run_fibsem_scan(made.structure, _config(FibsemScanConfig, wanted), work))
        case "none":
            return Twin.of(made)
        case _:
            raise InputError(f"there is no scan {scan!r}; choose one of image, nanoct, fibsem, none")


@dataclass(frozen=True)
class Twin(SynthResult):
    """A synthetic electrode, and the scan of it that was asked for.

    Parameters
    ----------
    volume : of the scan "image"
    xray : projections and what is true about them, of the scan "nanoct"
    fibsem : slices and what is true about them, of the scan "fibsem"
    """

    volume: Volume | None = None
    xray: XrayScanResult | None = None
    fibsem: FibsemScanResult | None = None

    @classmethod
    def of(cls, made: SynthResult, **scans: Any) -> Twin:
        """A structure with its scans."""
        return cls(**{item.name: getattr(made, item.name) for item in fields(made)}, **scans)


def _shared(shape: tuple[int, int, int]) -> MemoryWorkspace:
    """Blocks for all cores: what is painted takes microseconds per voxel."""
    z, y, x = (min(n, _PAINTED_EDGE) for n in shape)
    return MemoryWorkspace((z, y, x), workers=available_cores())


def open_study(folder: Path | str) -> StudyArtifacts:
    """The artefacts of a study folder, each opened when it is first asked for."""
    return StudyArtifacts(folder)


def _config(model: type[ConfigT], settings: Mapping[str, Any]) -> ConfigT:
    return validate_config(model, settings, source=model.__name__)


def _in_field_of_view(volume: Volume, mask: ArrayLike | str, work: MemoryWorkspace) -> Volume:
    """The volume with the mask that is given, its own, or the one found."""
    if not isinstance(mask, str):
        field, _ = find_field_of_view(volume, work, mask=np.asarray(as_zyx(mask)))
    elif mask == "auto":
        if volume.mask is not None:
            return volume
        field, _ = find_field_of_view(volume, work)
    elif mask == "none":
        field, _ = find_field_of_view(volume, work, mask="none")
    else:
        raise InputError(f'mask is "auto", "none" or an array, found {mask!r}')
    return replace(volume, mask=field.mask)


def _volume(volume: Volume | npt.ArrayLike, voxel_size: Size) -> Volume:
    size = _size(voxel_size)
    if isinstance(volume, Volume):
        return volume if size is None else volume.with_voxel_size(size)
    return Volume.from_array(np.asarray(volume), voxel_size=size)


def _phase_map(
    phases: PhaseMap | npt.ArrayLike,
    table: PhaseTable | Iterable[Mapping[str, Any]] | Path | str | None,
    voxel_size: Size,
) -> PhaseMap:
    size = _size(voxel_size)
    if isinstance(phases, PhaseMap):
        return phases if size is None else replace(phases, voxel_size=size)
    if table is None:
        raise InputError(
            "a plain array of phase ids needs a phase table: table=[{'id': 1, 'name': 'pore', 'role': 'pore'}, ...]"
        )
    coded = _coded(table)
    ids = np.asarray(phases)
    if ids.dtype.kind not in "ub" and ids.dtype.kind != "i":
        raise InputError(f"expected integer phase ids, found {ids.dtype}; is this the grey image?")
    out = np.zeros(ids.shape, np.uint8)
    for code, phase_id in coded.codes.items():
        out[ids == code] = phase_id
    unknown = np.setdiff1d(np.unique(ids), [0, *coded.codes])
    if unknown.size:
        raise InputError(f"the array holds the codes {unknown.tolist()[:8]}, which the phase table does not name")
    return PhaseMap(out, coded.table, size)


def _coded(table: PhaseTable | Iterable[Mapping[str, Any]] | Path | str) -> CodedPhases:
    if isinstance(table, PhaseTable):
        return CodedPhases(table, {i: i for i in table.ids})
    if isinstance(table, str | Path):
        return read_phase_table(Path(table))
    return code_phases(tuple(validate_config(PhaseRow, row, source="phase table") for row in table))


def _size(voxel_size: Size) -> VoxelSize | None:
    return parse_voxel_size(voxel_size) if isinstance(voxel_size, str) else voxel_size


def _like(source: Any, data: Any) -> Any:
    """Result in the shape of a plain (Y, X) input."""
    if isinstance(source, Volume):
        return data
    return np.asarray(data)[0] if np.ndim(source) == 2 else data
