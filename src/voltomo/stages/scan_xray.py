"""`synth --scan nanoct`: raw projections of a structure, with flats, darks and everything that goes wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from voltomo.artifacts import ProjectionStack
from voltomo.errors import InputError
from voltomo.stages.workspace import Workspace
from voltomo.stages.xray_exposures import ScanPlan, expose_scan, paint_specimen, saturated_share
from voltomo.synthesis.structure import Structure
from voltomo.synthesis.xray.attenuation import Spectrum, optical_constants, tube_spectrum
from voltomo.synthesis.xray.detector import Detector
from voltomo.synthesis.xray.geometry import Motion, ParallelGeometry
from voltomo.synthesis.xray.record import describe_instrument, describe_scan, warn_of_scan
from voltomo.synthesis.xray.scanner import XrayOptics
from voltomo.synthesis.xray.wave import WaveOptics
from voltomo.units import format_length, format_voxel_size, parse_energy, parse_length

__all__ = ["DOSES", "XrayScanConfig", "XrayScanResult", "run_xray_scan"]

Contrast: TypeAlias = Literal["absorption", "zernike"]

DOSES = {"low": 1_000.0, "medium": 10_000.0, "high": 100_000.0}
"""Photons that a pixel detects per image in the open beam. With 360 angles of NMC at 8 keV, 128 voxels of 64 nm across,
the noise of a voxel after plain filtered back projection is 0.64, 0.21 and 0.09 of the contrast of NMC (measured)."""
_FULL_FLAT = {"absorption": 24_000.0, "zernike": 6_000.0}
"""Counts of the open beam, at most. Fringes are up to about twice as bright; behind a ring that lets 0.7 of the
amplitude through, (1 + |0.7i − 1|)² / 0.7² = 10 times."""
_LARGEST_REACH = 256
"""Pixels over which fringes may spread."""
_JITTER_LIMIT = 3.0
"""Standard deviations at which jitter ends, so that it is known how much of the sample a scan sees."""


class XrayScanConfig(BaseModel):
    """How a structure is scanned with X-rays. Pixels are as wide as the structure's voxels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    energy: str = Field("8 keV", description="of the photons; not used with a tube voltage")
    tube_voltage: str | None = Field(
        None, description='such as "40 kV": a spectrum (Kramers) instead of one energy, which hardens in the sample'
    )
    tube_filter: str = Field("0.1 mm", description="thickness of the aluminium in front of a tube")
    angles: int = Field(360, ge=1, le=100_000, description="number of projections")
    first_angle: float = Field(0.0, ge=-360, le=360, description="degrees; the first projection is half a step further")
    angle_range: float = Field(180.0, gt=0, le=360, description="degrees; below 180 the rest is a missing wedge")
    dose: Literal["low", "medium", "high"] | float = Field(
        "medium", description="photons per pixel and image in the open beam: a number, low 1e3, medium 1e4, high 1e5"
    )
    contrast: Literal["absorption", "zernike", "both"] = Field(
        "absorption", description="both: a second scan with a phase ring, the sample slightly moved in between"
    )
    distance: str = Field("0 um", description="free space behind the sample; makes fringes at edges")
    ring_phase: Literal["positive", "negative"] = Field("positive", description="phase ring of +90 or -90 degrees")
    ring_transmission: float = Field(0.7, gt=0, le=1, description="amplitude that the phase ring lets through")
    halo: str = Field("1 um", description="width over which a phase ring makes halos and shade-off")
    motion: tuple[float, float, float] = Field(
        (0.8, -1.4, 2.3), description="z, y, x: shift of the sample before the second scan, voxels"
    )
    motion_angle: float = Field(0.3, ge=-10, le=10, description="its rotation before the second scan, degrees")
    flats: int = Field(20, ge=0, le=1000, description="images without sample, half of them before the scan")
    darks: int = Field(10, ge=0, le=1000, description="images without beam, half of them before the scan")
    illumination: float = Field(0.15, ge=0, le=0.4, description="relative amplitude of the beam's profile")
    illumination_shift: float = Field(0.5, ge=-50, le=50, description="rows by which it moves during the scan")
    flux_drift: float = Field(-0.02, ge=-0.9, le=1, description="relative change of the beam during the scan")
    gain_spread: float = Field(0.03, ge=0, le=0.2, description="standard deviation of pixel gains; flats correct it")
    nonlinearity: float = Field(
        0.02, ge=0, le=0.2, description="standard deviation of the pixels' nonlinearity; makes rings"
    )
    dead: float = Field(0.0001, ge=0, le=0.1, description="share of the pixels that see no light")
    dark_level: float = Field(100.0, ge=0, le=10_000, description="mean counts without light")
    dark_drift: float = Field(0.03, ge=-0.9, le=1, description="relative change of that level during the scan")
    read_noise: float = Field(2.0, ge=0, le=1000, description="standard deviation, counts")
    blur: float = Field(0.6, ge=0, le=10, description="standard deviation of the detector's point spread, pixels")
    jitter: float = Field(0.2, ge=0, le=10, description="standard deviation of the shift of each projection, pixels")
    center_offset: float = Field(
        3.7, ge=-200, le=200, description="of the axis of rotation from the detector's middle, pixels"
    )
    margin: int = Field(16, ge=0, le=4096, description="columns of open beam on each side of the sample")
    supersampling: int = Field(
        2, ge=1, le=8, description="rays and voxels per pixel edge; 1 repeats the grid of a reconstruction"
    )
    seed: int = Field(0, ge=0, lt=2**31)

    @field_validator("energy", "tube_voltage")
    @classmethod
    def _is_energy(cls, text: str | None) -> str | None:
        if text is not None:
            parse_energy(text)
        return text

    @field_validator("distance", "halo", "tube_filter")
    @classmethod
    def _is_length(cls, text: str) -> str:
        if parse_length(text) < 0:
            raise ValueError(f"expected a length that is not negative, found {text!r}")
        return text

    @field_validator("dose")
    @classmethod
    def _has_photons(cls, dose: str | float) -> str | float:
        if not isinstance(dose, str) and not 1 <= dose <= 1e9:
            raise ValueError(f"expected 1 to 1e9 photons per pixel, found {dose:g}")
        return dose

    @model_validator(mode="after")
    def _has_halo(self) -> XrayScanConfig:
        if self.contrast != "absorption" and parse_length(self.halo) == 0:
            raise ValueError("a phase ring has a halo: give a width above 0")
        return self

    @property
    def photons(self) -> float:
        """Per pixel and image, in the open beam."""
        return DOSES[self.dose] if isinstance(self.dose, str) else self.dose

    @property
    def spectrum(self) -> Spectrum:
        """One energy, or that of a tube."""
        if self.tube_voltage is None:
            return Spectrum((parse_energy(self.energy),), (1.0,))
        return tube_spectrum(parse_energy(self.tube_voltage), filter_thickness=parse_length(self.tube_filter))

    @property
    def contrasts(self) -> tuple[Contrast, ...]:
        """The scans, in order."""
        return ("absorption", "zernike") if self.contrast == "both" else (self.contrast,)

    def wave(self, contrast: Contrast) -> WaveOptics:
        """What lies between sample and detector."""
        if contrast == "absorption":
            return WaveOptics(parse_length(self.distance))
        ring = 0.5 * math.pi * (1 if self.ring_phase == "positive" else -1)
        return WaveOptics(parse_length(self.distance), ring, self.ring_transmission, parse_length(self.halo))

    def detector(self, number: int, contrast: Contrast) -> Detector:
        """The detector of a scan: the same pixels for each, with new noise."""
        return Detector(
            photons=self.photons,
            counts_per_photon=min(1.0, _FULL_FLAT[contrast] / self.photons),
            illumination=self.illumination,
            illumination_shift=self.illumination_shift,
            flux_drift=self.flux_drift,
            gain_spread=self.gain_spread,
            nonlinearity=self.nonlinearity,
            dead=self.dead,
            dark_level=self.dark_level,
            dark_drift=self.dark_drift,
            read_noise=self.read_noise,
            seed=self.seed,
            scan=number,
        )


@dataclass(frozen=True)
class XrayScanResult:
    """Raw projections, and what is true about them.

    Parameters
    ----------
    stacks : by contrast, "absorption" and "zernike"
    truth : JSON-able: geometry, motion and jitter of each scan, materials, beam, dead pixels
    warnings : what a user should know
    """

    stacks: Mapping[str, ProjectionStack]
    truth: dict[str, Any]
    warnings: tuple[str, ...]


def run_xray_scan(structure: Structure, config: XrayScanConfig, work: Workspace) -> XrayScanResult:
    """Scan a structure, block by block.

    Parameters
    ----------
    structure : what is scanned
        A cylinder (`is_cylinder`) stands in empty space; a box turns with its corners.
    config : XrayScanConfig
    work : Workspace
        Takes "specimen" (the structure on the fine grid, uint8), and per contrast "<contrast> projections" (A, V, U),
        "<contrast> flats" and "<contrast> darks", all uint16.

    Raises
    ------
    InputError
        If the voxels are not cubes, or the fringes spread further than 256 pixels.
    """
    pixel_size = _pixel_size(structure)
    geometries = _geometries(structure, config)
    optics = {name: _optics(structure, config, name, pixel_size) for name in config.contrasts}
    factor = config.supersampling
    for name, one in optics.items():
        _check_reach(one.reach(factor), name, config)
    margin = max(
        one.reach(factor) + math.ceil(float(np.abs(geometries[name].offset_v).max())) for name, one in optics.items()
    )
    specimen = paint_specimen(structure, factor=factor, margin=margin, work=work)
    stacks: dict[str, ProjectionStack] = {}
    scans: dict[str, Any] = {}
    warnings: list[str] = []
    for number, name in enumerate(config.contrasts):
        geometry, detector = geometries[name], config.detector(number, name)
        plan = ScanPlan(name, geometry, optics[name], detector, config.flats, config.darks)
        stacks[name] = expose_scan(plan, specimen, work)
        share = saturated_share(stacks[name], name=name, work=work)
        scans[name] = describe_scan(geometry, optics[name], detector, saturated_share=share)
        found = warn_of_scan(geometry, optics[name], width=_width(structure), saturated_share=share)
        warnings += [f"{name} scan: {text}" for text in found]
    instrument = describe_instrument(
        structure.phases, structure.materials, optics=optics[name], detector=detector, shape=geometry.shape
    )
    truth = instrument | {"supersampling": factor, "scans": scans}
    return XrayScanResult(stacks, truth, tuple(warnings))


def _pixel_size(structure: Structure) -> float:
    dz, dy, dx = structure.voxel_size
    if not (math.isclose(dz, dy, rel_tol=1e-6) and math.isclose(dy, dx, rel_tol=1e-6)):
        raise InputError(
            f"a detector has square pixels, but the voxels are {format_voxel_size(structure.voxel_size)}; "
            f'ask for cubes, such as "{format_length(dx)}"'
        )
    return dx


def _geometries(structure: Structure, config: XrayScanConfig) -> dict[Contrast, ParallelGeometry]:
    """Where each scan projects; the second one of a moved sample."""
    columns = _width(structure) + 2 * config.margin
    step = math.radians(config.angle_range) / config.angles
    # From half a step on, so that no ray runs along a row of voxels, where it would see a staircase.
    angles = math.radians(config.first_angle) + step * (np.arange(config.angles, dtype=np.float64) + 0.5)
    found: dict[Contrast, ParallelGeometry] = {}
    for number, name in enumerate(config.contrasts):
        rng = np.random.default_rng([config.seed, number])
        jitter = np.clip(rng.normal(size=(2, config.angles)), -_JITTER_LIMIT, _JITTER_LIMIT) * config.jitter
        motion = Motion(config.motion, math.radians(config.motion_angle)) if number else Motion()
        center = 0.5 * (columns - 1) + config.center_offset
        shape = structure.shape[0], columns
        found[name] = ParallelGeometry(angles, jitter[0], jitter[1], shape, center, structure.shape, motion)
    return found


def _width(structure: Structure) -> int:
    """Columns that the sample covers as it turns."""
    _, ny, nx = structure.shape
    return min(ny, nx) if structure.is_cylinder else math.ceil(math.hypot(ny, nx))


def _optics(structure: Structure, config: XrayScanConfig, contrast: Contrast, pixel_size: float) -> XrayOptics:
    spectrum = config.spectrum
    constants = [
        {i: optical_constants(material, energy) for i, material in structure.materials.items()}
        for energy in spectrum.energies
    ]
    return XrayOptics(pixel_size, spectrum, constants, config.wave(contrast), config.blur)


def _check_reach(reach: int, contrast: Contrast, config: XrayScanConfig) -> None:
    if reach > _LARGEST_REACH:
        raise InputError(
            f"in the {contrast} scan a point spreads over {reach} pixels, at most {_LARGEST_REACH} can be computed; "
            f"ask for a distance below {config.distance}, a halo below {config.halo} or larger voxels"
        )
