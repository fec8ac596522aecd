"""Surfaces, curvatures and triple lines with what the size of the window leaves open of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy.stats import t as student

from voltomo.artifacts import Measurement, UncertaintyPart
from voltomo.metrics.curvature import measure_curvature
from voltomo.metrics.marching_cubes import measure_meshes
from voltomo.metrics.representativity import jackknife
from voltomo.metrics.sample import Sample
from voltomo.metrics.surfaces import InterfaceCounts, measure_surfaces
from voltomo.metrics.triple_lines import measure_triple_lines
from voltomo.metrics.uncertainty import with_part
from voltomo.morphology.directions import CroftonDirections, crofton_directions
from voltomo.stages.structure_counts import PartCounts, StructureCounts

__all__ = ["density_rows"]

_FEWEST_PARTS = 4
"""Parts that hold voxels; a spread of fewer says little."""


def density_rows(found: StructureCounts, sample: Sample) -> Iterator[Measurement]:
    """The numbers that are sums over the window / its volume, and their ratios.

    Each is measured again without one part of the window after the other; the spread gives the representativity. It
    is missing where a part too few holds voxels, or a number cannot be had without some part.
    """
    directions = crofton_directions(sample.edges, sample.dimension)
    whole = PartCounts(found.slices.phases, found.pairs, found.windows)
    spread: list[list[list[float | None]]] = []
    for parts in found.parts:
        filled = [part for part in parts if part.voxels.any() and part.voxels.sum() < sample.voxels]
        if len(filled) >= _FEWEST_PARTS:
            rows = [[row.value for row in _rows(_without(whole, part), sample, directions)] for part in filled]
            spread.append([list(values) for values in zip(*rows, strict=True)])
    for number, row in enumerate(_rows(whole, sample, directions)):
        values = [cut[number] for cut in spread]
        yield row if len(values) < 2 else _with_scatter(row, values)


def _rows(counts: PartCounts, sample: Sample, directions: CroftonDirections) -> list[Measurement]:
    neighbors = InterfaceCounts(counts.pairs, directions)
    part = replace(sample, voxels=int(counts.voxels.sum()))
    return [
        *measure_surfaces(neighbors, part, voxels=counts.voxels),
        *measure_meshes(counts.windows, part),
        *measure_triple_lines(counts.windows, part),
        *measure_curvature(counts.windows, neighbors, part),
    ]


def _without(whole: PartCounts, part: PartCounts) -> PartCounts:
    windows = {name: values - part.windows.arrays[name] for name, values in whole.windows.arrays.items()}
    return PartCounts(
        np.asarray(whole.voxels - part.voxels, np.int64),
        np.asarray(whole.pairs - part.pairs, np.int64),
        type(whole.windows).from_arrays(windows),
    )


def _with_scatter(row: Measurement, without: list[list[float | None]]) -> Measurement:
    """The row with the representativity in its budget."""
    if row.value is None or any(value is None or not math.isfinite(value) for cut in without for value in cut):
        return row
    found = jackknife([[float(value or 0.0) for value in cut] for cut in without])
    if found is None:
        return row
    u, parts = found
    counts = " and ".join(str(len(cut)) for cut in without)
    note = (
        f"spread when each of {counts} parts of the window is left out, the larger of both; Student's t with "
        f"{parts - 1} degrees of freedom; for a window cut from a homogeneous sample"
    )
    return with_part(
        row, UncertaintyPart("representativity", u, note=note), factor=float(student.ppf(0.975, parts - 1))
    )
