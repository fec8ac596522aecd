"""Words and tables of the page about a training: facts, scores with their meaning, confusion, settings, data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from voltomo.artifacts.model import Model
from voltomo.report.training_content import TrainingContent
from voltomo.report.wording import number_text, signed_text

__all__ = [
    "confusion_rows",
    "data_rows",
    "facts",
    "measure_rows",
    "phase_rows",
    "record_rows",
    "scores_of",
    "setting_rows",
    "training_seconds",
]

_METHODS = {
    "unet": "U-Net",
    "lrcsnet": "LRCS-Net",
    "segnet": "SegNet",
    "patchnet": "patch network",
    "forest": "random forest on image features",
    "boosting": "boosted trees on image features",
    "mlp": "small neural network on image features",
}
_MEASURES = (
    ("mean_iou", "Mean IoU", "Mean of the phases above; every phase counts the same, however rare."),
    ("accuracy", "Accuracy", "Share of the voxels that get the right phase; frequent phases rule it."),
    (
        "brier",
        "Brier score",
        "Squared distance between probabilities and truth: 0 is certain and right, 2 certain and wrong.",
    ),
    (
        "calibration_error",
        "Calibration error",
        "Mean gap between the probability of a phase and how often it is right; 0.02 is two points.",
    ),
    (
        "calibration_error_near_boundary",
        "Calibration error near boundaries",
        "The same within 3 voxels of a boundary between labels, where segmentations differ.",
    ),
    (
        "other_scan calibration_error",
        "Calibration error on another scan",
        "Of each scan with the temperature that the other scans give; the weights have seen them all.",
    ),
    (
        "other_scan calibration_error_near_boundary",
        "The same near boundaries",
        "Within 3 voxels of a boundary between labels, with the temperature of the other scans.",
    ),
)
_WAYS = ("in the labels", "by the likeliest phase", "as decided")
_ANGLES = ("augmentation: rotation", "augmentation: wedge")
_OWN_SETTINGS = {"mlp": "perceptron", "forest": "forest", "boosting": "boosting"}
"""Settings of one pixel classifier mean nothing to the others."""
_BETTER_BY = 0.005
"""A difference of IoU below this is not shown as one."""


def scores_of(model: Model) -> Mapping[str, Any]:
    """The scores on the validation part; empty where nothing was scored."""
    scores: Mapping[str, Any] = model.record.get("scores") or {}
    return scores


def facts(content: TrainingContent) -> list[tuple[str, str]]:
    """The training in a few words."""
    model, record = content.model, content.model.record
    labelled = sum(image.labelled for image in content.images)
    held = sum(int(mask.sum()) for mask in content.split.validation)
    trains = sum(int(mask.sum()) for mask in content.split.training)
    found = [("Method", _METHODS.get(model.network, model.network) + _dimension(model))]
    if record.get("parameters"):
        found.append(("Weights", number_text(record["parameters"])))
    if model.members:
        found.append(("Members", f"{1 + len(model.members)}, whose probabilities are averaged"))
    found += [
        ("Phases", ", ".join(phase.name for phase in model.phases)),
        ("Images", _images(content)),
        ("Labelled voxels", number_text(labelled)),
        ("That train", f"{number_text(trains)} ({_percent(trains, labelled)})"),
        ("That validate", f"{number_text(held)} ({_percent(held, labelled)})"),
    ]
    if content.split.gap is not None:
        found.append(("Gap between both", f"{content.split.gap} voxels"))
    trainings = record.get("trainings") or ()
    if trainings:
        steps = sum(one["validations"][-1]["step"] for one in trainings if one["validations"])
        found.append(("Steps", number_text(steps) + _early(trainings)))
    seconds = training_seconds(model)
    if seconds is not None:
        found.append(("Time", duration_text(seconds)))
    if model.temperature != 1:
        found.append(("Temperature", number_text(model.temperature, digits=3)))
    binder = record.get("binder") or {}
    for key, name in (("covered", "Active surface under binder"), ("filled", "Binder")):
        if shares := binder.get(key):
            found.append((name, ", ".join(f"{100 * s:.0f} % {w}" for s, w in zip(shares, _WAYS, strict=True))))
    transfer = record.get("transfer")
    if transfer:
        found.append(("Began from", f"{transfer['from']} ({len(transfer['reused'])} arrays reused)"))
    return found


def training_seconds(model: Model) -> float | None:
    """How long the training took, what came before an interruption included; None where nobody knows."""
    trainings = model.record.get("trainings") or ()
    if trainings:
        return float(sum(one["seconds"] for one in trainings))
    seconds = model.record.get("seconds")
    return None if seconds is None else float(seconds)


def _dimension(model: Model) -> str:
    if model.is_classifier:
        return ""
    return {2: ", slice by slice", 2.5: ", slices with their neighbours", 3: ", volumes"}.get(model.dimension, "")


def _images(content: TrainingContent) -> str:
    scans = len({image.scan_name for image in content.images})
    count = len(content.images)
    return f"{count} of {scans} scan{'s' if scans != 1 else ''}" if count > 1 else content.images[0].name


def _early(trainings: Sequence[Mapping[str, Any]]) -> str:
    return ", ended early" if any(one.get("stopped_early") for one in trainings) else ""


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / max(1, whole):.3g} %"


def duration_text(seconds: float) -> str:
    """A time for people.

    Examples
    --------
    >>> duration_text(32.8), duration_text(750)
    ('33 s', '12.5 min')
    """
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.3g} min"


def phase_rows(model: Model) -> list[dict[str, str]]:
    """IoU of every phase beside that of the fitted cut; the last row is the mean."""
    scores = scores_of(model)
    if not scores:
        return []
    cut = scores.get("fitted_cut") or {"iou": {}, "mean_iou": None}
    rows = [
        _phase_row(phase.name, phase.color, scores["iou"].get(phase.name), cut["iou"].get(phase.name))
        for phase in model.phases
    ]
    return [*rows, _phase_row("mean", "", scores.get("mean_iou"), cut["mean_iou"])]


def _phase_row(name: str, color: str, found: float | None, cut: float | None) -> dict[str, str]:
    difference, verdict = "", ""
    if found is not None and cut is not None:
        difference = signed_text(found - cut, digits=2)
        verdict = "the same" if abs(found - cut) < _BETTER_BY else "better" if found > cut else "worse"
    return {
        "name": name,
        "color": color,
        "model": _score(found),
        "cut": _score(cut),
        "difference": difference,
        "verdict": verdict,
    }


def _score(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def measure_rows(model: Model) -> list[dict[str, str]]:
    """Every other score with its meaning in one line."""
    scores = dict(scores_of(model))
    scores |= {f"other_scan {key}": value for key, value in (scores.get("other_scan") or {}).items()}
    return [
        {"name": name, "value": _score(scores[key]), "meaning": meaning}
        for key, name, meaning in _MEASURES
        if scores.get(key) is not None
    ]


def confusion_rows(model: Model) -> list[dict[str, Any]]:
    """For each labelled phase the share predicted as each phase, in percent."""
    confusion = scores_of(model).get("confusion") or []
    rows = []
    for phase, counts in zip(model.phases, confusion, strict=False):
        total = sum(counts)
        cells = [
            {"share": "–" if not total else f"{100 * count / total:.1f}", "weight": f"{count / max(1, total):.3f}"}
            for count in counts
        ]
        rows.append({"name": phase.name, "voxels": number_text(total), "cells": cells})
    return rows


def setting_rows(model: Model) -> list[tuple[str, str]]:
    """Plan and settings, flattened; what the plan worked out stands first and is not repeated."""
    plan = dict(_flat(model.record.get("plan") or {}))
    settings = dict(_flat(model.record.get("settings") or {}))
    both = {**plan, **{key: value for key, value in settings.items() if key not in plan}}
    foreign = tuple(f"{own}: " for method, own in _OWN_SETTINGS.items() if method != model.network)
    return [
        (key, f"{text} rad" if key in _ANGLES else text)
        for key, text in both.items()
        if text and not key.startswith(foreign)
    ]


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Nested mappings as rows; names of inner ones begin with those of outer ones."""
    for key, value in values.items():
        name = f"{before}{str(key).replace('_', ' ')}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}: ")
        else:
            yield name, _setting(value)


def _setting(value: Any) -> str:
    """One value as it is printed; empty for what was not set."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}".replace("-", "−")
    if isinstance(value, list | tuple):
        return ", ".join(_setting(item) for item in value)
    return str(value)


def data_rows(model: Model) -> list[dict[str, str]]:
    """What trained the model, with hashes by which it is found again."""
    return [
        {
            "name": str(entry.get("name", "")),
            "scan": str(entry.get("scan") or ""),
            "shape": " × ".join(map(str, entry.get("shape", ()))),
            "annotator": str(entry.get("annotator") or ""),
            "grey": str(entry.get("grey", "")),
            "labels": str(entry.get("labels", "")),
        }
        for entry in model.record.get("data") or ()
    ]


def record_rows(model: Model) -> list[tuple[str, str]]:
    """Versions and what else identifies the model."""
    versions = sorted((str(k), str(v)) for k, v in (model.record.get("versions") or {}).items())
    rows = [("Versions", ", ".join(f"{name} {version}" for name, version in versions))] if versions else []
    cut = scores_of(model).get("fitted_cut")
    if cut:
        cuts = ", ".join(number_text(value, digits=3) for value in cut["cuts"])
        rows.append(("Fitted cut", f"normalised grey {cuts} between {', '.join(cut['phases'])}"))
    rows.append(("Normalisation", _normalization(model.normalization)))
    if model.precision:
        agree = ", ".join(f"{name} {100 * share:.3g} %" for name, share in sorted(model.precision.items()))
        rows.append(("Voxels with the same phase as in f32", agree))
    if model.licence:
        rows.append(("Licence", model.licence))
    return rows


def _normalization(values: Mapping[str, Any]) -> str:
    ends = " and ".join(f"{value:g}" for value in values.get("percentiles", ()))
    if values.get("method") == "percentile":
        return f"the {ends} percentiles of each scan become 0 and 1"
    pairs = zip(values.get("low", ()), values.get("high", ()), strict=False)
    words = ", ".join(f"{number_text(low)} to {number_text(high)}" for low, high in pairs)
    return f"fixed: {words} become 0 to 1"
