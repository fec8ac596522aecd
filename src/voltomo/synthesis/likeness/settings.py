"""From the statistics of a scan to an electrode and a scan that have them, and back again with what was missed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from voltomo.artifacts import PhaseTable
from voltomo.errors import GateError
from voltomo.synthesis.likeness.statistic import Likeness
from voltomo.synthesis.likeness.sums import FARTHEST_LAG

__all__ = ["TwinSettings", "correct_settings", "first_settings"]

_LIMITS = {
    "porosity": (0.05, 0.85),
    "binder": (0.0, 0.7),
    "spread": (1.05, 2.4),
    "elongation": (1.0, 2.0),
    "cracked": (0.0, 0.8),
    "blur": (0.0, 8.0),
    "noise_length": (0.0, 6.0),
    "texture_length": (1.5, 80.0),
    "porous_length": (1.5, 80.0),
}
"""What the generator and the scanner take."""

_STRONGEST = 2.0
"""One round of correction changes a strength by this factor at most: a small statistic is a noisy one."""

_BINDER_SHARE = 0.75
"""Of a mixture of pore and binder that was not resolved; nothing in two classes tells it; 0.4 to 0.8 is usual."""

_CONTRAST_SHARE = 0.25
"""Of the variance of such a mixture, that the contrast between pore and binder makes; the binder's texture the rest."""

_HIGHEST_BINDER = 0.4
"""Grey level of the binder between pore (0) and active material (1), at most: half would be cut into both classes."""

_DISC_OF_BALL = 0.94
"""Median diameter of the sections of a ball, weighted by area, in diameters: 1 − u³/3·… has its half at u = 0.347, and
√(1 − u²) = 0.938."""

_RING_SEEN = 0.94
"""Standard deviation of the mean on circles of integer radius, over that of rings between whose columns the scanner
interpolates: √((2·(1/8)² + (3/4)²) / (2/3))."""

_LATTICE_EDGE = 1.6
"""Edge of the lattice that textures are drawn on, over the half width of their covariance."""

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
    texture : standard deviation of the grey variation inside the active material, before the blur
    texture_length : edge of the lattice that it is drawn on, voxels
    porous_texture, porous_length : the same inside the binder, or the mixture of pore and binder
    drift : standard deviation of the slow change of brightness along z, grey
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
    texture: float
    texture_length: float
    porous_texture: float
    porous_length: float
    drift: float

    def to_record(self) -> dict[str, Any]:
        """Plain values by name."""
        return asdict(self)

    def limited(self) -> TwinSettings:
        """The same within what the generator takes."""
        changed = {name: float(np.clip(getattr(self, name), *ends)) for name, ends in _LIMITS.items()}
        strengths = {
            name: max(0.0, getattr(self, name)) for name in ("noise", "rings", "texture", "porous_texture", "drift")
        }
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
    levels = _Levels.of(likeness, phases, notes)
    void = known("void_fraction", 0.0, "the share of cracks and voids")
    is_crack_phase = bool(phases.with_role("crack"))
    inside = 0.0 if is_crack_phase else void * (1 - levels.rest) / max(1 - void, 0.5)
    d50 = known("d50", default_d50, "D50") / (_DISC_OF_BALL if is_section else 1.0)
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
        texture=(likeness.value("texture", active_name) or 0.0) / _TEXTURE_SEEN,
        texture_length=_LATTICE_EDGE * (likeness.value("texture_length", active_name) or FARTHEST_LAG),
        porous_texture=levels.porous_texture / _TEXTURE_SEEN,
        porous_length=_LATTICE_EDGE * (levels.porous_length or FARTHEST_LAG),
        drift=likeness.value("drift") or 0.0,
    )
    return FirstSettings(settings.limited(), tuple(notes))


@dataclass(frozen=True)
class FirstSettings:
    """Settings, and what had to be assumed."""

    settings: TwinSettings
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Levels:
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
    def of(cls, likeness: Likeness, phases: PhaseTable, notes: list[str]) -> _Levels:
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
    def _of_mixture(cls, likeness: Likeness, name: str, active: float, notes: list[str]) -> _Levels:
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
            f"two classes do not tell pore from binder: binder takes {_BINDER_SHARE:.0%} of their mixture, with grey "
            "levels and a texture that give the mixture the variation that was measured"
        )
        low, high = _split_levels(middle, texture, active)
        share, length = _BINDER_SHARE, likeness.value("texture_length", name)
        return cls(fraction * (1 - share), fraction * share, fraction, low, high, active, texture, length)


def _split_levels(middle: float, texture: float, active: float) -> tuple[float, float]:
    """Grey levels of pore and binder with a mean and, together with the texture, a standard deviation."""
    share = _BINDER_SHARE
    contrast = texture * np.sqrt(_CONTRAST_SHARE / (share * (1 - share)))
    # pore + highest · (active − pore) is the binder's limit, and pore is middle − share · contrast.
    limit = _HIGHEST_BINDER * abs(active - middle) / (1 - share * _HIGHEST_BINDER)
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


def _noise_length(likeness: Likeness, notes: list[str]) -> float:
    """Mean of the lengths along the axes of the plane."""
    lengths = [likeness.value(f"noise_length_{axis}") for axis in "yx"]
    known = [value for value in lengths if value is not None]
    if not known:
        notes.append("the correlation of the noise could not be measured; the default 1 voxel is used")
        return 1.0
    return float(np.mean(known))


def correct_settings(
    settings: TwinSettings, source: Likeness, twin: Likeness, phases: PhaseTable, *, sizes: bool
) -> TwinSettings:
    """The settings again, changed by what the twin that they gave misses.

    Parameters
    ----------
    settings : that gave the twin
    source, twin : statistics of both
    phases : the phase table of both
    sizes : whether the windows are equal, so that sizes and fractions may be compared

    Notes
    -----
    Levels and fractions move by the difference, strengths and lengths by the ratio (at most twofold), the blur by the
    difference of the squares.
    """
    active = phases.with_role("active")[0].name
    mixture = phases.with_role("pore+binder")
    pores, binders = phases.with_role("pore"), phases.with_role("binder", "carbon")

    def moved(value: float, name: str, phase: str = "") -> float:
        a, b = source.value(name, phase), twin.value(name, phase)
        return value if a is None or b is None else value + a - b

    def scaled(value: float, name: str, phase: str = "") -> float:
        a, b = source.value(name, phase), twin.value(name, phase)
        if a is None or b is None or value <= 0:
            return value
        if a <= 0:
            return 0.0
        return value * float(np.clip(a / b if b > 0 else _STRONGEST, 1 / _STRONGEST, _STRONGEST))

    porous = (*mixture, *binders)[0].name if mixture or binders else ""
    changes: dict[str, float] = {
        "active": moved(settings.active, "grey_level", active),
        "noise": scaled(settings.noise, "noise"),
        "rings": scaled(settings.rings, "rings"),
        "texture": scaled(settings.texture, "texture", active),
        "texture_length": scaled(settings.texture_length, "texture_length", active),
        "porous_texture": scaled(settings.porous_texture, "texture", porous),
        "porous_length": scaled(settings.porous_length, "texture_length", porous),
        "noise_length": _corrected_length(settings.noise_length, source, twin),
        "blur": _corrected_blur(settings.blur, source, twin),
        "drift": scaled(settings.drift, "drift"),
    }
    if mixture:
        changes |= _corrected_mixture(settings, source, twin, mixture[0].name, changes["active"], scaled)
    else:
        changes["pore"] = moved(settings.pore, "grey_level", pores[0].name)
        if binders:
            changes["binder_level"] = moved(settings.binder_level, "grey_level", binders[0].name)
    if sizes:
        changes |= _corrected_structure(settings, moved, scaled, [p.name for p in (*mixture, *pores)], binders)
    return replace(settings, **changes).limited()


def _corrected_mixture(
    settings: TwinSettings,
    source: Likeness,
    twin: Likeness,
    name: str,
    active: float,
    scaled: Callable[..., float],
) -> dict[str, float]:
    """Grey levels of pore and binder that were not told apart: their mean moves, their distance scales."""
    share = _BINDER_SHARE if settings.binder > 0 else 0.0
    contrast = settings.binder_level - settings.pore
    a, b = source.value("grey_level", name), twin.value("grey_level", name)
    middle = settings.pore + share * contrast + (0.0 if a is None or b is None else a - b)
    wider = scaled(abs(contrast), "texture", name) * float(np.sign(contrast))
    limit = _HIGHEST_BINDER * abs(active - middle) / (1 - share * _HIGHEST_BINDER)
    contrast = float(np.clip(wider, -limit, limit))
    return {"pore": middle - share * contrast, "binder_level": middle + (1 - share) * contrast}


def _corrected_structure(
    settings: TwinSettings,
    moved: Callable[..., float],
    scaled: Callable[..., float],
    rest: list[str],
    binders: tuple[Any, ...],
) -> dict[str, float]:
    """Fractions, sizes and shapes."""
    target = moved(settings.porosity + settings.binder, "volume_fraction", rest[0]) - settings.binder
    changes = {
        "porosity": target,
        "d50": scaled(settings.d50, "d50"),
        "spread": scaled(settings.spread, "size_spread"),
        "elongation": settings.elongation * (scaled(1.0, "elongation")) ** 2,
        "cracked": scaled(settings.cracked, "void_fraction"),
    }
    if settings.binder > 0 and not binders:  # a mixture keeps its proportion
        share = settings.binder / (settings.porosity + settings.binder)
        total = target + settings.binder
        changes |= {"porosity": total * (1 - share), "binder": total * share}
    elif binders:
        changes["binder"] = moved(settings.binder, "volume_fraction", binders[0].name)
    return changes


def _corrected_length(value: float, source: Likeness, twin: Likeness) -> float:
    """Mean of the differences along the axes of the plane."""
    pairs = [(source.value(f"noise_length_{axis}"), twin.value(f"noise_length_{axis}")) for axis in "yx"]
    steps = [a - b for a, b in pairs if a is not None and b is not None]
    return value + float(np.mean(steps)) if steps else value


def _corrected_blur(value: float, source: Likeness, twin: Likeness) -> float:
    """Gaussians add by their squares."""
    a, b = source.value("blur"), twin.value("blur")
    return value if a is None or b is None else float(np.sqrt(max(value**2 + a**2 - b**2, 0.0)))
