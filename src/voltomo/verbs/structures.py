"""Verbs on phases: find particles and voids, measure, compare with a truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy.typing as npt

from voltomo.artifacts import CrackMap, InstanceMap, Measurements, PhaseMap, Volume, as_zyx
from voltomo.stages.evaluate import EvaluateConfig, EvaluateResult, run_evaluate
from voltomo.stages.measure import MeasureConfig, run_measure
from voltomo.stages.particles import ParticlesConfig, run_particles
from voltomo.stages.segment import SegmentConfig
from voltomo.stages.workspace import MemoryWorkspace
from voltomo.verbs.inputs import Size, Table, as_phase_map, as_volume, settings_of, shaped_like

__all__ = ["evaluate", "measure", "particles"]


def particles(
    phases: PhaseMap | npt.ArrayLike,
    *,
    table: Table | None = None,
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
    held = as_phase_map(phases, table, voxel_size)
    grey = None if volume is None else as_volume(volume, held.voxel_size)
    flat = replace(held, data=as_zyx(held.data))
    result = run_particles(flat, settings_of(ParticlesConfig, settings), MemoryWorkspace(), volume=grey)
    source = held.data
    return (
        replace(result.instance_map, data=shaped_like(source, result.instance_map.data)),
        replace(result.crack_map, data=shaped_like(source, result.crack_map.data)),
    )


def measure(
    phases: PhaseMap | npt.ArrayLike,
    *,
    table: Table | None = None,
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
    held = as_phase_map(phases, table, voxel_size)
    config = settings_of(MeasureConfig, settings)
    grey = None if volume is None else as_volume(volume, held.voxel_size)
    result = run_measure(
        replace(held, data=as_zyx(held.data)),
        config,
        MemoryWorkspace(),
        instance_map=_flat(instance_map),
        crack_map=None if crack_map is None else replace(crack_map, data=as_zyx(crack_map.data)),
        volume=grey,
        segmentation=None if segmentation is None else settings_of(SegmentConfig, segmentation),
        others=others,
    )
    return result.measurements


def evaluate(
    result: PhaseMap,
    truth: PhaseMap | npt.ArrayLike,
    *,
    table: Table | None = None,
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
    wanted = as_phase_map(truth, table, None)
    return run_evaluate(
        replace(result, data=as_zyx(result.data)),
        replace(wanted, data=as_zyx(wanted.data)),
        settings_of(EvaluateConfig, settings),
        MemoryWorkspace(),
        result_instances=_flat(result_instances),
        truth_instances=_flat(truth_instances),
    )


def _flat(instances: InstanceMap | None) -> InstanceMap | None:
    return None if instances is None else replace(instances, data=as_zyx(instances.data))
