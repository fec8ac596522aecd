"""What `measure` is told about the budgets of its numbers."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from voltomo.stages.apparent import PartsOfWindow

__all__ = ["UncertaintyConfig"]


class UncertaintyConfig(BaseModel):
    """Which parts of the uncertainty are estimated by making the map again.

    Parameters
    ----------
    bands : give the band of a boundary a voxel farther in and out; where there are probabilities, also that of 0.3 to
        0.7
    resolution : coarsen the grey volume by these factors, segment it again and follow the trend; needs the grey
        volume and the settings of `segment`; an empty list leaves the part out
    realizations : maps drawn from the probabilities, where the phase map has them; 0 leaves the part out
    transport : follow the numbers of transport too, on a central part of the volume of 80³ to 128³ voxels
    transport_realizations : maps of the realizations that transport is solved on
    correlation_length : standard deviation of the Gaussian that ties the errors of neighbors together, in voxels;
        fitted to the doubt of the map where None
    common_share : share of the error's variance that moves all boundaries together; one map cannot tell it
    seed : of the realizations
    segmentations : other segmentations of the volume, for the operator part: studies, or files that hold the ids of
        this study's phases; with the study's own, three or more give a standard uncertainty, two a range
    perturbed_boundary : without other segmentations: the operator part of a boundary anywhere within ± so many voxels;
        0 leaves it out
    parts_of_window : solve transport on parts of the window, for its representativity: "auto" up to 2²⁵ voxels,
        "all" whatever it takes, "none"
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bands: bool = True
    resolution: tuple[int, ...] = (2, 3, 4)
    realizations: int = Field(default=16, ge=0)
    transport: bool = True
    transport_realizations: int = Field(default=8, ge=2)
    correlation_length: float | None = Field(default=None, ge=0)
    common_share: float = Field(default=0.25, ge=0, le=1)
    seed: int = Field(default=0, ge=0)
    segmentations: tuple[str, ...] = ()
    perturbed_boundary: int = Field(default=0, ge=0, le=8)
    parts_of_window: PartsOfWindow = "auto"
