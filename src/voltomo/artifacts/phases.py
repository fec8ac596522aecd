"""Phases: which id means which material, and the map that carries the ids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias, cast, get_args

import numpy as np
import numpy.typing as npt

from voltomo.artifacts.volume import ArrayLike, Channel, ThroughPlane
from voltomo.errors import InputError, PhaseNotFoundError
from voltomo.units import VoxelSize

__all__ = ["OUTSIDE", "PALETTE", "ROLES", "CodedPhases", "Phase", "PhaseMap", "PhaseTable", "Role", "role_of_name"]

Role: TypeAlias = Literal[
    "pore", "pore+binder", "active", "binder", "electrolyte", "carbon", "product", "crack", "collector", "other"
]
ROLES: tuple[str, ...] = get_args(Role)

# As label files and data sets of the field write them; digits (NMC811) are left out of the comparison.
_NAMES: dict[Role, tuple[str, ...]] = {
    "pore": ("pores", "void", "voids", "pore space"),
    "active": ("active material", "am", "cam", "nmc", "nca", "lco", "lmo", "lnmo", "lfp", "graphite", "silicon"),
    "binder": ("cbd", "carbon binder", "carbon binder domain", "binder domain", "pvdf"),
    "electrolyte": ("solid electrolyte", "catholyte"),
    "carbon": ("carbon black",),
    "crack": ("cracks",),
    "collector": ("current collector",),
}

OUTSIDE = 0
"""The id of voxels outside the field of view. No phase carries it."""

# Okabe and Ito, Color Universal Design (2008): told apart with every common colour-vision deficiency.
PALETTE: dict[str, str] = {
    "pore": "#56b4e9",
    "pore+binder": "#0072b2",
    "active": "#e69f00",
    "binder": "#009e73",
    "electrolyte": "#cc79a7",
    "carbon": "#444444",
    "product": "#f0e442",
    "crack": "#d55e00",
    "collector": "#999999",
    "other": "#bbbbbb",
}


def role_of_name(name: str) -> Role:
    """The role that a name leaves no doubt about; "other" for any other name.

    Examples
    --------
    >>> role_of_name("NMC 622"), role_of_name("Carbon-binder domain"), role_of_name("class 1")
    ('active', 'binder', 'other')
    """
    written = name.strip().lower()
    if written in ROLES:
        return cast(Role, written)
    words = " ".join(re.sub(r"[^a-z]+", " ", written).split())
    return next((role for role, names in _NAMES.items() if words in (role, *names)), "other")


@dataclass(frozen=True)
class Phase:
    """One row of the phase table.

    Parameters
    ----------
    id : 1 to 255
    name : free text, such as "NMC"
    role : what it is in the electrode; one of `ROLES`
    color : "#rrggbb"; the role's colour where empty
    density : kg/m³, or None
    """

    id: int
    name: str
    role: Role = "other"
    color: str = ""
    density: float | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.id <= 255:
            raise InputError(f"phase {self.name!r} has id {self.id}; ids are 1 to 255 (0 is outside the field of view)")
        if self.role not in ROLES:
            raise InputError(f"phase {self.name!r} has the unknown role {self.role!r}; roles are {', '.join(ROLES)}")
        if not self.color:
            object.__setattr__(self, "color", PALETTE[self.role])


@dataclass(frozen=True)
class PhaseTable:
    """The phases of a map, ordered by id."""

    phases: tuple[Phase, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "phases", tuple(sorted(self.phases, key=lambda phase: phase.id)))
        for what in ("id", "name"):
            values = [getattr(phase, what) for phase in self.phases]
            if len(set(values)) != len(values):
                raise InputError(f"the phase table has the same {what} twice: {values}")

    def __iter__(self) -> Iterator[Phase]:
        return iter(self.phases)

    def __len__(self) -> int:
        return len(self.phases)

    @property
    def ids(self) -> tuple[int, ...]:
        return tuple(phase.id for phase in self.phases)

    def by_id(self, phase_id: int) -> Phase:
        """The phase that carries an id."""
        for phase in self.phases:
            if phase.id == phase_id:
                return phase
        raise PhaseNotFoundError(f"no phase has id {phase_id}; the table has {self.ids}")

    def with_role(self, *roles: str) -> tuple[Phase, ...]:
        """The phases of these roles, in id order; empty if there is none."""
        return tuple(phase for phase in self.phases if phase.role in roles)

    def ids_by_role(self, other: PhaseTable, *, otherwise: Role) -> npt.NDArray[np.uint8]:
        """Turns ids of this table into those that another one gives to the same roles.

        Parameters
        ----------
        other : one phase of each role that counts
        otherwise : the role in `other` that all further ones become

        Returns
        -------
        (256,) uint8 array
            Indexed by ids; 0 for ids that the table does not have.

        Raises
        ------
        PhaseNotFoundError
            If no phase of `other` has the role `otherwise`.

        Examples
        --------
        >>> seen = PhaseTable.numbered(3)
        >>> PhaseTable((Phase(1, "NMC", "active"), Phase(2, "slit", "crack"))).ids_by_role(seen, otherwise="pore")[:4]
        array([0, 3, 1, 0], dtype=uint8)
        """
        known = {phase.role: phase.id for phase in other}
        if otherwise not in known:
            raise PhaseNotFoundError(f"no phase has the role {otherwise}; the table has {', '.join(known)}")
        ids = np.zeros(256, np.uint8)
        for phase in self.phases:
            ids[phase.id] = known.get(phase.role, known[otherwise])
        return ids

    def to_rows(self) -> list[dict[str, object]]:
        """Plain rows for a file; `from_rows` reads them back."""
        return [asdict(phase) for phase in self.phases]

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Any]]) -> PhaseTable:
        """Table from what `to_rows` gave."""
        return cls(tuple(Phase(**row) for row in rows))

    @classmethod
    def two_class(cls) -> PhaseTable:
        """What a two-class threshold gives: the unresolved mixture, and active material (rising grey)."""
        return cls((Phase(1, "pore+binder", "pore+binder"), Phase(2, "active", "active")))

    @classmethod
    def numbered(cls, count: int) -> PhaseTable:
        """Phases of `count` grey classes, by rising grey.

        Two classes: `pore+binder`, `active`. Three: `pore`, `binder`, `active`. More: role other, for the user to name.
        """
        if count == 2:
            return cls.two_class()
        if count == 3:
            return cls((Phase(1, "pore", "pore"), Phase(2, "binder", "binder"), Phase(3, "active", "active")))
        colors = list(PALETTE.values())
        return cls(tuple(Phase(i, f"class {i}", "other", colors[(i - 1) % len(colors)]) for i in range(1, count + 1)))


@dataclass(frozen=True)
class CodedPhases:
    """A phase table and how somebody else's file marks each phase.

    Parameters
    ----------
    table : the phases
    codes : {value in the file: phase id}
    colors : {"#rrggbb": phase id, or 0 for unlabelled}, for files that hold colors
    """

    table: PhaseTable
    codes: dict[int, int]
    colors: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class PhaseMap:
    """Phase ids of every voxel; 0 is outside the field of view.

    Parameters
    ----------
    data : (Z, Y, X) or (Y, X) uint8 array-like
    phases : the phase table
    voxel_size : (dz, dy, dx) in m, or None
    through_plane : axis normal to the current collector
    probabilities : (C, Z, Y, X) uint8 array-like, channel i belongs to row i of the table, value / 255; or None
    disagreement : (1, Z, Y, X) uint8 array-like, how far the members of an ensemble are apart, value / 255; or None
    members : (Z, Y, X) uint8 array-likes, the phases as each member of the ensemble sees them; empty where not kept
    """

    data: ArrayLike
    phases: PhaseTable
    voxel_size: VoxelSize | None = None
    through_plane: ThroughPlane = "unknown"
    probabilities: ArrayLike | None = None
    disagreement: ArrayLike | None = None
    members: tuple[ArrayLike, ...] = ()

    def __post_init__(self) -> None:
        if np.dtype(self.data.dtype) != np.uint8:
            raise InputError(f"a PhaseMap holds uint8 ids, found {self.data.dtype}")

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.data.shape)

    def channels(self) -> tuple[Channel, ...]:
        """Probabilities of the phases, each as a (Z, Y, X) array-like; empty where there are none."""
        if self.probabilities is None:
            return ()
        return tuple(Channel(self.probabilities, row) for row in range(len(self.phases)))
