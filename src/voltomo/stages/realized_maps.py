"""Numbers of maps that the probabilities of the phases allow as well."""

from __future__ import annotations

import math
from collections.abc import Sequence
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
from voltomo.stages.main_numbers import Numbers, RowKey, Variant, count_variants, row_key
from voltomo.stages.uncertainty_config import UncertaintyConfig
from voltomo.stages.varied_flows import ON_PART, flow_ratios, single_flows, times
from voltomo.stages.workspace import Workspace
from voltomo.synthesis.imaging.image_noise import Noise, noise_at

__all__ = ["realized_parts"]

Bytes: TypeAlias = npt.NDArray[np.uint8]


def realized_parts(
    items: Sequence[Measurement],
    phase_map: PhaseMap,
    labels: ArrayLike,
    sample: Sample,
    config: UncertaintyConfig,
    work: Workspace,
) -> dict[RowKey, UncertaintyPart] | None:
    """The uncertainty of fractions, surfaces and transport that follows from the probabilities of the phases.

    Parameters
    ----------
    items : numbers of the map
    phase_map, labels, sample : the map with its probabilities, its (Z, Y, X) ids, and their region
    config : how many realizations, and how errors are tied together
    work : where the blocks run

    Returns
    -------
    dict of UncertaintyPart
        One for every number that all realizations have; None where the map has no probabilities.
    """
    if phase_map.probabilities is None or config.realizations < 2:
        return None
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
    found = count_variants(variants, sources, sample, work, step="realizations", halo=1, bytes_per_voxel=memory)
    how = (
        f"maps drawn from the probabilities; errors tied over {length:.2g} voxels, "
        f"{100 * config.common_share:.0f} % of their variance common to all boundaries; the bias of the likeliest map "
        "is not taken off and counts in full"
    )
    parts = _parts(items, list(found.values()), f"{len(found)} {how}")
    flows = single_flows(items) if config.transport else ()
    if not flows:
        return parts
    fewer = dict(list(variants.items())[: config.transport_realizations])
    ratios = flow_ratios(fewer, sources, flows, sample, work, step="realizations")
    shaky = f"its scatter is known to {100 / math.sqrt(2 * (len(fewer) - 1)):.0f} %"
    through = [times(found, items) for found in ratios.values()]
    return parts | _parts(items, through, f"{len(fewer)} {how}; {ON_PART}; {shaky}")


def _parts(items: Sequence[Measurement], found: Sequence[Numbers], note: str) -> dict[RowKey, UncertaintyPart]:
    """The part of each number that all realizations have."""
    parts: dict[RowKey, UncertaintyPart] = {}
    for item in items:
        key = row_key(item)
        values = [numbers[key] for numbers in found if key in numbers]
        if item.value is None or len(values) < len(found):
            continue
        if np.all(np.isfinite(values)):
            parts[key] = segmentation_part(item.value, values, note)
        else:
            missing = "not estimated: the phase does not conduct in every map that the probabilities allow"
            parts[key] = UncertaintyPart("segmentation", note=missing)
    return parts


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
