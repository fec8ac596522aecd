"""`twin.html` and `twin.json`: a scan and its twin side by side, statistic by statistic, with pictures."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from voltomo.artifacts import Volume
from voltomo.io.study import storage_errors
from voltomo.report.colors import Rgb, hex_rgb
from voltomo.report.drawing import INK, legend_above, single_axes, style_axes
from voltomo.report.panels import Panel, draw_panels
from voltomo.report.templating import embedded_figure, fill_template
from voltomo.report.views import MAX_PIXELS, read_plane
from voltomo.report.wording import number_text, scaled_unit, signed_text

__all__ = ["TwinContent", "draw_twin", "write_twin"]

Floats: TypeAlias = npt.NDArray[np.float64]

_SOURCE, _TWIN = ("#0072b2", "-"), ("#d55e00", (0, (5, 1.5)))
"""Blue and solid, vermilion and dashed: told apart with every colour vision, and in print."""
_WINDOW = (0.5, 99.5)
"""Percentiles of the scan's plane that become black and white, in both pictures."""

_NAMES = {
    "volume_fraction": "Volume fraction",
    "grey_level": "Grey level",
    "grey_spread": "Spread of the grey values",
    "noise": "Noise",
    "noise_length_z": "Correlation length of the noise, z",
    "noise_length_y": "Correlation length of the noise, y",
    "noise_length_x": "Correlation length of the noise, x",
    "texture": "Texture",
    "texture_length": "Half width of the texture",
    "particle_spread": "Spread of the grey values between particles",
    "blur": "Blur",
    "rings": "Rings",
    "drift": "Drift of the brightness along z",
    "d10": "D10 of the particles",
    "d50": "D50 of the particles",
    "d90": "D90 of the particles",
    "size_spread": "Spread of the diameters",
    "elongation": "Elongation of the particles",
    "roundness": "Roundness of the particles",
    "cracked_share": "Share of the particles with cracks",
    "void_fraction": "Cracks and voids in the particles",
    "histogram_width": "Width of the histogram",
    "noise_spectrum": "Distance of the noise spectra",
    "histogram_distance": "Distance of the histograms",
}


@dataclass(frozen=True)
class TwinContent:
    """What the page shows.

    Parameters
    ----------
    record : of `voltomo.stages.twin.TwinMatch.to_record`
    source, twin : the scans; read by plane
    title : heading
    facts : further (name, text) pairs, such as where the source lies
    """

    record: Mapping[str, Any]
    source: Volume
    twin: Volume
    title: str = "Twin"
    facts: Sequence[tuple[str, str]] = field(default_factory=tuple)


def write_twin(folder: Path, content: TwinContent) -> Path:
    """Write `twin.json` and a self-contained `twin.html`; the path of the page.

    Raises
    ------
    StorageError
        If the disk is full or the folder is not writable.
    """
    page = _render(content)
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / "twin.json", json.dumps(content.record, indent=1) + "\n")
        _write(folder / "twin.html", page)
    return folder / "twin.html"


def _write(path: Path, text: str) -> None:
    """Write a file that appears whole."""
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def draw_twin(content: TwinContent) -> dict[str, tuple[str, str, Figure]]:
    """Heading, caption and figure of every picture that the record allows, by name."""
    found = {"slices": _slices(content)}
    source, twin = (content.record["curves"][which] for which in ("source", "twin"))
    plots: tuple[tuple[str, Callable[[Mapping[str, Any], Mapping[str, Any]], tuple[str, str, Figure]]], ...] = (
        ("histogram", _histograms),
        ("edge", _edges),
        ("noise", _spectra),
        ("sizes", _sizes),
    )
    for name, draw in plots:
        if source.get(name) and twin.get(name):
            found[name] = draw(source[name], twin[name])
    return found


def _slices(content: TwinContent) -> tuple[str, str, Figure]:
    """The middle planes normal to z, with one window of grey values."""
    planes = [_middle(volume) for volume in (content.source, content.twin)]
    shown = planes[0][np.isfinite(planes[0])]
    low, high = np.percentile(shown.astype(np.float64), _WINDOW)
    panels = []
    for title, plane, volume in zip(("Scan", "Twin"), planes, (content.source, content.twin), strict=True):
        # The scan's voxel counts for both: a twin of a scan without voxel size has a nominal one.
        size = content.source.voxel_size or (1.0, 1.0, 1.0)
        step = _step(volume)
        spacing = (size[1] * step, size[2] * step)
        image = _windowed(plane, float(low), float(high))
        panels.append(Panel(title, image, spacing, content.source.voxel_size is not None, ("y", "x")))
    caption = (
        "Middle planes normal to z, with the same window of grey values (0.5th to 99.5th percentile of the scan). "
        "The twin is another piece of the same kind of electrode: particles are alike, not the same."
    )
    return "Scan and twin", caption, draw_panels(panels)


def _step(volume: Volume) -> int:
    return max(1, -(-max(volume.shape[1:]) // MAX_PIXELS))


def _middle(volume: Volume) -> npt.NDArray[Any]:
    return read_plane(volume.channel(), 0, volume.shape[0] // 2, step=_step(volume))


def _windowed(plane: npt.NDArray[Any], low: float, high: float) -> Rgb:
    """Grey picture of a plane between two grey values; what is not finite takes a light tint."""
    level = np.clip((plane.astype(np.float64) - low) / max(high - low, 1e-30) * 255, 0, 255)
    picture = np.repeat(np.nan_to_num(level).astype(np.uint8)[..., None], 3, axis=2)
    picture[~np.isfinite(level)] = hex_rgb("#e8f1f8")
    return picture


def _line(axes: Axes, which: tuple[str, Any], x: Any, y: Any, label: str) -> None:
    axes.plot(np.asarray(x, np.float64), np.asarray(y, np.float64), color=which[0], linestyle=which[1], label=label)


def _figure_of(axes: Axes) -> Figure:
    figure = axes.get_figure(root=True)
    assert figure is not None, "new axes have a figure"
    return figure


def _histograms(source: Mapping[str, Any], twin: Mapping[str, Any]) -> tuple[str, str, Figure]:
    axes = single_axes()
    for which, curve, label in ((_SOURCE, source, "scan"), (_TWIN, twin, "twin")):
        edges = np.asarray(curve["edges"], np.float64)
        _line(axes, which, (edges[1:] + edges[:-1]) / 2, 100 * np.asarray(curve["share"]), label)
    style_axes(axes, x="Grey level", y="Share of voxels per bin (%)")
    axes.set_ylim(bottom=0)
    legend_above(axes, columns=2)
    caption = (
        "Grey values inside the field of view, in the same bins. Values beyond the scan's range count in the end bins."
    )
    return "Grey levels", caption, _figure_of(axes)


def _edges(source: Mapping[str, Any], twin: Mapping[str, Any]) -> tuple[str, str, Figure]:
    axes = single_axes()
    for which, curve, label in ((_SOURCE, source, "scan"), (_TWIN, twin, "twin")):
        _line(axes, which, curve["distance"], curve["grey"], label)
    axes.axvline(0, color=INK, linewidth=0.6)
    style_axes(axes, x="Distance into the active material (voxels)", y="Mean grey level")
    legend_above(axes, columns=2)
    caption = "Mean grey value against the distance from the surface. The width of the step is the blur."
    return "Edges", caption, _figure_of(axes)


def _spectra(source: Mapping[str, Any], twin: Mapping[str, Any]) -> tuple[str, str, Figure]:
    axes = single_axes()
    for which, curve, label in ((_SOURCE, source, "scan"), (_TWIN, twin, "twin")):
        power = np.asarray(curve["power"], np.float64)
        power = np.where(power > 0, power, np.nan)
        _line(axes, which, curve["frequency"], power, f"{label}, inside {curve['phase']}")
    axes.set_yscale("log")
    style_axes(axes, x="Spatial frequency (cycles per voxel)", y="Power (grey² voxel²)")
    legend_above(axes, columns=2)
    caption = (
        "Power spectrum of the fluctuations inside the phase that varies least: the noise. 0.5 is the finest detail."
    )
    return "Noise", caption, _figure_of(axes)


def _sizes(source: Mapping[str, Any], twin: Mapping[str, Any]) -> tuple[str, str, Figure]:
    axes = single_axes()
    largest = max(source["diameter"][-1], twin["diameter"][-1])
    scale, unit = scaled_unit(largest, source["unit"])
    for which, curve, label in ((_SOURCE, source, "scan"), (_TWIN, twin, "twin")):
        diameter = np.asarray(curve["diameter"], np.float64) / scale
        # Steps, drawn as such: each particle adds its share.
        color, style = which
        axes.step(diameter, 100 * np.asarray(curve["share"]), where="post", color=color, linestyle=style, label=label)
    axes.set_xlim(left=0)
    axes.set_ylim(0, 100)
    style_axes(axes, x=f"Equivalent diameter ({unit})", y="Share of the content (%)")
    legend_above(axes, columns=2)
    caption = "Share of the particles' volume (area in a section) that smaller particles hold. All particles count."
    return "Particle sizes", caption, _figure_of(axes)


def _render(content: TwinContent) -> str:
    pictures = {
        name: {"heading": heading, "caption": caption, **embedded_figure(figure)}
        for name, (heading, caption, figure) in draw_twin(content).items()
    }
    record = content.record
    return fill_template(
        "twin.html.j2",
        title=content.title,
        facts=[*_facts(content), *content.facts],
        notes=record["notes"],
        matched=record["matched"],
        compared=record["compared"],
        rounds=[_round(entry) for entry in record["history"]],
        rows=[_row(row) for row in record["rows"]],
        pictures=pictures,
        settings=[(name.replace("_", " "), number_text(value)) for name, value in record["settings"].items()],
    )


def _facts(content: TwinContent) -> list[tuple[str, str]]:
    return [
        ("Scan", content.source.name),
        ("Size of the scan", " × ".join(map(str, content.source.shape)) + " voxels"),
        ("Size of the twin", " × ".join(map(str, content.twin.shape)) + " voxels"),
    ]


def _round(entry: Mapping[str, Any]) -> str:
    """One round of correction in words."""
    window = " × ".join(map(str, entry["window"]))
    missed = ", ".join(name.replace("_", " ") for name in entry["missed"]) or "nothing"
    return f"Trial twin of {window} voxels: {entry['matched']} of {entry['compared']} matched; missed: {missed}"


def _row(row: Mapping[str, Any]) -> dict[str, str]:
    """Display text of one comparison."""
    unit = "" if row["unit"] == "grey" else row["unit"]
    scale, printed = scaled_unit(row["source"] if row["source"] is not None else row["twin"], unit or "1")
    relative = row["relative_difference"]
    verdict = {True: "matched", False: "missed", None: "not compared"}[row["is_matched"]]

    def text(value: float | None) -> str:
        return "–" if value is None else number_text(value / scale)

    return {
        "name": _NAMES.get(row["name"], row["name"].replace("_", " ")),
        "phase": row["phase"],
        "definition": row["definition"],
        "source": text(row["source"]),
        "twin": text(row["twin"]),
        "unit": "grey" if row["unit"] == "grey" else printed,
        "relative": "" if relative is None else f"{signed_text(100 * relative, digits=2)} %",
        "tolerance": "" if row["tolerance"] is None else f"± {number_text(row['tolerance'] / scale, digits=2)}",
        "verdict": verdict,
        "reason": row["reason"],
    }
