"""A size distribution as a curve: what a report draws and a table cannot hold."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["SizeCurve"]


@dataclass(frozen=True)
class SizeCurve:
    """Cumulated share of a size distribution.

    Parameters
    ----------
    name : of the measurement that it belongs to, such as "local_thickness"
    phase, axis : of the measurement; `axis` may be empty
    weighting : "volume", "area" or "number"
    sizes : rising, in m, or in voxels where the voxel size is unknown
    shares : of the whole that is at most as large, from 0 to 1; it ends below 1 where larger ones cannot be seen
    """

    name: str
    phase: str
    axis: str
    weighting: str
    sizes: tuple[float, ...]
    shares: tuple[float, ...]

    def to_record(self) -> dict[str, Any]:
        """JSON-able."""
        plain = {key: value for key, value in asdict(self).items() if isinstance(value, str)}
        return plain | {"sizes": [float(s) for s in self.sizes], "shares": [float(s) for s in self.shares]}
