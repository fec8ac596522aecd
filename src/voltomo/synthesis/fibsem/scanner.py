"""A FIB-SEM as a function from a structure to slices: what is set, and the slices of a block."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voltomo.blocks import Block
from voltomo.synthesis.families import COLLECTOR
from voltomo.synthesis.fibsem.curtains import CurtainState, curtains
from voltomo.synthesis.fibsem.depths import Depths, View
from voltomo.synthesis.fibsem.detector import (
    Display,
    blur_lines,
    blur_probe,
    blur_reach,
    count_electrons,
    foreshorten,
    rows_under,
)
from voltomo.synthesis.fibsem.face import paint_face, paint_phases
from voltomo.synthesis.fibsem.marks import charge_of, charging, redeposition, trail_length
from voltomo.synthesis.fibsem.texture import Texture
from voltomo.synthesis.fibsem.track import SliceTrack
from voltomo.synthesis.fibsem.yields import PhaseYields, find_yields
from voltomo.synthesis.structure import Structure

__all__ = ["FibsemScanner", "phase_yields", "scan_slices"]

Floats = npt.NDArray[np.float32]

_WALK = 128
"""Rows of a face that are painted at once to follow curtains down to a block."""
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


def scan_slices(
    block: Block,
    _blank: npt.NDArray[np.uint8],
    *,
    structure: Structure,
    scanner: FibsemScanner,
    track: SliceTrack,
) -> npt.NDArray[np.generic]:
    """Images of the slices of a block; a function for `voltomo.blocks.map_blocks`, without halo.

    Parameters
    ----------
    block : slices, rows and columns of the stack
    structure : what is cut
    scanner : what the instrument does
    track : where each slice is cut and where and how bright it is seen

    Returns
    -------
    (Z, Y, X) array of ``scanner.dtype``
        The same values however the stack is cut into blocks. Curtains come from the rows above a block, which are
        followed again for each block below another: blocks of whole slices are the fastest.
    """
    slices, rows, columns = block.read
    yields = phase_yields(structure, scanner)
    display = scanner.display(yields)
    needs = _Needs.of(scanner, rows, columns)
    depths = _depths_behind(needs, structure, scanner, track, slices)
    out = np.empty(tuple(part.stop - part.start for part in block.read), scanner.dtype)
    for k in range(slices.start, slices.stop):
        view = View(float(track.z[k]), float(track.dy[k]) / scanner.foreshortening, float(track.dx[k]))
        signal = _light(k, view, needs, structure, scanner, yields, depths)
        signal = _detect(k, signal, needs, scanner)
        out[k - slices.start] = display.levels(signal, gain=float(track.gain[k]), offset=float(track.offset[k]))
    return out


@dataclass(frozen=True)
class _Needs:
    """What a region of an image depends on.

    `rows`, `columns` of the image; the rows of the image with the reach of the probe, `blurred_rows`, and the columns
    with that of the detector, `counted_columns`; rows and columns of the face with the reach of everything; the row of
    the face at which its curtains begin, `top`.
    """

    rows: slice
    columns: slice
    blurred_rows: slice
    counted_columns: slice
    face_rows: slice
    face_columns: slice
    top: int

    @classmethod
    def of(cls, scanner: FibsemScanner, rows: slice, columns: slice) -> _Needs:
        probe, aside = blur_reach(scanner.probe), blur_reach(scanner.bandwidth)
        rim = blur_reach(scanner.rim_width) if scanner.rim != 0 else 0
        trail = trail_length(scanner.trail_length) if scanner.trail != 0 else 0
        blurred = slice(rows.start - probe, rows.stop + probe)
        under = rows_under(blurred, scanner.foreshortening)
        # Curtains start at the upper edge of the image, whatever the block.
        top = rows_under(slice(-probe, 0), scanner.foreshortening).start - rim
        left, right = probe + aside + max(rim, trail), probe + aside + rim
        return cls(
            rows,
            columns,
            blurred,
            slice(columns.start - aside, columns.stop + aside),
            slice(under.start - rim, under.stop + rim),
            slice(columns.start - left, columns.stop + right),
            top if scanner.curtain != 0 else under.start - rim,
        )


def _depths_behind(
    needs: _Needs, structure: Structure, scanner: FibsemScanner, track: SliceTrack, slices: slice
) -> Depths:
    """What can be seen through the pores of some slices."""
    dz, dy, _ = structure.voxel_size
    reach = 0.0 if scanner.is_infiltrated else _FARTHEST * scanner.shine_depth
    # The line of sight enters through the face along +z and sinks along +y by the cotangent of the tilt.
    depths = Depths(structure, reach, dz / dy / math.tan(scanner.tilt), scanner.shine_depth)
    depths.cover(
        _shifted(needs.face_rows, track.dy[slices] / scanner.foreshortening),
        _shifted(needs.face_columns, track.dx[slices]),
    )
    return depths


def _shifted(part: slice, drift: npt.NDArray[np.float64]) -> slice:
    """Places of the specimen that lie on a part of the face in any of several slices."""
    return slice(math.floor(part.start - drift.max()), math.ceil(part.stop - drift.min()))


def _light(
    index: int,
    view: View,
    needs: _Needs,
    structure: Structure,
    scanner: FibsemScanner,
    yields: PhaseYields,
    depths: Depths,
) -> Floats:
    """(R, C) electrons that come back per electron of the beam, over the blurred rows and the columns of the face."""
    face = paint_face(
        structure,
        view,
        (needs.face_rows, needs.face_columns),
        yields=yields,
        subsamples=scanner.subsamples,
        depths=depths,
        texture=Texture(scanner.grain_contrast, scanner.texture, scanner.seed),
    )
    start, drift = (needs.face_rows.start, needs.face_columns.start), (view.row, view.column)
    signal = face.yields
    if scanner.curtain != 0 or scanner.streak != 0:
        signal = signal * (1 + _curtains(index, face.phases, view, needs, structure, scanner, yields))
    if scanner.redeposition != 0:
        signal = signal * (1 + redeposition(needs.face_rows, structure.shape[1], scanner.redeposition))
    if scanner.rim != 0 or scanner.trail != 0:
        signal = signal + float(yields.mean.max()) * charging(
            charge_of(face, yields, is_infiltrated=scanner.is_infiltrated),
            start=start,
            drift=drift,
            slice_index=index,
            rim=scanner.rim,
            rim_width=scanner.rim_width,
            trail=scanner.trail,
            length=scanner.trail_length,
            seed=scanner.seed,
        )
    under = rows_under(needs.blurred_rows, scanner.foreshortening)
    signal = signal[under.start - needs.face_rows.start : under.stop - needs.face_rows.start]
    return foreshorten(signal, needs.blurred_rows, scanner.foreshortening)


def _curtains(
    index: int,
    phases: npt.NDArray[np.uint8],
    view: View,
    needs: _Needs,
    structure: Structure,
    scanner: FibsemScanner,
    yields: PhaseYields,
) -> Floats:
    """Relative change by curtains over the rows and columns of the face, begun at the upper edge of the image."""

    def trace(phases: npt.NDArray[np.uint8], first_row: int, above: CurtainState) -> tuple[Floats, CurtainState]:
        return curtains(
            phases,
            yields.is_void,
            above,
            start=(first_row, needs.face_columns.start),
            drift=(view.row, view.column),
            slice_index=index,
            curtain=scanner.curtain,
            streak=scanner.streak,
            width=scanner.curtain_width,
            seed=scanner.seed,
        )

    state = CurtainState.at_top(phases.shape[1])
    for row in range(needs.top, needs.face_rows.start, _WALK):
        part = slice(row, min(row + _WALK, needs.face_rows.start))
        state = trace(paint_phases(structure, view, (part, needs.face_columns), scanner.subsamples), row, state)[1]
    return trace(phases, needs.face_rows.start, state)[0]


def _detect(index: int, signal: Floats, needs: _Needs, scanner: FibsemScanner) -> Floats:
    """(R, C) yield as the detector has it, over the rows and columns of the image."""
    blurred = blur_probe(signal, scanner.probe)
    top = needs.rows.start - needs.blurred_rows.start
    left = needs.counted_columns.start - needs.face_columns.start
    width = needs.counted_columns.stop - needs.counted_columns.start
    counted = np.ascontiguousarray(blurred[top : top + needs.rows.stop - needs.rows.start, left : left + width])
    if math.isfinite(scanner.electrons):
        counted = count_electrons(
            counted,
            electrons=scanner.electrons * scanner.efficiency,
            slice_index=index,
            place=(needs.rows.start, needs.counted_columns.start),
            seed=scanner.seed,
        )
    aside = needs.columns.start - needs.counted_columns.start
    return blur_lines(counted, scanner.bandwidth)[:, aside : aside + needs.columns.stop - needs.columns.start]
