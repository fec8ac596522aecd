"""From a battery-electrode scan to numbers a paper can stand on.

>>> import voltomo as vt
>>> study = vt.run("scan.tif", voxel_size="64 nm", output="study")  # doctest: +SKIP
>>> study.measurements.one("porosity").value  # doctest: +SKIP

The verbs `segment`, `particles`, `measure`, ... work on plain NumPy arrays. Everything is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from voltomo.version import VERSION

__version__ = VERSION

if TYPE_CHECKING:
    from voltomo.artifacts import (
        CrackMap,
        InstanceMap,
        Measurement,
        Measurements,
        Phase,
        PhaseMap,
        PhaseTable,
        Volume,
    )
    from voltomo.errors import GateError, InputError, ReadError, VoltomoError
    from voltomo.io.registry import read_volume
    from voltomo.pipeline import run
    from voltomo.pipeline.comparison import compare_studies
    from voltomo.pipeline.training import train
    from voltomo.stages.export import export
    from voltomo.verbs import (
        denoise,
        electrode_tortuosity_factor,
        evaluate,
        measure,
        open_study,
        particles,
        segment,
        synth,
        tortuosity_factor,
    )

_HOMES = {
    "CrackMap": "voltomo.artifacts",
    "InstanceMap": "voltomo.artifacts",
    "Measurement": "voltomo.artifacts",
    "Measurements": "voltomo.artifacts",
    "Phase": "voltomo.artifacts",
    "PhaseMap": "voltomo.artifacts",
    "PhaseTable": "voltomo.artifacts",
    "Volume": "voltomo.artifacts",
    "GateError": "voltomo.errors",
    "InputError": "voltomo.errors",
    "ReadError": "voltomo.errors",
    "VoltomoError": "voltomo.errors",
    "read_volume": "voltomo.io.registry",
    "run": "voltomo.pipeline",
    "compare_studies": "voltomo.pipeline.comparison",
    "export": "voltomo.stages.export",
    "train": "voltomo.pipeline.training",
    "denoise": "voltomo.verbs",
    "electrode_tortuosity_factor": "voltomo.verbs",
    "evaluate": "voltomo.verbs",
    "measure": "voltomo.verbs",
    "open_study": "voltomo.verbs",
    "particles": "voltomo.verbs",
    "segment": "voltomo.verbs",
    "synth": "voltomo.verbs",
    "tortuosity_factor": "voltomo.verbs",
}
"""Where each public name lives."""

__all__ = [
    "CrackMap",
    "GateError",
    "InputError",
    "InstanceMap",
    "Measurement",
    "Measurements",
    "Phase",
    "PhaseMap",
    "PhaseTable",
    "ReadError",
    "VoltomoError",
    "Volume",
    "compare_studies",
    "denoise",
    "electrode_tortuosity_factor",
    "evaluate",
    "export",
    "measure",
    "open_study",
    "particles",
    "read_volume",
    "run",
    "segment",
    "synth",
    "tortuosity_factor",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'voltomo' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
