"""The verbs on plain arrays and artefacts."""

from __future__ import annotations

import numpy as np
import pytest

import voltomo as vt
from voltomo.errors import InputError, ShapeError

TABLE = [
    {"id": 1, "code": 0, "name": "pore", "role": "pore"},
    {"id": 2, "code": 7, "name": "NMC", "role": "active"},
]


@pytest.fixture
def image() -> np.ndarray:
    """Two bright discs."""
    y, x = np.mgrid[:80, :100]
    grey = ((np.hypot(y - 30, x - 30) < 16) | (np.hypot(y - 50, x - 72) < 18)) * 1.0
    return grey + np.random.default_rng(0).normal(0, 0.05, grey.shape)


def test_an_array_comes_back_in_its_shape(image: np.ndarray) -> None:
    """A section stays (Y, X), a volume (Z, Y, X), through every verb."""
    for array in (image, np.stack([image] * 12)):
        phases = vt.segment(array, voxel_size="100 nm")
        particles, cracks = vt.particles(phases)
        assert phases.data.shape == particles.data.shape == cracks.data.shape == array.shape
        assert len(particles) == 2
        numbers = vt.measure(phases, instance_map=particles, crack_map=cracks)
        name = "area_fraction" if array.ndim == 2 else "volume_fraction"
        assert numbers.one(name, phase="active").value == pytest.approx((image > 0.5).mean(), abs=1e-9)


def test_the_input_is_not_changed(image: np.ndarray) -> None:
    """Not by segmenting, not by denoising."""
    before = image.copy()
    vt.segment(image, denoise={"method": "median"})
    vt.denoise(image, method="gaussian")
    np.testing.assert_array_equal(image, before)


def test_a_plain_label_array_needs_a_table(image: np.ndarray) -> None:
    """Codes get their meaning from rows; code 0 is a phase if a row says so."""
    labels = np.where(image > 0.5, 7, 0).astype(np.uint8)
    with pytest.raises(InputError, match="phase table"):
        vt.measure(labels)
    numbers = vt.measure(labels, table=TABLE)
    fractions = [item.value for item in numbers.select("area_fraction")]
    assert fractions == pytest.approx([(labels == 0).mean(), (labels == 7).mean()])
    with pytest.raises(InputError, match="9"):
        vt.measure(np.full((8, 8), 9, np.uint8), table=TABLE)


def test_numbers_of_the_grey_volume_need_it(image: np.ndarray) -> None:
    """With the grey volume the resolution is measured; with the settings of `segment` it enters the budgets."""
    stack = np.stack([image] * 48)
    phases = vt.segment(stack, mask="none")
    settings = {"transport": "none", "paths": "none", "local_thickness": "none", "conventions": False}
    bare = vt.measure(phases, **settings)
    assert "image_resolution" not in {m.name for m in bare}
    grey = vt.measure(phases, volume=stack, **settings)
    assert len(grey.select("image_resolution")) == 1
    full = vt.measure(phases, volume=stack, segmentation={}, **settings)
    part = next(p for p in full.one("volume_fraction", phase="active").parts if p.name == "resolution")
    assert part.standard_uncertainty is not None
    with pytest.raises(ShapeError, match="of one scan"):
        vt.measure(phases, volume=stack[:5], **settings)


def test_a_result_is_scored_against_a_label_array(image: np.ndarray) -> None:
    """Against the noise-free truth every pixel is right; a truth of another shape is refused."""
    truth = np.where(image > 0.5, 7, 0)
    assert vt.evaluate(vt.segment(image), truth, table=TABLE).active_iou == 1
    with pytest.raises(ShapeError):
        vt.evaluate(vt.segment(image), truth[1:], table=TABLE)


def test_a_misspelt_setting_is_refused_with_the_nearest(image: np.ndarray) -> None:
    """As in a recipe."""
    with pytest.raises(InputError, match="did you mean 'method'"):
        vt.segment(image, methd="otsu")
