"""One set of artefact strengths, and how to draw one at random."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from voltomo.synthesis.imaging.brightness import Brightness
from voltomo.synthesis.imaging.image_noise import Noise
from voltomo.synthesis.imaging.optics import Optics
from voltomo.synthesis.imaging.rings import Rings
from voltomo.synthesis.imaging.sampling import Sampling
from voltomo.synthesis.imaging.wedge import Wedge

__all__ = ["Degradation", "DegradationRanges", "draw_degradation"]

Interval = tuple[float, float]
"""Lowest and highest value; a strength is drawn evenly between them."""


@dataclass(frozen=True)
class Degradation:
    """What an instrument does to an image, in the order in which it is done. The default changes nothing.

    Parameters
    ----------
    sampling : partial volume
    optics : blur, fringes, halo
    noise, rings : added to the image
    wedge : what no projection saw; it takes part of noise and rings with it
    brightness : cupping, drift, gain, offset
    """

    sampling: Sampling = field(default_factory=Sampling)
    optics: Optics = field(default_factory=Optics)
    noise: Noise = field(default_factory=Noise)
    rings: Rings = field(default_factory=Rings)
    wedge: Wedge = field(default_factory=Wedge)
    brightness: Brightness = field(default_factory=Brightness)


@dataclass(frozen=True)
class DegradationRanges:
    """Between what `draw_degradation` draws. Grey values are taken to span 0 to 1; lengths are voxels, angles rad.

    Parameters
    ----------
    chance : probability of each artefact that not every scan has: fringes, halo, rings, wedge, drift, cupping
    coarsening : edge of a voxel of the result in voxels of the input
    shift : largest shift of the grid along each axis
    blur, noise, noise_length, rings, drift, cupping, offset : strengths
    noise_kernels : correlations of measured noise, one of which is drawn; none for Gaussians of `noise_length`
    fringe_length, fringes : √(λ·z), and δ/β·fringe_length²/4π: by how much an edge overshoots, in its second derivative
    halo, halo_length : of Zernike phase contrast
    background : grey of empty space, which a halo leaves as it is
    ring_distance : of the axis of rotation from the middle of the patch
    wedge : opening angle
    drift_length : of the brightness
    gain : contrast around the middle grey
    is_inverted : whether contrast is turned around in half of the draws
    """

    chance: float = 0.5
    coarsening: int = 1
    shift: float = 0.1
    blur: Interval = (0.7, 2.5)
    noise: Interval = (0.01, 0.12)
    noise_length: Interval = (0.0, 2.0)
    noise_kernels: tuple[npt.NDArray[np.floating], ...] = ()
    fringe_length: Interval = (0.5, 1.5)
    fringes: Interval = (0.3, 2.0)
    halo: Interval = (0.1, 0.5)
    halo_length: Interval = (6.0, 16.0)
    background: float = 0.22
    rings: Interval = (0.005, 0.04)
    ring_distance: Interval = (0.0, 1000.0)
    wedge: Interval = (math.radians(5), math.radians(60))
    drift: Interval = (0.01, 0.08)
    drift_length: Interval = (40.0, 160.0)
    cupping: Interval = (0.02, 0.15)
    gain: Interval = (0.7, 1.3)
    offset: Interval = (-0.1, 0.1)
    is_inverted: bool = False


def draw_degradation(rng: np.random.Generator, ranges: DegradationRanges, *, shape: tuple[int, ...]) -> Degradation:
    """Strengths for one patch.

    Parameters
    ----------
    rng : Generator
    ranges : what may be drawn
    shape : (Y, X) or (Z, Y, X) of the patch before it is coarsened; it decides where the axis of rotation lies

    Returns
    -------
    Degradation
    """

    def draw(interval: Interval) -> float:
        return float(rng.uniform(*interval))

    def maybe(interval: Interval) -> float:
        strength = draw(interval)
        return strength if rng.random() < ranges.chance else 0.0

    middle = [0.5 * (n // ranges.coarsening - 1) for n in shape[-2:]]
    distance, turn = draw(ranges.ring_distance), draw((0.0, 2 * math.pi))
    axis = (middle[0] + distance * math.sin(turn), middle[1] + distance * math.cos(turn))
    fringe_length = maybe(ranges.fringe_length)
    overshoot = draw(ranges.fringes)
    kernels = ranges.noise_kernels
    length = draw(ranges.drift_length)
    gain = draw(ranges.gain) * (-1 if ranges.is_inverted and rng.random() < 0.5 else 1)
    z, y, x = rng.uniform(-ranges.shift, ranges.shift, 3).tolist()
    return Degradation(
        sampling=Sampling(ranges.coarsening, (z if len(shape) == 3 else 0.0, y, x)),
        optics=Optics(
            blur=draw(ranges.blur),
            fringe_length=fringe_length,
            fringes=4 * math.pi * overshoot / fringe_length**2 if fringe_length else 0.0,
            halo=maybe(ranges.halo),
            halo_length=draw(ranges.halo_length),
            background=ranges.background,
        ),
        noise=Noise(
            draw(ranges.noise),
            draw(ranges.noise_length),
            kernels[int(rng.integers(len(kernels)))] if kernels else None,
        ),
        rings=Rings(maybe(ranges.rings), axis),
        wedge=Wedge(maybe(ranges.wedge), draw((0.0, math.pi))),
        brightness=Brightness(
            drift=maybe(ranges.drift),
            drift_lengths=(length, length, length),
            cupping=maybe(ranges.cupping),
            radius=distance + 0.5 * max(shape[-2:]),
            axis=axis,
            gain=gain,
            offset=draw(ranges.offset),
        ),
    )
