"""`compare`: studies that were made alike, held against the first of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from voltomo.errors import InputError, StudyError
from voltomo.io.artifacts import StudyArtifacts
from voltomo.io.study import Study
from voltomo.metrics.comparison import Contrast, ParticleRules, compare_measurements, compare_particles, corrected
from voltomo.report.comparison import write_comparison
from voltomo.report.comparison_content import ComparedPair, ComparedStudy, ComparisonContent
from voltomo.report.content import AXES, ReportContent
from voltomo.units import format_length, format_voxel_size

__all__ = ["CompareConfig", "compare_studies"]

_SAME_VOXEL = 0.01
"""Relative difference of voxel edges above which they are called different: scanners state three digits."""
_SAME_EXTENT = 0.2
"""Relative difference of an edge of the field of view above which particles are cut by it unequally."""


class CompareConfig(BaseModel):
    """How studies are compared.

    Parameters
    ----------
    title : heading of the page; the names of the studies where empty
    flawed_above : share of its envelope from which on cracks and voids make a particle count as flawed
    replicates, seed : of the bootstrap
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = ""
    flawed_above: float = Field(default=0.01, gt=0, le=1)
    replicates: int = Field(default=1000, ge=100)
    seed: int = Field(default=0, ge=0)


def compare_studies(
    studies: Sequence[Path | str], output: Path | str, config: CompareConfig | None = None, *, overwrite: bool = False
) -> ComparisonContent:
    """Compare two or more measured studies with the first of them, and write a page and tables.

    Parameters
    ----------
    studies : folders; the first is the reference
    output : folder for `compare.html`, `comparison.csv` and `comparison.json`
    config : how
    overwrite : replace a comparison that lies there

    Returns
    -------
    ComparisonContent
        What the page shows; `pairs` holds the numbers.

    Raises
    ------
    InputError
        If fewer than two different studies are given, sections are to be compared with volumes, or `output` is a study
        or holds something else.
    StudyError
        If one is no study, or was not measured.
    """
    settings = config or CompareConfig()
    folder = Path(output)
    _check_output(folder, overwrite=overwrite)
    opened = _open([Path(study) for study in studies])
    labels = _labels([study.folder for study in opened])
    compared = tuple(_compared(label, study) for label, study in zip(labels, opened, strict=True))
    rules = ParticleRules(settings.flawed_above, replicates=settings.replicates, seed=settings.seed)
    rows = [_contrasts(compared[0].content, other.content, rules) for other in compared[1:]]
    adjusted = iter(corrected(contrast for row in rows for contrast in row))  # one family: all that the page shows
    content = ComparisonContent(
        title=settings.title or " against ".join([" and ".join(labels[1:]), labels[0]]),
        studies=compared,
        pairs=tuple(
            ComparedPair(study.label, tuple(next(adjusted) for _ in row))
            for study, row in zip(compared[1:], rows, strict=True)
        ),
        flags=tuple(_flags(labels, opened)),
        settings=settings.model_dump(mode="json", exclude={"title"}),
    )
    write_comparison(folder, content)
    return content


def _check_output(folder: Path, *, overwrite: bool) -> None:
    if folder.is_dir() and Study.is_study(folder):
        raise InputError(f"{folder} is a study; name another folder for the comparison with -o")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder for the comparison with -o")
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not (folder / "comparison.json").exists():
        raise InputError(f"the folder {folder} is not empty and holds no comparison; name a new one with -o")
    if not overwrite:
        raise InputError(f"{folder} holds a comparison already; give --overwrite to replace it, or another folder")


def _open(folders: Sequence[Path]) -> list[StudyArtifacts]:
    if len({folder.resolve() for folder in folders}) < max(2, len(folders)):
        raise InputError(f"expected two or more different studies, found {', '.join(map(str, folders)) or 'none'}")
    opened = [StudyArtifacts(folder) for folder in folders]
    for study in opened:
        if not study.has("measurements") or not study.has("phases"):
            raise StudyError(f"{study.folder} was not measured; run `voltomo measure {study.folder}` first")
    depths = {study.phase_map.shape[0] == 1 for study in opened}
    if len(depths) > 1:
        raise InputError("sections (one slice) and volumes cannot be compared: their numbers have other definitions")
    return opened


def _labels(folders: Sequence[Path]) -> list[str]:
    """Names of the folders, with as much of their path as tells them apart."""
    whole = [folder.resolve().parts for folder in folders]
    for count in range(1, max(map(len, whole)) + 1):
        names = ["/".join(parts[-count:]) for parts in whole]
        if len(set(names)) == len(names):
            return names
    raise AssertionError("different folders have different paths")


def _compared(label: str, study: StudyArtifacts) -> ComparedStudy:
    content = ReportContent(
        title=label,
        volume=study.volume if study.has("volume") else None,
        phase_map=study.phase_map,
        instance_map=study.instance_map if study.has("particles") else None,
        measurements=study.measurements,
    )
    return ComparedStudy(label, content, tuple(_facts(study)))


def _facts(study: StudyArtifacts) -> Iterator[tuple[str, str]]:
    """What a reader must know of how a study was made."""
    phase_map = study.phase_map
    yield "Folder", str(study.folder)
    yield "Size", " × ".join(map(str, phase_map.shape)) + " voxels"
    yield "Voxel size", format_voxel_size(phase_map.voxel_size) if phase_map.voxel_size else "not known"
    yield "Phases", ", ".join(f"{phase.name} ({phase.role})" for phase in phase_map.phases)
    segmented = _record(study, "segment").get("histogram", {})
    yield "Segmentation", str(segmented.get("method", "given"))
    if segmented.get("cuts"):
        yield "Grey thresholds", ", ".join(f"{cut:.4g}" for cut in segmented["cuts"])
    particles = _record(study, "particles")
    if "min_diameter" in particles:
        yield "Smallest particle kept", _length(particles["min_diameter"], particles)
        yield "Particles", str(particles["particles"])
    yield "voltomo", str(study.records["measure"].versions.get("voltomo", "unknown"))


def _record(study: StudyArtifacts, verb: str) -> Mapping[str, Any]:
    return study.records[verb].record if verb in study.records else {}


def _length(value: float, record: Mapping[str, Any]) -> str:
    return format_length(value) if record.get("length_unit") == "m" else f"{value:.3g} voxels"


def _contrasts(first: ReportContent, second: ReportContent, rules: ParticleRules) -> tuple[Contrast, ...]:
    found = compare_measurements(first.measurements, second.measurements)
    if (first.voxel_size is None) != (second.voxel_size is None):
        return found  # lengths in m and in voxels
    tables = [content.instance_map.table if content.instance_map is not None else {} for content in (first, second)]
    if not all("touches_edge" in table for table in tables):
        return found
    unit = "m" if first.voxel_size is not None else "voxel"
    return found + compare_particles(*tables, length_unit=unit, dimension=first.dimension, rules=rules)


def _flags(labels: Sequence[str], studies: Sequence[StudyArtifacts]) -> Iterator[str]:
    """Why studies may differ for other reasons than their material."""
    first = studies[0]
    for label, study in zip(labels[1:], studies[1:], strict=True):
        pair = f"{label} and {labels[0]}"
        yield from _voxel_flags(pair, first, study)
        for verb, words in (
            ("denoise", "denoised"),
            ("segment", "segmented"),
            ("particles", "divided into particles"),
            ("measure", "measured"),
        ):
            if changed := _changed_settings(first, study, verb):
                yield f"{pair} were {words} with different settings: {changed}."
        yield from _size_flags(pair, first, study)
        if first.phase_map.through_plane != study.phase_map.through_plane:
            yield (
                f"{pair} name different through-plane axes ({study.phase_map.through_plane} and "
                f"{first.phase_map.through_plane}); numbers along an axis are compared by its name."
            )
        names = [{(phase.name, phase.role) for phase in s.phase_map.phases} for s in (first, study)]
        if names[0] != names[1]:
            alone = ", ".join(sorted(name for name, _ in names[0] ^ names[1]))
            yield f"{pair} have different phases; {alone} could not be compared."
        versions = [s.records["measure"].versions.get("voltomo") for s in (study, first) if "measure" in s.records]
        if len(set(versions)) > 1:
            yield f"{pair} were measured by different versions of voltomo ({versions[0]} and {versions[1]})."


def _voxel_flags(pair: str, first: StudyArtifacts, study: StudyArtifacts) -> Iterator[str]:
    one, two = first.phase_map.voxel_size, study.phase_map.voxel_size
    if (one is None) != (two is None):
        yield f"The voxel size of only one of {pair} is known: no length of theirs was compared."
    elif one is not None and two is not None and not np.allclose(one, two, rtol=_SAME_VOXEL, atol=0):
        yield (
            f"{pair} have different voxels ({format_voxel_size(two)} and {format_voxel_size(one)}): surfaces, cracks, "
            "small particles and connectivity depend on what a voxel can show."
        )


def _size_flags(pair: str, first: StudyArtifacts, study: StudyArtifacts) -> Iterator[str]:
    sizes = []
    for s in (study, first):
        edges = s.phase_map.voxel_size or (1.0, 1.0, 1.0)
        sizes.append([n * d for n, d in zip(s.phase_map.shape, edges, strict=True)])
    if any(abs(a / b - 1) > _SAME_EXTENT for a, b in zip(*sizes, strict=True)):
        yield (
            f"{pair} show windows of different size along {', '.join(AXES)}: the smaller one cuts more of the large "
            "particles, which are left out of the comparison particle by particle."
        )
    records = [_record(s, "particles") for s in (study, first)]
    if all(record.get("min_diameter") for record in records):
        smallest = [float(record["min_diameter"]) for record in records]
        if abs(smallest[0] / smallest[1] - 1) > _SAME_VOXEL:
            lengths = " and ".join(_length(value, record) for value, record in zip(smallest, records, strict=True))
            yield f"The smallest particles that were kept in {pair} differ: {lengths}. Set min_diameter in both."


def _changed_settings(first: StudyArtifacts, study: StudyArtifacts, verb: str) -> str:
    """Settings of a verb that are not equal, in words; empty where they are."""
    one, two = (dict(s.records[verb].config) if verb in s.records else None for s in (first, study))
    if one is None or two is None:
        return "" if one == two else f"only one of them was ({verb})"
    changed = [key for key in sorted({*one, *two}) if one.get(key) != two.get(key)]
    return "; ".join(f"{key} {_short(two.get(key))} and {_short(one.get(key))}" for key in changed)


def _short(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 60 else text[:59] + "…"
