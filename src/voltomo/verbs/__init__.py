"""The verbs on plain arrays and artefacts, in memory: what `voltomo.run` does to a study, step by step in Python.

An array of (Z, Y, X) or (Y, X) comes back in its shape; `.data` of the artefact is the array.
"""

from __future__ import annotations

from pathlib import Path

from voltomo.io.artifacts import StudyArtifacts
from voltomo.verbs.structures import evaluate, measure, particles
from voltomo.verbs.synthetic import Twin, synth
from voltomo.verbs.transport import electrode_tortuosity_factor, tortuosity_factor
from voltomo.verbs.volumes import denoise, segment

__all__ = [
    "Twin",
    "denoise",
    "electrode_tortuosity_factor",
    "evaluate",
    "measure",
    "open_study",
    "particles",
    "segment",
    "synth",
    "tortuosity_factor",
]


def open_study(folder: Path | str) -> StudyArtifacts:
    """The artefacts of a study folder, each opened when it is first asked for."""
    return StudyArtifacts(folder)
