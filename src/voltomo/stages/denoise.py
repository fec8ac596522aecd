"""The verb `denoise`: less noise, edges kept; also applied on the fly by `segment`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, field_validator

from voltomo.artifacts import ArrayLike, Channel, Volume
from voltomo.blocks import Block, Partial
from voltomo.errors import InputError
from voltomo.segmentation.denoise import denoised_dtype, gaussian_halo, gaussian_smooth, median_smooth
from voltomo.segmentation.noise import count_residuals, noise_from_residuals, residual_rule
from voltomo.segmentation.nonlocal_means import NLM_HALO, nonlocal_means
from voltomo.stages import inspection
from voltomo.stages.workspace import Workspace
from voltomo.units import VoxelSize, parse_length

__all__ = ["DenoiseConfig", "Denoiser", "prepare_denoiser", "run_denoise"]

Array: TypeAlias = npt.NDArray[Any]
Triple: TypeAlias = tuple[int, int, int]

BYTES = {"none": 0.0, "median": 12.0, "gaussian": 24.0, "nlm": 32.0}
"""Peak per voxel of each filter beside what it reads, measured with tracemalloc on 64 x 128 x 128 voxels, float64."""
RESIDUAL_BYTES = 40.0
"""The same for the residuals that the noise is estimated from."""


class DenoiseConfig(BaseModel):
    """How noise is reduced.

    Parameters
    ----------
    method : "none", "nlm" (non-local means: averages alike surroundings), "median" or "gaussian"
    radius : of the median, in voxels
    sigma : of the Gaussian: voxels, (z, y, x) in voxels, or a length such as "100 nm"
    strength : of non-local means, in standard deviations of the noise
    noise : standard deviation of the noise in grey values; estimated from the data where None
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["none", "nlm", "median", "gaussian"] = "none"
    radius: int = Field(default=1, ge=1, le=10)
    sigma: float | tuple[float, float, float] | str = 1.0
    # 0.65 gives the best PSNR on a synthetic three-phase volume (benchmarks/bench_denoise.py).
    strength: float = Field(default=0.65, gt=0)
    noise: float | None = Field(default=None, gt=0)

    @field_validator("sigma")
    @classmethod
    def _is_not_negative(
        cls, sigma: float | tuple[float, float, float] | str
    ) -> float | tuple[float, float, float] | str:
        if isinstance(sigma, str):
            numbers: tuple[float, ...] = (parse_length(sigma),)
        else:
            numbers = sigma if isinstance(sigma, tuple) else (sigma,)
        if min(numbers) < 0 or max(numbers) == 0:
            raise ValueError(f"sigma must be positive, found {sigma!r}")
        return sigma

    def sigma_in_voxels(self, voxel_size: VoxelSize | None) -> tuple[float, float, float]:
        """Standard deviation along z, y and x in voxels.

        Raises
        ------
        InputError
            If sigma is a length and the voxel size is unknown.
        """
        if isinstance(self.sigma, str):
            if voxel_size is None:
                raise InputError(
                    f"sigma {self.sigma!r} is a length but the voxel size is unknown; give sigma in voxels"
                )
            dz, dy, dx = (parse_length(self.sigma) / edge for edge in voxel_size)
            return dz, dy, dx
        return self.sigma if isinstance(self.sigma, tuple) else (self.sigma,) * 3


@dataclass(frozen=True)
class Denoiser:
    """A filter that is ready to run on blocks.

    Parameters
    ----------
    apply : (values, inside) -> filtered values of the same shape
    halo : voxels along z, y and x that it reads around each voxel
    bytes_per_voxel : peak memory beside its input
    dtype : of the filtered values
    noise : standard deviation of the noise that it uses, in grey values
    """

    apply: Callable[[Array, Array], Array]
    halo: Triple
    bytes_per_voxel: float
    dtype: np.dtype[Any]
    noise: float | None = None


def prepare_denoiser(
    field: inspection.Field,
    config: DenoiseConfig,
    work: Workspace,
    *,
    voxel_size: VoxelSize | None,
    name: str = "noise",
) -> Denoiser:
    """The filter of a config for one channel; estimates the noise where it must.

    Parameters
    ----------
    field : the channel with its field of view
    config : the method
    work : where the noise is estimated
    voxel_size : (dz, dy, dx) in m, or None
    name : of the step that estimates the noise
    """
    dtype = denoised_dtype(field.grey.dtype)
    memory = BYTES[config.method]
    if config.method == "median":
        radius = config.radius
        return Denoiser(lambda v, inside: median_smooth(v, inside, radius=radius), (radius,) * 3, memory, dtype)
    if config.method == "gaussian":
        sigma = config.sigma_in_voxels(voxel_size)
        return Denoiser(lambda v, inside: gaussian_smooth(v, inside, sigma=sigma), gaussian_halo(sigma), memory, dtype)
    if config.method == "nlm":
        noise = config.noise or _estimate_noise(field, work, name)
        strength = config.strength
        return Denoiser(
            lambda v, inside: nonlocal_means(v, inside, noise=noise, strength=strength),
            (NLM_HALO,) * 3,
            memory,
            dtype,
            noise,
        )
    return Denoiser(lambda v, inside: v, (0, 0, 0), memory, np.dtype(field.grey.dtype))


def run_denoise(volume: Volume, config: DenoiseConfig, work: Workspace, *, mask: ArrayLike | None = None) -> Volume:
    """Reduce the noise of every channel.

    Parameters
    ----------
    volume : the grey volume
    config : the method and its parameters
    work : where the array "denoised" is written and blocks run
    mask : (Z, Y, X), 0 outside the field of view; the volume's own, or else everything, where None

    Returns
    -------
    Volume
        Integers in the source dtype, floats as float32. The volume itself for method "none".

    Raises
    ------
    GateError
        If the voxels inside the field of view are not finite, or all the same.
    """
    if config.method == "none":
        return volume
    out = work.array("denoised", tuple(volume.data.shape), denoised_dtype(volume.data.dtype))
    mask = volume.mask if mask is None else mask
    for channel in range(len(volume.channels)):
        field = inspection.measure_field(volume, work, channel=channel, mask=mask)
        denoiser = prepare_denoiser(field, config, work, voxel_size=volume.voxel_size, name=f"noise-{channel}")
        work.map(
            f"denoise-{channel}",
            _whole_block(denoiser),
            *field.sources,
            out=Channel(out, channel),
            halo=denoiser.halo,
            bytes_per_voxel=inspection.bytes_read(field.sources) + denoiser.bytes_per_voxel,
        )
    return replace(volume, data=out, mask=mask)


def _whole_block(denoiser: Denoiser) -> Callable[..., Array]:
    """The filter as a block function."""
    return lambda _block, *arrays: denoiser.apply(arrays[0], inspection.inside_of(*arrays))


def _estimate_noise(field: inspection.Field, work: Workspace, name: str) -> float:
    """Standard deviation of the noise, from a histogram of residuals; the same whatever the blocks."""
    rule = residual_rule(field.low, field.high)

    def count(block: Block, *arrays: Array) -> Partial:
        inside = inspection.inside_of(*arrays)
        return {"counts": count_residuals(arrays[0], inside, rule, inner=block.inner, ends=(field.low, field.high))}

    def add(one: Partial, two: Partial) -> Partial:
        return {"counts": np.add(one["counts"], two["counts"])}

    partial = work.reduce(
        name,
        count,
        *field.sources,
        merge=add,
        halo=(0, 1, 1),
        bytes_per_voxel=inspection.bytes_read(field.sources) + RESIDUAL_BYTES,
    )
    return noise_from_residuals(np.asarray(partial["counts"], np.int64), rule)
