"""What the page that compares studies is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from voltomo.errors import InputError
from voltomo.metrics.comparison import Contrast
from voltomo.report.content import ReportContent

__all__ = ["ComparedPair", "ComparedStudy", "ComparisonContent"]


@dataclass(frozen=True)
class ComparedStudy:
    """One study.

    Parameters
    ----------
    label : what it is called on the page; no two are equal
    content : what its own report would be made of
    facts : (name, text) pairs, such as its voxel size and how it was segmented
    """

    label: str
    content: ReportContent
    facts: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class ComparedPair:
    """A study against the first one.

    Parameters
    ----------
    label : of the study
    contrasts : every quantity that both have
    """

    label: str
    contrasts: tuple[Contrast, ...]


@dataclass(frozen=True)
class ComparisonContent:
    """Everything that the page shows.

    Parameters
    ----------
    title : heading
    studies : two or more; the first is the reference
    pairs : one for each other study, in the same order
    flags : why the studies may differ for other reasons than the material, in sentences
    settings : of the comparison, for the record
    """

    title: str
    studies: tuple[ComparedStudy, ...]
    pairs: tuple[ComparedPair, ...]
    flags: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.studies) < 2 or len(self.pairs) != len(self.studies) - 1:
            raise InputError(f"expected two studies or more, found {len(self.studies)} and {len(self.pairs)} pairs")
