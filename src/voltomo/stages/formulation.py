"""The recipe of a coating as a user writes it, for the check of its phase fractions."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from voltomo.errors import RecipeError
from voltomo.metrics.recipe_check import Component, Formulation
from voltomo.stages.recipe import load_yaml, validate_config
from voltomo.units import parse_areal_mass, parse_density, parse_length

__all__ = ["ComponentRow", "FormulationConfig", "read_formulation"]


class ComponentRow(BaseModel):
    """One dry component.

    Parameters
    ----------
    name : such as "PVDF"
    role : of the phase that shows it; carbon and binder share a phase where the map has but one
    mass_fraction : of the dry coating
    density : of the solid, such as "1.78 g/cm3"
    internal_porosity : share of pores too fine to be seen in what the map shows as this component
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: Literal["active", "binder", "carbon", "product", "other"]
    mass_fraction: float = Field(ge=0, le=1)
    density: str
    internal_porosity: float = Field(default=0.0, ge=0, lt=1)


class FormulationConfig(BaseModel):
    """The recipe of a coating: what was weighed and measured.

    Parameters
    ----------
    components : all of its dry mass
    areal_mass : of one coating without the collector, such as "20 mg/cm2"
    thickness : of the coating without the collector, such as "75 um"
    areal_mass_uncertainty, thickness_uncertainty : standard uncertainties, with their unit; unknown where absent
    density_uncertainty : relative standard uncertainty of each density, such as 0.02; unknown where absent
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    components: tuple[ComponentRow, ...] = Field(min_length=1)
    areal_mass: str
    thickness: str
    areal_mass_uncertainty: str | None = None
    thickness_uncertainty: str | None = None
    density_uncertainty: float | None = Field(default=None, gt=0, lt=1)

    @model_validator(mode="after")
    def _is_possible(self) -> FormulationConfig:
        _ = self.formulation
        return self

    @property
    def formulation(self) -> Formulation:
        """The same in SI units."""
        mass, length = self.areal_mass_uncertainty, self.thickness_uncertainty
        return Formulation(
            tuple(
                Component(row.name, row.role, row.mass_fraction, parse_density(row.density), row.internal_porosity)
                for row in self.components
            ),
            areal_mass=parse_areal_mass(self.areal_mass),
            thickness=parse_length(self.thickness),
            areal_mass_uncertainty=None if mass is None else parse_areal_mass(mass),
            thickness_uncertainty=None if length is None else parse_length(length),
            density_uncertainty=self.density_uncertainty,
        )


def read_formulation(path: Path) -> FormulationConfig:
    """Read the recipe of a coating from a YAML file with the key ``formulation``.

    Raises
    ------
    InputNotFoundError, RecipeError
        If there is no such file, or it does not hold a formulation.
    """
    content, _ = load_yaml(path)
    held = content.get("formulation")
    if set(content) != {"formulation"} or not isinstance(held, dict):
        raise RecipeError(f"{path}: expected one key `formulation:` with components, areal_mass and thickness")
    return validate_config(FormulationConfig, held, source=str(path))
