"""`compare.html`, `comparison.csv` and `comparison.json`: studies side by side."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from voltomo.metrics.comparison import Contrast
from voltomo.report.comparison_content import ComparisonContent
from voltomo.report.comparison_pictures import draw_comparison
from voltomo.report.comparison_rows import contrast_groups, finding
from voltomo.report.files import write_texts
from voltomo.report.templating import embedded_figure, fill_template

__all__ = ["COMPARISON_COLUMNS", "write_comparison"]

COMPARISON_COLUMNS = (
    "reference",
    "study",
    "name",
    "phase",
    "phase_2",
    "axis",
    "dimension",
    "statistic",
    "method",
    "unit",
    "value_reference",
    "value",
    "difference",
    "low",
    "high",
    "cliffs_delta",
    "delta_low",
    "delta_high",
    "test",
    "p",
    "p_holm",
    "verdict",
    "reason",
)
"""The columns of comparison.csv, in order; intervals are at 95 %."""


def write_comparison(folder: Path, content: ComparisonContent) -> Path:
    """Write the page and the tables; each file appears whole, the page last.

    Parameters
    ----------
    folder : created if missing
    content : arrays in it are read by plane

    Returns
    -------
    Path of `compare.html`

    Raises
    ------
    StorageError
        If the disk is full or the folder is not writable.
    """
    page = _render(content)
    record = json.dumps(_record(content), indent=1, ensure_ascii=False) + "\n"
    write_texts(folder, {"comparison.csv": _csv(content), "comparison.json": record, "compare.html": page})
    return folder / "compare.html"


def _render(content: ComparisonContent) -> str:
    contrasts = [contrast for pair in content.pairs for contrast in pair.contrasts]
    return fill_template(
        "comparison.html.j2",
        title=content.title,
        studies=content.studies,
        flags=content.flags,
        tested=sum(contrast.effect is not None for contrast in contrasts),
        apart=sum(_is_apart(contrast) for contrast in contrasts),
        pairs=[
            {
                "label": pair.label,
                "findings": [finding(content, contrast) for contrast in pair.contrasts if _is_apart(contrast)],
                "groups": contrast_groups(content, pair, tested=True),
                "others": contrast_groups(content, pair, tested=False),
            }
            for pair in content.pairs
        ],
        pictures=_embedded(content),
        settings=[(name.replace("_", " "), str(value)) for name, value in content.settings.items()],
    )


def _is_apart(contrast: Contrast) -> bool:
    return contrast.verdict in ("higher", "lower")


def _embedded(content: ComparisonContent) -> dict[str, dict[str, Any]]:
    """The pictures as data addresses, with the size at which they are shown."""
    return {
        name: {"heading": heading, "caption": caption, **embedded_figure(figure)}
        for name, (heading, caption, figure) in draw_comparison(content).items()
    }


def _record(content: ComparisonContent) -> dict[str, Any]:
    return {
        "voltomo": 1,
        "studies": [{"label": study.label, "facts": dict(study.facts)} for study in content.studies],
        "flags": list(content.flags),
        "settings": dict(content.settings),
        "comparisons": [
            {
                "study": pair.label,
                "rows": [{**asdict(contrast), "verdict": contrast.verdict} for contrast in pair.contrasts],
            }
            for pair in content.pairs
        ],
    }


def _csv(content: ComparisonContent) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COMPARISON_COLUMNS)
    for pair in content.pairs:
        for contrast in pair.contrasts:
            writer.writerow(_csv_row(content.studies[0].label, pair.label, contrast))
    return stream.getvalue()


def _csv_row(reference: str, study: str, contrast: Contrast) -> list[str]:
    effect = contrast.effect
    found = (
        (effect.difference, effect.low, effect.high, effect.delta, effect.delta_low, effect.delta_high)
        if effect is not None
        else (None,) * 6
    )
    return [
        *(reference, study, contrast.name, contrast.phase, contrast.phase_2, contrast.axis, str(contrast.dimension)),
        *(contrast.statistic, contrast.method, contrast.unit),
        *(_number(value) for value in (contrast.first.value, contrast.second.value, *found)),
        effect.test if effect is not None else "",
        *(_number(value) for value in (effect.p_value if effect is not None else None, contrast.p_adjusted)),
        *(contrast.verdict, contrast.reason),
    ]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.12g}"
