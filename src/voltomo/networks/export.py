"""A network as ONNX, which engines without torch can run."""

from __future__ import annotations

import logging
import warnings

import torch
from torch import nn

from voltomo.errors import MissingExtraError

__all__ = ["INPUT", "OUTPUT", "export_onnx"]

INPUT, OUTPUT = "grey", "logits"
"""Names of the tensors."""


def export_onnx(module: nn.Module, *, channels: int, spatial: int) -> bytes:
    """The network with its weights as an ONNX file.

    Parameters
    ----------
    module : network in any mode; it is exported as it predicts
    channels : of the input tensor, neighbours included
    spatial : 2 for (N, C, Y, X), 3 for (N, C, Z, Y, X)

    Returns
    -------
    bytes
        Input "grey" and output "logits", float32; batch and spatial sizes are free.

    Raises
    ------
    MissingExtraError
        If the packages onnx and onnxscript are missing.

    Notes
    -----
    torch's default exporter (torch.export) is used: the older one cannot write argmax unpooling.
    """
    try:
        import onnxscript  # noqa: F401 - asked for here, so that the error names the extra
    except ImportError as error:
        raise MissingExtraError("writing ONNX needs onnx and onnxscript: pip install 'voltomo[train]'") from error
    was_training, device = module.training, next(module.parameters()).device
    # Sizes that no multiple divides and that differ, or the exporter would take them for constants or for equal.
    example = torch.zeros(2, channels, *(45, 61, 83)[-spatial:], device=device)
    free = dict.fromkeys((0, *range(2, 2 + spatial)), torch.export.Dim.DYNAMIC)
    module.eval()
    quiet = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in quiet]
    try:
        for logger in quiet:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the exporter about its own future
            program = torch.onnx.export(
                module,
                (example,),
                dynamo=True,
                dynamic_shapes=(free,),
                input_names=[INPUT],
                output_names=[OUTPUT],
                verbose=False,
            )
        return bytes(program.model_proto.SerializeToString())
    finally:
        module.train(was_training)
        for logger, level in zip(quiet, levels, strict=True):
            logger.setLevel(level)
