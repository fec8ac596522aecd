"""What `measure` adds to the budgets of its numbers, once the numbers are there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from voltomo.artifacts import ArrayLike, Measurement, PhaseMap, Volume
from voltomo.errors import InputError
from voltomo.metrics.sample import Sample
from voltomo.stages.boundary_bands import boundary_bands
from voltomo.stages.label_variants import Retrained
from voltomo.stages.operators import operator_parts, perturbed_boundary, retrained_parts
from voltomo.stages.resolution import edge_spread, resolution_parts, resolution_row
from voltomo.stages.segment import SegmentConfig
from voltomo.stages.segmentation_part import check_segmentation, segmentation_parts
from voltomo.stages.uncertainty_config import UncertaintyConfig
from voltomo.stages.workspace import Workspace

__all__ = ["estimate_uncertainty"]


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
    phase_map, labels, sample : the map with its probabilities and members, its (Z, Y, X) ids, and their region
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
    check_segmentation(phase_map, sample)
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
