"""Sizes, settings, corrections and the comparison."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from voltomo.artifacts import Phase, PhaseTable
from voltomo.errors import GateError, InputError
from voltomo.synthesis.likeness.comparison import TOLERANCES, compare_likeness
from voltomo.synthesis.likeness.correction import correct_settings
from voltomo.synthesis.likeness.settings import first_settings
from voltomo.synthesis.likeness.sizes import size_statistics
from voltomo.synthesis.likeness.statistic import DEFINITIONS, Likeness, Statistic

THREE = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "active", "active"), Phase(3, "binder", "binder")))
NUMBERS = {
    ("volume_fraction", "pore"): 0.3,
    ("volume_fraction", "active"): 0.55,
    ("volume_fraction", "binder"): 0.15,
    ("grey_level", "pore"): 0.2,
    ("grey_level", "active"): 0.7,
    ("grey_level", "binder"): 0.3,
    ("blur", ""): 1.5,
    ("noise", ""): 0.03,
    ("noise_length_y", ""): 1.4,
    ("noise_length_x", ""): 1.6,
    ("texture", "active"): 0.02,
    ("texture_length", "active"): 4.0,
    ("rings", ""): 0.01,
    ("drift", ""): 0.0,
    ("d50", ""): 4e-6,
    ("size_spread", ""): 1.5,
    ("elongation", ""): 1.2,
    ("cracked_share", ""): 0.2,
    ("void_fraction", ""): 0.02,
}


def _likeness(**changes: float | None) -> Likeness:
    """Statistics of an electrode; a change is named "blur" or "grey_level_pore"."""
    rows = []
    for (name, phase), value in NUMBERS.items():
        new = changes.get(f"{name}_{phase}" if phase else name, value)
        rows.append(Statistic(name, new, "1", phase, "" if new is not None else "not here"))
    return Likeness(tuple(rows))


def _first(likeness: Likeness, phases: PhaseTable = THREE) -> object:
    return first_settings(likeness, phases, default_d50=1e-6, is_section=False)


def test_every_statistic_has_a_definition_and_a_tolerance() -> None:
    """Nothing is reported that is not explained."""
    assert set(TOLERANCES) == set(DEFINITIONS)


def test_withheld_statistics_say_why() -> None:
    """No number without a reason for it."""
    with pytest.raises(InputError, match="without a reason"):
        Statistic("blur", None, "voxel")


def test_first_settings_carry_the_numbers_over() -> None:
    """Levels, blur, noise and D50 of a three-phase study are taken over; voids are no pore between particles."""
    settings = _first(_likeness()).settings
    assert (settings.pore, settings.active, settings.binder_level) == (0.2, 0.7, 0.3)
    assert (settings.blur, settings.noise, settings.d50, settings.binder) == (1.5, 0.03, 4e-6, 0.15)
    assert settings.noise_length == pytest.approx(1.5)
    # Of 0.55 / (1 − 0.02) of particles, 2 % is void, and lies in the pore phase.
    assert settings.porosity == pytest.approx(0.3 - 0.02 * 0.55 / 0.98, abs=1e-4)


def test_what_is_missing_is_said() -> None:
    """A withheld statistic is replaced by a default, and a note says so."""
    first = _first(_likeness(blur=None, d50=None))
    assert any("blur" in note and "default 1.5" in note for note in first.notes)
    assert first.settings.d50 == 1e-6


def test_no_twin_without_a_pore() -> None:
    """Without the grey level of the pore there is nothing to go by."""
    with pytest.raises(GateError, match="role pore"):
        _first(_likeness(grey_level_pore=None))


def test_mixture_of_pore_and_binder_is_split_around_its_mean() -> None:
    """Two classes: pore and binder keep the mean of the mixture, and the note says what was assumed."""
    rows = (
        Statistic("volume_fraction", 0.4, "1", "pore+binder"),
        Statistic("volume_fraction", 0.6, "1", "active"),
        Statistic("grey_level", 0.3, "grey", "pore+binder"),
        Statistic("grey_level", 0.8, "grey", "active"),
        Statistic("texture", 0.02, "grey", "pore+binder"),
        Statistic("texture_length", 5.0, "voxel", "pore+binder"),
    )
    first = first_settings(Likeness(rows), PhaseTable.two_class(), default_d50=1e-6, is_section=True)
    s = first.settings
    share = s.binder / (s.binder + s.porosity)
    assert s.binder + s.porosity == pytest.approx(0.4)
    assert (1 - share) * s.pore + share * s.binder_level == pytest.approx(0.3)
    assert s.pore < 0.3 < s.binder_level < 0.55
    assert any("two classes" in note for note in first.notes)


def test_a_perfect_twin_changes_nothing() -> None:
    """Settings whose twin has the source's statistics stay."""
    settings = _first(_likeness()).settings
    again = correct_settings(settings, _likeness(), _likeness(), THREE, sizes=True)
    assert again.to_record() == pytest.approx(settings.to_record())


def test_corrections_go_against_what_was_missed() -> None:
    """Levels by the difference, strengths by the ratio, blur by the squares, fractions by the difference."""
    settings = _first(_likeness()).settings
    twin = _likeness(grey_level_pore=0.22, noise=0.02, blur=1.7, d50=5e-6, volume_fraction_pore=0.35)
    found = correct_settings(settings, _likeness(), twin, THREE, sizes=True)
    assert found.pore == pytest.approx(settings.pore - 0.02)
    assert found.noise == pytest.approx(settings.noise * 1.5)
    assert found.blur == pytest.approx(np.sqrt(1.5**2 + 1.5**2 - 1.7**2))
    assert found.d50 == pytest.approx(settings.d50 * 0.8)
    assert found.porosity == pytest.approx(settings.porosity - 0.05)


def test_a_smaller_window_does_not_correct_sizes() -> None:
    """Fractions and sizes of a trial window that is not the scan's are left alone."""
    settings = _first(_likeness()).settings
    found = correct_settings(settings, _likeness(), _likeness(d50=5e-6, cracked_share=0.9), THREE, sizes=False)
    assert found.to_record() == pytest.approx(settings.to_record())


def test_comparison_judges_by_the_tolerance() -> None:
    """Within the tolerance is matched, beyond it missed, and a missing number is not compared."""
    rows = {row.name: row for row in compare_likeness(_likeness(), _likeness(blur=1.65, d50=6e-6, noise=None), THREE)}
    assert rows["blur"].is_matched  # 10 %, allowed 15 %
    assert rows["blur"].relative_difference == pytest.approx(0.1)
    assert rows["d50"].is_matched is False
    assert rows["noise"].is_matched is None
    assert "withheld for the twin" in rows["noise"].reason


def test_sizes_of_a_log_normal_distribution() -> None:
    """D50 and spread of diameters drawn from a log-normal distribution come back, weighted by volume."""
    rng = np.random.default_rng(0)
    sigma = np.log(1.4)
    diameter = rng.lognormal(np.log(2e-6) - 3 * sigma**2, sigma, 20_000)
    table = {
        "instance_id": np.arange(20_000),
        "equivalent_diameter": diameter,
        "envelope_voxels": diameter**3,
        "aspect_ratio": np.full(20_000, 1.2),
        "sphericity": np.full(20_000, 0.9),
        "void_fraction": np.where(np.arange(20_000) % 4 == 0, 0.1, 0.0),
    }
    rows, curve = size_statistics(table, unit="m")
    found = {row.name: row.value for row in rows}
    # The largest of 20 000 particles carry much of the volume: D50 scatters by about 2 %, D90 by 4 %.
    assert found["d50"] == pytest.approx(2e-6, rel=0.05)
    assert found["size_spread"] == pytest.approx(1.4, rel=0.04)
    assert found["cracked_share"] == 0.25
    assert curve["share"][-1] == pytest.approx(1)


def test_few_particles_give_no_sizes() -> None:
    """A handful is no distribution."""
    few = {"instance_id": np.arange(3)}
    assert all(row.value is None and "3 particles" in row.reason for row in size_statistics(few, unit="m")[0])


def test_settings_stay_within_what_can_be_made() -> None:
    """A statistic far out does not ask for the impossible."""
    settings = _first(_likeness(blur=30.0, size_spread=4.0)).settings
    assert settings == replace(settings).limited()
    assert settings.spread <= 2.4


def test_curves_are_compared_as_a_whole() -> None:
    """A spectrum twice as strong everywhere lies ln 2 away; a histogram shifted by a tenth of the contrast, a tenth."""
    frequency, edges = [0.0, 0.2, 0.4], np.linspace(0, 1, 101).tolist()
    share = np.zeros(100)
    share[20] = share[70] = 0.5
    source = replace(
        _likeness(),
        curves={
            "noise": {"frequency": frequency, "power": [4.0, 2.0, 1.0]},
            "histogram": {"edges": edges, "share": share.tolist()},
        },
    )
    twin = replace(
        _likeness(),
        curves={
            "noise": {"frequency": frequency, "power": [8.0, 4.0, 2.0]},
            "histogram": {"edges": edges, "share": np.roll(share, 5).tolist()},
        },
    )
    rows = {row.name: row for row in compare_likeness(source, twin, THREE)}
    assert rows["noise_spectrum"].twin == pytest.approx(np.log(2), rel=5e-3)  # a thousandth is faint
    assert rows["noise_spectrum"].is_matched is False
    assert rows["histogram_distance"].twin == pytest.approx(0.05 / 0.5)  # the levels are 0.2 and 0.7
    assert compare_likeness(_likeness(), twin, THREE)[-1].is_matched is None
