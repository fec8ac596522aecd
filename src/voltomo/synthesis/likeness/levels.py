"""Fractions and grey levels of pore, binder and active material, also where a scan does not tell pore from binder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voltomo.artifacts import PhaseTable
from voltomo.errors import GateError
from voltomo.synthesis.likeness.statistic import Likeness

__all__ = ["BINDER_SHARE", "HIGHEST_BINDER", "Levels"]

BINDER_SHARE = 0.75
"""Of a mixture of pore and binder that was not resolved; nothing in two classes tells it; 0.4 to 0.8 is usual."""

_CONTRAST_SHARE = 0.25
"""Of the variance of such a mixture, that the contrast between pore and binder makes; the binder's texture the rest."""

HIGHEST_BINDER = 0.4
"""Grey level of the binder between pore (0) and active material (1), at most: half would be cut into both classes."""


@dataclass(frozen=True)
class Levels:
    """Fractions, grey levels and texture of what is not active material."""

    porosity: float
    binder: float
    rest: float
    pore_level: float
    binder_level: float
    active_level: float
    porous_texture: float
    porous_length: float | None

    @classmethod
    def of(cls, likeness: Likeness, phases: PhaseTable, notes: list[str]) -> Levels:
        """Of a table with pore and binder, or with their mixture."""
        active = _needed_level(likeness, phases, "active")
        mixture = phases.with_role("pore+binder")
        if mixture and not phases.with_role("pore"):
            return cls._of_mixture(likeness, mixture[0].name, active, notes)
        pore_level = _needed_level(likeness, phases, "pore")
        pore, binder = _fraction(likeness, phases, "pore"), _fraction(likeness, phases, "binder", "carbon")
        others = max(0.0, 1 - pore - binder - _fraction(likeness, phases, "active", "crack"))
        if others > 0.005:
            notes.append(f"phases of other roles hold {others:.1%}; the twin has pore in their place")
        names = [phase.name for phase in phases.with_role("binder", "carbon")]
        binder_level = likeness.value("grey_level", names[0]) if names else None
        if binder_level is None:
            if binder:
                notes.append("the grey level of the binder could not be measured; a quarter of the contrast is used")
            binder_level = pore_level + 0.25 * (active - pore_level)
        texture = (likeness.value("texture", names[0]) if names else None) or 0.0
        length = likeness.value("texture_length", names[0]) if names else None
        rest = pore + others + binder
        return cls(pore + others, binder, rest, pore_level, binder_level, active, texture, length)

    @classmethod
    def _of_mixture(cls, likeness: Likeness, name: str, active: float, notes: list[str]) -> Levels:
        """Pore and binder that were not told apart."""
        fraction = likeness.value("volume_fraction", name) or 0.0
        middle = likeness.value("grey_level", name)
        if middle is None:
            raise GateError(
                f"the grey level of {name} could not be measured: too little of it is deep", gate="likeness"
            )
        texture = likeness.value("texture", name) or 0.0
        if texture == 0:
            notes.append("two classes do not tell pore from binder, and their mixture is even: the twin has no binder")
            return cls(fraction, 0.0, fraction, middle, middle, active, 0.0, None)
        notes.append(
            f"two classes do not tell pore from binder: binder takes {BINDER_SHARE:.0%} of their mixture, with grey "
            "levels and a texture that give the mixture the variation that was measured"
        )
        low, high = _split_levels(middle, texture, active)
        share, length = BINDER_SHARE, likeness.value("texture_length", name)
        return cls(fraction * (1 - share), fraction * share, fraction, low, high, active, texture, length)


def _split_levels(middle: float, texture: float, active: float) -> tuple[float, float]:
    """Grey levels of pore and binder with a mean and, together with the texture, a standard deviation."""
    share = BINDER_SHARE
    contrast = texture * np.sqrt(_CONTRAST_SHARE / (share * (1 - share)))
    # pore + highest · (active − pore) is the binder's limit, and pore is middle − share · contrast.
    limit = HIGHEST_BINDER * abs(active - middle) / (1 - share * HIGHEST_BINDER)
    contrast = float(np.sign(active - middle)) * min(float(contrast), limit)
    return middle - share * contrast, middle + (1 - share) * contrast


def _fraction(likeness: Likeness, phases: PhaseTable, *roles: str) -> float:
    return sum(likeness.value("volume_fraction", phase.name) or 0.0 for phase in phases.with_role(*roles))


def _needed_level(likeness: Likeness, phases: PhaseTable, role: str) -> float:
    """Grey level of the first phase of a role."""
    found = phases.with_role(role)
    level = likeness.value("grey_level", found[0].name) if found else None
    if level is None:
        reason = "no voxel lies deep inside it" if found else "there is no such phase"
        raise GateError(
            f"a twin needs the grey level of a phase of role {role}: {reason}. Segment the scan with two classes, or "
            "give a phase table",
            gate="likeness",
        )
    return level
