from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from voltomo.artifacts import Phase, PhaseTable
from voltomo.metrics.lattice_planes import lattice_planes, line_response
from voltomo.metrics.sample import Sample
from voltomo.metrics.triple_lines import edge_length, edge_response, measure_triple_lines, triple_line_length
from voltomo.metrics.windows import count_windows

UNIT = (1.0, 1.0, 1.0)
THREE = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "NMC", "active"), Phase(3, "CBD", "binder")))


def quarters(labels: np.ndarray) -> np.ndarray:
    """Where phases 1, 2 and 3 meet."""
    return count_windows(labels, phase_ids=(1, 2, 3)).triples[0]


def corner(n: int = 20) -> np.ndarray:
    """Three phases around a line along z, of 90°, 90° and 180°."""
    labels = np.ones((n, n, n), np.uint8)
    labels[:, : n // 2, : n // 2] = 2
    labels[:, : n // 2, n // 2 :] = 3
    return labels


def test_edges_of_a_straight_line() -> None:
    """A line along an axis is as long as its voxel edges; faces of the box count one half of an edge."""
    labels = corner()
    assert edge_length(quarters(labels), UNIT) == 19
    assert edge_length(quarters(labels), (3.0, 1.0, 2.0)) == 57


def test_a_straight_line_along_an_axis_has_its_predicted_length() -> None:
    """Per window, every family of planes that cuts the line shows it once: the response is exact."""
    planes = lattice_planes(UNIT)
    expected = float(line_response(planes, np.array([[1.0, 0.0, 0.0]]))[0])
    assert triple_line_length(quarters(corner()), UNIT) == pytest.approx(19 * expected, rel=1e-12)


@pytest.mark.parametrize("radius", [8, 16, 32])
def test_a_ring_at_right_angles(radius: int) -> None:
    """A ball across a flat interface meets it in a circle, 2πr, at 90° on two sides: 5 to 6 % long at every size.

    The tolerance is two spreads of the mean over twelve positions and orientations.
    """
    rng = np.random.default_rng(radius)
    found, by_edges = [], []
    for _ in range(12 if radius < 20 else 4):
        n = rng.standard_normal(3)
        z, y, x = (np.arange(-radius - 3, radius + 4) - s for s in rng.random(3))
        z, y, x = np.meshgrid(z, y, x, indexing="ij", sparse=True)
        side = np.where(n[0] * z + n[1] * y + n[2] * x > 0, 1, 2)
        labels = np.where(z * z + y * y + x * x <= radius**2, 3, side).astype(np.uint8)
        found.append(triple_line_length(quarters(labels), UNIT) / (2 * math.pi * radius))
        by_edges.append(edge_length(quarters(labels), UNIT) / 1.5 / (2 * math.pi * radius))
    assert np.mean(found) == pytest.approx(1.055, abs=0.02)
    assert np.mean(by_edges) == pytest.approx(1.06, abs=0.07)
    assert np.std(found) < np.std(by_edges)  # what 13 families are for


def test_lines_of_all_directions_by_edges() -> None:
    """The staircase is 3/2 too long on average; 2/3 corrects it."""
    z, y, x = np.random.default_rng(0).standard_normal((3, 40_000))
    directions = np.stack([z, y, x], axis=1) / np.sqrt(z * z + y * y + x * x)[:, None]
    assert edge_response(directions).mean() == pytest.approx(1, abs=5e-3)  # 0.13 / √40 000, with margin


def test_rotated_maps_have_the_same_length() -> None:
    """Permuted and mirrored axes leave the length of triple lines as it is."""
    labels = np.random.default_rng(0).integers(1, 4, (7, 8, 9), np.uint8)
    whole = triple_line_length(quarters(labels), UNIT)
    for axes in itertools.permutations(range(3)):
        turned = np.ascontiguousarray(labels.transpose(axes)[::-1])
        assert triple_line_length(quarters(turned), UNIT) == pytest.approx(whole, rel=1e-12)


def test_rows_of_a_map() -> None:
    """One row per method and three phases, per volume, with the contact angle listed as missing."""
    labels = corner()
    sample = Sample(THREE, labels.shape, labels.size, (1e-7,) * 3)
    rows = list(measure_triple_lines(count_windows(labels, phase_ids=(1, 2, 3)), sample))
    assert [(m.phase, m.phase_2, m.unit) for m in rows] == [("pore", "NMC+CBD", "1/m^2")] * 2
    assert rows[1].value == pytest.approx(2 / 3 / (19e-7) ** 2)  # one line through 19² windows
    assert any(part.name == "contact angle" and part.standard_uncertainty is None for part in rows[0].parts)
    four = PhaseTable((*THREE, Phase(4, "other")))
    assert (
        len(list(measure_triple_lines(count_windows(labels, phase_ids=four.ids), Sample(four, (20,) * 3, 8000)))) == 8
    )
