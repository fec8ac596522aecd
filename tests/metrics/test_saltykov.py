from __future__ import annotations

import numpy as np
import pytest

from voltomo.artifacts import PhaseTable
from voltomo.metrics.saltykov import unfold_spheres
from voltomo.metrics.sample import Sample
from voltomo.metrics.sizes import ParticleSample, SizeRules, measure_particles, particle_curves


def sections(diameters: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Circles in which a random plane cuts spheres: it meets a sphere as often as that is wide."""
    cut = rng.choice(diameters, count, p=diameters / diameters.sum())
    return cut * np.sqrt(1 - rng.random(count) ** 2)


def as_particles(diameter: np.ndarray, roundness: float = 1.0) -> ParticleSample:
    """Whole sections of these diameters in voxels."""
    boxes = np.repeat(np.ceil(diameter).astype(np.int64)[:, None], 3, axis=1)
    boxes[:, 0] = 1
    area = np.pi / 4 * diameter**2
    shapes = {"circularity": np.full(len(diameter), roundness)}
    return ParticleSample(diameter, area, area, boxes, np.ones(len(diameter), bool), shapes, "NMC")


PLANE = Sample(PhaseTable.two_class(), (1, 2000, 2000), 4_000_000)


@pytest.mark.parametrize("spread", [0.2, 0.3])
def test_known_spheres_come_back(spread: float) -> None:
    """Volume-weighted D50 and number per volume of log-normal spheres from 5000 sections: right to 4 and 12 %.

    The sections themselves are 10 to 12 % low in D50 and 19 % low in D10.
    """
    rng = np.random.default_rng(5)
    spheres = rng.lognormal(2.0, spread, 40_000)
    cut = sections(spheres, 5000, rng)
    area = 5000 / spheres.mean()  # one sphere per volume: a plane meets N·D of them per area
    found = unfold_spheres(cut, np.ones(5000), area=area, classes=12, largest=cut.max() * (1 + 1e-9))
    ordered = np.sort(spheres)
    for share in (0.1, 0.5):
        true = ordered[np.searchsorted(np.cumsum(ordered**3), share * (ordered**3).sum())]
        assert found.quantiles((share,), power=3)[0] == pytest.approx(true, rel=0.06)
    assert found.densities.sum() == pytest.approx(1.0, rel=0.12)


def test_what_spheres_in_the_middle_of_their_classes_give_is_undone_exactly() -> None:
    """The shares of sections that the formula expects give back the spheres that they came from."""
    edges = np.linspace(0, 10, 6)
    middles, true = (edges[1:] + edges[:-1]) / 2, np.array([3.0, 0.0, 2.0, 1.0, 4.0])
    beyond = np.sqrt(np.maximum(middles[None] ** 2 - edges[:, None] ** 2, 0))
    expected = (beyond[:-1] - beyond[1:]) @ true
    found = unfold_spheres(middles, expected * 7.0, area=7.0, classes=5, largest=10.0)
    np.testing.assert_allclose(found.densities, true, atol=1e-12)


def test_negative_classes_are_kept_and_count_nothing() -> None:
    """Sections of large spheres without the small circles that belong to them: the small classes are negative."""
    found = unfold_spheres(np.full(50, 9.5), np.ones(50), area=1.0, classes=10, largest=10.0)
    assert found.densities[-1] > 0
    assert found.densities[-2] < 0
    assert found.negative_share > 0
    assert 9.0 <= found.quantiles((0.1,), power=0)[0] <= 10.0


def test_rows_and_curves_of_near_spheres() -> None:
    """Round sections give five sizes with intervals, and a curve; the volume-weighted D50 holds the truth."""
    rng = np.random.default_rng(2)
    spheres = rng.lognormal(3.0, 0.2, 20_000)
    particles = as_particles(sections(spheres, 800, rng))
    rows = [m for m in measure_particles(particles, PLANE, SizeRules(replicates=100)) if m.name == "unfolded_diameter"]
    assert len(rows) == 5
    ordered = np.sort(spheres)
    true = ordered[np.searchsorted(np.cumsum(ordered**3), 0.5 * (ordered**3).sum())]
    median = next(m for m in rows if m.statistic == "D50, volume-weighted")
    assert median.value == pytest.approx(true, rel=0.05)
    curves = list(particle_curves(particles, PLANE))
    assert [c.name for c in curves] == ["equivalent_diameter", "equivalent_diameter", "unfolded_diameter"]
    assert all(c.shares[-1] == pytest.approx(1.0) for c in curves)


@pytest.mark.parametrize(("count", "roundness", "reason"), [(50, 1.0, "50 whole sections"), (400, 0.8, "no circles")])
def test_what_is_no_sphere_or_too_little_is_withheld(count: int, roundness: float, reason: str) -> None:
    """Saltykov's correction is refused where particles are not near spheres, or too few."""
    particles = as_particles(np.random.default_rng(0).uniform(5, 20, count), roundness)
    rows = [m for m in measure_particles(particles, PLANE, SizeRules()) if m.name == "unfolded_diameter"]
    assert {m.status for m in rows} == {"withheld"}
    assert reason in rows[0].reason
