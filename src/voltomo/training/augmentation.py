"""Crops as another scanner, another day or another position would have shown them.

Geometry (mirrors, quarter turns, small turns, scale, a smooth warp) moves grey values and labels alike; everything else
changes grey values only, through the same artefact kernels as the virtual scanner (`voltomo.synthesis.imaging`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from voltomo.errors import InputError
from voltomo.synthesis.imaging import DegradationRanges, degrade, draw_degradation

__all__ = ["Augmentation", "augment_crop", "reading_margin"]

Interval = tuple[float, float]
"""Lowest and highest value; a strength is drawn evenly between them."""

_WARP_KNOTS = 32  # voxels between the knots of a warp: about the size of a particle, so that outlines stay smooth


@dataclass(frozen=True)
class Augmentation:
    """What may happen to a crop. Grey values are normalised, so that strengths are parts of the grey range.

    The defaults change grey values little: percentiles make scans alike already, and a network that must do without the
    absolute grey loses voids of a few pixels (on one held-out slice of nano-CT 37 of 58 were found after `strong`
    changes, 46 after these, 45 without any). `strong` is for models that shall read other scanners.

    Parameters
    ----------
    flips : mirrors along every axis and, where a crop is square, quarter turns
    warp_chance : of a small turn, a scale and a smooth warp, which cost an interpolation
    rotation : largest turn in the plane, rad
    scale : of structures
    warp : standard deviation of the smooth displacement, voxels
    grey_chance : of a change of grey values
    artefact_chance : of each of rings, drift, cupping and streaks where grey values are changed
    gain, offset : contrast around the middle grey, and brightness
    gamma : exponent of the grey values between 0 and 1
    blur, noise, noise_length, rings, drift, cupping : see `voltomo.synthesis.imaging.DegradationRanges`
    streaks : largest height of straight bright or dark lines
    wedge : largest opening of a missing wedge, rad; 0 for none
    inversion : whether half of the crops have their contrast turned around, for models that must not know which is
        brighter
    """

    flips: bool = True
    warp_chance: float = 0.3
    rotation: float = math.radians(15)
    scale: Interval = (0.8, 1.25)
    warp: float = 1.5
    grey_chance: float = 0.3
    artefact_chance: float = 0.15
    gain: Interval = (0.95, 1.05)
    offset: Interval = (-0.03, 0.03)
    gamma: Interval = (0.9, 1.1)
    blur: Interval = (0.0, 0.4)
    noise: Interval = (0.0, 0.03)
    noise_length: Interval = (0.0, 1.5)
    rings: Interval = (0.005, 0.03)
    drift: Interval = (0.01, 0.03)
    cupping: Interval = (0.02, 0.05)
    streaks: float = 0.1
    wedge: float = 0.0
    inversion: bool = False

    def __post_init__(self) -> None:
        chances = (self.warp_chance, self.grey_chance, self.artefact_chance)
        if not all(0 <= chance <= 1 for chance in chances):
            raise InputError(f"expected chances from 0 to 1, found {chances}")
        if not 0 < self.scale[0] <= self.scale[1]:
            raise InputError(f"expected a scale of two rising positive numbers, found {self.scale}")

    @classmethod
    def strong(cls) -> Augmentation:
        """Grey values of other scanners."""
        return cls(
            grey_chance=0.6,
            gain=(0.8, 1.2),
            offset=(-0.08, 0.08),
            gamma=(0.8, 1.25),
            blur=(0.0, 0.8),
            noise=(0.0, 0.06),
            drift=(0.01, 0.06),
            cupping=(0.02, 0.1),
        )

    @classmethod
    def none(cls) -> Augmentation:
        """Crops as they are."""
        return cls(flips=False, warp_chance=0.0, grey_chance=0.0)

    @property
    def degradation(self) -> DegradationRanges:
        """What the virtual scanner may draw."""
        return DegradationRanges(
            chance=self.artefact_chance,
            shift=0.0,
            blur=self.blur,
            noise=self.noise,
            noise_length=self.noise_length,
            fringe_length=(0.0, 0.0),
            halo=(0.0, 0.0),
            rings=self.rings,
            wedge=(0.0, self.wedge),
            drift=self.drift,
            cupping=self.cupping,
            gain=self.gain,
            offset=self.offset,
            is_inverted=False,
        )


def reading_margin(size: int, augmentation: Augmentation) -> int:
    """Voxels to read beyond a crop on each side, so that turns and scales find something there."""
    if augmentation.warp_chance == 0:
        return 0
    turn = math.cos(augmentation.rotation) + math.sin(augmentation.rotation)
    reach = 0.5 * size * (turn / augmentation.scale[0] - 1) + 3 * augmentation.warp
    return max(0, math.ceil(reach))


def augment_crop(
    grey: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    *,
    size: tuple[int, int],
    margin: tuple[int, int],
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """One crop, changed at random.

    Parameters
    ----------
    grey : (C, Z, Y, X), normalised, read with `margin` on both sides of y and x
    labels : (Z', Y, X); -1 is unlabelled. Z' may be 1 where Z holds neighbours of one labelled slice
    size, margin : of the crop along y and x, voxels
    augmentation : what may happen
    rng : draws it

    Returns
    -------
    (C, Z, *size) float32 and (Z', *size) int64
    """
    if rng.random() < augmentation.warp_chance:
        grey, labels = _warp(grey, labels, size, augmentation, rng)
    else:
        inner = (..., slice(margin[0], margin[0] + size[0]), slice(margin[1], margin[1] + size[1]))
        grey, labels = grey[inner], labels[inner]
    if augmentation.flips:
        grey, labels = _mirror(grey, labels, rng)
    if rng.random() < augmentation.grey_chance:
        grey = _change_grey(grey, augmentation, rng)
    if augmentation.inversion and rng.random() < 0.5:
        grey = 1 - grey
    return np.ascontiguousarray(grey, np.float32), np.ascontiguousarray(labels)


def _warp(
    grey: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    size: tuple[int, int],
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Turn, scale and bend all slices alike; labels by nearest neighbour, unlabelled outside."""
    turn = rng.uniform(-augmentation.rotation, augmentation.rotation)
    scale = math.exp(rng.uniform(*np.log(augmentation.scale)))
    y, x = np.meshgrid(*(np.arange(n) - 0.5 * (n - 1) for n in size), indexing="ij")
    places = np.stack([y * math.cos(turn) - x * math.sin(turn), y * math.sin(turn) + x * math.cos(turn)]) / scale
    knots = tuple(n // _WARP_KNOTS + 3 for n in size)
    for axis in range(2):
        bend = ndimage.zoom(rng.normal(0, augmentation.warp, knots), [n / k for n, k in zip(size, knots, strict=True)])
        places[axis] += bend[: size[0], : size[1]] + 0.5 * (grey.shape[2 + axis] - 1)
    moved = np.empty((*grey.shape[:2], *size), np.float32)
    for channel in range(grey.shape[0]):
        for z in range(grey.shape[1]):
            ndimage.map_coordinates(grey[channel, z], places, output=moved[channel, z], order=1, mode="nearest")
    nearest = np.rint(places).astype(np.intp)
    inside = np.logical_and.reduce([(nearest[k] >= 0) & (nearest[k] < labels.shape[1 + k]) for k in range(2)])
    rows, columns = (np.clip(nearest[k], 0, labels.shape[1 + k] - 1) for k in range(2))
    return moved, np.where(inside, labels[:, rows, columns], -1)


def _mirror(
    grey: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], rng: np.random.Generator
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Mirrors along y, x and, in volumes and stacks of neighbours, z; a quarter turn where the crop is square."""
    for axis in (-1, -2, -3):
        if rng.random() < 0.5:
            grey, labels = np.flip(grey, axis), np.flip(labels, axis)
    if grey.shape[-1] == grey.shape[-2] and rng.random() < 0.5:
        grey, labels = np.swapaxes(grey, -1, -2), np.swapaxes(labels, -1, -2)
    return grey, labels


def _change_grey(
    grey: npt.NDArray[np.float32], augmentation: Augmentation, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Gamma, streaks, and what the virtual scanner draws; every channel is its own image of the same sample."""
    degradation = draw_degradation(rng, augmentation.degradation, shape=grey.shape[1:])
    gamma = math.exp(rng.uniform(*np.log(augmentation.gamma)))
    out = np.empty(grey.shape, np.float32)
    for channel, values in enumerate(grey):
        bent = np.where((values > 0) & (values < 1), np.abs(values) ** gamma, values)
        flat: npt.NDArray[Any] = bent if grey.shape[1] > 1 else bent[0]
        out[channel] = degrade(flat, degradation, rng)
    if augmentation.streaks and rng.random() < augmentation.artefact_chance:
        out += _streaks(grey.shape[-2:], augmentation.streaks, rng)
    return out


def _streaks(shape: tuple[int, ...], height: float, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """A few straight lines, bright or dark, one to three voxels wide, as dense grains throw them (Y, X)."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    image = np.zeros(shape, np.float32)
    for _ in range(int(rng.integers(1, 5))):
        angle, width = rng.uniform(0, math.pi), rng.uniform(0.5, 1.5)
        through = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        distance = (y - through[0]) * math.cos(angle) + (x - through[1]) * math.sin(angle)
        image += (rng.uniform(-height, height) * np.exp(-0.5 * (distance / width) ** 2)).astype(np.float32)
    return image
