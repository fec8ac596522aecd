"""`study label-bias`: synthetic electrodes, labelled with and without bias, measured against the truth.

::

    bias/
      runs/seed0-dilate.json   numbers of one electrode labelled in one way; there when it is finished
      runs/seed0-dilate.npz    a slice of it
      label_bias.json  label_bias.csv  label_bias.html  label_bias_*.png, .svg
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from voltomo.errors import InputError
from voltomo.io.atomic import new_file
from voltomo.io.hashing import hash_json
from voltomo.io.study import storage_errors, write_text
from voltomo.metrics.paired_errors import pair_errors
from voltomo.pipeline.adapters import library_versions
from voltomo.report.label_bias import write_label_bias
from voltomo.report.label_bias_content import BIAS_WORDS, UNBIASED, BiasPicture, BiasRow, LabelBiasContent
from voltomo.stages.label_bias import (
    ACTIVE,
    PHASES,
    BiasedSlice,
    BiasResult,
    LabelBiasConfig,
    PropertyValue,
    Specimen,
    make_specimen,
    run_label_bias,
)
from voltomo.units import format_voxel_size
from voltomo.version import VERSION

__all__ = ["LabelBiasStudy", "study_label_bias"]

_RUNS, _RESULT = "runs", "label_bias.json"
_OURS = re.compile(r"seed\d+-[a-z]+\.(json|npz)|\..*\.part")
"""Names of the files of runs, and of those that a kill left half written."""

Told = Literal["started", "finished", "up to date"]
"""What `on_run` is told about a run."""


@dataclass(frozen=True)
class LabelBiasStudy:
    """What was found.

    Parameters
    ----------
    page : for people
    values : the content of `label_bias.json`
    rows : one for each bias and property
    """

    page: Path
    values: Mapping[str, Any]
    rows: tuple[BiasRow, ...]


def study_label_bias(
    config: LabelBiasConfig,
    output: Path,
    *,
    overwrite: bool = False,
    on_run: Callable[[str, Told, int, int], None] | None = None,
    on_progress: Callable[[Any], None] | None = None,
) -> LabelBiasStudy:
    """Make electrodes, label them with each bias, learn, segment and measure; write a page and tables.

    Runs that finished with the same settings are found again; more electrodes or biases add to them.

    Parameters
    ----------
    config : electrodes, labels and what learns
    output : folder; created if missing
    overwrite : replace runs of other settings, each when its successor is finished
    on_run : told the name of a run, what happened, its number from 1, and how many there are
    on_progress : told as each training moves on, as in `voltomo.stages.train.run_train`

    Raises
    ------
    InputError
        If the folder holds something else, or runs of other settings and `overwrite` is not set.
    GateError, MissingExtraError
        If the labels do not support a training, or the method is not installed.
    """
    identity = _identity(config)
    count = len(config.seeds) * len(config.biases)
    tell = on_run or (lambda _name, _what, _number, _count: None)
    results: list[BiasResult] = []
    with storage_errors(output):
        _check_output(output, identity, overwrite=overwrite)
        (output / _RUNS).mkdir(parents=True, exist_ok=True)
        for seed in config.seeds:
            specimen: Specimen | None = None
            for bias in config.biases:
                name, number = f"seed{seed}-{bias}", len(results) + 1
                result = _read_run(output / _RUNS / name, identity)
                if result is not None:
                    tell(name, "up to date", number, count)
                else:
                    tell(name, "started", number, count)
                    specimen = specimen or make_specimen(config, seed)
                    result = run_label_bias(specimen, bias, config, on_progress=on_progress)
                    _write_run(output / _RUNS / name, result, identity)
                    tell(name, "finished", number, count)
                results.append(result)
        for path in _of_others(output / _RUNS, identity):
            path.unlink()
            path.with_suffix(".npz").unlink(missing_ok=True)
        return _write_study(output, config, results)


def _identity(config: LabelBiasConfig) -> str:
    """Of what all runs of a folder share; seed and bias are in their names."""
    shared = config.model_dump(mode="json", exclude={"electrodes", "biases", "seed"})
    return hash_json({"code": f"voltomo {VERSION}", "config": shared})


def _check_output(output: Path, identity: str, *, overwrite: bool) -> None:
    """Refuse to mix runs of other settings into a study, or to write among other things."""
    if output.exists() and not output.is_dir():
        raise InputError(f"{output} is a file; name a folder for the study with -o")
    runs = output / _RUNS
    is_ours = runs.is_dir() and all(_OURS.fullmatch(path.name) for path in runs.iterdir())
    if output.exists() and any(output.iterdir()) and not is_ours:
        raise InputError(f"the folder {output} is not empty and holds no study of label bias; name a new one with -o")
    others = _of_others(runs, identity)
    if others and not overwrite:
        raise InputError(
            f"{others[0]} was made with other settings or another version; repeat with those, give --overwrite "
            "to replace it, or name another folder with -o"
        )


def _of_others(runs: Path, identity: str) -> list[Path]:
    """Runs of other settings."""
    return [path for path in sorted(runs.glob("*.json")) if _load(path)["identity"] != identity]


def _load(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {"identity": content["identity"], **content}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is no run of a study of label bias ({error}); remove it, and it is made again"
        ) from error


def _read_run(stem: Path, identity: str) -> BiasResult | None:
    """A run that is finished with these settings."""
    path, picture = _files(stem)
    if not path.exists() or not picture.exists():
        return None
    content = _load(path)
    if content["identity"] != identity:
        return None
    with np.load(picture, allow_pickle=False) as arrays:
        shown = BiasedSlice(**{name: arrays[name] for name in ("grey", "truth", "labels", "found")})
    values = tuple(PropertyValue(**row) for row in content["values"])
    return BiasResult(content["seed"], content["bias"], values, content["changed"], shown)


def _write_run(stem: Path, result: BiasResult, identity: str) -> None:
    """The numbers come last: where they are, the run is finished."""
    path, picture = _files(stem)
    with new_file(picture, overwrite=True) as temporary, temporary.open("wb") as stream:
        arrays: dict[str, Any] = {name: getattr(result.shown, name) for name in ("grey", "truth", "labels", "found")}
        np.savez_compressed(stream, **arrays)
    content = {
        "voltomo": 1,
        "identity": identity,
        "seed": result.seed,
        "bias": result.bias,
        "changed": result.changed,
        "values": [asdict(value) for value in result.values],
    }
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _files(stem: Path) -> tuple[Path, Path]:
    return stem.with_name(f"{stem.name}.json"), stem.with_name(f"{stem.name}.npz")


def _write_study(output: Path, config: LabelBiasConfig, results: Sequence[BiasResult]) -> LabelBiasStudy:
    """Tables, figures and page from all runs."""
    by_bias: dict[str, list[BiasResult]] = {
        bias: [result for result in results if result.bias == bias] for bias in config.biases
    }
    rows = tuple(_rows(by_bias))
    changed = {bias: [result.changed for result in found] for bias, found in by_bias.items()}
    values = {
        "voltomo": 1,
        "config": config.model_dump(mode="json"),
        "seeds": list(config.seeds),
        "biases": {bias: BIAS_WORDS[bias] for bias in config.biases},
        "share_of_labels_changed": changed,
        "numbers": [_number(row) for row in rows],
        "versions": library_versions(),
    }
    content = LabelBiasContent(
        rows=rows,
        pictures=[_picture(found[0]) for found in by_bias.values()],
        phases=PHASES,
        active=ACTIVE,
        voxel_size=config.synth_config(config.seed).size,
        by=config.by,
        seeds=config.seeds,
        facts=_facts(config, changed),
    )
    page = write_label_bias(output, content)
    write_text(output / _RESULT, json.dumps(values, indent=1, ensure_ascii=False) + "\n")
    return LabelBiasStudy(page, values, rows)


def _rows(by_bias: Mapping[str, Sequence[BiasResult]]) -> Iterator[BiasRow]:
    """Each property under each bias, over the electrodes."""
    for bias, found in by_bias.items():
        reference = by_bias.get(UNBIASED) if bias != UNBIASED else None
        for place, first in enumerate(found[0].values):
            values = [result.values[place] for result in found]
            unbiased = None if reference is None else [result.values[place].found for result in reference]
            truth, measured = tuple(value.truth for value in values), tuple(value.found for value in values)
            yield BiasRow(
                bias=bias,
                name=first.name,
                phase=first.phase,
                phase_2=first.phase_2,
                axis=first.axis,
                unit=first.unit,
                definition=first.definition,
                method=first.method,
                truth=truth,
                found=measured,
                errors=pair_errors(truth, measured, unbiased),
                reasons=tuple(value.reason for value in values),
            )


def _number(row: BiasRow) -> dict[str, Any]:
    """A row as `label_bias.json` has it."""
    words = ("bias", "name", "phase", "phase_2", "axis", "unit", "definition", "method")
    own = {key: getattr(row, key) for key in words}
    return own | {"summary": asdict(row.errors), "truth": list(row.truth), "found": list(row.found)}


def _picture(result: BiasResult) -> BiasPicture:
    shown = result.shown
    return BiasPicture(result.bias, shown.grey, shown.truth, shown.labels, shown.found)


def _facts(config: LabelBiasConfig, changed: Mapping[str, Sequence[float]]) -> list[tuple[str, str]]:
    shares = [f"{BIAS_WORDS[bias]} {100 * np.mean(found):.0f} %" for bias, found in changed.items() if bias != UNBIASED]
    size = config.synth_config(config.seed).size
    found = [
        ("Electrode", f"synthetic NMC, {config.size}³ voxels of {format_voxel_size(size)}"),
        ("Labelled", f"{config.slices} slice{'' if config.slices == 1 else 's'} of each scan, whole"),
        ("Learned by", config.method),
        ("Dose of the scan", config.dose),
    ]
    return [*found, ("Labels changed", ", ".join(shares))] if shares else found
