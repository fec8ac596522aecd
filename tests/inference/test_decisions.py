"""Logits become ids and quantised probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from voltomo.errors import GateError
from voltomo.inference.decisions import decide


def test_ids_of_the_largest_logit() -> None:
    """Class k becomes the id of row k; the first of equal classes wins."""
    logits = np.array([[2, 0, 1], [1, 3, 1]], np.float32).reshape(2, 1, 1, 3)
    assert decide(logits, (4, 9), temperature=1, probabilities=False).tolist() == [[[4, 9, 4]]]


def test_probabilities() -> None:
    """Logits that differ by log 3 mean 3 to 1: 191 and 64 of 255, and a temperature of 2 brings them together."""
    logits = np.log(np.array([[3.0], [1.0]], np.float32)).reshape(2, 1, 1, 1)
    answer = decide(logits, (1, 2), temperature=1, probabilities=True)[0, 0, 0]
    assert (answer["phase"], answer["probability"].tolist()) == (1, [191, 64])
    softer = decide(logits, (1, 2), temperature=2, probabilities=True)[0, 0, 0]["probability"]
    assert softer.tolist() == [162, 93]  # sqrt(3) to 1


def test_members_keep_the_ids_that_they_say() -> None:
    """Beside the answer of all stands the id of each member, not its class."""
    logits = np.zeros((2, 1, 1, 3), np.float32)
    said = np.array([[0, 1, 1], [1, 1, 0]], np.uint8).reshape(2, 1, 1, 3)
    answer = decide(logits, (4, 9), temperature=1, probabilities=False, members=said)
    assert answer["member"].tolist() == [[[[4, 9], [9, 9], [9, 4]]]]
    assert answer["phase"].tolist() == [[[4, 4, 4]]]


def test_nothing_plausible_after_a_failure() -> None:
    """A network that diverged is found; its nan are no class."""
    logits = np.zeros((2, 1, 2, 2), np.float32)
    logits[0, 0, 1, 1] = np.nan
    with pytest.raises(GateError, match="1 of 4 voxels"):
        decide(logits, (1, 2), temperature=1, probabilities=False)
