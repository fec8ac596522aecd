"""What the recipe of an electrode says about its phase fractions, and how far the map is from it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from voltomo.artifacts import Measurement, PhaseTable, Status, UncertaintyPart
from voltomo.errors import InputError
from voltomo.metrics.results import measured
from voltomo.metrics.sample import Sample
from voltomo.metrics.uncertainty import combined

__all__ = ["Component", "Formulation", "Share", "check_recipe", "expected_fractions"]

_VOID = "void"
_VOID_ROLES = ("pore", "crack", "electrolyte")
_COVERAGE = 2  # 95 % of a normal distribution: JCGM 100:2008 (GUM), 6.3.3
_SUM_TOLERANCE = 0.005  # mass fractions are stated to a percent or a tenth of it


@dataclass(frozen=True)
class Component:
    """One dry component of the coating.

    Parameters
    ----------
    name : such as "PVDF"
    role : of the phase that shows it: "active", "binder", "carbon", "product" or "other"
    mass_fraction : of the dry coating
    density : of the solid, kg/m³
    internal_porosity : share of void too fine to be seen in what the map shows as this component, such as the pores of
        a carbon-binder domain
    """

    name: str
    role: str
    mass_fraction: float
    density: float
    internal_porosity: float = 0.0


@dataclass(frozen=True)
class Formulation:
    """The recipe of a coating.

    Parameters
    ----------
    components : all of its dry mass
    areal_mass : dry mass of the coating per area, without the collector, kg/m²
    thickness : of the coating, without the collector, m
    areal_mass_uncertainty, thickness_uncertainty : standard uncertainties in the same units; None if not known
    density_uncertainty : relative standard uncertainty of each density; None if not known

    Raises
    ------
    InputError
        If the mass fractions do not sum to 1, or a number is impossible.
    """

    components: tuple[Component, ...]
    areal_mass: float
    thickness: float
    areal_mass_uncertainty: float | None = None
    thickness_uncertainty: float | None = None
    density_uncertainty: float | None = None

    def __post_init__(self) -> None:
        total = sum(part.mass_fraction for part in self.components)
        if abs(total - 1) > _SUM_TOLERANCE:
            raise InputError(f"the mass fractions of the formulation sum to {total:.4g}, expected 1")
        for part in self.components:
            if part.mass_fraction < 0 or part.density <= 0 or not 0 <= part.internal_porosity < 1:
                raise InputError(
                    f"component {part.name}: expected a mass fraction of at least 0, a density above 0 and an internal "
                    f"porosity from 0 to 1, found {part.mass_fraction}, {part.density} and {part.internal_porosity}"
                )
        if min(self.areal_mass, self.thickness) <= 0:
            raise InputError("the areal mass and the thickness of a coating are above 0")

    @property
    def common(self) -> tuple[float, ...]:
        """Relative standard uncertainties that all fractions share, as far as they are known."""
        known = ((self.areal_mass_uncertainty, self.areal_mass), (self.thickness_uncertainty, self.thickness))
        return tuple(u / value for u, value in known if u is not None)


@dataclass(frozen=True)
class Share:
    """An expected share of the coating's volume.

    Parameters
    ----------
    value : dimensionless
    uncertainty : standard; None if nothing about it is known
    """

    value: float
    uncertainty: float | None


def expected_fractions(formulation: Formulation) -> dict[str, Share]:
    """Share of the coating's volume that each role fills, and under "void" what is left.

    A component of mass fraction w and density ρ fills w·m/(ρ·L) of a coating of areal mass m and thickness L, and
    1/(1-p) times that where it is drawn with pores of its own of porosity p.

    Parameters
    ----------
    formulation : as weighed and measured

    Returns
    -------
    dict of role to Share
        Uncertainties are propagated to first order: those of m and L are shared by all components, those of the
        densities are independent.

    Raises
    ------
    InputError
        If the components fill more than the coating.

    Examples
    --------
    >>> half = Formulation((Component("NMC", "active", 1.0, 4700.0),), areal_mass=0.1175, thickness=50e-6)
    >>> {role: round(share.value, 6) for role, share in expected_fractions(half).items()}
    {'active': 0.5, 'void': 0.5}
    """
    void = _share((_VOID,), formulation)
    if void.value < 0:
        raise InputError(
            f"the components of the formulation fill {100 * (1 - void.value):.4g} % of the coating; are the areal mass "
            "(of one side, without collector), the thickness and the densities right?"
        )
    roles = dict.fromkeys(part.role for part in formulation.components)
    return {**{role: _share((role,), formulation) for role in roles}, _VOID: void}


def _share(roles: Sequence[str], formulation: Formulation) -> Share:
    """Share of several roles together; with void among them, what the components of the other roles leave."""
    is_rest = _VOID in roles
    counted = [part for part in formulation.components if (part.role in roles) != is_rest]
    fills = [_filled(part, formulation) for part in counted]
    total = sum(fills)
    spreads = [total * u for u in formulation.common]
    if formulation.density_uncertainty is not None:
        spreads += [fill * formulation.density_uncertainty for fill in fills]
    return Share(1 - total if is_rest else total, math.hypot(*spreads) if spreads else None)


def _filled(part: Component, formulation: Formulation) -> float:
    solid = part.mass_fraction * formulation.areal_mass / (part.density * formulation.thickness)
    return solid / (1 - part.internal_porosity)


def check_recipe(fractions: Sequence[Measurement], formulation: Formulation, sample: Sample) -> tuple[Measurement, ...]:
    """Expected fraction and residual (measured - expected) of every phase that the recipe speaks of.

    Parameters
    ----------
    fractions : the rows ``volume_fraction`` (``area_fraction`` of a section) of every phase
    formulation : the recipe
    sample : of which the fractions are

    Returns
    -------
    tuple of Measurement
        `expected_fraction` and `formulation_residual`; the residual is warned where it exceeds its interval, or where
        none is known.

    Raises
    ------
    InputError
        If no phase of the map can show a component, or the map holds collector.
    """
    return tuple(_rows(fractions, formulation, sample))


def _rows(fractions: Sequence[Measurement], formulation: Formulation, sample: Sample) -> Iterator[Measurement]:
    roles = tuple(expected_fractions(formulation))
    values = {item.phase: item for item in fractions}
    for phases, shown in _groups(sample.phases, roles).items():
        label = "+".join(phases)
        share = _share(shown, formulation)
        note = (
            "from those of areal mass, thickness and densities, as far as given" if share.uncertainty else "not given"
        )
        part = UncertaintyPart("formulation", share.uncertainty, note=note)
        names = ", ".join(part.name for part in formulation.components if part.role in shown)
        method = "what the other components leave of the coating" if _VOID in shown else f"mass balance of {names}"
        yield measured(sample, "expected_fraction", share.value, "1", phase=label, method=method, parts=(part,))
        yield _residual(sample, label, [values[phase] for phase in phases], share.value, part)


def _residual(
    sample: Sample, label: str, rows: Sequence[Measurement], expected: float, formulation: UncertaintyPart
) -> Measurement:
    residual = sum(row.value or 0.0 for row in rows) - expected
    parts = (*_merged(rows), formulation)
    spread = combined(parts)
    status: Status = "ok"
    reason = ""
    if spread is None:
        status, reason = "warned", "no uncertainty of the map or of the formulation is known to judge it by"
    elif abs(residual) > _COVERAGE * spread:
        status = "warned"
        reason = (
            f"map and recipe differ by {abs(residual):.3f}, more than what is known of their uncertainty explains "
            f"({_COVERAGE * spread:.3f}): is the segmentation, the recipe or the region off, or are pores too fine "
            "to be seen?"
        )
    return measured(
        sample,
        "formulation_residual",
        residual,
        "1",
        phase=label,
        method="map - recipe",
        parts=parts,
        status=status,
        reason=reason,
    )


def _merged(rows: Sequence[Measurement]) -> Iterator[UncertaintyPart]:
    """The estimated parts of several fractions, each name once."""
    known: dict[str, list[float]] = {}
    for row in rows:
        for part in row.parts:
            if part.standard_uncertainty is not None:
                known.setdefault(part.name, []).append(part.standard_uncertainty)
    for name, spreads in known.items():
        yield UncertaintyPart(name, math.hypot(*spreads), note="of the fraction in the map")


def _groups(table: PhaseTable, roles: Sequence[str]) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Which phases of the map show which roles of the recipe."""
    if table.with_role("collector"):
        raise InputError("the recipe is that of the coating, and the map holds collector: crop it, or mask it")
    mixture = tuple(phase.name for phase in table.with_role("pore+binder"))
    void = tuple(phase.name for phase in table.with_role(*_VOID_ROLES))
    binder = tuple(phase.name for phase in table.with_role("binder"))
    shown = {
        _VOID: mixture + void if mixture else void,
        "binder": binder or (mixture + void if mixture else ()),
        "carbon": tuple(phase.name for phase in table.with_role("carbon"))
        or binder
        or (mixture + void if mixture else ()),
    }
    groups: dict[tuple[str, ...], tuple[str, ...]] = {}
    for role in roles:
        phases = shown.get(role) or tuple(phase.name for phase in table.with_role(role))
        if not phases:
            held = ", ".join(f"{phase.name} ({phase.role})" for phase in table)
            raise InputError(f"the recipe has {role}, and no phase of the map shows it; the map has {held}")
        groups[phases] = (*groups.get(phases, ()), role)
    return groups
