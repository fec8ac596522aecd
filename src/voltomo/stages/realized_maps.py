"""The part of the segmentation: numbers of maps that the probabilities of the phases allow as well."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, Measurement, PhaseMap, UncertaintyPart
from voltomo.blocks import Block, Partial
from voltomo.metrics.realizations import (
    LONGEST_LAG,
    choose_classes,
    correlation_length,
    doubt,
    pair_sums,
    segmentation_part,
)
from voltomo.metrics.sample import Sample
from voltomo.metrics.uncertainty import with_part, with_reason
from voltomo.stages.main_numbers import Numbers, Variant, count_variants, row_key
from voltomo.stages.uncertainty_config import UncertaintyConfig
from voltomo.stages.varied_flows import ON_PART, flow_ratios, single_flows, times
from voltomo.stages.workspace import Workspace
from voltomo.synthesis.imaging.image_noise import Noise, noise_at

__all__ = ["segmentation_parts"]

Bytes: TypeAlias = npt.NDArray[np.uint8]


def segmentation_parts(
    numbers: Iterable[Measurement],
    phase_map: PhaseMap,
    labels: ArrayLike,
    sample: Sample,
    config: UncertaintyConfig,
    work: Workspace,
) -> list[Measurement]:
    """Give fractions, surfaces and transport the uncertainty that follows from the probabilities of the phases.

    Parameters
    ----------
    numbers : of the map
    phase_map, labels, sample : the map with its probabilities, its (Z, Y, X) ids, and their region
    config : how many realizations, and how errors are tied together
    work : where the blocks run

    Returns
    -------
    list of Measurement
        Unchanged where the map has no probabilities.
    """
    if phase_map.probabilities is None or config.realizations < 2:
        return list(numbers)
    sources = (labels, *phase_map.channels())
    length = config.correlation_length
    if length is None:
        length = _fitted_length(sources, sample, work)
    shared = np.random.default_rng(config.seed).standard_normal(config.realizations)
    variants = {
        str(k): Variant(
            sample.phases,
            partial(
                _realized,
                ids=sample.phases.ids,
                noise=Noise(1.0, length),
                shape=sample.shape,
                seed=config.seed + 1 + k,
                offset=float(shared[k]) * config.common_share**0.5,
                scale=(1 - config.common_share) ** 0.5,
            ),
        )
        for k in range(config.realizations)
    }
    memory = 2.0 * len(sources) + 40
    items = list(numbers)
    found = count_variants(variants, sources, sample, work, step="realizations", halo=1, bytes_per_voxel=memory)
    how = (
        f"maps drawn from the probabilities; errors tied over {length:.2g} voxels, "
        f"{100 * config.common_share:.0f} % of their variance common to all boundaries; the bias of the likeliest map "
        "is not taken off and counts in full"
    )
    items = [_with_segmentation(item, list(found.values()), f"{len(found)} {how}") for item in items]
    flows = single_flows(items) if config.transport else ()
    if not flows:
        return [with_reason(item, "segmentation") for item in items]
    fewer = dict(list(variants.items())[: config.transport_realizations])
    ratios = flow_ratios(fewer, sources, flows, sample, work, step="realizations")
    shaky = f"its scatter is known to {100 / math.sqrt(2 * (len(fewer) - 1)):.0f} %"
    note = f"{len(fewer)} {how}; {ON_PART}; {shaky}"
    through = [times(found, items) for found in ratios.values()]
    return [with_reason(_with_segmentation(item, through, note), "segmentation") for item in items]


def _with_segmentation(item: Measurement, found: Sequence[Numbers], note: str) -> Measurement:
    values = [numbers[row_key(item)] for numbers in found if row_key(item) in numbers]
    if item.value is None or len(values) < len(found):
        return item
    if not np.all(np.isfinite(values)):
        missing = "not estimated: the phase does not conduct in every map that the probabilities allow"
        return with_part(item, UncertaintyPart("segmentation", note=missing))
    return with_part(item, segmentation_part(item.value, values, note))


def _realized(
    block: Block,
    labels: Bytes,
    *probabilities: Bytes,
    ids: Sequence[int],
    noise: Noise,
    shape: tuple[int, int, int],
    seed: int,
    offset: float,
    scale: float,
) -> Bytes:
    """One map that is possible, over the region read."""
    field = noise_at(block.read, noise, shape=shape, seed=seed)
    field *= np.float32(scale)
    field += np.float32(offset)
    return choose_classes(labels, probabilities, field, ids)


def _fitted_length(sources: tuple[ArrayLike, ...], sample: Sample, work: Workspace) -> float:
    """Length over which the doubt of the map is correlated, voxels."""
    axes = range(3 - sample.dimension, 3)
    halo = (0, LONGEST_LAG, LONGEST_LAG) if sample.dimension == 2 else LONGEST_LAG

    def count(block: Block, labels: Bytes, *probabilities: Bytes) -> Partial:
        return {"sums": pair_sums(doubt(labels, probabilities), starts=block.inner, axes=axes)}

    def add(one: Partial, two: Partial) -> Partial:
        return {"sums": np.add(one["sums"], two["sums"])}

    memory = 40.0 + len(sources)
    merged = work.reduce("doubt", count, *sources, merge=add, halo=halo, bytes_per_voxel=memory)
    return correlation_length(np.asarray(merged["sums"], np.float64))
