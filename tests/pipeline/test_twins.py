"""The twin of a scan, from the command line's point of view."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from voltomo.errors import InputError
from voltomo.pipeline import make_twin_of, scan_config, synthesize
from voltomo.stages.synth import SynthConfig
from voltomo.stages.twin import TwinConfig

QUICK = TwinConfig(rounds=0)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scan as a file without a study."""
    folder = tmp_path_factory.mktemp("source")
    config = SynthConfig(
        shape=(72, 72, 72), voxel_size="100 nm", d50="1.8 um", porosity=0.45, binder=0.02, cracked=0, seed=2
    )
    study = synthesize(config, folder / "made", scan=scan_config("image"))
    tifffile.imwrite(folder / "scan.tif", np.asarray(study.volume.data[0]))
    return folder / "scan.tif"


def test_a_twin_is_a_whole_study_with_a_page(source: Path, tmp_path: Path) -> None:
    """Truth and scan as any synthetic study has them, and both sides of every statistic; repeated, nothing is done."""
    twin = make_twin_of(source, tmp_path / "twin", QUICK)
    assert twin.volume.shape == (72, 72, 72)
    assert twin.phase_map.shape == (72, 72, 72)
    record = json.loads((tmp_path / "twin" / "twin.json").read_text())
    rows = {(row["name"], row["phase"]): row for row in record["rows"]}
    assert rows["volume_fraction", "active"]["source"] == pytest.approx(0.53, abs=0.05)
    assert record["matched"] > record["compared"] / 2
    assert "<html" in (tmp_path / "twin" / "twin.html").read_text()[:500]
    told: list[tuple[str, str]] = []
    make_twin_of(source, tmp_path / "twin", QUICK, on_stage=lambda *event: told.append(event))
    assert told == [("twin", "up to date")]


def test_a_twin_does_not_replace_what_is_there(source: Path, tmp_path: Path) -> None:
    """Neither its own source nor the twin of other settings."""
    made = synthesize(SynthConfig(shape=(32, 32, 32), seed=1), tmp_path / "study", scan=scan_config("image"))
    with pytest.raises(InputError, match="folder of its own"):
        make_twin_of(made.folder, made.folder, QUICK)
    make_twin_of(source, tmp_path / "twin", QUICK)
    with pytest.raises(InputError, match="--overwrite"):
        make_twin_of(source, tmp_path / "twin", QUICK.model_copy(update={"seed": 9}))
