"""New weights for an ONNX file of the same network: a copy, where exporting again takes seconds.

The exporter folds batch normalization into the convolution before it; the same is done here.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

__all__ = ["refill_onnx"]

_CONVOLUTIONS = (nn.Conv2d, nn.Conv3d)
_NORMALIZATIONS = (nn.BatchNorm2d, nn.BatchNorm3d)


def refill_onnx(exported: bytes, before: nn.Module, after: nn.Module) -> bytes | None:
    """An exported network with the weights of another one of the same make.

    Parameters
    ----------
    exported : ONNX file of `before`
    before, after : the two networks

    Returns
    -------
    bytes or None
        None where the file does not hold the weights of `before` under their names, to the precision of float32: then
        only an export helps.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # it has no types
    from onnx import numpy_helper

    try:
        proto = onnx.load_from_string(exported)
    except DecodeError:
        return None
    old, new = _folded(before), _folded(after)
    seen = set()
    for tensor in proto.graph.initializer:
        if tensor.name not in new:
            continue  # a constant of the graph
        values = numpy_helper.to_array(tensor)
        if values.shape != new[tensor.name].shape or not np.allclose(values, old[tensor.name], rtol=1e-4, atol=1e-6):
            return None
        tensor.CopyFrom(numpy_helper.from_array(new[tensor.name], tensor.name))
        seen.add(tensor.name)
    return bytes(proto.SerializeToString()) if seen == set(new) else None


def _folded(network: nn.Module) -> dict[str, npt.NDArray[Any]]:
    """Every weight as the exporter names it, batch normalization within the convolution before it."""
    found: dict[str, npt.NDArray[Any]] = {}
    folded = set()
    for path, module in network.named_modules():
        if not isinstance(module, nn.Sequential):
            continue
        layers = [(f"{path}.{name}", layer) for name, layer in module.named_children()]
        for (name, layer), (other, norm) in pairwise(layers):
            if isinstance(layer, _CONVOLUTIONS) and isinstance(norm, _NORMALIZATIONS):
                weight, bias = fuse_conv_bn_weights(
                    layer.weight, layer.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
                )
                found[f"{name}.weight"] = weight.detach().numpy()
                found[f"{name}.weight_bias" if layer.bias is None else f"{name}.bias"] = bias.detach().numpy()
                folded |= {name, other}
    for name, value in network.named_parameters():
        if name.rpartition(".")[0] not in folded:
            found[name] = value.detach().numpy()
    return found
