from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install 'voltomo[train]'")

from voltomo.errors import ReadError, StorageError, StudyError  # noqa: E402 - after the check for torch
from voltomo.training.checkpoint import Checkpoint, fingerprint  # noqa: E402


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    """Tensors of any layout and plain state come back as they were."""
    tensors = {"a/b": torch.rand(2, 3, 4, 4).to(memory_format=torch.channels_last), "c": torch.tensor(3)}
    state = {"step": 4, "curve": [{"loss": 0.5}], "best": None}
    path = tmp_path / "deep" / "checkpoint"
    checkpoint = Checkpoint(path, "x")
    assert checkpoint.load() is None
    checkpoint.save(tensors, state)
    kept = checkpoint.load()
    assert kept is not None
    found, plain = kept
    assert plain == state
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    assert [file.name for file in path.parent.iterdir()] == ["checkpoint"]


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    """Other settings or labels do not silently go on; to be replaced, it stays until the first save."""
    first = Checkpoint(tmp_path / "c", fingerprint({"seed": 1}))
    other = Checkpoint(tmp_path / "c", fingerprint({"seed": 2}))
    first.save({"a": torch.zeros(1)}, {"step": 1})
    with pytest.raises(StudyError, match="other settings, labels or images"):
        other.load()
    replacing = replace(other, replace=True)
    assert replacing.load() is None
    assert first.load() is not None
    replacing.save({"a": torch.ones(1)}, {"step": 2})
    assert other.load() == ({"a": torch.ones(1)}, {"step": 2})  # one value is compared as a number


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    """A truncated file, or one that is something else, says so."""
    checkpoint = Checkpoint(tmp_path / "c", "x")
    checkpoint.save({"a": torch.zeros(99)}, {})
    whole = (tmp_path / "c").read_bytes()
    for content in (whole[:-50], b"not a checkpoint", b""):
        (tmp_path / "c").write_bytes(content)
        with pytest.raises(ReadError, match="not a readable checkpoint"):
            checkpoint.load()
        assert replace(checkpoint, replace=True).load() is None


def test_a_failed_write_keeps_the_older_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk the training stops, and can go on from the checkpoint before."""
    import safetensors.torch

    def full(tensors: object, path: Path, header: object) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    checkpoint = Checkpoint(tmp_path / "c", "x")
    checkpoint.save({"a": torch.ones(2)}, {"step": 1})
    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(StorageError, match="could not be written"):
        checkpoint.save({"a": torch.zeros(2)}, {"step": 2})
    kept = checkpoint.load()
    assert kept is not None
    assert kept[1] == {"step": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["c"]
