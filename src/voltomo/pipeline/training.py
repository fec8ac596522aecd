"""Label files to a model on disk, with its page; an interrupted training goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voltomo.artifacts.model import Model
from voltomo.errors import InputError
from voltomo.io.label_pairs import LabelPairs, open_label_pairs
from voltomo.io.model_folder import is_model, write_model
from voltomo.io.study import storage_errors
from voltomo.learning.codes import Unlabelled
from voltomo.stages.phase_table import read_phase_table
from voltomo.stages.train import TrainConfig, TrainResult, run_train

__all__ = ["PAGE", "Trained", "check_output", "train_from_files"]

PAGE = "training.html"


@dataclass(frozen=True)
class Trained:
    """What a training left on disk.

    Parameters
    ----------
    folder : of the model
    model : as written
    pairs : images and labels that trained it
    """

    folder: Path
    model: Model
    pairs: LabelPairs

    @property
    def page(self) -> Path:
        """The page about the training."""
        return self.folder / PAGE

    @property
    def notices(self) -> tuple[str, ...]:
        """What a reader must know."""
        return (*self.pairs.notices, *self.model.record.get("notices", ()))


def train_from_files(
    grey: Path,
    labels: Path | Mapping[str, Path] | None,
    output: Path,
    config: TrainConfig,
    *,
    phases: Path | None = None,
    unlabelled: Unlabelled = "auto",
    start: Model | None = None,
    overwrite: bool = False,
    write_page: Callable[[Path, TrainResult, LabelPairs, list[Any]], object] | None = None,
    on_progress: Callable[[Any], None] | None = None,
) -> Trained:
    """Train a model from files and write it.

    Parameters
    ----------
    grey : image or folder of images
    labels : label file, folder of label files, {annotator: path}; None: they lie beside the images
    output : model folder to appear, such as ``models/mine``
    config : what learns, and how
    phases : phase table with the codes of the label files
    unlabelled : the code of what nobody labelled; "none" if every pixel has a phase
    start : model to go on from
    overwrite : replace a model that is there, and a training that was interrupted with other settings
    write_page : called with the model folder, the result, the labels and what the training told
    on_progress : told while it trains

    Returns
    -------
    Trained

    Raises
    ------
    GateError
        If the labels do not say what is unlabelled, or do not support a training.
    InputError
        If a model is there and `overwrite` is not set.
    """
    check_output(output, overwrite=overwrite)
    coded = None if phases is None else read_phase_table(phases)
    pairs = open_label_pairs(grey, labels, phases=coded, unlabelled=unlabelled)
    unfinished = output.parent / f".{output.name}.training"
    told: list[Any] = []

    def listen(progress: Any) -> None:
        if getattr(progress, "validation", None) is not None:
            told.append(progress)
        if on_progress is not None:
            on_progress(progress)

    with storage_errors(output.parent):
        if overwrite and unfinished.exists() and not output.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir(parents=True, exist_ok=True)
        result = run_train(
            pairs.images,
            pairs.phases,
            config,
            name=output.name.removesuffix(".zip"),
            start=start,
            checkpoint=unfinished / "checkpoint.safetensors",
            on_progress=listen,
        )
        folder = write_model(result.model, output, overwrite=overwrite)
        if write_page is not None and folder.is_dir():
            write_page(folder, result, pairs, told)
        shutil.rmtree(unfinished)
    return Trained(folder, result.model, pairs)


def check_output(output: Path, *, overwrite: bool) -> None:
    """Refuse to replace a model, or anything else, without a word.

    Raises
    ------
    InputError
        If something is there that is not to be replaced.
    """
    if not output.exists():
        return
    if not is_model(output):
        raise InputError(f"{output} is there and is no model; name another folder with -o")
    if not overwrite:
        raise InputError(f"the model {output} is there; replace it with --overwrite, or name another with -o")
