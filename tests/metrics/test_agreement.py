from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import linear_sum_assignment

from voltomo.blocks import BlockPlan
from voltomo.errors import InputError, ShapeError
from voltomo.metrics.agreement import (
    Overlaps,
    confusion_matrix,
    dice,
    iou,
    match_instances,
    merge_overlaps,
    overlapping_pairs,
    score_instances,
    voxel_precision,
    voxel_recall,
)
from voltomo.metrics.boundary_score import boundary_counts, boundary_f_score, boundary_halo

SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(1, 6))


def _labels(seed: int, shape: tuple[int, int, int], top: int, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, top + 1, size=shape).astype(dtype)


@given(hnp.arrays(np.uint8, SHAPES, elements=st.integers(1, 3)))
@settings(max_examples=20, deadline=None)
def test_a_map_agrees_with_itself(labels: np.ndarray) -> None:
    """IoU, Dice, precision, recall and boundary score of every class that occurs are 1."""
    confusion = confusion_matrix(labels, labels, classes=3)
    occurs = np.isin([1, 2, 3], labels)
    for score in (iou, dice, voxel_precision, voxel_recall):
        assert np.array_equal(np.nan_to_num(score(confusion), nan=-1), np.where(occurs, 1.0, -1.0))
    assert np.all(boundary_f_score(boundary_counts(labels, labels, classes=3, tolerance=1.0)) == 1)


def test_disjoint_classes_score_zero() -> None:
    """Classes that never meet have IoU and Dice 0."""
    truth = np.ones((2, 3, 4), np.uint8)
    confusion = confusion_matrix(truth, truth + 1, classes=2)
    assert iou(confusion).tolist() == [0, 0]
    assert dice(confusion).tolist() == [0, 0]


def test_a_known_overlap_has_its_known_scores() -> None:
    """Two strips of 6 and 4 pixels that share 3: IoU 3/7, Dice 6/10, precision 3/4, recall 3/6; rows are the truth."""
    truth, result = np.ones((1, 1, 12), np.uint8), np.ones((1, 1, 12), np.uint8)
    truth[..., :6], result[..., 3:7] = 2, 2
    confusion = confusion_matrix(truth, result, classes=2)
    assert confusion.tolist() == [[5, 1], [3, 3]]
    assert iou(confusion)[1] == pytest.approx(3 / 7)
    assert dice(confusion)[1] == pytest.approx(0.6)
    assert voxel_precision(confusion)[1] == pytest.approx(0.75)
    assert voxel_recall(confusion)[1] == pytest.approx(0.5)


def test_voxels_outside_either_map_do_not_count() -> None:
    """0 in the truth or the result leaves a voxel out of the matrix; a class without voxels has no score."""
    confusion = confusion_matrix(np.array([[[0, 1, 1]]], np.uint8), np.array([[[1, 0, 1]]], np.uint8), classes=2)
    assert confusion.tolist() == [[1, 0], [0, 0]]
    assert math.isnan(iou(confusion)[1])


@given(st.integers(0, 10**6), st.permutations([1, 2, 3]))
@settings(max_examples=20, deadline=None)
def test_relabelling_both_maps_permutes_the_scores(seed: int, order: list[int]) -> None:
    """Scores belong to classes, not to their numbers."""
    truth, result = _labels(seed, (3, 5, 6), 3), _labels(seed + 1, (3, 5, 6), 3)
    lookup = np.array([0, *order], np.uint8)
    plain = iou(confusion_matrix(truth, result, classes=3))
    renamed = iou(confusion_matrix(lookup[truth], lookup[result], classes=3))
    assert np.array_equal(renamed[np.array(order) - 1], plain, equal_nan=True)


@pytest.mark.parametrize(("shift", "tolerance", "score"), [(1, 1.0, 1.0), (2, 1.0, 0.0), (2, 2.0, 1.0), (3, 2.0, 0.0)])
def test_boundary_score_forgives_shifts_up_to_the_tolerance(shift: int, tolerance: float, score: float) -> None:
    """A flat interface moved by whole voxels is found or not, all at once."""
    truth, result = np.ones((5, 6, 20), np.uint8), np.ones((5, 6, 20), np.uint8)
    truth[..., 10:], result[..., 10 + shift :] = 2, 2
    counts = boundary_counts(truth, result, classes=2, tolerance=tolerance)
    assert boundary_f_score(counts).tolist() == [score, score]
    assert counts[:, [0, 2]].tolist() == [[30, 30], [30, 30]]


def test_boundary_score_of_an_extra_particle_is_its_share() -> None:
    """A result with two equal separate squares of which the truth has one: precision 1/2, recall 1, F 2/3."""
    truth, result = np.ones((1, 12, 24), np.uint8), np.ones((1, 12, 24), np.uint8)
    truth[:, 4:8, 4:8] = 2
    result[:, 4:8, 4:8] = result[:, 4:8, 16:20] = 2
    assert boundary_f_score(boundary_counts(truth, result, classes=2, tolerance=1.0))[1] == pytest.approx(2 / 3)


def test_a_boundary_in_one_map_only_scores_zero() -> None:
    """A particle that the result misses has no boundary to match; without any boundary there is nothing wrong."""
    truth, result = np.ones((3, 8, 8), np.uint8), np.ones((3, 8, 8), np.uint8)
    assert boundary_f_score(boundary_counts(truth, result, classes=2, tolerance=2.0)).tolist() == [1, 1]
    truth[1, 4, 4] = 2
    assert boundary_f_score(boundary_counts(truth, result, classes=2, tolerance=2.0)).tolist() == [0, 0]


@pytest.mark.parametrize("tolerance", [0.9, 1.0, 2.5])
def test_counts_of_blocks_add_up(tolerance: float) -> None:
    """Confusion and boundary counts of blocks with their halo sum to those of the whole."""
    shape = (9, 14, 13)
    smooth = np.random.default_rng(0).normal(size=(2, *shape)).cumsum(1).cumsum(2).cumsum(3)
    truth, result = (np.digitize(field, [-3, 3]).astype(np.uint8) for field in smooth)  # 0 occurs: the outside
    whole = boundary_counts(truth, result, classes=2, tolerance=tolerance)
    parts, matrix = np.zeros_like(whole), np.zeros((2, 2), np.int64)
    for block in BlockPlan(shape, (4, 5, 13), boundary_halo(tolerance)):
        parts += boundary_counts(
            truth[block.read], result[block.read], classes=2, tolerance=tolerance, inner=block.inner
        )
        matrix += confusion_matrix(truth[block.write], result[block.write], classes=2)
    assert np.array_equal(parts, whole)
    assert np.array_equal(matrix, confusion_matrix(truth, result, classes=2))
    assert whole.sum() > 50


@given(st.integers(0, 10**6), st.sampled_from([0.5, 0.6, 0.75]))
@settings(max_examples=40, deadline=None)
def test_matching_equals_the_best_assignment(seed: int, threshold: float) -> None:
    """The number of pairs is that of the Hungarian method on the dense table, the oracle, ties at 0.5 included."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(rng.integers(0, 6, size=12), 3).astype(np.uint32).reshape(1, 4, 9)
    result = np.where(rng.random(truth.shape) < 0.75, truth, rng.integers(0, 8, size=truth.shape)).astype(np.uint32)
    table = np.zeros((6, 8))
    for t in range(1, 6):
        for r in range(1, 8):
            union = np.count_nonzero((truth == t) | (result == r))
            table[t, r] = np.count_nonzero((truth == t) & (result == r)) / union if union else 0
    rows, columns = linear_sum_assignment(-(table >= threshold).astype(float) - 1e-3 * table)
    best = np.count_nonzero(table[rows, columns] >= threshold)
    found_truth, found_result, ious = match_instances(overlapping_pairs(truth, result), threshold=threshold)
    assert len(found_truth) == best
    assert len(set(found_truth.tolist())) == len(set(found_result.tolist())) == best
    assert ious == pytest.approx(table[found_truth, found_result])


def test_instance_scores_count_hits_false_and_missed() -> None:
    """Of three particles one is found exactly, one split in halves (IoU 0.5), one missed; one found is none."""
    truth = np.array([[[1, 1, 1, 1, 0, 2, 2, 2, 2, 0, 3, 3, 0, 0]]], np.uint32)
    result = np.array([[[7, 7, 7, 7, 0, 4, 4, 9, 9, 0, 0, 0, 8, 8]]], np.uint32)
    half = score_instances(overlapping_pairs(truth, result), threshold=0.5)
    assert (half.hits, half.false, half.missed) == (2, 2, 1)
    assert half.average_precision == pytest.approx(2 / 5)
    assert (half.precision, half.recall) == (pytest.approx(0.5), pytest.approx(2 / 3))
    assert half.f1 == pytest.approx(4 / 7)
    assert half.mean_iou == pytest.approx(0.75)
    strict = score_instances(overlapping_pairs(truth, result), threshold=0.55)
    assert (strict.hits, strict.false, strict.missed, strict.mean_iou) == (1, 3, 2, 1.0)


def test_maps_without_particles_have_no_score() -> None:
    """Nothing to find and nothing found is neither right nor wrong."""
    score = score_instances(overlapping_pairs(np.zeros((1, 2, 2), np.uint32), np.zeros((1, 2, 2), np.uint32)))
    assert math.isnan(score.average_precision)
    assert math.isnan(score.f1)
    assert math.isnan(score.precision)


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_overlaps_of_pieces_merge_to_the_whole(seed: int) -> None:
    """Overlap tables of the blocks of a volume, merged, equal the table of the volume."""
    truth, result = _labels(seed, (4, 7, 6), 5, np.uint32), _labels(seed + 1, (4, 7, 6), 4, np.uint32)
    truth[truth == 5] = 4_000_000_000  # ids use all 32 bits
    whole = overlapping_pairs(truth, result)
    merged: Overlaps | None = None
    for block in BlockPlan((4, 7, 6), (3, 3, 4)):
        part = overlapping_pairs(truth[block.write], result[block.write])
        merged = part if merged is None else merge_overlaps(merged, part)
    assert merged is not None
    for name in ("truth", "result", "voxels"):
        assert np.array_equal(getattr(merged, name), getattr(whole, name))


def test_large_ids_need_no_large_tables() -> None:
    """An id near 2³² costs no array of that length."""
    ids = np.full((1, 3, 3), 4_294_967_295, np.uint32)
    assert score_instances(overlapping_pairs(ids, ids)).hits == 1


def test_bad_requests_are_refused() -> None:
    """Different shapes and thresholds below one half are errors."""
    with pytest.raises(ShapeError, match="differ in shape"):
        confusion_matrix(np.ones((1, 2, 3), np.uint8), np.ones((1, 3, 2), np.uint8), classes=1)
    with pytest.raises(ShapeError, match="differ in shape"):
        overlapping_pairs(np.ones((1, 2, 3), np.uint32), np.ones((1, 3, 2), np.uint32))
    with pytest.raises(InputError, match=r"between 0\.5 and 1"):
        match_instances(overlapping_pairs(np.ones((1, 1, 1), np.uint32), np.ones((1, 1, 1), np.uint32)), threshold=0.3)
