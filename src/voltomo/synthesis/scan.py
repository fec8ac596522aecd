"""What a scanner would show of a phase map: grey levels, blur, noise, rings.

The model works on the reconstructed image, not on projections: it sets a grey level per phase, adds texture inside the
active material, blurs, and adds noise and rings. All randomness belongs to places, so a region looks the same however
it is cut.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy import ndimage

from voltomo.blocks import Block, Region
from voltomo.synthesis.families import ACTIVE, BINDER, CRACK_PHASE, PORE
from voltomo.synthesis.noise import lattice_noise, white_noise

__all__ = ["Scanner", "scan"]

_TRUNCATE = 4.0
"""Standard deviations at which Gaussian filters end."""
_NOISE_FIELD, _RING_FIELD, _TEXTURE_FIELD = 11, 12, 13
_FULL_SCALE = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0}


@dataclass(frozen=True)
class Scanner:
    """An image-domain scanner. Grey levels lie between 0 and 1; the outside of the field of view is 0.

    Parameters
    ----------
    pore, binder, active : grey level of each phase; cracks and voids are as dark as pore
    blur : standard deviation of the point spread, voxels
    noise : standard deviation of the noise in the image
    noise_length : standard deviation of the Gaussian that correlates it, voxels; 0 for white noise
    rings : standard deviation of the ring amplitude; a ring is one voxel wide, constant along z
    texture : amplitude of the grey variation inside the active material
    texture_length : voxels
    dtype : "uint8", "uint16" or "float32"; 1 is the largest integer
    seed : of noise, rings and texture
    """

    pore: float = 0.22
    binder: float = 0.32
    active: float = 0.70
    blur: float = 1.5
    noise: float = 0.03
    noise_length: float = 1.5
    rings: float = 0.01
    texture: float = 0.06
    texture_length: float = 6.0
    dtype: str = "uint16"
    seed: int = 0

    @property
    def halo(self) -> int:
        """Voxels around a region that its scan depends on."""
        return int(_TRUNCATE * self.blur + 0.5) if self.blur > 0 else 0


def scan(
    block: Block, phases: npt.NDArray[np.uint8], *, scanner: Scanner, shape: tuple[int, int, int]
) -> npt.NDArray[np.generic]:
    """Grey values over ``block.read``; right in ``block.write`` if the halo is at least ``scanner.halo``.

    Parameters
    ----------
    block : the region that is read, with its halo
    phases : (Z, Y, X) uint8 over ``block.read``, ids of synthetic electrodes
    scanner : what the instrument does
    shape : (Z, Y, X) of the whole volume; rings are centred on the middle of the (Y, X) plane

    Returns
    -------
    (Z, Y, X) array of ``scanner.dtype``

    Notes
    -----
    Beyond the volume the edge voxels are repeated. A single section (Z = 1) is blurred in its plane only. The noise has
    the stated standard deviation after it has been correlated.
    """
    levels = np.zeros(256, np.float32)
    levels[[PORE, ACTIVE, BINDER, CRACK_PHASE]] = scanner.pore, scanner.active, scanner.binder, scanner.pore
    grey = levels[phases]
    if scanner.texture > 0:
        _add_texture(
            grey, phases, *block.origin, scanner.texture, scanner.texture_length, scanner.seed + _TEXTURE_FIELD
        )
    if scanner.blur > 0:
        sigma = [scanner.blur if n > 1 else 0.0 for n in shape]
        grey = ndimage.gaussian_filter(grey, sigma, mode="nearest", truncate=_TRUNCATE)
    if scanner.noise > 0:
        grey += scanner.noise * _correlated_noise(block.read, scanner, shape)
    if scanner.rings > 0:
        grey += scanner.rings * _rings(block.read, scanner, shape)
    grey[phases == 0] = 0.0
    if scanner.dtype == "float32":
        return np.asarray(grey)
    scale = _FULL_SCALE[scanner.dtype]
    return np.asarray(np.rint(np.clip(grey, 0, 1) * scale), scanner.dtype)


@njit(cache=True, nogil=True)
def _add_texture(
    grey: npt.NDArray[np.float32],
    phases: npt.NDArray[np.uint8],
    z0: int,
    y0: int,
    x0: int,
    amplitude: float,
    length: float,
    seed: int,
) -> None:
    for z in range(grey.shape[0]):
        for y in range(grey.shape[1]):
            for x in range(grey.shape[2]):
                if phases[z, y, x] == ACTIVE:
                    grey[z, y, x] += amplitude * lattice_noise(
                        seed, (z0 + z) / length, (y0 + y) / length, (x0 + x) / length
                    )


def _correlated_noise(region: Region, scanner: Scanner, shape: tuple[int, int, int]) -> npt.NDArray[np.float32]:
    """White noise through a Gaussian, scaled to a standard deviation of 1."""
    seed = scanner.seed + _NOISE_FIELD
    if scanner.noise_length == 0:
        return white_noise(region, seed=seed)
    offsets = np.arange(-(reach := math.ceil(_TRUNCATE * scanner.noise_length)), reach + 1)
    kernel = np.exp(-0.5 * (offsets / scanner.noise_length) ** 2)
    kernel /= np.sqrt(np.sum(kernel**2))  # unit energy keeps the variance of white noise
    reaches = [reach if n > 1 else 0 for n in shape]
    z, y, x = (slice(axis.start - r, axis.stop + r) for axis, r in zip(region, reaches, strict=True))
    field = white_noise((z, y, x), seed=seed)
    for axis, r in enumerate(reaches):
        if r:
            field = ndimage.convolve1d(field, kernel, axis=axis)
    inner = tuple(slice(r, n - r) for r, n in zip(reaches, field.shape, strict=True))
    return np.asarray(field[inner], np.float32)


def _rings(region: Region, scanner: Scanner, shape: tuple[int, int, int]) -> npt.NDArray[np.float32]:
    """(1, Y, X) amplitudes by distance from the rotation axis; one in five detector columns is off."""
    y = np.arange(region[1].start, region[1].stop) - 0.5 * (shape[1] - 1)
    x = np.arange(region[2].start, region[2].stop) - 0.5 * (shape[2] - 1)
    radius = np.hypot(y[:, None], x)
    count = math.ceil(math.hypot(shape[1], shape[2]) / 2) + 2
    normal = white_noise((slice(0, 1), slice(0, 2), slice(0, count)), seed=scanner.seed + _RING_FIELD)[0]
    # |second| > 1.28 holds for 20 % of a normal distribution; √5 keeps the standard deviation at 1.
    column = np.where(np.abs(normal[1]) > 1.28, normal[0] * np.sqrt(5), 0.0)
    return np.asarray(np.interp(radius, np.arange(count), column), np.float32)[None]
