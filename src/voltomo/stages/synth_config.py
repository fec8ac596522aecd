"""What a synthetic electrode should be like: the settings of `synth`, and what they mean in metres."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from voltomo.errors import InputError
from voltomo.synthesis.families import (
    BINDER,
    ELECTROLYTE,
    PORE,
    PRODUCT,
    SILICON,
    SULFUR,
    Family,
    find_family,
)
from voltomo.synthesis.request import StructureRequest
from voltomo.units import VoxelSize, format_length, parse_length, parse_voxel_size

__all__ = ["SynthConfig"]


class SynthConfig(BaseModel):
    """What the electrode should be like.

    Fractions are of the electrode between collector and free surface, between 0 and 1. What is not given is the usual
    number of the family (`voltomo synth list` shows them).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shape: tuple[int, int, int] = Field(
        (192, 192, 192), description="voxels along z, y, x; one number for a cube; z = 1 is a section"
    )
    family: str = Field("nmc", description="kind of electrode; `voltomo synth list` shows them")
    voxel_size: str | None = Field(None, description='such as "64 nm" or "200,64,64 nm" (z, y, x)')
    porosity: float | None = Field(
        None, gt=0, lt=1, description="volume fraction of pore, without the cracks and voids inside particles"
    )
    binder: float | None = Field(None, ge=0, lt=1, description="volume fraction of binder, where the family has it")
    silicon: float | None = Field(None, ge=0, lt=1, description="volume fraction of silicon (si-graphite)")
    electrolyte: float | None = Field(None, gt=0, lt=1, description="volume fraction of solid electrolyte (assb)")
    product: float | None = Field(None, ge=0, lt=1, description="volume fraction of Li2S or Li2O2 (li-s, li-air)")
    sulfur: float | None = Field(None, ge=0, lt=1, description="volume fraction of sulfur (li-s)")
    charge: Literal["charged", "discharged"] = Field(
        "discharged", description="li-s: whether sulfur or Li2S is there where neither fraction is given"
    )
    process: Literal["dry", "wet"] = Field("dry", description="separator: drawn (slit pores) or wet (a felt)")
    binder_rules: tuple[float, float, float] = Field(
        (0.5, 0.2, 0.3),
        description="shares of the binder that bridge particles, film them, and span pores as webs; add up to 1",
    )
    d50: str | None = Field(
        None,
        description="volume-weighted median particle diameter; if not given, the family's where it fits the window",
    )
    feature: str | None = Field(
        None,
        description="width of pores, lumps or fibrils (li-s, li-air, separator); if not given, the family's where it "
        "fits the window",
    )
    spread: float | None = Field(
        None, ge=1, le=2.5, description="geometric standard deviation of the diameters; 1 for equal particles"
    )
    elongation: float | None = Field(
        None, ge=1, le=2, description="largest ratio of a particle's longest to its shortest axis; 1 for spheres"
    )
    flatness: float | None = Field(None, ge=1, le=5, description="ratio of a particle's width to its thickness")
    alignment: float = Field(
        0.7, ge=0, le=1, description="of flat particles: 0 lie at random, 1 all along the collector"
    )
    calendering: float = Field(
        0,
        ge=0,
        le=1,
        description="0 for none; 1 turns flat particles along the collector and makes the solid some 10 % denser "
        "at the free surface than in the middle",
    )
    roughness: float | None = Field(
        None, ge=0, le=0.3, description="how far surfaces move in and out, in radii; 0 for ellipsoids"
    )
    cracked: float | None = Field(None, ge=0, le=1, description="share of the particles with cracks")
    crack_width: str | None = Field(
        None, description="opening of the cracks; D50/12 where it is not given, between one voxel and three"
    )
    crack_type: Literal["mixed", "intergranular", "meridional", "radial", "core", "fragmented"] = Field(
        "mixed", description="type of the cracks; mixed draws one for each particle"
    )
    crack_spread: float = Field(
        1.2, ge=1, le=2, description="geometric standard deviation of the openings of cracks; 1 for equal ones"
    )
    open_cracks: float = Field(
        0.35, ge=0, le=1, description="chance that a crack opens to the pores, of the types that can be open or closed"
    )
    hollow: float | None = Field(None, ge=0, le=1, description="share of the particles with a closed void")
    void_diameter: str | None = Field(None, description="diameter of the voids; D50/6 where it is not given")
    pores: float = Field(0, ge=0, le=0.25, description="volume fraction of small closed pores in every particle")
    pore_diameter: str | None = Field(
        None, description="diameter of the largest of them; D50/20 or two voxels where it is not given"
    )
    grain_size: str | None = Field(
        None,
        description="size of the grains in particles, 0 um for none; the family's where it is not given, but at least "
        "2.5 times the opening of the cracks and at most D50/5",
    )
    collector: str = Field("0 um", description="thickness of current collector at the low end of z")
    free_surface: str = Field("0 um", description="empty space beyond the electrode at the high end of z")
    field_of_view: Literal["box", "cylinder"] = Field("box", description="cylinder: inscribed along z, nothing outside")
    transport: bool = Field(
        False,
        description="whether the truth holds tortuosity factors, solved on the voxels and on a grid twice as fine: "
        "seconds for 96 voxels cubed, minutes for 256",
    )
    seed: int = Field(0, ge=0, lt=2**31)

    @field_validator("shape", mode="before")
    @classmethod
    def _cube(cls, shape: object) -> object:
        return (shape, shape, shape) if isinstance(shape, int) else shape

    @field_validator("shape")
    @classmethod
    def _not_empty(cls, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        if min(shape) < 1 or min(shape[1:]) < 8:
            raise ValueError(f"a window of {shape} voxels is too small; y and x need at least 8")
        return shape

    @field_validator("family")
    @classmethod
    def _known_family(cls, name: str) -> str:
        try:
            return find_family(name).name
        except InputError as error:
            raise ValueError(str(error)) from error

    @field_validator("voxel_size")
    @classmethod
    def _known_voxel_size(cls, text: str | None) -> str | None:
        if text is not None and parse_voxel_size(text) is None:
            raise ValueError("a synthetic electrode has a voxel size; give one such as 64 nm")
        return text

    @field_validator("d50", "feature", "crack_width", "void_diameter", "pore_diameter")
    @classmethod
    def _positive_length(cls, text: str | None) -> str | None:
        if text is not None and parse_length(text) <= 0:
            raise ValueError(f"expected a positive length, found {text!r}")
        return text

    @property
    def size(self) -> VoxelSize:
        """(dz, dy, dx) in m: the one given, or that of the family."""
        given = None if self.voxel_size is None else parse_voxel_size(self.voxel_size)
        return given or (find_family(self.family).voxel_size,) * 3

    def request(self) -> StructureRequest:
        """The structure that is asked for, in metres.

        Raises
        ------
        InputError
            If a fraction of a phase is given that the family does not have.
        """
        family, voxel_size = find_family(self.family), self.size
        voxel = max(voxel_size)
        d50, feature = self._lengths(family)
        crack = min(max(d50 / 12, voxel), 3 * voxel) if self.crack_width is None else parse_length(self.crack_width)
        return StructureRequest(
            family=family.name,
            shape=self.shape,
            voxel_size=voxel_size,
            fractions=self._fractions(family),
            d50=d50,
            spread=_given(self.spread, family.spread),
            elongation=_given(self.elongation, family.elongation),
            flatness=_given(self.flatness, family.flatness),
            alignment=self.alignment,
            roughness=_given(self.roughness, family.roughness),
            cracked=_given(self.cracked, family.cracked),
            crack_width=crack,
            hollow=_given(self.hollow, family.hollow),
            void_diameter=d50 / 6 if self.void_diameter is None else parse_length(self.void_diameter),
            collector=parse_length(self.collector),
            free_surface=parse_length(self.free_surface),
            is_cylinder=self.field_of_view == "cylinder",
            calendering=self.calendering,
            binder_rules=self.binder_rules,
            feature=feature,
            process=self.process,
            crack_type=self.crack_type,
            crack_spread=self.crack_spread,
            open_cracks=self.open_cracks,
            pores=self.pores,
            pore_diameter=max(d50 / 20, 2 * voxel) if self.pore_diameter is None else parse_length(self.pore_diameter),
            grain_size=_usual_grain(family, d50, crack) if self.grain_size is None else parse_length(self.grain_size),
        )

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was chosen other than the family's usual numbers, and why."""
        family = find_family(self.family)
        found = []
        for given, usual, chosen, what in zip(
            (self.d50, self.feature),
            (family.d50, family.feature),
            self._lengths(family),
            ("D50", "feature size"),
            strict=True,
        ):
            if given is None and usual > 0 and chosen != usual:
                found.append(
                    f"the usual {what} of {family.name}, {format_length(usual)}, does not fit this window and voxel "
                    f"size; {format_length(chosen)} was taken"
                )
        return tuple(found)

    def _lengths(self, family: Family) -> tuple[float, float]:
        """D50 and feature size, m; 0 for what the family does not have."""
        height, *sides = (n * edge for n, edge in zip(self.shape, self.size, strict=True))
        outside = parse_length(self.collector) + parse_length(self.free_surface)
        # A thin window without collector or free surface is a slab of a thicker electrode.
        width, voxel = min(*sides, height - outside if outside > 0 else np.inf), max(self.size)
        found = []
        for given, usual, low, high in (
            (self.d50, family.d50, _USUAL_D50[0] * voxel, _USUAL_D50[1] * width),
            (self.feature, family.feature, _USUAL_FEATURE[0] * voxel, _USUAL_FEATURE[1] * width),
        ):
            fitting = max(low, min(usual, high)) if usual > 0 else 0.0
            found.append(fitting if given is None or usual == 0 else parse_length(given))
        return found[0], found[1]

    def _fractions(self, family: Family) -> dict[int, float]:
        given = {
            PORE: self.porosity,
            BINDER: self.binder,
            SILICON: self.silicon,
            ELECTROLYTE: self.electrolyte,
            PRODUCT: self.product,
            SULFUR: self.sulfur,
        }
        names = {
            PORE: "porosity",
            BINDER: "binder",
            SILICON: "silicon",
            ELECTROLYTE: "electrolyte",
            PRODUCT: "product",
            SULFUR: "sulfur",
        }
        foreign = [names[i] for i, value in given.items() if value is not None and i not in family.fractions]
        if foreign:
            raise InputError(
                f"{family.name} has no {' or '.join(foreign)}; its fractions are "
                + ", ".join(names[i] for i in family.fractions)
                + f", and {family.phases.by_id(family.rest).name} takes the rest"
            )
        usual = dict(family.fractions)
        if SULFUR in usual:
            deposit = usual[PRODUCT] + usual[SULFUR] if self.product is None and self.sulfur is None else 0.0
            is_charged = self.charge == "charged"
            usual |= {SULFUR: deposit if is_charged else 0.0, PRODUCT: 0.0 if is_charged else deposit}
        return {i: _given(given[i], share) for i, share in usual.items()}


def _given(value: float | None, usual: float) -> float:
    return usual if value is None else value


def _usual_grain(family: Family, d50: float, crack_width: float) -> float:
    """Grain size, m: the family's, or what lets cracks run between grains and shows some across a particle."""
    return min(max(family.grain_size, 2.5 * crack_width), 0.2 * d50) if family.grain_size > 0 else 0.0


_USUAL_D50 = (6, 0.28)
"""Limits of a D50 that was not given: in voxels, so that particles have a shape, and in widths of the window, so that
some fifty of them are in it."""
_USUAL_FEATURE = (6, 0.2)
"""The same for a feature size."""
