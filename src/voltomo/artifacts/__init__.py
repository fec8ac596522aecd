"""Typed values that stand between two stages; no input or output in them."""

from voltomo.artifacts.annotations import UNLABELLED, Annotations
from voltomo.artifacts.instances import CRACK, LENGTH_POWERS, NOT_PARTICLE, SOLID, CrackMap, InstanceMap, ParticleTable
from voltomo.artifacts.measurements import (
    COLUMNS,
    Measurement,
    Measurements,
    SensitivityBand,
    Status,
    UncertaintyPart,
)
from voltomo.artifacts.model import Model, Weights
from voltomo.artifacts.phases import (
    OUTSIDE,
    PALETTE,
    ROLES,
    CodedPhases,
    Phase,
    PhaseMap,
    PhaseTable,
    Role,
    role_of_name,
)
from voltomo.artifacts.projections import BeamGeometry, ProjectionStack
from voltomo.artifacts.slices import SliceStack
from voltomo.artifacts.volume import ArrayLike, Channel, ThroughPlane, Volume, as_zyx

__all__ = [
    "COLUMNS",
    "CRACK",
    "LENGTH_POWERS",
    "NOT_PARTICLE",
    "OUTSIDE",
    "PALETTE",
    "ROLES",
    "SOLID",
    "UNLABELLED",
    "Annotations",
    "ArrayLike",
    "BeamGeometry",
    "Channel",
    "CodedPhases",
    "CrackMap",
    "InstanceMap",
    "Measurement",
    "Measurements",
    "Model",
    "ParticleTable",
    "Phase",
    "PhaseMap",
    "PhaseTable",
    "ProjectionStack",
    "Role",
    "SensitivityBand",
    "SliceStack",
    "Status",
    "ThroughPlane",
    "UncertaintyPart",
    "Volume",
    "Weights",
    "as_zyx",
    "role_of_name",
]
