"""A block of a volume as tiles that a predictor can hold, each with enough around it.

No voxel is predicted twice: a tile reads as much around it as a voxel's answer depends on, so that the answers on both
sides of a cut are those of the whole and there is no seam to blend. Tiles begin at multiples of the predictor's cell,
counted from the first voxel of the volume, wherever blocks are cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from types import TracebackType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.blocks import Block, Region
from voltomo.inference.averaging import Ensemble, EnsembleAnswer
from voltomo.inference.binder_rule import BinderRule
from voltomo.inference.decisions import decide, decision_dtype
from voltomo.learning.normalization import Normalization
from voltomo.learning.predictor import Predictor

__all__ = ["Tile", "TileRunner", "plan_tiles", "tile_shape"]

Array: TypeAlias = npt.NDArray[Any]
Floats: TypeAlias = npt.NDArray[np.float32]
Triple: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True)
class Tile:
    """A piece of a block, in indices of the volume.

    Parameters
    ----------
    write : region that the tile answers for
    read : region that the predictor gets
    before : voxels to repeat in front of `read`, where a block begins inside a cell of the predictor
    """

    write: Region
    read: Region
    before: Triple

    @property
    def inner(self) -> Region:
        """Where `write` lies inside the array that the predictor gets."""
        z, y, x = (
            slice(w.start - r.start + b, w.stop - r.start + b)
            for w, r, b in zip(self.write, self.read, self.before, strict=True)
        )
        return z, y, x


def tile_shape(shape: Sequence[int], *, halo: Triple, multiple: Triple, voxels: int) -> Triple:
    """Shape of tiles that read at most about `voxels`, and as little as possible twice.

    Parameters
    ----------
    shape : of the block
    halo, multiple : of the predictor
    voxels : that a tile may read; more where a single cell with its halo has more
    """
    counts = [1, 1, 1]

    def size(axis: int, count: int) -> int:
        cells = -(-shape[axis] // (count * multiple[axis]))
        return min(shape[axis], cells * multiple[axis])

    def reads(trial: Sequence[int]) -> float:
        """Voxels that a tile reads."""
        return float(np.prod([size(axis, trial[axis]) + 2 * halo[axis] for axis in range(3)]))

    def length(axis: int) -> float:
        """Of a tile in halos: the longest axis is the one to cut."""
        return size(axis, counts[axis]) / halo[axis] if halo[axis] else np.inf

    while reads(counts) > voxels:
        divisible = [axis for axis in range(3) if size(axis, counts[axis]) > multiple[axis]]
        if not divisible:
            break
        axis = max(divisible, key=length)
        now = size(axis, counts[axis])
        while size(axis, counts[axis]) == now:
            counts[axis] += 1
    z, y, x = (size(axis, counts[axis]) for axis in range(3))
    return z, y, x


def plan_tiles(block: Block, *, shape: Triple, halo: Triple, multiple: Triple) -> list[Tile]:
    """The tiles of a block.

    Parameters
    ----------
    block : with what it reads and writes
    shape : of a tile
    halo, multiple : of the predictor
    """
    axes = []
    for write, read, size, around, step in zip(block.write, block.read, shape, halo, multiple, strict=True):
        pieces = []
        for start in range(write.start, write.stop, size):
            stop = min(write.stop, start + size)
            first = max(read.start, (start - around) // step * step)
            pieces.append((slice(start, stop), slice(first, min(read.stop, stop + around)), first % step))
        axes.append(pieces)
    return [
        Tile((z[0], y[0], x[0]), (z[1], y[1], x[1]), (z[2], y[2], x[2]))
        for z in axes[0]
        for y in axes[1]
        for x in axes[2]
    ]


@dataclass
class TileRunner:
    """Runs a model over blocks; the threads of all blocks share one pool, so that they never outnumber the cores.

    Parameters
    ----------
    predictor : the model
    normalization : of this scan
    ids : phase id of each class
    halo : voxels around a tile, at most the predictor's own
    voxels : that a tile may read
    threads : tiles at once
    temperature, probabilities : see `voltomo.inference.decisions.decide`
    disagreement : whether that of the members of an ensemble is wanted
    members : whether the phase that each of them says is wanted
    rule : write drafts of phases by this rule, to be settled; phases where None
    """

    predictor: Predictor
    normalization: Normalization
    ids: tuple[int, ...]
    halo: Triple
    voxels: int
    threads: int
    temperature: float = 1.0
    probabilities: bool = False
    disagreement: bool = False
    members: bool = False
    rule: BinderRule | None = None
    skipped: int = field(default=0, init=False)
    _constants: dict[tuple[float, ...], Any] = field(default_factory=dict, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)
    _pool: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="tile")

    def __enter__(self) -> TileRunner:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of one voxel's answer."""
        count = len(self.predictor.members) if self.members and isinstance(self.predictor, Ensemble) else 0
        wanted = {"probabilities": self.probabilities, "disagreement": self.disagreement}
        return decision_dtype(len(self.ids), **wanted, members=count)

    def shape_for(self, shape: Sequence[int]) -> Triple:
        """Shape of the tiles of a block."""
        return tile_shape(shape, halo=self.halo, multiple=self.predictor.multiple, voxels=self.voxels)

    def run(self, block: Block, greys: Sequence[Array], inside: Array | None) -> Array:
        """Answers over ``block.read``; what the block does not write stays 0.

        Parameters
        ----------
        block : where the arrays lie in the volume
        greys : per channel, grey values over ``block.read``
        inside : 0 outside the field of view, whose answer is 0; or None
        """
        out = np.zeros(greys[0].shape, self.dtype)
        sizes = [axis.stop - axis.start for axis in block.write]
        tiles = plan_tiles(block, shape=self.shape_for(sizes), halo=self.halo, multiple=self.predictor.multiple)

        def work(tile: Tile) -> None:
            where = _shifted(tile.write, block)
            answer = self._answer(tile, block, greys, inside)
            if answer is None:
                return
            out[where] = answer
            if inside is not None:
                out[where][inside[where] == 0] = 0

        for done in [self._pool.submit(work, tile) for tile in tiles]:
            done.result()
        return out

    def warm_up(self, shape: Sequence[int], channels: int) -> None:
        """Run the largest tile of a block on every thread, so that its memory is seen before blocks are read."""
        size = self.shape_for(shape)
        read = [min(n, tile + 2 * around) for n, tile, around in zip(shape, size, self.halo, strict=True)]
        empty = np.zeros((channels, *read), np.float32)
        for done in [self._pool.submit(self._predict, empty) for _ in range(self.threads)]:
            done.result()

    def _answer(self, tile: Tile, block: Block, greys: Sequence[Array], inside: Array | None) -> Any:
        """Answer over the region that a tile writes; None where all of it is outside."""
        if inside is not None and not inside[_shifted(tile.write, block)].any():
            self._count_skipped()
            return None
        pieces = [grey[_shifted(tile.read, block)] for grey in greys]
        values = [_constant(piece) for piece in pieces]
        if None not in values:
            self._count_skipped()
            return self._constant_answer(tuple(float(value) for value in values if value is not None))
        grey = self.normalization.apply(np.stack(pieces))
        if any(tile.before):
            grey = np.pad(grey, [(0, 0), *((before, 0) for before in tile.before)], mode="edge")
        return self._decide(self._predict(grey), tile.inner)

    def _predict(self, grey: Floats) -> Floats | EnsembleAnswer:
        """Logits; with those of an ensemble what its members say, if that is wanted."""
        if not self.disagreement and not self.members:
            return self.predictor(grey)
        assert isinstance(self.predictor, Ensemble), "checked by the caller"
        return self.predictor.in_detail(grey, None if self.rule is None else self.rule.draft)

    def _decide(self, answer: Floats | EnsembleAnswer, inner: Region) -> Array:
        """What is stored of the inner region of an answer."""
        how: dict[str, Any] = {"temperature": self.temperature, "probabilities": self.probabilities}
        how["rule"] = self.rule
        if isinstance(answer, EnsembleAnswer):
            how["disagreement"] = answer.disagreement[inner] if self.disagreement else None
            how["members"] = answer.members[(slice(None), *inner)] if self.members else None
            answer = answer.logits
        return decide(answer[(slice(None), *inner)], self.ids, **how)

    def _constant_answer(self, values: tuple[float, ...]) -> Any:
        """Answer of every voxel that sees nothing but one grey value."""
        with self._lock:
            known = self._constants.get(values)
        if known is None:
            sizes = [2 * around + 1 for around in self.halo]
            pieces = [np.full(sizes, value) for value in values]
            z, y, x = (slice(around, around + 1) for around in self.halo)
            known = self._decide(self._predict(self.normalization.apply(np.stack(pieces))), (z, y, x))
            with self._lock:
                self._constants[values] = known
        return known

    def _count_skipped(self) -> None:
        with self._lock:
            self.skipped += 1


def _constant(values: Array) -> float | None:
    """The one value of an array, or None where there are several."""
    first = values.flat[0]
    if first != values.flat[-1] or first != values.flat[values.size // 2] or not bool((values == first).all()):
        return None
    return float(first)


def _shifted(region: Region, block: Block) -> Region:
    """A region of the volume as indices into arrays over ``block.read``."""
    z, y, x = (slice(axis.start - start, axis.stop - start) for axis, start in zip(region, block.origin, strict=True))
    return z, y, x
