"""The gate before a model: whether this scan is like those that trained it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from voltomo.artifacts import ArrayLike, Model, Volume
from voltomo.blocks import Partial
from voltomo.errors import GateError, ShapeError
from voltomo.learning.domain import compare_domain, fingerprint
from voltomo.learning.normalization import Normalization
from voltomo.stages.scan_sample import sample_slices
from voltomo.stages.workspace import Workspace
from voltomo.units import VoxelSize, format_voxel_size

__all__ = ["DomainReport", "check_domain"]

VOXEL_SLACK = 1.26
"""Voxels may be this much smaller or larger than those of training, 2 to the power of 1/3: augmentation covers it."""
_ACCEPT = "Train on a few labels of this scan (`voltomo train --from`), or go on all the same with --accept-drift"


@dataclass(frozen=True)
class DomainReport:
    """What the gate found.

    Parameters
    ----------
    record : distance (an alarm above 1), and the most different features, as JSON has it
    warnings : sentences for the report
    """

    record: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def check_domain(
    volume: Volume,
    model: Model,
    mask: ArrayLike | None,
    normalization: Normalization,
    work: Workspace,
    *,
    accept: bool,
) -> DomainReport:
    """Compare a scan with the domain of a model.

    Parameters
    ----------
    volume, mask : the scan and its field of view
    model : with its voxel sizes and domain, where they are known
    normalization : of the scan
    work : remembers the fingerprint
    accept : warn rather than refuse

    Raises
    ------
    GateError
        (gate "drift") If voxel size or fingerprint lie outside, and that is not accepted.
    """
    reasons = _voxel_size_reasons(volume.voxel_size, model.voxel_size)
    record: dict[str, Any] = {"distance": None, "differences": [], "accepted": accept}
    warnings: list[str] = []
    if model.domain.get("features"):
        drift = compare_domain(model.domain, _fingerprint(volume, mask, normalization, work))
        record["distance"] = drift.distance
        record["differences"] = [
            {"feature": one.feature, "value": one.value, "low": one.low, "high": one.high, "distance": one.distance}
            for one in drift.largest()
        ]
        if drift.is_outside:
            reasons += [one.sentence() for one in drift.largest()]
    else:
        warnings.append(f"the model {model.name} does not know the scans that trained it: nobody checked that they are "
                        "like this one")  # fmt: skip
    if volume.voxel_size is None and model.voxel_size is not None:
        warnings.append(
            f"the voxel size of this scan is unknown; the model {model.name} was trained at "
            f"{_range_text(model.voxel_size)}, and whether that fits was not checked"
        )
    if reasons:
        text = f"this scan is unlike those that trained the model {model.name}: {'; '.join(reasons)}"
        if not accept:
            raise GateError(f"{text}. {_ACCEPT}", gate="drift")
        warnings.append(f"{text}. This was accepted; check the phases by eye")
    return DomainReport(record, tuple(warnings))


def _fingerprint(
    volume: Volume, mask: ArrayLike | None, normalization: Normalization, work: Workspace
) -> dict[str, float]:
    """Fingerprint of a few slices; empty where they are too small to have one."""

    def measure() -> Partial:
        slices = []
        for piece in sample_slices(volume, mask):
            outside = np.isnan(piece)
            normal = normalization.apply(piece)
            normal[outside] = np.nan
            slices.append(normal)
        try:
            found = fingerprint(slices)
        except ShapeError:
            return {"names": np.array([], "U1"), "values": np.array([])}
        return {"names": np.array(list(found)), "values": np.array(list(found.values()))}

    known = work.remember("fingerprint", measure)
    return dict(zip(known["names"].tolist(), known["values"].tolist(), strict=True))


def _voxel_size_reasons(found: VoxelSize | None, trained: tuple[VoxelSize, VoxelSize] | None) -> list[str]:
    """What to say about a voxel size outside the range of training."""
    if found is None or trained is None:
        return []
    fits = all(low / VOXEL_SLACK <= edge <= high * VOXEL_SLACK for edge, low, high in zip(found, *trained, strict=True))
    return [] if fits else [f"voxel size {format_voxel_size(found)}, in training {_range_text(trained)}"]


def _range_text(sizes: tuple[VoxelSize, VoxelSize]) -> str:
    """One size, or from … to."""
    low, high = (format_voxel_size(size) for size in sizes)
    return low if low == high else f"{low} to {high}"
