"""What answers with the help of another predictor, and needs as much of a volume as that one."""

from __future__ import annotations

from dataclasses import dataclass

from voltomo.learning.predictor import Predictor

__all__ = ["Wrapped"]


@dataclass(frozen=True)
class Wrapped:
    """Classes, halo and multiple of the predictor inside; what differs is overridden.

    Parameters
    ----------
    predictor : what answers
    """

    predictor: Predictor

    @property
    def classes(self) -> int:
        return self.predictor.classes

    @property
    def halo(self) -> tuple[int, int, int]:
        return self.predictor.halo

    @property
    def multiple(self) -> tuple[int, int, int]:
        return self.predictor.multiple
