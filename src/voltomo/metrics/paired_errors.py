"""Errors of one number over several samples with known truth, and what a change of the method did to them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np

from voltomo.errors import InputError

__all__ = ["PairedErrors", "pair_errors"]


@dataclass(frozen=True)
class PairedErrors:
    """Errors of a number, and the same with a reference method on the same samples.

    Parameters
    ----------
    samples : that both truth and result have a finite number for
    truth, found : means over them
    error, error_deviation : mean and standard deviation over the samples of found - truth; the deviation is None below
        two samples
    effect_samples : that the reference has a finite number for as well
    effect, effect_deviation : of found - reference, sample by sample; None without a reference
    """

    samples: int
    truth: float | None
    found: float | None
    error: float | None
    error_deviation: float | None
    effect_samples: int
    effect: float | None
    effect_deviation: float | None


def pair_errors(
    truth: Sequence[float | None], found: Sequence[float | None], reference: Sequence[float | None] | None = None
) -> PairedErrors:
    """Mean error, and mean change against a reference, with their scatter from sample to sample.

    Parameters
    ----------
    truth, found, reference : one number per sample; None or infinite where there is none

    Raises
    ------
    InputError
        If they differ in length.

    Notes
    -----
    Samples differ more from each other than methods do on one sample. Differences are therefore formed sample by sample
    first, so that what is common to a sample drops out.

    Examples
    --------
    >>> pair_errors([0.3, 0.5], [0.31, 0.53], [0.3, 0.52]).effect
    0.01
    """
    lengths = {len(truth), len(found), len(truth if reference is None else reference)}
    if len(lengths) > 1:
        raise InputError(f"expected one number per sample everywhere, found {sorted(lengths)} of them")
    pairs = [(t, f) for t, f in zip(truth, found, strict=True) if _is_number(t) and _is_number(f)]
    errors = [f - t for t, f in pairs]
    compared = list(zip(truth, found, reference, strict=True)) if reference is not None else []
    effects = [f - r for t, f, r in compared if _is_number(t) and _is_number(f) and _is_number(r)]
    return PairedErrors(
        samples=len(pairs),
        truth=_mean([t for t, _ in pairs]),
        found=_mean([f for _, f in pairs]),
        error=_mean(errors),
        error_deviation=_deviation(errors),
        effect_samples=len(effects),
        effect=_mean(effects),
        effect_deviation=_deviation(effects),
    )


def _is_number(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _mean(values: Sequence[float]) -> float | None:
    return float(f"{np.mean(values):.12g}") if values else None


def _deviation(values: Sequence[float]) -> float | None:
    return float(f"{np.std(values, ddof=1):.12g}") if len(values) > 1 else None
