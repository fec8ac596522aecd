"""A FIB-SEM as a function from a structure to slices: what is set, and the slices of a block."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voltomo.blocks import Block
from voltomo.synthesis.fibsem.detector import (
    Display,
    blur_lines,
    blur_probe,
    blur_reach,
    count_electrons,
    foreshorten,
    rows_under,
)
from voltomo.synthesis.fibsem.face import Depths, PhaseYields, View, find_yields, paint_face
from voltomo.synthesis.fibsem.marks import CHARGE, charging, curtains, redeposition, trail_length
from voltomo.synthesis.fibsem.track import SliceTrack
from voltomo.synthesis.structure import Structure

__all__ = ["FibsemScanner", "phase_yields", "scan_slices"]

_FARTHEST = 3.0
"""Depths of attenuation to which deeper material shows; beyond, less than a twentieth is left."""


@dataclass(frozen=True)
class FibsemScanner:
    """A FIB-SEM. With the default of every field it is ideal: phases as even greys.

    Lengths in pixels are those of the structure's voxels in the plane.

    Parameters
    ----------
    tilt : angle between ion beam and electron beam, rad
    is_tilt_corrected : whether the microscope has stretched the image back by 1/sin(tilt)
    is_infiltrated : whether resin fills the pores; if not, deeper material shines through them
    subsamples : points per pixel edge at which phases are decided
    shine_depth : depth at which deeper material has lost all but 1/e of its electrons, m; 0 for black pores
    grain_contrast : largest relative change of grey between grains
    grain_size : mean width of grains, m
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
    grain_size: float = 1e-6
    texture: float = 0.0
    curtain: float = 0.0
    streak: float = 0.0
    curtain_width: float = 3.0
    rim: float = 0.0
    rim_width: float = 2.0
    trail: float = 0.0
    trail_length: float = 12.0
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
        return Display(brightness=self.brightness, contrast=self.contrast, largest=largest, dtype=self.dtype)


def phase_yields(structure: Structure, scanner: FibsemScanner) -> PhaseYields:
    """Yields of the phases of a structure, in vacuum or resin."""
    return find_yields(structure.materials, is_infiltrated=scanner.is_infiltrated)


def scan_slices(
    block: Block,
    _blank: npt.NDArray[np.uint8],
    *,
    structure: Structure,
    scanner: FibsemScanner,
    track: SliceTrack,
) -> npt.NDArray[np.generic]:
    """Images of the slices of a block; a block function for `voltomo.blocks.map_blocks`, without halo.

    Parameters
    ----------
    block : slices, rows and columns of the stack
    structure : what is cut
    scanner : what the instrument does
    track : where and how each slice is cut and seen

    Returns
    -------
    (Z, Y, X) array of ``scanner.dtype``
        The same values however the stack is cut into blocks. Curtains need all rows above a block, which are painted
        again for each block below another: blocks of whole slices are the fastest.
    """
    slices, rows, columns = block.read
    yields = phase_yields(structure, scanner)
    out = np.empty(tuple(part.stop - part.start for part in block.read), scanner.dtype)
    dz, dy, _ = structure.voxel_size
    # The line of sight enters through the face along +z and sinks along +y by the cotangent of the tilt.
    reach = 0.0 if scanner.is_infiltrated else _FARTHEST * scanner.shine_depth
    depths = Depths(structure, reach, dz / dy / math.tan(scanner.tilt))
    face_rows, face_columns, _ = _face_region(scanner, rows, columns)
    dys = track.dy[slices] / scanner.foreshortening
    depths.cover(
        slice(math.floor(face_rows.start - dys.max()), math.ceil(face_rows.stop - dys.min())),
        slice(
            math.floor(face_columns.start - track.dx[slices].max()),
            math.ceil(face_columns.stop - track.dx[slices].min()),
        ),
    )
    for k in range(slices.start, slices.stop):
        out[k - slices.start] = _one_slice(k, (rows, columns), structure, scanner, track, yields, depths)
    return out


def _face_region(scanner: FibsemScanner, rows: slice, columns: slice) -> tuple[slice, slice, slice]:
    """Rows and columns of the face that an image region depends on, and the rows of the image they lie under."""
    probe, bandwidth = blur_reach(scanner.probe), blur_reach(scanner.bandwidth)
    rim = blur_reach(scanner.rim_width) if scanner.rim != 0 else 0
    trail = trail_length(scanner.trail_length) if scanner.trail != 0 else 0
    image_rows = slice(rows.start - probe, rows.stop + probe)
    under = rows_under(image_rows, scanner.foreshortening)
    # Curtains start at the upper edge of the image, whatever the block.
    top = rows_under(slice(-probe, 0), scanner.foreshortening).start - rim if scanner.curtain != 0 else under.start - rim
    left, right = probe + bandwidth + max(rim, trail), probe + bandwidth + rim
    return slice(top, under.stop + rim), slice(columns.start - left, columns.stop + right), image_rows


def _one_slice(
    index: int,
    image: tuple[slice, slice],
    structure: Structure,
    scanner: FibsemScanner,
    track: SliceTrack,
    yields: PhaseYields,
    depths: Depths,
) -> npt.NDArray[np.generic]:
    """One image over a region of rows and columns."""
    rows, columns = image
    face_rows, face_columns, image_rows = _face_region(scanner, rows, columns)
    factor = scanner.foreshortening
    view = View(float(track.z[index]), float(track.dy[index]) / factor, float(track.dx[index]))
    face = paint_face(
        structure,
        view,
        (face_rows, face_columns),
        yields=yields,
        subsamples=scanner.subsamples,
        depths=depths,
        grain_size=scanner.grain_size,
        grain_contrast=scanner.grain_contrast,
        texture=scanner.texture,
        attenuation=scanner.shine_depth,
        seed=scanner.seed,
    )
    place = (face_rows.start - view.row, face_columns.start - view.column)
    signal = face.yields
    change = np.zeros_like(signal)
    if scanner.curtain != 0 or scanner.streak != 0:
        change += curtains(
            face.phases,
            yields.is_void,
            place=place,
            slice_index=index,
            curtain=scanner.curtain,
            streak=scanner.streak,
            width=scanner.curtain_width,
            seed=scanner.seed,
        )
    if scanner.redeposition != 0:
        height = math.ceil(structure.shape[1])
        change += redeposition(face_rows, height, scanner.redeposition)
    signal = signal * (1 + change)
    if scanner.rim != 0 or scanner.trail != 0:
        charge = np.zeros(256, np.float32)
        charge[list(CHARGE)] = list(CHARGE.values())
        solid = charge * ~yields.is_void
        charged = solid[face.phases] * (1 - face.void_share) + (0 if scanner.is_infiltrated else face.void_share)
        glow = charging(
            np.asarray(charged, np.float32),
            place=place,
            slice_index=index,
            rim=scanner.rim,
            rim_width=scanner.rim_width,
            trail=scanner.trail,
            length=scanner.trail_length,
            seed=scanner.seed,
        )
        signal = signal + glow * float(yields.mean.max())
    under = rows_under(image_rows, factor)
    signal = foreshorten(signal[under.start - face_rows.start : under.stop - face_rows.start], image_rows, factor)
    signal = blur_probe(signal, scanner.probe)
    left = columns.start - face_columns.start
    width = columns.stop - columns.start
    aside = blur_reach(scanner.bandwidth)
    edge = blur_reach(scanner.probe)
    signal = signal[edge : edge + rows.stop - rows.start, left - aside : left + width + aside]
    if math.isfinite(scanner.electrons):
        signal = count_electrons(
            np.ascontiguousarray(signal),
            electrons=scanner.electrons * scanner.efficiency,
            slice_index=index,
            place=(rows.start, columns.start - aside),
            seed=scanner.seed,
        )
    signal = blur_lines(signal, scanner.bandwidth)[:, aside : aside + width]
    return scanner.display(yields).levels(signal, gain=float(track.gain[index]), offset=float(track.offset[index]))


