"""Fixtures shared by all tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# A shared machine or a first compilation is slow at times; that is no failure of a property.
settings.register_profile("voltomo", deadline=None)
settings.load_profile("voltomo")

DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture
def data() -> Callable[[str], Path]:
    """Path of a real data file; the test skips where the data are not beside the checkout."""

    def find(name: str) -> Path:
        path = DATA / name
        if not (DATA / name.split("/")[0]).exists():
            pytest.skip(f"real data {name} not beside this checkout")
        assert path.exists(), f"the data are here, but not {name}: is the name right?"
        return path

    return find
