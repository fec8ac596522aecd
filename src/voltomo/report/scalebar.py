"""The scale bar: a round length that fits under a picture."""

from __future__ import annotations

import math

from voltomo.units import format_length

__all__ = ["bar_length", "bar_text"]

_ROUND = (1.0, 2.0, 5.0, 10.0)


def bar_length(extent: float, *, share: float = 0.3) -> float:
    """Largest of 1, 2, 5 × 10ⁿ that is at most `share` of `extent`.

    Examples
    --------
    >>> bar_length(38.4e-6)
    1e-05
    >>> bar_length(601.0)
    100.0
    """
    wanted = extent * share
    power = 10.0 ** math.floor(math.log10(wanted))
    # 2 × 10⁻⁶ must not become 1.9999999999999998e-06, so the length passes through its decimal text.
    return max(float(f"{r * power:.3g}") for r in _ROUND if r * power <= wanted * (1 + 1e-9))


def bar_text(length: float, *, in_meters: bool) -> str:
    """The words beside a bar: a length, or voxels where the voxel size is unknown.

    Examples
    --------
    >>> bar_text(1e-05, in_meters=True), bar_text(100.0, in_meters=False)
    ('10 µm', '100 voxels')
    """
    if in_meters:
        return format_length(length, digits=3)
    return f"{length:g} voxel" + ("" if length == 1 else "s")
