"""`synth --like`: a synthetic electrode whose scan looks like a given one, and how much it does.

The scan is measured; a twin is made from the numbers, measured in the same way (on its scan, segmented by the same
method, not on its truth), and the settings are corrected by what was missed, once or a few times. The last twin is
compared with the scan, statistic by statistic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from voltomo.artifacts import InstanceMap, PhaseMap, PhaseTable, Volume
from voltomo.errors import InputError
from voltomo.stages.likeness import Measured, Prefixed, measure_likeness
from voltomo.stages.particles import ParticlesConfig, run_particles
from voltomo.stages.segment import SegmentConfig, run_segment
from voltomo.stages.twin_scan import NOMINAL_VOXEL, TwinPlan, make_twin
from voltomo.stages.workspace import Workspace
from voltomo.synthesis.likeness.comparison import STRUCTURE, MatchRow, compare_likeness
from voltomo.synthesis.likeness.correction import correct_settings
from voltomo.synthesis.likeness.noise_model import NoiseModel, fit_noise
from voltomo.synthesis.likeness.settings import TwinSettings, first_settings
from voltomo.synthesis.likeness.statistic import Likeness

__all__ = ["TwinConfig", "TwinMatch", "compare_twin", "plan_twin"]

_LEAST_D50, _LARGEST_D50 = 6.0, 0.5
"""In voxels, and in widths of the window: D50 of a twin lies between them."""
_ATTEMPTS = 4
"""At a structure that can be packed; each one asks for a little less."""


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
        noise=None if source.noise is None else fit_noise(source.noise, source.noise),
        seed=config.seed,
        source=source.likeness,
        phases=phases,
        notes=(*first.notes, *_unknown_size(volume)),
    )
    if config.rounds == 0:
        return _bounded(plan, plan.shape)
    window = _trial_window(volume.shape, config.trial_voxels)
    trials, wanted = [], source.noise
    for number in range(config.rounds + 1):
        trial = _try(_bounded(plan, window), window, config, Prefixed(work, f"trial-{number}"))
        trials.append(trial)
        seen = trial.measured
        corrected = correct_settings(trial.settings, plan.source, seen.likeness, phases, sizes=window == plan.shape)
        plan = replace(plan, settings=corrected)
        if source.noise is not None and wanted is not None and seen.noise is not None:
            # What textures and edges add to the variogram of the noise is taken off the noise that is put in.
            wanted = wanted.plus(source.noise, seen.noise)
            noise = fit_noise(wanted, source.noise)
            plan = replace(plan, noise=noise, settings=replace(corrected, noise=noise.std))
    best = min(trials, key=lambda trial: trial.miss)
    return replace(
        plan,
        settings=best.settings,
        noise=best.noise,
        history=tuple(trial.to_record() for trial in trials),
        notes=(*plan.notes, *best.notes),
    )


def _bounded(plan: TwinPlan, window: tuple[int, int, int]) -> TwinPlan:
    """The plan with a D50 that the window can hold several times and its voxels resolve."""
    width = min(n * edge for n, edge in zip(window[1:], plan.voxel_size[1:], strict=True))
    d50 = float(np.clip(plan.settings.d50, _LEAST_D50 * max(plan.voxel_size[1:]), _LARGEST_D50 * width))
    return replace(plan, settings=replace(plan.settings, d50=d50))


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
    rows = compare_likeness(plan.source, measured.likeness, plan.phases)
    return TwinMatch(rows, plan.source, measured.likeness, plan.settings, plan.history, plan.notes)


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


def _measure_twin(plan: TwinPlan, twin: Volume, config: TwinConfig, work: Workspace) -> Measured:
    """Statistics of a twin, in the units and over the histogram of its source."""
    edges = plan.source.curves["histogram"]["edges"]
    has_size = any(statistic.unit == "m" for statistic in plan.source)
    same = twin if has_size else twin.with_voxel_size(None)
    span = (float(edges[0]), float(edges[-1]))
    noise_phase = plan.source.curves.get("noise", {}).get("phase")
    measured, _ = _measure(same, config, work, span=span, noise_phase=noise_phase)
    return measured


@dataclass(frozen=True)
class _Trial:
    """A trial twin: its settings, what it looks like, and by how much it misses."""

    settings: TwinSettings
    noise: NoiseModel | None
    window: tuple[int, int, int]
    measured: Measured
    rows: tuple[MatchRow, ...]
    notes: tuple[str, ...]

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
    """Make a trial twin and measure it; where no such structure can be, one with fewer extremes."""
    notes: list[str] = []
    for attempt in range(_ATTEMPTS):
        try:
            twin = make_twin(plan, window, Prefixed(work, f"attempt-{attempt}"))
            break
        except InputError as error:
            if attempt == _ATTEMPTS - 1:
                raise
            notes = [f"sizes and cracks of the twin were moderated, because {str(error)[:1].lower()}{str(error)[1:]}"]
            plan = replace(plan, settings=_moderate(plan.settings))
    measured = _measure_twin(plan, twin, config, work)
    rows = compare_likeness(plan.source, measured.likeness, plan.phases)
    if window != plan.shape:  # sizes and fractions of another window say nothing
        rows = tuple(row for row in rows if row.name not in STRUCTURE)
    return _Trial(plan.settings, plan.noise, window, measured, rows, tuple(notes))


def _moderate(settings: TwinSettings) -> TwinSettings:
    """Smaller particles of more equal size with fewer cracks: what refusals of the generator ask for."""
    return replace(
        settings,
        d50=0.8 * settings.d50,
        spread=1.4 + 0.7 * (settings.spread - 1.4),
        cracked=0.5 * settings.cracked,
    )


def _trial_window(shape: tuple[int, int, int], voxels: int) -> tuple[int, int, int]:
    """The shape itself, or the largest one of its proportions, cut to a cube first, that holds so many voxels."""
    if np.prod(shape, dtype=float) <= voxels:
        return shape
    dimension = sum(n > 1 for n in shape)
    edge = int(voxels ** (1 / dimension))
    z, y, x = (min(n, edge) for n in shape)
    return z, y, x


def _dtype(dtype: np.dtype[Any]) -> str:
    """What the scanner writes: uint8, uint16 or float32."""
    return dtype.name if dtype.name in ("uint8", "uint16") else "float32"


def _unknown_size(volume: Volume) -> tuple[str, ...]:
    if volume.voxel_size is not None:
        return ()
    return ("the voxel size of the scan is not known; the twin has voxels of 1 µm, which stand for voxels",)
