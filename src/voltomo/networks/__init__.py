"""Networks for segmentation, one file each, behind one interface."""

from voltomo.networks.contract import SegmentationNetwork
from voltomo.networks.export import export_onnx
from voltomo.networks.registry import (
    NetworkEntry,
    build_network,
    network_entry,
    network_names,
    register_network,
    resolve_settings,
)

__all__ = [
    "NetworkEntry",
    "SegmentationNetwork",
    "build_network",
    "export_onnx",
    "network_entry",
    "network_names",
    "register_network",
    "resolve_settings",
]
