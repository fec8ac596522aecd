"""Which slices of a volume a model knows least about: those are worth labelling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from voltomo.artifacts import Model, Volume
from voltomo.errors import InputError
from voltomo.inference.engines import open_predictor
from voltomo.learning.next_slices import (
    Candidates,
    NextSlice,
    choose_next_slices,
    share_expected_wrong,
    share_of_disagreement,
)
from voltomo.stages.inspection import find_field_of_view
from voltomo.stages.segment_model import ModelSegmentConfig, run_model_segment
from voltomo.stages.workspace import MemoryWorkspace

__all__ = ["DoubtedSlices", "find_next_slices"]

LOOKED_AT = 48
"""Slices that are predicted: more lie too close together to look different."""
VOXELS = 2**27
"""Of the slices that are read, their neighbors included; fewer slices are looked at where they are large."""
_FEWEST = 8  # slices that are looked at, however large they are


@dataclass(frozen=True)
class DoubtedSlices:
    """Where a model knows least.

    Parameters
    ----------
    chosen : the slices to label, the most useful first
    numbers, doubt : slices that were looked at, and the share of each that is in doubt
    notices : sentences for the reader
    """

    chosen: tuple[NextSlice, ...]
    numbers: tuple[int, ...]
    doubt: tuple[float, ...]
    notices: tuple[str, ...] = ()


def find_next_slices(
    volume: Volume, model: Model, *, name: str = "volume", count: int = 3, labelled: Sequence[int] = ()
) -> DoubtedSlices:
    """Choose slices to label by what a model makes of them.

    Parameters
    ----------
    volume : read by region; evenly spaced slices are predicted, not all of it. Slices that are files of their own are
        named where ``metadata["slices"]`` tells how
    model : of an ensemble, the share of a slice on which its members do not agree counts; of a single model, the share
        that it expects to get wrong
    name : of the volume, for the answer
    count : how many slices
    labelled : numbers of slices that are labelled already; those beside them are not chosen

    Returns
    -------
    DoubtedSlices
        Chosen slices lie apart, by a twentieth of the volume at least.

    Raises
    ------
    InputError
        If the volume has one slice, or other channels than the model, or a labelled slice does not exist.
    GateError
        If the volume is constant or not finite.
    """
    depth = volume.shape[0]
    if depth < 2:
        raise InputError("expected a volume with several slices to choose from, found one slice: label it")
    wrong = [z for z in labelled if not 0 <= z < depth]
    if wrong:
        raise InputError(f"slices are numbered from 0 to {depth - 1}; found {', '.join(map(str, wrong))} as labelled")
    numbers, sample, places = _sample(volume, open_predictor(model).halo[0])
    field, _ = find_field_of_view(sample, MemoryWorkspace(), mask="auto" if sample.mask is None else sample.mask)
    sample = replace(sample, mask=field.mask)
    members = _members(model)
    # Slices unlike those that trained the model are what is looked for: they are no reason to stop.
    config = ModelSegmentConfig(accept_drift=True, probabilities=len(members) == 1)
    results = [run_model_segment(sample, member, config, MemoryWorkspace()) for member in members]
    if len(members) > 1:
        doubt = share_of_disagreement([np.asarray(result.phase_map.data)[places] for result in results])
        reason = "the ensemble disagrees on {:.1%} of it"
    else:
        doubt = share_expected_wrong(np.asarray(results[0].phase_map.probabilities)[:, places])
        reason = "the model expects to be wrong on {:.1%} of it"
    shares = np.zeros(depth)
    shares[numbers] = doubt
    files = tuple(volume.metadata.get("slices", ()))
    candidates = Candidates(name, depth, tuple(labelled), shares, files, reason)
    chosen = choose_next_slices([candidates], count=count)
    return DoubtedSlices(chosen, tuple(numbers), tuple(doubt.tolist()), results[0].warnings)


def _sample(volume: Volume, halo: int) -> tuple[list[int], Volume, list[int]]:
    """Slices to look at, a volume of them and of what a model sees around each, and where they lie in it."""
    depth, height, width = volume.shape
    count = max(_FEWEST, min(LOOKED_AT, depth, VOXELS // ((2 * halo + 1) * height * width)))
    numbers = sorted({int((i + 0.5) * depth / count) for i in range(count)})
    seen = sorted({z for number in numbers for z in range(max(0, number - halo), min(depth, number + halo + 1))})
    data = np.concatenate([np.asarray(volume.data[:, z : z + 1]) for z in seen], axis=1)
    mask = None if volume.mask is None else np.concatenate([np.asarray(volume.mask[z : z + 1]) for z in seen])
    return numbers, replace(volume, data=data, mask=mask), [seen.index(number) for number in numbers]


def _members(model: Model) -> list[Model]:
    """Each member of an ensemble as a model of its own."""
    alone = replace(model, members=(), onnx_members=())
    onnx = model.onnx_members or (None,) * len(model.members)
    further = zip(model.members, onnx, strict=True)
    return [alone, *(replace(alone, weights=weights, onnx=network) for weights, network in further)]
