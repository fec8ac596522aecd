"""Data Exchange HDF5: raw projections with flats and darks, as synchrotron beamlines store them.

References
----------
.. [1] De Carlo et al., Scientific data exchange: a schema for HDF5-based storage of raw and analyzed data,
   J. Synchrotron Rad. 21 (2014) 1224, doi 10.1107/S160057751401604X.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, ProjectionStack
from voltomo.io.atomic import new_file
from voltomo.io.sweep import sweep_slabs

__all__ = ["write_data_exchange"]

_CONVENTION = "a point at (y, x) from the axis of rotation lands at the column center + x cos(theta) + y sin(theta)"
"""That of `ProjectionStack`; the format leaves it open."""


def write_data_exchange(stack: ProjectionStack, path: Path, *, overwrite: bool = False) -> Path:
    """Write projections, flats and darks, a few images at a time.

    Parameters
    ----------
    stack : ProjectionStack
    path : the file, which appears when it is complete
    overwrite : replace a file that exists

    Returns
    -------
    Path
        Datasets ``exchange/data`` (A, V, U), ``data_white``, ``data_dark``, ``theta`` (degrees), ``theta_white`` and
        ``theta_dark`` (degrees, where the sample stood when each was taken), and under ``measurement/instrument`` the
        energy (keV), the pixel size at the sample (micron) and the distance (mm).

    Raises
    ------
    InputError, InputNotFoundError, StorageError
        As in `voltomo.io.atomic.new_file`.
    """
    with new_file(path, overwrite=overwrite) as temporary, h5py.File(temporary, "w") as file:
        file["implements"] = "exchange:measurement"
        exchange = file.create_group("exchange")
        exchange["title"] = "tomography_raw_projections"
        _write_images(exchange, "data", stack.data, "theta:y:x")
        _write_angles(exchange, "theta", stack.angles)
        for what, images, times in (
            ("white", stack.flats, stack.flat_times),
            ("dark", stack.darks, stack.dark_times),
        ):
            if images is not None:
                _write_images(exchange, f"data_{what}", images, f"theta_{what}:y:x")
            if times:
                position = np.interp(times, [0.0, 1.0], [stack.angles[0], stack.angles[-1]])
                _write_angles(exchange, f"theta_{what}", position)
        _write_measurement(file.create_group("measurement"), stack)
    return path


def _write_images(group: Any, name: str, images: ArrayLike, axes: str) -> None:
    shape = tuple(int(n) for n in images.shape)
    dataset = group.create_dataset(name, shape, images.dtype, chunks=(1, *shape[1:]), compression="lzf", shuffle=True)
    dataset.attrs["axes"] = axes
    dataset.attrs["units"] = "counts"
    for first, slab in sweep_slabs(_OneChannel(images)):
        dataset[first : first + slab.shape[1]] = slab[0]


class _OneChannel:
    """(1, A, V, U) view of a stack of images, which is what slabs are swept through."""

    def __init__(self, images: ArrayLike) -> None:
        self._images = images
        self.shape = (1, *(int(n) for n in images.shape))
        self.dtype = np.dtype(images.dtype)
        chunks = getattr(images, "chunks", None)
        self.chunks = None if chunks is None else (1, *chunks)

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        return np.asarray(self._images[key[1:]])[None]


def _write_angles(group: Any, name: str, angles: npt.NDArray[np.float64]) -> None:
    group[name] = np.degrees(angles)
    group[name].attrs["units"] = "degrees"
    group[name].attrs["description"] = _CONVENTION


def _write_measurement(group: Any, stack: ProjectionStack) -> None:
    group["sample/name"] = stack.name
    values = {
        "instrument/monochromator/energy": (stack.energy, 1e-3, "keV"),
        "instrument/detector/x_actual_pixel_size": (stack.pixel_size, 1e6, "micron"),
        "instrument/detector/y_actual_pixel_size": (stack.pixel_size, 1e6, "micron"),
        "instrument/detection_system/objective/resolution": (stack.pixel_size, 1e6, "micron"),
        "instrument/detector/distance": (stack.distance, 1e3, "mm"),
    }
    for name, (value, scale, unit) in values.items():
        if value is not None:
            group[name] = float(f"{value * scale:.12g}")
            group[name].attrs["units"] = unit
