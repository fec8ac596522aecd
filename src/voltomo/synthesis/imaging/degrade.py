"""An image as an instrument would have shown it: artefacts for training, made on the fly."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.errors import ShapeError
from voltomo.synthesis.imaging.brightness import change_brightness
from voltomo.synthesis.imaging.degradation import Degradation
from voltomo.synthesis.imaging.image_noise import draw_noise
from voltomo.synthesis.imaging.optics import image_through
from voltomo.synthesis.imaging.rings import ring_pattern
from voltomo.synthesis.imaging.sampling import sample_coarsely
from voltomo.synthesis.imaging.wedge import remove_wedge

__all__ = ["degrade"]


def degrade(
    grey: npt.NDArray[Any], degradation: Degradation, rng: np.random.Generator, *, workers: int = 1
) -> npt.NDArray[np.float32]:
    """A patch with artefacts.

    Parameters
    ----------
    grey : (Y, X) or (Z, Y, X) grey values, which should span about 0 to 1: the strengths are of that scale
    degradation : what is done, and how strongly
    rng : draws noise, rings and drift
    workers : threads of the Fourier transforms; 1 where patches are made by several threads already

    Returns
    -------
    float32 array of the patch's axes; its shape divided by the coarsening

    Raises
    ------
    ShapeError
        If the patch has other axes or an edge is no multiple of the coarsening.

    Notes
    -----
    Structures stay where they are to 0.1 voxel, apart from the shift of the sampling. Numba kernels release the GIL,
    so that threads make patches in parallel.
    """
    if grey.ndim not in (2, 3) or 0 in grey.shape:
        raise ShapeError(f"expected a patch (Y, X) or (Z, Y, X) that is not empty, found {grey.shape}")
    patch = np.asarray(grey, np.float32)
    patch = image_through(
        sample_coarsely(patch[None] if grey.ndim == 2 else patch, degradation.sampling), degradation.optics
    )
    z, y, x = patch.shape
    region = (slice(0, z), slice(0, y), slice(0, x))
    ring_seed, drift_seed = (int(seed) for seed in rng.integers(2**31, size=2))
    if degradation.noise.std > 0:
        patch += draw_noise((z, y, x), degradation.noise, rng, workers=workers)
    if degradation.rings.std > 0:
        patch += ring_pattern(region, degradation.rings, shape=(z, y, x), seed=ring_seed)
    if degradation.wedge.width > 0:
        patch = remove_wedge(patch, degradation.wedge, workers=workers)
    change_brightness(patch, region, degradation.brightness, shape=(z, y, x), seed=drift_seed)
    return patch[0] if grey.ndim == 2 else patch
