"""The model artefact refuses what cannot be a model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from voltomo.artifacts import Model, PhaseTable
from voltomo.errors import InputError, ShapeError


def model(**changes: Any) -> Model:
    """A model without a network behind it."""
    fields: dict[str, Any] = {
        "name": "mine",
        "network": "unet",
        "settings": {"dimension": 2},
        "phases": PhaseTable.numbered(3),
        "channels": ("grey",),
        "normalization": {},
        "weights": {},
    }
    return Model(**{**fields, **changes})


def test_record_grows_in_a_copy() -> None:
    """Adding to the record leaves the model as it was."""
    first = model(record={"iou": 0.8})
    second = first.with_record(seconds=3.0)
    assert (dict(first.record), dict(second.record)) == ({"iou": 0.8}, {"iou": 0.8, "seconds": 3.0})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": ""}, "has a name"),
        ({"phases": PhaseTable(PhaseTable.two_class().phases[:1])}, "two phases or more"),
        ({"channels": ()}, "one channel or more"),
        ({"temperature": 0.0}, "temperature"),
        ({"settings": {"dimension": 4}}, "dimension 2, 2.5 or 3"),
        ({"test_input": np.zeros((1, 1, 4, 4), np.float32)}, "one of them is missing"),
        ({"onnx": b"", "members": ({},)}, "one for each"),
    ],
)
def test_refuses_what_is_no_model(changes: dict[str, Any], message: str) -> None:
    """A model without name, phases, channels or a matching test output is refused with the reason."""
    with pytest.raises(InputError, match=message):
        model(**changes)


def test_test_tensors_have_channels_and_classes() -> None:
    """Test tensors of another number of classes are refused."""
    grey, logits = np.zeros((1, 1, 4, 4), np.float32), np.zeros((2, 1, 4, 4), np.float32)
    with pytest.raises(ShapeError, match=r"\(2, 1, 4, 4\)"):
        model(test_input=grey, test_output=logits)
