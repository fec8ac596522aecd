from __future__ import annotations

import subprocess
import sys

import pytest

import voltomo


@pytest.mark.parametrize("first", ["voltomo.segment.thresholds", "voltomo.pipeline"])
def test_verbs_are_functions_whatever_was_imported_before(first: str) -> None:
    """A package of a verb's name does not take its place, and can still be imported from."""
    code = (
        f"import {first}; import voltomo as vt; from voltomo.segment import __doc__, __name__ as name\n"
        "assert name == 'voltomo.segment'\n"
        "assert all(callable(getattr(vt, verb)) for verb in ('segment', 'synth', 'particles', 'measure', 'run'))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_public_name_can_be_loaded() -> None:
    """Each name in __all__ has a home and a docstring."""
    for name in voltomo.__all__:
        assert getattr(voltomo, name).__doc__, name
