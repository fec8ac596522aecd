"""Sizes, shapes and cracks of the particles of a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ParticleTable
from voltomo.metrics.sizes import weighted_quantiles
from voltomo.synthesis.likeness.statistic import Statistic

__all__ = ["CRACKED_FROM", "size_statistics"]

FEWEST_PARTICLES = 15
"""With fewer, D50 of a spread of 1.5 is uncertain by more than a tenth."""
CRACKED_FROM = 0.02
"""Share of void above which a particle counts as cracked; a slit a twelfth of D50 wide has 5 to 10 %."""
_COLUMNS = ("equivalent_diameter", "envelope_voxels", "aspect_ratio", "void_fraction")
_NORMAL_DECILE = 1.2815515655446004
"""Standard deviations between the median of a normal distribution and its 90th percentile."""


def size_statistics(table: ParticleTable, *, unit: str) -> tuple[list[Statistic], dict[str, Any]]:
    """Diameters, elongation and share cracked, and the cumulative distribution of the diameters.

    Parameters
    ----------
    table : one row per particle
    unit : "m" or "voxel", of its lengths

    Notes
    -----
    All particles count, cut by the edge or not: a twin has the same window, so that the edge does the same to it.
    """
    names = ("d10", "d50", "d90", "size_spread", "elongation", "cracked_share", "void_fraction")
    units = (unit, unit, unit, "1", "1", "1", "1")
    count = len(table["instance_id"]) if table else 0
    if count < FEWEST_PARTICLES:
        reason = f"{count} particles; {FEWEST_PARTICLES} are needed"
        return [Statistic(n, None, u, reason=reason) for n, u in zip(names, units, strict=True)], {}
    if missing := [name for name in _COLUMNS if name not in table]:
        reason = f"the particle table has no {', '.join(missing)}"
        return [Statistic(n, None, u, reason=reason) for n, u in zip(names, units, strict=True)], {}
    diameter = np.asarray(table["equivalent_diameter"], np.float64)
    content = np.asarray(table["envelope_voxels"], np.float64)
    d10, d50, d90 = (float(v) for v in weighted_quantiles(diameter, content, (0.1, 0.5, 0.9)))
    spread = float(np.exp(np.log(d90 / d10) / (2 * _NORMAL_DECILE)))
    aspect = np.asarray(table["aspect_ratio"], np.float64)
    void = np.asarray(table["void_fraction"], np.float64)
    values = (
        d10,
        d50,
        d90,
        spread,
        _median(aspect, content),
        float(np.mean(void > CRACKED_FROM)),
        float(np.sum(void * content) / np.sum(content)),
    )
    order = np.argsort(diameter, kind="stable")
    cumulative = np.cumsum(content[order]) / np.sum(content)
    curve = {"diameter": diameter[order].tolist(), "share": cumulative.tolist(), "unit": unit}
    statistics = [Statistic(n, v, u) for n, v, u in zip(names, values, units, strict=True)]
    return [*statistics, _roundness(table, content)], curve


def _roundness(table: ParticleTable, content: npt.NDArray[np.float64]) -> Statistic:
    """Of the particles that have one: those that no edge cuts."""
    shape = np.asarray(table["sphericity" if "sphericity" in table else "circularity"], np.float64)
    known = np.isfinite(shape)
    if known.sum() < FEWEST_PARTICLES:
        reason = f"{int(known.sum())} particles are whole; {FEWEST_PARTICLES} are needed"
        return Statistic("roundness", None, "1", reason=reason)
    return Statistic("roundness", _median(shape[known], content[known]), "1")


def _median(values: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]) -> float:
    """Weighted median."""
    return float(weighted_quantiles(values, weights, (0.5,))[0])
