"""Surfaces, curvatures and triple lines with what the size of the window leaves open of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
from scipy.stats import t as student

from voltomo.artifacts import Measurement, UncertaintyPart
from voltomo.metrics.correlation import IntegralRange
from voltomo.metrics.curvature import measure_curvature
from voltomo.metrics.marching_cubes import measure_meshes
from voltomo.metrics.representativity import TOO_SMALL, jackknife
from voltomo.metrics.sample import Sample
from voltomo.metrics.surfaces import InterfaceCounts, measure_surfaces
from voltomo.metrics.triple_lines import measure_triple_lines
from voltomo.metrics.uncertainty import with_part
from voltomo.morphology.directions import CroftonDirections, crofton_directions
from voltomo.stages.structure_counts import PartCounts, StructureCounts

__all__ = ["LEAST_FREEDOM", "density_rows", "independent_parts"]

_FEWEST_PARTS = 4
"""Parts that hold voxels; a spread of fewer says little."""
LEAST_FREEDOM = 30.0
"""Balls as large as the cut-off of the integral range that the window must hold. At half of it, parts resemble their
neighbors, and intervals held the truth in 88 to 97 % of windows."""


def independent_parts(
    found: StructureCounts, sample: Sample, *, spans: Iterable[IntegralRange | None]
) -> tuple[int, ...] | None:
    """Numbers of the parts of the window whose spread tells how well it stands for its sample.

    Returns
    -------
    tuple of int, or None
        The parts that hold voxels, none if they are fewer than four; None where the window is too small.
    """
    if not all(span is not None and span.freedom >= LEAST_FREEDOM for span in spans):
        return None
    filled = [i for i, part in enumerate(found.parts) if part.voxels.any() and part.voxels.sum() < sample.voxels]
    return tuple(filled) if len(filled) >= _FEWEST_PARTS else ()


def density_rows(
    found: StructureCounts, sample: Sample, *, spans: Iterable[IntegralRange | None]
) -> Iterator[Measurement]:
    """The numbers that are sums over the window / its volume, and their ratios.

    Each is measured again without one part of the window after the other; the spread gives the representativity. It
    is missing where the window is too small, too few parts hold voxels, or a number cannot be had without some part.

    Parameters
    ----------
    found : of the map
    sample : the region and its units
    spans : the integral range of each phase that there is; None where it is not known
    """
    directions = crofton_directions(sample.edges, sample.dimension)
    whole = PartCounts(found.slices.phases, found.pairs, found.windows)
    rows = _rows(whole, sample, directions)
    numbers = independent_parts(found, sample, spans=spans)
    if not numbers:
        yield from rows if numbers is not None else (_too_small(row) for row in rows)
        return
    filled = [found.parts[i] for i in numbers]
    without = [[row.value for row in _rows(_without(whole, part), sample, directions)] for part in filled]
    for row, *values in zip(rows, *without, strict=True):
        yield _with_scatter(row, values)


def _too_small(row: Measurement) -> Measurement:
    return row if row.value is None else with_part(row, TOO_SMALL.part)


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


def _with_scatter(row: Measurement, without: list[float | None]) -> Measurement:
    """The row with the representativity in its budget."""
    values = [value for value in without if value is not None and math.isfinite(value)]
    if row.value is None or len(values) < len(without) or (u := jackknife(values)) is None:
        return row
    note = (
        f"spread when each of {len(values)} parts of the window is left out; Student's t with {len(values) - 1} "
        "degrees of freedom; for a window cut from a homogeneous sample"
    )
    factor = float(student.ppf(0.975, len(values) - 1))
    return with_part(row, UncertaintyPart("representativity", u, note=note), factor=factor)
