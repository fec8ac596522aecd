"""What a twin should be, and the scan that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import PhaseTable, Volume
from voltomo.blocks import Block
from voltomo.errors import InputError
from voltomo.stages.scan_image import ImageScanConfig, run_image_scan
from voltomo.stages.synth import SynthConfig
from voltomo.stages.workspace import Workspace
from voltomo.synthesis.families import ACTIVE, BINDER, CRACK_PHASE, PORE, find_family
from voltomo.synthesis.generate import make_structure
from voltomo.synthesis.likeness.noise_model import NoiseModel
from voltomo.synthesis.likeness.settings import TwinSettings
from voltomo.synthesis.likeness.statistic import Likeness
from voltomo.synthesis.raster import rasterize
from voltomo.synthesis.structure import Structure
from voltomo.units import VoxelSize, format_voxel_size

__all__ = ["NOMINAL_VOXEL", "TwinPlan", "make_twin", "scan_structure"]

NOMINAL_VOXEL = 1e-6
"""m; stands for a voxel where the voxel size is not known, so that lengths in µm are lengths in voxels."""


@dataclass(frozen=True)
class TwinPlan:
    """What the twin should be, and why.

    Parameters
    ----------
    settings : of the electrode and of the scan, in numbers
    shape : (Z, Y, X) of the twin
    family : kind of electrode
    voxel_size : (dz, dy, dx) in m; `NOMINAL_VOXEL` where that of the scan is not known
    dtype : of the scan
    noise : its strength and spectrum; None where only the strength in `settings` is known
    seed : of the twin
    source : statistics of the scan
    phases : phase table of the segmentation
    history : settings of each round before, and the mean share of the tolerance that their twin missed by
    notes : what had to be assumed
    """

    settings: TwinSettings
    shape: tuple[int, int, int]
    family: str
    voxel_size: VoxelSize
    dtype: str
    noise: NoiseModel | None
    seed: int
    source: Likeness
    phases: PhaseTable
    history: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def full_scale(self) -> float:
        """Grey value of the scan that stands for 1; 1 for floating point."""
        return float(np.iinfo(self.dtype).max) if np.issubdtype(np.dtype(self.dtype), np.integer) else 1.0

    def synth_config(self, shape: tuple[int, int, int] | None = None) -> SynthConfig:
        """The electrode of the twin, in the plan's shape or another one.

        Raises
        ------
        InputError
            If the family has no pore, or no particles.
        """
        family, settings = find_family(self.family), self.settings
        if PORE not in family.fractions or family.d50 == 0:
            raise InputError(f"a twin needs a family with particles and pores, found {self.family}; ask for nmc")
        crack_width = min(max(settings.d50 / 12, max(self.voxel_size)), 3 * max(self.voxel_size))
        return SynthConfig(
            shape=shape or self.shape,
            family=self.family,
            voxel_size=format_voxel_size(self.voxel_size),
            porosity=settings.porosity,
            binder=settings.binder if BINDER in family.fractions else None,
            d50=_length(settings.d50),
            spread=settings.spread,
            elongation=settings.elongation,
            roughness=settings.roughness,
            cracked=settings.cracked,
            crack_width=_length(crack_width),
            hollow=0.0,
            seed=self.seed,
        )

    def image_config(self) -> ImageScanConfig:
        """The scan of the twin."""
        settings, scale = self.settings, self.full_scale
        levels = {
            PORE: settings.pore,
            CRACK_PHASE: settings.pore,
            ACTIVE: settings.active,
            BINDER: settings.binder_level,
        }
        kernel = None if self.noise is None else self.noise.kernel()
        return ImageScanConfig(
            levels={i: level / scale for i, level in levels.items() if i in find_family(self.family).materials},
            texture=settings.texture / scale,
            texture_length=settings.texture_length,
            porous_texture=settings.porous_texture / scale,
            porous_length=settings.porous_length,
            blur=settings.blur,
            noise=(settings.noise if self.noise is None else self.noise.std) / scale,
            noise_length=settings.noise_length,
            noise_kernel=None if kernel is None else tuple(tuple(map(tuple, plane)) for plane in kernel.tolist()),
            rings=settings.rings / scale,
            particle_spread=settings.particle_spread / scale,
            drift=settings.drift / scale,
            drift_length=max(1.0, 0.5 * self.shape[0]),
            drift_width=settings.drift_width or None,
            dtype=cast(Any, self.dtype),
            seed=self.seed,
        )


def make_twin(plan: TwinPlan, shape: tuple[int, int, int], work: Workspace) -> Volume:
    """The scan of a twin, without its truth: what `synth` and the image scan make of the plan's configs.

    Parameters
    ----------
    plan : of `voltomo.stages.twin.plan_twin`
    shape : (Z, Y, X); the plan's, or a smaller one
    work : takes the arrays "phases" and "volume", and what the scan needs

    Raises
    ------
    InputError
        If no electrode can be as the settings say; the message says what is reachable.
    """
    return scan_structure(plan.synth_config(shape), plan.image_config(), work)


def scan_structure(synth: SynthConfig, image: ImageScanConfig, work: Workspace) -> Volume:
    """The image-domain scan of an electrode, without the truth about it.

    Parameters
    ----------
    synth, image : the electrode and the scan
    work : takes the arrays "phases" and "volume", and what the scan needs
    """
    found = work.remember(
        "shapes", lambda: make_structure(synth.request(), np.random.default_rng(synth.seed)).to_arrays()
    )
    structure = Structure.from_arrays(found)
    phases = work.array("phases", synth.shape, np.uint8)
    # A view of one byte: the place where voxels will be, to be cut into blocks.
    blank = np.broadcast_to(np.uint8(0), synth.shape)
    work.map("phases", partial(_paint, structure=structure), blank, out=phases, bytes_per_voxel=20)
    return run_image_scan(structure, phases, image, work)


def _paint(block: Block, _blank: npt.NDArray[np.uint8], *, structure: Structure) -> npt.NDArray[np.uint8]:
    return rasterize(structure, block.read)[0]


def _length(meters: float) -> str:
    """A length that `SynthConfig` reads back exactly enough."""
    return f"{meters * 1e6:.9g} um"
