"""The page about a training."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from voltomo.artifacts import Phase, PhaseTable
from voltomo.artifacts.model import Model
from voltomo.errors import InputError
from voltomo.learning.pairs import LabelledImage
from voltomo.learning.splits import Split
from voltomo.report.tiles import diverging_rgb, positive_rgb
from voltomo.report.training import ProgressViews, TrainingContent, choose_views, write_training_page
from voltomo.report.training_pictures import label_rows
from voltomo.report.training_rows import confusion_rows, facts, phase_rows

PHASES = PhaseTable((Phase(2, "<pore> & co", "pore"), Phase(5, "$NMC$", "active")))


def _image(name: str, *, slices: int = 1, voxel_size: tuple[float, float, float] | None = None) -> LabelledImage:
    rng = np.random.default_rng(0)
    labels = rng.choice(np.array([0, 2, 5], np.uint8), (slices, 60, 50))
    grey = (labels * 20 + rng.normal(0, 9, labels.shape))[None].astype(np.float32)
    return LabelledImage(name, grey, labels, scan="A", voxel_size=voxel_size)


def _split(images: list[LabelledImage]) -> Split:
    """The lower right quarter validates; five voxels around it are the gap."""
    held, near = (np.zeros((60, 50), bool) for _ in range(2))
    held[30:, 25:] = near[25:, 20:] = True
    return Split(
        tuple((image.labels > 0) & ~near for image in images), tuple((image.labels > 0) & held for image in images)
    )


def _row(step: int, merit: float) -> dict[str, Any]:
    return {"step": step, "loss": 2 / step, "mean_iou": merit, "iou": [merit - 0.1, None if step == 10 else merit]}


def _record() -> dict[str, Any]:
    curve = {"predicted": [0.1, 0.9], "observed": [0.2, 0.85], "voxels": [50, 50]}
    scores = {
        "voxels": 100,
        "confusion": [[30, 10], [6, 54]],
        "iou": {"<pore> & co": 0.652, "$NMC$": 0.771},
        "mean_iou": 0.7115,
        "accuracy": 0.84,
        "brier": 0.21,
        "calibration_error": 0.031,
        "calibration_error_near_boundary": 0.077,
        "reliability": {phase.name: curve for phase in PHASES},
        "fitted_cut": {
            "cuts": [0.4],
            "phases": ["a", "b"],
            "iou": {"$NMC$": 0.8, "<pore> & co": 0.5},
            "mean_iou": 0.65,
        },
    }
    training = {
        "curve": [{"step": step, "loss": 1 / step, "rate": 1e-3} for step in (10, 20, 30)],
        "validations": [_row(10, 0.5), _row(20, 0.7), _row(30, 0.65)],
        "stopped_early": False,
        "seconds": 65.0,
    }
    return {
        "scores": scores,
        "trainings": [training],
        "parameters": 890_000,
        "plan": {"patch": [1, 64, 64], "steps": 30},
        "settings": {"steps": None, "augmentation": {"rotation": 0.26}, "learning_rate": 3e-3, "ensemble": "seeds"},
        "versions": {"torch": "2.13.0"},
        "data": [{"name": "a", "scan": "A", "shape": [1, 60, 50], "grey": "ab" * 32, "labels": "cd" * 32}],
    }


def _model(**changes: Any) -> Model:
    base: dict[str, Any] = {
        "name": "mine",
        "network": "unet",
        "settings": {"dimension": 2},
        "phases": PHASES,
        "channels": ("grey",),
        "normalization": {"method": "percentile", "percentiles": [1.0, 99.0], "low": [0.0], "high": [1.0]},
        "weights": {},
        "record": _record(),
    }
    return Model(**{**base, **changes})


def _insight() -> Any:
    """What `voltomo.training.insight` gives, without torch."""
    rng = np.random.default_rng(1)
    plane, ids = rng.random((40, 40)).astype(np.float32), rng.choice(np.array([2, 5], np.uint8), (40, 40))
    layer = SimpleNamespace(layer="encoder.0", channels=16, numbers=(3, 0), maps=rng.random((2, 20, 20)))
    features = SimpleNamespace(points=rng.random((20, 2)), labels=np.repeat([2, 5], 10), shares=(0.7, 0.2), channels=16)
    crops = SimpleNamespace(name="a", grey=np.stack([plane] * 3), labels=np.stack([ids] * 3))
    return SimpleNamespace(
        name="a",
        grey=plane,
        labels=ids,
        prediction=ids,
        activations=(layer,),
        saliency=np.stack([plane - 0.5, 0.5 - plane]),
        features=features,
        augmented=crops,
    )


def _views() -> list[ProgressViews]:
    view = SimpleNamespace(
        name="a",
        grey=np.random.default_rng(2).random((16, 20)).astype(np.float32),
        labels=np.full((16, 20), 2, np.uint8),
        prediction=np.full((16, 20), 5, np.uint8),
    )
    return [ProgressViews(step, 0.5, (view,)) for step in (10, 30)]


@pytest.fixture
def content() -> TrainingContent:
    """A network that learned from two images."""
    images = [_image("a"), _image("b <i>", slices=3, voxel_size=(2e-7, 1e-7, 1e-7))]
    return TrainingContent(_model(), images, _split(images), _views(), _insight(), ("Mind the <gap>.",))


def _text(path: Path) -> str:
    """The page without its pictures and style."""
    page = re.sub(r'src="data:[^"]*"', "", path.read_text(encoding="utf-8"))
    return re.sub(r"\s+", " ", page[page.index("<body>") :])


def test_the_page_says_how_good_the_model_is(tmp_path: Path, content: TrainingContent) -> None:
    """Every phase stands beside the fitted cut, a worse one is marked, and each measure is explained."""
    page = _text(write_training_page(tmp_path, content))
    assert '0.652</td><td class="number">0.500</td><td class="number">+0.15</td>' in page
    assert page.count('<tr class="withheld">') == 1  # NMC: 0.771 below 0.800
    for text in ("0.712", "0.840", "0.210", "0.031", "0.077", "within 3 voxels of a boundary", "Squared distance"):
        assert text in page
    for text in ("U-Net, slice by slice", "890000", "Steps</dt><dd>30", "65 s", "Mind the &lt;gap&gt;."):
        assert text in page


def test_the_page_is_whole_and_safe(tmp_path: Path, content: TrainingContent) -> None:
    """Every picture lies in it, none is loaded, and names cannot break it."""
    path = write_training_page(tmp_path, content)
    assert not list(tmp_path.glob(".*"))
    page = _text(path)
    assert "<pore>" not in page
    assert "&lt;pore&gt; &amp; co" in page
    assert "b &lt;i&gt;" in page
    found: list[tuple[str, str]] = []

    class Finder(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend((tag, str(value)) for name, value in attrs if name in ("src", "href"))

    Finder().feed(path.read_text(encoding="utf-8"))
    assert all(value.startswith(("data:image/png;base64,", "#", "data:,")) for _, value in found)
    # Four plots; two images twice; one piece at two moments with grey and labels; three crops; two channels; a window
    # with labels, prediction and two phases.
    assert sum(tag == "img" for tag, _ in found) == 4 + 4 + 4 + 3 + 2 + 5


def test_same_content_same_bytes(tmp_path: Path, content: TrainingContent) -> None:
    """The page holds no time stamp."""
    first, second = (write_training_page(tmp_path / name, content).read_bytes() for name in "ab")
    assert first == second


def test_settings_are_printed_once_and_angles_have_units(tmp_path: Path, content: TrainingContent) -> None:
    """What was worked out stands for what was left open."""
    page = _text(write_training_page(tmp_path, content))
    assert "<td>steps</td><td>30</td>" in page
    assert page.count("<td>steps</td>") == 1
    assert "<td>augmentation: rotation</td><td>0.26 rad</td>" in page
    assert "<td>learning rate</td><td>0.003</td>" in page
    assert "torch 2.13.0" in page
    assert "ab" * 32 in page


def test_a_pixel_classifier_has_a_page(tmp_path: Path, content: TrainingContent) -> None:
    """No curves and no layers; the importances of its features, and its time."""
    record = {key: value for key, value in _record().items() if key not in ("trainings", "parameters", "plan")}
    record["importances"] = {"smooth_1": 0.2, "edge_2": 0.5, "edge_4": -0.001}
    record["seconds"] = 7.3
    record["settings"] = {"forest": {"trees": 61}, "boosting": {"rounds": 97}}
    model = _model(network="forest", settings={}, record=record)
    page = _text(write_training_page(tmp_path, replace(content, model=model, views=(), insight=None)))
    assert "random forest on image features" in page
    assert "What the classifier looks at" in page
    assert "Time</dt><dd>7 s" in page
    assert "<td>forest: trees</td><td>61</td>" in page
    assert "boosting: rounds" not in page
    assert 'id="learning"' not in page
    assert 'id="figure-loss"' not in page


def test_a_bare_record_still_gives_a_page(tmp_path: Path, content: TrainingContent) -> None:
    """A model of which nothing was kept shows its labels and no empty tables."""
    bare = replace(content, model=_model(record={}), views=(), insight=None, notices=())
    page = _text(write_training_page(tmp_path, bare))
    assert 'id="scores"' not in page
    assert 'id="inside"' not in page
    assert 'id="labels"' in page


def test_the_outline_lies_around_what_validates(content: TrainingContent) -> None:
    """White around it, black around that; the labels themselves keep their colors."""
    image = replace(content.images[0], labels=np.full((1, 60, 50), 2, np.uint8))
    content = replace(content, images=[image], split=_split([image]))
    picture = label_rows(content)[0].tiles[1].image
    assert (picture[29, 25:] == 255).all()
    assert (picture[30:, 24] == 255).all()
    assert (picture[28, 25:] == 0).all()
    for part in (picture[:25, :20], picture[30:, 25:]):
        assert not ((part == 255).all(axis=2) | (part == 0).all(axis=2)).any()


def test_thin_strokes_survive_in_small_pictures(content: TrainingContent) -> None:
    """A stroke one voxel wide is seen along its whole length, though every third row only is drawn."""
    labels = np.zeros((1, 1200, 1200), np.uint8)
    labels[0, 601, 300:900] = 5
    image = LabelledImage("s", np.zeros((1, 1, 1200, 1200), np.uint8), labels)
    split = Split((labels > 0,), (np.zeros(labels.shape, bool),))
    grey, picture = (tile.image for tile in label_rows(replace(content, images=[image], split=split))[0].tiles)
    drawn = (picture != grey).any(axis=2)
    assert drawn[199:202, 100:300].all()
    assert drawn.sum() == 3 * 200 + 2  # one pixel wider on every side


def test_the_slice_with_most_labels_is_shown(content: TrainingContent) -> None:
    """Of a volume labelled on one slice it is that one, with its number in the scan."""
    image = _image("v", slices=4)
    labels = np.where(np.arange(4)[:, None, None] == 2, image.labels, 0).astype(np.uint8)
    image = replace(image, labels=labels, first_slice=100)
    row = label_rows(replace(content, images=[image], split=_split([image])))[0]
    assert row.tiles[1].caption.startswith("slice 102, ")


def test_lengths_are_given_where_they_are_known(tmp_path: Path, content: TrainingContent) -> None:
    """A scale bar in µm for the scan with a voxel size, in voxels for the other."""
    page = _text(write_training_page(tmp_path, content))
    assert "10 voxels" in page  # of 50
    assert "1 µm" in page  # of 5 µm


def test_confusion_adds_up(content: TrainingContent) -> None:
    """Each line is 100 % of what was labelled."""
    rows = confusion_rows(content.model)
    assert [[cell["share"] for cell in row["cells"]] for row in rows] == [["75.0", "25.0"], ["10.0", "90.0"]]


def test_small_differences_are_no_differences(content: TrainingContent) -> None:
    """Half a point of IoU more than the fitted cut is the same."""
    record = _record()
    record["scores"]["iou"]["$NMC$"] = 0.803
    assert [row["verdict"] for row in phase_rows(_model(record=record))] == ["better", "the same", "better"]


def test_first_and_last_moment_are_chosen() -> None:
    """Of many validations four are shown, of the first network only."""

    def report(member: int, step: int, views: tuple[Any, ...] = ("view",)) -> Any:
        return SimpleNamespace(member=member, validation=SimpleNamespace(step=step, mean_iou=0.5, views=views))

    told = [report(member, step) for member in (0, 1) for step in range(10, 170, 10)]
    told += [SimpleNamespace(member=0, validation=None), report(0, 999, ())]
    assert [moment.step for moment in choose_views(told)] == [10, 60, 110, 160]
    assert [moment.step for moment in choose_views(told[:1])] == [10]
    assert choose_views([]) == ()


def test_colors_say_signs_and_sizes() -> None:
    """Zero is white, opposite values have opposite hues, a constant plane is black."""
    colors = diverging_rgb(np.array([[-1.0, 0.0, 1.0]]), largest=1.0)
    assert colors.tolist() == [[[0, 114, 178], [255, 255, 255], [213, 94, 0]]]
    assert (diverging_rgb(np.zeros((2, 2)), largest=0.0) == 255).all()
    assert (positive_rgb(np.full((2, 2), 7.0)) == 0).all()
    assert positive_rgb(np.array([[-1.0, 1.0]]))[0, :, 0].tolist() == [0, 255]


def test_masks_of_another_training_are_refused(content: TrainingContent) -> None:
    """One mask of each kind per image."""
    with pytest.raises(InputError, match="2 and 2 for 1 images"):
        replace(content, images=content.images[:1])


def test_the_page_needs_no_torch() -> None:
    """A pixel classifier is trained where torch is not installed."""
    code = "import sys, voltomo.report.training; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_share_of_the_surface_under_binder_is_told(content: TrainingContent) -> None:
    """In the labels, by the likeliest phase and as decided; nothing where too few labels touch."""
    fitted = {"covered": [0.538, 0.665, 0.539], "filled": [0.152, 0.148, 0.151], "pairs": 37517}
    told = dict(facts(replace(content, model=_model(record={"binder": fitted}))))
    assert told["Active surface under binder"] == ("54 % in the labels, 66 % by the likeliest phase, 54 % as decided")
    assert told["Binder"] == "15 % in the labels, 15 % by the likeliest phase, 15 % as decided"
    unknown = {"covered": [], "filled": [], "pairs": 12}
    for record in ({"binder": unknown}, {"binder": None}, {}):
        assert "Active surface under binder" not in dict(facts(replace(content, model=_model(record=record))))
