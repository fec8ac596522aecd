"""The verb `segment` with a trained model: grey values to phases by what was learned from labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, Model, PhaseMap, PhaseTable, Volume
from voltomo.blocks import Block, Partial
from voltomo.inference.averaging import AxisAverage, Ensemble, FlipAverage
from voltomo.inference.binder_rule import BinderRule
from voltomo.inference.decisions import AnswerLayers
from voltomo.inference.engines import open_model, register_engine
from voltomo.inference.halo import measure_halo, sample_length
from voltomo.inference.merging import MergedClasses
from voltomo.inference.tiles import TileRunner
from voltomo.learning.normalization import Normalization
from voltomo.learning.predictor import Predictor
from voltomo.machine import available_cores
from voltomo.segmentation.histogram import Histogram
from voltomo.stages.denoise import DenoiseConfig, prepare_denoiser
from voltomo.stages.domain_gate import DomainReport, check_domain
from voltomo.stages.grey_classes import GreySource, count_grey
from voltomo.stages.inspection import Field as FieldOfView
from voltomo.stages.inspection import measure_field
from voltomo.stages.joined_models import join_models, join_predictors
from voltomo.stages.model_record import count_shares, grey_record, mean_disagreement
from voltomo.stages.model_request import ModelSegmentConfig, check_request
from voltomo.stages.scan_sample import sample_box
from voltomo.stages.segment_result import SegmentResult
from voltomo.stages.torch_engine import open_torch
from voltomo.stages.workspace import Workspace

__all__ = ["ModelSegmentConfig", "run_model_segment"]

Array: TypeAlias = npt.NDArray[Any]
Triple: TypeAlias = tuple[int, int, int]

register_engine("torch", open_torch)  # networks stand above `voltomo.inference`, which therefore cannot know it

SLICE_VOXELS = 1 << 20
"""Voxels that a tile of a slice-wise model reads at most: activations of a U-Net of 16 filters then take 0.3 GB."""
VOLUME_VOXELS = 1 << 21
"""The same for a model of volumes, whose halo costs more in smaller tiles."""
SAMPLE_EDGES = (512, 160)
"""Longest edge of the box on which the halo is measured, of slices and of volumes."""


def run_model_segment(
    volume: Volume,
    model: Model,
    config: ModelSegmentConfig,
    work: Workspace,
    *,
    mask: ArrayLike | None = None,
    others: Sequence[Model] = (),
) -> SegmentResult:
    """Segment a volume with a model.

    Parameters
    ----------
    volume : with the channels of the model
    model : network or pixel classifier
    config : how it is run
    work : where the arrays "phases" and, if asked for, "probabilities", "disagreement" and "members/<number>", counted
        from 1, live and how blocks run
    mask : (Z, Y, X), 0 outside the field of view; the volume's own, or else everything, where None
    others : further models; the probabilities of all are averaged, and each is a member

    Raises
    ------
    InputError
        If the volume has other channels than the model, the models do not go together, average "axes" does not fit
        model or voxels, or disagreement or members of a single network are asked for.
    GateError
        If the volume is constant or not finite, or (gate "drift") unlike the scans that trained the model.
    """
    models = (model, *others)
    model = join_models(models)
    for one in models:
        check_request(volume, one, config, has_members=bool(model.members))
    scan = _open_scan(volume, model, work, mask)
    report = _check_domains(volume, models, scan, config, work)
    opened = [open_model(one, engine=config.engine, precision=config.precision) for one in models]
    averaged = [_averaged(found.predictor, one, config) for found, one in zip(opened, models, strict=True)]
    predictor = join_predictors(models, averaged)
    if config.merge_binder:
        predictor, model = _merge_binder(predictor, model)
    voxels = config.tile_voxels or (VOLUME_VOXELS if model.dimension == 3 else SLICE_VOXELS)
    halo = _halo(predictor, scan, config, work, voxels)
    layers = AnswerLayers(
        work.array("phases", volume.shape, np.uint8),
        work.array("probabilities", (model.classes, *volume.shape), np.uint8) if config.probabilities else None,
        work.array("disagreement", (1, *volume.shape), np.uint8) if config.disagreement else None,
        tuple(
            work.array(f"members/{number}", volume.shape, np.uint8)
            for number in range(1, 2 + len(model.members))
            if config.members
        ),
    )
    rule = BinderRule.of(model)
    drafts = layers if rule is None else _drafts(layers, work)
    skipped = _predict(scan, predictor, model, halo, voxels, drafts, work, rule)
    if rule is not None:
        _settle(drafts, layers, rule, model.phases.ids, work)
    record = grey_record(scan.histogram, model, count_shares(layers.phases, model.phases.ids, work))
    record["model"] = {
        "name": model.name,
        "network": model.network,
        "engine": " + ".join(dict.fromkeys(found.engine for found in opened)),
        "precision": " + ".join(dict.fromkeys(found.precision for found in opened)),
        "members": 1 + len(model.members),
        "average": config.average,
        "merge_binder": config.merge_binder,
        "binder_offsets": [0.0, 0.0] if rule is None else list(model.binder_offsets),
        "halo": list(halo),
        "tiles_without_model": skipped,
        "normalization": scan.normalization.to_mapping(),
        "drift": report.record,
    }
    if layers.disagreement is not None:
        record["model"]["disagreement"] = mean_disagreement(layers.disagreement, layers.phases, work)
    phase_map = PhaseMap(
        layers.phases,
        model.phases,
        volume.voxel_size,
        volume.through_plane,
        layers.probabilities,
        layers.disagreement,
        layers.members,
    )
    return SegmentResult(phase_map, record, scan.fields[0].mask, report.warnings)


def _check_domains(
    volume: Volume, models: Sequence[Model], scan: _Scan, config: ModelSegmentConfig, work: Workspace
) -> DomainReport:
    """What the gates of all models found; the record is that of the one that is farthest from the scan."""
    inside = scan.fields[0].mask
    accept = config.accept_drift
    found = [check_domain(volume, model, inside, scan.normalization, work, accept=accept) for model in models]
    farthest = max(found, key=lambda report: report.record["distance"] or 0.0)
    return DomainReport(farthest.record, tuple(dict.fromkeys(line for report in found for line in report.warnings)))


@dataclass(frozen=True)
class _Scan:
    """What a block function reads."""

    volume: Volume
    fields: Sequence[FieldOfView]
    normalization: Normalization
    histogram: Histogram

    @property
    def sources(self) -> tuple[ArrayLike, ...]:
        """Grey values of every channel, and the mask if there is one."""
        mask = self.fields[0].mask
        return (*(field.grey for field in self.fields), *(() if mask is None else (mask,)))

    @property
    def bytes_per_voxel(self) -> float:
        return float(sum(np.dtype(source.dtype).itemsize for source in self.sources))


def _open_scan(volume: Volume, model: Model, work: Workspace, mask: ArrayLike | None) -> _Scan:
    """The volume with its field of view and its normalization."""
    fields = [measure_field(volume, work, channel=i, mask=mask) for i in range(len(volume.channels))]
    histograms = [_histogram(field, volume, work, i) for i, field in enumerate(fields)]
    return _Scan(volume, fields, _normalization(model, histograms), histograms[0])


def _histogram(field: FieldOfView, volume: Volume, work: Workspace, channel: int) -> Histogram:
    """Grey values inside the field of view."""
    plain = prepare_denoiser(field, DenoiseConfig(), work, voxel_size=volume.voxel_size)
    step = "histogram" if channel == 0 else f"histogram of channel {channel}"
    return count_grey(GreySource(field, plain), work, step=step)


def _normalization(model: Model, histograms: Sequence[Histogram]) -> Normalization:
    """The model's own; measured again on this scan where it says so."""
    own = Normalization.from_mapping(model.normalization)
    if own.method == "fixed":
        return own
    ends = [[percentile(histogram, percent) for histogram in histograms] for percent in own.percentiles]
    return Normalization(tuple(ends[0]), tuple(ends[1]), own.method, own.percentiles)


def percentile(histogram: Histogram, percent: float) -> float:
    """Percentile of a histogram: a level, or linear within a bin."""
    cumulative = np.cumsum(histogram.counts)
    rank = percent / 100 * (cumulative[-1] - 1)
    i = int(np.searchsorted(cumulative, rank, side="right"))
    if histogram.rule.is_exact:
        return float(histogram.rule.centers[i])
    before = float(cumulative[i - 1]) if i else 0.0
    low, high = histogram.rule.edges[i : i + 2]
    return float(low + (rank - before + 0.5) / float(histogram.counts[i]) * (high - low))


def _averaged(predictor: Predictor, model: Model, config: ModelSegmentConfig) -> Predictor:
    """The predictor with the averaging that was asked for; of an ensemble, each member with it."""
    if isinstance(predictor, Ensemble):
        return Ensemble(tuple(_averaged(member, model, config) for member in predictor.members))
    if config.average == "flips":
        return FlipAverage(predictor, through_plane=model.dimension == 3)
    return AxisAverage(predictor) if config.average == "axes" else predictor


def _merge_binder(predictor: Predictor, model: Model) -> tuple[Predictor, Model]:
    """Active material against the rest, and the model as if it knew these two phases only."""
    is_active = [phase.role == "active" for phase in model.phases]
    groups = tuple(tuple(k for k, active in enumerate(is_active) if active == wanted) for wanted in (False, True))
    merged = replace(model, phases=PhaseTable.numbered(2), test_input=None, test_output=None)
    return MergedClasses(predictor, groups, model.temperature), merged


def _halo(predictor: Predictor, scan: _Scan, config: ModelSegmentConfig, work: Workspace, tile_voxels: int) -> Triple:
    """Voxels around a tile: whole cells of the predictor, measured on the scan where less than all may do."""
    z, y, x = (-(-around // step) * step for around, step in zip(predictor.halo, predictor.multiple, strict=True))
    _, height, width = scan.volume.shape
    is_whole = work.budget is None and z == 0 and height * width <= tile_voxels
    if config.halo == "full" or is_whole:
        return z, y, x

    def measure() -> Partial:
        longest = SAMPLE_EDGES[predictor.multiple[0] > 1]
        edge_z, edge_y, edge_x = (min(longest, sample_length(predictor, axis)) for axis in range(3))
        box = sample_box(scan.volume, scan.fields[0].mask, (edge_z, edge_y, edge_x))
        return {"halo": np.array(measure_halo(predictor, scan.normalization.apply(box)))}

    measured = work.remember("halo", measure)["halo"]
    return min(z, int(measured[0])), min(y, int(measured[1])), min(x, int(measured[2]))


def _predict(
    scan: _Scan,
    predictor: Predictor,
    model: Model,
    halo: Triple,
    voxels: int,
    layers: AnswerLayers,
    work: Workspace,
    rule: BinderRule | None,
) -> int:
    """Write what was asked for block by block; the number of tiles that needed no model."""
    runner = TileRunner(
        predictor,
        scan.normalization,
        model.phases.ids,
        halo,
        voxels,
        available_cores(),
        model.temperature,
        layers.probabilities is not None,
        layers.disagreement is not None,
        bool(layers.members),
        rule,
    )
    channels = len(scan.fields)

    def answer(block: Block, *arrays: Array) -> Array:
        return runner.run(block, arrays[:channels], arrays[channels] if len(arrays) > channels else None)

    with runner:
        if work.budget is not None:
            runner.warm_up(scan.volume.shape, channels)
        work.map(
            "predict",
            answer,
            *scan.sources,
            out=layers,
            halo=halo,
            # What is read, the answer, and a part of it as it is written.
            bytes_per_voxel=scan.bytes_per_voxel + 2 * runner.dtype.itemsize,
            whole_slices=True,
        )
    return runner.skipped


def _drafts(layers: AnswerLayers, work: Workspace) -> AnswerLayers:
    """The same, with scratch in the place of the phases."""
    z, y, x = layers.shape
    phases, *members = (work.array(f"draft {number}", (z, y, x), np.uint8) for number in range(1 + len(layers.members)))
    return replace(layers, phases=phases, members=tuple(members))


def _settle(drafts: AnswerLayers, layers: AnswerLayers, rule: BinderRule, ids: Sequence[int], work: Workspace) -> None:
    """Choose between the two answers of each voxel, now that those around it are known."""
    pairs = zip((drafts.phases, *drafts.members), (layers.phases, *layers.members), strict=True)
    for number, (draft, phases) in enumerate(pairs):
        work.map(
            f"settle {number}" if number else "settle",
            lambda _block, codes: rule.settle(codes, ids),
            draft,
            out=phases,
            halo=1,
            bytes_per_voxel=2.0,
        )
