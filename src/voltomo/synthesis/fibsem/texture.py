"""What varies inside a phase: the orientation of grains, and the share of pores too small to be resolved."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Texture"]


@dataclass(frozen=True)
class Texture:
    """How phases vary from place to place.

    Parameters
    ----------
    grain_contrast : largest relative change of the yield between grains of different orientation, where particles
        consist of grains
    porosity_variation : largest relative change of the share of unresolved pores
    seed : of the unresolved pores
    """

    grain_contrast: float
    porosity_variation: float
    seed: int
