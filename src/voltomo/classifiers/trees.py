"""Decision trees as plain arrays, for forests and for boosting, walked by one kernel.

Whatever library grew a tree, here it is four numbers per node: nothing of that library is needed to use a model, and
nothing that is stored can run code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numba
import numpy as np
import numpy.typing as npt

from voltomo.errors import InputError

__all__ = ["SMALLEST_SHARE", "Combination", "Tree", "Trees", "join_trees"]

Array: TypeAlias = npt.NDArray[Any]
Floats: TypeAlias = npt.NDArray[np.float32]
Combination: TypeAlias = Literal["shares", "sums"]

SMALLEST_SHARE = 1e-3
"""Added to the share of each class before the logarithm: a forest of a hundred trees knows no smaller ones."""
_TILE = 256  # voxels that walk one tree together, so that its nodes are loaded once


@dataclass(frozen=True)
class Tree:
    """One tree as its library numbers it.

    Parameters
    ----------
    feature : (N,) feature that a node asks for; negative at a leaf
    threshold : (N,) float32; a voxel whose feature is larger goes right
    left, right : (N,) children
    value : (N, V) what a leaf answers
    """

    feature: npt.NDArray[np.int64]
    threshold: Floats
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    value: Floats


@dataclass(frozen=True)
class Trees:
    """Many trees, end to end.

    Parameters
    ----------
    feature : (N,) uint16, 0 at leaves
    threshold : (N,) float32, infinite at leaves
    left : (N,) uint32, number of the left child; the right one follows it. A leaf is its own left child.
    value : (N, V) float32, the answers of the leaves
    roots : (T,) uint32
    depths : (T,) uint32, steps from the root to the deepest leaf
    rows : (T,) uint32, the first class that a tree speaks for
        V is the number of classes where a tree answers for all of them, and 1 where it answers for one.
    base : (K,) float32, what the classes start with
    combination : "sums" (logits are sums over the trees) or "shares" (logits are logarithms of means)
    """

    feature: npt.NDArray[np.uint16]
    threshold: Floats
    left: npt.NDArray[np.uint32]
    value: Floats
    roots: npt.NDArray[np.uint32]
    depths: npt.NDArray[np.uint32]
    rows: npt.NDArray[np.uint32]
    base: Floats
    combination: Combination

    @property
    def classes(self) -> int:
        return int(self.base.size)

    def __call__(self, features: Floats) -> Floats:
        """(K, N) logits of (F, N) features."""
        samples = np.ascontiguousarray(features.T)
        sums = np.repeat(self.base[None], len(samples), axis=0)
        _walk(samples, self.feature, self.threshold, self.left, self.value, self.roots, self.depths, self.rows, sums)
        if self.combination == "shares":
            sums = np.log(sums / np.float32(self.roots.size) + np.float32(SMALLEST_SHARE))
        return np.ascontiguousarray(sums.T)

    def part(self, first: int, last: int) -> Trees:
        """The trees from `first` to `last` alone, which start with nothing."""
        chosen = slice(first, last)
        return replace(
            self,
            roots=self.roots[chosen],
            depths=self.depths[chosen],
            rows=self.rows[chosen],
            base=np.zeros_like(self.base),
        )

    def first(self, count: int) -> Trees:
        """The first `count` trees, without the nodes of the others."""
        end = int(self.roots[count]) if count < self.roots.size else self.feature.size
        kept = replace(self.part(0, count), base=self.base)
        return replace(
            kept,
            feature=self.feature[:end],
            threshold=self.threshold[:end],
            left=self.left[:end],
            value=self.value[:end],
        )

    def to_arrays(self) -> dict[str, Array]:
        """Named arrays for a file; `from_arrays` reads them back."""
        names = ("feature", "threshold", "left", "value", "roots", "depths", "rows", "base")
        return {f"trees.{name}": getattr(self, name) for name in names}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array], *, features: int, combination: Combination) -> Trees:
        """What `to_arrays` gave.

        Raises
        ------
        InputError
            If an array is missing, or points outside the others: the kernel trusts them.
        """
        dtypes: dict[str, Any] = {"feature": np.uint16, "left": np.uint32}
        dtypes |= dict.fromkeys(("roots", "depths", "rows"), np.uint32)
        dtypes |= dict.fromkeys(("threshold", "value", "base"), np.float32)
        try:
            found = {name: np.ascontiguousarray(arrays[f"trees.{name}"], dtype) for name, dtype in dtypes.items()}
        except KeyError as error:
            raise InputError(f"the trees of a model lack {error}; found {sorted(arrays)}") from error
        trees = cls(**found, combination=combination)
        trees._check(features)
        return trees

    def _check(self, features: int) -> None:
        """No index leads out of an array."""
        nodes = self.feature.size
        inner = self.left != np.arange(nodes)
        is_sound = (
            self.threshold.shape == self.left.shape == (nodes,)
            and self.value.ndim == 2
            and len(self.value) == nodes
            and self.roots.shape == self.depths.shape == self.rows.shape
            and _within(self.feature, features)
            and _within(self.left, nodes)
            and _within(self.left[inner] + 1, nodes)
            and _within(self.roots, nodes)
            and _within(self.depths, nodes)
            and _within(self.rows + self.value.shape[1] - 1, self.classes)
            and _within(self.rows, self.classes)
        )
        if not is_sound:
            raise InputError("the trees of a model point outside their own arrays; is the file damaged?")


def _within(numbers: Array, end: int) -> bool:
    return bool(np.all((numbers >= 0) & (numbers < end)))


def join_trees(trees: Sequence[Tree], *, rows: Sequence[int], base: Floats, combination: Combination) -> Trees:
    """Trees of a library as one set of arrays, each level of a tree after the one above.

    Parameters
    ----------
    trees : in order
    rows : first class that each speaks for
    base : (K,) what the classes start with
    """
    features, thresholds, lefts, values, roots, depths = [], [], [], [], [], []
    start = 0
    for tree in trees:
        order, place, depth = _by_level(tree)
        inner = tree.feature[order] >= 0
        features.append(np.where(inner, tree.feature[order], 0).astype(np.uint16))
        thresholds.append(np.where(inner, tree.threshold[order], np.inf).astype(np.float32))
        children = np.where(inner, tree.left[order], order)
        lefts.append((place[children] + start).astype(np.uint32))
        values.append(tree.value[order].astype(np.float32))
        roots.append(start)
        depths.append(depth)
        start += order.size
    return Trees(
        np.concatenate(features),
        np.concatenate(thresholds),
        np.concatenate(lefts),
        np.concatenate(values),
        roots=np.asarray(roots, np.uint32),
        depths=np.asarray(depths, np.uint32),
        rows=np.asarray(rows, np.uint32),
        base=np.asarray(base, np.float32),
        combination=combination,
    )


def _by_level(tree: Tree) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    """Nodes in their new order with siblings side by side, the place of each old number in it, and the depth."""
    levels = [np.zeros(1, np.int64)]
    while True:
        inner = levels[-1][tree.feature[levels[-1]] >= 0]
        if not inner.size:
            break
        levels.append(np.column_stack([tree.left[inner], tree.right[inner]]).ravel())
    order = np.concatenate(levels)
    place = np.zeros(tree.feature.size, np.int64)
    place[order] = np.arange(order.size)
    return order, place, len(levels) - 1


@numba.njit(cache=True, nogil=True)
def _walk(
    samples: Array,
    feature: Array,
    threshold: Array,
    left: Array,
    value: Array,
    roots: Array,
    depths: Array,
    rows: Array,
    sums: Array,
) -> None:
    """Add what every tree answers to (N, F) samples to (N, K) sums.

    The voxels of a tile take each step together: none waits for the memory of another. Unsigned numbers of nodes spare
    the kernel the question whether they count from the end, half of its time.
    """
    count = samples.shape[0]
    outputs = value.shape[1]
    nodes = np.empty(_TILE, np.uint32)
    for start in range(0, count, _TILE):
        size = min(_TILE, count - start)
        part, answers = samples[start : start + size], sums[start : start + size]
        for t in range(roots.size):
            nodes[:] = roots[t]
            for _ in range(depths[t]):
                for i in range(size):
                    node = nodes[i]
                    nodes[i] = left[node] + np.uint32(part[i, feature[node]] > threshold[node])
            row = rows[t]
            if outputs == 1:
                for i in range(size):
                    answers[i, row] += value[nodes[i], 0]
            else:
                for i in range(size):
                    for k in range(outputs):
                        answers[i, row + k] += value[nodes[i], k]
