"""Tiles cover a block once, hold what fits, and change no answer."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltomo.artifacts import Model
from voltomo.blocks import Block, BlockPlan, map_blocks
from voltomo.inference.engines import open_predictor
from voltomo.inference.tiles import TileRunner, plan_tiles, tile_shape
from voltomo.learning.normalization import Normalization
from voltomo.learning.predictor import Predictor

UNIT = Normalization((0.0,), (1.0,))


@settings(max_examples=60)
@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 40), st.integers(1, 40)),
    block=st.tuples(st.integers(1, 9), st.integers(3, 40), st.integers(3, 40)),
    voxels=st.integers(1, 3000),
    halo=st.integers(0, 9),
    step=st.sampled_from([1, 4, 8]),
)
def test_tiles_cover_a_block_once(
    shape: tuple[int, int, int], block: tuple[int, int, int], voxels: int, halo: int, step: int
) -> None:
    """Every voxel is written by one tile, which reads its halo as far as the block has it, from a whole cell on."""
    halos, multiple = (0, halo, halo), (1, step, step)
    written = np.zeros(shape, int)
    for part in BlockPlan(shape, block, halos):
        sizes = [axis.stop - axis.start for axis in part.write]
        size = tile_shape(sizes, halo=halos, multiple=multiple, voxels=voxels)
        for tile in plan_tiles(part, shape=size, halo=halos, multiple=multiple):
            written[tile.write] += 1
            for write, read, before, around, limits in zip(
                tile.write, tile.read, tile.before, halos, part.read, strict=True
            ):
                assert read.start <= max(limits.start, write.start - around)
                assert read.stop == min(limits.stop, write.stop + around)
                assert read.start >= limits.start
                assert (read.start - before) % (1 if around == 0 else step) == 0
    assert (written == 1).all()


def test_slices_are_cut_before_planes() -> None:
    """A slice-wise model is cut between slices, which costs nothing, before slices are cut, which costs a halo."""
    size = tile_shape((64, 512, 512), halo=(0, 64, 64), multiple=(1, 16, 16), voxels=1 << 20)
    assert size[1:] == (512, 512)
    assert size[0] <= 2
    small = tile_shape((8, 4096, 4096), halo=(0, 64, 64), multiple=(1, 16, 16), voxels=1 << 20)
    assert small[0] == 1
    assert 512 <= small[1] <= 1024
    assert 512 <= small[2] <= 1024


@dataclass
class Counting:
    """Says which of two classes a voxel has by its grey value; counts what it is asked."""

    halo: tuple[int, int, int] = (0, 2, 2)
    multiple: tuple[int, int, int] = (1, 2, 2)
    classes: int = 2
    asked: list[tuple[int, ...]] = field(default_factory=list)

    def __call__(self, grey: np.ndarray) -> np.ndarray:
        self.asked.append(grey.shape)
        return np.stack([np.full(grey.shape[1:], 0.5, np.float32), grey[0]])


def run(
    predictor: Predictor,
    grey: np.ndarray,
    *,
    block: tuple[int, int, int],
    voxels: int,
    mask: np.ndarray | None = None,
    halo: tuple[int, int, int] | None = None,
) -> tuple[np.ndarray, TileRunner]:
    """Phases of a volume, block by block."""
    out = np.zeros(grey.shape, np.uint8)
    ids = tuple(range(1, predictor.classes + 1))
    with TileRunner(predictor, UNIT, ids, halo or predictor.halo, voxels, threads=2) as runner:
        sources = (grey,) if mask is None else (grey, mask)
        plan = BlockPlan(grey.shape, block, runner.halo)
        map_blocks(
            lambda part, *arrays: runner.run(part, arrays[:1], arrays[1] if mask is not None else None),
            *sources,
            out=out,
            plan=plan,
            workers=2,
        )
    return out, runner


def test_uniform_tiles_ask_once() -> None:
    """Air of one grey value is answered once; what is outside the field of view is 0 and not asked at all."""
    grey = np.zeros((4, 32, 32), np.float32)
    grey[:, 16:, 16:] = np.random.default_rng(0).random((4, 16, 16))
    mask = np.ones(grey.shape, np.uint8)
    mask[:2] = 0
    predictor = Counting()
    out, runner = run(predictor, grey, block=(1, 8, 8), voxels=200, mask=mask, halo=(0, 2, 2))
    assert np.array_equal(out[2:], np.where(grey[2:] > 0.5, 2, 1))
    assert (out[:2] == 0).all()
    assert runner.skipped == 32 + 2 * 7  # two slices outside; of 16 blocks, 7 see nothing but zeros
    assert len(predictor.asked) <= 2 * 9 + 2  # two threads may ask about zeros at the same time


def test_mask_inside_a_tile() -> None:
    """Voxels outside the field of view are 0 also where their tile is not."""
    grey = np.random.default_rng(1).random((1, 16, 16)).astype(np.float32)
    mask = (np.indices((16, 16)).sum(axis=0) < 16).astype(np.uint8)[None]
    out, _ = run(Counting(), grey, block=(1, 16, 16), voxels=10_000, mask=mask)
    assert np.array_equal(out, np.where(mask, np.where(grey > 0.5, 2, 1), 0))


def test_cuts_change_nothing(network_model: Callable[..., Model]) -> None:
    """With the full halo, the classes of a network do not depend on blocks and tiles: none of them changes."""
    grey = np.random.default_rng(2).random((3, 90, 76), np.float32)
    predictor = open_predictor(network_model(), precision="f32")
    whole, _ = run(predictor, grey, block=grey.shape, voxels=1 << 24)
    assert len(np.unique(whole)) == 3
    for block in ((1, 32, 32), (2, 37, 41), (3, 90, 13)):
        tiled, _ = run(predictor, grey, block=block, voxels=64 * 64)
        assert np.mean(tiled != whole) < 1e-4, block  # of 20520 voxels, two that are undecided to rounding


@pytest.mark.parametrize("offset", [1, 3, 8, 17])
def test_any_offset_of_the_tiling(network_model: Callable[..., Model], offset: int) -> None:
    """Wherever the tiling begins, fewer than 0.1 % of the voxels change, as design §4 asks."""
    grey = np.random.default_rng(4).random((1, 96, 96), np.float32)
    predictor = open_predictor(network_model(), precision="f32")
    whole, _ = run(predictor, grey, block=grey.shape, voxels=1 << 24)
    ends = [0, *range(offset, 96, 32), 96]
    sides = [slice(first, last) for first, last in itertools.pairwise(ends)]
    moved = np.zeros_like(whole)
    with TileRunner(predictor, UNIT, (1, 2, 3), predictor.halo, 1 << 20, threads=2) as runner:
        for y, x in itertools.product(sides, sides):
            write, around = (slice(0, 1), y, x), predictor.halo
            read = tuple(
                slice(max(0, axis.start - h), min(n, axis.stop + h))
                for axis, h, n in zip(write, around, grey.shape, strict=True)
            )
            inner = tuple(slice(w.start - r.start, w.stop - r.start) for w, r in zip(write, read, strict=True))
            moved[write] = runner.run(Block(0, write, read, inner), [grey[read]], None)[inner]
    assert np.mean(moved != whole) < 1e-3


def test_cuts_change_nothing_in_3d(network_model: Callable[..., Model]) -> None:
    """The same for a network of volumes."""
    grey = np.random.default_rng(3).random((26, 24, 30), np.float32)
    predictor = open_predictor(network_model(3, depth=1), precision="f32")
    whole, _ = run(predictor, grey, block=grey.shape, voxels=1 << 24)
    tiled, _ = run(predictor, grey, block=(13, 24, 17), voxels=20**3)
    assert np.mean(tiled != whole) < 1e-4  # rounding, as above
