"""Whether a scan looks like those that trained a model: a fingerprint of grey values, noise, sharpness and texture.

A fingerprint is measured on normalised slices, so that brightness and contrast alone never count. It describes each
slice by itself; what changes along z only is not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from voltomo.errors import InputError, ShapeError
from voltomo.learning.normalization import Normalization
from voltomo.learning.pairs import LabelledImage

__all__ = [
    "FEATURES",
    "Difference",
    "Drift",
    "Feature",
    "Fingerprint",
    "compare_domain",
    "describe_domain",
    "domain_of_images",
    "fingerprint",
    "join_domains",
]

Floats: TypeAlias = npt.NDArray[np.floating[Any]]
Fingerprint: TypeAlias = dict[str, float]
"""Value of each feature by "<feature>", or "<feature> of channel <n>" from the second channel on."""

SMALLEST = 16
"""Edge of the smallest slice that has a texture to speak of."""
SLICES = 5
"""Of a volume that are looked at: neighbours look alike."""
DOUBT = 5.0
"""Set, with the slacks, on `nmc_nanoct`: one slice of a scan then knows the others (docs/explanation/inference.md)."""


@dataclass(frozen=True)
class Feature:
    """One property of a slice.

    Parameters
    ----------
    name : as in messages
    measure : of a normalised slice (Y, X)
    slack : how far beyond the training scans is still alike, where these are all the same
    is_logarithm : of base 2; told as a factor
    """

    name: str
    measure: Callable[[Floats], float]
    slack: float
    is_logarithm: bool = False


@dataclass(frozen=True)
class Difference:
    """How far one feature of a scan lies outside the training scans.

    Parameters
    ----------
    feature : its name
    value : of the scan
    low, high : among the training scans
    distance : beyond them, in tolerances; 0 inside, an alarm above 1
    """

    feature: str
    value: float
    low: float
    high: float
    distance: float

    def sentence(self) -> str:
        """For a message."""
        if self.feature.split(" of channel")[0] in _LOGARITHMS:
            edge = self.high if self.value > self.high else self.low
            return (
                f"{self.feature}: {2 ** abs(self.value - edge):.3g} times {'higher' if self.value > edge else 'lower'}"
            )
        return f"{self.feature}: {self.value:.2f}, in training {self.low:.2f} to {self.high:.2f}"


@dataclass(frozen=True)
class Drift:
    """A scan beside the domain of a model.

    Parameters
    ----------
    differences : all features, the most different first
    """

    differences: tuple[Difference, ...]

    @property
    def distance(self) -> float:
        """That of the most different feature."""
        return max((difference.distance for difference in self.differences), default=0.0)

    @property
    def is_outside(self) -> bool:
        """Whether the scan is unlike those that trained the model."""
        return self.distance > 1.0

    def largest(self, count: int = 3) -> tuple[Difference, ...]:
        """The most different features that lie outside the training scans."""
        return tuple(difference for difference in self.differences if difference.distance > 0)[:count]


def fingerprint(slices: Sequence[npt.NDArray[Any]]) -> Fingerprint:
    """The fingerprint of a scan from some of its slices: the median of each feature over them.

    Parameters
    ----------
    slices : (C, Y, X) normalised; what is outside the field of view is nan, or left out by cropping

    Raises
    ------
    ShapeError
        If there is no slice of 16 pixels or more along y and x.
    """
    usable = [image for image in slices if image.ndim == 3 and min(image.shape[1:]) >= SMALLEST]
    if not usable:
        raise ShapeError(
            f"expected slices (C, Y, X) of {SMALLEST} x {SMALLEST} pixels or more to compare with a domain"
        )
    found: Fingerprint = {}
    for channel in range(usable[0].shape[0]):
        images = [_filled(np.asarray(image[channel], np.float32)) for image in usable]
        for feature in FEATURES:
            name = feature.name if channel == 0 else f"{feature.name} of channel {channel}"
            found[name] = float(np.median([feature.measure(image) for image in images]))
    return found


def describe_domain(images: Sequence[Sequence[npt.NDArray[Any]]]) -> dict[str, Any]:
    """What training scans have in common, as it is kept in a model.

    Parameters
    ----------
    images : per training slice or volume, one or several of its slices (C, Y, X), normalised

    Returns
    -------
    plain values
        `features`: smallest and largest value of each over the images, and how far the features of one image can be
        trusted, from its quarters; `images`: their number.

    Raises
    ------
    InputError
        If there is no image, or they differ in channels.
    ShapeError
        If an image has no slice that is large enough.
    """
    return join_domains([_image_domain(slices) for slices in images])


def join_domains(domains: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The domain of all images of several: of a model that was trained further, both the old ones and the new.

    Raises
    ------
    InputError
        If there is none, or they differ in channels.
    """
    if not domains or len({tuple(sorted(domain["features"])) for domain in domains}) != 1:
        raise InputError("a domain needs one image or more, all with the same channels")
    counts = [int(domain["images"]) for domain in domains]
    joined = {}
    for name in domains[0]["features"]:
        low, high, error = (
            np.array(column) for column in zip(*(domain["features"][name] for domain in domains), strict=True)
        )
        rms = np.sqrt(np.average(error**2, weights=counts))
        joined[name] = [float(low.min()), float(high.max()), float(rms)]
    return {"features": joined, "images": sum(counts)}


def _image_domain(slices: Sequence[npt.NDArray[Any]]) -> dict[str, Any]:
    """The domain of one image: a point, and how far it can be trusted."""
    found, error = fingerprint(slices), _spread(slices)
    return {"features": {name: [value, value, error.get(name, 0.0)] for name, value in found.items()}, "images": 1}


def domain_of_images(images: Sequence[LabelledImage], normalizations: Sequence[Normalization]) -> dict[str, Any]:
    """The domain of labelled images; see `describe_domain`.

    Parameters
    ----------
    images : what a model was trained on
    normalizations : one per image, such as `voltomo.learning.normalization.measure_by_scan` gives
    """
    sampled = []
    for image, normalization in zip(images, normalizations, strict=True):
        count = image.shape[0]
        places = sorted({int((i + 0.5) * count / SLICES) for i in range(SLICES)})
        sampled.append([normalization.apply(np.asarray(image.grey[:, z])) for z in places])
    return describe_domain(sampled)


def _spread(slices: Sequence[npt.NDArray[Any]]) -> Fingerprint:
    """Standard error of the features of an image, as far as its quarters tell; empty where they are too small."""
    quarters: list[list[npt.NDArray[Any]]] = [[], [], [], []]
    for image in slices:
        y, x = image.shape[1] // 2, image.shape[2] // 2
        if min(y, x) >= SMALLEST:
            for i, quarter in enumerate((image[:, :y, :x], image[:, :y, x:], image[:, y:, :x], image[:, y:, x:])):
                quarters[i].append(quarter)
    if not quarters[0]:
        return {}
    prints = [fingerprint(quarter) for quarter in quarters]
    return {name: float(np.std([one[name] for one in prints], ddof=1)) / 2 for name in prints[0]}


def compare_domain(domain: Mapping[str, Any], found: Fingerprint) -> Drift:
    """How far a scan lies from the domain of a model.

    A feature is outside where it lies beyond the range of the training scans by more than a tolerance: its slack, a
    quarter of that range, and, since a few images do not show all that a scan holds, `DOUBT` standard errors of one
    image, divided by the number of images to the power of 1.5.

    Parameters
    ----------
    domain : what `describe_domain` gave; without features, nothing can differ
    found : fingerprint of the scan

    Raises
    ------
    InputError
        If the domain has another form.
    """
    slack = {feature.name: feature.slack for feature in FEATURES}
    doubt = DOUBT / max(1, int(domain.get("images", 1))) ** 1.5
    differences = []
    for name, values in domain.get("features", {}).items():
        if len(values) != 3:
            raise InputError(
                f"the domain of this model says {values} of the feature {name!r}; expected the smallest and the "
                "largest value and the standard error. Was it trained by another version? Train it again"
            )
        low, high, error = values
        if name in found:
            beyond = max(low - found[name], found[name] - high, 0.0)
            tolerance = slack[name.split(" of channel")[0]] + (high - low) / 4 + doubt * error
            differences.append(Difference(name, found[name], low, high, beyond / tolerance))
    return Drift(tuple(sorted(differences, key=lambda difference: -difference.distance)))


def _filled(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Nan replaced by the median of the rest."""
    known = np.isfinite(image)
    if known.all():
        return image
    return np.where(known, image, np.median(image[known]) if known.any() else np.float32(0))


def _quantile(percent: float) -> Callable[[Floats], float]:
    return lambda image: float(np.percentile(image, percent))


def _noise(image: Floats) -> float:
    """Standard deviation of white noise, log2; see `voltomo.segmentation.noise`."""
    residual = image[:, :-2] - 2 * image[:, 1:-1] + image[:, 2:]
    residual = np.abs(residual[:-2] - 2 * residual[1:-1] + residual[2:]) / 6
    return float(np.log2(np.median(residual) / 0.6744897501960817 + _FAINTEST))


def _change(lag: int) -> Callable[[Floats], float]:
    """Half the mean squared difference over a distance in pixels, in variances (the variogram), log2."""

    def measure(image: Floats) -> float:
        lags = [min(lag, size - 1) for size in image.shape]
        down, right = image[lags[0] :] - image[: -lags[0]], image[:, lags[1] :] - image[:, : -lags[1]]
        squares = (np.mean(np.square(down), dtype=np.float64) + np.mean(np.square(right), dtype=np.float64)) / 4
        return float(np.log2(squares / max(float(image.var()), _FAINTEST**2) + _FAINTEST))

    return measure


def _asymmetry(scale: float) -> Callable[[Floats], float]:
    """Skewness of the details of a size: above 0 for bright spots and lines, below for dark ones."""

    def measure(image: Floats) -> float:
        details = ndimage.gaussian_filter(image, scale) - ndimage.gaussian_filter(image, 2 * scale)
        details = details - details.mean()
        spread = float(details.std())
        return float(np.mean(details**3, dtype=np.float64)) / max(spread, _FAINTEST) ** 3

    return measure


def _edge(image: Floats) -> float:
    """How many pixels the steepest edges take, log2: the grey range over the 95th percentile of the gradient."""
    along_y, along_x = np.gradient(ndimage.gaussian_filter(image, 1.0))
    steep = float(np.percentile(np.hypot(along_y, along_x), 95))
    return float(-np.log2(max(steep, _FAINTEST)))


_FAINTEST = 1e-3
"""Of the grey range: noise and gradients below it are the same to a model, which sees 8 bits at most in practice."""

FEATURES: tuple[Feature, ...] = (
    *(Feature(f"grey percentile {percent}", _quantile(percent), 0.1) for percent in (5, 25, 50, 75, 95)),
    Feature("noise", _noise, 0.7, is_logarithm=True),
    *(Feature(f"contrast over {lag} pixels", _change(lag), 0.6, is_logarithm=True) for lag in (1, 4, 16)),
    Feature("edge width", _edge, 0.4, is_logarithm=True),
    Feature("asymmetry of details of 3 pixels", _asymmetry(1.5), 0.05),
    Feature("asymmetry of details of 6 pixels", _asymmetry(3), 0.1),
)
"""What is compared. Slacks are set so that each slice of `nmc_nanoct` stays inside the domain of the eight others."""
_LOGARITHMS = frozenset(feature.name for feature in FEATURES if feature.is_logarithm)
