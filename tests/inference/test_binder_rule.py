"""Binder in touch with active material and elsewhere."""

import numpy as np
import pytest

from voltomo.artifacts import Phase, PhaseTable
from voltomo.artifacts.model import Model
from voltomo.blocks import BlockPlan, map_blocks
from voltomo.inference.binder_rule import BinderRule, active_and_binder

IDS = (7, 8, 9)
PORE, BINDER, ACTIVE = range(3)


def logits_of(*voxels: tuple[float, float, float]) -> np.ndarray:
    """A row of voxels along x, each with its logits of pore, binder and active material."""
    return np.array(voxels, np.float32).T.reshape(3, 1, 1, -1)


def model_of(*roles: str, **more: object) -> Model:
    """A model of phases with these roles, and nothing else in it."""
    phases = PhaseTable(tuple(Phase(i + 1, f"{role} {i}", role) for i, role in enumerate(roles)))
    return Model("m", "mlp", {"dimension": 2}, phases, ("grey",), {}, {}, **more)  # type: ignore[arg-type]


def test_binder_in_touch_with_active_material_has_to_be_ahead_by_the_offset() -> None:
    """Ahead by 1 against an offset of 2: pore where it touches, binder a voxel farther, and where it is ahead by 3."""
    active, doubtful, sure = (0, 0, 5), (0, 1, -5), (0, 3, -5)
    rule = BinderRule(ACTIVE, BINDER, 2.0, 0.0)
    assert rule.decide(logits_of(active, doubtful, doubtful), IDS).ravel().tolist() == [9, 7, 8]
    assert rule.decide(logits_of(active, sure, doubtful), IDS).ravel().tolist() == [9, 8, 8]


def test_a_negative_offset_adds_binder_at_the_contact_and_nowhere_else() -> None:
    """Pore ahead of binder by 1 gives way to an offset of -2 beside active material only; active material stays."""
    active, pore = (0, 4, 5), (1, 0, -5)
    rule = BinderRule(ACTIVE, BINDER, -2.0, 0.0)
    assert rule.decide(logits_of(active, pore, pore), IDS).ravel().tolist() == [9, 8, 7]


def test_elsewhere_has_an_offset_of_its_own_and_active_material_none() -> None:
    """Away from active material pore gives way to an offset of -2; what is nearly active never becomes active."""
    active, nearly, pore = (0, 0, 5), (0, 1, 0.9), (1, 0, -5)
    rule = BinderRule(ACTIVE, BINDER, 2.0, -2.0)
    assert rule.decide(logits_of(active, nearly, pore), IDS).ravel().tolist() == [9, 7, 8]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_touching_is_through_faces_along_every_axis(axis: int) -> None:
    """One active voxel in the middle: its two neighbours along an axis give way, diagonal ones do not."""
    logits = np.zeros((3, 3, 3, 3), np.float32)
    logits[BINDER] = 1
    logits[ACTIVE, 1, 1, 1] = 5
    found = BinderRule(ACTIVE, BINDER, 2.0, 0.0).decide(logits, IDS)
    for step in (0, 2):
        place = [1, 1, 1]
        place[axis] = step
        assert found[tuple(place)] == 7
    assert found[0, 0, 0] == found[1, 0, 0] == 8


def test_blocks_with_one_voxel_around_them_are_settled_as_the_whole() -> None:
    """The second pass gives the same voxels in blocks of any size; outside stays 0."""
    rng = np.random.default_rng(3)
    logits = rng.normal(size=(3, 6, 17, 13)).astype(np.float32)
    rule = BinderRule(ACTIVE, BINDER, 0.8, -0.3)
    codes = rule.draft(logits)
    codes[:, :2] = 0
    whole = rule.settle(codes, IDS)
    plain = np.array(IDS)[logits.argmax(axis=0)]
    changed = (whole != plain) & (codes > 0)
    assert 0 < np.count_nonzero(changed) < whole.size / 4
    assert np.array_equal(whole[codes > 0] == 9, plain[codes > 0] == 9)
    assert not whole[:, :2].any()
    pieces = np.zeros_like(whole)
    map_blocks(
        lambda _block, read: rule.settle(read, IDS), codes, out=pieces, plan=BlockPlan(codes.shape, (2, 5, 4), 1)
    )
    assert np.array_equal(pieces, whole)


def test_only_models_with_one_active_phase_and_one_binder_have_a_rule() -> None:
    """Rows follow the roles; the offset is in nats of calibrated probabilities."""
    assert active_and_binder(model_of("pore", "binder", "active")) == (ACTIVE, BINDER)
    assert active_and_binder(model_of("active", "binder")) is None
    assert active_and_binder(model_of("pore", "binder", "active", "active")) is None
    assert active_and_binder(model_of("pore", "other", "active")) is None
    found = BinderRule.of(model_of("binder", "active", "pore", binder_offsets=(0.5, -0.25), temperature=2.0))
    assert found == BinderRule(active=1, binder=0, touching=1.0, elsewhere=-0.5)
    assert BinderRule.of(model_of("binder", "active", "pore")) is None
