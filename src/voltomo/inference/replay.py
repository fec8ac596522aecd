"""Whether a model still gives on this machine what it gave where it was trained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voltomo.artifacts.model import Model
from voltomo.errors import InputError
from voltomo.inference.engines import EngineName, Precision, open_model

__all__ = ["Replay", "replay_test"]

EXPECTED = {"f32": (0.9999, 1e-3), "bf16": (0.98, 0.1)}
"""Share of voxels with the same class, and largest difference of a logit in parts of the largest logit, by precision.

Other orders of summation move f32 by 1e-5; bf16 keeps 8 bits of every number, and a test image may be all boundaries.
"""


@dataclass(frozen=True)
class Replay:
    """What came out when the stored test input was put in.

    Parameters
    ----------
    engine, precision : that ran it
    agreement : share of voxels with the stored class
    difference : largest difference of a logit, in parts of the largest stored one
    passed : whether both are as good as the precision allows
    """

    engine: str
    precision: str
    agreement: float
    difference: float
    passed: bool

    def sentence(self) -> str:
        """For the command line."""
        return (
            f"{'passed' if self.passed else 'FAILED'}: {self.engine} in {self.precision}, {self.agreement:.4%} of the "
            f"voxels have the stored class, logits differ by {self.difference:.2g} of the largest"
        )


def replay_test(model: Model, *, engine: EngineName = "auto", precision: Precision = "auto") -> Replay:
    """Put the stored test input into a model and compare with the stored output.

    Parameters
    ----------
    model : with test tensors
    engine, precision : see `voltomo.inference.engines.open_model`

    Raises
    ------
    InputError
        If the model holds no test tensors, or engine or precision do not fit.
    """
    if model.test_input is None or model.test_output is None:
        raise InputError(f"the model {model.name} holds no test tensors to replay")
    opened = open_model(model, engine=engine, precision=precision)
    answer = opened.predictor(model.test_input)
    agreement = float(np.mean(answer.argmax(axis=0) == model.test_output.argmax(axis=0)))
    largest = max(float(np.abs(model.test_output).max()), 1e-30)
    difference = float(np.abs(answer - model.test_output).max()) / largest
    share, limit = EXPECTED[opened.precision]
    passed = bool(np.isfinite(difference) and agreement >= share and difference <= limit)
    return Replay(opened.engine, opened.precision, agreement, difference, passed)
