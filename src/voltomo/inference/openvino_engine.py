"""Networks in OpenVINO, the engine for CPUs."""

from __future__ import annotations

import queue
from functools import cache
from threading import Lock
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.errors import InputError, MissingExtraError
from voltomo.inference.network import NetworkRun
from voltomo.inference.upsampling import convolve_before_repeating

__all__ = ["cpu_precisions", "open_network"]

Floats: TypeAlias = npt.NDArray[np.float32]

_NAMES = {"f32": "f32", "bf16": "bf16"}


_opening = Lock()


def _core() -> Any:
    """OpenVINO itself; one per process."""
    with _opening:
        return _new_core()


@cache
def _new_core() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise MissingExtraError("running a network needs openvino: pip install openvino") from error
    # The first tensor over an array initializes the bindings; two threads that do so at once wait for each other
    # for ever (openvino 2026.4: one has the initialization and waits for the interpreter, the other the reverse).
    _ = openvino.Tensor(np.zeros(1, np.float32), shared_memory=True).data
    return openvino.Core()


@cache
def cpu_precisions() -> tuple[str, ...]:
    """Precisions in which this CPU computes by itself: "f32", and "bf16" where it has the instructions."""
    able = _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return ("f32", "bf16") if "BF16" in able else ("f32",)


def open_network(network: bytes, *, precision: str, threads: int, streams: int) -> NetworkRun:
    """A network that is ready to run.

    Parameters
    ----------
    network : ONNX file, logits as its first output
    precision : "f32" or "bf16"; OpenVINO left alone would choose bf16 where the CPU has it
    threads : of all streams together
    streams : calls that run side by side, each with its share of the threads; further callers wait

    Raises
    ------
    InputError
        If the precision is unknown or the CPU does not have it, or the network cannot be read.
    """
    if precision not in _NAMES:
        raise InputError(f"expected the precision {' or '.join(_NAMES)} for OpenVINO, found {precision!r}")
    if precision not in cpu_precisions():
        raise InputError(f"this CPU does not compute in {precision}; use the precision f32, or auto")
    settings = {
        "INFERENCE_PRECISION_HINT": _NAMES[precision],
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": streams,
        "ENABLE_CPU_PINNING": False,  # other threads of ours read and write beside it, and other programs run too
    }
    try:
        graph = _core().read_model(network, b"")
        convolve_before_repeating(graph)
        compiled = _core().compile_model(graph, "CPU", settings)
    except RuntimeError as error:
        raise InputError(f"OpenVINO cannot use the network of this model: {str(error).splitlines()[0]}") from error
    requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
    for _ in range(streams):
        requests.put(compiled.create_infer_request())

    def run(grey: Floats) -> Floats:
        request = requests.get()
        try:
            request.infer([grey], share_inputs=True)
            # A copy: the next caller of this request overwrites its output.
            return np.array(request.get_output_tensor(0).data, dtype=np.float32)
        finally:
            requests.put(request)

    return run
