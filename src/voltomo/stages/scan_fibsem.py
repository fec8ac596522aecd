"""`synth --scan fibsem`: the slices that a FIB-SEM would take of a structure, and what is true about each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, field_validator

from voltomo.artifacts import SliceStack
from voltomo.blocks import Region
from voltomo.stages.workspace import Workspace
from voltomo.synthesis.families import COLLECTOR
from voltomo.synthesis.fibsem import (
    FibsemScanner,
    SliceTrack,
    Wander,
    backscatter_coefficient,
    draw_track,
    mean_atomic_number,
    phase_yields,
    scan_slices,
)
from voltomo.synthesis.structure import Structure
from voltomo.units import parse_length

__all__ = ["DOSES", "FibsemScanConfig", "FibsemScanResult", "run_fibsem_scan"]

DOSES = {"low": 500.0, "medium": 2000.0, "high": 20000.0}
"""Electrons per pixel. With a fifth of those that come back detected, NMC811 and Li6PS5Cl differ by 1.1, 2.1 and 6.7
times the shot noise of a pixel."""
_SHINE = 3.0
"""Usual depth of view into pores, in pixels: pores are a few pixels wide, and a hole is dark beyond its width."""
_SLICE_BYTES = 160.0
"""Per point of the one slice that is in work, its margins included; only the images of a whole block are kept."""
_BLOCK_SLICES = 128
"""Slices of the smallest unit of writing in a study."""


class FibsemScanConfig(BaseModel):
    """How the FIB-SEM works and strays. A pixel is a voxel of the structure in the plane (y, x)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slice_thickness: str | None = Field(
        None, description='nominal, such as "20 nm"; the z edge of a voxel of the structure if not given'
    )
    thickness_spread: float = Field(
        0.12, ge=0, le=0.5, description="standard deviation of the slice thickness, in nominal ones"
    )
    tilt: float = Field(52.0, gt=10, le=90, description="angle between the ion beam and the electron beam, degrees")
    tilt_corrected: bool = Field(
        False, description="whether the microscope has stretched y by 1/sin(tilt); if not, y is foreshortened"
    )
    pores: Literal["vacuum", "resin"] = Field(
        "vacuum", description="what fills the pores; through vacuum, deeper material shines"
    )
    shine_depth: str | None = Field(
        None, description="depth at which deeper material has lost all but 1/e of its brightness; 3 pixels if not given"
    )
    dose: Literal["low", "medium", "high", "noiseless"] = Field(
        "medium", description="500, 2000 or 20000 electrons of the beam per pixel; see `electrons`"
    )
    electrons: float | None = Field(None, gt=0, description="of the beam per pixel; takes the place of `dose`")
    efficiency: float = Field(0.2, gt=0, le=1, description="share of the backscattered electrons that are detected")
    probe: float = Field(0.6, ge=0, le=10, description="standard deviation of the width of the beam, pixels")
    bandwidth: float = Field(0.5, ge=0, le=10, description="standard deviation of the detector's blur along x, pixels")
    subsamples: int = Field(2, ge=1, le=4, description="points per pixel at which phases are decided")
    grain_contrast: float = Field(
        0.04,
        ge=0,
        le=1,
        description="largest relative difference of a grain from the mean, where particles have grains",
    )
    texture: float = Field(
        1.0, ge=0, le=1, description="relative variation of unresolved porosity from place to place, as in binder"
    )
    curtain: float = Field(0.2, ge=0, le=1, description="largest relative change of grey by a curtain behind an edge")
    streak: float = Field(0.08, ge=0, le=1, description="the same by a stripe from the upper to the lower edge")
    curtain_width: float = Field(3.0, gt=0, le=100, description="width of these stripes, pixels")
    rim: float = Field(1.2, ge=0, le=5, description="brightness of rims where pores and insulators charge, relative")
    rim_width: float = Field(1.5, gt=0, le=50, description="standard deviation of the rim's profile, pixels")
    trail: float = Field(0.12, ge=-1, le=1, description="trails of charging along x, relative; negative for dark ones")
    trail_length: float = Field(8.0, gt=0, le=200, description="over which a trail fades to 1/e, pixels")
    redeposition: float = Field(0.0, ge=0, le=1, description="relative darkening at the foot of the face")
    drift: float = Field(0.15, ge=0, le=5, description="standard deviation of the drift per slice, pixels")
    jump: float = Field(3.0, ge=0, le=16, description="standard deviation of a jump, pixels")
    jump_chance: float = Field(0.02, ge=0, le=1, description="chance of a jump at a slice")
    max_drift: float = Field(
        12.0, ge=0, le=16, description="farthest drift from the start, pixels; structures reach 24 beyond their window"
    )
    brightness_drift: float = Field(0.03, ge=0, le=1, description="standard deviation of the slow drift of the gain")
    brightness_step: float = Field(0.05, ge=0, le=1, description="standard deviation of steps of the gain")
    step_chance: float = Field(0.02, ge=0, le=1, description="chance of such a step at a slice")
    brightness: float = Field(0.10, ge=0, le=1, description="grey without electrons; 1 is the largest integer")
    contrast: float = Field(0.55, gt=0, le=1, description="grey that the brightest phase adds")
    dtype: Literal["uint8", "uint16"] = "uint8"
    seed: int = Field(0, ge=0, lt=2**31)

    @field_validator("slice_thickness", "shine_depth")
    @classmethod
    def _length(cls, text: str | None, info: Any) -> str | None:
        if text is not None and (value := parse_length(text)) <= 0 and (value < 0 or info.field_name != "shine_depth"):
            raise ValueError(f"expected a positive length, found {text!r}")
        return text

    def thickness(self, structure: Structure) -> float:
        """Nominal slice thickness, m."""
        return structure.voxel_size[0] if self.slice_thickness is None else parse_length(self.slice_thickness)

    def scanner(self, structure: Structure) -> FibsemScanner:
        """The instrument, with lengths that fit the structure."""
        pixel = min(structure.voxel_size[1:])
        dose = math.inf if self.dose == "noiseless" else DOSES[self.dose]
        return FibsemScanner(
            tilt=math.radians(self.tilt),
            is_tilt_corrected=self.tilt_corrected,
            is_infiltrated=self.pores == "resin",
            subsamples=self.subsamples,
            shine_depth=_SHINE * pixel if self.shine_depth is None else parse_length(self.shine_depth),
            grain_contrast=self.grain_contrast,
            texture=self.texture,
            curtain=self.curtain,
            streak=self.streak,
            curtain_width=self.curtain_width,
            rim=self.rim,
            rim_width=self.rim_width,
            trail=self.trail,
            trail_length=self.trail_length,
            redeposition=self.redeposition,
            probe=self.probe,
            electrons=dose if self.electrons is None else self.electrons,
            efficiency=self.efficiency,
            bandwidth=self.bandwidth,
            brightness=self.brightness,
            contrast=self.contrast,
            dtype=self.dtype,
            seed=self.seed,
        )

    def wander(self) -> Wander:
        """How the run strays."""
        return Wander(
            walk=self.drift,
            jump=self.jump,
            jump_chance=self.jump_chance,
            max_drift=self.max_drift,
            thickness_spread=self.thickness_spread,
            slow=self.brightness_drift,
            step=self.brightness_step,
            step_chance=self.step_chance,
        )


@dataclass(frozen=True)
class FibsemScanResult:
    """Slices, and what is true about them.

    Parameters
    ----------
    stack : the images as they come from the microscope
    track : what is true about each slice
    record : JSON-able: geometry, greys of the phases, dose, and the conventions of the track
    """

    stack: SliceStack
    track: SliceTrack
    record: dict[str, Any]


def run_fibsem_scan(structure: Structure, config: FibsemScanConfig, work: Workspace) -> FibsemScanResult:
    """Cut a structure slice by slice along z and image each face.

    Parameters
    ----------
    structure : Structure
    config : FibsemScanConfig
    work : Workspace
        Takes the array "slices" (Z, Y, X) in config.dtype, and remembers the track.
    """
    scanner = config.scanner(structure)
    thickness = config.thickness(structure)
    dz, dy, dx = structure.voxel_size
    # A window is cut from its first face to its last; a tiny share more forgives lengths that are no binary fractions.
    count = max(1, math.floor(structure.shape[0] * dz / thickness + 1e-6))
    shape = (count, *scanner.image_shape(structure.shape))

    def draw() -> dict[str, npt.NDArray[Any]]:
        rng = np.random.default_rng([config.seed, 0xF1B])  # apart from the structure's numbers of the same seed
        return draw_track(
            count, slice_thickness=thickness, voxel_size=structure.voxel_size, wander=config.wander(), rng=rng
        ).to_arrays()

    track = SliceTrack.from_arrays(work.remember("track", draw))
    slices = work.array("slices", shape, np.dtype(config.dtype))
    scanned = partial(scan_slices, structure=structure, scanner=scanner, track=track)
    bytes_per_voxel = np.dtype(config.dtype).itemsize + _SLICE_BYTES * scanner.subsamples / min(count, _BLOCK_SLICES)
    work.map("slices", scanned, _Blank(shape), out=slices, bytes_per_voxel=bytes_per_voxel, whole_slices=True)
    stack = SliceStack(
        slices,
        pixel_size=(dy, dx),
        slice_thickness=thickness,
        milling_direction="+z",
        tilt=scanner.tilt,
        is_tilt_corrected=scanner.is_tilt_corrected,
        name=f"virtual FIB-SEM of {structure.family}, seed {config.seed}",
    )
    return FibsemScanResult(stack, track, _record(structure, scanner, stack, track))


def _record(structure: Structure, scanner: FibsemScanner, stack: SliceStack, track: SliceTrack) -> dict[str, Any]:
    yields = phase_yields(structure, scanner)
    display = scanner.display(yields)
    largest = float(np.iinfo(scanner.dtype).max)
    phases = {}
    for phase in structure.phases:
        if phase.id == COLLECTOR and not math.isfinite(structure.collector):
            continue  # it is not in the window, and has no part in the contrast
        material = structure.materials[phase.id]
        phases[phase.name] = {
            "id": phase.id,
            "material": material.name,
            "mean_atomic_number": mean_atomic_number(material),
            "backscatter_coefficient": backscatter_coefficient(material),
            "grey": float(display.grey(yields.mean[phase.id]) * largest),
        }
    return {
        "instrument": "virtual FIB-SEM, backscattered electrons",
        "shape": list(stack.shape),
        "pixel_size": list(stack.pixel_size or ()),
        "slice_thickness": stack.slice_thickness,
        "milling_direction": stack.milling_direction,
        "tilt_degrees": math.degrees(scanner.tilt),
        "foreshortening": scanner.foreshortening,
        "pores": "resin" if scanner.is_infiltrated else "vacuum",
        "electrons_per_pixel": scanner.electrons if math.isfinite(scanner.electrons) else None,
        "detected_share": scanner.efficiency,
        "phases": phases,
        "jumps": int(np.count_nonzero(track.is_jump)),
        "largest_drift": [float(np.abs(track.dy).max()), float(np.abs(track.dx).max())],
        "conventions": {
            "z": "position of the face, from the centre of the first voxel of the phase map along its z axis",
            "dy, dx": "pixels; what lies at row r, column c of an image without drift appears at r + dy, c + dx",
            "row": "row r without drift shows y = (r + 0.5) / foreshortening - 0.5 in voxels of the phase map",
            "gain, offset": "the image shows gain * grey + offset; offset in units of the largest integer",
        },
    }


@dataclass(frozen=True)
class _Blank:
    """The place where pixels will be: a shape to cut into blocks, nothing to read."""

    shape: tuple[int, int, int]

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        return np.dtype(np.uint8)

    def __getitem__(self, region: Region) -> npt.NDArray[np.uint8]:
        return np.broadcast_to(np.uint8(0), tuple(axis.stop - axis.start for axis in region))
