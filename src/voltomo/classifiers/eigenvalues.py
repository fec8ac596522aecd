"""Eigenvalues of symmetric matrices of two and three rows, in closed form, largest first."""

from __future__ import annotations

import math

import numba

__all__ = ["eigenvalues_2", "eigenvalues_3"]


@numba.njit(cache=True, nogil=True)
def eigenvalues_2(a: float, b: float, c: float) -> tuple[float, float]:
    """Of the matrix ((a, b), (b, c))."""
    mean = (a + c) * 0.5
    half = (a - c) * 0.5
    radius = math.sqrt(half * half + b * b)
    return mean + radius, mean - radius


@numba.njit(cache=True, nogil=True)
def eigenvalues_3(xx: float, yy: float, zz: float, xy: float, xz: float, yz: float) -> tuple[float, float, float]:
    """Of the matrix ((xx, xy, xz), (xy, yy, yz), (xz, yz, zz)).

    The three roots of the characteristic polynomial by the cosine of a third of an angle [1]_.

    References
    ----------
    .. [1] O. K. Smith, Eigenvalues of a symmetric 3 × 3 matrix, Commun. ACM 4 (1961) 168, doi:10.1145/355578.366316.
    """
    off = xy * xy + xz * xz + yz * yz
    mean = (xx + yy + zz) / 3.0
    a, b, c = xx - mean, yy - mean, zz - mean
    spread = math.sqrt((a * a + b * b + c * c + 2.0 * off) / 6.0)
    if spread == 0.0:
        return mean, mean, mean
    determinant = a * (b * c - yz * yz) - xy * (xy * c - yz * xz) + xz * (xy * yz - b * xz)
    cosine = min(1.0, max(-1.0, determinant / (2.0 * spread * spread * spread)))
    angle = math.acos(cosine) / 3.0
    largest = mean + 2.0 * spread * math.cos(angle)
    smallest = mean + 2.0 * spread * math.cos(angle + 2.0 * math.pi / 3.0)
    return largest, 3.0 * mean - largest - smallest, smallest
