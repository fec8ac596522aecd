"""The instrument over regions of a volume, with randomness tied to places: every cutting gives the same voxels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike
from voltomo.blocks import Block, Region
from voltomo.synthesis.imaging.brightness import change_brightness
from voltomo.synthesis.imaging.degradation import Degradation
from voltomo.synthesis.imaging.image_noise import noise_at
from voltomo.synthesis.imaging.optics import image_through
from voltomo.synthesis.imaging.rings import ring_pattern
from voltomo.synthesis.imaging.wedge import remove_wedge

__all__ = ["ImageScanner", "observe", "observe_without_wedge", "scan_block"]

Image = npt.NDArray[np.float32]

_FULL_SCALE = {"uint8": 255.0, "uint16": 65535.0}
# Added to the seed of a scan, so that its random fields differ.
_NOISE_FIELD, _RING_FIELD, _DRIFT_FIELD = 11, 12, 14


@dataclass(frozen=True, eq=False)
class ImageScanner:
    """An instrument in front of a volume.

    Parameters
    ----------
    degradation : what it does; the sampling has been done before
    shape : (Z, Y, X) of the volume
    dtype : "uint8", "uint16" or "float32"; grey 1 is the largest integer
    seed : of noise, rings and drift
    """

    degradation: Degradation
    shape: tuple[int, int, int]
    dtype: str
    seed: int

    @property
    def halo(self) -> tuple[int, int, int]:
        """Voxels around a region that its image depends on."""
        z, y, x = (self.degradation.optics.reach if n > 1 else 0 for n in self.shape)
        return z, y, x


def scan_block(block: Block, greys: Image, phases: npt.NDArray[np.uint8], *, scanner: ImageScanner) -> npt.NDArray[Any]:
    """The scan of a block without a missing wedge: `observe`, then what `_finish` does."""
    return _finish(observe(block, greys, scanner=scanner), block.read, phases, scanner)


def observe(block: Block, greys: Image, *, scanner: ImageScanner) -> Image:
    """Point spread, noise and rings.

    Parameters
    ----------
    block : right in ``block.write`` if its halo is at least ``scanner.halo``
    greys : (Z, Y, X) float32 over ``block.read``; beyond the volume the edge voxels are repeated
    scanner : ImageScanner

    Returns
    -------
    (Z, Y, X) float32 over ``block.read``; in the halo only the point spread
    """
    image = image_through(greys, scanner.degradation.optics)
    inner = image[block.inner]
    if scanner.degradation.noise.std > 0:
        noise = scanner.degradation.noise
        inner += noise_at(block.write, noise, shape=scanner.shape, seed=scanner.seed + _NOISE_FIELD)
    if scanner.degradation.rings.std > 0:
        rings = scanner.degradation.rings
        inner += ring_pattern(block.write, rings, shape=scanner.shape, seed=scanner.seed + _RING_FIELD)
    return image


def observe_without_wedge(
    block: Block, phases: npt.NDArray[np.uint8], *, observed: ArrayLike, scanner: ImageScanner
) -> npt.NDArray[Any]:
    """The scan of a block with a missing wedge.

    Parameters
    ----------
    block : the region
    phases : (Z, Y, X) over ``block.read``; 0 outside the field of view
    observed : (Z, Y, X) float32, the whole volume after `observe`; whole slices of it are read, one at a time
    scanner : ImageScanner

    Returns
    -------
    (Z, Y, X) array of ``scanner.dtype``
    """
    z, y, x = block.read
    image = np.empty(phases.shape, np.float32)
    for i, index in enumerate(range(z.start, z.stop)):
        plane = np.asarray(observed[index : index + 1, : scanner.shape[1], : scanner.shape[2]])
        image[i] = remove_wedge(plane, scanner.degradation.wedge)[0, y, x]
    return _finish(image, block.read, phases, scanner)


def _finish(image: Image, region: Region, phases: npt.NDArray[np.uint8], scanner: ImageScanner) -> npt.NDArray[Any]:
    """Cupping and drift, 0 outside the field of view, the dtype of the file."""
    change_brightness(
        image, region, scanner.degradation.brightness, shape=scanner.shape, seed=scanner.seed + _DRIFT_FIELD
    )
    image[phases == 0] = 0.0
    if scanner.dtype == "float32":
        return image
    return np.asarray(np.rint(np.clip(image, 0, 1) * _FULL_SCALE[scanner.dtype]), scanner.dtype)
