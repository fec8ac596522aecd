"""The verb `segment`: grey values to phases, by cuts in the histogram."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from voltomo.artifacts import ArrayLike, Phase, PhaseMap, PhaseTable, Role, Volume
from voltomo.blocks import Block, Partial
from voltomo.errors import GateError, InputError, ShapeError
from voltomo.segment.histogram import Histogram, bin_rule, count_values, quantile_range, value_range
from voltomo.segment.thresholds import (
    between_class_share,
    class_shares,
    classify,
    cuts_for_fractions,
    multi_otsu_cuts,
    otsu_cut,
    triangle_cut,
)
from voltomo.stages.workspace import Workspace
from voltomo.units import parse_density

__all__ = ["PhaseRow", "SegmentConfig", "SegmentResult", "run_segment"]

Array: TypeAlias = npt.NDArray[Any]
Method: TypeAlias = Literal["otsu", "multi-otsu", "triangle", "threshold", "fractions"]

REPORT_BINS = 512
"""Bins of the histogram in the report: finer than a figure can show."""
TAIL = 1e-4
"""Share of voxels at either end that must not stretch the bins of a float histogram: hot pixels, zingers."""


def _density(value: object) -> object:
    return parse_density(value) if isinstance(value, str) else value


class PhaseRow(BaseModel):
    """One phase, as a recipe writes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: int = Field(ge=1, le=255)
    name: str
    role: Role = "other"
    color: str = ""
    density: Annotated[float | None, BeforeValidator(_density)] = None

    def to_phase(self) -> Phase:
        """The row of a PhaseTable."""
        return Phase(self.id, self.name, self.role, self.color, self.density)


class SegmentConfig(BaseModel):
    """How grey values become phases.

    Parameters
    ----------
    method : how the cuts between classes are found
    classes : number of grey classes; 2, or as many as `phases`, `thresholds` or `fractions` say
    thresholds : the cuts of method "threshold", rising; a voxel above a cut belongs to the brighter class
    fractions : volume fractions of the classes by rising grey, for method "fractions"
    phases : the phase table, one row per class, in the order of rising grey; named by their number otherwise
    invert : active material is dark; classes are numbered by falling grey
    channel : which channel of the volume
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Method = "otsu"
    classes: int | None = Field(default=None, ge=2, le=8)
    thresholds: tuple[float, ...] | None = None
    fractions: tuple[float, ...] | None = None
    phases: tuple[PhaseRow, ...] | None = None
    invert: bool = False
    channel: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _fits_together(self) -> SegmentConfig:
        needs = {"threshold": "thresholds", "fractions": "fractions"}
        for method, key in needs.items():
            if self.method == method and not getattr(self, key):
                raise ValueError(f"method {method!r} needs {key!r}")
            if self.method != method and getattr(self, key) is not None:
                raise ValueError(f"{key!r} belongs to method {method!r}, found method {self.method!r}")
        if self.thresholds is not None and list(self.thresholds) != sorted(set(self.thresholds)):
            raise ValueError(f"thresholds must rise, found {list(self.thresholds)}")
        counts = {
            "classes": self.classes,
            "phases": None if self.phases is None else len(self.phases),
            "thresholds": None if self.thresholds is None else len(self.thresholds) + 1,
            "fractions": None if self.fractions is None else len(self.fractions),
        }
        told = {key: count for key, count in counts.items() if count is not None}
        if len(set(told.values())) > 1:
            raise ValueError("the number of classes differs: " + ", ".join(f"{k} → {n}" for k, n in told.items()))
        if self.method == "triangle" and self.class_count != 2:
            raise ValueError(f"method {self.method!r} gives two classes, found {self.class_count}")
        return self

    @property
    def class_count(self) -> int:
        """Number of grey classes."""
        for items, extra in ((self.phases, 0), (self.thresholds, 1), (self.fractions, 0)):
            if items is not None:
                return len(items) + extra
        return self.classes or (3 if self.method == "multi-otsu" else 2)

    def table(self) -> PhaseTable:
        """The phases of the result."""
        if self.phases is None:
            return PhaseTable.numbered(self.class_count)
        return PhaseTable(tuple(row.to_phase() for row in self.phases))

    def ids(self) -> tuple[int, ...]:
        """Phase id of each class by rising grey."""
        ids = self.table().ids if self.phases is None else tuple(row.id for row in self.phases)
        return ids[::-1] if self.invert else ids


@dataclass(frozen=True)
class SegmentResult:
    """What `segment` gives.

    Parameters
    ----------
    phase_map : the phases
    histogram : for the report: edges, counts, cuts, method, classes (name, id, share), separation
    mask : (Z, Y, X) uint8, 1 inside the field of view; None if all of the volume is inside
    warnings : sentences for the report
    """

    phase_map: PhaseMap
    histogram: dict[str, Any]
    mask: ArrayLike | None = None
    warnings: tuple[str, ...] = field(default=())


def run_segment(
    volume: Volume, config: SegmentConfig, work: Workspace, *, mask: ArrayLike | None = None
) -> SegmentResult:
    """Segment a volume by cuts in the histogram of its field of view.

    Parameters
    ----------
    volume : the grey volume
    config : the method and its parameters
    work : where arrays live and how blocks run
    mask : (Z, Y, X), 0 outside the field of view; the volume's own where None

    Raises
    ------
    GateError
        If the image is constant, holds no finite value, or holds fewer grey values than classes.
    """
    if config.channel >= len(volume.channels):
        raise InputError(f"channel {config.channel} of a volume with {len(volume.channels)}; the first channel is 0")
    mask = volume.mask if mask is None else mask
    if mask is not None and tuple(mask.shape) != volume.shape:
        raise ShapeError(f"mask {tuple(mask.shape)} and volume {volume.shape} differ in shape")
    grey = volume.channel(config.channel)
    sources: tuple[ArrayLike, ...] = (grey,) if mask is None else (grey, mask)
    histogram = _count(sources, work)
    cuts = _find_cuts(histogram, config)
    ids = config.ids()
    out = work.array("phases", volume.shape, np.uint8)
    work.map(
        "classify",
        lambda block, *arrays: classify(arrays[0], cuts, ids, _inside(*arrays)),
        *sources,
        out=out,
        bytes_per_voxel=_bytes_read(sources) + 2,
    )
    table = config.table()
    phase_map = PhaseMap(out, table, volume.voxel_size, volume.through_plane)
    record = _record(histogram, cuts, config, ids)
    return SegmentResult(phase_map, record, mask, tuple(_warnings(config, table)))


def _inside(values: Array, mask: Array | None = None) -> Array:
    """uint8, 1 inside: the mask, or everything."""
    return np.ones(values.shape, np.uint8) if mask is None else np.asarray(mask != 0).view(np.uint8)


def _bytes_read(sources: Sequence[ArrayLike]) -> float:
    return float(sum(np.dtype(source.dtype).itemsize for source in sources))


def _count(sources: Sequence[ArrayLike], work: Workspace) -> Histogram:
    """The histogram inside the mask: a pass for the range, a pass for the counts, a third if few voxels stretch it."""
    dtype = sources[0].dtype
    memory = _bytes_read(sources) + 2

    def measure(_block: Block, *arrays: Array) -> Partial:
        low, high = value_range(arrays[0], _inside(*arrays))
        return {"low": np.array(low), "high": np.array(high)}

    def widen(a: Partial, b: Partial) -> Partial:
        return {"low": np.minimum(a["low"], b["low"]), "high": np.maximum(a["high"], b["high"])}

    span = work.reduce("range", measure, *sources, merge=widen, bytes_per_voxel=memory)
    low, high = float(span["low"]), float(span["high"])
    if not np.isfinite([low, high]).all():
        raise GateError("there is no finite grey value inside the field of view; is the mask right?")
    rule = bin_rule(dtype, low, high)

    def tally(step: str) -> npt.NDArray[np.int64]:
        current = rule

        def count(_block: Block, *arrays: Array) -> Partial:
            return {"counts": count_values(arrays[0], _inside(*arrays), current)}

        def add(a: Partial, b: Partial) -> Partial:
            return {"counts": np.add(a["counts"], b["counts"])}

        partial = work.reduce(step, count, *sources, merge=add, bytes_per_voxel=memory)
        return np.asarray(partial["counts"], np.int64)

    counts = tally("histogram")
    if not rule.is_exact:
        core = quantile_range(counts, rule, TAIL)
        if core[1] - core[0] < (high - low) / 8:
            rule = bin_rule(dtype, *core)
            counts = tally("histogram-core")
    return Histogram(counts, rule)


def _find_cuts(histogram: Histogram, config: SegmentConfig) -> tuple[float, ...]:
    """The cuts that the method finds."""
    if config.method == "threshold":
        assert config.thresholds is not None
        return config.thresholds
    if config.method == "fractions":
        assert config.fractions is not None
        return cuts_for_fractions(histogram, config.fractions[::-1] if config.invert else config.fractions)
    if config.method == "triangle":
        return (triangle_cut(histogram),)
    return (otsu_cut(histogram),) if config.class_count == 2 else multi_otsu_cuts(histogram, config.class_count)


def _record(histogram: Histogram, cuts: Sequence[float], config: SegmentConfig, ids: Sequence[int]) -> dict[str, Any]:
    """What the report draws and says about the histogram; plain values only."""
    drawn = histogram.grouped(REPORT_BINS)
    table = config.table()
    shares = class_shares(histogram, cuts)
    return {
        "method": config.method,
        "edges": drawn.rule.edges.tolist(),
        "counts": drawn.counts.tolist(),
        "cuts": [float(cut) for cut in cuts],
        "classes": [
            {"id": i, "name": table.by_id(i).name, "color": table.by_id(i).color, "share": float(share)}
            for i, share in zip(ids, shares, strict=True)
        ],
        "separation": between_class_share(histogram, cuts),
        "voxels": histogram.total,
    }


def _warnings(config: SegmentConfig, table: PhaseTable) -> list[str]:
    """What a reader must know about the classes."""
    if table.with_role("pore+binder"):
        return [
            "Two classes: binder and pore are not told apart. Numbers of the class pore+binder are neither a porosity "
            "nor an electrolyte tortuosity; a two-phase segmentation of a three-phase electrode underestimates "
            "tortuosity by 1.35-1.81 times (Usseglio-Viretta et al., J. Electrochem. Soc. 165 (2018) A3403)."
        ]
    if config.class_count >= 3:
        return [
            f"{config.class_count} classes by grey level: voxels on the edge between the darkest and the brightest "
            "class have a grey in between (partial volume), so that a false shell of the middle class wraps every "
            "particle. Its fraction and surface are overestimated."
        ]
    return []
