"""How every page is filled: one environment, our style sheet, figures as data addresses."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from voltomo.report.drawing import png_bytes

__all__ = ["data_address", "embedded_figure", "fill_template"]

_PIXELS_PER_INCH = 96
"""Of CSS: an image of w inches is shown w × 96 wide at most."""


def fill_template(name: str, **values: Any) -> str:
    """HTML of a template; nothing in it is loaded from elsewhere.

    File names, phase names and every other text of the user's are escaped. The template has `css` besides the values.
    """
    environment = Environment(
        loader=PackageLoader("voltomo.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.lstrip_blocks = True
    css = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    return environment.get_template(name).render(css=Markup(css), **values)  # noqa: S704 - our own file


def data_address(png: bytes) -> str:
    """A PNG as the address of an image."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def embedded_figure(figure: Figure) -> dict[str, Any]:
    """`src`, and the `width` and `height` at which a figure is shown."""
    return {
        "src": data_address(png_bytes(figure)),
        "width": round(figure.get_figwidth() * _PIXELS_PER_INCH),
        "height": round(figure.get_figheight() * _PIXELS_PER_INCH),
    }
