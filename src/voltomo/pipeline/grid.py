"""`train --grid`: a queue of trainings over a grid of settings, resumed after a kill, ranked at the end.

::

    models/
      unet-steps200-seed0/   one model folder for each combination
      grid.json              what each was trained with, how long it took, why it failed
      ranking.csv  runs.csv  ranking.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from voltomo.errors import InputError, StorageError, VoltomoError
from voltomo.io.hashing import hash_json, hash_path
from voltomo.io.model_card import CARD
from voltomo.io.model_folder import is_model, read_model
from voltomo.io.study import storage_errors, write_text
from voltomo.pipeline.grid_plan import GridConfig, GridRun, plan_grid, read_grid
from voltomo.report.ranking import RankedRun, RankingContent, write_ranking
from voltomo.report.training_rows import scores_of, training_seconds
from voltomo.stages.train import TrainConfig

__all__ = ["GridConfig", "GridResult", "GridRun", "TrainOne", "plan_grid", "read_grid", "run_grid"]

_STATE = "grid.json"


class TrainOne(Protocol):
    """Trains one model into its folder, and goes on with what an interrupted call left."""

    def __call__(self, config: TrainConfig, folder: Path, /, *, overwrite: bool) -> object:
        """The model stands in the folder afterwards, or an error is raised."""
        ...


@dataclass(frozen=True)
class GridResult:
    """What became of a queue.

    Parameters
    ----------
    page : the ranking
    runs : finished and failed ones, in the order of the queue
    skipped : names of those that had been finished before
    """

    page: Path
    runs: tuple[RankedRun, ...]
    skipped: tuple[str, ...]

    @property
    def failed(self) -> tuple[RankedRun, ...]:
        return tuple(run for run in self.runs if run.reason)


Told = Literal["started", "finished", "failed", "up to date"]
"""What `on_run` is told about a run."""


def run_grid(
    config: GridConfig,
    train_one: TrainOne,
    *,
    resume: bool = True,
    on_run: Callable[[str, Told, int, int], None] | None = None,
) -> GridResult:
    """Train every combination of a grid, and rank them.

    A run that finished with the same settings and data is skipped; one that failed is tried again; what an interrupted
    one left is for `train_one` to go on with. A run that fails is recorded with its reason, and the queue goes on.

    Parameters
    ----------
    config : data, settings, and where the models go
    train_one : trains one model into its folder
    resume : keep what is finished; otherwise everything is trained again
    on_run : told the name of a run, what happened, its number from 1, and how many there are

    Raises
    ------
    InputError
        If a model of the queue was trained with other settings or data and `resume` is set.
    StorageError
        If the disk is full.
    """
    runs, folder = plan_grid(config), Path(config.output)
    data = _data_hash(config)
    tell = on_run or (lambda _name, _what, _number, _count: None)
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        state = _read_state(folder)
        if not resume:
            state = {name: {**entry, "status": "stale"} for name, entry in state.items()}
        _check_identities(runs, state, folder, data)
        done: list[RankedRun] = []
        skipped = []
        for number, run in enumerate(runs, start=1):
            is_finished = _is_finished(state.get(run.name), folder / run.name)
            if is_finished:
                skipped.append(run.name)
                tell(run.name, "up to date", number, len(runs))
            else:
                tell(run.name, "started", number, len(runs))
                _carry_out(run, folder, train_one, state, data, overwrite=not resume)
                tell(run.name, "failed" if state[run.name]["reason"] else "finished", number, len(runs))
            done.append(_ranked(run, folder, state[run.name]))
            if not is_finished or number == len(runs):
                page = _write_page(config, folder, done, waiting=len(runs) - number)
    return GridResult(page, tuple(done), tuple(skipped))


def _data_hash(config: GridConfig) -> str:
    """Of the contents of the files that train; paths do not count."""
    paths = {key: getattr(config, key) for key in ("grey", "labels", "phases")}
    for key, text in paths.items():
        if text is not None and not Path(text).exists():
            raise InputError(f"the grid names {text} as {key}, which does not exist")
    hashes = {key: None if text is None else hash_path(Path(text)) for key, text in paths.items()}
    return hash_json({**hashes, "unlabelled": config.unlabelled})


def _check_identities(runs: Sequence[GridRun], state: Mapping[str, Any], folder: Path, data: str) -> None:
    """Refuse to mix models of other settings or labels into a ranking."""
    for run in runs:
        known = state.get(run.name)
        if known is None or not _is_finished(known, folder / run.name):
            continue
        changed = [
            what
            for what, found, wanted in (
                ("settings", known["settings"], run.config.model_dump(mode="json")),
                ("data", known["data"], data),
            )
            if found != wanted
        ]
        if changed:
            raise InputError(
                f"{folder / run.name} was trained with other {' and '.join(changed)}; expected those of this grid. "
                "Choose another output folder, or train everything again with --overwrite"
            )


def _is_finished(known: Mapping[str, Any] | None, folder: Path) -> bool:
    """Whether the model stands; also where a kill came between the model and the note that it is done."""
    if known is None or not is_model(folder):
        return False
    return bool(known["status"] == "done" or (known["status"] == "running" and _card_hash(folder) != known["before"]))


def _card_hash(folder: Path) -> str | None:
    """Tells one model from another that replaces it."""
    return hash_path(folder / CARD) if is_model(folder) else None


def _carry_out(
    run: GridRun, folder: Path, train_one: TrainOne, state: dict[str, Any], data: str, *, overwrite: bool
) -> None:
    """Train one, and keep its entry of the state up to date."""
    begun, reason, model = time.monotonic(), "", folder / run.name
    is_ours = state.get(run.name, {}).get("status") in ("running", "stale")
    entry = {"reason": "", "settings": run.config.model_dump(mode="json"), "data": data, "seconds": 0.0}
    state[run.name] = {"status": "running", "before": _card_hash(model), **entry}
    _write_state(folder, state)
    try:
        # A model that still stands there after an interruption was about to be replaced.
        train_one(run.config, model, overwrite=overwrite or (is_ours and is_model(model)))
        if not is_model(model):
            reason = "the training ended without a model"
    except StorageError:
        raise
    except (VoltomoError, MemoryError, RuntimeError) as error:
        # torch reports lack of memory as a RuntimeError; the next run may be smaller.
        reason = str(error) or type(error).__name__
    entry |= {"reason": reason, "seconds": round(time.monotonic() - begun, 1)}
    state[run.name] = {"status": "failed" if reason else "done", **entry}
    _write_state(folder, state)


def _read_state(folder: Path) -> dict[str, Any]:
    path = folder / _STATE
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return dict(content["runs"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no record of a grid ({error}); remove it, and the queue begins anew") from error


def _write_state(folder: Path, state: Mapping[str, Any]) -> None:
    write_text(folder / _STATE, json.dumps({"voltomo": 1, "runs": state}, indent=1) + "\n")


def _ranked(run: GridRun, folder: Path, entry: Mapping[str, Any]) -> RankedRun:
    """A run with its scores, as its model folder has them."""
    settings = {key.removeprefix("settings."): str(value) for key, value in run.choices.items() if key != "seed"}
    if entry["reason"]:
        return RankedRun(run.name, settings, run.config.seed, {}, entry["seconds"], entry["reason"])
    model = read_model(folder / run.name)
    seconds = training_seconds(model)
    spent = entry["seconds"] if seconds is None else seconds
    return RankedRun(run.name, settings, run.config.seed, scores_of(model), spent)


def _write_page(config: GridConfig, folder: Path, done: Sequence[RankedRun], *, waiting: int) -> Path:
    phases = list(dict.fromkeys(name for run in done for name in run.scores.get("iou") or {}))
    facts = [("Images", Path(config.grey).name)]
    if config.labels is not None:
        facts.append(("Labels", Path(config.labels).name))
    return write_ranking(folder, RankingContent(done, phases, waiting, facts=facts))
