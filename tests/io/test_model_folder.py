"""Models on disk: what is written is read back, and what was changed is refused."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from voltomo.artifacts import Model, Phase, PhaseTable
from voltomo.errors import InputError, InputNotFoundError, ReadError, StorageError
from voltomo.io.model_card import CARD, opset_version
from voltomo.io.model_folder import is_model, read_card, read_model, write_model
from voltomo.io.model_lookup import find_model, list_models, load_model, model_folders


def model(**changes: Any) -> Model:
    """A model with every field filled; its network is no network, which reading does not look at."""
    rng = np.random.default_rng(0)
    fields: dict[str, Any] = {
        "name": "mine",
        "network": "unet",
        "settings": {"dimension": 2.5, "neighbors": 1, "halo": [1, 12, 12], "multiple": [1, 4, 4]},
        "phases": PhaseTable((Phase(1, "pore", "pore"), Phase(3, "NMC 811", "active", density=4700.0))),
        "channels": ("absorption", "Zernike phase"),
        "normalization": {"method": "percentile", "percentiles": [1, 99], "low": [0.1, 2], "high": [3.0, 4]},
        "weights": {"a.weight": rng.normal(size=(2, 3)).astype(np.float32), "steps": np.array(7)},
        "onnx": b"network",
        "temperature": 1.25,
        "voxel_size": ((1e-8, 1e-8, 1e-8), (2e-8, 1e-8, 1e-8)),
        "domain": {"noise": 0.125},
        "record": {"iou": np.float32(0.5), "loss": np.arange(3), "split": (1, 2), "undefined": float("nan")},
        "test_input": rng.normal(size=(2, 3, 8, 12)).astype(np.float32),
        "test_output": rng.normal(size=(2, 3, 8, 12)).astype(np.float32),
        "precision": {"f32": 1.0, "bf16": 0.9991},
        "members": ({"a.weight": np.ones((2, 3), np.float16)},),
        "onnx_members": (b"second network",),
        "licence": "CC-BY-4.0",
    }
    return Model(**{**fields, **changes})


@pytest.fixture(params=["mine", "mine.zip"])
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A model as a folder and as a zip."""
    return write_model(model(), tmp_path / request.param)


def alter(path: Path, name: str, change: Callable[[bytes], bytes | None]) -> None:
    """Change one file of a model folder or zip; None removes it."""
    if path.is_dir():
        files = {file.name: file.read_bytes() for file in path.iterdir()}
    else:
        with zipfile.ZipFile(path) as archive:
            files = {entry: archive.read(entry) for entry in archive.namelist()}
    changed = change(files.pop(name, b""))
    if changed is not None:
        files[name] = changed
    if path.is_dir():
        (path / name).unlink(missing_ok=True)
        for entry, content in files.items():
            (path / entry).write_bytes(content)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            for entry, content in files.items():
                archive.writestr(entry, content)


def test_round_trip(written: Path) -> None:
    """Everything of a model comes back; what JSON has no word for comes back as the nearest it has."""
    first, second = model(), read_model(written)
    for name in ("name", "network", "settings", "phases", "channels", "normalization", "temperature", "voxel_size"):
        assert getattr(second, name) == getattr(first, name), name
    for name in ("onnx", "onnx_members", "licence", "precision", "domain"):
        assert getattr(second, name) == getattr(first, name), name
    assert second.record == {"iou": 0.5, "loss": [0, 1, 2], "split": [1, 2], "undefined": None}
    for one, two in zip((first.weights, *first.members), (second.weights, *second.members), strict=True):
        assert {name: (values.dtype, values.shape) for name, values in one.items()} == {
            name: (values.dtype, values.shape) for name, values in two.items()
        }
        assert all(np.array_equal(one[name], two[name]) for name in one)
    assert np.array_equal(first.test_input, second.test_input)
    assert np.array_equal(first.test_output, second.test_output)


def test_classifiers_need_no_network(tmp_path: Path) -> None:
    """A classifier is arrays and settings alone."""
    plain = model(network="forest", settings={"scales": [1, 2]}, onnx=None, members=(), onnx_members=())
    again = read_model(write_model(plain, tmp_path / "forest"))
    assert again.onnx is None
    assert again.settings == {"scales": [1, 2]}
    assert np.array_equal(again.test_input, plain.test_input)


def test_zip_is_reproducible(tmp_path: Path) -> None:
    """The same model gives the same bytes."""
    one, two = (write_model(model(), tmp_path / name) for name in ("a.zip", "b.zip"))
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("name", ["weights.safetensors", "model.onnx", "test_output.npy", "record.json"])
def test_altered_file(written: Path, name: str) -> None:
    """One changed byte in any file is found by its hash, and the file is named."""
    alter(written, name, lambda content: content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ReadError, match=f"{name} was altered"):
        read_model(written)


def test_missing_file(written: Path) -> None:
    """A file that was not copied is named."""
    alter(written, "weights-1.safetensors", lambda _: None)
    with pytest.raises(ReadError, match=r"lacks the file weights-1\.safetensors"):
        read_model(written)


def test_card_changed_by_hand(written: Path) -> None:
    """Phases cannot be swapped in the card without being found."""
    alter(written, CARD, lambda content: content.replace(b"NMC 811", b"NMC 622"))
    with pytest.raises(ReadError, match="altered after the model was written"):
        read_card(written)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "no readable YAML"),
        (b"type: model\n", "models that|expected a model"),
        (b"config: {voltomo: {format: voltomo-model-0, written_by: voltomo 0.0.1}}", "voltomo-model-0.*voltomo 0.0.1"),
        (b"- a\n- b\n", "expected a model"),
    ],
)
def test_cards_of_others(written: Path, content: bytes, message: str) -> None:
    """Broken cards, other programs' models and old formats are refused with what was found."""
    alter(written, CARD, lambda _: content)
    with pytest.raises(ReadError, match=message):
        read_model(written)


def test_names_cannot_leave_the_folder(tmp_path: Path) -> None:
    """A card that names a file elsewhere is refused before anything is opened."""
    folder = write_model(model(), tmp_path / "mine")
    card = yaml.safe_load((folder / CARD).read_bytes())
    card["config"]["voltomo"]["files"]["../secret.npy"] = "0" * 64
    from voltomo.io import model_card

    card["config"]["voltomo"]["card"] = model_card._card_hash(card)
    (folder / CARD).write_text(model_card.card_text(card))
    with pytest.raises(ReadError, match=r"'../secret.npy', which is no part"):
        read_model(folder)


def test_not_a_model(tmp_path: Path) -> None:
    """An empty folder, a text file and nothing at all are told apart."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "model.pt").write_bytes(b"\x80\x02pickle")
    with pytest.raises(ReadError, match=r"no model.yaml"):
        read_model(tmp_path / "empty")
    with pytest.raises(ReadError, match="is no model"):
        read_model(tmp_path / "model.pt")
    with pytest.raises(InputNotFoundError, match="no model at"):
        read_model(tmp_path / "nothing")


def test_does_not_overwrite(written: Path) -> None:
    """A model that is there stays, unless overwriting is allowed; then it is replaced as a whole."""
    with pytest.raises(InputError, match="exists"):
        write_model(model(), written)
    write_model(model(name="other", members=(), onnx_members=()), written, overwrite=True)
    assert read_model(written).name == "other"


def test_other_files_are_not_replaced(tmp_path: Path) -> None:
    """A folder that holds something else is not taken for a model to replace."""
    folder = write_model(model(), tmp_path / "mine")
    (folder / "thesis.docx").write_bytes(b"")
    with pytest.raises(InputError, match=r"thesis.docx"):
        write_model(model(), folder, overwrite=True)


def test_no_place_for_a_folder(tmp_path: Path) -> None:
    """Where a file stands in the way of the folder, that is said."""
    (tmp_path / "models").write_bytes(b"")
    with pytest.raises(StorageError, match="no folder"):
        write_model(model(), tmp_path / "models" / "mine")


def test_record_must_be_plain(tmp_path: Path) -> None:
    """A record with an object in it is refused, and nothing is left behind."""
    with pytest.raises(InputError, match=r"record.state"):
        write_model(model(record={"state": object()}), tmp_path / "mine")
    assert list(tmp_path.iterdir()) == []


def test_lookup_takes_the_nearest(tmp_path: Path) -> None:
    """A name is found in ./models before $VOLTOMO_MODELS before the user's folder; hidden ones are listed as such."""
    here, named, data = tmp_path / "here", tmp_path / "named", tmp_path / "data"
    environment = {"VOLTOMO_MODELS": str(named), "XDG_DATA_HOME": str(data), "LOCALAPPDATA": str(data)}
    folders = model_folders(environment, here=here)
    assert folders[:2] == (here / "models", named)
    named.mkdir()
    write_model(model(name="from named"), named / "m.zip")
    assert load_model("m", folders).name == "from named"
    write_model(model(name="from here"), here / "models" / "m")
    assert load_model("m", folders).name == "from here"
    ours = list_models(folders[:2])
    assert [(entry.name, entry.hidden) for entry in ours] == [("m", False), ("m", True)]
    assert load_model(named / "m.zip", folders).name == "from named"


def test_lookup_tells_what_there_is(tmp_path: Path) -> None:
    """An unknown name suggests the nearest one; a broken model is listed with its problem."""
    folder = write_model(model(), tmp_path / "graphite")
    with pytest.raises(InputNotFoundError, match="did you mean graphite"):
        find_model("grafite", (tmp_path,))
    alter(folder, CARD, lambda content: content + b"\nmore: 1\n")
    (entry,) = list_models((tmp_path,))
    assert entry.card is None
    assert "altered" in entry.problem
    assert is_model(folder)


def test_opset_of_a_network() -> None:
    """The version of the operators is read from the bytes of an ONNX file: opset_import {domain "", version 18}."""
    assert opset_version(bytes([0x08, 8, 0x42, 4, 0x0A, 0, 0x10, 18])) == 18
    assert opset_version(b"") is None
