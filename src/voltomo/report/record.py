"""What was run, on what, with which settings: the record that makes a report repeatable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import yaml

from voltomo.report.content import ReportContent
from voltomo.units import format_bytes, format_length

__all__ = ["InputRow", "StepRow", "configuration_yaml", "duration_text", "input_rows", "step_rows", "voxel_text"]


_TELLING = (
    "method",
    "model",
    "filter",
    "denoise",
    "classes",
    "thresholds",
    "fractions",
    "min_diameter",
    "connectivity",
    "truth",
)
"""Settings in the list of steps; the configuration has them all."""


@dataclass(frozen=True)
class StepRow:
    """One stage: its verb, the settings that say most, time and memory."""

    verb: str
    settings: str
    seconds: str
    memory: str


@dataclass(frozen=True)
class InputRow:
    """One input file."""

    name: str
    size: str
    hash: str


def step_rows(content: ReportContent) -> tuple[StepRow, ...]:
    """The stages in order."""
    return tuple(
        StepRow(
            verb=str(step.get("verb", "")),
            settings=_settings(step.get("config") or {}),
            seconds=duration_text(step.get("seconds")),
            memory=format_bytes(float(step["peak_memory"])) if step.get("peak_memory") else "",
        )
        for step in content.steps
    )


def _settings(config: Mapping[str, Any]) -> str:
    """``key: value`` of the settings that people ask for first, where they are set."""
    shown = {key: _short(_simple(config.get(key))) for key in _TELLING}
    return ", ".join(f"{key}: {text}" for key, text in shown.items() if text not in ("", "none"))


def _short(value: Any) -> str:
    """A setting in one line; of a filter, its method; empty where it is not set."""
    if isinstance(value, Mapping):
        return str(value.get("method", ""))
    if isinstance(value, list):
        return " ".join(map(_short, value))
    return "" if value is None else str(value)


def duration_text(seconds: Any) -> str:
    """Seconds as people say them; empty where not known.

    Examples
    --------
    >>> duration_text(0.02), duration_text(0.42), duration_text(83.2), duration_text(4000)
    ('< 0.1 s', '0.4 s', '1 min 23 s', '1 h 6 min')
    """
    if seconds is None:
        return ""
    value = float(seconds)
    if value < 0.1:
        return "< 0.1 s"
    if value < 60:
        return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def input_rows(content: ReportContent) -> tuple[InputRow, ...]:
    """The input files with size and hash."""
    return tuple(
        InputRow(
            name=str(row.get("name", "")),
            size=format_bytes(float(row["size"])) if row.get("size") else "",
            hash=str(row.get("hash") or ""),
        )
        for row in content.provenance.get("inputs") or ()
    )


def configuration_yaml(content: ReportContent) -> str:
    """The resolved settings of every step, as a recipe writes them."""
    if not content.steps:
        return ""
    steps = [{str(step.get("verb", "")): _simple(step.get("config") or {})} for step in content.steps]
    text: str = yaml.safe_dump(
        {"steps": steps}, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100
    )
    return text


def _simple(value: Any) -> Any:
    """Plain YAML values: tuples as lists, paths and everything unknown as text."""
    if isinstance(value, Mapping):
        return {str(key): _simple(item) for key, item in value.items()}
    if isinstance(value, str | bool | int | float) or value is None:
        return value
    if isinstance(value, Sequence) and not isinstance(value, PurePath):
        return [_simple(item) for item in value]
    return str(value)


def voxel_text(content: ReportContent) -> str:
    """Voxel size to print; a section shows its pixel only."""
    assert content.voxel_size is not None
    if content.dimension == 3:
        edges = content.voxel_size
        if len(set(edges)) == 1:
            return format_length(edges[0])
        return f"{' × '.join(format_length(edge) for edge in edges)} (z, y, x)"
    dy, dx = content.voxel_size[1:]
    return format_length(dx) if dy == dx else f"{format_length(dy)} × {format_length(dx)} (y, x)"
