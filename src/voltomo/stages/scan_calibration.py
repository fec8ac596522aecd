"""How far probabilities can be trusted on a scan that did not set the temperature.

A temperature that is fitted and judged on the same labels looks better than it is. Where several scans are labelled,
each scan is judged with the temperature that the others give, many scans in ten groups. The weights have seen all of
them: for a scan that trained nothing, see `voltomo evaluate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.inference.averaging import softmax
from voltomo.learning.temperature import fit_temperature
from voltomo.metrics.calibration import CalibrationCounts, calibration_error, count_calibration, merge_calibration
from voltomo.stages.labelled_logits import LabelledLogits

__all__ = ["CalibrationByScan", "mean_calibration_error"]

Floats: TypeAlias = npt.NDArray[np.float32]

_JUDGED = 1_000_000
"""Voxels of all scans together that are judged: the third digit of a calibration error does not need more."""
_FITTED = 20_000
"""Voxels that a temperature is fitted on: two digits of it."""
_GROUPS = 10
"""More scans than this are taken in as many groups."""


@dataclass
class CalibrationByScan:
    """Collects held-out voxels scan by scan, then judges each scan by the temperature of the others.

    Parameters
    ----------
    classes : number of phases
    images : held-out images of each scan, by its name
    """

    classes: int
    images: dict[str, int]
    _samples: dict[int, list[tuple[Floats, npt.NDArray[np.uint8], npt.NDArray[np.bool_]]]] = field(default_factory=dict)

    def add(self, found: LabelledLogits, near: npt.NDArray[np.bool_]) -> None:
        """Take a regular choice of the voxels of one image; `near` marks those near a boundary."""
        if len(self.images) < 2:
            return
        places = np.flatnonzero(found.rows)
        share = max(1, _JUDGED // sum(self.images.values()))
        places = places[:: max(1, -(-places.size // share))]
        logits = found.logits.reshape(self.classes, -1)[:, places]
        group = list(self.images).index(found.scan) % _GROUPS
        self._samples.setdefault(group, []).append((logits, found.rows.ravel()[places], near.ravel()[places]))

    def scores(self) -> dict[str, Any] | None:
        """`calibration_error`, `calibration_error_near_boundary` and the number of `scans`; None for a single scan."""
        if len(self._samples) < 2:
            return None
        together = {
            group: tuple(np.concatenate(parts, axis=-1) for parts in zip(*samples, strict=True))
            for group, samples in self._samples.items()
        }
        overall: list[CalibrationCounts] = []
        near: list[CalibrationCounts] = []
        for group, (logits, rows, at_edge) in together.items():
            others = [sample for name, sample in together.items() if name != group]
            every = max(1, sum(sample[1].size for sample in others) // _FITTED)
            temperature = fit_temperature(
                np.concatenate([sample[0][:, ::every] for sample in others], axis=1),
                np.concatenate([sample[1][::every] for sample in others]),
            )
            probabilities = softmax(logits[:, None, None], temperature=temperature)
            truth = rows[None, None]
            overall.append(count_calibration(probabilities, truth))
            near.append(count_calibration(probabilities, truth, where=at_edge[None, None]))
        return {
            "calibration_error": mean_calibration_error(overall),
            "calibration_error_near_boundary": mean_calibration_error(near),
            "scans": len(self.images),
        }


def mean_calibration_error(counts: Sequence[CalibrationCounts]) -> float | None:
    """Mean over the phases of the calibration error of all counts together; None where no voxel tells."""
    errors = calibration_error(reduce(merge_calibration, counts))
    known = errors[np.isfinite(errors)]
    return round(float(known.mean()), 5) if known.size else None
