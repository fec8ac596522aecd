"""The settings of a twin, changed by what the twin that they gave misses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from voltomo.artifacts import PhaseTable
from voltomo.synthesis.likeness.levels import BINDER_SHARE, HIGHEST_BINDER
from voltomo.synthesis.likeness.settings import TwinSettings
from voltomo.synthesis.likeness.statistic import Likeness

__all__ = ["correct_settings"]

_STRONGEST = 2.0
"""One round of correction changes a strength by this factor at most: a small statistic is a noisy one."""

_SQUARE_PER_ROUNDNESS = 1.4
"""Square of the roughness, in radii, that takes 1 from the roundness: sections of synthetic particles with roughness 0,
0.1, 0.2 and 0.3 have 0.91, 0.90, 0.88 and 0.84."""


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
        "particle_spread": scaled(settings.particle_spread, "particle_spread"),
        "texture": scaled(settings.texture, "texture", active),
        "texture_length": scaled(settings.texture_length, "texture_length", active),
        "porous_texture": scaled(settings.porous_texture, "texture", porous),
        "porous_length": scaled(settings.porous_length, "texture_length", porous),
        "noise_length": _corrected_length(settings.noise_length, source, twin),
        "blur": _corrected_blur(settings.blur, source, twin),
        "drift": settings.drift if settings.drift_width > 0 else scaled(settings.drift, "drift"),
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
    share = BINDER_SHARE if settings.binder > 0 else 0.0
    contrast = settings.binder_level - settings.pore
    a, b = source.value("grey_level", name), twin.value("grey_level", name)
    middle = settings.pore + share * contrast + (0.0 if a is None or b is None else a - b)
    wider = scaled(abs(contrast), "texture", name) * float(np.sign(contrast))
    limit = HIGHEST_BINDER * abs(active - middle) / (1 - share * HIGHEST_BINDER)
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
        "roughness": _corrected_roughness(settings.roughness, moved(0.0, "roundness")),
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


def _corrected_roughness(value: float, rounder: float) -> float:
    """Rougher where the source is less round.

    A wave of amplitude a and wave number k makes a circle longer by a²k²/4: roundness falls with the square.
    """
    return float(np.sqrt(max(value**2 - _SQUARE_PER_ROUNDNESS * rounder, 0.0)))
