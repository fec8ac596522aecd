"""Labels to a model: from arrays in memory, or from files to a folder on disk that goes on after an interruption."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from voltomo.artifacts import PALETTE, Phase, PhaseTable, Volume, as_zyx
from voltomo.artifacts.model import Model
from voltomo.errors import InputError
from voltomo.io.label_pairs import LabelPairs, open_label_pairs
from voltomo.io.model_folder import is_model, write_model
from voltomo.io.model_lookup import load_model, model_folders
from voltomo.io.study import storage_errors, write_text
from voltomo.learning.codes import Unlabelled, notice_of_roles
from voltomo.learning.pairs import LabelledImage
from voltomo.stages.phase_table import phase_table_text, read_phase_table
from voltomo.stages.recipe import validate_config
from voltomo.stages.train import GAP, TrainConfig, TrainResult, run_train
from voltomo.units import VoxelSize, parse_voxel_size

__all__ = ["PAGE", "Trained", "check_output", "train", "train_from_files"]

PAGE = "training.html"
PHASES = "phases.yaml"
CYCLE = tuple(PALETTE.values())
"""Colors of phases without a table."""


def train(
    images: Any,
    labels: Any,
    *,
    phases: PhaseTable | None = None,
    voxel_size: str | VoxelSize | None = None,
    scans: Sequence[str] | None = None,
    start: Model | str | None = None,
    method: str = "unet",
    share: float = 0.2,
    gap: int = GAP,
    seed: int = 0,
    on_progress: Callable[[Any], None] | None = None,
    **settings: Any,
) -> Model:
    """Learn a segmentation from labelled images.

    Parameters
    ----------
    images : (Y, X) or (Z, Y, X) array or Volume, or a list of them, which may differ in size
    labels : one integer array of the same shape for each: phase ids from 1, 0 = unlabelled
    phases : the phase table; numbered by the ids that occur where None
    voxel_size : of all images, such as "64 nm"
    scans : name of the scan that each image is from; grey values are scaled by scan. By default each is its own
    start : a model to go on from, or its name
    method : a network ("unet", "lrcsnet", "segnet", "patchnet") or a pixel classifier ("mlp", "forest", "boosting")
    share, gap, seed : see `voltomo.stages.train.TrainConfig`
    on_progress : told while it trains
    **settings : of `voltomo.training.TrainingSettings` or `voltomo.classifiers.ClassifierSettings`, such as
        ``steps=400``

    Returns
    -------
    Model
        Its scores on labels that did not train it are in ``record["scores"]``; `voltomo.segment` takes it.

    Raises
    ------
    InputError
        If images and labels do not belong together, or a setting is unknown.
    GateError
        If the labels do not support a training: one phase, nothing left to validate on.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.kron(np.arange(64).reshape(8, 8) % 3 == 0, np.ones((16, 16))) + np.eye(128) * 0.1
    >>> model = train(image, (image > 0.5) + 1, method="mlp", gap=2, perceptron={"steps": 50})
    >>> model.record["scores"]["accuracy"] > 0.9
    True
    """
    size = parse_voxel_size(voxel_size) if isinstance(voxel_size, str) else voxel_size
    many = isinstance(images, list | tuple)
    greys, painted = (list(images), list(labels)) if many else ([images], [labels])
    names = list(scans or [""] * len(greys))
    if not len(greys) == len(painted) == len(names):
        raise InputError(
            f"expected labels and scans for each of {len(greys)} images, found {len(painted)}, {len(names)}"
        )
    pairs = [
        _pair(grey, label, f"image {i + 1}", scan, size)
        for i, (grey, label, scan) in enumerate(zip(greys, painted, names, strict=True))
    ]
    ids = sorted({int(i) for pair in pairs for i in np.unique(pair.labels)} - {0})
    table = phases or PhaseTable(tuple(Phase(i, f"class {i}", color=CYCLE[k % len(CYCLE)]) for k, i in enumerate(ids)))
    config = validate_config(
        TrainConfig,
        {"method": method, "share": share, "gap": gap, "seed": seed, "settings": settings},
        source="train",
    )
    begun = load_model(start, model_folders(os.environ)) if isinstance(start, str) else start
    model = run_train(pairs, table, config, start=begun, on_progress=on_progress).model
    return model.with_record(notices=[*model.record["notices"], *(() if phases else notice_of_roles(table))])


def _pair(grey: Any, labels: Any, name: str, scan: str, voxel_size: VoxelSize | None) -> LabelledImage:
    volume = grey if isinstance(grey, Volume) else Volume.from_array(np.asarray(grey), voxel_size=voxel_size)
    codes = as_zyx(np.asarray(labels))
    if codes.dtype.kind not in "ui" or codes.min() < 0 or codes.max() > 255:
        raise InputError(f"{name}: expected labels as integers from 0 (unlabelled) to 255, found {codes.dtype}")
    return LabelledImage(name, volume.data, np.asarray(codes, np.uint8), scan, volume.voxel_size or voxel_size)


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
        table = self.folder / PHASES
        is_open = table.exists() and any(phase.role == "other" for phase in self.model.phases)
        found = (f"A table of the phases, to be filled in: {table}.",) if is_open else ()
        return (*self.pairs.notices, *self.model.record.get("notices", ()), *found)


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
        unfinished.mkdir(parents=True, exist_ok=True)
        try:
            result = run_train(
                pairs.images,
                pairs.phases,
                config,
                name=output.name.removesuffix(".zip"),
                start=start,
                checkpoint=unfinished / "checkpoint.safetensors",
                replace_checkpoint=overwrite,
                on_progress=listen,
            )
        finally:
            if not any(unfinished.iterdir()):
                unfinished.rmdir()
        folder = write_model(result.model, output, overwrite=overwrite)
        if folder.is_dir():
            _write_page(folder, result, pairs, told)
            write_text(folder / PHASES, phase_table_text(pairs.coded))
        if not config.is_classifier:  # which left alone what a network may have been interrupted at
            shutil.rmtree(unfinished, ignore_errors=True)
    return Trained(folder, result.model, pairs)


def _write_page(folder: Path, result: TrainResult, pairs: LabelPairs, told: Sequence[Any]) -> None:
    """The page about the training, beside the model."""
    from voltomo.report.training import write_training_page
    from voltomo.report.training_content import TrainingContent, choose_views

    insight = None
    if not result.model.is_classifier:
        from voltomo.training.insight import explain_training

        insight = explain_training(result.model, pairs.images, result.split)
    content = TrainingContent(
        result.model, pairs.images, result.split, choose_views(told), insight, notices=pairs.notices
    )
    write_training_page(folder, content)


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
