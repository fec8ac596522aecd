"""A queue of trainings over a grid of settings."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from voltomo.artifacts import PhaseTable
from voltomo.artifacts.model import Model
from voltomo.errors import GateError, InputError, RecipeError, StorageError
from voltomo.io.model_folder import is_model, write_model
from voltomo.pipeline.grid import GridConfig, plan_grid, read_grid, run_grid
from voltomo.stages.train import TrainConfig

GRID = """
grey: grey
labels: labels
output: models
base: {method: unet, share: 0.25, settings: {batch: 4}}
grid: {method: [unet, mlp], settings.steps: [200, 400], seed: [0, 1]}
"""


@pytest.fixture
def grid(tmp_path: Path) -> GridConfig:
    """Two methods, two lengths, two seeds."""
    for name in ("grey", "labels"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.tif").write_bytes(name.encode())
    (tmp_path / "grid.yaml").write_text(GRID)
    return read_grid(tmp_path / "grid.yaml")


@pytest.fixture
def small(grid: GridConfig) -> GridConfig:
    """Two methods, two seeds."""
    return grid.model_copy(update={"grid": ({"method": ("unet", "mlp"), "seed": (0, 1)},)})


def _model(config: TrainConfig) -> Model:
    """A model whose mean IoU follows from its settings: mlp is 0.1 lower, seeds differ by 0.02."""
    merit = 0.8 - 0.1 * (config.method == "mlp") + 0.02 * config.seed
    iou = {"pore+binder": merit, "active": merit}
    cut = {"cuts": [0.5], "phases": ["pore+binder", "active"], "iou": {}, "mean_iou": 0.6 + 0.02 * config.seed}
    scores = {"iou": iou, "mean_iou": merit, "calibration_error": 0.05, "fitted_cut": cut}
    return Model(
        name="m",
        network="mlp",
        settings={},
        phases=PhaseTable.two_class(),
        channels=("grey",),
        normalization={"method": "percentile", "percentiles": [1.0, 99.0], "low": [0.0], "high": [1.0]},
        weights={"w": np.zeros(1, np.float32)},
        record={"scores": scores, "settings": dict(config.settings)},
    )


class Trainer:
    """Stands for the training: writes models, fails or is killed where it is told."""

    def __init__(self, act: Callable[[str], Any] = lambda name: None) -> None:
        self.act, self.trained = act, list[str]()

    def __call__(self, config: TrainConfig, folder: Path, *, overwrite: bool) -> object:
        if is_model(folder) and not overwrite:
            raise InputError("the model is there")
        self.act(folder.name)
        self.trained.append(folder.name)
        return write_model(_model(config), folder, overwrite=overwrite)


def _ranking(folder: Path) -> list[dict[str, str]]:
    with (folder / "ranking.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_grid_is_every_combination(grid: GridConfig) -> None:
    """Two methods, two lengths and two seeds are eight runs, each with a name that says what it is."""
    runs = plan_grid(grid)
    assert len({run.name for run in runs}) == len(runs) == 8
    first, last = runs[0], runs[-1]
    assert (first.name, last.name) == ("unet-steps200-seed0", "mlp-steps400-seed1")
    assert first.config.settings == {"batch": 4, "steps": 200}
    assert (last.config.method, last.config.seed, last.config.share) == ("mlp", 1, 0.25)


def test_a_list_of_grids_is_worked_off_in_order(grid: GridConfig) -> None:
    """Settings of one method need not be tried with another, and what comes twice is trained once."""
    both = GridConfig(grey=grid.grey, grid=[{"method": "unet", "settings.steps": [1, 2]}, {"method": ["mlp", "mlp"]}])
    assert [run.name for run in plan_grid(both)] == ["unet-steps1", "unet-steps2", "mlp"]


def test_equal_names_are_told_apart(grid: GridConfig) -> None:
    """Values that differ only in what a file name cannot say keep runs of their own."""
    runs = plan_grid(GridConfig(grey=grid.grey, grid={"settings.reuse": ["a.b", "a b", "a/b"]}))
    assert len({run.name for run in runs}) == 3


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("grid: {methods: [unet]}", "did you mean 'method'"),
        ("grid: {}\noutputs: x", "did you mean 'output'"),
        ("grid: [1, 2]", "expected a mapping"),
        ("grid: {seed: []}", "no value to try"),
        ("grid: {seed: [-1]}", "greater than or equal to 0"),
        ("grid: {share.x: [1]}\nbase: {share: 0.5}", "is no mapping"),
    ],
)
def test_a_wrong_grid_says_what_is_wrong(tmp_path: Path, line: str, message: str) -> None:
    """An unknown key is answered with the nearest one, a wrong value with what was expected."""
    (tmp_path / "grid.yaml").write_text(f"grey: grey\n{line}\n")
    with pytest.raises((RecipeError, InputError), match=message):
        plan_grid(read_grid(tmp_path / "grid.yaml"))


def test_a_grid_of_thousands_is_refused(grid: GridConfig) -> None:
    """A typing error must not start a month of training."""
    with pytest.raises(InputError, match="4000 combinations"):
        plan_grid(GridConfig(grey="g", grid={"seed": list(range(4000))}))


def test_missing_files_are_named_before_anything_is_trained(grid: GridConfig) -> None:
    """The queue does not begin without its labels."""
    train = Trainer()
    with pytest.raises(InputError, match="nowhere as labels"):
        run_grid(grid.model_copy(update={"labels": "nowhere"}), train)
    assert not train.trained


def test_runs_are_ranked_over_their_seeds(grid: GridConfig) -> None:
    """The better method stands first; equal ones are not told apart; the fitted cut is a line of its own."""
    result = run_grid(grid, Trainer())
    assert not result.failed
    rows = _ranking(Path(grid.output))
    assert [(row["method"], row["steps"]) for row in rows[:4]] == [
        ("unet", "200"),
        ("unet", "400"),
        ("mlp", "200"),
        ("mlp", "400"),
    ]
    assert [row["against_best"] for row in rows[:4]] == ["best", "no difference", "below", "below"]
    assert {row["against_cut"] for row in rows[:4]} == {"above"}
    assert rows[0]["mean_iou"] == "0.81000"
    assert float(rows[0]["mean_iou sd"]) == pytest.approx(0.02 / 2**0.5, abs=1e-5)
    assert (rows[4]["against_cut"], rows[4]["mean_iou"]) == ("fitted cut", "0.61000")
    page = result.page.read_text()
    assert "Highest mean IoU: unet, steps 200" in page
    assert "Not told apart from it: unet, steps 400" in page


def test_grids_that_vary_other_things_share_a_table(small: GridConfig) -> None:
    """Every line has every column; what a grid does not vary is empty."""
    both = ({"method": ("unet",), "settings.steps": (9,)}, {"method": ("mlp",), "settings.samples": (7,)})
    page = run_grid(small.model_copy(update={"grid": both}), Trainer()).page.read_text()
    rows = _ranking(Path(small.output))
    assert [(row["method"], row["steps"], row["samples"]) for row in rows[:2]] == [("unet", "9", ""), ("mlp", "", "7")]
    table = page[page.index('<table class="ranking">') : page.index("fitted cut of the grey value")]
    counts = {line.count("<td") for line in table.splitlines() if "<td class" in line}
    assert counts == {1 + 3 + 4 + 2 + 2 + 1}  # place; settings; seeds, mean and verdicts; phases; calibration; seconds
    assert "take this as a hint" in page


def test_finished_runs_are_skipped(small: GridConfig) -> None:
    """The second call trains nothing and gives the same ranking."""
    page = run_grid(small, Trainer()).page.read_bytes()
    table = (Path(small.output) / "ranking.csv").read_bytes()
    again = Trainer()
    result = run_grid(small, again)
    assert not again.trained
    assert len(result.skipped) == 4
    assert (Path(small.output) / "ranking.csv").read_bytes() == table
    assert result.page.read_bytes() == page


def test_a_failed_run_is_recorded_and_the_queue_goes_on(small: GridConfig) -> None:
    """The reason stands in the ranking; the next call tries it again."""

    def fail(name: str) -> None:
        if name == "mlp-seed0":
            raise GateError("nothing to <validate> on")

    result = run_grid(small, Trainer(fail))
    assert [run.name for run in result.failed] == ["mlp-seed0"]
    assert len(result.runs) == 4
    assert "nothing to &lt;validate&gt; on" in result.page.read_text()
    with (Path(small.output) / "runs.csv").open(newline="") as stream:
        reasons = {row["name"]: (row["status"], row["reason"]) for row in csv.DictReader(stream)}
    assert reasons["mlp-seed0"] == ("failed", "nothing to <validate> on")
    second = Trainer()
    assert not run_grid(small, second).failed
    assert second.trained == ["mlp-seed0"]


def test_a_killed_queue_goes_on_where_it_was(small: GridConfig) -> None:
    """What was finished stays; the interrupted run is called again."""

    def kill(name: str) -> None:
        if name == "mlp-seed0":
            raise KeyboardInterrupt

    first, second = Trainer(kill), Trainer()
    with pytest.raises(KeyboardInterrupt):
        run_grid(small, first)
    assert "Waiting" in (Path(small.output) / "ranking.html").read_text()
    result = run_grid(small, second)
    assert len(first.trained) == 2
    assert second.trained[0] == "mlp-seed0"
    assert len(first.trained + second.trained) == 4
    assert not result.failed


def test_a_kill_after_the_model_was_written_counts_as_finished(small: GridConfig) -> None:
    """The model stands before the record says so; it is not trained again."""
    run_grid(small, Trainer())
    path = Path(small.output) / "grid.json"
    state = json.loads(path.read_text())
    entry = state["runs"]["unet-seed0"]
    state["runs"]["unet-seed0"] = {**entry, "status": "running", "before": None}
    path.write_text(json.dumps(state))
    again = Trainer()
    assert not run_grid(small, again).failed
    assert not again.trained


def test_training_everything_again_survives_a_kill(small: GridConfig) -> None:
    """Without `resume` all models are replaced, those that a kill left for the next call too."""
    run_grid(small, Trainer())

    def kill(name: str) -> None:
        if name == "mlp-seed0":
            raise KeyboardInterrupt

    killed, second = Trainer(kill), Trainer()
    with pytest.raises(KeyboardInterrupt):
        run_grid(small, killed, resume=False)
    result = run_grid(small, second)
    assert not result.failed
    assert len(killed.trained) == 2
    assert len(second.trained) == 2


def test_other_data_or_settings_are_refused(small: GridConfig) -> None:
    """A ranking does not mix models of other labels or settings, and says what changed."""
    run_grid(small, Trainer())
    (Path(small.grey) / "a.tif").write_bytes(b"another image")
    with pytest.raises(InputError, match="trained with other data"):
        run_grid(small, Trainer())
    with pytest.raises(InputError, match="trained with other settings and data"):
        run_grid(small.model_copy(update={"base": {"share": 0.5}}), Trainer())
    assert len(run_grid(small, Trainer(), resume=False).runs) == 4


def test_a_full_disk_ends_the_queue(small: GridConfig) -> None:
    """The next run could not be written either."""

    def fill(name: str) -> None:
        raise StorageError("disk full")

    with pytest.raises(StorageError):
        run_grid(small, Trainer(fill))


def test_a_model_that_is_not_of_the_grid_is_kept(small: GridConfig) -> None:
    """A folder of that name that somebody else made is not replaced."""
    folder = Path(small.output) / "unet-seed0"
    folder.parent.mkdir(parents=True)
    write_model(_model(TrainConfig()), folder)
    before = (folder / "model.yaml").read_bytes()
    result = run_grid(small, Trainer())
    assert [run.reason for run in result.failed] == ["the model is there"]
    assert (folder / "model.yaml").read_bytes() == before


def test_progress_is_told(small: GridConfig) -> None:
    """Each run is announced with its number."""
    told: list[tuple[str, str, int, int]] = []
    run_grid(small, Trainer(), on_run=lambda *what: told.append(what))
    assert told[:3] == [
        ("unet-seed0", "started", 1, 4),
        ("unet-seed0", "finished", 1, 4),
        ("unet-seed1", "started", 2, 4),
    ]
