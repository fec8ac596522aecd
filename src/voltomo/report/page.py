"""The page: pictures and rows poured into one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from voltomo.report.content import AXES, ReportContent
from voltomo.report.methods import Methods
from voltomo.report.pictures import Picture
from voltomo.report.record import configuration_yaml, input_rows, step_rows, voxel_text
from voltomo.report.table import key_rows, make_table
from voltomo.report.templating import embedded_figure, fill_template
from voltomo.report.truth import truth_rows
from voltomo.report.wording import number_text
from voltomo.units import format_length

__all__ = ["render_page"]


def render_page(content: ReportContent, pictures: Mapping[str, Picture], methods: Methods) -> str:
    """HTML of a report; nothing in it is loaded from elsewhere.

    File names, phase names and every other text of the user's are escaped.
    """
    return fill_template(
        "template.html.j2",
        title=content.title,
        facts=_facts(content),
        warnings=content.warnings,
        key=key_rows(content),
        steps=step_rows(content),
        curves=[name for name in pictures if name == "correlations" or name.endswith("_curves")],
        pictures={name: _embedded(picture) for name, picture in pictures.items()},
        table=make_table(content),
        truth=truth_rows(content),
        model=_model(content),
        not_base=_why_not_base(content),
        methods=methods,
        inputs=input_rows(content),
        versions=_sorted_items(content.provenance.get("versions")),
        command=str(content.provenance.get("command") or ""),
        date=str(content.provenance.get("date") or "").replace("T", " "),
        configuration=configuration_yaml(content),
    )


def _model(content: ReportContent) -> dict[str, Any] | None:
    """The model that segmented, and its scores; None for other methods."""
    told = (content.histogram or {}).get("model")
    if not told:
        return None
    scores, taught = told.get("scores") or {}, told.get("trained_on") or {}
    cuts = scores.get("cut_iou") or {}
    known = {phase.name for phase in content.phase_map.phases} if content.phase_map is not None else set(cuts)

    def text(value: float | None) -> str:
        return "–" if value is None else f"{value:.3f}"

    return {
        "name": str(told["name"]),
        "is_default": "choice" in (content.histogram or {}),
        "kind": f"{told['network']}, {told['engine']} in {told['precision']}",
        "taught": f"It learned from {taught['labelled']} labelled voxels of {taught['images']} image(s)"
        f"{' of ' + taught['source'] if taught.get('source') else ''}."
        if taught.get("images")
        else "",
        "apart": _apart(told),
        "rows": [
            {"phase": name, "model": text(value), "cut": text(cuts.get(name))}
            for name, value in (scores.get("iou") or {}).items()
            if name in known  # phases that were merged have no score of their own
        ],
    }


def _apart(told: Mapping[str, Any]) -> str:
    """How far the members of an ensemble are apart, where it was asked for."""
    if told.get("disagreement") is None:
        return ""
    return (
        f"Its {told['members']} members are apart by {told['disagreement']:.2%} of their probability in the mean; "
        "disagreement.ome.zarr shows where."
    )


def _why_not_base(content: ReportContent) -> str:
    """Why the base model, which was tried first, did not segment; "" where it did or was not tried."""
    choice = (content.histogram or {}).get("choice") or {}
    return str(choice.get("reason") or "")


def _sorted_items(values: Any) -> list[tuple[str, str]]:
    """Names and values by name."""
    return sorted((str(k), str(v)) for k, v in (values or {}).items())


def _embedded(picture: Picture) -> dict[str, Any]:
    """What the template needs of a picture; the images as data addresses."""
    parts = [{**embedded_figure(part.figure), "alt": part.alt} for part in picture.parts]
    return {"heading": picture.heading, "caption": picture.caption, "parts": parts, "name": picture.name}


def _facts(content: ReportContent) -> list[tuple[str, str]]:
    """The scan in a few words: file, size, voxel, directions."""
    facts = []
    if content.volume is not None:
        facts.append(("Scan", content.volume.name))
    if content.shape is not None:
        names = AXES[3 - content.dimension :]
        edges = content.shape[3 - content.dimension :]
        word = "voxels" if content.dimension == 3 else "pixels"
        facts.append(("Size", f"{' × '.join(map(str, edges))} {word} ({', '.join(names)})"))
        if content.voxel_size is None:
            facts.append(("Voxel size", "not known: lengths are in voxels"))
        else:
            facts.append((f"{word[:-1].capitalize()} size", voxel_text(content)))
            lengths = [format_length(n * d, digits=3) for n, d in zip(content.shape, content.voxel_size, strict=True)]
            facts.append(("Region", " × ".join(lengths[3 - content.dimension :])))
    if content.through_plane != "unknown":
        facts.append(("Through-plane axis", content.through_plane))
    if content.instance_map is not None and content.instance_map.table:
        facts.append(("Particles", number_text(len(content.instance_map))))
    return facts
