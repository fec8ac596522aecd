"""Bad input ends in one clear sentence and an exit code, and nothing is lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from skimage.io import imsave

from voltomo.cli import main

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """``run("run", path, ...)`` → exit code and what was said."""

    def call(*arguments: object) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return int(ended.value.code or 0), captured.out + captured.err

    return call


def scan(folder: Path, values: np.ndarray, name: str = "scan.tif") -> Path:
    """A TIFF of some values."""
    tifffile.imwrite(folder / name, values)
    return folder / name


def noisy(shape: tuple[int, ...] = (64, 64)) -> np.ndarray:
    """Two classes with noise."""
    values = np.random.default_rng(0).normal(0, 0.1, shape).astype(np.float32)
    values[..., : shape[-1] // 2] += 1
    return values


def size(path: Path, study: Path) -> tuple[object, ...]:
    """Arguments of an ordinary run."""
    return ("run", path, "--voxel-size", "64 nm", "-o", study, "--quiet")


def test_a_missing_file_is_a_usage_error(run: Run, tmp_path: Path) -> None:
    """Exit 2, with the name that is nearest."""
    scan(tmp_path, noisy(), "sample.tif")
    code, said = run(*size(tmp_path / "sampel.tif", tmp_path / "study"))
    assert code == 2
    assert "did you mean" in said
    assert "sample.tif" in said
    assert not (tmp_path / "study").exists()


def test_an_empty_file_is_refused(run: Run, tmp_path: Path) -> None:
    """Exit 3: the file is there but holds nothing."""
    (tmp_path / "scan.tif").touch()
    code, said = run(*size(tmp_path / "scan.tif", tmp_path / "study"))
    assert (code, "empty" in said) == (3, True)


def test_a_truncated_tiff_is_refused(run: Run, tmp_path: Path) -> None:
    """Exit 3: half of the voxels are missing."""
    path = scan(tmp_path, noisy((8, 64, 64)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    code, said = run(*size(path, tmp_path / "study"))
    assert code == 3
    assert "scan.tif" in said


def test_a_folder_with_mixed_shapes_or_a_gap_is_refused(run: Run, tmp_path: Path) -> None:
    """Exit 3: slices of one stack have one shape and consecutive numbers."""
    for name, shapes in (("mixed", {0: (64, 64), 1: (64, 60)}), ("gap", {0: (64, 64), 1: (64, 64), 3: (64, 64)})):
        (tmp_path / name).mkdir()
        for number, shape in shapes.items():
            scan(tmp_path / name, noisy(shape), f"slice_{number:03d}.tif")
        code, _said = run(*size(tmp_path / name, tmp_path / f"study_{name}"))
        assert code == 3, name


@pytest.mark.parametrize(
    ("values", "word"),
    [
        (np.full((16, 16), np.nan, np.float32), "NaN"),
        (np.where(np.eye(64) > 0, np.inf, noisy()).astype(np.float32), "infinite"),
        (np.full((16, 16), 7, np.uint8), "every voxel has the grey value 7"),
    ],
)
def test_values_that_are_no_image_are_refused(run: Run, tmp_path: Path, values: np.ndarray, word: str) -> None:
    """Exit 3 for all NaN, infinities, one value only."""
    code, said = run(*size(scan(tmp_path, values), tmp_path / "study"))
    assert code == 3
    assert word.lower() in said.lower()


def test_nan_inside_the_sample_is_refused_but_nan_outside_is_the_mask(run: Run, tmp_path: Path) -> None:
    """Scattered NaN: exit 3. NaN around a disc: the field of view, with a notice."""
    values = noisy((96, 96))
    holes = values.copy()
    holes[40:43, 50:52] = np.nan
    assert run(*size(scan(tmp_path, holes, "holes.tif"), tmp_path / "holes"))[0] == 3
    y, x = np.mgrid[:96, :96]
    disc = np.where(np.hypot(y - 47.5, x - 47.5) < 46, values, np.nan)
    code, said = run(
        "run", scan(tmp_path, disc.astype(np.float32), "disc.tif"), "--voxel-size", "64 nm", "-o", tmp_path / "disc"
    )
    assert code == 0
    assert "field of view" in said.lower()


def test_colours_where_grey_is_expected_are_refused(run: Run, tmp_path: Path) -> None:
    """Exit 3, with how to convert."""
    imsave(tmp_path / "rgb.png", np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8))
    code, said = run(*size(tmp_path / "rgb.png", tmp_path / "study"))
    assert code == 3
    assert "grey" in said


def test_a_voxel_size_that_is_missing_is_a_gate(run: Run, tmp_path: Path) -> None:
    """Exit 3, and the way out is named."""
    code, said = run("run", scan(tmp_path, noisy()), "-o", tmp_path / "study")
    assert code == 3
    assert "--voxel-size none" in said


@pytest.mark.parametrize("text", ["0 nm", "-64 nm", "64 parsec", "64", "64 m"])
def test_an_absurd_voxel_size_is_a_usage_error(run: Run, tmp_path: Path, text: str) -> None:
    """Exit 2."""
    code, _ = run("run", scan(tmp_path, noisy()), "--voxel-size", text, "-o", tmp_path / "study")
    assert code == 2
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(
    ("steps", "hint"),
    [
        ("[{segment: {methd: otsu}}]", "did you mean 'method'"),
        ("[{segment: {method: 3}}]", "line 3"),
        ("[{report: {}}, {segment: {}}]", "must come before"),
        ("[{particles: {}}]", "phases"),
    ],
)
def test_a_wrong_recipe_is_a_usage_error(run: Run, tmp_path: Path, steps: str, hint: str) -> None:
    """Exit 2: unknown key, wrong type with its line, steps out of order, a step without its input."""
    scan(tmp_path, noisy())
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f'voltomo: 1\ninput: {{volume: scan.tif, voxel_size: "64 nm"}}\nsteps: {steps}\n')
    code, said = run("run", recipe, "-o", tmp_path / "study")
    assert code == 2
    assert hint in said


def test_a_folder_that_is_no_study_is_left_alone(run: Run, tmp_path: Path) -> None:
    """Exit 2, and what was in it is still there."""
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.txt").write_text("years")
    code, said = run(*size(scan(tmp_path, noisy()), tmp_path / "thesis"))
    assert code == 2
    assert "no voltomo study" in said
    assert os.listdir(tmp_path / "thesis") == ["chapter1.txt"]  # noqa: PTH208 - the names are the point


def test_a_folder_that_cannot_be_written_is_a_failure(run: Run, tmp_path: Path) -> None:
    """Exit 1: the parent of the study is a file."""
    (tmp_path / "file").write_text("x")
    code, said = run(*size(scan(tmp_path, noisy()), tmp_path / "file" / "study"))
    assert code == 1
    assert "cannot make the folder" in said


def test_memory_below_the_program_itself_is_a_usage_error(run: Run, tmp_path: Path) -> None:
    """Exit 2 below 1 GB."""
    code, said = run(*size(scan(tmp_path, noisy()), tmp_path / "study"), "--memory", "500MB")
    assert code == 2
    assert "1 GB" in said


def test_an_unknown_command_or_option_suggests_one(run: Run) -> None:
    """Exit 2."""
    assert run("rnu")[0] == 2
    code, said = run("run", "x.tif", "--voxelsize", "64 nm")
    assert (code, "--voxel-size" in said) == (2, True)


def test_an_existing_export_is_not_overwritten(run: Run, tmp_path: Path) -> None:
    """Exit 2, and the file keeps its content."""
    (tmp_path / "out.nrrd").write_text("precious")
    code, _ = run("export", scan(tmp_path, noisy()), "-o", tmp_path / "out.nrrd")
    assert code in (1, 2)
    assert (tmp_path / "out.nrrd").read_text() == "precious"
