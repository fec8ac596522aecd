"""The flaws of a structure as records, in the form in which compiled loops read them fast."""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from voltomo.synthesis.flaw_shapes import Networks, Pores, Slits, Voids
from voltomo.synthesis.structure import Particles, Structure

__all__ = ["Flaws"]

Records = npt.NDArray[Any]

_PARTICLE = np.dtype(
    [
        ("center", "f8", (3,)),
        ("inverse", "f8", (3, 3)),
        ("turn", "f8", (3, 3)),
        ("is_flawed", "?"),
        ("first_slit", "i8"),
        ("last_slit", "i8"),
        ("network", "i8"),
        ("first_void", "i8"),
        ("last_void", "i8"),
        ("pore_pitch", "f8"),
        ("pore_limit", "f8"),
    ],
    align=True,
)


class Flaws(NamedTuple):
    """Particles, and what is broken in them.

    Parameters
    ----------
    particles : (N,) records: `center`, m; `inverse`, whose product with an offset has the level as its length; `turn`
        into the particle's frame; `is_flawed`, whether to look further; the slits and voids from `first_…` to before
        `last_…`; the row of the `network`, or −1; pitch (inf for none) and limit of the small pores
    slits, networks, voids : records with the fields of `Slits`, `Networks` and `Voids`
    pore_radius, texture_length, grain_size : m
    seed : of the structure
    """

    particles: Records
    slits: Records
    networks: Records
    voids: Records
    pore_radius: float
    texture_length: float
    grain_size: float
    seed: int

    @classmethod
    def of(cls, structure: Structure) -> Flaws:
        """Those of a structure."""
        slits, networks, voids, pores = structure.slits, structure.networks, structure.voids, structure.pores
        return cls(
            _particle_records(structure.particles, slits, networks, voids, pores),
            _as_records(slits),
            _as_records(networks),
            _as_records(voids),
            float(pores.radius),
            float(structure.texture_length),
            float(structure.grain_size),
            int(structure.seed),
        )


# A structure is painted in many small pieces, from the same shapes: these are told apart by identity.
@lru_cache(maxsize=4)
def _particle_records(particles: Particles, slits: Slits, networks: Networks, voids: Voids, pores: Pores) -> Records:
    """One record per particle."""
    records = np.zeros(len(particles), _PARTICLE)
    rows = np.arange(len(records))
    records["center"] = particles.center
    records["inverse"] = particles.inverse
    records["turn"] = particles.rotation.transpose(0, 2, 1)
    for which, shapes in (("slit", slits), ("void", voids)):
        records[f"first_{which}"] = np.searchsorted(shapes.particle, rows)
        records[f"last_{which}"] = np.searchsorted(shapes.particle, rows, side="right")
    records["network"] = -1
    records["network"][networks.particle] = np.arange(len(networks.particle))
    records["pore_pitch"] = pores.pitch if len(pores.pitch) else np.inf
    records["pore_limit"] = pores.limit if len(pores.limit) else 0.0
    records["is_flawed"] = np.isfinite(records["pore_pitch"])
    for broken in (slits.particle, networks.particle, voids.particle):
        records["is_flawed"][broken] = True
    return records


@lru_cache(maxsize=16)
def _as_records(shapes: Slits | Networks | Voids) -> Records:
    """One record per row; numbers of a structure that was put together by hand get the types of one that was drawn."""
    kinds = {item.name: getattr(type(shapes).none(), item.name).dtype for item in fields(shapes)}
    columns = {name: np.asarray(getattr(shapes, name), kind) for name, kind in kinds.items()}
    dtype = np.dtype([(name, kinds[name], column.shape[1:]) for name, column in columns.items()], align=True)
    records = np.zeros(len(shapes.particle), dtype)
    for name, column in columns.items():
        records[name] = column
    return records
