"""One statistic of a scan, and all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from voltomo.errors import InputError

__all__ = ["DEFINITIONS", "Likeness", "Statistic"]

DEFINITIONS: Mapping[str, str] = {
    "volume_fraction": "voxels of the phase over voxels inside the field of view",
    "grey_level": "mean grey value of the phase, away from its boundaries",
    "grey_spread": "standard deviation of the grey values of the phase, away from its boundaries",
    "noise": "standard deviation of the noise: square root of the covariance at lag 0 in the phase of the source "
    "that varies least, of fluctuations shorter than the longest lag (12 voxels)",
    "noise_length_z": "standard deviation of the Gaussian that would give white noise the covariance seen along z",
    "noise_length_y": "standard deviation of the Gaussian that would give white noise the covariance seen along y",
    "noise_length_x": "standard deviation of the Gaussian that would give white noise the covariance seen along x",
    "texture": "standard deviation of what a phase varies beyond the noise, away from its boundaries: root of the "
    "difference of the variances",
    "texture_length": "lag in the plane at which the covariance beyond the noise has fallen to half",
    "particle_spread": "standard deviation of the mean grey value of the particles, weighted by their volume "
    "(area in a section)",
    "blur": "standard deviation of the Gaussian whose integral fits the mean grey value against the distance from the "
    "surface of the active material",
    "rings": "standard deviation of the mean residual grey value on circles around the middle of the plane, from the "
    "covariance of two halves of each circle; changes over more than 15 voxels of radius are left out",
    "drift": "standard deviation of the mean grey value inside the active material from slice to slice",
    "d10": "diameter up to which particles hold 10 % of the volume (area in a section)",
    "d50": "diameter up to which particles hold 50 % of the volume (area in a section)",
    "d90": "diameter up to which particles hold 90 % of the volume (area in a section)",
    "size_spread": "geometric standard deviation of a log-normal distribution with this D10 and D90",
    "elongation": "median ratio of the longest to the shortest axis of the particles",
    "roundness": "median sphericity of whole particles (circularity in a section), weighted by their volume (area)",
    "cracked_share": "share of the particles of which more than 2 % is crack or void",
    "void_fraction": "cracks and voids over the volume of the particles (area in a section)",
    "histogram_width": "standard deviation of all grey values inside the field of view",
    "noise_spectrum": "root mean square, over frequencies, of the logarithm of the ratio of the noise spectra",
    "histogram_distance": "area between the cumulated histograms of all grey values, over the contrast between phases",
}
"""What each statistic is, in words."""


@dataclass(frozen=True)
class Statistic:
    """One number, or the reason why there is none.

    Parameters
    ----------
    name : one of `DEFINITIONS`
    value : None where it was withheld
    unit : "1", "grey", "voxel" or "m"
    phase : name of the phase it belongs to, or empty
    reason : why it was withheld, or what makes it weak
    """

    name: str
    value: float | None
    unit: str
    phase: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        if self.value is None and not self.reason:
            raise InputError(f"{self.key} is withheld without a reason")

    @property
    def key(self) -> str:
        """Name, with the phase in brackets."""
        return f"{self.name}[{self.phase}]" if self.phase else self.name

    @property
    def definition(self) -> str:
        """What it is, in words."""
        return DEFINITIONS[self.name]


@dataclass(frozen=True)
class Likeness:
    """Everything that was measured of a scan.

    Parameters
    ----------
    statistics : in stable order
    curves : for pictures; plain lists by name: "histogram", "edge", "noise", "sizes", "rings", "drift"
    """

    statistics: tuple[Statistic, ...]
    curves: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Statistic]:
        return iter(self.statistics)

    def value(self, name: str, phase: str = "") -> float | None:
        """The number of a statistic; None where it was withheld or does not exist."""
        for statistic in self.statistics:
            if statistic.name == name and statistic.phase == phase:
                return statistic.value
        return None
