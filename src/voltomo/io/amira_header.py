"""The nested parameters of an AmiraMesh header, and the materials of a label field among them."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["find_labels", "find_value", "parse_parameters"]


def parse_parameters(text: str) -> dict[str, Any]:
    """The block ``Parameters { ... }`` as nested dicts; values are text.

    Examples
    --------
    >>> parse_parameters('Parameters { Units { Coordinates "nm" } CoordType "uniform" }')
    {'Units': {'Coordinates': 'nm'}, 'CoordType': 'uniform'}
    """
    start = re.search(r"^\s*Parameters\s*\{", text, re.MULTILINE)
    if start is None:
        return {}
    tokens = re.findall(r'"(?:[^"\\]|\\.)*"|[{},]|\n|[^\s{},"]+', text[start.end() :])
    return _parse_block(iter(tokens))


def _parse_block(tokens: Any) -> dict[str, Any]:
    """Entries up to the closing brace: ``name { ... }``, or ``name value value`` up to a comma or the end of a line."""
    block: dict[str, Any] = {}
    words: list[str] = []

    def finish() -> None:
        if words:
            block[words[0]] = " ".join(words[1:])
            words.clear()

    for word in tokens:
        if word == "{":
            name = words[-1] if words else ""
            del words[-1:]
            finish()
            block[name] = _parse_block(tokens)
        elif word == "}":
            break
        elif word in (",", "\n"):
            finish()
        elif word.startswith('"') and words:
            words.append(word[1:-1])
            finish()
        else:
            words.append(word.strip('"'))
    finish()
    return block


def find_value(parameters: dict[str, Any], *path: str) -> str | None:
    """A text value by its path, or None."""
    found: Any = parameters
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str) else None


def find_labels(parameters: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """Materials as rows with code, name and color ("#rrggbb" or None).

    The value of a voxel is the position of its material in the list, whatever the entry ``Id`` says.
    """
    materials = parameters.get("Materials", {})
    rows = []
    for code, (name, fields) in enumerate(materials.items() if isinstance(materials, dict) else ()):
        color = fields.get("Color", "") if isinstance(fields, dict) else ""
        try:
            rgb = [round(255 * min(max(float(v), 0.0), 1.0)) for v in color.split()]
        except ValueError:
            rgb = []
        rows.append({"code": code, "name": name, "color": "#" + bytes(rgb).hex() if len(rgb) == 3 else None})
    return tuple(rows)
