"""`synth --like`: a synthetic electrode whose scan looks like a given one, and how much it does.

The scan is measured; a twin is made from the numbers, measured in the same way (on its scan, segmented by the same
method, not on its truth), and the settings are corrected by what was missed, once or a few times. The last twin is
compared with the scan, statistic by statistic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from voltomo.artifacts import InstanceMap, PhaseMap, PhaseTable, Volume
from voltomo.blocks import Block
from voltomo.errors import InputError
from voltomo.stages.likeness import Measured, Prefixed, measure_likeness
from voltomo.stages.particles import ParticlesConfig, run_particles
from voltomo.stages.scan_image import ImageScanConfig, run_image_scan
from voltomo.stages.segment import SegmentConfig, run_segment
from voltomo.stages.synth import SynthConfig
from voltomo.stages.workspace import Workspace
from voltomo.synthesis.families import ACTIVE, BINDER, CRACK_PHASE, PORE, find_family
from voltomo.synthesis.generate import make_structure
from voltomo.synthesis.likeness.comparison import STRUCTURE, MatchRow, compare_likeness
from voltomo.synthesis.likeness.covariance import noise_kernel
from voltomo.synthesis.likeness.settings import TwinSettings, correct_settings, first_settings
from voltomo.synthesis.likeness.statistic import Likeness
from voltomo.synthesis.raster import rasterize
from voltomo.synthesis.structure import Structure
from voltomo.units import VoxelSize, format_voxel_size

__all__ = ["NOMINAL_VOXEL", "TwinConfig", "TwinMatch", "TwinPlan", "compare_twin", "make_twin", "plan_twin"]

NOMINAL_VOXEL = 1e-6
"""m; stands for a voxel where the voxel size is not known, so that lengths in µm are lengths in voxels."""


class TwinConfig(BaseModel):
    """How a twin is found.

    Parameters
    ----------
    family : kind of electrode that the twin is; one with pore and active material
    segment : how both scans are segmented before they are measured
    particles : how particles are found in both; cracks by phases alone, since a grey threshold inside particles answers
        to noise and texture as well
    rounds : how often the settings are corrected by what a trial twin misses; the trial that matches best is kept
    trial_voxels : size of a trial twin at most; with fewer than the scan has, sizes and fractions are not corrected
    seed : of the twin
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: str = "nmc"
    segment: SegmentConfig = SegmentConfig()
    particles: ParticlesConfig = ParticlesConfig(crack_threshold="none")
    rounds: int = Field(default=2, ge=0, le=5)
    trial_voxels: int = Field(default=8_000_000, ge=100_000)
    seed: int = Field(default=0, ge=0, lt=2**31)


@dataclass(frozen=True)
class TwinPlan:
    """What the twin should be, and why.

    Parameters
    ----------
    settings : of the electrode and of the scan, in numbers
    shape : (Z, Y, X) of the twin
    family : kind of electrode
    voxel_size : (dz, dy, dx) in m; `NOMINAL_VOXEL` where that of the scan is not known
    dtype : of the scan
    noise_kernel : (KZ, KY, KX) kernel that gives white noise the measured spectrum; None where that is not known
    seed : of the twin
    source : statistics of the scan
    phases : phase table of the segmentation
    history : settings of each round before, and the mean share of the tolerance that their twin missed by
    notes : what had to be assumed
    """

    settings: TwinSettings
    shape: tuple[int, int, int]
    family: str
    voxel_size: VoxelSize
    dtype: str
    noise_kernel: npt.NDArray[np.float64] | None
    seed: int
    source: Likeness
    phases: PhaseTable
    history: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def full_scale(self) -> float:
        """Grey value of the scan that stands for 1; 1 for floating point."""
        return float(np.iinfo(self.dtype).max) if np.issubdtype(np.dtype(self.dtype), np.integer) else 1.0

    def synth_config(self, shape: tuple[int, int, int] | None = None) -> SynthConfig:
        """The electrode of the twin, in the plan's shape or another one.

        Raises
        ------
        InputError
            If the family has no pore, or no particles.
        """
        family, settings = find_family(self.family), self.settings
        if PORE not in family.fractions or family.d50 == 0:
            raise InputError(f"a twin needs a family with particles and pores, found {self.family}; ask for nmc")
        crack_width = min(max(settings.d50 / 12, max(self.voxel_size)), 3 * max(self.voxel_size))
        return SynthConfig(
            shape=shape or self.shape,
            family=self.family,
            voxel_size=format_voxel_size(self.voxel_size),
            porosity=settings.porosity,
            binder=settings.binder if BINDER in family.fractions else None,
            d50=_length(settings.d50),
            spread=settings.spread,
            elongation=settings.elongation,
            cracked=settings.cracked,
            crack_width=_length(crack_width),
            hollow=0.0,
            seed=self.seed,
        )

    def image_config(self) -> ImageScanConfig:
        """The scan of the twin."""
        settings, scale = self.settings, self.full_scale
        levels = {
            PORE: settings.pore,
            CRACK_PHASE: settings.pore,
            ACTIVE: settings.active,
            BINDER: settings.binder_level,
        }
        kernel = self.noise_kernel
        return ImageScanConfig(
            levels={i: level / scale for i, level in levels.items() if i in find_family(self.family).materials},
            texture=settings.texture / scale,
            texture_length=settings.texture_length,
            porous_texture=settings.porous_texture / scale,
            porous_length=settings.porous_length,
            blur=settings.blur,
            noise=settings.noise / scale,
            noise_length=settings.noise_length,
            noise_kernel=None if kernel is None else tuple(tuple(map(tuple, plane)) for plane in kernel.tolist()),
            rings=settings.rings / scale,
            drift=settings.drift / scale,
            drift_length=max(1.0, 0.5 * self.shape[0]),
            dtype=cast(Any, self.dtype),
            seed=self.seed,
        )


@dataclass(frozen=True)
class TwinMatch:
    """How well a twin matches.

    Parameters
    ----------
    rows : one per statistic
    source, twin : statistics with their curves
    settings : that gave the twin
    history : of the rounds before
    notes : what had to be assumed
    """

    rows: tuple[MatchRow, ...]
    source: Likeness
    twin: Likeness
    settings: TwinSettings
    history: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...]

    def to_record(self) -> dict[str, Any]:
        """JSON-able: `rows`, `settings`, `history`, `notes` and the `curves` of both."""
        compared = [row for row in self.rows if row.is_matched is not None]
        return {
            "matched": sum(bool(row.is_matched) for row in compared),
            "compared": len(compared),
            "rows": [row.to_record() for row in self.rows],
            "settings": self.settings.to_record(),
            "history": [dict(entry) for entry in self.history],
            "notes": list(self.notes),
            "curves": {"source": dict(self.source.curves), "twin": dict(self.twin.curves)},
        }


def plan_twin(
    volume: Volume,
    config: TwinConfig,
    work: Workspace,
    *,
    phase_map: PhaseMap | None = None,
    instance_map: InstanceMap | None = None,
) -> TwinPlan:
    """Measure a scan and find the settings of its twin.

    Parameters
    ----------
    volume : the scan; its first channel counts
    config : how
    work : where arrays and blocks live; only scratch is written
    phase_map, instance_map : what `config.segment` and `config.particles` gave for the scan, where that was done
        already; made here where None

    Raises
    ------
    GateError
        If the scan is constant, or the grey levels of active material and pore cannot be measured.
    """
    source, phases = _measure(volume, config, Prefixed(work, "source"), phase_map, instance_map)
    size = volume.voxel_size or (NOMINAL_VOXEL,) * 3
    unit = 1.0 if volume.voxel_size else NOMINAL_VOXEL
    first = first_settings(
        source.likeness,
        phases,
        default_d50=0.2 * min(n * edge for n, edge in zip(volume.shape[1:], size[1:], strict=True)) / unit,
        is_section=volume.dimension == 2,
    )
    plan = TwinPlan(
        settings=replace(first.settings, d50=first.settings.d50 * unit),
        shape=volume.shape,
        family=config.family,
        voxel_size=size,
        dtype=_dtype(volume.channel().dtype),
        noise_kernel=None if source.noise is None else noise_kernel(source.noise),
        seed=config.seed,
        source=source.likeness,
        phases=phases,
        notes=(*first.notes, *_unknown_size(volume)),
    )
    if config.rounds == 0:
        return plan
    window = _trial_window(volume.shape, config.trial_voxels)
    trials = []
    for number in range(config.rounds + 1):
        trial = _try(plan, window, config, Prefixed(work, f"trial-{number}"))
        trials.append(trial)
        corrected = correct_settings(
            plan.settings, plan.source, trial.likeness, plan.phases, sizes=window == plan.shape
        )
        plan = replace(plan, settings=corrected)
    best = min(trials, key=lambda trial: trial.miss)
    return replace(plan, settings=best.settings, history=tuple(trial.to_record() for trial in trials))


def make_twin(plan: TwinPlan, shape: tuple[int, int, int], work: Workspace) -> Volume:
    """The scan of a twin, without its truth: what `synth` and the image scan make of the plan's configs.

    Parameters
    ----------
    plan : of `plan_twin`
    shape : (Z, Y, X); the plan's, or a smaller one
    work : takes the arrays "phases" and "volume", and what the scan needs

    Raises
    ------
    InputError
        If no electrode can be as the settings say; the message says what is reachable.
    """
    config = plan.synth_config(shape)
    found = work.remember(
        "shapes", lambda: make_structure(config.request(), np.random.default_rng(config.seed)).to_arrays()
    )
    structure = Structure.from_arrays(found)
    phases = work.array("phases", shape, np.uint8)
    blank = np.broadcast_to(np.uint8(0), shape)
    work.map("phases", partial(_paint, structure=structure), blank, out=phases, bytes_per_voxel=20)
    return run_image_scan(structure, phases, plan.image_config(), work)


def _paint(block: Block, _blank: npt.NDArray[np.uint8], *, structure: Structure) -> npt.NDArray[np.uint8]:
    return rasterize(structure, block.read)[0]


def compare_twin(plan: TwinPlan, twin: Volume, config: TwinConfig, work: Workspace) -> TwinMatch:
    """Measure the scan of a twin as its source was measured, and compare.

    Parameters
    ----------
    plan : of `plan_twin`
    twin : the scan that was made from it
    config : as for `plan_twin`
    work : where arrays and blocks live; only scratch is written
    """
    measured = _measure_twin(plan, twin, config, Prefixed(work, "twin"))
    rows = compare_likeness(plan.source, measured, plan.phases)
    return TwinMatch(rows, plan.source, measured, plan.settings, plan.history, plan.notes)


def _measure(
    volume: Volume,
    config: TwinConfig,
    work: Workspace,
    phase_map: PhaseMap | None = None,
    instance_map: InstanceMap | None = None,
    span: tuple[float, float] | None = None,
    noise_phase: str | None = None,
) -> tuple[Measured, PhaseTable]:
    """Segment, find particles, measure."""
    if phase_map is None:
        phase_map = run_segment(volume, config.segment, work, mask=volume.mask).phase_map
        instance_map = None
    if instance_map is None:
        instance_map = run_particles(phase_map, config.particles, work, volume=volume).instance_map
    measured = measure_likeness(volume, phase_map, work, instance_map=instance_map, span=span, noise_phase=noise_phase)
    return measured, phase_map.phases


def _measure_twin(plan: TwinPlan, twin: Volume, config: TwinConfig, work: Workspace) -> Likeness:
    """Statistics of a twin, in the units and over the histogram of its source."""
    edges = plan.source.curves["histogram"]["edges"]
    has_size = any(statistic.unit == "m" for statistic in plan.source)
    same = twin if has_size else twin.with_voxel_size(None)
    span = (float(edges[0]), float(edges[-1]))
    noise_phase = plan.source.curves.get("noise", {}).get("phase")
    measured, _ = _measure(same, config, work, span=span, noise_phase=noise_phase)
    return measured.likeness


@dataclass(frozen=True)
class _Trial:
    """A trial twin: its settings, what it looks like, and by how much it misses."""

    settings: TwinSettings
    window: tuple[int, int, int]
    likeness: Likeness
    rows: tuple[MatchRow, ...]

    @property
    def miss(self) -> float:
        """Mean difference in tolerances, each counted up to 3: one hopeless statistic must not decide."""
        differences = [
            min(abs(row.twin - row.source) / row.tolerance, 3.0)
            for row in self.rows
            if row.twin is not None and row.source is not None and row.tolerance
        ]
        return float(np.mean(differences)) if differences else np.inf

    def to_record(self) -> dict[str, Any]:
        """Plain values for the report."""
        compared = [row for row in self.rows if row.is_matched is not None]
        return {
            "settings": self.settings.to_record(),
            "window": list(self.window),
            "matched": sum(bool(row.is_matched) for row in compared),
            "compared": len(compared),
            "miss": self.miss,
            "missed": [row.key for row in compared if not row.is_matched],
        }


def _try(plan: TwinPlan, window: tuple[int, int, int], config: TwinConfig, work: Workspace) -> _Trial:
    """Make a trial twin and measure it."""
    likeness = _measure_twin(plan, make_twin(plan, window, work), config, work)
    rows = compare_likeness(plan.source, likeness, plan.phases)
    if window != plan.shape:  # sizes and fractions of another window say nothing
        rows = tuple(row for row in rows if row.name not in STRUCTURE)
    return _Trial(plan.settings, window, likeness, rows)


def _trial_window(shape: tuple[int, int, int], voxels: int) -> tuple[int, int, int]:
    """The shape itself, or the largest one of its proportions, cut to a cube first, that holds so many voxels."""
    if np.prod(shape, dtype=float) <= voxels:
        return shape
    dimension = sum(n > 1 for n in shape)
    edge = int(voxels ** (1 / dimension))
    z, y, x = (min(n, edge) for n in shape)
    return z, y, x


def _length(meters: float) -> str:
    """A length that `SynthConfig` reads back exactly enough."""
    return f"{meters * 1e6:.9g} um"


def _dtype(dtype: np.dtype[Any]) -> str:
    """What the scanner writes: uint8, uint16 or float32."""
    return dtype.name if dtype.name in ("uint8", "uint16") else "float32"


def _unknown_size(volume: Volume) -> tuple[str, ...]:
    if volume.voxel_size is not None:
        return ()
    return ("the voxel size of the scan is not known; the twin has voxels of 1 µm, which stand for voxels",)
