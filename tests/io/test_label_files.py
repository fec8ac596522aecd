"""Labels from ilastik, COCO, images in color and layers."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from voltomo.artifacts import CodedPhases, Phase, PhaseTable
from voltomo.errors import GateError, InputError, ReadError, VoltomoError
from voltomo.io.label_coco import read_coco, unpack_counts
from voltomo.io.label_files import open_labels
from voltomo.io.label_pairs import open_label_pairs

TABLE = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "NMC", "active", "#ff0000")))
RNG = np.random.default_rng(0)


def axistags(axes: str) -> str:
    """What vigra writes."""
    return json.dumps({"axes": [{"key": axis} for axis in axes]})


def write_project(path: Path, blocks: list[tuple[str, np.ndarray]], *, names: list[str], **info: object) -> Path:
    """An ilastik project with one image and blocks of labels at (slice text, values)."""
    with h5py.File(path, "w") as file:
        file["PixelClassification/LabelNames"] = np.array(names, "S")
        group = file.create_group("PixelClassification/LabelSets/labels000")
        for i, (where, values) in enumerate(blocks):
            block = group.create_dataset(f"block{i:04d}", data=values.astype(np.uint8))
            block.attrs["blockSlice"] = where.encode()
        for key, value in info.items():
            file[f"Input Data/infos/lane0000/Raw Data/{key}"] = value
    return path


@pytest.mark.parametrize(("axes", "where"), [("yxc", "[2:4,3:6,0:1]"), ("zyxc", "[0:1,2:4,3:6,0:1]"), ("tzyxc", "")])
def test_blocks_of_an_ilastik_project_land_where_they_were_painted(tmp_path, axes, where):
    """Labels at y 2-3, x 3-5 of an 8 × 9 image, with the axes of three versions."""
    where = where or "[0:1,0:1,2:4,3:6,0:1]"
    shape = [{"y": 8, "x": 9}.get(axis, 1) for axis in axes]
    block = np.array([[1, 0, 2], [2, 2, 0]], np.uint8).reshape([{"y": 2, "x": 3}.get(axis, 1) for axis in axes])
    path = write_project(
        tmp_path / "p.ilp", [(where, block)], names=["pore", "NMC"],
        filePath=b"scan.tif", nickname=b"scan", shape=shape, axistags=axistags(axes),
    )  # fmt: skip
    (source,) = open_labels(path)
    expected = np.zeros((1, 8, 9), np.uint8)
    expected[0, 2:4, 3:6] = [[1, 0, 2], [2, 2, 0]]
    assert source.name == "scan"
    np.testing.assert_array_equal(source.codes[:], expected)
    assert source.names == {1: "pore", 2: "NMC"}
    assert source.is_zero_unlabelled


def test_an_ilastik_project_pairs_with_its_image_and_names_the_phases(tmp_path):
    """A project without a shape takes it from the grey image of its name; axes x, y are turned."""
    tifffile.imwrite(tmp_path / "scan.tif", RNG.integers(0, 255, (8, 9), dtype=np.uint8))
    write_project(
        tmp_path / "p.ilp",
        [("[3:6,2:4,0:1]", np.array([[1, 2], [0, 2], [2, 1]])[..., None])],
        names=["pore", "NMC"], filePath=b"../x/scan.tif", axistags=axistags("xy"),
    )  # fmt: skip
    found = open_label_pairs(tmp_path / "scan.tif", tmp_path / "p.ilp")
    np.testing.assert_array_equal(found.images[0].labels[0, 2:4, 3:6], [[1, 0, 2], [2, 2, 1]])
    assert [(phase.name, phase.role) for phase in found.phases] == [("pore", "pore"), ("NMC", "active")]
    assert np.count_nonzero(found.images[0].labels) == 5


def test_ilastik_labels_outside_the_image_and_unknown_sizes_are_refused(tmp_path):
    """A cropped image, and a project that never says how large its image is."""
    block = ("[2:4,3:6,0:1]", np.ones((2, 3, 1)))
    cropped = write_project(
        tmp_path / "a.ilp", [block], names=[], filePath=b"s.tif", shape=[3, 9, 1], axistags=axistags("yxc")
    )
    with pytest.raises(ReadError, match="lie outside s"):
        open_labels(cropped)
    unknown = write_project(tmp_path / "b.ilp", [block], names=[], filePath=b"s.tif")
    with pytest.raises(InputError, match="does not say how large s is"):
        open_labels(unknown)
    assert open_labels(unknown, shapes={"s": (1, 8, 9)})[0].shape == (1, 8, 9)


def test_exported_ilastik_labels_are_read_by_their_axis_tags(tmp_path):
    """An exported label volume with a channel axis last."""
    labels = RNG.integers(0, 3, (4, 5, 6, 1), dtype=np.uint8)
    with h5py.File(tmp_path / "scan_Labels.h5", "w") as file:
        file["exported_data"] = labels
        file["exported_data"].attrs["axistags"] = axistags("zyxc")
    (source,) = open_labels(tmp_path / "scan_Labels.h5")
    np.testing.assert_array_equal(source.codes[:], labels[..., 0])


def test_layers_of_one_class_each_become_codes(tmp_path):
    """Three channels, one per class: code 1 to 3; overlapping ones are refused."""
    codes = RNG.integers(0, 4, (4, 5, 6))
    layers = (codes[None] == np.arange(1, 4)[:, None, None, None]).astype(np.uint8) * 255
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["layers"] = layers
        file["layers"].attrs["axistags"] = axistags("czyx")
    (source,) = open_labels(tmp_path / "a.h5")
    np.testing.assert_array_equal(source.codes[:], codes)
    np.testing.assert_array_equal(source.codes[1:3], codes[1:3])
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["layers"] = np.maximum(layers, layers[::-1])
        file["layers"].attrs["axistags"] = axistags("czyx")
    with pytest.raises(InputError, match="no layers of one class each"):
        open_labels(tmp_path / "b.h5")[0].codes[:]


def coco(path: Path, segmentations: list[tuple[int, object]], *, names: tuple[str, ...] = ("NMC", "crack")) -> Path:
    """A COCO file of one 10 × 12 image."""
    content = {
        "images": [{"id": 7, "file_name": "in/scan.png", "height": 10, "width": 12}],
        "categories": [{"id": i, "name": name} for i, name in enumerate(names, start=1)],
        "annotations": [
            {"id": i, "image_id": 7, "category_id": category, "segmentation": shape}
            for i, (category, shape) in enumerate(segmentations)
        ],
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_coco_polygons_hold_the_pixels_whose_centers_they_hold(tmp_path):
    """A rectangle from the corner (2, 1) to (7, 5) is exactly 5 × 4 pixels."""
    (image,) = read_coco(coco(tmp_path / "a.json", [(1, [[2, 1, 7, 1, 7, 5, 2, 5]])]))
    expected = np.zeros((1, 10, 12), np.int32)
    expected[0, 1:5, 2:7] = 1
    np.testing.assert_array_equal(image.codes, expected)
    assert open_labels(tmp_path / "a.json")[0].name == "scan"


def test_the_smaller_outline_lies_on_top(tmp_path):
    """A crack inside a particle stays a crack, in whatever order they were drawn."""
    particle, crack = (1, [[0, 0, 10, 0, 10, 10, 0, 10]]), (2, [[4, 4, 6, 4, 6, 6, 4, 6]])
    for order in ([particle, crack], [crack, particle]):
        (image,) = read_coco(coco(tmp_path / "a.json", order))
        assert (image.codes[0, 4:6, 4:6] == 2).all()
        assert (image.codes == 2).sum() == 4


@given(
    mask=st.lists(st.booleans(), min_size=120, max_size=120).map(lambda values: np.array(values).reshape(10, 12)),
    packed=st.booleans(),
)
def test_coco_run_lengths_give_back_the_mask(tmp_path_factory, mask, packed):
    """Column by column, as numbers or packed into text."""
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flat]).astype(int))).tolist()
    runs = np.diff([0, *edges, flat.size]).tolist()
    counts = pack(runs) if packed else runs
    path = coco(tmp_path_factory.mktemp("coco") / "a.json", [(2, {"size": [10, 12], "counts": counts})])
    (image,) = read_coco(path)
    np.testing.assert_array_equal(image.codes[0] == 2, mask)


def pack(runs: list[int]) -> str:
    """The obvious way to write COCO's text form: signed base 32, least digit first."""
    text = ""
    for i, run in enumerate(runs):
        value = run - runs[i - 2] if i > 2 else run
        while True:
            digit, value = value & 31, value >> 5
            is_last = (value == 0 and not digit & 16) or (value == -1 and digit & 16)
            text += chr(48 + digit + (0 if is_last else 32))
            if is_last:
                break
    return text


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=9))
def test_packed_numbers_come_back(runs):
    """Whatever the run lengths are."""
    assert unpack_counts(pack(runs)) == runs


@pytest.mark.parametrize(
    ("shape", "message"),
    [([[1, 2, 3, 4]], "three points"), ({"size": [10, 12], "counts": [5]}, "of 5 pixels"), (None, "NoneType"),
     ({"size": [9, 12], "counts": [108]}, "of an image")],
)  # fmt: skip
def test_damaged_coco_annotations_are_refused(tmp_path, shape, message):
    """The number of the annotation and what is wrong with it."""
    with pytest.raises(ReadError, match=f"annotation 0.*{message}"):
        read_coco(coco(tmp_path / "a.json", [(1, shape)]))


def test_coco_files_of_a_folder_label_its_images(tmp_path):
    """The file name in COCO finds the image; categories are the phases; nothing is asked about 0."""
    Image.fromarray(RNG.integers(0, 255, (10, 12), dtype=np.uint8)).save(tmp_path / "scan.png")
    box = [[0, 0, 4, 0, 4, 10, 0, 10]]
    coco(tmp_path / "labels.json", [(1, box), (2, [[6, 0, 8, 0, 8, 10, 6, 10]])], names=("NMC", "pore"))
    found = open_label_pairs(tmp_path, tmp_path / "labels.json")
    assert [phase.name for phase in found.phases] == ["NMC", "pore"]
    assert np.count_nonzero(found.images[0].labels == 1) == 40


COLORS = np.array([[[255, 0, 0], [0, 0, 255]], [[0, 0, 0], [255, 255, 255]]], np.uint8)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "palette.png"])
def test_colors_become_phases_by_the_legend(tmp_path, name):
    """Red is NMC, blue pore, white and black are unlabelled, in PNG, TIFF, and PNG with a color table."""
    if name == "a.tif":
        tifffile.imwrite(tmp_path / name, COLORS, photometric="rgb")
    else:
        picture = Image.fromarray(COLORS)
        (picture.convert("P", palette=Image.Palette.ADAPTIVE) if "palette" in name else picture).save(tmp_path / name)
    legend = CodedPhases(TABLE, {0: 1, 1: 2}, {"#ff0000": 2, "#0000ff": 1, "#ffffff": 0})
    (source,) = open_labels(tmp_path / name, phases=legend)
    np.testing.assert_array_equal(source.codes, [[[2, 1], [0, 0]]])
    Image.fromarray(np.array([[9, 8], [7, 6]], np.uint8)).save(tmp_path / "grey.png")
    found = open_label_pairs(tmp_path / "grey.png", tmp_path / name, phases=legend)
    np.testing.assert_array_equal(found.images[0].labels, [[[2, 1], [0, 0]]])


def test_three_slices_that_are_called_colors_are_slices(tmp_path):
    """An 8-bit stack of three slices, stored by napari as the planes of one RGB image."""
    labels = RNG.integers(0, 3, (3, 8, 9), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", labels, photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(open_labels(tmp_path / "a.tif")[0].codes[:], labels)


@pytest.mark.parametrize("mode", ["RGB", "LA", "RGBA"])
def test_grey_stored_as_color_holds_codes(tmp_path, mode):
    """Codes that a paint program saved as RGB, or with transparency, are codes all the same."""
    codes = np.array([[0, 1], [2, 2]], np.uint8)
    Image.fromarray(codes).convert(mode).save(tmp_path / "a.png")
    (source,) = open_labels(tmp_path / "a.png")
    np.testing.assert_array_equal(source.codes, codes[None])
    assert not source.is_zero_unlabelled


def test_transparent_pixels_are_unlabelled(tmp_path):
    """A layer painted over the image in GIMP: what is transparent was not painted."""
    pixels = np.concatenate([COLORS, np.full((2, 2, 1), 255, np.uint8)], axis=-1)
    pixels[0, 0, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "a.png")
    legend = CodedPhases(TABLE, {1: 1, 2: 2}, {"#ff0000": 2, "#0000ff": 1, "#ffffff": 0})
    np.testing.assert_array_equal(open_labels(tmp_path / "a.png", phases=legend)[0].codes, [[[0, 1], [0, 0]]])


def test_colors_without_a_legend_or_outside_of_it_are_refused(tmp_path):
    """The colors found are listed, as they are to be written into the table."""
    Image.fromarray(COLORS).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r'"#0000ff" \(25.00%\).*colors: \{"#'):
        open_labels(tmp_path / "a.png")
    with pytest.raises(GateError, match=r'holds "#0000ff" .*the legend'):
        open_labels(tmp_path / "a.png", phases=CodedPhases(TABLE, {}, {"#ff0000": 2, "#ffffff": 0}))
    with pytest.raises(GateError, match="the legend"):  # the colors of the table's rows: only NMC is red
        open_labels(tmp_path / "a.png", phases=CodedPhases(TABLE, {}))


def test_truncated_color_images_are_refused(tmp_path):
    """Half a PNG: a read error, not half a label."""
    Image.fromarray(np.tile(COLORS, (50, 50, 1))).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(ReadError, match="damaged or truncated"):
        open_labels(tmp_path / "a.png", phases=CodedPhases(TABLE, {}))


@pytest.mark.parametrize("kind", ["ilp", "json", "rgb.tif", "planes.tif", "png"])
def test_damaged_label_files_end_in_our_errors(tmp_path, kind):
    """Any byte changed or the end missing: labels or an error of ours, never another one."""
    path = tmp_path / f"a.{kind.rpartition('.')[2]}"
    if kind == "ilp":
        write_project(path, [("[2:4,3:6,0:1]", np.ones((2, 3, 1)))], names=["pore"], filePath=b"s.tif", shape=[8, 9, 1])
    elif kind == "json":
        coco(path, [(1, [[2, 1, 7, 1, 7, 5]]), (2, {"size": [10, 12], "counts": pack([3, 5, 112])})])
    elif kind == "png":
        Image.fromarray(np.tile(COLORS, (9, 9, 1))).save(path)
    elif kind == "rgb.tif":
        tifffile.imwrite(path, np.tile(COLORS, (9, 9, 1)), photometric="rgb", compression="zlib")
    else:
        tifffile.imwrite(path, np.ones((3, 8, 9), np.uint8), photometric="rgb", planarconfig="separate")
    content = path.read_bytes()
    rng = np.random.default_rng(3)
    legend = CodedPhases(TABLE, {1: 1, 2: 2}, {"#ff0000": 2, "#0000ff": 1, "#ffffff": 0})
    for _ in range(25):
        damaged = bytearray(content)
        damaged[int(rng.integers(len(content)))] = int(rng.integers(256))
        for broken in (bytes(damaged), content[: int(rng.integers(len(content)))]):
            path.write_bytes(broken)
            try:
                for source in open_labels(path, phases=legend, shapes={"s": (1, 8, 9)}):
                    assert all(slab.ndim == 3 for _, slab in source.slabs())
            except VoltomoError:
                continue
