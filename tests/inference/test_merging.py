"""Classes are merged by adding up their probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voltomo.inference.averaging import softmax
from voltomo.inference.merging import MergedClasses


@dataclass(frozen=True)
class Fixed:
    """Answers the same for every image."""

    logits: np.ndarray
    halo: tuple[int, int, int] = (0, 4, 4)
    multiple: tuple[int, int, int] = (1, 2, 2)

    @property
    def classes(self) -> int:
        return len(self.logits)

    def __call__(self, grey: np.ndarray) -> np.ndarray:
        return self.logits.copy()


def test_probabilities_of_a_group_add_up_at_the_temperature() -> None:
    """Also where logits are so large that their exponentials overflow."""
    logits = np.random.default_rng(0).normal(0, 5, (3, 2, 4, 5)).astype(np.float32)
    logits[:, 0, 0, 0] = 900, 899, -900
    merged = MergedClasses(Fixed(logits), ((0, 1), (2,)), temperature=1.7)
    found = softmax(merged(np.zeros((1, 2, 4, 5), np.float32)) / np.float32(1.7))
    parts = softmax(logits / np.float32(1.7))
    assert merged.classes == 2
    assert merged.halo == (0, 4, 4)
    np.testing.assert_allclose(found[0], parts[0] + parts[1], atol=2e-6)  # float32


def test_neither_of_two_phases_need_win_alone() -> None:
    """0.35 and 0.25 against 0.4: separate classes say active, together they say not."""
    logits = np.log(np.array([0.35, 0.25, 0.4], np.float32)).reshape(3, 1, 1, 1)
    merged = MergedClasses(Fixed(logits), ((0, 1), (2,)))(np.zeros((1, 1, 1, 1), np.float32))
    assert logits.argmax() == 2
    assert merged.ravel().argmax() == 0
