"""Train a network from labelled images: from labels and a split to a model that predicts without torch."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from voltomo.artifacts.model import Model
from voltomo.artifacts.phases import PhaseTable
from voltomo.errors import GateError, InputError
from voltomo.learning.kept import channel_names, describe_image, typical_normalization, voxel_range
from voltomo.learning.normalization import measure_by_scan
from voltomo.learning.pairs import LabelledImage
from voltomo.learning.splits import Split
from voltomo.learning.temperature import fit_temperature
from voltomo.networks import build_network, export_onnx, resolve_settings
from voltomo.networks.contract import settings_mapping
from voltomo.networks.refill import refill_onnx
from voltomo.training.checkpoint import Checkpoint, Tensors, fingerprint
from voltomo.training.finishing import collect_logits, stored_test
from voltomo.training.optimization import Optimized, optimize
from voltomo.training.plan import TrainingPlan, plan_training
from voltomo.training.progress import Progress
from voltomo.training.sampling import CropSampler
from voltomo.training.settings import TrainingSettings
from voltomo.training.transfer import Transfer, frozen_prefixes, load_weights, match_phases, reuse_weights
from voltomo.training.validation import ValidationPart

__all__ = ["rebuild_network", "train_network"]

_log = logging.getLogger(__name__)


def train_network(
    images: Sequence[LabelledImage],
    split: Split,
    phases: PhaseTable,
    settings: TrainingSettings,
    *,
    start: Model | None = None,
    channels: Sequence[str] | None = None,
    checkpoint: Path | None = None,
    replace_checkpoint: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> Model:
    """Train a network, or an ensemble of them.

    Parameters
    ----------
    images : labelled images, all with the same channels; their grey values may be read lazily
    split : which labels train and which validate, as `voltomo.learning.splits.split_labels` gives it
    phases : the phase table; class k of the network is row k
    settings : what is None is worked out from the images
    start : model to begin from; `settings.reuse` and `settings.freeze` say what is taken over
    channels : names of the channels; "grey", or "channel 1" and so on, where not given
    checkpoint : file to write while training and to go on from after an interruption; each network of an ensemble adds
        its number. A training that went on is equal to the bit to one that was never interrupted
    replace_checkpoint : begin anew where the file belongs to another training or cannot be read
    on_progress : told every few steps

    Returns
    -------
    Model
        With ONNX, temperature, and in its record the plan, curves, split, hashes of the data.

    Raises
    ------
    InputError
        If images, split and phases do not belong together, or a setting makes no sense.
    GateError
        If training or validation part do not hold what training needs.
    ConvergenceError
        If the loss diverges.
    StorageError, ReadError, StudyError
        If a checkpoint cannot be written or read, or belongs to another training and is not to be replaced.
    """
    _check(images, split, phases)
    if start is not None and not settings.network_settings and start.network == settings.network:
        settings = _as_started(settings, start)
    has_learned = start is not None and settings.reuse == "all" and None not in match_phases(start.phases, phases)
    plan = plan_training(images, settings, is_started=has_learned)
    network_settings = resolve_settings(plan.network, plan.network_settings)
    normalizations = measure_by_scan(images, method=settings.normalization)
    sampler = CropSampler(
        images,
        split.training,
        normalizations=normalizations,
        phases=phases,
        patch=plan.patch,
        neighbors=network_settings.neighbors,
        augmentation=settings.augmentation,
        seed=settings.seed,
    )
    validation = ValidationPart(
        images, split.validation, normalizations, phases, network_settings.dimension, network_settings.neighbors
    )
    data = [_described(image, split, number) for number, image in enumerate(images)]
    identity = fingerprint(
        {
            "settings": asdict(settings),
            "plan": plan.to_mapping(),
            "data": data,
            "phases": phases.ids,
            "start": None if start is None else _weights_hash(start),
        }
    )
    with _torch_state(settings.threads):
        networks, results, transfer = _train_members(
            plan,
            settings,
            sampler,
            validation,
            int(images[0].grey.shape[0]),
            phases,
            start,
            None if checkpoint is None else Checkpoint(checkpoint, identity, replace_checkpoint),
            on_progress,
        )
        return _finish(
            networks,
            results,
            plan,
            settings,
            validation,
            split,
            data,
            channel_names(images, channels),
            transfer,
            start,
        )


def rebuild_network(model: Model, *, member: int = 0) -> nn.Module:
    """The torch network of a model, in evaluation mode, such as to look into its layers.

    Parameters
    ----------
    model : whose network is registered
    member : 0 for its own weights, 1 and on for the further networks of an ensemble
    """
    network = build_network(model.network, model.settings, channels=len(model.channels), classes=model.classes)
    load_weights(network, (model.weights, *model.members)[member])
    return network.eval()


def _check(images: Sequence[LabelledImage], split: Split, phases: PhaseTable) -> None:
    """Refuse what does not belong together."""
    if not images:
        raise InputError("expected one labelled image or more, found none")
    if not len(images) == len(split.training) == len(split.validation):
        raise InputError(
            f"expected one training and one validation mask per image; found {len(split.training)} and "
            f"{len(split.validation)} for {len(images)} images"
        )
    if len(phases) < 2:
        raise InputError(f"expected two phases or more, found the table {phases.ids}")
    known = {0, *phases.ids}
    for image in images:
        if unknown := sorted({int(value) for value in np.unique(image.labels)} - known):
            raise InputError(
                f"{image.name}: labels hold the ids {unknown}, which the phase table {phases.ids} does not have"
            )
    if not any(mask.any() for mask in split.validation):
        raise GateError("the validation part is empty; label more, or in another place, too", gate="split")


def _as_started(settings: TrainingSettings, start: Model) -> TrainingSettings:
    """The network settings of the model that training begins from."""
    return replace(settings, network_settings=dict(start.settings))


def _train_members(
    plan: TrainingPlan,
    settings: TrainingSettings,
    sampler: CropSampler,
    validation: ValidationPart,
    channels: int,
    phases: PhaseTable,
    start: Model | None,
    checkpoint: Checkpoint | None,
    on_progress: Callable[[Progress], None] | None,
) -> tuple[list[nn.Module], list[Optimized], Transfer | None]:
    """Networks in evaluation mode on the CPU, and what their trainings gave."""
    snapshots = settings.ensemble == "snapshots"
    runs = 1 if snapshots else settings.members
    networks: list[nn.Module] = []
    results = []
    transfer = None
    for run in range(runs):
        torch.manual_seed(settings.seed + 1000 * run)
        network = build_network(plan.network, plan.network_settings, channels=channels, classes=len(phases))
        if start is not None:
            transfer = reuse_weights(network, start, settings.reuse, phases)
        result = optimize(
            network.to(_device(settings)),
            sampler.with_seed(settings.seed + 1000 * run),
            validation,
            plan=plan,
            settings=settings,
            frozen=frozen_prefixes(network, settings.freeze),
            use_bf16=_use_bf16(settings),
            cycles=settings.members if snapshots else 1,
            checkpoint=None if checkpoint is None else checkpoint.of_member(run),
            on_progress=on_progress,
            member=(run, runs),
        )
        kept = result.snapshots if snapshots and result.snapshots else [result.weights]
        networks += [_with_weights(plan, weights, channels, len(phases)) for weights in kept]
        results.append(result)
    return networks, results, transfer


def _with_weights(plan: TrainingPlan, weights: Tensors, channels: int, classes: int) -> nn.Module:
    network = build_network(plan.network, plan.network_settings, channels=channels, classes=classes)
    network.load_state_dict(weights)
    return network.eval()


def _finish(
    networks: list[nn.Module],
    results: list[Optimized],
    plan: TrainingPlan,
    settings: TrainingSettings,
    validation: ValidationPart,
    split: Split,
    data: list[dict[str, Any]],
    channels: tuple[str, ...],
    transfer: Transfer | None,
    start: Model | None,
) -> Model:
    """The model with its temperature, stored test and record."""
    held_out = collect_logits(networks, validation)
    temperature = fit_temperature(held_out.combined, held_out.rows + 1)
    resolved = resolve_settings(plan.network, plan.network_settings)
    test_input, test_output = stored_test(networks, validation)
    inputs = resolved.input_channels(len(channels))
    onnx = _export(networks, start, inputs, resolved.spatial)
    weights = [
        {name: value.detach().cpu().contiguous().numpy().copy() for name, value in network.state_dict().items()}
        for network in networks
    ]
    record = {
        "plan": plan.to_mapping(),
        "settings": {**asdict(settings), "network_settings": dict(settings.network_settings)},
        "parameters": sum(parameter.numel() for parameter in networks[0].parameters()),
        "trainings": [
            {
                "curve": result.curve,
                "validations": result.validations,
                "stopped_early": result.stopped_early,
                "seconds": round(result.seconds, 1),
            }
            for result in results
        ],
        "split": split.to_mapping(),
        "data": data,
        "transfer": None
        if transfer is None or start is None
        else {
            "from": start.name,
            "reused": list(transfer.reused),
            "fresh": list(transfer.fresh),
            "fresh_phases": list(transfer.fresh_phases),
        },
        "versions": {"torch": torch.__version__},
    }
    return Model(
        name=settings.name,
        network=plan.network,
        settings=settings_mapping(resolved, networks[0]),
        phases=validation.phases,
        channels=channels,
        normalization=typical_normalization(validation.normalizations).to_mapping(),
        weights=weights[0],
        onnx=onnx[0],
        temperature=temperature,
        voxel_size=voxel_range(validation.images),
        record=record,
        test_input=test_input,
        test_output=test_output,
        members=tuple(weights[1:]),
        onnx_members=tuple(onnx[1:]),
        licence=settings.licence,
    )


def _export(networks: list[nn.Module], start: Model | None, inputs: int, spatial: int) -> list[bytes]:
    """ONNX files; the first one is refilled for the others, or that of the model which training began from for all."""
    known: tuple[bytes, nn.Module] | None = None
    if start is not None and start.onnx is not None:
        begun = rebuild_network(start)
        if _make(begun) == _make(networks[0]):
            known = start.onnx, begun
    made = []
    for network in networks:
        refilled = None if known is None else refill_onnx(*known, network)
        made.append(refilled or export_onnx(network, channels=inputs, spatial=spatial))
        known = made[0], networks[0]
    return made


def _make(network: nn.Module) -> tuple[Any, ...]:
    """What two networks share that differ in their weights alone."""
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    return type(network), getattr(network, "settings", None), shapes


def _described(image: LabelledImage, split: Split, number: int) -> dict[str, Any]:
    """What tells whether an image, its labels or its split have changed."""
    held = hashlib.sha256(np.packbits(split.validation[number]).tobytes()).hexdigest()
    return {**describe_image(image, split, number), "split": held}


def _weights_hash(model: Model) -> str:
    found = hashlib.sha256()
    for name in sorted(model.weights):
        found.update(name.encode() + np.ascontiguousarray(model.weights[name]).tobytes())
    return found.hexdigest()


def _device(settings: TrainingSettings) -> torch.device:
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise InputError("device cuda was asked for, but torch finds none; train with device auto or cpu")
    use_cuda = settings.device != "cpu" and torch.cuda.is_available()
    return torch.device("cuda" if use_cuda else "cpu")


def _use_bf16(settings: TrainingSettings) -> bool:
    """Whether to train in bfloat16."""
    if settings.precision != "auto":
        return settings.precision == "bf16"
    if _device(settings).type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    # Measured on a processor with the instructions: 1.4-2.1 times as many voxels per second, the same scores.
    has_bf16 = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return has_bf16 is not None and bool(has_bf16())


@contextmanager
def _torch_state(threads: int | None) -> Iterator[None]:
    """Leave torch as it was found: threads and random generator."""
    before = torch.get_num_threads()
    with torch.random.fork_rng():
        try:
            if threads is not None:
                torch.set_num_threads(threads)
            yield
        finally:
            torch.set_num_threads(before)
