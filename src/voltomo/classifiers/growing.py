"""Grow trees with scikit-learn or xgboost and take them over as plain arrays."""

from __future__ import annotations

import json
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.classifiers.trees import Tree, Trees, join_trees
from voltomo.errors import MissingExtraError

__all__ = ["BoostingLibrary", "grow_boosting", "grow_forest"]

Floats: TypeAlias = npt.NDArray[np.float32]
Rows: TypeAlias = npt.NDArray[np.intp]
BoostingLibrary: TypeAlias = Literal["sklearn", "xgboost"]

_BINS = 255  # of a feature, the most that fit a byte beside "missing"


def grow_forest(
    features: Floats,
    rows: Rows,
    importance: Floats,
    *,
    classes: int,
    trees: int,
    smallest_leaf: int,
    depth: int,
    seed: int,
    threads: int,
) -> Trees:
    """A random forest of fully randomised samples and features per split.

    Parameters
    ----------
    features : (F, N)
    rows : (N,) class of each sample; all of 0 to `classes` - 1 occur
    importance : (N,) weight of each sample
    trees, depth : how many, and steps to the deepest leaf
    smallest_leaf : samples in a leaf
    seed : of the random choices
    threads : of the growing; they change nothing in the result

    References
    ----------
    .. [1] L. Breiman, Random forests, Mach. Learn. 45 (2001) 5, doi:10.1023/A:1010933404324.
    """
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(
        trees, max_depth=depth, min_samples_leaf=smallest_leaf, max_features="sqrt", random_state=seed, n_jobs=threads
    )
    forest.fit(np.ascontiguousarray(features.T), rows, sample_weight=importance)
    grown = [_from_sklearn_tree(estimator.tree_) for estimator in forest.estimators_]
    return join_trees(grown, rows=[0] * len(grown), base=np.zeros(classes, np.float32), combination="shares")


def _from_sklearn_tree(tree: Any) -> Tree:
    """A tree of a forest; its leaves answer with the shares of the classes."""
    counts = tree.value[:, 0, :]
    return Tree(
        np.where(tree.children_left < 0, -1, tree.feature).astype(np.int64),
        _round_down(tree.threshold),
        tree.children_left.astype(np.int64),
        tree.children_right.astype(np.int64),
        (counts / counts.sum(axis=1, keepdims=True)).astype(np.float32),
    )


def grow_boosting(
    features: Floats,
    rows: Rows,
    importance: Floats,
    *,
    classes: int,
    rounds: int,
    leaves: int,
    depth: int,
    rate: float,
    smallest_leaf: int,
    seed: int,
    threads: int,
    library: BoostingLibrary = "sklearn",
) -> Trees:
    """Gradient-boosted trees, one per class and round (two classes: one per round).

    Parameters
    ----------
    features : (F, N)
    rows : (N,) class of each sample; all of 0 to `classes` - 1 occur
    importance : (N,) weight of each sample
    rounds, rate : how many corrections, and which part of each is taken
    leaves, depth, smallest_leaf : of a tree, steps to its deepest leaf, samples in a leaf
    seed : of the random choices
    threads : of the growing with xgboost; scikit-learn takes those that `threadpoolctl` allows
    library : "sklearn", or "xgboost" where it is installed

    Raises
    ------
    MissingExtraError
        If xgboost is asked for and not installed.

    References
    ----------
    .. [1] J. H. Friedman, Greedy function approximation: a gradient boosting machine, Ann. Stat. 29 (2001) 1189,
       doi:10.1214/aos/1013203451.
    """
    samples = np.ascontiguousarray(features.T)
    if library == "xgboost":
        return _grow_xgboost(samples, rows, importance, classes, rounds, leaves, depth, rate, seed, threads)
    from sklearn.ensemble import HistGradientBoostingClassifier

    boosting = HistGradientBoostingClassifier(
        max_iter=rounds,
        max_leaf_nodes=leaves,
        max_depth=depth,
        learning_rate=rate,
        min_samples_leaf=smallest_leaf,
        max_bins=_BINS,
        early_stopping=False,
        random_state=seed,
    )
    boosting.fit(samples, rows, sample_weight=importance)
    # No public name leads to the nodes; a test compares what is read here with `decision_function`.
    grown = [_from_boosting_nodes(tree.nodes) for stage in boosting._predictors for tree in stage]
    base = np.ravel(boosting._baseline_prediction)
    if classes == 2:
        return join_trees(grown, rows=[1] * len(grown), base=np.array([0.0, base[0]], np.float32), combination="sums")
    return join_trees(grown, rows=[i % classes for i in range(len(grown))], base=base, combination="sums")


def _from_boosting_nodes(nodes: Any) -> Tree:
    """A tree of scikit-learn's boosting."""
    is_leaf = nodes["is_leaf"].astype(bool)
    return Tree(
        np.where(is_leaf, -1, nodes["feature_idx"]).astype(np.int64),
        _round_down(np.where(is_leaf, 0.0, nodes["num_threshold"])),
        nodes["left"].astype(np.int64),
        nodes["right"].astype(np.int64),
        nodes["value"].astype(np.float32)[:, None],
    )


def _grow_xgboost(
    samples: Floats,
    rows: Rows,
    importance: Floats,
    classes: int,
    rounds: int,
    leaves: int,
    depth: int,
    rate: float,
    seed: int,
    threads: int,
) -> Trees:
    """The same by xgboost, read back from its JSON model."""
    try:
        import xgboost
    except ImportError as error:
        raise MissingExtraError("boosting with xgboost needs it: pip install 'voltomo[boost]'") from error
    settings = {
        "objective": "multi:softprob",
        "num_class": classes,
        "tree_method": "hist",
        "grow_policy": "lossguide",
        "max_depth": depth,
        "max_leaves": leaves,
        "eta": rate,
        "base_score": 0.5,
        "seed": seed,
        "nthread": threads,
    }
    booster = xgboost.train(settings, xgboost.DMatrix(samples, rows, weight=importance), rounds)
    model = json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]["model"]
    grown = [_from_xgboost(tree) for tree in model["trees"]]
    base = np.full(classes, 0.5, np.float32)  # the same for all classes: it moves no probability
    return join_trees(grown, rows=model["tree_info"], base=base, combination="sums")


def _from_xgboost(tree: Any) -> Tree:
    """A tree of xgboost: values below the threshold go left, and a leaf keeps its answer where others keep theirs."""
    left = np.asarray(tree["left_children"], np.int64)
    conditions = np.asarray(tree["split_conditions"], np.float32)
    return Tree(
        np.where(left < 0, -1, np.asarray(tree["split_indices"], np.int64)),
        np.nextafter(conditions, np.float32(-np.inf)),
        left,
        np.asarray(tree["right_children"], np.int64),
        np.where(left < 0, conditions, 0)[:, None].astype(np.float32),
    )


def _round_down(threshold: npt.NDArray[np.float64]) -> Floats:
    """The largest float32 not above a threshold: "x <= threshold" stays the same for every float32 x."""
    with np.errstate(over="ignore"):
        near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near).astype(np.float32)
