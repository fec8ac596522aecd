"""`compare` on studies that were run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import voltomo
from voltomo.cli.app import app
from voltomo.errors import GateError, InputError, RecipeError, StudyError
from voltomo.pipeline.comparison import CompareConfig, compare_studies


def _electrode(size: int, radius: float, seed: int) -> np.ndarray:
    """Grey volume with 27 balls on a jittered lattice, with noise."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*(np.arange(size),) * 3, indexing="ij"), axis=-1)
    solid = np.zeros((size,) * 3, np.bool_)
    step = size / 3
    for corner in np.ndindex(3, 3, 3):
        center = (np.array(corner) + 0.5) * step + rng.uniform(-0.4, 0.4, 3)
        solid |= ((grid - center) ** 2).sum(axis=-1) < radius**2
    return np.where(solid, 180, 60).astype(np.uint8) + rng.integers(0, 20, solid.shape).astype(np.uint8)


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A study of small balls, and one of large balls with other voxels."""
    folder = tmp_path_factory.mktemp("studies")
    steps = {"steps": ["segment", {"particles": {"min_diameter": "400 nm"}}, {"measure": {"transport": "none"}}]}
    for name, radius, size in (("pristine", 4.0, "100 nm"), ("aged", 5.0, "105 nm")):
        voltomo.run(_electrode(42, radius, 1), steps, output=folder / name, voxel_size=size)
    return folder / "pristine", folder / "aged"


def test_larger_particles_are_found_and_other_voxels_are_told(studies: tuple[Path, Path], tmp_path: Path) -> None:
    """The page, its tables and its flags are those of the two studies."""
    found = compare_studies(studies, tmp_path / "page", CompareConfig(replicates=100))
    verdicts = {row.name: row.verdict for row in found.pairs[0].contrasts}
    assert verdicts["equivalent_diameter_by_particle"] == "higher"
    assert any("different voxels" in flag for flag in found.flags)
    assert {path.name for path in (tmp_path / "page").iterdir()} == {
        "compare.html",
        "comparison.csv",
        "comparison.json",
    }


def test_the_command_repeats_only_when_told(studies: tuple[Path, Path], tmp_path: Path) -> None:
    """`voltomo compare` writes a page, and refuses to write over it without --overwrite."""
    command = ["compare", *map(str, studies), "-o", str(tmp_path / "page"), "--set", "replicates=100", "--json"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["page"].endswith("compare.html")
    assert isinstance(CliRunner().invoke(app, command).exception, InputError)
    assert CliRunner().invoke(app, [*command, "--overwrite"]).exit_code == 0


def test_a_recipe_of_the_coating_is_checked_on_request(studies: tuple[Path, Path], tmp_path: Path) -> None:
    """`measure --formulation FILE` adds the residuals to a study; a file without a recipe is refused."""
    study = tmp_path / "study"
    shutil.copytree(studies[0], study)
    file = tmp_path / "coating.yaml"
    file.write_text(
        "formulation:\n  components: [{name: NMC, role: active, mass_fraction: 1.0, density: 4.7 g/cm3}]\n"
        "  areal_mass: 10 mg/cm2\n  thickness: 50 um\n"
    )
    command = ["measure", str(study), "--set", "transport=none", "--overwrite", "-q", "--formulation"]
    result = CliRunner().invoke(app, [*command, str(file)])
    assert result.exit_code == 0, result.output
    rows = voltomo.open_study(study).measurements.select("formulation_residual")
    assert {row.phase for row in rows} == {"active", "pore+binder"}
    file.write_text("components: []\n")
    assert isinstance(CliRunner().invoke(app, [*command, str(file)]).exception, RecipeError)


def test_a_mixture_of_pore_and_binder_is_no_electrode_of_a_cell_model(
    studies: tuple[Path, Path], tmp_path: Path
) -> None:
    """`export --what bpx` of a two-class study is refused by a gate and writes nothing."""
    command = ["export", str(studies[0]), "--what", "bpx", "-o", str(tmp_path / "cell.json"), "--set", "axis=z"]
    assert isinstance(CliRunner().invoke(app, command).exception, GateError)
    assert not list(tmp_path.iterdir())


def test_bad_requests_are_refused(studies: tuple[Path, Path], tmp_path: Path) -> None:
    """One study, the same study twice, a folder of something else, a study as output, an unmeasured study."""
    first, second = studies
    for wrong in ([first], [first, first], []):
        with pytest.raises(InputError, match="two or more different"):
            compare_studies(wrong, tmp_path / "a")
    with pytest.raises(StudyError, match="no"):
        compare_studies([first, tmp_path], tmp_path / "a")
    with pytest.raises(InputError, match="is a study"):
        compare_studies(studies, second)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match="holds no comparison"):
        compare_studies(studies, tmp_path / "b")
    voltomo.run(_electrode(42, 4.0, 1), {"steps": ["segment"]}, output=tmp_path / "c", voxel_size="100 nm")
    with pytest.raises(StudyError, match="was not measured"):
        compare_studies([first, tmp_path / "c"], tmp_path / "a")


def test_a_section_and_a_volume_are_not_compared(studies: tuple[Path, Path], tmp_path: Path) -> None:
    """Their numbers have other definitions."""
    steps = {"steps": ["segment", "measure"]}
    voltomo.run(_electrode(42, 4.0, 1)[:1], steps, output=tmp_path / "s", voxel_size="100 nm")
    with pytest.raises(InputError, match="sections"):
        compare_studies([studies[0], tmp_path / "s"], tmp_path / "a")
