"""What is set on a FIB-SEM, and which greys follow from it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from voltomo.synthesis.families import COLLECTOR
from voltomo.synthesis.fibsem.detector import Display
from voltomo.synthesis.fibsem.yields import PhaseYields, find_yields
from voltomo.synthesis.structure import Structure

__all__ = ["FibsemScanner", "phase_yields"]


@dataclass(frozen=True)
class FibsemScanner:
    """A FIB-SEM. With the default of every field it is ideal: phases as even greys.

    Lengths in pixels are those of the structure's voxels in the plane.

    Parameters
    ----------
    tilt : angle between ion beam and electron beam, rad
    is_tilt_corrected : whether the microscope has stretched the image back by 1/sin(tilt)
    is_infiltrated : whether resin fills the pores; if not, deeper material shines through them
    subsamples : points per pixel at which phases are decided, 1 to 4, each in a row and column of its own
    shine_depth : depth at which deeper material has lost all but 1/e of its electrons, m; 0 for black pores
    grain_contrast : largest relative change of grey between grains, where the structure has them
    texture : relative variation of unresolved porosity from place to place
    curtain, streak : largest relative change of grey by curtains behind edges, and from edge to edge
    curtain_width : width of their stripes, pixels
    rim, rim_width : bright rims by charging, relative; standard deviation of their profile, pixels
    trail, trail_length : trails of charging along x, relative; length, pixels
    redeposition : relative darkening at the foot of the face
    probe : standard deviation of the beam's width, pixels
    electrons : of the beam per pixel; infinite for no shot noise
    efficiency : share of the electrons coming back that the detector catches
    bandwidth : standard deviation of the detector's blur along x, pixels
    brightness, contrast : grey of no electrons, and what the brightest phase adds, between 0 and 1
    dtype : "uint8" or "uint16"
    seed : of everything random that belongs to a place
    """

    tilt: float = math.radians(52)
    is_tilt_corrected: bool = True
    is_infiltrated: bool = False
    subsamples: int = 2
    shine_depth: float = 0.0
    grain_contrast: float = 0.0
    texture: float = 0.0
    curtain: float = 0.0
    streak: float = 0.0
    curtain_width: float = 3.0
    rim: float = 0.0
    rim_width: float = 2.0
    trail: float = 0.0
    trail_length: float = 8.0
    redeposition: float = 0.0
    probe: float = 0.0
    electrons: float = math.inf
    efficiency: float = 0.2
    bandwidth: float = 0.0
    brightness: float = 0.10
    contrast: float = 0.55
    dtype: str = "uint8"
    seed: int = 0

    @property
    def foreshortening(self) -> float:
        """Rows of the image per row of the face."""
        return 1.0 if self.is_tilt_corrected else math.sin(self.tilt)

    def image_shape(self, shape: tuple[int, int, int]) -> tuple[int, int]:
        """(Y, X) of an image that shows the window of a structure of this shape."""
        return max(1, round(shape[1] * self.foreshortening)), shape[2]

    def display(self, yields: PhaseYields) -> Display:
        """How yields become grey."""
        largest = float(yields.mean.max()) or 1.0
        return Display(self.brightness, self.contrast, largest, self.dtype)


def phase_yields(structure: Structure, scanner: FibsemScanner) -> PhaseYields:
    """Yields of the phases of a structure, in vacuum or resin; without the collector where the window shows none."""
    materials = dict(structure.materials)
    if not math.isfinite(structure.collector):
        materials.pop(COLLECTOR, None)
    return find_yields(materials, is_infiltrated=scanner.is_infiltrated)
