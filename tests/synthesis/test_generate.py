from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from voltomo.errors import InputError
from voltomo.synthesis import ACTIVE, BINDER, CRACK_PHASE, Electrode, ElectrodeRequest, make_electrode, rasterize

REQUEST = ElectrodeRequest(
    shape=(128, 128, 128),
    voxel_size=(1e-7, 1e-7, 1e-7),
    active=0.58,
    binder=0.15,
    d50=2.5e-6,
    spread=1.5,
    elongation=1.3,
    roughness=0.1,
    cracked=0.25,
    crack_width=3e-7,
    hollow=0.1,
    void_diameter=3e-7,
)


def _paint(electrode: Electrode) -> tuple[np.ndarray, np.ndarray]:
    z, y, x = electrode.shape
    return rasterize(electrode, (slice(0, z), slice(0, y), slice(0, x)))


def test_fractions_are_those_asked_for() -> None:
    """Active material (without its cracks) and binder of 128³ voxels come within 0.01 of the request."""
    phases, _ = _paint(make_electrode(REQUEST, np.random.default_rng(0)))
    assert np.mean(phases == ACTIVE) == pytest.approx(0.58, abs=0.01)
    assert np.mean(phases == BINDER) == pytest.approx(0.15, abs=0.01)
    assert 0.003 < np.mean(phases == CRACK_PHASE) < 0.05


def test_a_seed_repeats_an_electrode_bit_by_bit() -> None:
    """The same seed gives the same shapes, another seed others."""
    small = replace(REQUEST, shape=(32, 48, 48))
    first, again, other = (make_electrode(small, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert all(
        np.array_equal(a, b) for a, b in zip(first.to_arrays().values(), again.to_arrays().values(), strict=True)
    )
    assert not np.array_equal(first.centers, other.centers)


def test_sizes_follow_the_request() -> None:
    """The volume-weighted median of the particles centered in the window is D50, within the scatter of some 300."""
    electrode = make_electrode(REQUEST, np.random.default_rng(0))
    inside = np.all((electrode.centers >= 0) & (electrode.centers <= 127e-7), axis=1)
    diameters = np.sort(electrode.diameters[inside])
    cumulative = np.cumsum(diameters**3) / np.sum(diameters**3)
    assert diameters[np.searchsorted(cumulative, 0.5)] == pytest.approx(2.5e-6, rel=0.15)
    assert diameters.min() > 0.3 * 2.5e-6
    assert diameters.max() < 2.7 * 2.5e-6


def test_cracks_lie_inside_particles_in_the_stated_share() -> None:
    """Every crack voxel carries a particle's id; a quarter of the particles has slits."""
    electrode = make_electrode(REQUEST, np.random.default_rng(0))
    phases, ids = _paint(electrode)
    assert np.all(ids[phases == CRACK_PHASE] > 0)
    assert np.all(ids[phases == ACTIVE] > 0)
    assert not np.any(ids[(phases != ACTIVE) & (phases != CRACK_PHASE)])
    assert electrode.is_cracked.mean() == pytest.approx(0.25, abs=0.5 / len(electrode))
    broken = np.unique(ids[phases == CRACK_PHASE])
    assert np.isin(broken - 1, np.union1d(electrode.slits.particle, electrode.voids.particle)).all()


def test_particles_hardly_overlap() -> None:
    """Voxels of a particle are those of its ellipsoid but for a few percent cut off at contacts (smooth particles)."""
    electrode = make_electrode(replace(REQUEST, roughness=0.0, shape=(64, 64, 64)), np.random.default_rng(2))
    _, ids = _paint(electrode)
    whole = np.all(
        (electrode.centers > electrode.half_extents) & (electrode.centers + electrode.half_extents < 63e-7), axis=1
    )
    counted = np.bincount(ids.ravel(), minlength=len(electrode) + 1)[1:][whole] * 1e-21
    volumes = np.pi / 6 * electrode.diameters[whole] ** 3
    assert whole.sum() > 5
    assert np.sum(counted) / np.sum(volumes) == pytest.approx(1, abs=0.02)


def test_a_section_has_the_requested_fraction() -> None:
    """A single slice cuts particles of the packing anywhere and still holds the fractions."""
    phases, ids = _paint(make_electrode(replace(REQUEST, shape=(1, 300, 300)), np.random.default_rng(0)))
    assert phases.shape == (1, 300, 300)
    assert np.mean(phases == ACTIVE) == pytest.approx(0.58, abs=0.01)
    assert len(np.unique(ids)) > 50


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"active": 0.7, "binder": 0.4}, "add up to 1.1"),
        ({"d50": 2e-5}, "does not fit the window"),
        ({"d50": 3e-7}, "less than 4 voxels"),
        ({"active": 0.9, "binder": 0.0}, r"0\.[67]\d+ is what particles of this spread"),
        ({"crack_width": 2e-8}, "fall between voxels"),
        ({"crack_width": 1.2e-6, "cracked": 1.0}, "large enough"),
        ({"active": 0.6, "binder": 0.399}, r"only 0\.3\d+ is left"),
    ],
)
def test_what_cannot_be_made_says_what_can(changes: dict[str, float], message: str) -> None:
    """Fractions, sizes and flaws beyond reach are refused with the reachable value."""
    with pytest.raises(InputError, match=message):
        make_electrode(replace(REQUEST, shape=(64, 64, 64), **changes), np.random.default_rng(0))
