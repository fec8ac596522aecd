"""`label_bias.html`, its tables and its figures: what biased labels do to the numbers of an electrode."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from voltomo.io.atomic import new_file
from voltomo.io.study import storage_errors
from voltomo.report.drawing import png_bytes, svg_text
from voltomo.report.files import csv_text, write_texts
from voltomo.report.label_bias_content import BIAS_WORDS, UNBIASED, BiasRow, LabelBiasContent
from voltomo.report.label_bias_figures import draw_errors, draw_slices
from voltomo.report.templating import embedded_figure, fill_template
from voltomo.report.wording import number_text, scaled_unit, signed_text

__all__ = ["PAGE", "summary_lines", "write_label_bias"]

PAGE = "label_bias.html"
_FIGURES = {"slices": "label_bias_slices", "errors": "label_bias_errors"}
_FEW = 5
"""Below, a standard deviation is itself uncertain by 40 % or more: 1 / √(2 (n − 1))."""


def write_label_bias(folder: Path, content: LabelBiasContent) -> Path:
    """Write the page, `label_bias.csv` and the figures as PNG and SVG; the path of the page.

    Parameters
    ----------
    folder : created if missing
    content : what to show

    Raises
    ------
    StorageError
        If the disk is full or the folder is not writable.
    """
    figures = {"slices": draw_slices(content), "errors": draw_errors(content)}
    embedded = {name: embedded_figure(figure) for name, figure in figures.items()}
    page = _render(content, embedded)
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in figures.items():
            for suffix, data in ((".png", png_bytes(figure)), (".svg", svg_text(figure).encode())):
                with new_file(folder / f"{_FIGURES[name]}{suffix}", overwrite=True) as path:
                    path.write_bytes(data)
    write_texts(folder, {"label_bias.csv": csv_text(_lines(content.rows)), PAGE: page})
    return folder / PAGE


def _render(content: LabelBiasContent, figures: dict[str, dict[str, Any]]) -> str:
    biases = content.biases
    active = content.phases.by_id(content.active).name
    effects = [bias for bias in biases if bias != UNBIASED] if UNBIASED in biases else []
    return fill_template(
        "label_bias.html.j2",
        title=content.title,
        facts=[*content.facts, ("Electrodes", f"{len(content.seeds)}, seeds {_listed(content.seeds)}")],
        active=active,
        by="1 voxel" if content.by == 1 else f"{content.by} voxels",
        figures=figures,
        biases=[BIAS_WORDS.get(bias, bias) for bias in biases],
        effects=[BIAS_WORDS.get(bias, bias) for bias in effects],
        errors=[_error_row(rows) for rows in content.quantities],
        changes=[_effect_row(rows, effects) for rows in content.quantities] if effects else [],
        definitions=[(rows[0].quantity, rows[0].definition, rows[0].method) for rows in content.quantities],
        reasons=_missing(content.rows),
        is_few=len(content.seeds) < _FEW,
        count=len(content.seeds),
    )


def summary_lines(rows: Sequence[BiasRow]) -> list[str]:
    """The error of each property under each bias, as a table for a terminal."""
    quantities: dict[str, list[BiasRow]] = {}
    for row in rows:
        quantities.setdefault(row.quantity, []).append(row)
    biases = list(dict.fromkeys(row.bias for row in rows))
    head = f"{'found - true':<30}{'truth':>9}" + "".join(f"{BIAS_WORDS.get(bias, bias):>20}" for bias in biases)
    lines = [head]
    for name, found in quantities.items():
        shown = _error_row(found)
        label = f"{name}, {shown['unit']}" if shown["unit"] else name
        lines.append(f"{label:<30}{shown['truth']:>9}" + "".join(f"{cell:>20}" for cell in shown["cells"]))
    return lines


def _listed(seeds: Sequence[int]) -> str:
    return str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"


def _error_row(rows: Sequence[BiasRow]) -> dict[str, Any]:
    """Truth, and the error under every bias."""
    truth = next((row.errors.truth for row in rows if row.errors.truth is not None), None)
    scale, unit = scaled_unit(truth, rows[0].unit)
    return {
        "name": rows[0].quantity,
        "unit": unit,
        "truth": "–" if truth is None else number_text(truth / scale, digits=3),
        "cells": [_cell(row.errors.error, row.errors.error_deviation, scale) for row in rows],
    }


def _effect_row(rows: Sequence[BiasRow], biases: Sequence[str]) -> dict[str, Any]:
    """What each bias changes against unbiased labels, also in percent of the truth."""
    truth = next((row.errors.truth for row in rows if row.errors.truth is not None), None)
    scale, unit = scaled_unit(truth, rows[0].unit)
    cells = []
    for row in (row for row in rows if row.bias in biases):
        effect = row.errors.effect
        share = None if effect is None or not truth else signed_text(100 * effect / truth, digits=2)
        text = _cell(effect, row.errors.effect_deviation, scale)
        cells.append(text if share is None else f"{text} ({share} %)")
    return {"name": rows[0].quantity, "unit": unit, "cells": cells}


def _cell(mean: float | None, deviation: float | None, scale: float) -> str:
    """Mean ± standard deviation, both with the digits that the deviation allows."""
    if mean is None:
        return "–"
    if deviation is None:
        return signed_text(mean / scale, digits=3)
    digits = _digits(deviation / scale)
    return f"{mean / scale:+.{digits}f} ± {deviation / scale:.{digits}f}".replace("-", "−")


def _digits(value: float) -> int:
    """Decimal places that show two digits of a number."""
    return next((places for places in range(7) if value >= 9.5 * 10.0**-places), 6)


def _missing(rows: Sequence[BiasRow]) -> list[str]:
    """Numbers that could not be had, each with its reason."""
    found = []
    for row in rows:
        for reason in dict.fromkeys(filter(None, row.reasons)):
            count = len(row.truth) - row.errors.samples
            words = BIAS_WORDS.get(row.bias, row.bias)
            found.append(f"{row.quantity}, {words}: missing in {count} of {len(row.truth)} electrodes: {reason}")
    return found


def _lines(rows: Sequence[BiasRow]) -> Iterator[dict[str, str]]:
    """In SI units, one line for each bias and property."""
    for row in rows:
        errors = row.errors
        yield {
            "bias": row.bias,
            "name": row.name,
            "phase": row.phase,
            "phase_2": row.phase_2,
            "axis": row.axis,
            "unit": row.unit,
            "electrodes": str(errors.samples),
            "truth": _number(errors.truth),
            "found": _number(errors.found),
            "error": _number(errors.error),
            "error sd": _number(errors.error_deviation),
            "electrodes of the effect": str(errors.effect_samples),
            "effect": _number(errors.effect),
            "effect sd": _number(errors.effect_deviation),
            "definition": row.definition,
            "method": row.method,
        }


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
