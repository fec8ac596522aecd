"""Curves of two-point statistics."""

from collections.abc import Callable
from typing import Any

import pytest

from voltomo.report import ReportContent
from voltomo.report.correlations import correlation_pictures

Make = Callable[..., ReportContent]


def curve(name: str, phase: str, values: list[float], axis: str = "z", radius: float | None = None) -> dict[str, Any]:
    """A curve in steps of a micrometre."""
    distances = [i * 1e-6 for i in range(len(values))]
    return {
        "name": name,
        "phase": phase,
        "axis": axis,
        "distances": distances,
        "values": values,
        "range_radius": radius,
    }


def test_correlation_and_lineal_path_stand_side_by_side(make_content: Make) -> None:
    """Each in its own plot with its unit; the mean over all directions is left out."""
    curves = [curve("correlation", "pore", [1, 0.4, 0.1, 0], axis=axis, radius=1.5e-6) for axis in ("", "z", "y")] + [
        curve("lineal_path", "pore", [0.4, 0.2, 0.1, 0.0])
    ]
    picture = correlation_pictures(make_content(correlations=curves))["correlations"]
    left, right = picture.whole.axes
    assert left.get_xlabel() == "Distance (µm)"
    assert right.get_xlabel() == "Length of the line (µm)"
    assert [list(line.get_ydata()) for line in left.get_lines() if len(line.get_xdata()) == 4] == [[1, 0.4, 0.1, 0]] * 2
    assert list(right.get_lines()[0].get_ydata()) == [0.4, 0.2, 0.1]  # a logarithm has no place for 0
    assert right.get_yscale() == "log"
    assert len(picture.parts) == 2


def test_the_integral_range_is_marked(make_content: Make) -> None:
    """A dot at the radius of its ball, and the caption says what it is; without a range there is neither."""
    given = correlation_pictures(make_content(correlations=[curve("correlation", "pore", [1, 0.2, 0], radius=1.2e-6)]))
    (axes,) = given["correlations"].whole.axes
    dots = [line for line in axes.get_lines() if line.get_marker() == "o"]
    assert [line.get_xdata()[0] for line in dots] == pytest.approx([1.2])
    assert "radius of its ball" in given["correlations"].caption
    without = correlation_pictures(make_content(correlations=[curve("correlation", "pore", [1, 0.2, 0])]))
    assert "radius of its ball" not in without["correlations"].caption
    assert not [line for line in without["correlations"].whole.axes[0].get_lines() if line.get_marker() == "o"]


def test_two_phases_with_one_correlation_are_one_curve(make_content: Make) -> None:
    """What one phase is not, the other is: one curve with both names."""
    curves = [curve("correlation", phase, [1, 0.3, 0.0]) for phase in ("pore", "NMC")]
    (axes,) = correlation_pictures(make_content(correlations=curves))["correlations"].whole.axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["pore and NMC"]


def test_without_curves_there_is_no_picture(make_content: Make) -> None:
    """A study from before has no names in its curves, or no curves."""
    assert correlation_pictures(make_content()) == {}
    old = {"phase": "pore", "axis": "z", "distances": [0, 1], "values": [1, 0]}
    assert correlation_pictures(make_content(correlations=[old])) == {}
