"""Inference: the same weights in torch eager and in OpenVINO, network only and end to end, beside the machine's peak.

As asv classes: speed, memory, and agreement between precisions. As a program::

    python benchmarks/bench_inference.py                           # a U-Net of random weights, 256 x 256 x 8
    python benchmarks/bench_inference.py --model models/mine --size 512 --slices 64

Both engines get the same slices: torch eager one after the other with all threads on each, as a user would write it
(contiguous, f32, no autocast; the rows below it with channels_last, and with bf16, are for comparison), OpenVINO as
voltomo runs it, one slice per thread. Rates are by processor seconds and, beside, by the wall. On a busy machine only
processor seconds of one thread tell something: torch's threads wait for each other by spinning, which counts as work.
``--threads 2`` is for a quiet one. Random weights leave no margin between classes: the agreement of a trained model is
what counts.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import openvino
import torch
from scipy import ndimage

from voltomo.artifacts import Model, PhaseTable, Volume
from voltomo.inference import openvino_engine
from voltomo.inference.engines import open_predictor
from voltomo.inference.network import network_predictor
from voltomo.inference.openvino_engine import cpu_precisions
from voltomo.io.model_folder import read_model
from voltomo.learning.normalization import Normalization
from voltomo.machine import available_cores
from voltomo.networks.contract import settings_mapping
from voltomo.networks.export import export_onnx
from voltomo.networks.registry import build_network, resolve_settings
from voltomo.stages.segment_model import ModelSegmentConfig, run_model_segment
from voltomo.stages.study_workspace import StudyWorkspace, peak_bytes
from voltomo.stages.torch_engine import open_torch
from voltomo.stages.workspace import MemoryWorkspace

PHASES = 3


def random_model(network: str = "unet", **settings: object) -> Model:
    """A network with random weights whose batch normalization has seen noise."""
    torch.manual_seed(0)
    settings = {"dimension": 2, **({"base": 16, "depth": 4} if network == "unet" else {}), **settings}
    module = build_network(network, settings, channels=1, classes=PHASES)
    spatial = 3 if settings["dimension"] == 3 else 2
    with torch.no_grad():
        for _ in range(5):
            module(torch.rand(2, 1, *(64,) * spatial))
    module.eval()
    return Model(
        name=f"random {network}",
        network=network,
        settings=settings_mapping(resolve_settings(network, settings), module),
        phases=PhaseTable.numbered(PHASES),
        channels=("grey",),
        normalization=Normalization((0.0,), (1.0,)).to_mapping(),
        weights={name: value.numpy().copy() for name, value in module.state_dict().items()},
        onnx=export_onnx(module, channels=1, spatial=spatial),
        precision={"f32": 1.0, "bf16": 1.0},
    )


def electrode(slices: int, size: int) -> np.ndarray:
    """Three grey levels with noise, (Z, Y, X) uint8."""
    smooth = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal((slices, size, size)), (2, 6, 6))
    levels = np.array([60, 110, 190])[np.digitize(smooth, np.quantile(smooth, (0.3, 0.5)))]
    return np.clip(levels + np.random.default_rng(1).normal(0, 18, levels.shape), 0, 255).astype(np.uint8)


def operations(model: Model, shape: tuple[int, ...]) -> float:
    """Floating-point operations per voxel in convolutions, a multiply-add as two."""
    module = build_network(model.network, model.settings, channels=len(model.channels), classes=model.classes).eval()
    counted = [0.0]

    def count(layer: torch.nn.Module, _: object, out: torch.Tensor) -> None:
        counted[0] += 2 * out.numel() * layer.in_channels * float(np.prod(layer.kernel_size)) / layer.groups

    for layer in module.modules():
        if isinstance(layer, torch.nn.Conv2d | torch.nn.Conv3d):
            layer.register_forward_hook(count)
    reach = 2 * int(model.settings.get("neighbors", 0)) + 1
    with torch.no_grad():
        module(torch.zeros(1, len(model.channels) * reach, *shape))
    return counted[0] / float(np.prod(shape))


def measured(function: Callable[[], object], repeats: int = 5) -> tuple[float, float]:
    """Fewest processor and wall seconds of some calls, after one that is not counted."""
    function()
    found = []
    for _ in range(repeats):
        start, busy = time.perf_counter(), time.process_time()
        function()
        found.append((time.process_time() - busy, time.perf_counter() - start))
    return min(one[0] for one in found), min(one[1] for one in found)


def plain_eager(model: Model) -> Callable[[np.ndarray], np.ndarray]:
    """The network in torch as anyone would run it: no channels_last, no autocast."""
    module = build_network(model.network, model.settings, channels=len(model.channels), classes=model.classes)
    module.load_state_dict({name: torch.from_numpy(np.array(values)) for name, values in model.weights.items()})
    module.eval()

    def run(grey: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return module(torch.from_numpy(grey)).numpy()

    return network_predictor(model, run)


def peak_rate(precision: str, threads: int) -> float:
    """Operations per core-second of the best of some chains of convolutions in OpenVINO: what this machine can do."""
    return max(chain_rate(precision, threads, channels) for channels in (16, 32, 64, 128))


def chain_rate(precision: str, threads: int, channels: int, *, size: int = 256, layers: int = 12) -> float:
    """Operations per core-second of equal convolutions one after the other, between one channel and one channel."""
    from openvino import opset13 as ops

    widths = [1, *(channels,) * layers, 1]
    values = ops.parameter([1, 1, size, size], np.float32)
    node, cost = values, 0.0
    for seed, (before, after) in enumerate(itertools.pairwise(widths)):
        weights = np.random.default_rng(seed).normal(0, 0.04, (after, before, 3, 3)).astype(np.float32)
        node = ops.relu(ops.convolution(node, ops.constant(weights), [1, 1], [1, 1], [1, 1], [1, 1]))
        cost += 2.0 * before * after * 9 * size**2
    hints = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
    compiled = openvino.Core().compile_model(openvino.Model([node], [values]), "CPU", hints)
    request, grey = compiled.create_infer_request(), np.ones((1, 1, size, size), np.float32)
    core_seconds, _ = measured(lambda: request.infer([grey]), repeats=5)
    return cost / core_seconds


def network_rows(model: Model, grey: np.ndarray, threads: int) -> list[str]:
    """Network only, warm: one line per engine and precision."""
    spatial = grey.shape[1:] if model.dimension == 3 else grey.shape[2:]
    cost = operations(model, spatial)
    torch.set_num_threads(threads)
    reference = plain_eager(model)
    classes = reference(grey).argmax(axis=0)
    eager, eager_wall = measured(lambda: reference(grey))
    lines = [f"network only: {model.network}, {cost / 1e3:.1f} kFLOP a voxel, {grey[0].size / 1e6:.2f} Mvoxel"]
    lines.append("engine               Mvoxel/core-s  x eager  Mvoxel/s  x eager  of peak  same class as eager f32")

    def add(name: str, core: float, wall: float, peak: float | None, agreement: float) -> None:
        share = "      -" if peak is None else f"{cost * grey[0].size / core / peak:7.0%}"
        rates = grey[0].size / core / 1e6, grey[0].size / wall / 1e6
        lines.append(
            f"{name:<20} {rates[0]:13.2f} {eager / core:8.2f} {rates[1]:9.2f} {eager_wall / wall:8.2f}  {share}  "
            f"{agreement:.4%}"
        )

    add("torch eager f32", eager, eager_wall, None, 1.0)
    for precision in ("f32", "bf16"):
        predictor = open_torch(model, precision=precision, threads=threads)
        core, wall = measured(lambda predictor=predictor: predictor(grey))
        agreement = float(np.mean(predictor(grey).argmax(axis=0) == classes))
        add(f"  channels_last {precision}", core, wall, None, agreement)
    for precision in cpu_precisions():
        answer = open_predictor(model, precision=precision, threads=threads)
        core, wall = measured(lambda answer=answer: answer(grey))
        agreement = float(np.mean(answer(grey).argmax(axis=0) == classes))
        peak = peak_rate(precision, threads)
        add(f"openvino {precision}", core, wall, peak, agreement)
        with mock.patch.object(openvino_engine, "convolve_before_repeating"):
            exported = open_predictor(model, precision=precision, threads=threads)
        core, wall = measured(lambda exported=exported: exported(grey))
        agreement = float(np.mean(exported(grey).argmax(axis=0) == classes))
        add("  as exported", core, wall, peak, agreement)
    return lines


def end_to_end_rows(model: Model, grey: np.ndarray) -> list[str]:
    """uint8 volume to uint8 phases, with normalization, tiles and decisions, in memory and into a study."""
    scan = Volume.from_array(grey)
    # Averages of thousands of tiles hide what one thread waits for: this is one run each, warm by the rows above.
    lines = [f"end to end: {grey.shape} uint8 to phases", "engine               core-s  wall s  Mvoxel/core-s"]
    precisions = ["f32", *(("bf16",) if "bf16" in cpu_precisions() else ())]
    for engine, precision in [("torch", "f32"), *(("openvino", precision) for precision in precisions)]:
        config = ModelSegmentConfig(engine=engine, precision=precision, accept_drift=True)
        core, wall = measured(lambda config=config: run_model_segment(scan, model, config, MemoryWorkspace()), 1)
        lines.append(f"{engine + ' ' + precision:<18} {core:8.2f} {wall:7.2f}  {grey.size / core / 1e6:13.2f}")
    with tempfile.TemporaryDirectory() as folder:
        work = StudyWorkspace("segment", Path(folder), None, budget=2_000_000_000)
        start, busy = time.perf_counter(), time.process_time()
        config = ModelSegmentConfig(precision=precisions[-1], accept_drift=True)
        result = run_model_segment(scan, model, config, work)
        core, wall = time.process_time() - busy, time.perf_counter() - start
    halo = result.histogram["model"]["halo"]
    lines.append(
        f"{'study, ' + precisions[-1]:<18} {core:8.2f} {wall:7.2f}  {grey.size / core / 1e6:13.2f}  halo {halo}"
    )
    return lines


class Inference:
    """asv: a small U-Net."""

    params = ("f32", "bf16")
    param_names = ("precision",)

    def setup(self, precision: str) -> None:
        if precision not in cpu_precisions():
            raise NotImplementedError
        self.model = random_model(base=8, depth=3)
        self.predictor = open_predictor(self.model, precision=precision)
        self.grey = electrode(4, 256)
        self.normal = (self.grey[None] / 255).astype(np.float32)

    def time_network(self, precision: str) -> None:
        self.predictor(self.normal)

    def time_segment(self, precision: str) -> None:
        config = ModelSegmentConfig(precision=precision, accept_drift=True)
        run_model_segment(Volume.from_array(self.grey), self.model, config, MemoryWorkspace())

    def track_agreement(self, precision: str) -> float:
        reference = open_torch(self.model, precision="f32", threads=available_cores())(self.normal)
        return float(np.mean(self.predictor(self.normal).argmax(axis=0) == reference.argmax(axis=0)))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="a trained model; random weights where it is left out")
    parser.add_argument("--network", default="unet", help="of the random model")
    parser.add_argument("--dimension", type=float, default=2)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--slices", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1, help="of the network alone; 2 on a quiet machine")
    parser.add_argument("--grey", type=Path, help="TIFF with a slice of a real scan, repeated")
    options = parser.parse_args()
    dimension = int(options.dimension) if options.dimension != 2.5 else 2.5
    extra = {"base": 8, "depth": 2} if dimension == 3 else {"neighbors": 1} if dimension == 2.5 else {}
    model = read_model(options.model) if options.model else random_model(options.network, dimension=dimension, **extra)
    print(f"{platform.machine()}, {available_cores()} cores, load {os.getloadavg()[0]:.1f}; torch {torch.__version__}, "
          f"openvino {openvino.__version__.split('-')[0]}")  # fmt: skip
    if options.grey:
        import tifffile

        grey = np.stack([np.asarray(tifffile.imread(options.grey), np.float32)] * options.slices)
    else:
        grey = electrode(options.slices, options.size)
    ends = np.percentile(grey, (1, 99))
    normal = Normalization((float(ends[0]),), (float(ends[1]),)).apply(grey[None])
    print(*network_rows(model, normal, options.threads), sep="\n")
    print(*end_to_end_rows(replace(model, domain={}), grey), sep="\n")
    print(f"peak memory of this process, torch included: {peak_bytes() / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
