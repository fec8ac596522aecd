"""Plots and planes of unusual content."""

from collections.abc import Callable

import numpy as np
import pytest

from voltomo.artifacts import CrackMap, InstanceMap, Measurement, Measurements, Phase, PhaseMap, PhaseTable, Volume
from voltomo.report import ReportContent
from voltomo.report.colors import grey_rgb
from voltomo.report.drawing import plain, png_bytes, svg_text
from voltomo.report.panels import Panel, draw_panels
from voltomo.report.plots import plot_pictures
from voltomo.report.scalebar import bar_length
from voltomo.report.sizes import size_pictures
from voltomo.report.write import draw_pictures

Make = Callable[..., ReportContent]


def test_a_saturated_level_does_not_flatten_the_histogram(make_content: Make) -> None:
    """A bin a hundred times as high as the others is cut off, and the caption gives its height."""
    counts = [100, 110, 120, 110, 100] * 20
    counts[0] = 100_000
    record = {
        "counts": counts,
        "edges": list(range(101)),
        "cuts": [50.0],
        "classes": ["dark", "bright"],
        "method": "otsu",
    }
    picture = plot_pictures(make_content(histogram=record))["histogram"]
    assert picture.whole.axes[0].get_ylim()[1] < 1
    assert "One bin reaches over the plot" in picture.caption


def test_clusters_are_not_coloured_by_grey_level(make_content: Make) -> None:
    """Classes that do not follow from cuts leave the histogram in one colour."""
    record = {"counts": [1, 2, 3], "levels": [0.0, 1.0, 2.0], "cuts": [], "classes": [{"name": "a"}, {"name": "b"}]}
    axes = plot_pictures(make_content(histogram=record))["histogram"].whole.axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["all classes"]


def test_the_size_plot_shows_the_particles_behind_its_d50(make_content: Make) -> None:
    """Where the leading size follows an edge rule, particles cut by the edge are left out; else they are in."""
    table = {"instance_id": np.arange(1, 5), "equivalent_diameter": np.array([1, 2, 3, 4]) * 1e-6}
    table["touches_edge"] = np.array([False, False, False, True])
    maps = InstanceMap(make_content().instance_map.data, table)  # type: ignore[union-attr]

    def caption(rule: str) -> str:
        size = Measurement("equivalent_diameter", 2e-6, "m", statistic="D50, volume-weighted", method=rule)
        other = Measurement("equivalent_diameter", 3e-6, "m", statistic="D50, volume-weighted", method="other rule")
        content = make_content(instance_map=maps, measurements=Measurements((size, other)))
        return size_pictures(content)["sizes"].caption

    corrected, uncorrected = caption("whole particles, Miles-Lantuéjoul weights"), caption("all particles, uncorrected")
    assert "the 3 particles not cut by the edge" in corrected
    assert "4 particles, 1 of them cut by the edge" in uncorrected
    assert corrected.count("D50") == 1, "one line per weighting, that of the leading rule"


def test_slices_outside_the_field_of_view_leave_a_gap(make_content: Make) -> None:
    """A profile without a value somewhere is drawn all the same, and axes of one slice have none."""
    profiles = {"z": {"active": [None, 0.5, 0.6]}, "y": {"active": [0.5]}}
    picture = plot_pictures(make_content(profiles=profiles))["profiles"]
    assert len(picture.parts) == 1


@pytest.mark.parametrize(
    "shape",
    [(1, 1, 1), (1, 1, 9), (1, 300, 2), (2, 3, 1), (5, 40, 200)],
)
def test_every_shape_makes_pictures(shape: tuple[int, int, int]) -> None:
    """One voxel, one row, a thin stack: all of them are drawn, in one phase, without a particle, constant grey."""
    content = ReportContent(
        "shape",
        volume=Volume.from_array(np.full(shape, 7, np.uint8), voxel_size=(1e-6, 1e-7, 1e-7)),
        phase_map=PhaseMap(np.ones(shape, np.uint8), PhaseTable((Phase(1, "all", "active"),))),
        instance_map=InstanceMap(np.zeros(shape, np.uint32), {"instance_id": np.empty(0, np.uint32)}),
        crack_map=CrackMap(np.zeros(shape, np.uint8)),
    )
    for picture in draw_pictures(content).values():
        assert png_bytes(picture.whole).startswith(b"\x89PNG")
        assert svg_text(picture.whole).startswith("<?xml")


def test_what_is_no_number_is_outside() -> None:
    """NaN and infinite values take the colour of the outside and do not move the window."""
    plane = np.array([[0.0, 1.0], [np.nan, np.inf]])
    picture = grey_rgb(plane)
    assert picture[0, 0].tolist() == [0, 0, 0]
    assert picture[0, 1].tolist() == [255, 255, 255]
    assert picture[1, 0].tolist() == picture[1, 1].tolist() != [0, 0, 0]


def test_a_scale_bar_is_as_long_as_it_says() -> None:
    """The bar's share of the picture's width is its length over the extent, to a pixel."""
    image = np.full((100, 400, 3), 255, np.uint8)
    figure = draw_panels([Panel("", image, (64e-9, 64e-9), in_meters=True)])
    picture, strip = figure.axes
    bar = strip.patches[0].get_window_extent()
    share = bar.width / picture.get_window_extent().width
    length = bar_length(400 * 64e-9)
    assert length == 5e-6
    assert strip.texts[0].get_text() == "5 µm"
    assert share == pytest.approx(length / (400 * 64e-9), abs=1 / 800)


def test_pictures_keep_their_proportions() -> None:
    """A plane of 200 × 64 nm pixels is drawn 200/64 times as high per pixel as wide."""
    image = np.zeros((50, 100, 3), np.uint8)
    box = draw_panels([Panel("", image, (200e-9, 64e-9), in_meters=True)]).axes[0].get_window_extent()
    assert box.height / box.width == pytest.approx(50 * 200 / (100 * 64), rel=0.01)


def test_names_are_drawn_as_they_are() -> None:
    """A dollar sign starts no formula, and a letter that the font lacks becomes a question mark."""
    assert plain("$x$") == r"\$x\$"
    assert plain("相") == "?"
    assert plain("_x") == " _x", "a legend would leave it out"
