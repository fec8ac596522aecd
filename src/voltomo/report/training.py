"""`training.html`: how a model was trained, how good it is on labels that did not train it, and what it looks at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from voltomo.report.files import write_texts
from voltomo.report.templating import embedded_figure, fill_template
from voltomo.report.tiles import TileRow, embedded_rows
from voltomo.report.training_content import ProgressViews, TrainingContent, choose_views
from voltomo.report.training_pictures import (
    activation_rows,
    augmented_rows,
    label_rows,
    progress_rows,
    saliency_rows,
    shown_of,
)
from voltomo.report.training_plots import draw_training
from voltomo.report.training_rows import (
    confusion_rows,
    data_rows,
    facts,
    measure_rows,
    phase_rows,
    record_rows,
    scores_of,
    setting_rows,
)
from voltomo.report.wording import number_text

__all__ = ["ProgressViews", "TrainingContent", "choose_views", "write_training_page"]

_PAGE = "training.html"


def write_training_page(folder: Path, content: TrainingContent) -> Path:
    """Write a self-contained `training.html`; equal content gives equal bytes.

    Parameters
    ----------
    folder : created if missing
    content : what to show; at most a few slices of its images are read

    Returns
    -------
    Path of the page

    Raises
    ------
    StorageError
        If the disk is full or the folder is not writable.
    """
    write_texts(folder, {_PAGE: _render(content)})
    return folder / _PAGE


def _render(content: TrainingContent) -> str:
    model = content.model
    return fill_template(
        "training.html.j2",
        title=content.title or f"Training of {model.name}",
        facts=facts(content),
        notices=tuple(dict.fromkeys([*content.notices, *content.split.notices])),
        is_classifier=model.is_classifier,
        phases=[(phase.name, phase.color) for phase in model.phases],
        voxels=number_text(scores_of(model).get("voxels") or 0),
        scores=phase_rows(model),
        measures=measure_rows(model),
        confusion=confusion_rows(model),
        pictures={
            name: {"heading": heading, "caption": caption, **embedded_figure(figure)}
            for name, (heading, caption, figure) in draw_training(content).items()
        },
        tiles=_tiles(content),
        more_images=shown_of(content.images),
        settings=setting_rows(model),
        data=data_rows(model),
        record=record_rows(model),
    )


def _tiles(content: TrainingContent) -> dict[str, list[dict[str, Any]]]:
    """Rows of small pictures by the section that they belong to; sections without any are absent."""
    rows: dict[str, list[TileRow]] = {
        "labels": label_rows(content),
        "progress": progress_rows(content),
        "augmented": augmented_rows(content),
        "activations": activation_rows(content),
        "saliency": saliency_rows(content),
    }
    return {name: embedded_rows(found) for name, found in rows.items() if found}
