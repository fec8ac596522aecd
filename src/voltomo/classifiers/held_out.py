"""What classifiers say about held-out voxels, and how much worse they say it without one of the features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.classifiers.predictor import Scorer
from voltomo.classifiers.sampling import Samples

__all__ = ["cross_entropies", "feature_importances", "mean_logits"]

Floats: TypeAlias = npt.NDArray[np.float32]

_SMALLEST = 1e-7  # a probability whose logarithm is taken
_SAMPLES = 4000  # voxels that importances are measured on: their third digit does not matter


def mean_logits(scorers: Sequence[Scorer], features: Floats) -> Floats:
    """(K, N) logits of (F, N) features; of several classifiers the logarithm of their mean probability."""
    if len(scorers) == 1:
        return scorers[0](features)
    mean = np.mean([np.exp(_log_shares(scorer(features))) for scorer in scorers], axis=0)
    return np.asarray(np.log(np.maximum(mean, _SMALLEST)), np.float32)


def cross_entropies(logits: Floats, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """(N,) minus the logarithm of the probability that each voxel gives its class."""
    return np.asarray(-_log_shares(logits)[rows, np.arange(rows.size)])


def feature_importances(
    scorers: Sequence[Scorer], held_out: Samples, names: Sequence[str], *, seed: int
) -> dict[str, float]:
    """How much the cross-entropy rises when the values of one feature are shuffled among the voxels.

    Parameters
    ----------
    scorers : of one ensemble
    held_out : voxels that trained none of them; a regular choice is taken where there are many
    names : of the features
    seed : shuffles

    Returns
    -------
    dict
        Nats per voxel by name; about 0 or below for a feature that the classifier does without. Empty where nothing is
        held out.

    Notes
    -----
    The same measure for trees and networks, on voxels that did not train them; the gain that trees report of
    themselves is counted on those that did. Features that say nearly the same stand in for each other, so that each of
    them looks less important than all of them are.

    References
    ----------
    .. [1] L. Breiman, Random forests, Mach. Learn. 45 (2001) 5, section 10, doi:10.1023/A:1010933404324.
    """
    every = max(1, -(-held_out.count // _SAMPLES))
    features, rows = np.ascontiguousarray(held_out.features[:, ::every]), held_out.rows[::every]
    if not rows.size:
        return {}
    rng = np.random.default_rng((seed, 4))
    known = cross_entropies(mean_logits(scorers, features), rows).mean()
    found = {}
    for feature, name in enumerate(names):
        kept = features[feature].copy()
        features[feature] = rng.permutation(kept)
        found[name] = round(float(cross_entropies(mean_logits(scorers, features), rows).mean() - known), 6)
        features[feature] = kept
    return found


def _log_shares(logits: Floats) -> npt.NDArray[np.float64]:
    shifted = logits.astype(np.float64) - logits.max(axis=0)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=0)))
