"""What a dry run expects."""

from __future__ import annotations

from voltomo.pipeline.adapters import STAGES
from voltomo.pipeline.estimate import SECONDS


def test_every_stage_of_a_recipe_has_an_expected_time() -> None:
    """A new stage must not break ``--dry-run``."""
    assert set(STAGES) <= set(SECONDS)
