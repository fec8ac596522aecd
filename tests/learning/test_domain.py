"""The drift alarm is silent on the scans that trained a model, and rings on others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from voltomo.errors import InputError, ShapeError
from voltomo.learning.domain import compare_domain, describe_domain, domain_of_images, fingerprint, join_domains
from voltomo.learning.normalization import measure_normalization
from voltomo.learning.pairs import LabelledImage

NMC = ("A_1", "A_200", "A_400", "B_103", "B_510", "B_929", "C_394", "C_546", "C_698")


def normalized(grey: np.ndarray) -> list[np.ndarray]:
    """One slice (C, Y, X), normalised by itself."""
    image = np.asarray(grey, np.float32)[None, None]
    return [measure_normalization(image).apply(image)[:, 0]]


def grains(seed: int, *, size: int = 128) -> np.ndarray:
    """Bright grains with dark gaps between them, blurred, with noise."""
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.normal(size=(size, size)), 5)
    solid = np.abs(smooth) > 0.25 * smooth.std()
    return ndimage.gaussian_filter(solid.astype(float), 1) + 0.03 * rng.normal(size=(size, size))


@pytest.fixture(scope="module")
def domain() -> dict:
    """Of six images of one kind."""
    return describe_domain([normalized(grains(seed)) for seed in range(6)])


def test_silent_on_its_own_kind(domain: dict) -> None:
    """Other images of the same kind raise no alarm, whatever their brightness and contrast."""
    for seed in range(10, 16):
        drift = compare_domain(domain, fingerprint(normalized(100 + 40 * grains(seed))))
        assert not drift.is_outside, drift.largest()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda image: -image, "asymmetry"),
        (lambda image: image + 0.3 * np.random.default_rng(0).normal(size=image.shape), "noise"),
        (lambda image: ndimage.gaussian_filter(image, 3), "noise"),
        (lambda image: ndimage.zoom(image, 3, order=1), "contrast over"),
        (lambda image: np.clip(image, 0, None) ** 4, "grey"),
    ],
    ids=["inverted", "noisier", "blurred", "larger grains", "darker"],
)
def test_alarm(domain: dict, change: Callable[[np.ndarray], np.ndarray], named: str) -> None:
    """Inverted contrast, more noise, blur, other sizes and another histogram are told, with what differs."""
    drift = compare_domain(domain, fingerprint(normalized(change(grains(20)))))
    assert drift.is_outside
    assert any(named in difference.sentence() for difference in drift.largest()), drift.largest()
    assert len(drift.largest()) <= 3


def test_a_training_image_is_inside(domain: dict) -> None:
    """The distance of an image to a domain that it belongs to is exactly 0."""
    assert compare_domain(domain, fingerprint(normalized(grains(3)))).distance == 0


def test_without_domain_nothing_differs() -> None:
    """A model without a domain gives no alarm."""
    assert compare_domain({}, fingerprint(normalized(grains(0)))).differences == ()


def test_domains_of_another_form() -> None:
    """A domain without standard errors is refused rather than misread."""
    with pytest.raises(InputError, match="another version"):
        compare_domain({"features": {"noise": [0, 1]}, "images": 1}, {"noise": 0.5})


def test_outside_the_field_of_view_does_not_count() -> None:
    """A slice with a corner of nan has nearly the fingerprint of the whole."""
    whole = normalized(grains(1))
    masked = [whole[0].copy()]
    masked[0][:, :16, :16] = np.nan  # 1.6 % of the slice
    one, two = fingerprint(whole), fingerprint(masked)
    assert all(abs(one[name] - two[name]) < 0.1 for name in one)  # a tenth of a doubling, or of the grey range


def test_channels_are_told_apart() -> None:
    """The second channel has features of its own."""
    two = np.concatenate([normalized(grains(0))[0], normalized(grains(1))[0]])
    found = fingerprint([two])
    assert found["noise of channel 1"] == fingerprint(normalized(grains(1)))["noise"]
    with pytest.raises(InputError, match="same channels"):
        describe_domain([[two], normalized(grains(0))])


def test_too_small() -> None:
    """Slices of a few pixels have no texture."""
    with pytest.raises(ShapeError, match="16 x 16"):
        fingerprint([np.zeros((1, 8, 64), np.float32)])


def test_domains_join() -> None:
    """The domain of three images is that of two joined with that of the third."""
    images = [normalized(grains(seed)) for seed in range(3)]
    whole, joined = describe_domain(images), join_domains([describe_domain(images[:2]), describe_domain(images[2:])])
    assert joined["images"] == whole["images"] == 3
    for name, values in whole["features"].items():
        np.testing.assert_allclose(joined["features"][name], values, rtol=1e-12)  # rounding of sums


def test_domain_of_volumes() -> None:
    """Of a labelled volume, some slices are looked at."""
    grey = np.stack([grains(seed, size=64) for seed in range(8)])[None]
    image = LabelledImage("v", grey, np.ones(grey.shape[1:], np.uint8))
    found = domain_of_images([image], [measure_normalization(grey)])
    assert found["images"] == 1
    assert all(low == high and error > 0 for low, high, error in found["features"].values())


def test_nmc_leave_one_slice_out(data: Callable[[str], Path]) -> None:
    """Each slice of `nmc_nanoct` is inside the domain of the other eight; other scans and inverted ones are not."""
    slices = {name: tifffile.imread(data(f"nmc_nanoct/{name}.tif")) for name in NMC}
    alone = {name: describe_domain([normalized(grey)]) for name, grey in slices.items()}
    for name in NMC:
        rest = join_domains([alone[other] for other in NMC if other != name])
        found = {feature: values[0] for feature, values in alone[name]["features"].items()}
        assert not compare_domain(rest, found).is_outside, name
    domain = join_domains(list(alone.values()))
    others = {
        "cell_ct": tifffile.imread(data("cell_ct/cell_vol_001-050.tif"))[30],
        "sem_cathode": tifffile.imread(data("sem_cathode/nmc_sem_left.tif")),
        "txm_4class": tifffile.imread(data("txm_4class/train_gray.tif")),
        "inverted": -slices["B_510"],
        "noisier": slices["B_510"] + np.random.default_rng(0).normal(0, 0.3, slices["B_510"].shape),
    }
    for name, grey in others.items():
        assert compare_domain(domain, fingerprint(normalized(grey))).is_outside, name
