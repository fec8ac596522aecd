"""A number of a sample becomes a Measurement: definition, region, dimension and uncertainty filled in once."""

from __future__ import annotations

from typing import Any

from voltomo.artifacts import Measurement, UncertaintyPart
from voltomo.metrics.definitions import VARIANTS, define
from voltomo.metrics.sample import Sample
from voltomo.metrics.uncertainty import budget, combined

__all__ = ["measured", "withheld"]

_COVERAGE_FACTOR = 2  # 95 % of a normal distribution: JCGM 100:2008 (GUM), 6.3.3


def measured(
    sample: Sample,
    name: str,
    value: float,
    unit: str,
    *,
    variant: str = "",
    parts: tuple[UncertaintyPart, ...] = (),
    interval: tuple[float, float] | None = None,
    **fields: Any,
) -> Measurement:
    """Measurement of a sample.

    Parameters
    ----------
    sample, name, value, unit : what was found
    variant : which definition, where a name has several; that of the plane is chosen by itself
    parts : the parts of the uncertainty that were estimated; the others are added as missing
    interval : at 95 %; otherwise value ± 2u where a part was estimated
    fields : other fields of the Measurement, such as phase, axis, method
    """
    whole = budget(*parts)
    if interval is None and (u := combined(whole)) is not None:
        interval = value - _COVERAGE_FACTOR * u, value + _COVERAGE_FACTOR * u
    low, high = interval or (None, None)
    return Measurement(
        name,
        value,
        unit,
        dimension=sample.dimension,
        definition=_definition(sample, name, variant, fields),
        region=sample.region,
        low=low,
        high=high,
        parts=whole,
        **fields,
    )


def withheld(sample: Sample, name: str, unit: str, *, reason: str, variant: str = "", **fields: Any) -> Measurement:
    """The row of a number that a gate withholds: no value, and why."""
    return Measurement(
        name,
        None,
        unit,
        dimension=sample.dimension,
        definition=_definition(sample, name, variant, fields),
        region=sample.region,
        status="withheld",
        reason=reason,
        **fields,
    )


def _definition(sample: Sample, name: str, variant: str, fields: dict[str, Any]) -> str:
    axis = fields.get("axis", "")
    if not variant and sample.dimension == 2 and name in VARIANTS["plane"]:
        variant = "plane"
    return define(name, variant=variant, direction=sample.direction(axis) if axis else "")
