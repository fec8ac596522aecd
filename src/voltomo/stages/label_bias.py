"""What biased labels do to the numbers of an electrode: one synthetic electrode, labelled in several ways.

The model learns from a few slices of the scan of an electrode whose truth is known. It learns again from the same
slices with the active material drawn too wide, too narrow, or with an unsteady hand. Everything else is equal:
electrode, scan, slices, which labels train, and the seeds of the training. So the differences are those of the labels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from voltomo.artifacts import Measurement, Phase, PhaseMap, PhaseTable, Volume, as_zyx
from voltomo.errors import VoltomoError
from voltomo.learning.label_bias import BIASES, JITTER_LENGTH, LabelBias, bias_labels
from voltomo.learning.pairs import LabelledImage
from voltomo.learning.splits import split_labels
from voltomo.machine import available_cores
from voltomo.metrics.agreement import confusion_matrix, iou
from voltomo.metrics.fractions import count_slices, measure_fractions
from voltomo.metrics.neighbors import count_neighbors
from voltomo.metrics.sample import Sample
from voltomo.metrics.surfaces import InterfaceCounts, measure_surfaces
from voltomo.metrics.transport import tortuosity_factor
from voltomo.morphology.directions import crofton_directions
from voltomo.stages.recipe import validate_config
from voltomo.stages.scan_image import ImageScanConfig, run_image_scan
from voltomo.stages.segment_model import ModelSegmentConfig, run_model_segment
from voltomo.stages.synth import run_synth
from voltomo.stages.synth_config import SynthConfig
from voltomo.stages.train import TrainConfig, run_train
from voltomo.stages.workspace import MemoryWorkspace

__all__ = [
    "PHASES",
    "BiasResult",
    "BiasedSlice",
    "LabelBiasConfig",
    "PropertyValue",
    "Specimen",
    "compare_properties",
    "label_slice",
    "make_specimen",
    "run_label_bias",
]

Bytes: TypeAlias = npt.NDArray[np.uint8]

PORE, ACTIVE, BINDER = 1, 2, 3
PHASES = PhaseTable((Phase(PORE, "pore", "pore"), Phase(ACTIVE, "NMC", "active"), Phase(BINDER, "binder", "binder")))
"""What a person tells apart in a scan: cracks and voids in particles are as dark as pore, and count as pore."""

_SHARE, _GAP = 0.1, 8
"""Of the labels, those that validate, and the voxels around them that neither train nor validate: in slices as small as
these the gap of `train` would cost half of the labels."""
_EDGE = 64
"""Of the blocks that are painted side by side."""
_CHOSEN = (
    ("volume_fraction", "pore", ""),
    ("volume_fraction", "NMC", ""),
    ("volume_fraction", "binder", ""),
    ("specific_surface_area", "NMC", ""),
    ("specific_surface_area", "pore", ""),
    ("interface_area", "pore", "NMC"),
    ("binder_coverage", "NMC", "binder"),
)
"""Names and phases of the rows of `measure` that are followed, beside the tortuosity factor."""


class LabelBiasConfig(BaseModel):
    """Electrodes, scans, labels and what learns from them.

    Parameters
    ----------
    size : voxels along each axis of an electrode
    electrodes : how many are made
    slices : of the scan, labelled whole, evenly spaced along z
    biases : how the labels of active material are drawn: "none", "dilate", "erode", "jitter"
    by : voxels that the boundary is drawn off
    jitter_length : voxels over which an unsteady hand stays on one side
    method, settings : what learns, as in `voltomo.stages.train.TrainConfig`
    dose : of the scan
    electrode : settings of `voltomo.stages.synth_config.SynthConfig`, such as ``{"porosity": 0.35}``
    seed : of the first electrode, its scan, labels and training; the next one takes one more
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(default=96, ge=32, le=512)
    electrodes: int = Field(default=3, ge=1, le=100)
    slices: int = Field(default=3, ge=1)
    biases: tuple[LabelBias, ...] = BIASES
    by: int = Field(default=1, ge=1, le=8)
    jitter_length: float = Field(default=JITTER_LENGTH, ge=0)
    method: str = "mlp"
    settings: dict[str, Any] = Field(default_factory=dict)
    dose: Literal["low", "medium", "high"] = "medium"
    electrode: dict[str, Any] = Field(default_factory=dict)
    seed: int = Field(default=0, ge=0)

    @field_validator("biases")
    @classmethod
    def _each_once(cls, value: tuple[LabelBias, ...]) -> tuple[LabelBias, ...]:
        """In one order, so that the same request is the same study."""
        if not value:
            raise ValueError(f"name one bias or more of {', '.join(BIASES)}")
        return tuple(bias for bias in BIASES if bias in value)

    @model_validator(mode="after")
    def _fits_together(self) -> LabelBiasConfig:
        if self.slices > self.size:
            raise ValueError(f"an electrode of {self.size} voxels has no {self.slices} slices")
        if own := sorted({"shape", "family", "seed"} & set(self.electrode)):
            raise ValueError(f"the study chooses {', '.join(own)} of its electrodes; leave it out of `electrode`")
        return self

    def synth_config(self, seed: int) -> SynthConfig:
        """Of one electrode.

        Raises
        ------
        RecipeError
            If a setting in `electrode` is unknown or makes no sense.
        """
        given = {**self.electrode, "shape": (self.size,) * 3, "family": "nmc", "seed": seed}
        return validate_config(SynthConfig, given, source="electrode")

    @property
    def seeds(self) -> tuple[int, ...]:
        """One for each electrode."""
        return tuple(range(self.seed, self.seed + self.electrodes))


@dataclass(frozen=True)
class Specimen:
    """An electrode with its scan.

    Parameters
    ----------
    seed : of everything about it
    volume : the scan
    truth : in `PHASES`
    places : the labelled slices
    """

    seed: int
    volume: Volume
    truth: PhaseMap
    places: tuple[int, ...]


@dataclass(frozen=True)
class PropertyValue:
    """One property, in the truth and as found.

    Parameters
    ----------
    name, phase, phase_2, axis, unit, definition, method : as in `voltomo.artifacts.Measurement`
    truth, found : None where there is no finite number; `reason` says why
    """

    name: str
    phase: str
    phase_2: str
    axis: str
    unit: str
    definition: str
    method: str
    truth: float | None
    found: float | None
    reason: str = ""


@dataclass(frozen=True)
class BiasedSlice:
    """The middle one of the labelled slices, for pictures; all (Y, X)."""

    grey: npt.NDArray[Any]
    truth: Bytes
    labels: Bytes
    found: Bytes


@dataclass(frozen=True)
class BiasResult:
    """What came of one way to label one electrode.

    Parameters
    ----------
    seed, bias : which
    values : of every property
    changed : share of the labelled voxels whose label the bias changed
    shown : a slice
    """

    seed: int
    bias: LabelBias
    values: tuple[PropertyValue, ...]
    changed: float
    shown: BiasedSlice


def make_specimen(config: LabelBiasConfig, seed: int) -> Specimen:
    """A synthetic electrode of the family "nmc" and its scan.

    Raises
    ------
    InputError
        If no electrode can be as asked.
    """
    made = run_synth(config.synth_config(seed), _blocks())
    scan = ImageScanConfig(dose=config.dose, seed=seed)
    volume = run_image_scan(made.structure, made.phase_map.data, scan, _blocks())
    seen = made.phase_map.phases.ids_by_role(PHASES, otherwise="pore")
    truth = seen[as_zyx(made.phase_map.data)[:]]
    step = config.size / config.slices
    places = sorted({int((i + 0.5) * step) for i in range(config.slices)})
    return Specimen(seed, volume, PhaseMap(truth, PHASES, volume.voxel_size, "z"), tuple(places))


def _blocks() -> MemoryWorkspace:
    return MemoryWorkspace((_EDGE,) * 3, workers=available_cores())


def run_label_bias(
    specimen: Specimen,
    bias: LabelBias,
    config: LabelBiasConfig,
    *,
    on_progress: Callable[[Any], None] | None = None,
) -> BiasResult:
    """Label some slices with a bias, learn from them, segment the scan, and measure.

    Parameters
    ----------
    specimen : electrode and scan
    bias : how the labels are drawn
    config : the rest
    on_progress : told as the training moves on, as in `voltomo.stages.train.run_train`

    Raises
    ------
    GateError
        If the labels do not support a training: a phase does not occur on the slices.
    MissingExtraError
        If a network is to learn and torch is not installed.
    """
    unbiased = [label_slice(specimen, place) for place in specimen.places]
    rng = np.random.default_rng((specimen.seed, 1))
    images = [bias_labels(image, bias, (ACTIVE,), rng, by=config.by, length=config.jitter_length) for image in unbiased]
    training = TrainConfig(
        method=config.method, share=_SHARE, gap=_GAP, seed=specimen.seed, settings=dict(config.settings)
    )
    # The split looks at what is labelled as what; the labels that train are to be the same ones for every bias.
    split = split_labels(unbiased, share=training.share, gap=training.gap, seed=training.seed)
    model = run_train(
        images, PHASES, training, name=f"{bias} {specimen.seed}", split=split, on_progress=on_progress
    ).model
    # The scan is the one that the labels are from: there is no other domain to drift to.
    segmented = run_model_segment(
        specimen.volume, model, ModelSegmentConfig(accept_drift=True), MemoryWorkspace()
    ).phase_map
    middle = len(images) // 2
    place, labels = specimen.places[middle], images[middle].labels[0]
    found = np.asarray(as_zyx(segmented.data)[:])
    truth = np.asarray(specimen.truth.data)
    shown = BiasedSlice(np.asarray(specimen.volume.channel()[place]), truth[place], labels, found[place])
    voxels = sum(image.labels.size for image in images)
    changed = sum(int((a.labels != b.labels).sum()) for a, b in zip(images, unbiased, strict=True)) / voxels
    return BiasResult(specimen.seed, bias, compare_properties(truth, found, specimen.truth), changed, shown)


def label_slice(specimen: Specimen, place: int) -> LabelledImage:
    """A slice of an electrode with its true phases as labels."""
    planes = slice(place, place + 1)
    grey = np.asarray(specimen.volume.data[:, planes])
    labels = np.asarray(specimen.truth.data[planes])
    return LabelledImage(f"slice {place}", grey, labels, "scan", specimen.volume.voxel_size, first_slice=place)


def compare_properties(truth: Bytes, found: Bytes, like: PhaseMap) -> tuple[PropertyValue, ...]:
    """Every property on both maps (Z, Y, X) of `PHASES`, then the overlap of the active material.

    Parameters
    ----------
    truth, found : uint8 phase ids
    like : with the voxel size of both
    """
    rows = [_measure(labels, like) for labels in (truth, found)]
    values = [_pair(*both) for both in zip(*rows, strict=True)]
    overlap = float(iou(confusion_matrix(truth, found, classes=len(PHASES)))[ACTIVE - 1])
    words = "Voxels that are NMC in both maps / voxels that are NMC in either of them; 1 in the truth."
    values.append(PropertyValue("iou", "NMC", "", "", "1", words, "voxels", 1.0, overlap))
    return tuple(values)


def _measure(labels: Bytes, like: PhaseMap) -> list[Measurement]:
    """The rows that are followed, of one map."""
    z, y, x = labels.shape
    sample = Sample(PHASES, (z, y, x), labels.size, like.voxel_size, like.through_plane)
    directions = crofton_directions(sample.edges, sample.dimension)
    counts = count_slices(labels, phase_ids=PHASES.ids)
    pairs = count_neighbors(labels, phase_ids=PHASES.ids, offsets=directions.offsets)
    surfaces = measure_surfaces(InterfaceCounts(pairs, directions), sample, voxels=counts.phases)
    rows = {(row.name, row.phase, row.phase_2): row for row in reversed(surfaces)}  # Crofton stands before faces
    rows |= {(row.name, row.phase, row.phase_2): row for row in measure_fractions(counts, sample)}
    return [*(rows[key] for key in _CHOSEN), _tortuosity(labels, sample)]


def _tortuosity(labels: Bytes, sample: Sample) -> Measurement:
    """Of the pore, through the plane; withheld with the reason where it cannot be had."""
    try:
        return tortuosity_factor(labels, PORE, axis=0, sample=sample)
    except VoltomoError as error:
        words: dict[str, Any] = {"phase": "pore", "axis": "z", "method": "finite volumes"}
        return Measurement("tortuosity_factor", None, "1", status="withheld", reason=str(error), **words)


def _pair(truth: Measurement, found: Measurement) -> PropertyValue:
    """A property of both maps; a number that is not finite is none."""
    numbers = [row.value if row.value is not None and np.isfinite(row.value) else None for row in (truth, found)]
    reason = "" if None not in numbers else truth.reason or found.reason
    return PropertyValue(
        truth.name,
        truth.phase,
        truth.phase_2,
        truth.axis,
        truth.unit,
        truth.definition or found.definition,
        truth.method,
        numbers[0],
        numbers[1],
        reason,
    )
