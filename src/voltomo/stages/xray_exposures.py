"""The exposures of a virtual X-ray scan, block by block: projections, flats, darks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, ProjectionStack
from voltomo.blocks import Block, Partial, WritableArray
from voltomo.stages.blank import Blank
from voltomo.stages.workspace import Workspace
from voltomo.synthesis.lattice import every_voxel
from voltomo.synthesis.raster import outside_field_of_view, rasterize
from voltomo.synthesis.structure import Structure
from voltomo.synthesis.xray.detector import SATURATION, Detector, expose
from voltomo.synthesis.xray.geometry import ParallelGeometry
from voltomo.synthesis.xray.scanner import Specimen, XrayOptics, scan_region

__all__ = ["ScanPlan", "expose_scan", "paint_specimen", "saturated_share"]

_WORKING_BYTES = 160_000_000
"""Of a block, beside what grows with the sample: line integrals, waves, pixels (measured)."""


@dataclass(frozen=True)
class ScanPlan:
    """One scan of a sample.

    Parameters
    ----------
    name : of its arrays in the workspace
    geometry, optics, detector : where, through what and on what it is projected
    flats, darks : number of images; half of them are taken before the scan, half after it
    """

    name: str
    geometry: ParallelGeometry
    optics: XrayOptics
    detector: Detector
    flats: int
    darks: int


def paint_specimen(structure: Structure, *, factor: int, margin: int, work: Workspace) -> Specimen:
    """The structure on a grid `factor` times finer, with `margin` voxels of what lies above and below the window."""
    nz, ny, nx = structure.shape
    shape = (ny * factor, nx * factor, (nz + 2 * margin) * factor)
    phases = work.array("specimen", shape, np.uint8)
    paint = partial(_paint_block, structure=structure.refined(factor), shift=margin * factor)
    work.map("specimen", paint, Blank(shape), out=phases, bytes_per_voxel=26)
    return Specimen(phases, factor, margin, structure.is_cylinder)


def _paint_block(
    block: Block, _blank: npt.NDArray[np.uint8], *, structure: Structure, shift: int
) -> npt.NDArray[np.uint8]:
    y, x, z = block.read
    region = slice(z.start - shift, z.stop - shift), y, x
    where = None
    if structure.is_cylinder:  # a fifth of the work lies around it
        where = np.ones([axis.stop - axis.start for axis in region], bool)
        where[:, outside_field_of_view(structure, every_voxel(region))] = False
    phases, _ = rasterize(structure, region, where=where)
    return phases.transpose(1, 2, 0)


def expose_scan(plan: ScanPlan, specimen: Specimen, work: Workspace) -> ProjectionStack:
    """Take all images of a scan.

    Parameters
    ----------
    plan : ScanPlan
    specimen : as `paint_specimen` gives it
    work : Workspace
        Takes "<name> projections" (A, V, U), "<name> flats" and "<name> darks", uint16.
    """
    geometry = plan.geometry
    images = work.array(f"{plan.name} projections", (len(geometry), *geometry.shape), np.uint16)
    ny, nx, _ = (int(n) for n in specimen.phases.shape)
    # A block holds a slab of the sample, one strip of it as it is read, and its line integrals.
    need = 12 + (_WORKING_BYTES + 80 * ny * nx) / _block_size(images)
    project = partial(_project_block, plan=plan, specimen=specimen)
    work.map(f"{plan.name} projections", project, Blank(images.shape), out=images, bytes_per_voxel=need)
    flats, flat_times = _expose_open("flat", plan.flats, plan, work)
    darks, dark_times = _expose_open("dark", plan.darks, plan, work)
    return ProjectionStack(
        images,
        geometry.angles,
        flats,
        darks,
        flat_times,
        dark_times,
        pixel_size=plan.optics.pixel_size,
        energy=plan.optics.spectrum.mean,
        distance=plan.optics.wave.distance,
        name=f"synthetic scan, {plan.name}, seed {plan.detector.seed}",
    )


def saturated_share(stack: ProjectionStack, *, name: str, work: Workspace) -> float:
    """Share of the projections' pixels at the largest count."""
    found = work.reduce(f"{name} saturation", _count_saturated, stack.data, merge=_add, bytes_per_voxel=4)
    return float(found["saturated"]) / math.prod(stack.shape)


def _project_block(
    block: Block, _blank: npt.NDArray[np.uint8], *, plan: ScanPlan, specimen: Specimen
) -> npt.NDArray[np.uint16]:
    geometry, angles = plan.geometry, block.read[0]
    return expose(
        scan_region(block.read, specimen, geometry, plan.optics),
        kind="projection",
        times=(np.arange(angles.start, angles.stop) + 0.5) / len(geometry),
        first=block.origin,
        shape=geometry.shape,
        detector=plan.detector,
    )


def _expose_open(
    kind: Literal["flat", "dark"], count: int, plan: ScanPlan, work: Workspace
) -> tuple[ArrayLike | None, tuple[float, ...]]:
    """Images without sample, and when each was taken."""
    if count == 0:
        return None, ()
    times = np.repeat([0.0, 1.0], [(count + 1) // 2, count // 2])
    out = work.array(f"{plan.name} {kind}s", (count, *plan.geometry.shape), np.uint16)
    shoot = partial(_expose_block, kind=kind, times=times, plan=plan)
    work.map(f"{plan.name} {kind}s", shoot, Blank(out.shape), out=out, bytes_per_voxel=40)
    return out, tuple(times.tolist())


def _expose_block(
    block: Block,
    blank: npt.NDArray[np.uint8],
    *,
    kind: Literal["flat", "dark"],
    times: npt.NDArray[np.float64],
    plan: ScanPlan,
) -> npt.NDArray[np.uint16]:
    return expose(
        np.ones(blank.shape, np.float32),
        kind=kind,
        times=times[block.read[0]],
        first=block.origin,
        shape=plan.geometry.shape,
        detector=plan.detector,
    )


def _block_size(array: WritableArray) -> int:
    """Values in a block of a workspace: a whole shard where the array has them."""
    shards = getattr(array, "shards", None) or array.shape
    return math.prod(min(int(n), int(s)) for n, s in zip(array.shape, shards, strict=True))


def _count_saturated(block: Block, counts: npt.NDArray[np.uint16]) -> Partial:
    return {"saturated": np.asarray(np.count_nonzero(counts[block.inner] == SATURATION), np.int64)}


def _add(one: Partial, two: Partial) -> Partial:
    return {name: np.add(one[name], two[name]) for name in one}
