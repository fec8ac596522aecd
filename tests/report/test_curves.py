"""Curves of size distributions."""

from collections.abc import Callable
from typing import Any

import numpy as np

from voltomo.report import ReportContent
from voltomo.report.curves import curve_pictures

Make = Callable[..., ReportContent]


def curve(name: str, phase: str, shares: list[float], **fields: str) -> dict[str, Any]:
    """A curve in steps of a micrometre."""
    sizes = [i * 1e-6 for i in range(len(shares))]
    return {"name": name, "phase": phase, "axis": "", "weighting": "volume", "sizes": sizes, "shares": shares, **fields}


def test_thickness_is_drawn_cumulated_and_by_class(make_content: Make) -> None:
    """Two plots of every phase: shares up to a size, and shares per class that add up to all."""
    curves = [curve("local_thickness", "pore", [0, 0.25, 1.0]), curve("local_thickness", "NMC", [0, 0, 0.5, 1])]
    picture = curve_pictures(make_content(curves=curves))["local_thickness_curves"]
    left, right = picture.whole.axes
    assert [line.get_label() for line in left.get_lines()] == ["pore", "NMC"]
    assert list(left.get_lines()[0].get_ydata()) == [0, 25, 100]
    assert list(left.get_lines()[0].get_xdata()) == [0, 1, 2]
    assert [sum(patch.get_data().values) for patch in right.patches] == [100, 100]


def test_chords_have_a_plot_per_axis(make_content: Make) -> None:
    """A plot per axis that has chords; the end of a curve below 1 is not stretched to it."""
    curves = [curve("chord_length", "pore", [0, 0.4, 0.7], axis=axis) for axis in "yx"]
    picture = curve_pictures(make_content(curves=curves))["chord_length_curves"]
    assert len(picture.parts) == 2
    assert max(picture.whole.axes[0].get_lines()[0].get_ydata()) == 70


def test_negative_classes_of_spheres_are_shown(make_content: Make) -> None:
    """The curve of the spheres behind sections may go below zero, and the caption says why."""
    curves = [curve("equivalent_diameter", "NMC", [0, 0.5, 1]), curve("unfolded_diameter", "NMC", [0, -0.2, 1])]
    picture = curve_pictures(make_content(curves=curves))["equivalent_diameter_curves"]
    assert picture.whole.axes[0].get_ylim()[0] == -20
    assert "negative" in picture.caption


def test_contacts_are_bars_of_whole_numbers(make_content: Make) -> None:
    """A bar per number of contacts, as high as its share; numbers have no unit."""
    contacts = {**curve("contact_number", "NMC", [0.1, 0.4, 1.0]), "sizes": [0.0, 1.0, 2.0]}
    (axes,) = curve_pictures(make_content(curves=[contacts]))["contact_number_curves"].whole.axes
    np.testing.assert_allclose([bar.get_height() for bar in axes.patches], [10, 30, 60])
    assert axes.get_xlabel() == "Contacts of a particle"


def test_without_curves_there_is_no_picture(make_content: Make) -> None:
    """A study from before has none."""
    assert curve_pictures(make_content()) == {}
