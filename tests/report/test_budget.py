from __future__ import annotations

from voltomo.artifacts import Measurement, Measurements, SensitivityBand, UncertaintyPart
from voltomo.metrics.uncertainty import budget
from voltomo.report.budget import budget_pictures
from voltomo.report.content import ReportContent
from voltomo.report.rows import make_row


def content(*items: Measurement) -> ReportContent:
    """A report of numbers alone."""
    return ReportContent("numbers", measurements=Measurements(items))


FRACTION = Measurement(
    "volume_fraction",
    0.4,
    "1",
    phase="active",
    low=0.3,
    high=0.5,
    parts=budget(UncertaintyPart("representativity", 0.03), UncertaintyPart("resolution", 0.04, 0.04)),
)


def test_pieces_are_shares_of_the_variance() -> None:
    """0.03 and 0.04 are 36 and 64 % of the variance; the total of 2 · 0.05 is 25 % of 0.4."""
    figure = budget_pictures(content(FRACTION))["budget"].whole
    axes = figure.axes[0]
    assert [round(bar.get_width()) for bar in axes.patches] == [36, 64]
    assert [text.get_text() for text in axes.texts] == ["±25 %"]


def test_the_caption_names_what_is_missing() -> None:
    """A total with missing parts is called a lower limit."""
    caption = budget_pictures(content(FRACTION))["budget"].caption
    assert "segmentation, operator; the totals are lower limits" in caption


def test_nothing_is_drawn_without_an_estimate() -> None:
    """A bias alone has no variance."""
    lone = Measurement("volume_fraction", 0.4, "1", parts=budget(UncertaintyPart("resolution", bias=0.1)))
    assert budget_pictures(content(lone)) == {}


def test_a_row_tells_its_bands() -> None:
    """A sensitivity band is written in the unit of its row, apart from the interval."""
    surface = Measurement(
        "specific_surface_area", 1e6, "1/m", bands=(SensitivityBand("boundary ± 1 voxel", 8e5, 1.5e6, "how"),)
    )
    row = make_row(content(surface), (surface,), with_method=False)
    assert row.parts == ("outside the interval, boundary ± 1 voxel: 0.8000 to 1.500 1/µm (how)",)
    assert row.interval == ""
