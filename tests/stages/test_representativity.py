from __future__ import annotations

import numpy as np
import pytest

from voltomo.artifacts import Measurement, Phase, PhaseTable
from voltomo.metrics.sample import Sample
from voltomo.phantoms import OverlappingSpheres
from voltomo.stages.correlation import correlate_phases, count_cell_sums
from voltomo.stages.representativity import density_rows
from voltomo.stages.structure_counts import count_structure
from voltomo.stages.workspace import MemoryWorkspace

PHASES = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "solid", "active")))
SPHERES = OverlappingSpheres(porosity=0.5, radius=4.0)


def window(seed: int, shape: tuple[int, int, int] = (48, 48, 48)) -> tuple[np.ndarray, Sample]:
    """A window of overlapping balls: 1 pore, 2 solid."""
    labels = SPHERES.rasterize(shape, rng=np.random.default_rng(seed)).astype(np.uint8) + np.uint8(1)
    return labels, Sample(PHASES, shape, labels.size)


def rows(labels: np.ndarray, sample: Sample, work: MemoryWorkspace | None = None) -> dict[tuple, Measurement]:
    """Of the pore."""
    work = work or MemoryWorkspace()
    spans = [found.span for found in correlate_phases(labels, sample, work)]
    found = density_rows(count_structure(labels, PHASES, work), sample, spans=spans)
    return {(row.name, row.method): row for row in found if row.phase == "pore"}


def scatter(row: Measurement) -> float:
    """Standard uncertainty of the representativity."""
    (part,) = [part for part in row.parts if part.name == "representativity"]
    assert part.standard_uncertainty is not None
    return part.standard_uncertainty


def test_stated_scatter_is_that_between_windows() -> None:
    """Of surface and mean curvature per volume, what one window states is the scatter between 40 windows.

    The scatter of 40 windows is known to 11 %, and parts of 6 ball radii are nearly independent.
    """
    every = [rows(*window(seed)) for seed in range(40)]
    for name in ("specific_surface_area", "mean_curvature_integral"):
        key = next(key for key in every[0] if key[0] == name)
        spread = np.std([found[key].value for found in every], ddof=1)
        stated = np.sqrt(np.mean([scatter(found[key]) ** 2 for found in every]))
        assert 0.7 < stated / spread < 1.3


def test_blocks_change_nothing() -> None:
    """Rows and cells are the same whatever the blocks."""
    labels, sample = window(0, (36, 40, 38))
    assert rows(labels, sample) == rows(labels, sample, MemoryWorkspace((7, 16, 9)))
    whole = count_cell_sums(labels, sample, MemoryWorkspace())
    blocks = count_cell_sums(labels, sample, MemoryWorkspace((7, 16, 9)))
    np.testing.assert_array_equal(whole.phases, blocks.phases)


def test_parts_of_the_window_add_up() -> None:
    """The pairs and windows of the parts are those of the whole."""
    labels, _ = window(1, (36, 40, 38))
    found = count_structure(labels, PHASES, MemoryWorkspace((10, 30, 12)))
    assert len(found.parts) == 8
    np.testing.assert_array_equal(sum(part.pairs for part in found.parts), found.pairs)
    np.testing.assert_array_equal(sum(part.voxels for part in found.parts), found.slices.phases)
    np.testing.assert_array_equal(sum(part.windows.phases for part in found.parts), found.windows.phases)


def test_small_window_gives_no_scatter() -> None:
    """A window of less than two ball diameters states no representativity of its surface, and says why."""
    row = rows(*window(4, (14, 14, 14)))["specific_surface_area", "Crofton, 13 directions"]
    (part,) = [part for part in row.parts if part.name == "representativity"]
    assert part.standard_uncertainty is None
    assert "too few integral ranges" in part.note


def test_a_section_is_cut_too() -> None:
    """Boundary lengths of a section have a representativity; its correlation is that of the plane."""
    labels, sample = window(2, (1, 120, 120))
    found = rows(labels, sample)
    key = next(key for key in found if key[0] == "boundary_length")
    assert scatter(found[key]) > 0
    (pore, _) = correlate_phases(labels, sample, MemoryWorkspace())
    assert pore.span is not None
    assert sorted(pore.lengths) == ["x", "y"]
    assert pore.span.value < np.pi * SPHERES.radius**2  # that of few discs, each as large as the largest section


def test_layers_leave_no_scatter_missing_as_zero() -> None:
    """Where every part is the same, the representativity stays missing."""
    labels = np.tile(np.array([1, 1, 2, 2], np.uint8), (12, 12, 6))
    found = rows(labels, Sample(PHASES, (12, 12, 24), labels.size))
    row = found["interface_area", "Crofton, 13 directions"]
    (part,) = [part for part in row.parts if part.name == "representativity"]
    assert part.standard_uncertainty is None or part.standard_uncertainty > 0


def test_stated_interval_widens() -> None:
    """The interval of a surface holds the representativity besides the voxels' part."""
    row = rows(*window(3))["specific_surface_area", "Crofton, 13 directions"]
    assert row.value is not None
    assert row.high is not None
    assert row.high - row.value > 2 * scatter(row)
    assert row.high - row.value == pytest.approx(row.value - (row.low or 0.0))
