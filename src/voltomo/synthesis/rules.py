"""How each family fills the space between its particles: the rules in words, before their thresholds are known."""

from __future__ import annotations

from dataclasses import dataclass, replace

from voltomo.synthesis.families import BINDER, CARBON, PORE, PRODUCT, SEPARATOR, SULFUR
from voltomo.synthesis.request import StructureRequest
from voltomo.synthesis.structure import FIBER, NETWORK, SHEET

__all__ = ["Rule", "rules_of"]


@dataclass(frozen=True)
class Rule:
    """One rule in words of `Layers`; lengths in m. `share` is the part of the phase's fraction that it makes."""

    phase: int
    share: float = 1.0
    first: float = 0.0
    second: float = 0.0
    field: float = 0.0
    form: int = NETWORK
    field_seed: int = 0
    field_length: tuple[float, float, float] = (1.0, 1.0, 1.0)
    rough: float = 0.0
    rough_length: float = 1.0


def rules_of(request: StructureRequest) -> tuple[Rule, ...]:
    """The rules of a family, in the order in which they take space."""
    makers = {
        "assb": _solid_state_pores,
        "li-s": _sulfur_host,
        "li-air": _air_electrode,
        "separator": _wet_separator if request.process == "wet" else _drawn_separator,
    }
    return makers.get(request.family, _binder)(request)


def _binder(request: StructureRequest) -> tuple[Rule, ...]:
    """Bridges in the necks between particles, patchy films on them, and webs that span pores."""
    d50, (bridge, film, web) = request.d50, request.binder_rules
    return (
        Rule(BINDER, bridge, first=1, second=1, rough=0.15 * d50, rough_length=0.25 * d50),
        Rule(BINDER, film, first=1, field=0.06 * d50, field_seed=1, field_length=_cube(0.5 * d50)),
        Rule(
            BINDER,
            web,
            first=0.1,
            second=0.1,
            field=0.1 * d50,
            form=SHEET,
            field_seed=2,
            field_length=_cube(0.35 * d50),
            rough=0.06 * d50,
            rough_length=0.1 * d50,
        ),
    )


def _solid_state_pores(request: StructureRequest) -> tuple[Rule, ...]:
    """Gaps along particles where the electrolyte lost contact, gaps between its grains, and voids."""
    d50 = request.d50
    return (
        Rule(PORE, 0.4, first=1, field=0.06 * d50, field_seed=1, field_length=_cube(0.4 * d50)),
        Rule(PORE, 0.2, field=d50, form=SHEET, field_seed=2, field_length=_cube(0.4 * d50), rough=0.1 * d50,
             rough_length=0.15 * d50),
        Rule(PORE, 0.4, first=-0.5, field=0.25 * d50, field_seed=3, field_length=_cube(0.25 * d50)),
    )  # fmt: skip


def _sulfur_host(request: StructureRequest) -> tuple[Rule, ...]:
    """Wide pores between lumps of host, narrow ones within; sulfur and Li2S line the carbon of the narrow ones."""
    wide, narrow = request.feature, 0.35 * request.feature
    lumps = _network(PORE, wide, seed=1, rough=0.15)
    host = _network(CARBON, narrow, seed=2)
    lining = _network(PRODUCT, narrow, seed=2, rough=0.25)
    return replace(lumps, share=0.5), host, replace(lining, phase=SULFUR), lining


def _air_electrode(request: StructureRequest) -> tuple[Rule, ...]:
    """A carbon network, with the film of the product on it that its discs have left to make."""
    return _network(CARBON, request.feature, seed=1, rough=0.15), _network(PRODUCT, request.feature, seed=1, rough=0.2)


def _drawn_separator(request: StructureRequest) -> tuple[Rule, ...]:
    """Stacks of lamellae across the drawing direction x, and fibrils along x between them: slits are left over."""
    length = request.feature
    lamellae, fibrils = _network(SEPARATOR, length, seed=1), _network(SEPARATOR, length, seed=2)
    return (
        replace(lamellae, share=0.55, field_length=(2 * length, 2 * length, 0.7 * length)),
        replace(fibrils, share=0.45, form=FIBER, field_length=(0.6 * length, 0.6 * length, 5 * length)),
    )


def _wet_separator(request: StructureRequest) -> tuple[Rule, ...]:
    """A felt of thick and thin fibers that lie mostly in the plane."""
    length = request.feature
    thick, thin = _network(SEPARATOR, length, seed=1), _network(SEPARATOR, length, seed=2)
    return (
        replace(thick, share=0.6, form=FIBER, field_length=(1.2 * length, 2 * length, 2 * length)),
        replace(thin, share=0.4, form=FIBER, field_length=(0.6 * length, length, length)),
    )


def _network(phase: int, length: float, *, seed: int, rough: float = 0.0) -> Rule:
    """A phase where a random field of a correlation length is low; `rough` is relative to the length."""
    return Rule(
        phase,
        field=length,
        field_seed=seed,
        field_length=_cube(length),
        rough=rough * length,
        rough_length=max(2 * rough, 0.2) * length,
    )


def _cube(length: float) -> tuple[float, float, float]:
    return length, length, length
