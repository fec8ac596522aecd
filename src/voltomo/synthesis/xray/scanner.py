"""One region of a stack of projections: rays through the sample, the wave behind it, the pixels it falls on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from voltomo.artifacts import ArrayLike
from voltomo.blocks import Region
from voltomo.synthesis.xray.attenuation import OpticalConstants, Spectrum, wavelength
from voltomo.synthesis.xray.geometry import ParallelGeometry
from voltomo.synthesis.xray.pixels import add_transmission, average_into_pixels
from voltomo.synthesis.xray.projector import LANES, project_slab
from voltomo.synthesis.xray.wave import WaveOptics, propagate, transfer_function

__all__ = ["Specimen", "XrayOptics", "scan_region"]

Image = npt.NDArray[np.float32]

_TRUNCATE = 4.0
"""Standard deviations at which the point spread ends."""
_BATCH_BYTES = 64_000_000
"""Of line integrals that are held at once; it decides how many angles go together."""
_STRIP = 128
"""Rows along y that are read at once: whole chunks of a stored sample."""
TILE = 256
"""Pixels per edge of the pieces in which waves travel; they lie on one grid, however the scan is cut, so that the
Fourier transforms, and with them the last bit of each result, stay the same."""


@dataclass(frozen=True)
class Specimen:
    """A sample on the fine grid.

    Parameters
    ----------
    phases : (Y', X', Z') uint8 array-like, `factor` voxels per detector pixel along each edge; z last, because rays
        cross all z alike
    factor : fine voxels per detector pixel
    margin : detector rows by which the array goes beyond the window, below and above
    is_cylinder : whether all phases lie within the circle inscribed in (Y', X')
    """

    phases: ArrayLike
    factor: int
    margin: int
    is_cylinder: bool


@dataclass(frozen=True)
class XrayOptics:
    """How the sample changes the beam, and what the beam goes through then.

    Parameters
    ----------
    pixel_size : m
    spectrum : photons by energy
    constants : per energy, the optical constants of each phase id; ids that are missing are empty space
    wave : free space and phase ring
    blur : standard deviation of the detector's point spread, pixels
    """

    pixel_size: float
    spectrum: Spectrum
    constants: Sequence[dict[int, OpticalConstants]]
    wave: WaveOptics
    blur: float = 0.0

    def reach(self, factor: int) -> int:
        """Pixels around a region that its image depends on."""
        blur = math.ceil(_blur_reach(self.blur * factor) / factor)
        spacing = self.pixel_size / factor
        waves = max(self.wave.reach(spacing=spacing, energy=e) for e in self.spectrum.energies)
        return blur + (0 if self.wave.is_trivial else math.ceil(waves / self.pixel_size) + 1)


def scan_region(region: Region, specimen: Specimen, geometry: ParallelGeometry, optics: XrayOptics) -> Image:
    """Share of the open beam's photons that reaches each pixel.

    Parameters
    ----------
    region : slices along angle, row and column
    specimen, geometry, optics : what is scanned, and how

    Returns
    -------
    (A, V, U) float32 array over the region
        The mean over each pixel's area of the intensity (not of the line integral).
    """
    out = np.empty(tuple(axis.stop - axis.start for axis in region), np.float32)
    for tile in _tiles(region, geometry, optics):
        scanned = [_overlap(axis, part) for axis, part in zip(region[1:], tile, strict=True)]
        for angles in _batches(region[0], tile, specimen, optics):
            images = _scan_tile(angles, tile, specimen, geometry, optics)
            here = tuple(slice(s.start - a.start, s.stop - a.start) for s, a in zip(scanned, region[1:], strict=True))
            there = tuple(slice(s.start - t.start, s.stop - t.start) for s, t in zip(scanned, tile, strict=True))
            first = angles.start - region[0].start
            out[(slice(first, first + len(images)), *here)] = images[(slice(None), *there)]
    return out


def _tiles(region: Region, geometry: ParallelGeometry, optics: XrayOptics) -> Iterator[tuple[slice, slice]]:
    """The region itself, or for waves all pieces of the fixed grid that it meets."""
    if optics.wave.is_trivial:
        yield region[1], region[2]
        return
    starts = [range(axis.start // TILE * TILE, axis.stop, TILE) for axis in region[1:]]
    for v in starts[0]:
        for u in starts[1]:
            yield slice(v, min(v + TILE, geometry.shape[0])), slice(u, min(u + TILE, geometry.shape[1]))


def _overlap(one: slice, two: slice) -> slice:
    return slice(max(one.start, two.start), min(one.stop, two.stop))


def _batches(angles: slice, tile: tuple[slice, slice], specimen: Specimen, optics: XrayOptics) -> Iterator[slice]:
    """Angles whose line integrals fit into memory together."""
    around = 2 * optics.reach(specimen.factor)
    edges = [(axis.stop - axis.start + around) * specimen.factor for axis in tile]
    sums = len(optics.spectrum.energies) * (1 if optics.wave.is_trivial else 2)
    count = max(1, _BATCH_BYTES // (4 * edges[0] * edges[1] * sums))
    for start in range(angles.start, angles.stop, count):
        yield slice(start, min(start + count, angles.stop))


def _scan_tile(
    angles: slice, tile: tuple[slice, slice], specimen: Specimen, geometry: ParallelGeometry, optics: XrayOptics
) -> Image:
    """(A, V, U) pixels of a tile."""
    factor, reach = specimen.factor, optics.reach(specimen.factor)
    low, high = _rows_seen(tile[0], angles, geometry)
    rows = slice((low - reach) * factor, (high + reach) * factor)
    columns = slice((tile[1].start - reach) * factor, (tile[1].stop + reach) * factor)
    sums = _integrate(angles, rows, columns, specimen, geometry, optics)
    out = np.empty((len(sums), tile[0].stop - tile[0].start, tile[1].stop - tile[1].start), np.float32)
    factors = _transfer_functions(sums.shape[2:], specimen, optics)
    for i, fields in enumerate(sums):
        fine = _intensity(fields, factors, optics)
        if optics.blur > 0:
            ndimage.gaussian_filter(fine, optics.blur * factor, mode="nearest", truncate=_TRUNCATE, output=fine)
        shift = float(geometry.offset_v[angles.start + i])
        first = tile[0].start, tile[1].start
        average_into_pixels(fine, factor, (rows.start, columns.start), first, shift, out[i])
    return out


def _rows_seen(rows: slice, angles: slice, geometry: ParallelGeometry) -> tuple[int, int]:
    """Rows of the sample that the detector's rows see; the same for all angles, so that batches change nothing."""
    low = math.floor(rows.start - float(geometry.offset_v.max()))
    high = math.ceil(rows.stop - float(geometry.offset_v.min()))
    return low, high


def _integrate(
    angles: slice,
    rows: slice,
    columns: slice,
    specimen: Specimen,
    geometry: ParallelGeometry,
    optics: XrayOptics,
) -> Image:
    """(A, F, V, U) line integrals over fine rows and columns, counted from the window's first row and column 0."""
    ids, weights = _weights(specimen, optics)
    factor = specimen.factor
    size = angles.stop - angles.start, len(weights), rows.stop - rows.start, columns.stop - columns.start
    out = np.empty(size, np.float32)
    position = (np.arange(columns.start, columns.stop) + 0.5) / factor - 0.5
    offsets = (position - geometry.offset_u[angles, None]) * factor
    shift = specimen.margin * factor
    ny, nx, depth = (int(n) for n in specimen.phases.shape)
    start, stop = rows.start + shift, rows.stop + shift
    assert 0 <= start < stop <= depth, "the sample was painted as high as the scan sees"
    slab = np.zeros((ny, nx, LANES), np.uint8)
    for first in range(start // LANES * LANES, stop, LANES):
        wanted = slice(max(first, start), min(first + LANES, stop))
        for y in range(0, ny, _STRIP):
            strip = np.asarray(specimen.phases[y : y + _STRIP, :, wanted])
            slab[y : y + _STRIP, :, : strip.shape[2]] = strip
        project_slab(
            slab,
            ids=ids,
            weights=weights,
            directions=geometry.directions[angles],
            offsets=offsets,
            radius=0.5 * min(ny, nx) if specimen.is_cylinder else None,
            out=out,
            rows=slice(wanted.start - start, wanted.stop - start),
        )
    return out


def _weights(specimen: Specimen, optics: XrayOptics) -> tuple[npt.NDArray[np.uint8], Image]:
    """Phase ids that are not empty, and (F, K) what a fine voxel edge of each adds to each line integral.

    Without waves the sums are the attenuation at each energy; with waves each is followed by the phase shift.
    """
    edge = optics.pixel_size / specimen.factor
    used = sorted({i for table in optics.constants for i, c in table.items() if c.mu != 0 or c.delta != 0})
    rows = []
    for energy, table in zip(optics.spectrum.energies, optics.constants, strict=True):
        found = [table.get(i, OpticalConstants(0.0, 0.0)) for i in used]
        rows.append([c.mu * edge for c in found])
        if not optics.wave.is_trivial:
            rows.append([2 * math.pi / wavelength(energy) * c.delta * edge for c in found])
    return np.array(used, np.uint8), np.array(rows, np.float32).reshape(len(rows), len(used))


def _transfer_functions(
    shape: tuple[int, ...], specimen: Specimen, optics: XrayOptics
) -> list[npt.NDArray[np.complex64]]:
    """One per energy, for waves a little larger than the tile; none without waves."""
    if optics.wave.is_trivial:
        return []
    size = fft.next_fast_len(shape[0]), fft.next_fast_len(shape[1])
    spacing = optics.pixel_size / specimen.factor
    return [
        transfer_function(size, spacing=spacing, energy=energy, optics=optics.wave)
        for energy in optics.spectrum.energies
    ]


def _intensity(fields: Image, factors: Sequence[npt.NDArray[np.complex64]], optics: XrayOptics) -> Image:
    """(V, U) mean intensity over the spectrum, relative to the open beam."""
    fine = np.zeros(fields.shape[1:], np.float32)
    for i, weight in enumerate(optics.spectrum.weights):
        if factors:
            fine += np.float32(weight) * propagate(fields[2 * i], fields[2 * i + 1], factors[i])
        else:
            add_transmission(fields[i], weight, fine)
    return fine


def _blur_reach(sigma: float) -> int:
    """Samples after which a Gaussian filter ends."""
    return int(_TRUNCATE * sigma + 0.5) if sigma > 0 else 0
