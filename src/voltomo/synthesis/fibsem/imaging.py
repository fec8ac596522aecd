"""Slices of a structure: each face is cut, lit, and seen by the detector, over the region of one block."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voltomo.blocks import Block
from voltomo.synthesis.fibsem.curtains import CurtainState, curtains
from voltomo.synthesis.fibsem.depths import Depths, View
from voltomo.synthesis.fibsem.detector import (
    blur_lines,
    blur_probe,
    blur_reach,
    count_electrons,
    foreshorten,
    rows_under,
)
from voltomo.synthesis.fibsem.face import paint_face, paint_phases
from voltomo.synthesis.fibsem.marks import charge_of, charging, redeposition, trail_length
from voltomo.synthesis.fibsem.scanner import FibsemScanner, phase_yields
from voltomo.synthesis.fibsem.texture import Texture
from voltomo.synthesis.fibsem.track import SliceTrack
from voltomo.synthesis.fibsem.yields import PhaseYields
from voltomo.synthesis.structure import Structure

__all__ = ["scan_slices"]

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_WALK = 128
"""Rows of a face that are painted at once to follow curtains down to a block."""
_FARTHEST = 3.0
"""Depths of attenuation to which deeper material shows; beyond, less than a twentieth is left."""


def scan_slices(
    block: Block,
    _blank: Bytes,
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
    run = _Run.of(structure, scanner, track, block)
    display = scanner.display(run.yields)
    out = np.empty((slices.stop - slices.start, rows.stop - rows.start, columns.stop - columns.start), scanner.dtype)
    for k in range(slices.start, slices.stop):
        view = View(float(track.z[k]), float(track.dy[k]) / scanner.foreshortening, float(track.dx[k]))
        signal = _detect(run, k, _light(run, k, view))
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
        left, right = probe + aside + max(rim, trail), probe + aside + rim
        # Curtains start at the upper edge of the image, whatever the block.
        edge = rows_under(slice(-probe, 0), scanner.foreshortening).start if scanner.curtain != 0 else under.start
        return cls(
            rows,
            columns,
            blurred,
            slice(columns.start - aside, columns.stop + aside),
            slice(under.start - rim, under.stop + rim),
            slice(columns.start - left, columns.stop + right),
            edge - rim,
        )


@dataclass(frozen=True)
class _Run:
    """What the slices of a block have in common."""

    structure: Structure
    scanner: FibsemScanner
    yields: PhaseYields
    needs: _Needs
    depths: Depths

    @classmethod
    def of(cls, structure: Structure, scanner: FibsemScanner, track: SliceTrack, block: Block) -> _Run:
        slices, rows, columns = block.read
        needs = _Needs.of(scanner, rows, columns)
        dz, dy, _ = structure.voxel_size
        reach = 0.0 if scanner.is_infiltrated else _FARTHEST * scanner.shine_depth
        # The line of sight enters through the face along +z and sinks along +y by the cotangent of the tilt.
        depths = Depths(structure, reach, dz / dy / math.tan(scanner.tilt), scanner.shine_depth)
        depths.cover(
            _shifted(needs.face_rows, track.dy[slices] / scanner.foreshortening),
            _shifted(needs.face_columns, track.dx[slices]),
        )
        return cls(structure, scanner, phase_yields(structure, scanner), needs, depths)


def _shifted(part: slice, drift: npt.NDArray[np.float64]) -> slice:
    """Places of the specimen that lie on a part of the face in any of several slices."""
    return slice(math.floor(part.start - drift.max()), math.ceil(part.stop - drift.min()))


def _light(run: _Run, index: int, view: View) -> Floats:
    """(R, C) electrons that come back per electron of the beam, over the blurred rows and the columns of the face."""
    scanner, needs = run.scanner, run.needs
    face = paint_face(
        run.structure,
        view,
        (needs.face_rows, needs.face_columns),
        yields=run.yields,
        subsamples=scanner.subsamples,
        depths=run.depths,
        texture=Texture(scanner.grain_contrast, scanner.texture, scanner.seed),
    )
    signal = face.yields
    if scanner.curtain != 0 or scanner.streak != 0:
        signal = signal * (1 + _curtains(run, index, view, face.phases))
    if scanner.redeposition != 0:
        signal = signal * (1 + redeposition(needs.face_rows, run.structure.shape[1], scanner.redeposition))
    if scanner.rim != 0 or scanner.trail != 0:
        signal = signal + float(run.yields.mean.max()) * charging(
            charge_of(face, run.yields, is_infiltrated=scanner.is_infiltrated),
            start=(needs.face_rows.start, needs.face_columns.start),
            drift=(view.row, view.column),
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


def _curtains(run: _Run, index: int, view: View, phases: Bytes) -> Floats:
    """Relative change by curtains over the rows and columns of the face, begun at the upper edge of the image."""
    scanner, needs = run.scanner, run.needs

    def trace(phases: Bytes, first_row: int, above: CurtainState) -> tuple[Floats, CurtainState]:
        return curtains(
            phases,
            run.yields.is_void,
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
        painted = paint_phases(run.structure, view, (part, needs.face_columns), scanner.subsamples)
        state = trace(painted, row, state)[1]
    return trace(phases, needs.face_rows.start, state)[0]


def _detect(run: _Run, index: int, signal: Floats) -> Floats:
    """(R, C) yield as the detector has it, over the rows and columns of the image."""
    scanner, needs = run.scanner, run.needs
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
