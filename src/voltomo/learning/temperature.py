"""One number that makes the probabilities of a trained model mean what they say.

A network that was trained for long is too sure of itself. Dividing its logits by a temperature, found on labels that
did not train it, changes no class and takes most of that away.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.errors import GateError, InputError, ShapeError

__all__ = ["TEMPERATURES", "fit_temperature"]

Floats: TypeAlias = npt.NDArray[np.float64]

TEMPERATURES = (0.05, 20.0)
"""Range in which a temperature is looked for; beyond it probabilities are 0 and 1, or all equal, to two digits."""

_STEPS = 60  # halvings of the range: far below the digits of a float


def fit_temperature(logits: npt.NDArray[Any], labels: npt.NDArray[np.integer[Any]]) -> float:
    """The temperature at which ``softmax(logits / temperature)`` fits the labels best.

    Parameters
    ----------
    logits : (K, ...) array
        Or logarithms of probabilities; class k + 1 is row k.
    labels : (...) integers
        1 to K; 0 is unlabelled and ignored. Labels that did not train the model.

    Returns
    -------
    float
        Above 1 where the model was too sure, below 1 where it was too timid; within `TEMPERATURES`.

    Raises
    ------
    ShapeError
        If the labels do not belong to the logits.
    InputError
        If a label is no class, or there is one class only.
    GateError
        If nothing is labelled, or the logits are not finite.

    Notes
    -----
    The mean negative log-likelihood is convex in 1 / temperature, so that its slope has one zero, which bisection finds
    [1]_. Labels that the model gets right without exception would ask for a temperature of 0; as in Platt's scaling
    [2]_, N labels count as being right N + 1 times in N + 2, which keeps the answer finite and moves others by about
    1 / N.

    References
    ----------
    .. [1] Guo, Pleiss, Sun and Weinberger, On calibration of modern neural networks, ICML (2017), arXiv 1706.04599.
    .. [2] Platt, Probabilistic outputs for support vector machines, Advances in large margin classifiers (1999) 61.

    Examples
    --------
    Three of four voxels are right, so that the probability of the class that is chosen should be about 0.75:

    >>> logits = np.array([[9.0] * 400, [0.0] * 400])
    >>> temperature = fit_temperature(logits, np.array([1, 1, 1, 2] * 100))
    >>> print(f"{1 / (1 + np.exp(-9 / temperature)):.2f}")
    0.75
    """
    if logits.ndim < 1 or logits.shape[1:] != labels.shape:
        raise ShapeError(f"logits {logits.shape} need one label per voxel, {logits.shape[1:]}; found {labels.shape}")
    classes = logits.shape[0]
    known = labels > 0
    rows = labels[known].astype(np.intp) - 1
    if classes < 2 or (rows.size and rows.max() >= classes):
        raise InputError(f"expected labels 0 to {classes} for {classes} classes, and two classes or more")
    if not rows.size:
        raise GateError("no voxel is labelled; a temperature needs labels that did not train the model")
    values = logits[:, known].astype(np.float64)
    if not np.isfinite(values).all():
        raise GateError(
            "expected finite logits, found infinite ones or nan; did the training diverge? Raise probabilities of 0 to "
            "1e-6 or so before taking their logarithm"
        )
    return _root(values - values.max(axis=0), rows)


def _root(logits: Floats, rows: npt.NDArray[np.intp]) -> float:
    """Bisection of the slope over log(temperature); logits have 0 as their largest value."""
    voxels = len(rows)
    doubt = 1 / (voxels + 2)
    right = logits[rows, np.arange(voxels)]
    target = float(np.mean((1 - doubt) * right + doubt * logits.mean(axis=0)))
    low, high = np.log(TEMPERATURES)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _expected(logits, float(np.exp(-middle))) < target:
            high = middle  # more doubt than the labels leave
        else:
            low = middle
    return float(np.exp((low + high) / 2))


def _expected(logits: Floats, sharpness: float) -> float:
    """Mean over the voxels of the logit that softmax(sharpness · logits) expects; rises with the sharpness."""
    weights = np.exp(sharpness * logits)
    return float(np.mean((weights * logits).sum(axis=0) / weights.sum(axis=0)))
