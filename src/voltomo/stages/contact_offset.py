"""How much binder's odds are lowered where it touches active material, so that it covers as much as the labels say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts.model import Model
from voltomo.inference.contacts import ContactRule, contact_rows
from voltomo.metrics.neighbors import count_neighbors
from voltomo.metrics.shell import covered_share
from voltomo.metrics.surfaces import InterfaceCounts
from voltomo.morphology.directions import crofton_directions
from voltomo.stages.labelled_logits import LabelledLogits

__all__ = ["CONTACT_LIMIT", "ContactFit", "fit_contact_offset"]

Bytes: TypeAlias = npt.NDArray[np.uint8]
Floats: TypeAlias = npt.NDArray[np.float32]

CONTACT_LIMIT = 1.5
"""Largest offset of the log-odds, nats, up or down: a few particles more or less in the labels must not decide more."""
LEAST_PAIRS = 1000
"""Neighbouring labelled voxels across the active surface below which nothing is fitted: strokes have next to none, and
the share covered of 1000 pairs, five to a particle's neighbour, is uncertain by several points."""
PLANES = 16
"""Slices of one volume that are looked at."""
_STEP = 0.02  # of the offset: moves the share covered by some tenths of a point


@dataclass(frozen=True)
class ContactFit:
    """An offset and what it rests on.

    Parameters
    ----------
    offset : nats; 0 where nothing was fitted
    labels, before, after : share of the active surface that binder covers: in the labels, by the likeliest phase, with
        the offset; all on labelled voxels. None where the labels do not tell
    pairs : neighbouring voxels across the active surface of the labels
    """

    offset: float
    labels: float | None
    before: float | None
    after: float | None
    pairs: int

    def to_mapping(self) -> dict[str, float | int | None]:
        """As JSON has it."""
        return dict(vars(self))


def fit_contact_offset(model: Model, found: Iterable[LabelledLogits]) -> ContactFit | None:
    """The offset with which binder covers as much of the active surface as in the labels.

    Parameters
    ----------
    model : whose phases and temperature hold
    found : its logits beside labels; those that did not train it, where it remembers the ones that did

    Returns
    -------
    ContactFit or None
        None for a model whose phases are not one active material, one binder and others.

    Notes
    -----
    The share covered falls as the offset rises, so that bisection finds where it meets that of the labels, within
    `CONTACT_LIMIT`. Surfaces are counted in the plane of slices, where labels are painted.
    """
    rows = contact_rows(model)
    if rows is None:
        return None
    active, binder = rows
    planes = list(_planes(found))
    pairs, labels = _coverage([labels for _, labels in planes], model.classes, active, binder)
    if pairs < LEAST_PAIRS:
        return ContactFit(0.0, None, None, None, pairs)

    def covered(offset: float) -> float:
        rule = ContactRule(active, binder, offset * model.temperature)
        ids = range(1, model.classes + 1)
        answers = [np.where(known > 0, rule.decide(logits, ids), np.uint8(0)) for logits, known in planes]
        return _coverage(answers, model.classes, active, binder)[1]

    low, high = -CONTACT_LIMIT, CONTACT_LIMIT
    while high - low > _STEP:
        middle = (low + high) / 2
        low, high = (middle, high) if covered(middle) > labels else (low, middle)
    offset = round((low + high) / 2, 2)
    return ContactFit(offset, round(labels, 4), round(covered(0.0), 4), round(covered(offset), 4), pairs)


def _planes(found: Iterable[LabelledLogits]) -> Iterator[tuple[Floats, Bytes]]:
    """Logits (K, 1, Y, X) and labels (1, Y, X) of the slices that have labels, some of each volume."""
    for one in found:
        labelled = np.flatnonzero(one.rows.any(axis=(1, 2)))
        every = max(1, labelled.size // PLANES)
        for z in labelled[::every]:
            yield one.logits[:, z : z + 1].copy(), one.rows[z : z + 1]


def _coverage(maps: Sequence[Bytes], classes: int, active: int, binder: int) -> tuple[int, float]:
    """Pairs across the active surface, and the share of it that binder covers, in the plane; nan without pairs."""
    directions = crofton_directions(None, 2)
    counts = np.zeros((len(directions.offsets), classes, classes), np.int64)
    for labels in maps:
        for plane in labels:
            counts += count_neighbors(plane[None], phase_ids=range(1, classes + 1), offsets=directions.offsets)
    across = counts[:, active].sum() + counts[:, :, active].sum() - 2 * counts[:, active, active].sum()
    if not across:
        return 0, float("nan")
    return int(across), covered_share(InterfaceCounts(counts, directions), active=active, binder=(binder,))
