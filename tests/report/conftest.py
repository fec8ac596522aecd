"""A small study with everything in it, for the tests of the report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from voltomo.artifacts import (
    CrackMap,
    InstanceMap,
    Measurement,
    Measurements,
    Phase,
    PhaseMap,
    PhaseTable,
    UncertaintyPart,
    Volume,
)
from voltomo.report import ReportContent, write_report

VOXEL = (200e-9, 100e-9, 100e-9)


def balls(shape: tuple[int, int, int] = (24, 40, 48), *, count: int = 7, seed: int = 3) -> np.ndarray:
    """(Z, Y, X) uint32: balls with ids from 1 in a box of 200, 100, 100 nm voxels."""
    rng = np.random.default_rng(seed)
    z, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    ids = np.zeros(shape, np.uint32)
    for i in range(1, count + 1):
        c = rng.uniform(0, shape)
        radius = rng.uniform(6, 11)
        inside = (2 * (z - c[0])) ** 2 + (y - c[1]) ** 2 + (x - c[2]) ** 2 < radius**2
        ids[inside & (ids == 0)] = i
    return ids


def content(
    *, dimension: int = 3, voxel_size: tuple[float, float, float] | None = VOXEL, **changes: Any
) -> ReportContent:
    """A report with maps, numbers, warnings, truth and record; of the middle plane with ``dimension=2``."""
    ids = balls()
    if dimension == 2:
        ids = np.ascontiguousarray(ids[12:13])
    phases = np.where(ids > 0, 2, 1).astype(np.uint8)
    y, x = np.ogrid[: ids.shape[1], : ids.shape[2]]
    if dimension == 3:
        phases[:, (y - 20) ** 2 + (x - 24) ** 2 > 27**2] = 0
    cracks = (ids > 0).astype(np.uint8)
    cracks[(ids > 0) & (np.arange(ids.shape[2]) % 16 < 2)] = 2
    rng = np.random.default_rng(0)
    grey = (phases * 60.0 - 50 * (cracks == 2) + rng.normal(0, 12, ids.shape)).astype(np.float32)
    counts, edges = np.histogram(grey, 128)
    table_ids = np.unique(ids)[1:]
    volumes = np.array([(ids == i).sum() for i in table_ids]) * float(np.prod(voxel_size or (1, 1, 1)))
    table = {"instance_id": table_ids, "volume": volumes, "equivalent_diameter": np.cbrt(6 * volumes / np.pi)}
    base: dict[str, Any] = {
        "title": "Balls in a box",
        "volume": Volume.from_array(grey, voxel_size=voxel_size, name="balls.tif", through_plane="z"),
        "phase_map": PhaseMap(phases, PhaseTable.two_class(), voxel_size, "z"),
        "instance_map": InstanceMap(ids, table, voxel_size),
        "crack_map": CrackMap(cracks, 42.0, voxel_size),
        "measurements": numbers(phases, voxel_size),
        "profiles": _profiles(phases, voxel_size),
        "histogram": {
            "method": "otsu",
            "edges": edges.tolist(),
            "counts": counts.tolist(),
            "cuts": [90.0],
            "classes": [{"name": "pore+binder", "color": "#0072b2"}, {"name": "active", "color": "#e69f00"}],
        },
        "warnings": ("Two classes: binder and pore are not told apart.",),
        "steps": [
            {"verb": "segment", "config": {"method": "otsu", "classes": 2}, "seconds": 0.4, "peak_memory": 3e8},
            {"verb": "particles", "config": {"min_diameter": "1 µm"}, "seconds": 83, "peak_memory": 4e8},
            {"verb": "measure", "config": {}, "seconds": 2.0, "peak_memory": 4e8},
        ],
        "provenance": {
            "versions": {"voltomo": "0.1.0", "numpy": "2.4"},
            "inputs": [{"name": "balls.tif", "hash": "sha256:" + "ab" * 32, "size": 184_320}],
            "command": 'voltomo run balls.tif --voxel-size "200,100,100 nm" -o study',
            "date": "2026-11-20",
        },
    }
    return ReportContent(**{**base, **changes})


def numbers(phases: np.ndarray, voxel_size: tuple[float, float, float] | None) -> Measurements:
    """Numbers of several kinds: with interval, along an axis, warned, withheld."""
    per_length = "1/m" if voxel_size else "1/voxel"
    length = "m" if voxel_size else "voxel"
    fraction = float((phases == 2).sum() / (phases > 0).sum())
    missing = (
        UncertaintyPart("representativity", 0.012),
        UncertaintyPart("segmentation", note="no calibrated probabilities"),
    )
    return Measurements(
        (
            Measurement(
                "volume_fraction",
                fraction,
                "1",
                phase="active",
                low=fraction - 0.024,
                high=fraction + 0.024,
                method="voxel count",
                definition="Voxels of the phase / voxels of the region.",
                parts=missing,
            ),
            Measurement("volume_fraction", 1 - fraction, "1", phase="pore+binder", method="voxel count"),
            Measurement(
                "specific_surface_area",
                785502.0 if voxel_size else 0.3068,
                per_length,
                phase="active",
                method="Crofton, 13 directions",
                definition="Interface area / volume of the region.",
            ),
            Measurement("connected_fraction", 0.9611, "1", phase="active", axis="z", statistic="touching both faces"),
            Measurement("particle_count", 7.0, "1", phase="active"),
            Measurement(
                "equivalent_diameter",
                1.52e-6 if voxel_size else 15.2,
                length,
                phase="active",
                statistic="D50, volume-weighted",
                status="warned",
                reason="7 particles; fewer than 50",
            ),
            Measurement(
                "equivalent_diameter",
                None,
                length,
                phase="active",
                statistic="D90, number-weighted",
                status="withheld",
                reason="too few whole particles",
            ),
        )
    )


def _profiles(phases: np.ndarray, voxel_size: tuple[float, float, float] | None) -> dict[str, Any]:
    """Fractions per slice along each axis that has more than one slice."""
    found: dict[str, Any] = {}
    for i, axis in enumerate("zyx"):
        if phases.shape[i] == 1:
            continue
        others = tuple(j for j in range(3) if j != i)
        inside = (phases > 0).sum(axis=others)
        step = voxel_size[i] if voxel_size else 1.0
        found[axis] = {
            "position": [n * step for n in range(phases.shape[i])],
            "pore+binder": ((phases == 1).sum(axis=others) / inside).tolist(),
            "active": ((phases == 2).sum(axis=others) / inside).tolist(),
        }
    return found


def three_phases() -> PhaseTable:
    """Pore, active and binder, one of them with a hostile name."""
    return PhaseTable(
        (Phase(1, "pore", "pore"), Phase(2, "<script>alert(1)</script>", "active"), Phase(3, "$CBD$", "binder"))
    )


@pytest.fixture
def make_content() -> Callable[..., ReportContent]:
    """Function that makes a report's content; ``dimension``, ``voxel_size`` and every field can be changed."""
    return content


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a volume, written once."""
    return write_report(tmp_path_factory.mktemp("volume"), content())


@pytest.fixture(scope="session")
def page_of_section(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a section without a voxel size, written once."""
    return write_report(tmp_path_factory.mktemp("section"), content(dimension=2, voxel_size=None))
