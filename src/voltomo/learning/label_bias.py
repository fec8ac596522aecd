"""Labels as somebody else would have painted them: a phase drawn too wide, too narrow, or with an unsteady hand.

People differ by a voxel or two about where a phase ends. What such labels do to a model, and to the numbers that are
measured on its maps, is found by training on labels whose boundary was moved on purpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.special import ndtr

from voltomo.errors import InputError
from voltomo.learning.pairs import LabelledImage
from voltomo.morphology.boundaries import spread_phases
from voltomo.units import VoxelSize

__all__ = ["BIASES", "JITTER_LENGTH", "LabelBias", "bias_labels", "jitter_boundary", "shift_boundary"]

Bytes: TypeAlias = npt.NDArray[np.uint8]
LabelBias: TypeAlias = Literal["none", "dilate", "erode", "jitter"]

BIASES: tuple[LabelBias, ...] = get_args(LabelBias)
UNLABELLED = 0
JITTER_LENGTH = 6.0
"""Voxels over which an unsteady hand stays on one side: a stroke of the brush, several voxels long."""


def bias_labels(
    image: LabelledImage,
    bias: LabelBias,
    phase_ids: Sequence[int],
    rng: np.random.Generator,
    *,
    by: int = 1,
    length: float = JITTER_LENGTH,
    in_plane: bool = True,
) -> LabelledImage:
    """The image with labels as drawn with a bias.

    Parameters
    ----------
    image : with its labels
    bias : "none"; "dilate": the phases too wide; "erode": too narrow; "jitter": as often the one as the other
    phase_ids : of the phases whose common boundary is drawn, such as active material
    rng : of the jitter
    by : how far, in voxels of the finest edge
    length, in_plane : see `jitter_boundary`, `shift_boundary`

    Raises
    ------
    InputError
        If there is no such bias.
    """
    if bias not in BIASES:
        raise InputError(f"there is no bias {bias!r} of labels; choose of {', '.join(BIASES)}")
    if bias == "none":
        return image
    size = image.voxel_size
    if bias == "jitter":
        moved = jitter_boundary(image.labels, phase_ids, rng, by=by, length=length, voxel_size=size, in_plane=in_plane)
    else:
        signed = by if bias == "dilate" else -by
        moved = shift_boundary(image.labels, phase_ids, by=signed, voxel_size=size, in_plane=in_plane)
    return replace(image, labels=moved)


def shift_boundary(
    labels: Bytes,
    phase_ids: Sequence[int],
    *,
    by: int,
    voxel_size: VoxelSize | None = None,
    in_plane: bool = True,
) -> Bytes:
    """Labels with the boundary of some phases moved by layers of voxels.

    Parameters
    ----------
    labels : (Z, Y, X) uint8 array of ids, 0 = unlabelled
        Unlabelled voxels stay so, and move nothing.
    phase_ids : phases that count as one; they keep the boundaries between each other
    by : layers; positive: the phases take voxels of the others that share a face with them, negative: they lose
        theirs to the phase that most of the faces belong to
    voxel_size : (dz, dy, dx) in m; None for cubes. A layer is as thick as the finest edge, so that along a longer edge
        the boundary moves in fewer steps
    in_plane : slices are drawn one by one, and the boundary moves along y and x only

    Returns
    -------
    (Z, Y, X) uint8 array

    Examples
    --------
    >>> shift_boundary(np.array([[[1, 1, 2, 2, 2, 3]]], np.uint8), [2], by=-1)
    array([[[1, 1, 1, 2, 3, 3]]], dtype=uint8)
    """
    chosen, others = _sides(labels, phase_ids)
    source, target = (chosen, others) if by > 0 else (others, chosen)
    moved = labels
    for along in _layers(abs(by), labels.shape, voxel_size, in_plane):
        moved = spread_phases(moved, source, target, along=along)
    return moved.copy() if by == 0 else moved


def jitter_boundary(
    labels: Bytes,
    phase_ids: Sequence[int],
    rng: np.random.Generator,
    *,
    by: int = 1,
    length: float = JITTER_LENGTH,
    voxel_size: VoxelSize | None = None,
    in_plane: bool = True,
) -> Bytes:
    """Labels with the boundary of some phases moved in and out at random.

    Parameters
    ----------
    labels, phase_ids, voxel_size, in_plane : see `shift_boundary`
    rng : Generator
    by : the most layers; every whole number from -by to by is as likely
    length : standard deviation of the Gaussian that ties the moves of neighbors together, in finest edges; a boundary
        moves the same way over about twice that

    Returns
    -------
    (Z, Y, X) uint8 array
        In a plane, the slices move independently of each other.

    Notes
    -----
    On the average over many boundaries the phases become neither wider nor narrower.
    """
    if by < 0 or length < 0:
        raise InputError(f"a jitter has a size and a length of 0 or more, found {by} and {length}")
    shape = (int(labels.shape[0]), int(labels.shape[1]), int(labels.shape[2]))
    steps = _smooth_steps(shape, rng, by, length, voxel_size, in_plane)
    chosen, others = _sides(labels, phase_ids)
    moved = labels.copy()
    for number, along in enumerate(_layers(by, shape, voxel_size, in_plane), start=1):
        wider = spread_phases(moved, chosen, others, along=along)
        narrower = spread_phases(moved, others, chosen, along=along)
        moved = np.where(steps >= number, wider, np.where(steps <= -number, narrower, moved))
    return moved


def _sides(labels: Bytes, phase_ids: Sequence[int]) -> tuple[list[int], list[int]]:
    """The ids on both sides of the boundary."""
    chosen = sorted(set(phase_ids))
    if not chosen or UNLABELLED in chosen:
        raise InputError(f"expected the ids of phases whose boundary moves (0 is no phase), found {chosen}")
    return chosen, [i for i in range(1, 256) if i not in chosen]


def _layers(
    count: int, shape: tuple[int, ...], voxel_size: VoxelSize | None, in_plane: bool
) -> list[tuple[bool, bool, bool]]:
    """For each layer, along which axes it has reached the next voxel."""
    edges = _relative_edges(shape, voxel_size, in_plane)
    layers = []
    for number in range(1, count + 1):
        z, y, x = (int(number / edge + 1e-9) > int((number - 1) / edge + 1e-9) for edge in edges)
        layers.append((z and not in_plane, y, x))
    return layers


def _relative_edges(shape: tuple[int, ...], voxel_size: VoxelSize | None, in_plane: bool) -> tuple[float, float, float]:
    """Voxel edges in units of the finest of those along which boundaries move."""
    z, y, x = voxel_size or (1.0, 1.0, 1.0)
    finest = min(y, x) if in_plane or shape[0] == 1 else min(z, y, x)
    return z / finest, y / finest, x / finest


def _smooth_steps(
    shape: tuple[int, int, int],
    rng: np.random.Generator,
    by: int,
    length: float,
    voxel_size: VoxelSize | None,
    in_plane: bool,
) -> npt.NDArray[np.int8]:
    """(Z, Y, X) whole numbers from -by to by, all as likely, tied together over a length."""
    edges = _relative_edges(shape, voxel_size, in_plane)
    sigmas = [0.0 if in_plane and axis == 0 else length / edge for axis, edge in enumerate(edges)]
    field = rng.standard_normal(shape)
    deviation = 1.0
    for axis, sigma in enumerate(sigmas):
        if sigma > 0:
            field = ndimage.gaussian_filter1d(field, sigma, axis=axis, mode="wrap")
            impulse = np.zeros(shape[axis])
            impulse[0] = 1.0
            spread = ndimage.gaussian_filter1d(impulse, sigma, mode="wrap")
            deviation *= float(np.sqrt((spread**2).sum()))
    uniform = ndtr(field / deviation)
    return np.asarray(np.clip(np.floor(uniform * (2 * by + 1)) - by, -by, by), np.int8)
