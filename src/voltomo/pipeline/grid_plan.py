"""What a grid trains: one file of settings to try, and the runs that follow from it."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from voltomo.errors import InputError
from voltomo.learning.codes import Unlabelled
from voltomo.stages.recipe import load_yaml, validate_config
from voltomo.stages.train import TrainConfig

__all__ = ["GridConfig", "GridRun", "plan_grid", "read_grid"]

_MOST_RUNS = 1000
"""Combinations beyond are taken for a mistake."""
_LONGEST_NAME = 80

Axes = dict[str, tuple[Any, ...]]
"""Values to try by setting: a key of `TrainConfig`, or "settings." and the name of one of its settings."""


class GridConfig(BaseModel):
    """What to train on, and which settings to try.

    Parameters
    ----------
    grey, labels : image or folder of images, and of label files; labels may lie beside the images
    phases : phase table with the codes of the label files
    unlabelled : code of what nobody labelled, "none", or "auto"
    output : folder of the models and of the ranking
    base : settings of every run, as `voltomo.stages.train.TrainConfig` has them
    grid : values to try for each setting, such as ``{method: [unet, mlp], settings.steps: [200, 400], seed: [0, 1]}``;
        every combination is trained. A list of such grids is worked off one after the other
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    grey: str
    labels: str | None = None
    phases: str | None = None
    unlabelled: Unlabelled = "auto"
    output: str = "models"
    base: dict[str, Any] = Field(default_factory=dict)
    grid: tuple[Axes, ...]

    @field_validator("grid", mode="before")
    @classmethod
    def _is_list(cls, value: Any) -> Any:
        """A single grid is a list of one; a single value is a list of one."""
        grids = [value] if isinstance(value, Mapping) else value
        if not isinstance(grids, list | tuple) or not grids or not all(isinstance(one, Mapping) for one in grids):
            raise ValueError("expected a mapping such as {method: [unet, mlp], seed: [0, 1]}, or a list of them")
        return tuple(
            {str(key): tuple(values) if isinstance(values, list | tuple) else (values,) for key, values in one.items()}
            for one in grids
        )

    @field_validator("grid")
    @classmethod
    def _has_values(cls, value: tuple[Axes, ...]) -> tuple[Axes, ...]:
        for one in value:
            for key, values in one.items():
                if not values:
                    raise ValueError(f"no value to try for {key}; leave it out or name some")
        return value


@dataclass(frozen=True)
class GridRun:
    """One training of the queue.

    Parameters
    ----------
    name : of its model folder
    choices : the values that the grid chose, by setting
    config : what is trained
    """

    name: str
    choices: Mapping[str, Any]
    config: TrainConfig


def read_grid(path: Path) -> GridConfig:
    """Read `grid.yaml`; paths in it are relative to it.

    Raises
    ------
    RecipeError
        If a key is unknown (with the nearest one) or a value of the wrong kind.
    """
    content, _ = load_yaml(path)
    if not isinstance(content, Mapping):
        raise InputError(f"{path}: expected keys such as grey, labels and grid, found {type(content).__name__}")
    config = validate_config(GridConfig, content, source=str(path))
    folder = path.parent.absolute()
    paths = {key: getattr(config, key) for key in ("grey", "labels", "phases", "output")}
    return config.model_copy(update={key: str(folder / text) for key, text in paths.items() if text is not None})


def plan_grid(config: GridConfig) -> tuple[GridRun, ...]:
    """All runs in the order of the queue; combinations that come twice are trained once.

    Raises
    ------
    InputError
        If there are too many, or a combination is no valid `TrainConfig`.
    """
    count = sum(math.prod(len(values) for values in axes.values()) for axes in config.grid)
    if count > _MOST_RUNS:
        raise InputError(f"the grid has {count} combinations; expected at most {_MOST_RUNS}. Name fewer values")
    runs: dict[str, GridRun] = {}
    for axes in config.grid:
        for values in itertools.product(*axes.values()):
            choices = dict(zip(axes, values, strict=True))
            trained = validate_config(TrainConfig, _combined(config.base, choices), source="the grid")
            identity = trained.model_dump_json()
            runs.setdefault(identity, GridRun(_name(choices), choices, trained))
    return _with_own_names(list(runs.values()))


def _combined(base: Mapping[str, Any], choices: Mapping[str, Any]) -> dict[str, Any]:
    """Base settings with the choices laid over them; dots lead into nested mappings."""
    found: dict[str, Any] = json.loads(json.dumps(base))
    for key, value in choices.items():
        *outer, last = key.split(".")
        inside = found
        for part in outer:
            inside = inside.setdefault(part, {})
            if not isinstance(inside, dict):
                raise InputError(f"the grid sets {key!r}, but {part!r} of the base is no mapping: {inside!r}")
        inside[last] = value
    return found


def _name(choices: Mapping[str, Any]) -> str:
    """A folder name that says what was chosen: "unet-steps200-seed0"."""
    parts = []
    for key, value in choices.items():
        last = key.rpartition(".")[2]
        text = re.sub(r"[^A-Za-z0-9.]+", "_", str(value)).strip("_.") or "none"
        parts.append(text if key == "method" else f"{last}{text}")
    name = "-".join(parts) or "base"
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 9]}-{_short_hash(name)}"


def _with_own_names(runs: Sequence[GridRun]) -> tuple[GridRun, ...]:
    """Runs whose names would be the same get a piece of a hash of their settings."""
    names = [run.name for run in runs]
    return tuple(
        run
        if names.count(run.name) == 1
        else GridRun(f"{run.name}-{_short_hash(run.config.model_dump_json())}", run.choices, run.config)
        for run in runs
    )


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
