"""The methods paragraph."""

import re
from collections.abc import Callable

from voltomo.artifacts import Measurement, Measurements
from voltomo.report import ReportContent
from voltomo.report.methods import describe_methods, methods_markdown

Make = Callable[..., ReportContent]


def test_citations_are_numbered_as_they_come(make_content: Make) -> None:
    """Every number in the text has its reference and every reference is cited, the first one first."""
    methods = describe_methods(make_content())
    cited = [
        int(n) for text in methods.paragraphs for found in re.findall(r"\[([\d, ]+)\]", text) for n in found.split(",")
    ]
    assert list(dict.fromkeys(cited)) == list(range(1, len(methods.references) + 1))
    assert methods.references[0].text.startswith("N. Otsu")


def test_only_what_was_used_is_cited(make_content: Make) -> None:
    """Given cuts name no inventor, and a study without particles no watershed."""
    plain = make_content(
        steps=[{"verb": "segment", "config": {"method": "threshold", "thresholds": [90.0]}}],
        instance_map=None,
        crack_map=None,
    )
    text = " ".join(describe_methods(plain).paragraphs)
    assert "given cuts" in text
    assert "watershed" not in text
    assert not any("Otsu" in ref.text for ref in describe_methods(plain).references)


def test_an_unknown_method_is_named_not_guessed(make_content: Make) -> None:
    """A method that the report has no sentence for is called by its name."""
    content = make_content(steps=[{"verb": "segment", "config": {"method": "gabor"}}])
    assert any("the method gabor" in p for p in describe_methods(content).paragraphs)


def test_markdown_holds_text_references_and_versions(make_content: Make) -> None:
    """methods.md can be pasted into a draft."""
    content = make_content()
    text = methods_markdown(content, describe_methods(content))
    assert text.startswith("# Methods")
    assert "https://doi.org/10.1109/TSMC.1979.4310076" in text
    assert "voltomo 0.1.0" in text


def test_an_unknown_voxel_size_is_said(make_content: Make) -> None:
    """Lengths in voxels are announced in the first sentence."""
    methods = describe_methods(make_content(voxel_size=None))
    assert "unknown voxel size" in methods.paragraphs[0]


def test_a_withheld_number_cites_nothing(make_content: Make) -> None:
    """The edge correction and Wadell's sphericity are in the text only where they gave a number."""
    rules = {"method": "whole particles, Miles-Lantuéjoul weights"}
    withheld = {"status": "withheld", "reason": "3 particles"}
    numbers = Measurements(
        (
            Measurement("equivalent_diameter", None, "m", **rules, **withheld),  # type: ignore[arg-type]
            Measurement("sphericity", None, "1", **withheld),  # type: ignore[arg-type]
        )
    )
    assert "edge" not in " ".join(describe_methods(make_content(measurements=numbers)).paragraphs)
    numbers = Measurements((Measurement("equivalent_diameter", 1e-6, "m", method=rules["method"]),))
    assert "cut by the edge" in " ".join(describe_methods(make_content(measurements=numbers)).paragraphs)
