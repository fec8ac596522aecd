"""One comparison as text: both numbers, their difference, and what may be said of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from voltomo.metrics.comparison import Contrast
from voltomo.report.comparison_content import ComparedPair, ComparisonContent
from voltomo.report.wording import friendly_name, group_of, number_text, scaled_unit, signed_text

__all__ = ["ContrastGroup", "ContrastRow", "contrast_groups", "contrast_label", "finding"]

_NAMES = {
    "equivalent_diameter_by_particle": "Equivalent diameter, particle by particle",
    "sphericity_by_particle": "Sphericity, particle by particle",
    "circularity_by_particle": "Circularity, particle by particle",
    "aspect_ratio_by_particle": "Aspect ratio, particle by particle",
    "void_fraction_by_particle": "Cracks and voids, share of the envelope, particle by particle",
    "flawed_share": "Particles with cracks or voids",
}


@dataclass(frozen=True)
class ContrastRow:
    """One line of the table, as text.

    Parameters
    ----------
    name, what : quantity; phase, statistic and axis
    first, second, unit : both numbers, in one unit
    difference, interval : second - first
    effect : Cliff's delta with its interval, or the relative difference
    p : after the correction
    verdict, reason, definition, test : in words
    """

    name: str
    what: str
    first: str
    second: str
    unit: str
    difference: str
    interval: str
    effect: str
    p: str
    verdict: str
    reason: str
    definition: str
    test: str


@dataclass(frozen=True)
class ContrastGroup:
    """Rows that are read together."""

    heading: str
    rows: tuple[ContrastRow, ...]


def contrast_groups(content: ComparisonContent, pair: ComparedPair, *, tested: bool) -> tuple[ContrastGroup, ...]:
    """The rows of one study against the first, in page order: those that were tested, or the others."""
    groups: dict[tuple[int, str], list[ContrastRow]] = {}
    for contrast in pair.contrasts:
        if (contrast.effect is not None) == tested:
            groups.setdefault(_group(contrast.name), []).append(_row(content, contrast))
    return tuple(ContrastGroup(heading, tuple(groups[(order, heading)])) for order, heading in sorted(groups))


def _group(name: str) -> tuple[int, str]:
    return group_of("crack" if name in ("flawed_share", "void_fraction_by_particle") else name)


def contrast_label(content: ComparisonContent, contrast: Contrast) -> str:
    """Name and details in one line."""
    what = _what(content, contrast)
    return f"{_name(contrast)}, {what}" if what else _name(contrast)


def finding(content: ComparisonContent, contrast: Contrast) -> str:
    """A difference that holds, as a sentence without its full stop."""
    assert contrast.effect is not None
    row = _row(content, contrast)
    unit = f" {row.unit}" if row.unit else ""
    said = f"{contrast_label(content, contrast)}: {contrast.verdict}, {row.first} → {row.second}{unit}"
    return f"{said} ({row.effect})"


def _name(contrast: Contrast) -> str:
    return _NAMES.get(contrast.name) or friendly_name(contrast.name, dimension=contrast.dimension)


def _what(content: ComparisonContent, contrast: Contrast) -> str:
    phases = f"{contrast.phase} | {contrast.phase_2}" if contrast.phase_2 else contrast.phase
    axis = f"along {content.studies[0].content.axis_label(contrast.axis)}" if contrast.axis else ""
    statistic = "" if contrast.name in _NAMES else contrast.statistic
    return ", ".join(word for word in (phases, statistic, axis) if word)


def _row(content: ComparisonContent, contrast: Contrast) -> ContrastRow:
    known = [reading.value for reading in (contrast.first, contrast.second) if reading.value is not None]
    scale, unit = scaled_unit(max(known, key=abs, default=None), contrast.unit)

    def text(value: float | None, digits: int = 4) -> str:
        return "–" if value is None else number_text(value / scale, digits=digits)

    effect, difference, interval, p = contrast.effect, "", "", ""
    if effect is not None:
        difference = signed_text(effect.difference / scale, digits=3)
        interval = f"{signed_text(effect.low / scale, digits=3)} to {signed_text(effect.high / scale, digits=3)}"
        p = _p_text(contrast.p_adjusted)
    return ContrastRow(
        name=_name(contrast),
        what=_what(content, contrast),
        first=text(contrast.first.value),
        second=text(contrast.second.value),
        unit=unit,
        difference=difference,
        interval=interval,
        effect=_effect_text(contrast),
        p=p,
        verdict=contrast.verdict,
        reason=contrast.reason,
        definition=_sentences((contrast.definition, f"Method: {contrast.method}" if contrast.method else "")),
        test=effect.test if effect is not None else "",
    )


def _sentences(parts: Iterable[str]) -> str:
    return " ".join(part.rstrip(". ") + "." for part in parts if part)


def _effect_text(contrast: Contrast) -> str:
    effect = contrast.effect
    if effect is None:
        return ""
    if effect.delta is not None and effect.delta_low is not None and effect.delta_high is not None:
        low, high = (signed_text(bound, digits=2) for bound in (effect.delta_low, effect.delta_high))
        return f"δ = {signed_text(effect.delta, digits=2)}, {low} to {high}"
    return f"{signed_text(100 * contrast.relative[0], digits=2)} %" if contrast.relative is not None else ""


def _p_text(p: float | None) -> str:
    if p is None:
        return ""
    if p < 1e-4:
        return "< 0.0001"
    return number_text(p, digits=2)
