from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy.ndimage import gaussian_filter

import voltomo as vt
from voltomo.io.artifacts import StudyArtifacts
from voltomo.pipeline import scan_config, synthesize
from voltomo.pipeline.evaluation import evaluate_paths
from voltomo.stages.synth import SynthConfig
from voltomo.synthesis import FAMILIES

CLEAN = dict.fromkeys(("noise", "rings", "texture", "porous_texture", "grain_spread"), 0.0)
SMALL = SynthConfig(shape=(24, 40, 48), cracked=0.1, seed=2)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(line for line in stream if not line.startswith("#")))


def test_a_study_repeats_byte_by_byte(tmp_path: Path) -> None:
    """The same request makes the same truth.json, particles.csv and cracks.csv to the byte, and the same voxels."""
    studies = [synthesize(SMALL, tmp_path / name, scan=scan_config("image")) for name in ("one", "two")]
    for name in ("truth.json", "particles.csv", "cracks.csv"):
        one, two = ((study.folder / name).read_bytes() for study in studies)
        assert one == two, name
    first, second = studies
    assert np.array_equal(np.asarray(first.phase_map.data), np.asarray(second.phase_map.data))
    assert np.array_equal(np.asarray(first.volume.data), np.asarray(second.volume.data))


def test_time_and_memory_are_in_the_record_of_the_run(tmp_path: Path) -> None:
    """What depends on the machine is in run.json, for the truth and for the scan, and not in truth.json."""
    study = synthesize(SMALL, tmp_path / "twin", scan=scan_config("image"))
    record = json.loads((study.folder / "run.json").read_text(encoding="utf-8"))
    stages = record["stages"]
    assert len(stages) == 2
    for stage in stages.values() if isinstance(stages, dict) else stages:
        assert stage["seconds"] > 0
        assert stage["peak_bytes"] > 10**7
    assert set(record["stages"]["synth"]["record"]["seconds_of_steps"]) == {"structure", "painting", "truth"}
    assert "seconds" not in (study.folder / "truth.json").read_text(encoding="utf-8")


@pytest.fixture(scope="module", params=FAMILIES)
def twin(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> StudyArtifacts:
    """A small study of each family, with a scan that blurs but adds nothing of its own."""
    config = SynthConfig(shape=(32, 48, 48), family=request.param, cracked=0.1, seed=2)
    folder = tmp_path_factory.mktemp("twins") / request.param
    synthesize(config, folder, scan=scan_config("image", CLEAN))
    return vt.open_study(folder)


def test_every_family_makes_a_whole_study(twin: StudyArtifacts) -> None:
    """A twin opens as a study: maps, a table with a row per particle that may have none, a scan, and its truth."""
    truth = json.loads((twin.folder / "truth.json").read_text(encoding="utf-8"))
    count = len(twin.instance_map)
    assert count == truth["particle_count"] == len(_rows(twin.folder / "particles.csv"))
    assert (twin.folder / "particles.csv").read_text(encoding="utf-8").startswith(("instance_id", "#"))
    assert twin.volume.shape[-3:] == twin.phase_map.shape == (32, 48, 48)
    assert np.isin(np.asarray(twin.phase_map.data), twin.phase_map.phases.ids).all()
    assert truth["warnings"] == [row["note"] for row in truth["requested"] if row["note"]]
    assert all(row["is_met"] for row in truth["requested"] if row["name"].endswith("fraction"))


def test_a_twin_scores_itself_without_error(twin: StudyArtifacts) -> None:
    """Evaluated against itself, every phase of every family is right; so are its particles, where there are any."""
    scores = evaluate_paths(twin.folder, twin.folder).values["scores"]
    ious = [row["value"] for row in scores if row["name"] == "iou"]
    assert ious == [1] * len({phase.role for phase in twin.phase_map.phases})
    found = [row["value"] for row in scores if row["name"] == "f1_score"]
    assert set(found) <= {1, None}


def test_the_terminal_gets_every_score_with_its_parts(tmp_path: Path) -> None:
    """A section against a shifted copy: errors are shown with both numbers, and what has no value says why."""
    labels = np.ones((40, 40), np.uint8)
    labels[5:25, 5:25] = 2
    for name, shift in (("result", 3), ("truth", 0)):
        tifffile.imwrite(tmp_path / f"{name}.tif", np.roll(labels, shift, 1))
    (tmp_path / "phases.yaml").write_text(
        "phases: [{id: 1, code: 1, name: pore, role: pore}, {id: 2, code: 2, name: NMC, role: active}]"
    )
    scores = evaluate_paths(
        tmp_path / "result.tif", tmp_path / "truth.tif", phases=tmp_path / "phases.yaml", properties=True
    )
    assert "boundary_length_error active" in scores.text
    assert "void_recall active" in scores.text
    assert "- (the truth has no void)" in scores.text
    assert "(result 0.250000, truth 0.250000)" in scores.text
    assert "tortuosity" not in scores.text  # of a section there is none


def test_measuring_a_twin_finds_its_truth(twin: StudyArtifacts) -> None:
    """Fractions and surfaces measured on the phase map are those that the truth states for its voxels."""
    truth = json.loads((twin.folder / "truth.json").read_text(encoding="utf-8"))
    stated = {(row["name"], row.get("phase", ""), row.get("phase_2", "")): row for row in truth["properties"]["rows"]}
    measured = vt.measure(twin.phase_map, transport="none")
    compared = 0
    for item in measured:
        row = stated.get((item.name, item.phase, item.phase_2))
        if row is not None and row.get("voxel_value") is not None and item.method == row["method"] and not item.axis:
            # A study keeps its voxel size in micrometres, which rounds its last bits.
            assert item.value == pytest.approx(row["voxel_value"], rel=1e-9)
            compared += 1
    assert compared >= 2 * len(twin.phase_map.phases)


def test_scan_and_truth_are_aligned(twin: StudyArtifacts) -> None:
    """The image scan of every family lies on its phases to 0.1 voxel along each axis.

    The scan is fitted by the blurred phases, each with a grey level of its own; to first order, a scan that is off by s
    differs from that by s times its gradient. (The peak of a correlation scatters by 0.1 in a window this small.)
    """
    phases, grey = np.asarray(twin.phase_map.data), np.asarray(twin.volume.data)[0].astype(np.float64)
    blur = scan_config("image").blur
    blurred = [gaussian_filter((phases == i).astype(np.float64), blur) for i in np.unique(phases)]
    inner = (slice(6, -6),) * 3  # beyond the edge the scan sees more of the structure than the phase map holds
    shares = np.stack([share[inner].ravel() for share in blurred], axis=1)
    levels = np.linalg.lstsq(shares, grey[inner].ravel(), rcond=None)[0]
    expected = sum(level * share for level, share in zip(levels, blurred, strict=True))
    slopes = np.stack([slope[inner].ravel() for slope in np.gradient(expected)], axis=1)
    shift = np.linalg.lstsq(slopes, (grey - expected)[inner].ravel(), rcond=None)[0]
    assert np.abs(shift).max() < 0.1
