"""k-means on a joint histogram: the optimum of clear cases, the oracle of scikit-learn's definition."""

from __future__ import annotations

import numpy as np
import pytest

from voltomo.errors import GateError
from voltomo.segmentation.histogram import BinRule
from voltomo.segmentation.kmeans import KMEANS_BINS, classify_pairs, count_pairs, kmeans_histogram

RULES = (BinRule(0.0, 256.0, KMEANS_BINS, False), BinRule(0.0, 64.0, KMEANS_BINS, False))


def blobs(*centers, size=2000, spread=(4.0, 1.0), seed=0):
    """Normal clouds of (grey, feature) pairs around centres; their numbers."""
    rng = np.random.default_rng(seed)
    pairs = np.concatenate([rng.normal(center, spread, (size, 2)) for center in centers])
    return pairs[:, 0].astype("f4"), pairs[:, 1].astype("f4"), np.repeat(np.arange(len(centers)), size)


def clusters_of(grey, feature, cuts):
    """Clusters of all pairs."""
    inside = np.ones(grey.shape, np.uint8)
    return kmeans_histogram(count_pairs(grey, feature, inside, RULES), RULES, cuts=cuts), inside


def test_clouds_are_found():
    """Clouds ten standard deviations apart are clusters, numbered by grey value, with their means and shares."""
    grey, feature, truth = blobs((50, 10), (120, 50), (200, 20))
    clusters, inside = clusters_of(grey, feature, (85.0, 160.0))
    ids = classify_pairs(grey, feature, inside, clusters, RULES, ids=np.array([4, 5, 6]))
    np.testing.assert_array_equal(ids, truth + 4)
    # 2000 pairs fix a mean to 0.1 grey values, and bins of 1 and 1/4 add no bias.
    np.testing.assert_allclose(clusters.centers, [(50, 10), (120, 50), (200, 20)], atol=0.5)
    np.testing.assert_allclose(clusters.shares, 1 / 3)


def test_every_bin_goes_to_its_nearest_centre():
    """At the end no pair is nearer to another centre: the fixed point of Lloyd's iteration."""
    grey, feature, _ = blobs((90, 20), (140, 40), spread=(25.0, 8.0))
    clusters, inside = clusters_of(grey, feature, (115.0,))
    counts = count_pairs(grey, feature, inside, RULES)
    rows, columns = np.nonzero(counts)
    weights = counts[rows, columns].astype(float)
    points = np.column_stack([RULES[0].centers[rows], RULES[1].centers[columns]])
    mean = np.average(points, axis=0, weights=weights)
    spread = np.sqrt(np.average((points - mean) ** 2, axis=0, weights=weights))
    distance = (((points[:, None] - clusters.centers) / spread) ** 2).sum(axis=2)
    np.testing.assert_array_equal(clusters.table[rows, columns], distance.argmin(axis=1))


def test_only_voxels_inside_count():
    """Pairs outside the field of view enter neither counts nor classes."""
    grey, feature, _ = blobs((50, 10), (200, 20))
    inside = np.zeros(grey.shape, np.uint8)
    assert count_pairs(grey, feature, inside, RULES).sum() == 0
    clusters, _ = clusters_of(grey, feature, (125.0,))
    assert not classify_pairs(grey, feature, inside, clusters, RULES, ids=np.array([1, 2])).any()


def test_an_empty_class_is_refused():
    """A first cut beyond all pairs leaves a class without voxels."""
    grey, feature, _ = blobs((50, 10))
    with pytest.raises(GateError, match="1 of 2 classes empty"):
        clusters_of(grey, feature, (250.0,))
