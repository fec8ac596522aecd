"""Trees as plain arrays answer like the library that grew them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from voltomo.classifiers.growing import grow_boosting, grow_forest
from voltomo.classifiers.trees import SMALLEST_SHARE, Trees
from voltomo.errors import InputError

BOOSTING = {"rounds": 8, "leaves": 9, "depth": 5, "rate": 0.2, "smallest_leaf": 5, "seed": 3, "threads": 1}
FOREST = {"trees": 7, "depth": 6, "smallest_leaf": 3, "seed": 3, "threads": 1}


def samples(classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(F, N) features, classes and weights; one feature in steps, so that values fall on thresholds."""
    rng = np.random.default_rng(classes)
    features = rng.normal(size=(5, 900)).astype(np.float32)
    features[2] = np.round(features[2])
    rows = (features[0] + features[1] * features[2] > 0).astype(np.intp) + (features[3] > 0.5) * (classes - 2)
    return features, rows, rng.uniform(0.5, 2, 900).astype(np.float32)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_forest_answers_like_scikit_learn(classes: int) -> None:
    """The logarithms of the mean shares are those of `predict_proba`."""
    features, rows, weight = samples(classes)
    peer = RandomForestClassifier(7, max_depth=6, min_samples_leaf=3, random_state=3)
    peer.fit(features.T, rows, sample_weight=weight)
    ours = grow_forest(features, rows, weight, classes=classes, **FOREST)(features)
    # float32 means of float64 shares
    assert np.allclose(np.exp(ours) - SMALLEST_SHARE, peer.predict_proba(features.T).T, atol=1e-5)


@pytest.mark.parametrize("classes", [2, 3])
def test_boosting_answers_like_scikit_learn(classes: int) -> None:
    """The logits are those of `decision_function`."""
    features, rows, weight = samples(classes)
    peer = HistGradientBoostingClassifier(
        max_iter=8,
        max_leaf_nodes=9,
        max_depth=5,
        learning_rate=0.2,
        min_samples_leaf=5,
        early_stopping=False,
        random_state=3,
    )
    peer.fit(features.T, rows, sample_weight=weight)
    ours = grow_boosting(features, rows, weight, classes=classes, **BOOSTING)(features)
    expected = peer.decision_function(features.T).T
    # float32 sums of eight trees
    assert np.allclose(ours[1] - ours[0] if classes == 2 else ours, expected, atol=1e-5)


@pytest.mark.parametrize("classes", [2, 3])
def test_boosting_answers_like_xgboost(classes: int) -> None:
    """Probabilities are those of xgboost's own prediction, also for values on a threshold."""
    xgboost = pytest.importorskip("xgboost", reason="the extra boost is not installed")
    features, rows, weight = samples(classes)
    ours = grow_boosting(features, rows, weight, classes=classes, **BOOSTING, library="xgboost")(features)
    settings = {
        "objective": "multi:softprob",
        "num_class": classes,
        "tree_method": "hist",
        "grow_policy": "lossguide",
        "max_leaves": 9,
        "max_depth": 5,
        "eta": 0.2,
        "base_score": 0.5,
        "seed": 3,
    }
    data = xgboost.DMatrix(features.T, rows, weight=weight)
    expected = xgboost.train(settings, data, 8).predict(xgboost.DMatrix(features.T)).T
    raised = np.exp(ours - ours.max(axis=0))
    # float32 sums of eight trees
    assert np.allclose(raised / raised.sum(axis=0), expected, atol=1e-5)


def test_threads_do_not_change_a_forest() -> None:
    """The seed alone decides."""
    features, rows, weight = samples(3)
    one = grow_forest(features, rows, weight, classes=3, **FOREST).to_arrays()
    two = grow_forest(features, rows, weight, classes=3, **(FOREST | {"threads": 2})).to_arrays()
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_the_first_trees_are_a_boosting_of_fewer_rounds() -> None:
    """Cutting eight rounds to five is the same as asking for five."""
    features, rows, weight = samples(3)
    eight = grow_boosting(features, rows, weight, classes=3, **BOOSTING)
    five = grow_boosting(features, rows, weight, classes=3, **(BOOSTING | {"rounds": 5}))
    cut = eight.first(15)
    assert np.array_equal(cut(features), five(features))
    assert cut.feature.size == five.feature.size


def test_trees_survive_a_file() -> None:
    """What `to_arrays` gives is read back the same."""
    features, rows, weight = samples(3)
    trees = grow_forest(features, rows, weight, classes=3, **FOREST)
    again = Trees.from_arrays(trees.to_arrays(), features=5, combination="shares")
    assert np.array_equal(again(features), trees(features))


@pytest.mark.parametrize(
    ("name", "value"), [("left", 10**6), ("feature", 5), ("roots", 10**6), ("rows", 3), ("depths", None)]
)
def test_damaged_trees_are_refused(name: str, value: int | None) -> None:
    """An index that leads out of its array never reaches the kernel."""
    features, rows, weight = samples(3)
    arrays = grow_boosting(features, rows, weight, classes=3, **BOOSTING).to_arrays()
    damaged = arrays[f"trees.{name}"].copy()
    if value is None:
        damaged = damaged[:-1]
    else:
        damaged[0] = value
    with pytest.raises(InputError, match="point outside"):
        Trees.from_arrays(arrays | {f"trees.{name}": damaged}, features=5, combination="sums")


def test_missing_arrays_are_named() -> None:
    """The message says which."""
    with pytest.raises(InputError, match=r"trees\.feature"):
        Trees.from_arrays({}, features=5, combination="sums")
