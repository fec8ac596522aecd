"""Lengths, memory and densities as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltomo.errors import UnitError
from voltomo.units import format_length, format_voxel_size, parse_bytes, parse_density, parse_length, parse_voxel_size


@pytest.mark.parametrize(
    ("text", "meters"), [("64 nm", 6.4e-8), ("64nm", 6.4e-8), ("0.2 um", 2e-7), ("1.5 µm", 1.5e-6), ("1e-3 mm", 1e-6)]
)
def test_a_length_is_read_in_any_common_unit(text: str, meters: float) -> None:
    """Units from nm to mm give metres."""
    assert parse_length(text) == meters


@pytest.mark.parametrize("text", ["64", "64 parsec", "nm", "", "inf nm", "nan nm", "6 4 nm"])
def test_a_length_without_a_usable_unit_or_value_is_refused(text: str) -> None:
    """No unit, an unknown one, or no number is an error, never a guess."""
    with pytest.raises(UnitError):
        parse_length(text)


@pytest.mark.parametrize("text", ["0 nm", "-64 nm", "64 m", "1e-9 nm", "64,64 nm", "z=1 nm, y=2 nm", "z=1 nm, z=2 nm"])
def test_an_absurd_voxel_size_is_refused(text: str) -> None:
    """Zero, negative, kilometre-sized and incomplete voxel sizes are errors."""
    with pytest.raises(UnitError):
        parse_voxel_size(text)


def test_none_is_a_voxel_size_that_is_unknown() -> None:
    """The word none accepts that lengths will be in voxels."""
    assert parse_voxel_size("none") is None


@given(st.tuples(*[st.floats(1e-9, 1e-4)] * 3))
def test_a_voxel_size_survives_being_written_and_read(size: tuple[float, float, float]) -> None:
    """Formatting and parsing are inverse to ten digits, the digits that are written."""
    read = parse_voxel_size(format_voxel_size(size))
    assert read == pytest.approx(size, rel=1e-9)


def test_lengths_are_shown_in_the_unit_that_suits_them() -> None:
    """The number lies between 1 and 1000 where a unit allows it."""
    assert [format_length(v) for v in (6.4e-8, 1.25e-5, 2e-3)] == ["64 nm", "12.5 µm", "2 mm"]


def test_memory_is_decimal_or_binary_as_written() -> None:
    """4GB and 4GiB differ by seven percent."""
    assert parse_bytes("4GB") == 4_000_000_000
    assert parse_bytes("4GiB") == 4 * 2**30
    with pytest.raises(UnitError, match="positive"):
        parse_bytes("-4GB")


def test_a_density_is_read_in_the_units_of_the_field() -> None:
    """g/cm³ is a thousand kg/m³."""
    assert parse_density("4.7 g/cm3") == 4700
    with pytest.raises(UnitError):
        parse_density("4.7")
