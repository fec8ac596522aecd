"""From the statistics of a scan to the settings of an electrode and a scan that would have them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from voltomo.artifacts import PhaseTable
from voltomo.synthesis.likeness.levels import Levels
from voltomo.synthesis.likeness.statistic import Likeness
from voltomo.synthesis.likeness.sums import FARTHEST_LAG

__all__ = ["FirstSettings", "TwinSettings", "first_settings"]

_LIMITS = {
    "porosity": (0.05, 0.85),
    "binder": (0.0, 0.7),
    "spread": (1.05, 2.4),
    "elongation": (1.0, 2.0),
    "cracked": (0.0, 0.8),
    "roughness": (0.0, 0.3),
    "blur": (0.0, 8.0),
    "noise_length": (0.0, 6.0),
    "texture_length": (1.5, 80.0),
    "porous_length": (1.5, 80.0),
}
"""What the generator and the scanner take."""
_STRENGTHS = ("noise", "rings", "particle_spread", "texture", "porous_texture", "drift")

_DISC_OF_BALL = 0.94
"""Median diameter of the sections of a ball, weighted by area, in diameters: 1 − u³/3·… has its half at u = 0.347, and
√(1 − u²) = 0.938."""

_RING_SEEN = 0.94
"""Standard deviation of the mean on circles of integer radius, over that of rings between whose columns the scanner
interpolates: √((2·(1/8)² + (3/4)²) / (2/3))."""

_LATTICE_EDGE = 1.6
"""Edge of the lattice that textures are drawn on, over the half width of their covariance."""

_SLOW = 12.0
"""Half width in voxels from which on a texture in every phase is more likely one of the brightness."""
_SHADE_SHARE = 0.6
"""Of the weaker texture that then is taken for brightness; nothing in the scan tells it."""

_VOID_OF_CRACKED = 0.06
"""Share of a cracked particle that its cracks hold, with the default width of a twelfth of D50; corrected later."""

_TEXTURE_SEEN = 0.75
"""Share of a texture's standard deviation that is left after the blur of a usual scan; a first guess."""


@dataclass(frozen=True)
class TwinSettings:
    """What a synthetic electrode and its scan should be like, in the numbers of both.

    Parameters
    ----------
    porosity, binder : volume fractions, cracks and voids inside particles left out
    d50 : volume-weighted median diameter, m (voxels, where the voxel size is not known)
    spread : geometric standard deviation of the diameters
    elongation : largest ratio of a particle's longest to its shortest axis
    cracked : share of the particles with cracks
    pore, active, binder_level : grey levels; cracks are as dark as pore
    blur : standard deviation of the point spread, voxels
    noise : standard deviation of the noise, grey
    noise_length : standard deviation of the Gaussian that correlates it, voxels
    rings : standard deviation of the ring amplitude, grey
    roughness : how far the surfaces of the particles move in and out, in radii
    particle_spread : standard deviation of the grey between particles
    texture : standard deviation of the grey variation inside the active material, before the blur
    texture_length : edge of the lattice that it is drawn on, voxels
    porous_texture, porous_length : the same inside the binder, or the mixture of pore and binder
    drift : standard deviation of the slow change of brightness, grey
    drift_width : its length along y and x, voxels; 0 where it changes whole slices alike
    """

    porosity: float
    binder: float
    d50: float
    spread: float
    elongation: float
    cracked: float
    pore: float
    active: float
    binder_level: float
    blur: float
    noise: float
    noise_length: float
    rings: float
    roughness: float
    particle_spread: float
    texture: float
    texture_length: float
    porous_texture: float
    porous_length: float
    drift: float
    drift_width: float

    def to_record(self) -> dict[str, Any]:
        """Plain values by name."""
        return asdict(self)

    def limited(self) -> TwinSettings:
        """The same within what the generator takes."""
        changed = {name: float(np.clip(getattr(self, name), *ends)) for name, ends in _LIMITS.items()}
        strengths = {name: max(0.0, getattr(self, name)) for name in _STRENGTHS}
        return replace(self, **changed, **strengths)


def first_settings(likeness: Likeness, phases: PhaseTable, *, default_d50: float, is_section: bool) -> FirstSettings:
    """Settings that would give the statistics if none influenced another.

    Parameters
    ----------
    likeness : of the scan that gets a twin
    phases : its phase table
    default_d50 : where no size was measured, in the unit of the study
    is_section : whether particles are seen as sections

    Raises
    ------
    GateError
        If the grey level of the active material, or that of everything else, could not be measured.
    """
    notes: list[str] = []

    def known(name: str, default: float, what: str, phase: str = "") -> float:
        value = likeness.value(name, phase)
        if value is not None:
            return value
        notes.append(f"{what} could not be measured; the default {default:g} is used")
        return default

    active_name = phases.with_role("active")[0].name
    levels = Levels.of(likeness, phases, notes)
    void = known("void_fraction", 0.0, "the share of cracks and voids")
    is_crack_phase = bool(phases.with_role("crack"))
    inside = 0.0 if is_crack_phase else void * (1 - levels.rest) / max(1 - void, 0.5)
    d50 = known("d50", default_d50, "D50") / (_DISC_OF_BALL if is_section else 1.0)
    texture = likeness.value("texture", active_name) or 0.0
    between = min(likeness.value("particle_spread") or 0.0, texture)
    within = float(np.sqrt(texture**2 - between**2))
    shade = _shade(likeness, active_name, levels, is_section=is_section)
    within, porous = (float(np.sqrt(max(t**2 - shade**2, 0.0))) for t in (within, levels.porous_texture))
    settings = TwinSettings(
        porosity=levels.porosity - inside,
        binder=levels.binder,
        d50=d50,
        spread=known("size_spread", 1.5, "the spread of the sizes"),
        elongation=known("elongation", 1.14, "the elongation of the particles") ** 2,
        cracked=void / _VOID_OF_CRACKED,
        pore=levels.pore_level,
        active=levels.active_level,
        binder_level=levels.binder_level,
        blur=known("blur", 1.5, "the blur"),
        noise=known("noise", 0.05 * abs(levels.active_level - levels.pore_level), "the noise"),
        noise_length=_noise_length(likeness, notes),
        rings=known("rings", 0.0, "the rings") / _RING_SEEN,
        roughness=0.1,
        particle_spread=between,
        texture=within / _TEXTURE_SEEN,
        texture_length=_LATTICE_EDGE * (likeness.value("texture_length", active_name) or FARTHEST_LAG),
        porous_texture=porous / _TEXTURE_SEEN,
        porous_length=_LATTICE_EDGE * (levels.porous_length or FARTHEST_LAG),
        drift=shade or likeness.value("drift") or 0.0,
        drift_width=_LATTICE_EDGE * FARTHEST_LAG if shade else 0.0,
    )
    return FirstSettings(settings.limited(), tuple(notes))


@dataclass(frozen=True)
class FirstSettings:
    """Settings, and what had to be assumed."""

    settings: TwinSettings
    notes: tuple[str, ...]


def _noise_length(likeness: Likeness, notes: list[str]) -> float:
    """Mean of the lengths along the axes of the plane."""
    lengths = [likeness.value(f"noise_length_{axis}") for axis in "yx"]
    known = [value for value in lengths if value is not None]
    if not known:
        notes.append("the correlation of the noise could not be measured; the default 1 voxel is used")
        return 1.0
    return float(np.mean(known))


def _shade(likeness: Likeness, active: str, levels: Levels, *, is_section: bool) -> float:
    """Slow change of brightness that all phases of a section share, where all of them vary slowly."""
    length = likeness.value("texture_length", active) or FARTHEST_LAG
    if not is_section or min(length, levels.porous_length or FARTHEST_LAG) < _SLOW:
        return 0.0
    return _SHADE_SHARE * min(likeness.value("texture", active) or 0.0, levels.porous_texture)
