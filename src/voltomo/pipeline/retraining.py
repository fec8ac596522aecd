"""`retrain` in a study: which model made it, whether these labels trained that model, and the maps that are kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from voltomo.artifacts import PhaseMap
from voltomo.artifacts.model import Model
from voltomo.errors import InputError
from voltomo.io.artifacts import StudyArtifacts
from voltomo.io.hashing import hash_path
from voltomo.io.label_pairs import open_label_pairs
from voltomo.io.model_folder import is_model, read_model, write_model
from voltomo.io.model_lookup import find_model, model_folders
from voltomo.io.ome_zarr import ImageMetadata, open_image
from voltomo.learning.kept import content_hashes
from voltomo.learning.pairs import LabelledImage
from voltomo.pipeline.jobs import Outcome, StageDefinition
from voltomo.stages.label_variants import Retrained, RetrainedMap
from voltomo.stages.phase_table import read_phase_table
from voltomo.stages.retrain import RetrainConfig, run_retrain, training_recipe
from voltomo.stages.segment import SegmentConfig
from voltomo.stages.study_workspace import StudyWorkspace

__all__ = ["RETRAIN", "RetrainInputs", "check_retrain", "open_retrain_inputs", "open_retrained"]

Images = Sequence[LabelledImage]


@dataclass(frozen=True)
class RetrainInputs:
    """What a retraining needs, checked.

    Parameters
    ----------
    model : that segmented the study
    segment : how
    own : the labels that trained the model
    others : labels of other annotators, by name
    """

    model: Model
    segment: SegmentConfig
    own: Images
    others: Mapping[str, Images]


def check_retrain(study: StudyArtifacts, config: BaseModel) -> None:
    """Raise what a retraining would be refused for; nothing is written."""
    assert isinstance(config, RetrainConfig)
    _files(config)
    open_retrain_inputs(study, config)


def open_retrain_inputs(study: StudyArtifacts, config: RetrainConfig) -> RetrainInputs:
    """Open the model and the labels, and check that they belong together.

    Raises
    ------
    InputError
        If the study was not segmented by a trained model, the model changed since, or these are not the labels that
        trained it.
    GateError
        If the model does not say how it was trained.
    """
    record = study.records.get("segment")
    segment = None if record is None else SegmentConfig.model_validate(record.config)
    if record is None or segment is None or segment.model is None:
        raise InputError(
            f"the study {study.folder} was not segmented by a model that was trained on your labels, so there is "
            "nothing to train again; segment it with `voltomo segment STUDY -m MODEL`, or compare finished "
            "segmentations with --annotators alone"
        )
    if segment.also:
        raise InputError(
            f"{study.folder} was segmented by several models together, and which of them a label would change is not "
            "known; segment a study with each of them, and compare these with --annotators alone"
        )
    path = find_model(segment.model, model_folders(os.environ))
    model = read_model(path)
    before = record.ingredients.get(f"content of {path.name}")
    if before is not None and before != hash_path(path):
        raise InputError(
            f"the model {path} is not the one that segmented {study.folder}: it was replaced or altered since. Segment "
            "the study again with it"
        )
    training_recipe(model)
    own, others = _open_labels(model, config)
    return RetrainInputs(model, segment, own, others)


def _open_labels(model: Model, config: RetrainConfig) -> tuple[Images, Mapping[str, Images]]:
    """The labels that trained the model, and those of other annotators.

    A model that was trained on the labels of all of them at once is compared with what each by itself gives.
    """
    coded = None if config.phases is None else read_phase_table(Path(config.phases))
    named = _named(Path(config.labels), [Path(path) for path in config.annotators])
    given: Any = named if config.annotators else Path(config.labels)
    images = open_label_pairs(Path(config.grey), given, phases=coded, unlabelled=config.unlabelled).images
    if not config.annotators:
        _check_labels(model, images)
        return images, {}
    groups = {name: [image for image in images if image.annotator == name] for name in named}
    if empty := [name for name, found in groups.items() if not found]:
        raise InputError(f"nothing is labelled by the annotator {', '.join(empty)}; leave them out")
    first = next(iter(named))
    if _differing(model, groups[first]) and not _differing(model, images):
        return images, groups
    _check_labels(model, groups[first])
    return groups[first], {name: found for name, found in groups.items() if name != first}


def _named(labels: Path, annotators: Sequence[Path]) -> dict[str, Path]:
    """Annotators by the shortest names that tell them apart."""
    folders = [labels, *annotators]
    names = [folder.name for folder in folders]
    if len(set(names)) < len(names):
        names = [str(folder) for folder in folders]
    if len(set(names)) < len(names):
        raise InputError(f"the same labels are named twice: {', '.join(names)}; give those of other annotators")
    return dict(zip(names, folders, strict=True))


def _check_labels(model: Model, images: Images) -> None:
    """Refuse labels that are not those of the model."""
    if differing := _differing(model, images):
        raise InputError(
            f"these are not the labels that trained the model {model.name}: {'; '.join(differing)}. Give the same "
            "grey images and labels, --phases and --unlabelled as to `voltomo train`; after a change, train again and "
            "segment the study with the new model"
        )


def _differing(model: Model, images: Images) -> list[str]:
    """What is not as it was when the model was trained, in words."""
    rows = list(model.record.get("data") or ())
    if len(rows) != len(images):
        return [f"it learned from {len(rows)} labelled images, here are {len(images)}"]
    found = []
    for row, image in zip(rows, images, strict=True):
        now = content_hashes(image)
        changed = [what for what in ("grey", "labels") if row.get(what) != now[what]]
        if changed:
            words = {"grey": "grey values", "labels": "labels"}
            found.append(f"{image.name} has other {' and '.join(words[what] for what in changed)}")
    return found


def _retrain(study: StudyArtifacts, config: RetrainConfig, work: StudyWorkspace) -> Outcome:
    inputs = open_retrain_inputs(study, config)
    volume = study.denoised if study.has("denoised") else study.volume
    models = work.folder / "models"

    def keep(name: str, make: Callable[[], Model]) -> Model:
        path = models / name
        if not is_model(path):
            write_model(make(), path)
        return read_model(path)

    result = run_retrain(
        volume, inputs.model, inputs.own, config, inputs.segment.of_model(), work, others=inputs.others, keep=keep
    )
    for one, row in zip(result.retrained.maps, result.record["variants"], strict=True):
        if one.phase_map is not None:
            work.finish(f"retrained/{row['file']}", ImageMetadata.of_phases(one.phase_map))
    return Outcome(result.record)


def open_retrained(study: StudyArtifacts) -> Retrained | None:
    """The maps that `retrain` left in a study; None where it did not run."""
    if "retrain" not in study.records:
        return None
    record = study.records["retrain"].record
    maps = tuple(RetrainedMap(row["kind"], row["who"], _open_map(study, row)) for row in record["variants"])
    return Retrained(maps, record["how"])


def _open_map(study: StudyArtifacts, row: Mapping[str, Any]) -> PhaseMap | None:
    if "file" not in row:
        return None
    data, metadata = open_image(study.folder / "retrained" / f"{row['file']}.ome.zarr")
    assert metadata.phases is not None, "written with its phases"
    return PhaseMap(data, metadata.phases, metadata.voxel_size)


def _files(config: RetrainConfig) -> list[Path]:
    """What the identity of `retrain` depends on besides the study and its model."""
    named = [config.grey, config.labels, *config.annotators, *([config.phases] if config.phases else [])]
    if missing := [path for path in named if not Path(path).exists()]:
        raise InputError(f"retrain: there is no file or folder {', '.join(missing)}; give what trained the model")
    return [Path(path) for path in named]


RETRAIN = StageDefinition(
    "retrain", RetrainConfig, ("volume", "phases"), ("denoised",), ("retrained",), _retrain, files=_files
)
"""Between `segment` and `measure`."""
