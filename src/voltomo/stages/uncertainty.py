"""What `measure` adds to the budgets of its numbers, once the numbers are there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from voltomo.artifacts import ArrayLike, Channel, Measurement, Phase, PhaseMap, SensitivityBand, UncertaintyPart, Volume
from voltomo.blocks import Block, Partial
from voltomo.errors import InputError, ShapeError
from voltomo.metrics.boundary_band import against_rest, phase_at_probability
from voltomo.metrics.realizations import (
    LONGEST_LAG,
    choose_classes,
    correlation_length,
    doubt,
    pair_sums,
    segmentation_part,
)
from voltomo.metrics.sample import Sample
from voltomo.metrics.transport import TRANSPORT
from voltomo.metrics.uncertainty import with_band, with_part, with_reason
from voltomo.stages.apparent import PartsOfWindow
from voltomo.stages.boundary_sides import Sides, both_sides, follow_sides, moved_boundaries
from voltomo.stages.label_variants import Retrained
from voltomo.stages.main_numbers import Numbers, Variant, count_variants, row_key
from voltomo.stages.operators import operator_parts, perturbed_boundary, retrained_parts
from voltomo.stages.resolution import edge_spread, resolution_parts, resolution_row
from voltomo.stages.segment import SegmentConfig
from voltomo.stages.varied_flows import flow_ratios, single_flows, times
from voltomo.stages.workspace import Workspace
from voltomo.synthesis.imaging.image_noise import Noise, noise_at

__all__ = ["UncertaintyConfig", "boundary_bands", "estimate_uncertainty", "segmentation_parts"]

Array: TypeAlias = npt.NDArray[Any]
Bytes: TypeAlias = npt.NDArray[np.uint8]

_LEAST, _MOST = 0.3, 0.7
_BOUNDARY, _PROBABILITY = "boundary ± 1 voxel", "probability 0.3 to 0.7"
_NOTES = {
    _BOUNDARY: "the boundary of the phase a layer of voxels farther in and farther out, against the rest",
    _PROBABILITY: "the phase where its probability is at least 0.7, and at least 0.3, against the rest",
}


_ON_PART = "on a central part of the volume, in relation to what the map gives there"


class UncertaintyConfig(BaseModel):
    """Which parts of the uncertainty are estimated by making the map again.

    Parameters
    ----------
    bands : give the band of a boundary a voxel farther in and out; where there are probabilities, also that of 0.3 to
        0.7
    resolution : coarsen the grey volume by these factors, segment it again and follow the trend; needs the grey
        volume and the settings of `segment`; an empty list leaves the part out
    realizations : maps drawn from the probabilities, where the phase map has them; 0 leaves the part out
    transport : follow the numbers of transport too, on a central part of the volume of 80³ to 128³ voxels
    transport_realizations : maps of the realizations that transport is solved on
    correlation_length : standard deviation of the Gaussian that ties the errors of neighbors together, in voxels;
        fitted to the doubt of the map where None
    common_share : share of the error's variance that moves all boundaries together; one map cannot tell it
    seed : of the realizations
    segmentations : other segmentations of the volume, for the operator part: studies, or files that hold the ids of
        this study's phases; with the study's own, three or more give a standard uncertainty, two a range
    perturbed_boundary : without other segmentations: the operator part of a boundary anywhere within ± so many voxels;
        0 leaves it out
    parts_of_window : solve transport on parts of the window, for its representativity: "auto" up to 2²⁵ voxels,
        "all" whatever it takes, "none"
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bands: bool = True
    resolution: tuple[int, ...] = (2, 3, 4)
    realizations: int = Field(default=16, ge=0)
    transport: bool = True
    transport_realizations: int = Field(default=8, ge=2)
    correlation_length: float | None = Field(default=None, ge=0)
    common_share: float = Field(default=0.25, ge=0, le=1)
    seed: int = Field(default=0, ge=0)
    segmentations: tuple[str, ...] = ()
    perturbed_boundary: int = Field(default=0, ge=0, le=8)
    parts_of_window: PartsOfWindow = "auto"


def estimate_uncertainty(
    numbers: Iterable[Measurement],
    phase_map: PhaseMap,
    labels: ArrayLike,
    sample: Sample,
    config: UncertaintyConfig,
    work: Workspace,
    *,
    volume: Volume | None = None,
    segmentation: SegmentConfig | None = None,
    others: Sequence[PhaseMap] = (),
    retrained: Retrained | None = None,
) -> list[Measurement]:
    """Add what making the map again tells about fractions, surfaces and transport, and the resolution of the image.

    Parameters
    ----------
    numbers : of the map
    phase_map, labels, sample : the map, its (Z, Y, X) ids, and their region
    config : what is estimated
    work : where the blocks run
    volume : the grey volume, where it is at hand
    segmentation : how the map was found in it; None where the map came from elsewhere, whose budgets then lack the
        resolution
    others : other segmentations of the volume, those that ``config.segmentations`` names
    retrained : the volume as models see it that were trained on other labels; used for the operator part where
        `config` names nothing else for it

    Returns
    -------
    list of Measurement
        The numbers in the same order, then the resolution of the image where there is one.

    Raises
    ------
    InputError
        If segmentations are named and none is given.
    """
    if config.segmentations and not others:
        raise InputError("uncertainty: segmentations are named by path in a study; in Python give the maps as `others`")
    found = list(numbers)
    _check_probabilities(phase_map, sample)
    if config.bands:
        found = boundary_bands(found, phase_map, labels, sample, work, transport=config.transport)
    found = segmentation_parts(found, phase_map, labels, sample, config, work)
    if others:
        found = operator_parts(found, others, labels, sample, work, transport=config.transport)
    elif config.perturbed_boundary:
        voxels = config.perturbed_boundary
        found = perturbed_boundary(found, labels, sample, work, voxels=voxels, transport=config.transport)
    elif retrained is not None:
        found = retrained_parts(found, retrained, labels, sample, work, transport=config.transport)
    if volume is None or not config.resolution:
        return found
    phase = (*sample.phases.with_role("active"), *reversed(tuple(sample.phases)))[0]
    channel = 0 if segmentation is None else segmentation.channel
    sigma = edge_spread(volume, labels, phase, work, channel=channel)
    if segmentation is not None:
        settings: dict[str, Any] = {"factors": config.resolution, "transport": config.transport}
        found = resolution_parts(found, volume, sample, segmentation, work, sigma=sigma, **settings)
    return [*found, resolution_row(sigma, phase, sample)]


def _check_probabilities(phase_map: PhaseMap, sample: Sample) -> None:
    """One channel per phase, over the voxels of the map, as uint8."""
    given = phase_map.probabilities
    if given is None:
        return
    expected = (len(sample.phases), *sample.shape)
    if tuple(given.shape) != expected or np.dtype(given.dtype) != np.uint8:
        raise ShapeError(
            f"probabilities {tuple(given.shape)} {given.dtype} do not fit the map: expected {expected} uint8, one "
            "channel per row of the phase table, probability · 255"
        )


def boundary_bands(
    numbers: Iterable[Measurement],
    phase_map: PhaseMap,
    labels: ArrayLike,
    sample: Sample,
    work: Workspace,
    *,
    transport: bool = True,
) -> list[Measurement]:
    """Give fraction, surface and transport of each phase the band that another place of its boundary would give.

    Parameters
    ----------
    numbers : of the map
    phase_map, labels, sample : the map, its (Z, Y, X) ids, and their region
    work : where the blocks run
    transport : whether the numbers of transport get bands too

    Returns
    -------
    list of Measurement
        In the same order; numbers that depend on more than one boundary, such as interfaces, have no band.
    """
    banded = list(numbers)
    sides = moved_boundaries(banded, labels, sample, work, voxels=1, transport=transport)
    banded = [_with_band(item, sides, _BOUNDARY) for item in banded]
    if phase_map.probabilities is None:
        return banded
    drawn = {phase.name: _drawn(phase, row) for row, phase in enumerate(sample.phases)}
    sources = (labels, *_channels(phase_map))
    settings: dict[str, Any] = {"halo": 1, "bytes_per_voxel": 9.0 + len(sources), "transport": transport}
    sides = follow_sides(drawn, sources, banded, sample, work, step="probability", **settings)
    return [_with_band(item, sides, _PROBABILITY) for item in banded]


def _drawn(phase: Phase, row: int) -> tuple[Variant, Variant]:
    """The phase where it is likely, and where it is possible."""
    table = against_rest(phase)
    return (
        Variant(table, partial(_at_probability, row=row, least=_MOST)),
        Variant(table, partial(_at_probability, row=row, least=_LEAST)),
    )


def _at_probability(_block: Block, labels: Bytes, *probabilities: Bytes, row: int, least: float) -> Bytes:
    return phase_at_probability(probabilities[row], labels, least)


def _with_band(item: Measurement, sides: Sides, name: str) -> Measurement:
    """A band for a number that both maps of its phase have; the number itself lies within it."""
    known = both_sides(item, sides)
    if item.value is None or known is None:
        return item
    everything = (item.value, *known)
    note = f"{_NOTES[name]}; {_ON_PART}" if item.name in TRANSPORT else _NOTES[name]
    return with_band(item, SensitivityBand(name, min(everything), max(everything), note))


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
    sources = (labels, *_channels(phase_map))
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
    note = f"{len(fewer)} {how}; {_ON_PART}; {shaky}"
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


def _channels(phase_map: PhaseMap) -> tuple[Channel, ...]:
    """Probabilities of the phases, each as a (Z, Y, X) array-like."""
    assert phase_map.probabilities is not None, "asked for only where there are some"
    return tuple(Channel(phase_map.probabilities, row) for row in range(len(phase_map.phases)))
