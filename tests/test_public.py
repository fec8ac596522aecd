"""The public door: what is exported loads, is documented, and costs nothing until it is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import voltomo

REFERENCE = Path(__file__).parents[1] / "docs" / "reference" / "python.md"


def test_every_exported_name_loads_from_its_home() -> None:
    """No name promises what is not there."""
    assert sorted(voltomo.__all__) == sorted(voltomo._HOMES)
    for name in voltomo.__all__:
        assert getattr(voltomo, name).__name__ == name


def test_a_verb_is_a_function_whatever_was_imported_before() -> None:
    """No package of ours has the name of a verb: importing it would replace the function."""
    code = "import voltomo, voltomo.pipeline, voltomo.verbs, pkgutil; " + (
        "print(set(voltomo.__all__) & {m.name for m in pkgutil.iter_modules(voltomo.__path__)})"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


def test_every_exported_name_is_in_the_reference() -> None:
    """By its own line or by that of the module it lives in."""
    lines = [line.removeprefix("::: ").strip() for line in REFERENCE.read_text().splitlines() if line.startswith(":::")]
    for name in voltomo.__all__:
        value = getattr(voltomo, name)
        assert any(f"{value.__module__}.{name}".startswith(line) for line in lines), name


def test_importing_voltomo_loads_no_heavy_library() -> None:
    """The command line answers --help without waiting for a compiler."""
    code = "import voltomo, voltomo.cli.app, sys; print({'numba', 'zarr', 'skimage', 'matplotlib'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
