"""By how much binder must be ahead to be called binder, so that it covers and fills as much as in the labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts.model import Model
from voltomo.inference.binder_rule import BinderRule, active_and_binder
from voltomo.metrics.shell import covered_share, interfaces_in_plane
from voltomo.stages.labelled_logits import LabelledLogits

__all__ = ["LARGEST_OFFSET", "BinderFit", "fit_binder_offsets"]

Bytes: TypeAlias = npt.NDArray[np.uint8]
Floats: TypeAlias = npt.NDArray[np.float32]

LARGEST_OFFSET = 1.5
"""Of the log-odds, nats, up or down: a few particles more or less in the labels must not decide more."""
LEAST_PAIRS = 1000
"""Neighbouring labelled voxels across the active surface below which nothing is fitted: strokes have next to none, and
the share covered of 1000 pairs, five to a particle's neighbour, is uncertain by several points."""
PLANES = 16
"""Slices of one volume that are looked at."""
_STEP = 0.02  # of an offset: moves the share covered by some tenths of a point


@dataclass(frozen=True)
class BinderFit:
    """Offsets and what they rest on.

    Parameters
    ----------
    touching, elsewhere : nats; 0 where nothing was fitted
    covered : share of the active surface that binder covers: in the labels, by the likeliest phase, as decided
    filled : share of the labelled voxels that are binder, the same; both empty where the labels do not tell
    pairs : neighbouring voxels across the active surface of the labels
    """

    touching: float
    elsewhere: float
    covered: tuple[float, ...]
    filled: tuple[float, ...]
    pairs: int

    def to_mapping(self) -> dict[str, float | int | list[float]]:
        """As JSON has it."""
        return {**vars(self), "covered": list(self.covered), "filled": list(self.filled)}


def fit_binder_offsets(model: Model, found: Iterable[LabelledLogits]) -> BinderFit | None:
    """The offsets with which binder covers as much of the active surface, and is as much, as in the labels.

    Parameters
    ----------
    model : whose phases and temperature hold
    found : its logits beside labels; those that did not train it, where it remembers the ones that did

    Returns
    -------
    BinderFit or None
        None for a model whose phases are not one active material, one binder and others.

    Notes
    -----
    For each offset at contacts, the one elsewhere is the quantile that leaves as much binder as the labels have. With
    it, the share covered falls as the offset at contacts rises, and bisection finds where it meets that of the labels.
    Both end at `LARGEST_OFFSET`. Surfaces are counted in the plane of slices, where labels are painted.
    """
    rows = active_and_binder(model)
    if rows is None:
        return None
    active, binder = rows
    planes = [_Plane.of(logits, known, model, active, binder) for logits, known in _slices(found)]
    pairs, labels = _coverage([plane.known for plane in planes], model.classes, active, binder)
    if pairs < LEAST_PAIRS:
        return BinderFit(0.0, 0.0, (), (), pairs)
    voxels = sum(int(np.count_nonzero(plane.known)) for plane in planes)
    wanted = sum(int(np.count_nonzero(plane.known == 1 + binder)) for plane in planes)
    at_contacts, apart = (np.sort(np.concatenate(parts)) for parts in zip(*(p.leads() for p in planes), strict=True))

    def elsewhere(touching: float) -> float:
        """What leaves as much binder as wanted."""
        rest = wanted - (at_contacts.size - np.searchsorted(at_contacts, touching, side="right"))
        if not 0 < rest < apart.size:
            return LARGEST_OFFSET if rest <= 0 else -LARGEST_OFFSET
        return float(np.clip(apart[apart.size - rest - 1], -LARGEST_OFFSET, LARGEST_OFFSET))

    def outcome(touching: float, away: float) -> tuple[float, float]:
        """Share covered, and share of binder."""
        rule = BinderRule(active, binder, touching * model.temperature, away * model.temperature)
        answers = [plane.decided(rule, model.classes) for plane in planes]
        filled = sum(int(np.count_nonzero(answer == 1 + binder)) for answer in answers) / voxels
        return _coverage(answers, model.classes, active, binder)[1], filled

    low, high = -LARGEST_OFFSET, LARGEST_OFFSET
    while high - low > _STEP:
        middle = (low + high) / 2
        low, high = (middle, high) if outcome(middle, elsewhere(middle))[0] > labels else (low, middle)
    touching = round((low + high) / 2, 2)
    away = round(elsewhere(touching), 2)
    shares = [(labels, wanted / voxels), outcome(0.0, 0.0), outcome(touching, away)]
    covered, filled = (tuple(round(share, 4) for share in one) for one in zip(*shares, strict=True))
    return BinderFit(touching, away, covered, filled, pairs)


@dataclass(frozen=True)
class _Plane:
    """A slice: logits (K, 1, Y, X), class + 1 where it is known, and by how much binder is ahead.

    Parameters
    ----------
    lead : (1, Y, X) nats, of the calibrated log-odds against the likeliest phase but active material and binder
    is_touching, is_apart : known voxels that are not decided as active, by whether they touch some that are
    """

    logits: Floats
    known: Bytes
    lead: Floats
    is_touching: npt.NDArray[np.bool_]
    is_apart: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, logits: Floats, known: Bytes, model: Model, active: int, binder: int) -> _Plane:
        others = [k for k in range(len(logits)) if k not in (active, binder)]
        lead = (logits[binder] - logits[others].max(axis=0)) / np.float32(model.temperature)
        # With offsets beyond all leads, what touches active material is binder, and the rest is not.
        marked = BinderRule(active, binder, -np.inf, np.inf).decide(logits, range(1, 1 + len(logits)))
        rest = (marked != 1 + active) & (known > 0)
        return cls(logits, known, lead, rest & (marked == 1 + binder), rest & (marked != 1 + binder))

    def leads(self) -> tuple[Floats, Floats]:
        """Of the voxels that touch active material, and of the others."""
        return self.lead[self.is_touching], self.lead[self.is_apart]

    def decided(self, rule: BinderRule, classes: int) -> Bytes:
        """Class + 1 where it is known."""
        return np.where(self.known > 0, rule.decide(self.logits, range(1, 1 + classes)), np.uint8(0))


def _slices(found: Iterable[LabelledLogits]) -> Iterator[tuple[Floats, Bytes]]:
    """Logits (K, 1, Y, X) and labels (1, Y, X) of the slices that have labels, some of each volume."""
    for one in found:
        labelled = np.flatnonzero(one.rows.any(axis=(1, 2)))
        every = max(1, labelled.size // PLANES)
        for z in labelled[::every]:
            yield one.logits[:, z : z + 1].copy(), one.rows[z : z + 1]


def _coverage(maps: Iterable[Bytes], classes: int, active: int, binder: int) -> tuple[int, float]:
    """Pairs across the active surface, and the share of it that binder covers, in the plane; nan without pairs."""
    slices = (plane for labels in maps for plane in labels)
    counts = interfaces_in_plane(slices, phase_ids=range(1, classes + 1))
    return int(counts.of(active).sum()), covered_share(counts, active=active, binder=(binder,))
