"""The verb that makes an electrode: a structure, what is true about it, and a scan of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from voltomo.artifacts import Volume
from voltomo.errors import InputError
from voltomo.machine import available_cores
from voltomo.stages.scan_fibsem import FibsemScanConfig, FibsemScanResult, run_fibsem_scan
from voltomo.stages.scan_image import ImageScanConfig, run_image_scan
from voltomo.stages.scan_xray import XrayScanConfig, XrayScanResult, run_xray_scan
from voltomo.stages.synth import SynthConfig, SynthResult, run_synth
from voltomo.stages.workspace import MemoryWorkspace
from voltomo.verbs.inputs import settings_of

__all__ = ["Twin", "synth"]

_PAINTED_EDGE = 96
"""Voxels of a block of a synthetic electrode."""


def synth(
    family: str = "nmc",
    *,
    scan: Literal["image", "nanoct", "fibsem", "none"] = "image",
    scan_settings: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Twin:
    """Make a synthetic electrode and a scan of it, and say what is true about it.

    Parameters
    ----------
    family : kind of electrode: "nmc", "graphite", "lfp", "si-graphite", "assb", "li-s", "li-air", "separator"
    scan : "image" for a reconstructed volume, "nanoct" for raw projections, "fibsem" for slices
    scan_settings : of `ImageScanConfig`, `XrayScanConfig` or `FibsemScanConfig`, such as ``{"dose": "low"}``
    **settings : of `voltomo.stages.synth_config.SynthConfig`, such as ``shape=(64, 64, 64), porosity=0.3, seed=7``

    Returns
    -------
    Twin
        The truth (`.phase_map`, `.instance_map`, `.crack_map`, `.truth` ...) and the scan: `.volume`, `.xray` or
        `.fibsem`.

    Raises
    ------
    InputError
        If no electrode can be as asked; the message says what is reachable.
    """
    config = settings_of(SynthConfig, {"family": family, **settings})
    made = run_synth(config, _shared(config.shape))
    wanted = dict(scan_settings or {})
    work = _shared(config.shape)
    match scan:
        case "image":
            found = run_image_scan(made.structure, made.phase_map.data, settings_of(ImageScanConfig, wanted), work)
            return Twin.of(made, volume=found)
        case "nanoct":
            return Twin.of(made, xray=run_xray_scan(made.structure, settings_of(XrayScanConfig, wanted), work))
        case "fibsem":
            return Twin.of(made, fibsem=run_fibsem_scan(made.structure, settings_of(FibsemScanConfig, wanted), work))
        case "none":
            return Twin.of(made)
        case _:
            raise InputError(f"there is no scan {scan!r}; choose one of image, nanoct, fibsem, none")


@dataclass(frozen=True)
class Twin(SynthResult):
    """A synthetic electrode, and the scan of it that was asked for.

    Parameters
    ----------
    volume : of the scan "image"
    xray : projections and what is true about them, of the scan "nanoct"
    fibsem : slices and what is true about them, of the scan "fibsem"
    """

    volume: Volume | None = None
    xray: XrayScanResult | None = None
    fibsem: FibsemScanResult | None = None

    @classmethod
    def of(cls, made: SynthResult, **scans: Any) -> Twin:
        """A structure with its scans."""
        return cls(**{item.name: getattr(made, item.name) for item in fields(made)}, **scans)


def _shared(shape: tuple[int, int, int]) -> MemoryWorkspace:
    """Blocks for all cores: what is painted takes microseconds per voxel."""
    z, y, x = (min(n, _PAINTED_EDGE) for n in shape)
    return MemoryWorkspace((z, y, x), workers=available_cores())
