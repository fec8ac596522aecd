"""The image-domain scan: what a reconstructed volume of a structure would look like, block by block."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from voltomo.artifacts import ArrayLike, Channel, Volume
from voltomo.blocks import Block
from voltomo.errors import InputError, ShapeError
from voltomo.machine import available_cores
from voltomo.stages.blank import Blank
from voltomo.stages.workspace import Workspace
from voltomo.synthesis.families import COLLECTOR
from voltomo.synthesis.imaging.brightness import Brightness
from voltomo.synthesis.imaging.degradation import Degradation
from voltomo.synthesis.imaging.greys import Greys, Texture, paint_greys
from voltomo.synthesis.imaging.image_noise import Noise
from voltomo.synthesis.imaging.levels import usual_levels
from voltomo.synthesis.imaging.optics import Optics
from voltomo.synthesis.imaging.rings import Rings
from voltomo.synthesis.imaging.scanner import ImageScanner, observe, observe_without_wedge, scan_block
from voltomo.synthesis.imaging.wedge import Wedge
from voltomo.synthesis.structure import Structure

__all__ = ["DOSES", "ImageScanConfig", "run_image_scan"]

DOSES = {"low": 0.06, "medium": 0.03, "high": 0.015}
"""Standard deviation of the noise; each step is four times the dose, because counts are Poisson distributed."""

_TEXTURE_FIELD = 20
"""Added to the seed of a scan, beside what `voltomo.synthesis.imaging.scanner` adds; textures take one more each."""

NestedKernel = tuple[tuple[float, ...], ...] | tuple[tuple[tuple[float, ...], ...], ...]


class ImageScanConfig(BaseModel):
    """What the instrument does. Grey levels span 0 to 1 in integer images; lengths are in voxels."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    levels: dict[int, float] = Field(
        default_factory=dict, description="grey by phase id; those not given follow from what the phases consist of"
    )
    supersampling: Literal[1, 2, 3] = Field(
        2, description="points along each voxel edge that decide its grey: partial volume at surfaces and thin cracks"
    )
    texture: float = Field(0.022, ge=0, description="standard deviation of the grey inside solid phases")
    texture_length: float = Field(6.0, gt=0, description="correlation length of that texture")
    porous_texture: float = Field(
        0.012, ge=0, description="standard deviation of the grey inside phases with unresolved pores, such as binder"
    )
    porous_length: float = Field(4.0, gt=0, description="correlation length of that texture")
    particle_spread: float = Field(0.0, ge=0, description="standard deviation of the grey between particles")
    grain_spread: float = Field(
        0.0, ge=0, description="standard deviation of the grey between the grains of a particle, where it has grains"
    )
    blur: float = Field(1.5, ge=0, le=10, description="standard deviation of the point spread")
    dose: Literal["low", "medium", "high"] = Field("medium", description="noise of 0.06, 0.03 or 0.015")
    noise: float | None = Field(None, ge=0, description="standard deviation of the noise; the dose's if not given")
    noise_length: float = Field(1.5, ge=0, le=10, description="correlation of the noise; 0 for white noise")
    noise_kernel: NestedKernel | None = Field(
        None, description="kernel with two or three axes that correlates the noise instead, as from a measured spectrum"
    )
    rings: float = Field(0.01, ge=0, description="standard deviation of the ring artefacts")
    ring_axis: tuple[float, float] | None = Field(None, description="y, x of the axis of rotation; the middle if None")
    fringes: float = Field(0.0, ge=0, description="δ/β of the object, for propagation fringes")
    fringe_length: float = Field(0.0, ge=0, description="√(wavelength · distance); 0 for no propagation")
    halo: float = Field(
        0.0, ge=0, le=1, description="Zernike halo and shade-off: share of the local contrast taken away"
    )
    halo_length: float = Field(12.0, gt=0, le=32, description="width of the halo, a standard deviation")
    missing_wedge: float = Field(0.0, ge=0, lt=180, description="range of angles that no projection saw, degrees")
    wedge_direction: float = Field(0.0, description="along which detail is lost, degrees from x towards y")
    drift: float = Field(0.0, ge=0, description="standard deviation of a slow change of brightness")
    drift_length: float = Field(64.0, gt=0, description="length of that change along z")
    drift_width: float | None = Field(
        None, gt=0, description="its length along y and x; if not given, it changes whole slices alike"
    )
    cupping: float = Field(0.0, ge=0, lt=1, description="share of its grey that the axis of rotation loses")
    dtype: Literal["uint8", "uint16", "float32"] = "uint16"
    seed: int = Field(0, ge=0, lt=2**31)

    @model_validator(mode="after")
    def _fits_together(self) -> ImageScanConfig:
        if self.dtype != "float32" and any(not 0 <= level <= 1 for level in self.levels.values()):
            raise ValueError(f"levels of {self.dtype} lie between 0 and 1, found {self.levels}; ask for float32")
        try:
            self.degradation({})
        except InputError as error:
            raise ValueError(str(error)) from error
        return self

    def degradation(self, levels: Mapping[int, float]) -> Degradation:
        """The strengths, with the darkest level as the background of a halo."""
        width = math.inf if self.drift_width is None else self.drift_width
        return Degradation(
            optics=Optics(
                blur=self.blur,
                fringe_length=self.fringe_length,
                fringes=self.fringes,
                halo=self.halo,
                halo_length=self.halo_length,
                background=min(levels.values(), default=0.0),
            ),
            noise=Noise(
                DOSES[self.dose] if self.noise is None else self.noise,
                self.noise_length,
                None if self.noise_kernel is None else np.array(self.noise_kernel, np.float32),
            ),
            rings=Rings(self.rings, self.ring_axis),
            wedge=Wedge(math.radians(self.missing_wedge), math.radians(self.wedge_direction)),
            brightness=Brightness(
                drift=self.drift,
                drift_lengths=(self.drift_length, width, width),
                cupping=self.cupping,
                axis=self.ring_axis,
            ),
        )

    def greys(self, structure: Structure) -> Greys:
        """What each phase of a structure looks like.

        Raises
        ------
        InputError
            If a level is given for a phase that the structure has not.
        """
        unknown = sorted(set(self.levels) - set(structure.materials))
        if unknown:
            known = ", ".join(f"{row.id} {row.name}" for row in structure.phases)
            raise InputError(f"levels of phases {unknown} were given, but {structure.family!r} has only {known}")
        levels = usual_levels(structure.materials, exempt=frozenset({COLLECTOR})) | self.levels
        textures = {}
        for i, material in structure.materials.items():
            if material.formula is not None:
                is_porous = material.porosity > 0
                textures[i] = (
                    Texture(self.porous_texture, self.porous_length)
                    if is_porous
                    else Texture(self.texture, self.texture_length)
                )
        return Greys(levels, textures, self.particle_spread, self.grain_spread, self.seed + _TEXTURE_FIELD)


def run_image_scan(structure: Structure, phases: ArrayLike, config: ImageScanConfig, work: Workspace) -> Volume:
    """Scan a structure, block by block.

    Parameters
    ----------
    structure : the shapes
    phases : (Z, Y, X) phase ids of the structure on the voxels of the scan, 0 outside the field of view
    config : ImageScanConfig
    work : Workspace
        Takes the array "volume" (1, Z, Y, X) in config.dtype, and as scratch "greys" and, for a missing wedge,
        "observed", (Z, Y, X) float32.

    Returns
    -------
    Volume

    Raises
    ------
    InputError
        If levels are given for phases that the structure has not, or a wedge is to be taken from voxels that are not
        as long along y as along x.
    ShapeError
        If the phases are not those of the structure's window.

    Notes
    -----
    In this order: mean grey over each voxel, point spread, noise and rings, missing wedge, cupping and drift, cut to
    the field of view, rounding to the dtype. Beyond the volume the edge voxels are repeated. Noise is tied to places:
    every cutting into blocks gives the same voxels, bit by bit.
    """
    z, y, x = structure.shape
    if tuple(phases.shape) != (z, y, x):
        raise ShapeError(f"phases {tuple(phases.shape)} and structure {structure.shape} differ in shape")
    _, dy, dx = structure.voxel_size
    if config.missing_wedge > 0 and not math.isclose(dy, dx):
        raise InputError(f"a missing wedge needs voxels as long along y as along x, found {dy:g} m and {dx:g} m")
    greys = config.greys(structure)
    degradation = config.degradation(greys.levels)
    painted = work.array("greys", (z, y, x), np.float32)
    work.map(
        "greys",
        partial(_paint, structure=structure, greys=greys, supersampling=config.supersampling),
        Blank((z, y, x)),
        out=painted,
        bytes_per_voxel=30,
    )
    volume = work.array("volume", (1, z, y, x), np.dtype(config.dtype))
    scanner = ImageScanner(degradation, (z, y, x), config.dtype, config.seed)
    if config.missing_wedge == 0:
        work.map(
            "scan",
            partial(scan_block, scanner=scanner),
            painted,
            phases,
            out=Channel(volume),
            halo=scanner.halo,
            bytes_per_voxel=40,
        )
    else:
        observed = work.array("observed", (z, y, x), np.float32)
        work.map(
            "observe",
            partial(observe, scanner=scanner),
            painted,
            out=observed,
            halo=scanner.halo,
            bytes_per_voxel=40,
        )
        work.map(
            "wedge",
            partial(observe_without_wedge, observed=observed, scanner=scanner),
            phases,
            out=Channel(volume),
            bytes_per_voxel=16,
            whole_slices=True,
        )
    return Volume(volume, structure.voxel_size, through_plane="z", name=f"synthetic {structure.family}")


def _paint(
    block: Block, _blank: npt.NDArray[np.uint8], *, structure: Structure, greys: Greys, supersampling: int
) -> npt.NDArray[np.float32]:
    return paint_greys(structure, block.read, greys, supersampling=supersampling, workers=available_cores())
