"""Outputs appear whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

from voltomo.artifacts import Volume
from voltomo.errors import InputError, InputNotFoundError, StorageError
from voltomo.io.atomic import new_file, new_folder
from voltomo.io.registry import writers


def always(item: Path) -> bool:
    """Everything is ours."""
    return True


def test_file_appears_at_the_end(tmp_path: Path) -> None:
    """Until the block ends there is a temporary name only; then only the file."""
    with new_file(tmp_path / "a.txt", overwrite=False) as temporary:
        temporary.write_text("new")
        assert not (tmp_path / "a.txt").exists()
    assert [item.name for item in tmp_path.iterdir()] == ["a.txt"]


def fill(folder: Path, failure: BaseException) -> None:
    """Begin a file and a folder that exist already, and fail."""
    with new_file(folder / "a.txt", overwrite=True) as temporary:
        temporary.write_text("half")
        with new_folder(folder / "b", overwrite=True, is_ours=always) as slices:
            (slices / "0.png").write_text("half")
            raise failure


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_failure_keeps_what_was_there(failure: BaseException, tmp_path: Path) -> None:
    """A full disk is a StorageError, an interrupt goes on as it is; old files stay, temporary ones do not."""
    (tmp_path / "a.txt").write_text("old")
    (tmp_path / "b").mkdir()
    expected = StorageError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected, match="No space left" if isinstance(failure, OSError) else None):
        fill(tmp_path, failure)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a.txt", "b"]
    assert (tmp_path / "a.txt").read_text() == "old"
    assert list((tmp_path / "b").iterdir()) == []


def test_missing_folder_is_not_made(tmp_path: Path) -> None:
    """A slip in the path does not create folders."""
    with (
        pytest.raises(InputNotFoundError, match="there is no folder"),
        new_file(tmp_path / "x" / "a.txt", overwrite=False),
    ):
        pass


def test_folder_with_other_files_is_never_replaced(tmp_path: Path) -> None:
    """Overwriting deletes slices, and nothing else."""
    folder = tmp_path / "slices"
    volume = Volume(np.zeros((1, 3, 4, 5), np.uint8))
    writers()["png"].write(volume, folder)
    writers()["png"].write(Volume(np.zeros((1, 2, 4, 5), np.uint8)), folder, overwrite=True)
    assert sorted(item.name for item in folder.iterdir()) == ["slices_0000.png", "slices_0001.png"]
    (folder / "thesis.docx").write_text("years of work")
    with pytest.raises(InputError, match=r"other files too \(thesis\.docx\)"):
        writers()["png"].write(volume, folder, overwrite=True)
    assert (folder / "thesis.docx").exists()
    assert (folder / "slices_0000.png").exists()


def test_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    """Nothing is deleted to make room."""
    (tmp_path / "a.tif").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        writers()["tiff"].write(Volume(np.zeros((1, 3, 4, 5), np.uint8)), tmp_path / "a.tif", overwrite=True)
