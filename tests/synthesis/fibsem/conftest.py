"""Structures whose faces are known by formula."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from voltomo.synthesis.families import ACTIVE, PORE
from voltomo.synthesis.structure import Layers, Particles, Slits, Structure, Voids

VOXEL = 50e-9

BallMaker = Callable[..., Structure]


@pytest.fixture
def balls() -> BallMaker:
    """Maker of smooth balls: centres and radii in voxels of the structure, in a background phase."""

    def make(
        centers: list[tuple[float, float, float]],
        radii: list[float],
        *,
        shape: tuple[int, int, int] = (8, 48, 64),
        background: int = PORE,
        phases: list[int] | None = None,
        family: str = "assb",
    ) -> Structure:
        particles = Particles(
            center=np.reshape(np.array(centers, float), (-1, 3)) * VOXEL,
            semi_axes=np.repeat(np.array(radii, float)[:, None], 3, axis=1) * VOXEL,
            rotation=np.tile(np.eye(3), (len(radii), 1, 1)),
            phase=np.array(phases or [ACTIVE] * len(radii), np.uint8),
            roughness=0.0,
        )
        return Structure(
            family=family,
            shape=shape,
            voxel_size=(VOXEL,) * 3,
            origin=(0.0, 0.0, 0.0),
            particles=particles,
            slits=Slits.none(),
            voids=Voids.none(),
            layers=Layers(*([np.empty(0)] * len(dataclasses.fields(Layers)))),
            background=background,
            reach=0.0,
            texture_length=1e-6,
            collector=-np.inf,
            free_surface=np.inf,
            seed=3,
        )

    return make
