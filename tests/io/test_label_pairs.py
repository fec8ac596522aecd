"""Grey images and labels that belong together, from files and folders as people keep them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from voltomo.artifacts import CodedPhases, Phase, PhaseTable
from voltomo.errors import GateError, InputError, InputNotFoundError, ShapeError
from voltomo.io.label_pairs import CONTEXT, open_label_pairs, read_label_pairs

RNG = np.random.default_rng(0)


def grey(*shape: int) -> np.ndarray:
    """A grey image that is unlike any other."""
    return RNG.integers(0, 2**16, shape, dtype=np.uint16)


def painted(*shape: int) -> np.ndarray:
    """Labels 1 and 2 on every voxel."""
    return RNG.integers(1, 3, shape, dtype=np.uint8)


def save(path: Path, array: np.ndarray) -> np.ndarray:
    """Write an image, with its folder, and give it back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        Image.fromarray(array).save(path)
    else:
        tifffile.imwrite(path, array, photometric="minisblack")
    return array


def test_folders_pair_by_stem_or_suffix_whatever_the_size_and_format(tmp_path):
    """Equal stem, `_label`, `-mask`; TIFF and PNG; images of two sizes: each label lands on its image."""
    expected = {}
    for name, label, size in (("a", "a.tif", 8), ("b", "b_label.png", 9), ("c", "c-Mask.tif", 8)):
        pair = (
            save(tmp_path / "grey" / f"{name}.tif", grey(size, 10)),
            save(tmp_path / "labels" / label, painted(size, 10)),
        )
        expected[name] = pair
    save(tmp_path / "grey" / "spare.tif", grey(8, 10))
    found = open_label_pairs(tmp_path / "grey", tmp_path / "labels")
    assert {image.name for image in found.images} == set(expected)
    for image in found.images:
        np.testing.assert_array_equal(image.grey[0, 0], expected[image.name][0])
        np.testing.assert_array_equal(image.labels[0], expected[image.name][1])
    assert [path.name for path in found.unlabelled] == ["spare.tif"]
    assert found.phases.ids == (1, 2)


def test_one_folder_may_hold_both(tmp_path):
    """Files that end in `_label` are the labels of the others."""
    for name in ("a_1", "a_2"):
        save(tmp_path / f"{name}.tif", grey(6, 7))
        save(tmp_path / f"{name}_label.tif", painted(6, 7))
    images, _ = read_label_pairs(tmp_path, tmp_path)
    assert [image.name for image in images] == ["a_1", "a_2"]
    assert [image.name for image in open_label_pairs(tmp_path).images] == ["a_1", "a_2"]


def test_two_files_pair_whatever_their_names(tmp_path):
    """A scan and a label file that are named on the command line belong together."""
    save(tmp_path / "scan.tif", grey(3, 6, 7))
    labels = save(tmp_path / "Untitled.tif", painted(3, 6, 7))
    (image,), _ = read_label_pairs(tmp_path / "scan.tif", tmp_path / "Untitled.tif")
    np.testing.assert_array_equal(image.labels, labels)


def test_names_that_do_not_pair_are_listed(tmp_path):
    """Labels without grey: all of them, the free images, and the nearest name."""
    for name in ("slice_1", "slice_2"):
        save(tmp_path / "grey" / f"{name}.tif", grey(4, 4))
    for name in ("slice_1", "slic_2", "other"):
        save(tmp_path / "labels" / f"{name}.tif", painted(4, 4))
    with pytest.raises(
        InputError, match=r"2 label images have no grey image: other, slic_2 .*without labels: slice_2 "
    ):
        read_label_pairs(tmp_path / "grey", tmp_path / "labels")


def test_labels_of_another_shape_are_refused_with_a_guess(tmp_path):
    """Another size, and x and y exchanged."""
    save(tmp_path / "a.tif", grey(6, 8))
    save(tmp_path / "small.tif", painted(5, 8))
    save(tmp_path / "turned.tif", painted(8, 6))
    with pytest.raises(ShapeError, match=r"\(1, 5, 8\) voxels .* a \(1, 6, 8\); was one of them cropped"):
        read_label_pairs(tmp_path / "a.tif", tmp_path / "small.tif")
    with pytest.raises(ShapeError, match="are x and y exchanged"):
        read_label_pairs(tmp_path / "a.tif", tmp_path / "turned.tif")


def test_whole_numbers_in_floats_are_codes_and_others_are_refused(tmp_path):
    """Fiji saves 32-bit labels; an interpolated label or a grey image is not one."""
    save(tmp_path / "a.tif", grey(6, 8))
    save(tmp_path / "whole.tif", painted(6, 8).astype(np.float32))
    save(tmp_path / "half.tif", painted(6, 8) + np.float32(0.5))
    (image,), _ = read_label_pairs(tmp_path / "a.tif", tmp_path / "whole.tif")
    assert set(np.unique(image.labels)) == {1, 2}
    with pytest.raises(InputError, match="which are no integer codes"):
        read_label_pairs(tmp_path / "a.tif", tmp_path / "half.tif")


def test_missing_and_empty_folders_are_told(tmp_path):
    """A path that does not exist, and a folder without images."""
    (tmp_path / "grey").mkdir()
    with pytest.raises(InputNotFoundError, match="labels"):
        read_label_pairs(tmp_path / "grey", tmp_path / "labels")
    with pytest.raises(InputNotFoundError, match="holds no image"):
        open_label_pairs(tmp_path / "grey")


def test_two_label_files_for_one_image_are_refused(tmp_path):
    """`a_label` and `a_mask` beside each other do not tell which one is right."""
    save(tmp_path / "a.tif", grey(6, 8))
    for ending in ("label", "mask"):
        save(tmp_path / f"a_{ending}.tif", painted(6, 8))
    with pytest.raises(InputError, match=r"a is labelled twice, by a_label.tif, a_mask.tif"):
        open_label_pairs(tmp_path)


def test_empty_label_files_are_left_out_and_told(tmp_path):
    """One of two label files holds nothing: the other one teaches, and the reader is told."""
    for name in "ab":
        save(tmp_path / f"{name}.tif", grey(6, 8))
    save(tmp_path / "a_label.tif", painted(6, 8))
    save(tmp_path / "b_label.tif", np.zeros((6, 8), np.uint8))
    found = open_label_pairs(tmp_path)
    assert [image.name for image in found.images] == ["a"]
    assert "Nothing is labelled in b_label.tif; left out." in found.notices


def test_colored_tables_and_other_label_formats_are_read(tmp_path):
    """A TIFF with a color table (Fiji), and NumPy: codes as they are stored."""
    labels = painted(6, 8)
    save(tmp_path / "a.tif", grey(6, 8))
    colors = RNG.integers(0, 2**16, (3, 256), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "fiji.tif", labels, photometric="palette", colormap=colors)
    np.save(tmp_path / "array.npy", labels.astype(np.int64))
    for name in ("fiji.tif", "array.npy"):
        (image,), _ = read_label_pairs(tmp_path / "a.tif", tmp_path / name)
        np.testing.assert_array_equal(image.labels[0], labels)


def test_single_slices_label_a_volume_in_slabs(tmp_path):
    """`scan_z0003` and `scan_z0050` of a volume become slabs with their neighbors, at the right place."""
    volume = save(tmp_path / "scan.tif", grey(80, 6, 7))
    first, second = (save(tmp_path / "labels" / f"scan_z00{z}.tif", painted(6, 7)) for z in ("03", "50"))
    images, _ = read_label_pairs(tmp_path / "scan.tif", tmp_path / "labels")
    assert [(image.first_slice, image.shape[0]) for image in images] == [
        (0, 3 + CONTEXT + 1),
        (50 - CONTEXT, 2 * CONTEXT + 1),
    ]
    assert {image.scan for image in images} == {"scan"}
    np.testing.assert_array_equal(images[0].labels[3], first)
    np.testing.assert_array_equal(images[1].labels[CONTEXT], second)
    np.testing.assert_array_equal(np.asarray(images[1].grey[0]), volume[50 - CONTEXT : 50 + CONTEXT + 1])
    assert all(np.count_nonzero(image.labels.any(axis=(1, 2))) == 1 for image in images)


def test_a_sparse_stack_gives_the_same_as_its_slices(tmp_path):
    """Labels of three slices in a stack of the volume's shape, or as three files: the same images."""
    save(tmp_path / "scan.tif", grey(90, 6, 7))
    stack = np.zeros((90, 6, 7), np.uint8)
    for z in (4, 9, 44):
        stack[z] = save(tmp_path / "labels" / f"scan_z{z}.tif", painted(6, 7))
    save(tmp_path / "stack.tif", stack)
    one, _ = read_label_pairs(tmp_path / "scan.tif", tmp_path / "stack.tif")
    other, _ = read_label_pairs(tmp_path / "scan.tif", tmp_path / "labels")
    assert [image.name for image in one] == [image.name for image in other] == ["scan z0-17", "scan z36-52"]
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.labels, b.labels)


def test_large_images_are_read_by_region(tmp_path, monkeypatch):
    """A slab of a volume that is not kept in memory reads like the array it stands for."""
    monkeypatch.setattr("voltomo.io.label_pairs._IN_MEMORY", 0)
    volume = save(tmp_path / "scan.tif", grey(60, 6, 7))
    save(tmp_path / "labels" / "scan_z20.tif", painted(6, 7))
    (image,), _ = read_label_pairs(tmp_path / "scan.tif", tmp_path / "labels")
    slab = volume[20 - CONTEXT : 20 + CONTEXT + 1][None]
    assert not isinstance(image.grey, np.ndarray)
    assert tuple(image.grey.shape) == slab.shape
    np.testing.assert_array_equal(np.asarray(image.grey), slab)
    for key in (np.s_[:], np.s_[0, 3], np.s_[:, 2:5, 1:4], np.s_[..., 2], np.s_[0, -1, 2, 3], np.s_[:, ::3]):
        np.testing.assert_array_equal(image.grey[key], slab[key])


def test_a_single_slice_without_its_number_is_refused(tmp_path):
    """A label of one slice for a volume: the message shows how to name it."""
    save(tmp_path / "scan.tif", grey(10, 6, 7))
    save(tmp_path / "scan_label.tif", painted(6, 7))
    with pytest.raises(ShapeError, match=r"name a single slice by its number from 0, such as scan_z0123.tif"):
        open_label_pairs(tmp_path)


def test_a_folder_of_slices_takes_one_stack_of_labels(tmp_path):
    """Grey slices in a folder, labels in one stack: the folder is a volume."""
    slices = [save(tmp_path / "grey" / f"s_{i}.tif", grey(6, 7)) for i in range(9, 12)]
    labels = save(tmp_path / "labels.tif", painted(3, 6, 7))
    (image,), _ = read_label_pairs(tmp_path / "grey", tmp_path / "labels.tif")
    np.testing.assert_array_equal(image.labels, labels)
    np.testing.assert_array_equal(np.asarray(image.grey[0]), np.stack(slices))


def test_sub_folders_are_scans_beside_images_and_annotators_beside_none(tmp_path):
    """grey/A with labels/A is a scan; labels/anna and labels/ben for one grey folder are two people."""
    for scan in ("A", "B"):
        save(tmp_path / "grey" / scan / "s_1.tif", grey(6, 7))
        save(tmp_path / "labels" / scan / "s_1.tif", painted(6, 7))
    images, _ = read_label_pairs(tmp_path / "grey", tmp_path / "labels")
    assert [(image.name, image.scan) for image in images] == [("A/s_1", "A"), ("B/s_1", "B")]
    people, _ = read_label_pairs(tmp_path / "grey" / "A", tmp_path / "labels")
    assert [(image.name, image.annotator) for image in people] == [("s_1", "A"), ("s_1", "B")]
    assert people[0].scan == people[1].scan
    named = open_label_pairs(tmp_path / "grey" / "A", {"anna": tmp_path / "labels" / "B"})
    assert [image.annotator for image in named.images] == ["anna"]


def test_slices_are_grouped_into_scans_by_name_size_and_type(tmp_path):
    """Names that differ in the last number are one scan, unless size or type differ; the reader is told."""
    for name, size in (("A_1", 6), ("A_20", 6), ("B_1", 6), ("B_2", 8), ("solo", 6)):
        save(tmp_path / f"{name}.tif", grey(size, 7))
        save(tmp_path / f"{name}_label.tif", painted(size, 7))
    found = open_label_pairs(tmp_path)
    assert [image.scan for image in found.images] == ["A", "A", "B_1", "B_2", "solo"]
    assert found.notices[-1] == "By their names, slices were taken as parts of 1 scans: A (2)."
    mine = open_label_pairs(tmp_path, scan_of=lambda name: name[0])
    assert [image.scan for image in mine.images] == ["A", "A", "B", "B", "s"]


def test_what_is_left_to_label_is_listed(tmp_path):
    """Files beside labelled slices, by their number, and the slices of a volume between its labelled ones."""
    for number in (1, 2, 9, 10, 11):
        save(tmp_path / "slices" / f"s_{number}.tif", grey(6, 7))
    for number in (2, 11):
        save(tmp_path / "slices" / f"s_{number}_label.tif", painted(6, 7))
    (files,) = open_label_pairs(tmp_path / "slices").candidates()
    assert files.slices == ("s_1", "s_2", "s_9", "s_10", "s_11")
    assert files.labelled == (1, 4)
    save(tmp_path / "volume" / "scan.tif", grey(80, 6, 7))
    save(tmp_path / "volume" / "other.tif", grey(30, 6, 7))
    for z in (3, 50):
        save(tmp_path / "volume" / f"scan_z{z}_label.tif", painted(6, 7))
    volumes = {item.name: item for item in open_label_pairs(tmp_path / "volume").candidates()}
    assert (volumes["scan"].depth, volumes["scan"].labelled) == (80, (3, 50))
    assert (volumes["other"].depth, volumes["other"].labelled) == (30, ())


def test_images_with_another_number_of_channels_are_refused(tmp_path):
    """One network has one number of channels."""
    save(tmp_path / "a.tif", grey(6, 7))
    tifffile.imwrite(tmp_path / "b.tif", grey(2, 6, 7), imagej=True, metadata={"axes": "CYX"})
    for name in "ab":
        save(tmp_path / f"{name}_label.tif", painted(6, 7))
    with pytest.raises(ShapeError, match="a has 1, b has 2"):
        open_label_pairs(tmp_path)


@pytest.mark.parametrize(("name", "labelled"), [("ni_substrate", 6291), ("tem_particles", 14294)])
def test_real_scribbles_need_no_flag(data: Callable[[str], Path], name: str, labelled: int):
    """Two electron micrographs with strokes 127 and 254: 0 is unlabelled, beyond doubt."""
    (image,), phases = read_label_pairs(data(f"sem_scribbles/{name}.tif"), data(f"sem_scribbles/{name}_scribbles.tif"))
    assert phases.ids == (127, 254)
    assert image.labelled == labelled  # np.count_nonzero of the file


def test_real_interpolated_labels_are_refused(data: Callable[[str], Path]):
    """txm_4class as published: grey levels of a label that was resampled; four of its 37 values are phases."""
    with pytest.raises(GateError, match="labels that were interpolated"):
        read_label_pairs(data("txm_4class/train_gray.tif"), data("txm_4class/train_label_intensity.tif"))


def test_real_labels_with_a_phase_zero_are_asked_about_then_read(data: Callable[[str], Path]):
    """nmc_nanoct: 0 is NMC; the gate asks, a table answers, and the nine slices are three scans."""
    folder = data("nmc_nanoct")
    with pytest.raises(GateError, match=r"is 0 unlabelled or a phase\? .*0 \(62.73%\)"):
        open_label_pairs(folder)
    table = CodedPhases(
        PhaseTable((Phase(1, "pore", "pore"), Phase(2, "NMC", "active"), Phase(3, "CBD", "binder"))), {2: 1, 0: 2, 1: 3}
    )
    found = open_label_pairs(folder, phases=table)
    assert {image.scan for image in found.images} == {"A", "B", "C"}
    assert len(found.images) == 9
    first = next(image for image in found.images if image.name == "A_1")
    assert np.mean(first.labels == 2) == pytest.approx(0.646, abs=5e-4)  # the table in the data's README
