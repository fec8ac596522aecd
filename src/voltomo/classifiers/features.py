"""What a pixel classifier sees of each voxel: grey, edges, ridges and corners around it, at several scales.

The smoothed images of a block are made first; the features of a few rows are then written and used at once, so that the
features of a whole block never exist together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.classifiers.derivatives import corner_values, fill_plane, fill_volume, products_plane, products_volume
from voltomo.classifiers.scale_space import Smoothing, plan_smoothing, reach_of, smooth, spread
from voltomo.errors import InputError, ShapeError

__all__ = ["SIGMAS", "FeatureSettings", "Features", "ScaleSpace"]

Array: TypeAlias = npt.NDArray[Any]
Reach: TypeAlias = tuple[int, int, int]

SIGMAS = {2: (1.0, 2.0, 4.0, 8.0, 16.0), 3: (1.0, 2.0, 4.0)}
"""Octaves from the blur of a detector to the size of a particle; in volumes fewer, since their reach costs cubed."""


@dataclass(frozen=True)
class FeatureSettings:
    """Which features are made.

    Parameters
    ----------
    sigmas : rising standard deviations of the smoothing, in units of the finest voxel edge; those of the dimension in
        `SIGMAS` where empty
    structure : largest of them at which the structure tensor is taken; 0 for none
        It is averaged over one more sigma and so sees furthest.
    dimension : 2 for features in the slices, 3 through the volume
    edges : voxel edges along z, y, x in units of the finest one that counts
    """

    sigmas: tuple[float, ...] = ()
    structure: float = 8.0
    dimension: int = 2
    edges: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        if self.dimension not in SIGMAS:
            raise InputError(f"features are taken in 2 or 3 dimensions, found {self.dimension}")
        if not self.sigmas:
            object.__setattr__(self, "sigmas", SIGMAS[self.dimension])
        if self.sigmas[0] <= 0 or any(b <= a for a, b in pairwise(self.sigmas)):
            raise InputError(f"expected positive, rising sigmas, found {self.sigmas}")
        if min(self.edges) <= 0 or not all(map(math.isfinite, self.edges)):
            raise InputError(f"expected positive voxel edges, found {self.edges}")

    def to_mapping(self) -> dict[str, Any]:
        """Plain values for a file; `from_mapping` reads them back."""
        values = asdict(self)
        return values | {"sigmas": list(self.sigmas), "edges": list(self.edges)}

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> FeatureSettings:
        """What `to_mapping` gave."""
        try:
            z, y, x = (float(edge) for edge in values["edges"])
            sigmas = tuple(float(sigma) for sigma in values["sigmas"])
            return cls(sigmas, float(values["structure"]), int(values["dimension"]), (z, y, x))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"expected features with sigmas, structure, dimension and edges, found {dict(values)}"
            ) from error


@dataclass(frozen=True)
class ScaleSpace:
    """The smoothed images of a block.

    Parameters
    ----------
    grey : (C, Z, Y, X) float32, as it came
    levels : (C, S, Z, Y, X) float32, one per sigma
    corners : (C, T, 2 or 3, Z, Y, X) float32, roots of the eigenvalues of the structure tensor at the first T sigmas
    """

    grey: Array
    levels: Array
    corners: Array

    @property
    def rows(self) -> int:
        """Rows ``z * Y + y`` along x."""
        return int(self.grey.shape[1] * self.grey.shape[2])

    @property
    def width(self) -> int:
        """Voxels of a row."""
        return int(self.grey.shape[3])


@dataclass(frozen=True)
class Features:
    """Multi-scale features of a block with any number of channels.

    Per channel: grey as it is; then for each sigma grey, length of the gradient, eigenvalues of the Hessian (largest
    first) and Laplacian; then the roots of the eigenvalues of the structure tensor for its sigmas. All have the unit of
    grey.
    """

    settings: FeatureSettings
    channels: int = 1

    @cached_property
    def _axes(self) -> tuple[int, ...]:
        return (0, 1, 2) if self.settings.dimension == 3 else (1, 2)

    @cached_property
    def _passes(self) -> tuple[tuple[Smoothing, ...], ...]:
        """To each sigma from the one before."""
        ends = pairwise((0.0, *self.settings.sigmas))
        return tuple(plan_smoothing(a, b, edges=self.settings.edges, axes=self._axes) for a, b in ends)

    @cached_property
    def _averaging(self) -> tuple[tuple[Smoothing, ...], ...]:
        """Of the gradient products at each sigma of the structure tensor, over one more sigma.

        Products hold twice the frequencies of what is multiplied, hence the closer taps.
        """
        chosen = (sigma for sigma in self.settings.sigmas if sigma <= self.settings.structure)
        edges = self.settings.edges
        return tuple(plan_smoothing(s, math.sqrt(2) * s, edges=edges, axes=self._axes, looseness=1.0) for s in chosen)

    @cached_property
    def _steps(self) -> npt.NDArray[np.int64]:
        """(S, 3) distances of the differences: half a sigma, where sin(1/2)/(1/2) keeps 96 % of the main frequency."""
        edges, axes = self.settings.edges, self._axes
        table = [
            [max(1, int(sigma / edges[axis] / 2)) if axis in axes else 0 for axis in range(3)]
            for sigma in self.settings.sigmas
        ]
        return np.asarray(table, np.int64)

    @cached_property
    def _scales(self) -> npt.NDArray[np.float32]:
        """(S, 3) sigma over the length of a step; 0 along an axis without one."""
        lengths = self._steps * np.asarray(self.settings.edges, np.float64)
        sigmas = np.asarray(self.settings.sigmas)[:, None]
        scales = np.divide(sigmas, lengths, out=np.zeros_like(lengths), where=lengths > 0)
        return np.asarray(scales, np.float32)

    @property
    def _per_level(self) -> int:
        return 3 + self.settings.dimension

    @property
    def count(self) -> int:
        """Features of one voxel."""
        levels = len(self.settings.sigmas) * self._per_level
        return self.channels * (1 + levels + len(self._averaging) * self.settings.dimension)

    @property
    def names(self) -> tuple[str, ...]:
        """In order, such as "0 gradient 4"."""
        numbers = range(1, self.settings.dimension + 1)
        kinds = ("grey", "gradient", *(f"Hessian {i}" for i in numbers), "Laplacian")
        names: list[str] = []
        for channel in range(self.channels):
            names.append(f"{channel} grey 0")
            names += [f"{channel} {kind} {sigma:g}" for sigma in self.settings.sigmas for kind in kinds]
            chosen = self.settings.sigmas[: len(self._averaging)]
            names += [f"{channel} structure {i} {sigma:g}" for sigma in chosen for i in numbers]
        return tuple(names)

    @property
    def halo(self) -> Reach:
        """Voxels along z, y, x that a feature depends on."""
        halo, far = np.zeros(3, int), np.zeros(3, int)
        for i, passes in enumerate(self._passes):
            far = far + reach_of(passes)
            averaging = reach_of(self._averaging[i]) if i < len(self._averaging) else (0, 0, 0)
            halo = np.maximum(halo, far + self._steps[i] + averaging)
        return int(halo[0]), int(halo[1]), int(halo[2])

    def prepare(self, grey: npt.NDArray[np.float32], *, threads: int = 1) -> ScaleSpace:
        """The smoothed images that `rows` reads.

        Parameters
        ----------
        grey : (C, Z, Y, X) float32, normalised

        Raises
        ------
        ShapeError
            If the number of channels is another, or an axis is empty.
        """
        if grey.ndim != 4 or grey.shape[0] != self.channels or 0 in grey.shape:
            raise ShapeError(
                f"expected (C, Z, Y, X) with {self.channels} channels and no empty axis, found {grey.shape}"
            )
        grey = np.ascontiguousarray(grey, np.float32)
        shape = grey.shape[1:]
        levels = np.empty((self.channels, len(self._passes), *shape), np.float32)
        corners = np.empty((self.channels, len(self._averaging), self.settings.dimension, *shape), np.float32)
        for channel in range(self.channels):
            current = grey[channel]
            for i, passes in enumerate(self._passes):
                current = smooth(current, passes, threads=threads)
                levels[channel, i] = current
                if i < len(self._averaging):
                    self._fill_corners(current, i, corners[channel, i], threads)
        return ScaleSpace(grey, levels, corners)

    def _fill_corners(self, level: Array, i: int, out: Array, threads: int) -> None:
        """Roots of the eigenvalues of the structure tensor at sigma i."""
        is_volume = self.settings.dimension == 3
        products = np.empty((6 if is_volume else 3, *level.shape), np.float32)
        kernel = products_volume if is_volume else products_plane
        steps, scales, rows = self._steps[i], self._scales[i], level.shape[0] * level.shape[1]
        spread(lambda first, last: kernel(level, first, last, steps, scales, products), rows, threads=threads)
        for product in products:
            product[...] = smooth(product, self._averaging[i], threads=threads)
        spread(lambda first, last: corner_values(products, first, last, out), rows, threads=threads)

    def rows(self, space: ScaleSpace, first: int, last: int) -> npt.NDArray[np.float32]:
        """(`count`, (last - first) · X) features of the rows ``z * Y + y`` from first to last."""
        out = np.empty((self.count, (last - first) * space.width), np.float32)
        kernel = fill_volume if self.settings.dimension == 3 else fill_plane
        i = 0
        for channel in range(self.channels):
            out[i] = space.grey[channel].reshape(-1, space.width)[first:last].ravel()
            i += 1
            for level, steps, scales in zip(space.levels[channel], self._steps, self._scales, strict=True):
                kernel(level, first, last, steps, scales, out[i : i + self._per_level])
                i += self._per_level
            corners = space.corners[channel].reshape(-1, space.rows, space.width)
            out[i : i + len(corners)] = corners[:, first:last].reshape(len(corners), -1)
            i += len(corners)
        return out
