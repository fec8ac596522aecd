"""From photons to counts: the beam's profile, pixels that differ, shot noise, readout.

All randomness belongs to a pixel and an image, so a region looks the same however a scan is cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.synthesis.noise import lattice_noise, place_hash, uniform, white_noise
from voltomo.synthesis.xray.poisson import draw_poisson

__all__ = ["SATURATION", "Detector", "expose", "find_dead_pixels"]

Image = npt.NDArray[np.float32]

SATURATION = 65535
"""Largest count of a 16-bit detector."""
_FIELDS = 1_000_003
"""Distance between the seeds of different kinds of randomness; the Poisson generator uses the seeds above its own."""
_GAIN, _NONLINEARITY, _DEAD, _DARK, _BEAM, _BANDS = range(1, 7)
_SHOTS = {"projection": (11, 12), "flat": (13, 14), "dark": (15, 16)}
_PER_SCAN = 100
_TEXTURE_LENGTH = 9.0
"""Correlation length of the fine part of the beam's profile, pixels."""

Kind = Literal["projection", "flat", "dark"]


@dataclass(frozen=True)
class Detector:
    """A counting-noise limited detector with 16-bit counts, and the beam on it.

    Parameters
    ----------
    photons : mean number that a pixel detects per image without a sample, in the brightest part of the beam
    counts_per_photon : dimensionless
    illumination : relative amplitude of the beam's profile: a smooth blob, horizontal bands and texture
    illumination_shift : rows by which the profile moves during the scan
    flux_drift : relative change of the beam during the scan
    gain_spread : standard deviation of the pixels' relative gains, which flats correct
    nonlinearity : standard deviation of the pixels' relative deviation from a straight response at half of the open
        beam, times 4; it vanishes without light and in the open beam, so flats do not see it, and makes rings
    dead : share of the pixels that see no light
    dark_level : mean counts without light
    dark_drift : relative change of that level during the scan
    read_noise : standard deviation, counts
    seed : of all this
    scan : number of the scan; its noise is new, its pixels are the same
    """

    photons: float
    counts_per_photon: float
    illumination: float = 0.0
    illumination_shift: float = 0.0
    flux_drift: float = 0.0
    gain_spread: float = 0.0
    nonlinearity: float = 0.0
    dead: float = 0.0
    dark_level: float = 0.0
    dark_drift: float = 0.0
    read_noise: float = 0.0
    seed: int = 0
    scan: int = 0


class _Pixels(NamedTuple):
    """What is fixed about the pixels of a region, each (V, U)."""

    beam_start: Image
    beam_end: Image
    gain: Image
    nonlinearity: Image
    is_dead: npt.NDArray[np.bool_]
    dark: Image


def expose(
    transmission: Image,
    *,
    kind: Kind,
    times: npt.NDArray[np.float64],
    first: tuple[int, int, int],
    shape: tuple[int, int],
    detector: Detector,
) -> npt.NDArray[np.uint16]:
    """Counts that a region of the detector gives in several images.

    Parameters
    ----------
    transmission : (A, V, U), photons that arrive, relative to the beam without a sample
    kind : of the images; a dark gets no photons
    times : (A,) when each is taken, from 0 at the start of the scan to 1 at its end
    first : number of the first image, first row and first column of the region
    shape : (V, U) of the whole detector
    detector : Detector

    Returns
    -------
    (A, V, U) uint16
        The noise of an image is Poisson's, in photons. Counts above 65535 are 65535.
    """
    out = np.empty(transmission.shape, np.uint16)
    rows, columns = transmission.shape[1:]
    pixels = _describe_pixels(detector, first[1], first[2], rows, columns, shape)
    shot, read = (detector.seed + _FIELDS * (field + _PER_SCAN * detector.scan) for field in _SHOTS[kind])
    photons = 0.0 if kind == "dark" else detector.photons
    _count(
        transmission,
        times,
        *pixels,
        photons,
        detector.photons,
        detector.counts_per_photon,
        detector.flux_drift,
        detector.dark_drift,
        detector.read_noise,
        shot,
        read,
        *first,
        out,
    )
    return out


def find_dead_pixels(shape: tuple[int, int], detector: Detector) -> npt.NDArray[np.int64]:
    """(N, 2) rows and columns of the pixels that see no light."""
    return np.argwhere(_is_dead(detector, 0, 0, *shape))


def _describe_pixels(detector: Detector, v: int, u: int, rows: int, columns: int, shape: tuple[int, int]) -> _Pixels:
    region = (slice(0, 1), slice(v, v + rows), slice(u, u + columns))

    def normal(field: int) -> Image:
        return np.asarray(white_noise(region, seed=detector.seed + _FIELDS * field)[0])

    def beam(shift: float) -> Image:
        profile = np.empty((rows, columns), np.float32)
        _fill_beam(profile, v, u, shift, detector.illumination, *shape, detector.seed + _FIELDS * _BEAM)
        return profile

    return _Pixels(
        beam(0.0),
        beam(detector.illumination_shift),
        np.asarray(1 + detector.gain_spread * normal(_GAIN), np.float32),
        np.asarray(detector.nonlinearity * normal(_NONLINEARITY), np.float32),
        _is_dead(detector, v, u, rows, columns),
        np.asarray(detector.dark_level * (1 + 0.02 * normal(_DARK)), np.float32),
    )


def _is_dead(detector: Detector, v: int, u: int, rows: int, columns: int) -> npt.NDArray[np.bool_]:
    mask = np.empty((rows, columns), np.bool_)
    _fill_dead(mask, v, u, detector.dead, detector.seed + _FIELDS * _DEAD)
    return mask


@njit(cache=True, nogil=True)
def _fill_dead(mask: npt.NDArray[np.bool_], v0: int, u0: int, share: float, seed: int) -> None:
    for v in range(mask.shape[0]):
        for u in range(mask.shape[1]):
            mask[v, u] = uniform(place_hash(seed, 0, v0 + v, u0 + u)) < share


@njit(cache=True, nogil=True)
def _fill_beam(
    profile: Image, v0: int, u0: int, shift: float, amplitude: float, rows: int, columns: int, seed: int
) -> None:
    """A blob that falls off towards the edges, bands across, and texture; at most 1."""
    for v in range(profile.shape[0]):
        row = v0 + v - shift
        band = lattice_noise(seed + _BANDS, 0.0, row / (3 * _TEXTURE_LENGTH), 0.5)
        for u in range(profile.shape[1]):
            column = u0 + u
            y, x = 2 * (row + 0.5) / rows - 1, 2 * (column + 0.5) / columns - 1
            texture = lattice_noise(seed, 0.5, row / _TEXTURE_LENGTH, column / _TEXTURE_LENGTH)
            fall = 0.5 * (y * y + x * x)
            profile[v, u] = 1 - amplitude * (fall + 0.25 * (1 + band) + 0.25 * (1 + texture))


@njit(cache=True, nogil=True)
def _count(
    transmission: Image,
    times: npt.NDArray[np.float64],
    beam_start: Image,
    beam_end: Image,
    gain: Image,
    nonlinearity: Image,
    is_dead: npt.NDArray[np.bool_],
    dark: Image,
    photons: float,
    open_beam: float,
    counts_per_photon: float,
    flux_drift: float,
    dark_drift: float,
    read_noise: float,
    shot: int,
    read: int,
    a0: int,
    v0: int,
    u0: int,
    out: npt.NDArray[np.uint16],
) -> None:
    for a in range(out.shape[0]):
        time = times[a]
        flux = photons * (1 + flux_drift * time)
        for v in range(out.shape[1]):
            for u in range(out.shape[2]):
                place = (a0 + a, v0 + v, u0 + u)
                counts = dark[v, u] * (1 + dark_drift * time)
                if photons > 0 and not is_dead[v, u]:
                    beam = beam_start[v, u] + time * (beam_end[v, u] - beam_start[v, u])
                    seen = float(draw_poisson(flux * beam * transmission[a, v, u], shot, *place))
                    bend = 1 + nonlinearity[v, u] * (1 - seen / (open_beam * beam))
                    counts += counts_per_photon * gain[v, u] * bend * seen
                if read_noise > 0:
                    bits = place_hash(read, *place)
                    more = place_hash(read + 1, *place)
                    normal = np.sqrt(-2 * np.log(1 - uniform(bits))) * np.cos(2 * np.pi * uniform(more))
                    counts += read_noise * normal
                out[a, v, u] = np.uint16(min(max(np.rint(counts), 0.0), 65535.0))
