"""A number with its unit, definition and uncertainty."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from voltomo.errors import InputError

__all__ = ["COLUMNS", "Measurement", "Measurements", "SensitivityBand", "Status", "UncertaintyPart"]

Status: TypeAlias = Literal["ok", "warned", "withheld"]

COLUMNS = (
    "name",
    "phase",
    "phase_2",
    "axis",
    "dimension",
    "statistic",
    "value",
    "unit",
    "low",
    "high",
    "level",
    "method",
    "definition",
    "region",
    "status",
    "reason",
)
"""The columns of measurements.csv, in order."""


@dataclass(frozen=True)
class UncertaintyPart:
    """One named part of an uncertainty budget.

    Parameters
    ----------
    name : "segmentation", "operator", "representativity", "resolution", "solver", "sampling" ...
    standard_uncertainty : in the unit of the number; None if this part was not estimated
    bias : signed, in the unit of the number, where it is known
    note : how it was found, or why it is missing
    """

    name: str
    standard_uncertainty: float | None = None
    bias: float | None = None
    note: str = ""


@dataclass(frozen=True)
class SensitivityBand:
    """How far a number moves when a choice is varied; shown beside the uncertainty and no part of it.

    Parameters
    ----------
    name : what is varied, such as "boundary ± 1 voxel"
    low, high : smallest and largest value of the number, in its unit; infinite where a phase is cut off
    note : how
    """

    name: str
    low: float
    high: float
    note: str = ""


@dataclass(frozen=True)
class Measurement:
    """One number of a study.

    Parameters
    ----------
    name : such as "volume_fraction"
    value : in `unit`; None only when withheld
    unit : "1" for dimensionless, SI otherwise; "voxel", "voxel^2", "1/voxel" ... without a voxel size
    phase, phase_2 : names from the phase table, or empty
    axis : "z", "y", "x" or empty
    dimension : 2 for a plane, 3 for a volume
    statistic : such as "D50, volume-weighted", or empty
    low, high : interval at `level`; None where no part of the uncertainty was estimated
    method, definition, region : how, what exactly (with its source), and over which voxels
    status, reason : "withheld" has no value and says why
    parts : the uncertainty budget; a part that was not estimated is listed, never zero
    bands : how sensitive the number is to choices; outside the budget
    """

    name: str
    value: float | None
    unit: str
    phase: str = ""
    phase_2: str = ""
    axis: str = ""
    dimension: int = 3
    statistic: str = ""
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    method: str = ""
    definition: str = ""
    region: str = "field of view"
    status: Status = "ok"
    reason: str = ""
    parts: tuple[UncertaintyPart, ...] = ()
    bands: tuple[SensitivityBand, ...] = ()

    def __post_init__(self) -> None:
        if (self.value is None) != (self.status == "withheld"):
            raise InputError(f"{self.name}: a number without a value is withheld, and only that")
        if self.status != "ok" and not self.reason:
            raise InputError(f"{self.name} is {self.status} without a reason")
        if self.value is not None and math.isnan(self.value):
            raise InputError(f"{self.name} is not a number; withhold it with a reason")

    @property
    def interval(self) -> tuple[float | None, float | None]:
        """(low, high) at `level`."""
        return self.low, self.high


@dataclass(frozen=True)
class Measurements:
    """The numbers of a study in stable order."""

    items: tuple[Measurement, ...] = ()

    def __iter__(self) -> Iterator[Measurement]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __add__(self, other: Iterable[Measurement]) -> Measurements:
        return Measurements((*self.items, *other))

    def select(self, name: str, **fields: object) -> tuple[Measurement, ...]:
        """The measurements of a name whose fields have these values."""
        return tuple(
            item for item in self.items if item.name == name and all(getattr(item, k) == v for k, v in fields.items())
        )

    def one(self, name: str, **fields: object) -> Measurement:
        """The single measurement of a name whose fields have these values."""
        found = self.select(name, **fields)
        if len(found) != 1:
            raise InputError(f"{len(found)} measurements match {name} {fields}, expected one")
        return found[0]
