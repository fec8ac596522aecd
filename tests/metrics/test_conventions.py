from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.ndimage as ndi
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import marching_cubes, mesh_surface_area

from voltomo.artifacts import Phase, PhaseTable
from voltomo.blocks import BlockPlan
from voltomo.metrics.conventions import measure_conventions
from voltomo.metrics.sample import Sample
from voltomo.metrics.smooth_mesh import HALO, UNITS_PER_FACE, smooth_mesh_area
from voltomo.metrics.surfaces import InterfaceCounts
from voltomo.metrics.windows import count_windows

UNIT = (1.0, 1.0, 1.0)
TABLE = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "solid"), Phase(3, "none")))


def blobs(seed: int = 0, shape: tuple[int, int, int] = (12, 13, 14)) -> np.ndarray:
    """Two phases of smooth random shape."""
    return (ndi.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 1.2) > 0).astype(
        np.uint8
    ) + np.uint8(1)


@pytest.mark.parametrize("edges", [UNIT, (2.0, 1.0, 1.5)])
def test_the_smoothed_mesh_is_that_of_the_peers(edges: tuple[float, float, float]) -> None:
    """The area is that of scikit-image's classical mesh of the map convolved with a 3 x 3 x 3 Gaussian."""
    labels = blobs()
    k = np.exp(-np.array([1.0, 0.0, 1.0]) / 2)
    kernel = k[:, None, None] * k[None, :, None] * k
    field = ndi.convolve((labels == 2).astype(float), kernel / kernel.sum(), mode="nearest")
    points, triangles, _, _ = marching_cubes(field, 0.5, spacing=edges, method="lorensen")
    found = smooth_mesh_area(labels, 2, edges=edges) / UNITS_PER_FACE * max(edges) ** 2
    assert found == pytest.approx(mesh_surface_area(points, triangles), rel=1e-5)  # the mesh has single precision


@settings(max_examples=10, deadline=None)
@given(block_shape=st.tuples(st.integers(2, 12), st.integers(2, 13), st.integers(2, 14)), seed=st.integers(0, 99))
def test_the_smoothed_mesh_of_blocks_adds_up(block_shape: tuple[int, int, int], seed: int) -> None:
    """The sum over blocks is the same whole number."""
    labels = blobs(seed)
    parts = [
        smooth_mesh_area(labels[block.read], 2, edges=UNIT, starts=block.inner)
        for block in BlockPlan((12, 13, 14), block_shape, halo=HALO)
    ]
    assert sum(parts) == smooth_mesh_area(labels, 2, edges=UNIT)


def test_a_smoothed_ball(ball: Callable[..., np.ndarray]) -> None:
    """Smoothing brings the mesh of a ball near its area: within 2 % at r = 16, where the plain mesh is 9 % off."""
    area = smooth_mesh_area(ball(16, shift=(0.2, 0.4, 0.1)), 2, edges=UNIT) / UNITS_PER_FACE
    assert area / (4 * math.pi * 16**2) == pytest.approx(1, abs=0.02)


def test_the_table(count_interfaces: Callable[..., InterfaceCounts]) -> None:
    """Five methods per total volume and per volume of the phase, for every phase; none where there is no voxel."""
    labels = blobs()
    size = (1e-7,) * 3
    counts = count_interfaces(labels, phase_ids=TABLE.ids, edges=size)
    sample = Sample(TABLE, labels.shape, labels.size, size)
    voxels = np.bincount(labels.ravel(), minlength=4)[1:]
    smooth = [smooth_mesh_area(labels, i, edges=size) for i in TABLE.ids]
    windows = count_windows(labels, phase_ids=TABLE.ids)
    rows = list(measure_conventions(counts, windows, smooth, sample, voxels=voxels))
    assert len(rows) == 30
    by = {(m.phase, m.statistic, m.method.split(" (")[0]): m for m in rows}
    total, own = by["solid", "per total volume", "voxel faces"], by["solid", "per volume of the phase", "voxel faces"]
    assert own.value * voxels[1] == pytest.approx(total.value * labels.size)
    assert by["solid", "per total volume", "voxel faces × 2/3"].value == pytest.approx(total.value * 2 / 3)
    assert by["none", "per volume of the phase", "voxel faces"].status == "withheld"
    smoothed = by["solid", "per total volume", "marching cubes after a Gaussian of 3 × 3 × 3 voxels"].value
    plain = by["solid", "per total volume", "marching cubes, not smoothed"].value
    assert smoothed < plain < total.value
