from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltomo.artifacts import Measurement, PhaseTable
from voltomo.metrics.sample import Sample
from voltomo.metrics.sizes import ParticleSample, SizeRules, measure_particles, sampling_weights, weighted_quantiles

WINDOW = Sample(PhaseTable.two_class(), (100, 100, 100), 10**6)


def particles(diameter: np.ndarray, *, is_whole: np.ndarray | None = None, void: float = 0.0) -> ParticleSample:
    """Balls of these diameters in voxels."""
    volume = np.pi / 6 * diameter**3
    return ParticleSample(
        diameter=diameter,
        envelope=volume,
        solid=volume * (1 - void),
        boxes=np.repeat(np.ceil(diameter).astype(np.int64)[:, None], 3, axis=1),
        is_whole=np.ones(len(diameter), bool) if is_whole is None else is_whole,
        shapes={"sphericity": np.full(len(diameter), 0.9)},
    )


def find(numbers: tuple[Measurement, ...], name: str, statistic: str, method: str = "") -> Measurement:
    """The one number of a name and statistic whose method starts so."""
    found = [m for m in numbers if (m.name, m.statistic) == (name, statistic) and m.method.startswith(method)]
    assert len(found) == 1, found
    return found[0]


def test_quantiles_of_weighted_particles() -> None:
    """Eight small particles and one as large as all of them: half the volume is reached at the small ones."""
    diameter = np.array([1.0] * 8 + [2.0])
    assert weighted_quantiles(diameter, diameter**0, (0.1, 0.5, 0.9)).tolist() == [1.0, 1.0, 2.0]
    assert weighted_quantiles(diameter, diameter**3, (0.1, 0.5, 0.9)).tolist() == [1.0, 1.0, 2.0]
    assert weighted_quantiles(diameter, diameter**3, (0.51,)).tolist() == [2.0]


@settings(max_examples=25, deadline=None)
@given(
    values=st.lists(st.floats(0.1, 100), min_size=1, max_size=30, unique=True),
    copies=st.lists(st.integers(1, 4), min_size=30, max_size=30),
)
def test_a_weight_is_that_many_particles(values: list[float], copies: list[int]) -> None:
    """An integer weight gives what that many equal particles give."""
    diameter, weight = np.array(values), np.array(copies[: len(values)])
    repeated = np.repeat(diameter, weight)
    np.testing.assert_array_equal(
        weighted_quantiles(diameter, weight.astype(float)), weighted_quantiles(repeated, np.ones(len(repeated)))
    )


def test_weights_by_counting_positions() -> None:
    """The weight is the number of positions of the box in a window, over those where it touches no edge."""
    assert sampling_weights([[3, 2, 1]], shape=(8, 7, 6)).tolist() == [(8 * 7 * 6) / ((8 - 4) * (7 - 3) * (6 - 2))]
    assert sampling_weights([[1, 2, 1]], shape=(1, 7, 6)).tolist() == [(7 * 6) / ((7 - 3) * (6 - 2))]
    assert np.isinf(sampling_weights([[7, 1, 1]], shape=(8, 8, 8))).all()


def test_the_edge_correction_undoes_the_loss_of_large_particles() -> None:
    """Known sizes at random places: whole particles have the true distribution when weighted, those seen do not."""
    rng = np.random.default_rng(4)
    true = rng.choice([10, 30, 50], 40_000, p=[0.4, 0.4, 0.2])
    first = rng.integers(-50, 150, (len(true), 3))  # in a box of 200 voxels around the window of 100
    last = first + true[:, None] - 1
    seen = np.all((last >= 0) & (first <= 99), axis=1)
    whole = np.all((first >= 1) & (last <= 98), axis=1)
    true = true.astype(float)
    sample = particles(true[seen], is_whole=whole[seen])
    numbers = measure_particles(sample, WINDOW, SizeRules(replicates=50))
    # 10, 30, 50 by number 0.4, 0.4, 0.2: the median is 30, and the share of 10 is 0.4 of all.
    weights = sampling_weights(sample.boxes, shape=WINDOW.shape) * sample.is_whole
    share = weights[sample.diameter == 10].sum() / weights.sum()
    assert share == pytest.approx(0.4, abs=0.03)  # three standard errors of some 2000 whole particles
    assert np.mean(true[whole] == 10) > 0.6  # unweighted whole ones: mostly small
    assert np.mean(true[seen] == 10) < 0.3  # all that are seen: mostly large
    assert find(numbers, "equivalent_diameter", "D50, number-weighted", "whole").value == 30
    density = find(numbers, "particle_number_density", "")
    assert density.low < 40_000 / 200**3 < density.high
    assert density.unit == "1/voxel^3"


def test_intervals_cover() -> None:
    """The 95 % interval of the median holds the true median in about 95 % of samples (100 of 120 particles each)."""
    rng = np.random.default_rng(8)
    hits = 0
    for seed in range(100):
        diameter = rng.lognormal(2.0, 0.4, 120)
        numbers = measure_particles(particles(diameter), WINDOW, SizeRules(replicates=200, seed=seed))
        found = find(numbers, "equivalent_diameter", "D50, number-weighted", "all")
        hits += found.low <= np.exp(2.0) <= found.high
    assert 88 <= hits <= 100  # binomial, 95 ± 3 standard deviations


def test_no_interval_where_few_large_particles_decide() -> None:
    """Area-weighted sizes of a wide distribution, and of few particles, have values without intervals and say why."""
    rng = np.random.default_rng(0)
    narrow, wide = (
        measure_particles(particles(np.exp(s * rng.standard_normal(900))), WINDOW, SizeRules()) for s in (0.2, 0.65)
    )
    few = measure_particles(particles(np.exp(0.2 * rng.standard_normal(100))), WINDOW, SizeRules())
    method = "whole"
    assert find(narrow, "equivalent_diameter", "D50, area-weighted", method).low is not None
    for numbers, reason in ((wide, "few large particles decide"), (few, "300 are needed")):
        row = find(numbers, "equivalent_diameter", "D50, area-weighted", method)
        assert row.value is not None
        assert row.low is None
        assert any(reason in part.note for part in row.parts if part.name == "sampling")
        assert find(numbers, "equivalent_diameter", "D50, number-weighted", method).low is not None
    tail = find(few, "equivalent_diameter", "D90, number-weighted", method)
    assert tail.low is None
    assert any("beyond the quantile" in part.note for part in tail.parts)


def test_the_same_seed_gives_the_same_interval() -> None:
    """Nothing in a size distribution depends on when it is computed."""
    sample = particles(np.random.default_rng(0).lognormal(2, 0.5, 60))
    assert measure_particles(sample, WINDOW, SizeRules()) == measure_particles(sample, WINDOW, SizeRules())


def test_too_few_particles_are_withheld_with_a_reason() -> None:
    """A gate on a number: the row stays, its value does not."""
    numbers = measure_particles(particles(np.full(5, 10.0)), WINDOW, SizeRules())
    found = find(numbers, "equivalent_diameter", "D50, volume-weighted", "whole")
    assert found.value is None
    assert found.reason == "5 particles; at least 30 are needed"
    assert find(numbers, "particle_count", "all").value == 5


def test_zero_particles_are_reported() -> None:
    """Without particles the count is 0 and every size is withheld."""
    numbers = measure_particles(particles(np.empty(0)), WINDOW, SizeRules())
    assert find(numbers, "particle_count", "all").value == 0
    assert {m.status for m in numbers if m.name in ("equivalent_diameter", "particle_void_fraction")} == {"withheld"}


def test_particles_as_large_as_the_window_refuse_the_correction() -> None:
    """Where a particle spans the window, sizes are given uncorrected, with a warning."""
    diameter = np.append(np.full(40, 10.0), 99.0)
    numbers = measure_particles(particles(diameter, is_whole=diameter < 50), WINDOW, SizeRules())
    found = find(numbers, "equivalent_diameter", "D50, volume-weighted", "all")
    assert found.status == "warned"
    assert "span the window" in found.reason
    assert find(numbers, "particle_number_density", "").status == "withheld"


def test_large_particles_that_are_always_cut_are_noticed() -> None:
    """Where whole particles lack much of the content that is seen, their sizes are given with a warning."""
    diameter = np.append(np.full(60, 10.0), 60.0)
    numbers = measure_particles(particles(diameter, is_whole=diameter < 50), WINDOW, SizeRules())
    found = find(numbers, "equivalent_diameter", "D90, volume-weighted", "whole")
    assert found.status == "warned"
    assert "account for 31 %" in found.reason  # 60 · 10³ at a weight of (100/89)³, of 60 · 10³ + 60³


def test_a_section_has_no_volumes() -> None:
    """In the plane there are area- and number-weighted section sizes, and their definition says so."""
    sample = particles(np.full(40, 5.0))
    sample.boxes[:, 0] = 1
    numbers = measure_particles(sample, Sample(PhaseTable.two_class(), (1, 100, 100), 10**4), SizeRules())
    sizes = [m for m in numbers if m.name == "equivalent_diameter"]
    assert not any("volume" in m.statistic for m in sizes)
    assert all(m.definition.startswith("Section size") and m.dimension == 2 for m in sizes)


def test_void_inside_particles() -> None:
    """The void fraction is that of the volume, not the mean over particles."""
    diameter = np.array([1.0, 10.0])
    sample = particles(diameter)
    sample = ParticleSample(
        diameter, sample.envelope, sample.envelope * np.array([0.0, 1.0]), sample.boxes, sample.is_whole, {}
    )
    numbers = measure_particles(sample, WINDOW, SizeRules())
    assert find(numbers, "particle_void_fraction", "volume-weighted mean").value == pytest.approx(1 / 1001)
