"""Sets of labels that somebody else could have painted: those of other people, or one set with its boundaries moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from voltomo.artifacts import Phase, PhaseMap, PhaseTable
from voltomo.errors import GateError
from voltomo.learning.label_bias import LabelBias, bias_labels
from voltomo.learning.pairs import LabelledImage

__all__ = ["LabelVariant", "Retrained", "RetrainedMap", "VariantKind", "annotator_variants", "moved_variants"]

VariantKind: TypeAlias = Literal["as drawn", "annotator", "narrower", "wider", "jittered"]
_LEAST_MOVED = 1e-4
"""Share of the labels that moved boundaries have to change; a tenth of what a single boundary across a slice gives."""


@dataclass(frozen=True)
class LabelVariant:
    """One set of labels.

    Parameters
    ----------
    kind : how it came about
    images : with these labels
    who : the annotator, or the phase whose boundary was moved
    number : of the jitter, from 1; it is also added to the seed of the training
    changed : share of the labels that differ from those as drawn; None where others painted them
    """

    kind: VariantKind
    images: tuple[LabelledImage, ...]
    who: str = ""
    number: int = 0
    changed: float | None = 0.0

    @property
    def name(self) -> str:
        """In words, such as "NMC wider"."""
        if self.kind == "annotator":
            return f"annotator {self.who}"
        if self.kind == "jittered":
            return f"jittered {self.number}"
        return f"{self.who} {self.kind}" if self.who else self.kind


@dataclass(frozen=True)
class RetrainedMap:
    """The phases as a model sees them that has learned from other labels.

    Parameters
    ----------
    kind : of the labels
    who : annotator, or phase whose boundary was moved
    phase_map : None where it is the map of the study: learning again from the labels as drawn gave the same model
    """

    kind: VariantKind
    who: str
    phase_map: PhaseMap | None


@dataclass(frozen=True)
class Retrained:
    """All maps of one scan from models that learned from other labels.

    Parameters
    ----------
    maps : that of the labels as drawn first
    how : they came about, in words
    """

    maps: tuple[RetrainedMap, ...]
    how: str


def annotator_variants(
    own: Sequence[LabelledImage], others: Mapping[str, Sequence[LabelledImage]]
) -> tuple[LabelVariant, ...]:
    """The labels of the model, then those of each other annotator."""
    found = [LabelVariant("annotator", tuple(images), name, changed=None) for name, images in others.items()]
    return (LabelVariant("as drawn", tuple(own)), *found)


def moved_variants(
    own: Sequence[LabelledImage], phases: PhaseTable, *, voxels: int, jittered: int, seed: int
) -> tuple[LabelVariant, ...]:
    """The labels as drawn, with each phase narrower and wider, and with an unsteady hand.

    Parameters
    ----------
    own : images with the labels as drawn
    phases : their table
    voxels : how far boundaries move, within the slices
    jittered : sets of labels with jittered boundaries
    seed : of the jitter

    Returns
    -------
    tuple of LabelVariant
        One phase (of role pore, or else the first) is not moved by itself: it gives way to the others.

    Raises
    ------
    GateError
        If the labels show no boundary, as strokes that do not touch each other.
    """
    variants = [LabelVariant("as drawn", tuple(own))]
    moving = _moving(phases)
    for phase in moving:
        for kind, bias in _SIDES:
            images = tuple(bias_labels(image, bias, [phase.id], np.random.default_rng(0), by=voxels) for image in own)
            variants.append(LabelVariant(kind, images, phase.name, changed=_changed(own, images)))
    for number in range(1, jittered + 1):
        images = tuple(own)
        for row, phase in enumerate(moving):
            rng = np.random.default_rng((seed, number, row))
            images = tuple(bias_labels(image, "jitter", [phase.id], rng, by=voxels) for image in images)
        variants.append(LabelVariant("jittered", images, number=number, changed=_changed(own, images)))
    if max(variant.changed or 0.0 for variant in variants) < _LEAST_MOVED:
        raise GateError(
            "the labels hardly show a boundary between phases (strokes that do not touch?), so moving their boundaries "
            "says nothing about an operator; give labels of other people with --annotators, or paint a whole area",
            gate="boundary",
        )
    return tuple(variants)


_SIDES: tuple[tuple[VariantKind, LabelBias], ...] = (("narrower", "erode"), ("wider", "dilate"))


def _moving(phases: PhaseTable) -> tuple[Phase, ...]:
    """Every phase but the one that fills what the others leave."""
    table = tuple(phases)
    rest = (*phases.with_role("pore", "pore+binder"), table[0])[0]
    return tuple(phase for phase in table if phase.id != rest.id)


def _changed(own: Sequence[LabelledImage], images: Sequence[LabelledImage]) -> float:
    """Share of the labels that are not what they were."""
    moved = sum(int(np.count_nonzero(a.labels != b.labels)) for a, b in zip(own, images, strict=True))
    return moved / max(1, sum(image.labelled for image in own))
