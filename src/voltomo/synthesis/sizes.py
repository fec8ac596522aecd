"""Sizes and shapes of particles: log-normal diameters by strata, ellipsoids with a preferred direction."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["draw_diameters", "draw_ellipsoids", "volume_weighted_median"]

Floats = npt.NDArray[np.float64]


def volume_weighted_median(diameters: Floats, volumes: Floats) -> float:
    """D50: the smallest diameter at which the particles up to it hold half of the volume; 0.0 without particles."""
    if len(diameters) == 0:
        return 0.0
    order = np.argsort(diameters, kind="stable")
    cumulative = np.cumsum(volumes[order])
    return float(diameters[order][np.searchsorted(cumulative, 0.5 * cumulative[-1])])


def draw_diameters(volume: float, *, d50: float, spread: float, limits: tuple[float, float]) -> Floats:
    """Log-normal diameters, cut at limits, whose spheres have a stated total volume and D50, without chance.

    Parameters
    ----------
    volume : total volume of the particles, m³
    d50 : volume-weighted median diameter of the cut distribution, m
    spread : geometric standard deviation before the cut, 1 for equal particles
    limits : smallest and largest diameter, m, around D50

    Returns
    -------
    (N,) float64 array in m, falling, at least one

    Notes
    -----
    Each diameter is the quantile of the volume-weighted distribution at the middle of the share of volume that its own
    sphere takes. So the median is off by half of one particle at most, which is 3 % of D50 for 50 particles of a
    spread of 1.5 at the very worst. All diameters are then scaled a little, so that the volume is exact. The
    volume-weighted distribution of log-normal diameters is log-normal with the same spread [1]_.

    References
    ----------
    .. [1] Hatch and Choate, Statistical description of the size properties of non-uniform particulate substances,
       J. Franklin Inst. 207 (1929).
    """
    sigma = math.log(spread)
    if sigma == 0:
        chosen = np.full(max(1, round(volume / _ball(d50))), d50)
    else:
        low, high = (math.log(limit / d50) / sigma for limit in limits)
        shift = _median_shift(low, high)
        chosen = _strata(volume, d50, sigma, low, high, shift)
    return np.asarray(chosen * (volume / np.sum(np.pi / 6 * chosen**3)) ** (1 / 3))


@njit(cache=True, nogil=True)
def _ball(diameter: float) -> float:
    return math.pi / 6 * diameter**3


@njit(cache=True, nogil=True)
def _below(score: float) -> float:
    """Share of a standard normal distribution below a score."""
    return 0.5 * math.erfc(-score / math.sqrt(2.0))


def _median_shift(low: float, high: float) -> float:
    """Mean of a normal distribution of standard deviation 1 whose part between the limits has the median 0."""
    down, up = -8.0, 8.0
    for _ in range(60):
        middle = 0.5 * (down + up)
        if 2 * _below(-middle) > _below(low - middle) + _below(high - middle):
            down = middle
        else:
            up = middle
    return 0.5 * (down + up)


@njit(cache=True, nogil=True)
def _strata(volume: float, d50: float, sigma: float, low: float, high: float, shift: float) -> Floats:
    """Diameters from the largest to the smallest; each lies in the middle of its share of the volume."""
    bottom, top = _below(low - shift), _below(high - shift)
    found = np.empty(64)
    count, taken, score = 0, 0.0, high
    while count == 0 or taken + 0.5 * _ball(d50 * math.exp(sigma * low)) < volume:
        # taken + half of the ball = share of the volume above it; the difference rises with the score.
        below, above = low, score
        for _ in range(48):
            score = 0.5 * (below + above)
            above_it = volume * (top - _below(score - shift)) / (top - bottom)
            if taken + 0.5 * _ball(d50 * math.exp(sigma * score)) < above_it:
                below = score
            else:
                above = score
        if count == len(found):
            found = np.concatenate((found, np.empty_like(found)))
        found[count] = d50 * math.exp(sigma * score)
        taken += _ball(found[count])
        count += 1
    return found[:count]


def draw_ellipsoids(
    diameters: Floats,
    *,
    elongation: float,
    rng: np.random.Generator,
    flatness: float = 1.0,
    alignment: float = 0.0,
) -> tuple[Floats, Floats]:
    """Semi-axes and orientations of ellipsoids with the volume of spheres of these diameters.

    Parameters
    ----------
    diameters : (N,) m
    elongation : a ratio between 1 and this of the longest to the shortest axis, drawn at random
    rng : Generator
    flatness : ratio of width to thickness besides
    alignment : mean of (3 cos²θ − 1) / 2, θ between the thin axis and z (Hermans' orientation factor); 0 for random
        directions, 1 for all along z

    Returns
    -------
    semi_axes : (N, 3) m; the thin axis comes first
    rotations : (N, 3, 3), columns are the directions of the axes in (z, y, x)

    Notes
    -----
    The thin axes are those of random lines in a body that is stretched along z, as in March's model of textures [1]_.

    References
    ----------
    .. [1] March, Mathematische Theorie der Regelung nach der Korngestalt bei affiner Deformation, Z. Kristallogr. 81
       (1932), doi 10.1524/zkri.1932.81.1.285.
    """
    count = len(diameters)
    stretch = np.exp(np.log(elongation) * (rng.random((count, 3)) - 0.5))
    stretch /= np.prod(stretch, axis=1, keepdims=True) ** (1 / 3)
    stretch *= flatness ** np.array([-2 / 3, 1 / 3, 1 / 3])
    thin = _unit(_unit(rng.normal(size=(count, 3))) * np.array([_march_stretch(alignment), 1.0, 1.0]))
    wide = _unit(np.cross(thin, rng.normal(size=(count, 3))))
    rotations = np.stack((thin, wide, np.cross(thin, wide)), axis=2)
    return 0.5 * diameters[:, None] * stretch, rotations


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def _march_stretch(alignment: float) -> float:
    """Stretch along z that gives random lines an orientation factor."""
    low, high = 0.0, 12.0
    for _ in range(50):
        middle = 0.5 * (low + high)
        # The mean of cos²θ: ∫ k²u² / (1 + (k² − 1) u²) du over u from 0 to 1.
        excess = math.expm1(2 * middle)
        root = math.sqrt(excess)
        square = (1 + excess) / excess * (1 - math.atan(root) / root) if root > 1e-4 else 1 / 3
        if 1.5 * square - 0.5 < alignment:
            low = middle
        else:
            high = middle
    return math.exp(0.5 * (low + high))
