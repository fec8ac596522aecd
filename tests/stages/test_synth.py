from __future__ import annotations

import json

import numpy as np
import pytest
from pydantic import ValidationError

from voltomo.artifacts import CRACK, SOLID
from voltomo.errors import InputError
from voltomo.stages.synth import SynthConfig, SynthResult, run_synth
from voltomo.stages.workspace import MemoryWorkspace
from voltomo.synthesis import FAMILIES

SMALL = SynthConfig(shape=(40, 48, 56), voxel_size="200,100,100 nm", d50="2 um", cracked=0.3, seed=3)


@pytest.fixture(scope="module")
def small() -> SynthResult:
    """One electrode for the tests that only look."""
    return run_synth(SMALL, MemoryWorkspace())


def _arrays(result: SynthResult) -> list[np.ndarray]:
    """Phases, particle ids, cracks."""
    artefacts = (result.phase_map, result.instance_map, result.crack_map)
    return [np.asarray(artefact.data) for artefact in artefacts]


def _fraction(result: SynthResult, phase: str) -> float:
    """Achieved over the electrode."""
    (row,) = [row for row in result.truth["requested"] if row["name"] == f"{phase} fraction"]
    return float(row["achieved"])


@pytest.mark.parametrize(
    "config",
    [
        SMALL,
        SynthConfig(shape=(1, 90, 100), d50="2 um", cracked=0.1, field_of_view="cylinder"),
        SynthConfig(shape=(36, 40, 44), family="assb", cracked=0.1, collector="0.3 um", free_surface="0.2 um"),
        SynthConfig(shape=(20, 30, 40), family="li-air"),
    ],
    ids=["volume", "section", "layered", "no particles"],
)
def test_blocks_change_nothing(config: SynthConfig) -> None:
    """Made in blocks by two threads, truth and all its numbers equal those made at once."""
    whole = run_synth(config, MemoryWorkspace())
    blocks = run_synth(config, MemoryWorkspace(block_shape=(17, 23, 31), workers=2))
    assert all(np.array_equal(a, b) for a, b in zip(_arrays(whole), _arrays(blocks), strict=True))
    assert json.dumps(whole.truth) == json.dumps(blocks.truth)
    for name, column in whole.instance_map.table.items():
        assert np.array_equal(column, blocks.instance_map.table[name])


@pytest.mark.parametrize("family", FAMILIES)
def test_truth_arrays_agree_with_one_another(family: str) -> None:
    """Ids lie on the phases of the particles and on their cracks; the crack map lies inside particles, as do widths."""
    result = run_synth(SynthConfig(shape=(24, 40, 48), family=family, cracked=0.1), MemoryWorkspace())
    phases, ids, cracks = _arrays(result)
    table = result.phase_map.phases
    is_crack = np.isin(phases, [p.id for p in table.with_role("crack")])
    hosts = np.unique(result.structure.particles.phase).tolist()
    assert np.isin(phases[(ids > 0) & ~is_crack], hosts).all()
    assert np.all(ids[is_crack] > 0)
    if FAMILIES[family].d50 > 0:
        assert np.array_equal(ids > 0, np.isin(phases, hosts) | is_crack)
        assert is_crack.any()
    assert np.array_equal(cracks > 0, ids > 0)
    assert np.array_equal(cracks == CRACK, is_crack)
    assert np.array_equal(cracks == SOLID, (ids > 0) & ~is_crack)
    assert np.all(ids[np.asarray(result.crack_widths) > 0] > 0)
    assert set(np.unique(phases)) <= set(table.ids)
    assert (phases.dtype, ids.dtype, cracks.dtype) == (np.uint8, np.uint32, np.uint8)
    assert len(result.instance_map) == len(np.unique(ids[ids > 0]))
    assert set(result.instance_map.table["phase_id"]) <= set(hosts)


def test_truth_numbers_are_those_of_the_voxels(small: SynthResult) -> None:
    """Fractions, counts and void fractions repeat what the arrays say, and the truth is plain JSON."""
    phases, ids, _ = _arrays(small)
    truth = json.loads(json.dumps(small.truth, allow_nan=False))
    assert truth["volume_fraction"]["active"] == pytest.approx(np.mean(phases == 2))
    assert sum(truth["volume_fraction"].values()) == pytest.approx(1)
    assert truth["porosity_total"] == pytest.approx(np.mean((phases == 1) | (phases == 4)))
    assert truth["particle_count"] == len(np.unique(ids)) - 1 == len(small.instance_map)
    table = small.instance_map.table
    number = int(np.argmax(table["void_voxels"]))
    inside = ids == table["instance_id"][number]
    assert table["envelope_voxels"][number] == inside.sum()
    assert table["void_fraction"][number] == pytest.approx(np.mean(phases[inside] == 4))
    assert np.all(np.diff(table["instance_id"].astype(int)) > 0)


def test_a_seed_repeats_an_electrode_bit_by_bit(small: SynthResult) -> None:
    """Equal seeds give equal voxels and truth; another seed another electrode."""
    again = run_synth(SMALL, MemoryWorkspace())
    assert all(np.array_equal(a, b) for a, b in zip(_arrays(small), _arrays(again), strict=True))
    assert json.dumps(small.truth) == json.dumps(again.truth)
    other = run_synth(SMALL.model_copy(update={"seed": 4}), MemoryWorkspace())
    assert not np.array_equal(np.asarray(other.phase_map.data), np.asarray(small.phase_map.data))


def test_a_cylinder_is_empty_outside() -> None:
    """Outside the field of view phases and ids are 0, and fractions are of the inside."""
    result = run_synth(
        SynthConfig(shape=(16, 64, 64), d50="1.5 um", cracked=0.1, field_of_view="cylinder"), MemoryWorkspace()
    )
    phases, ids, _ = _arrays(result)
    assert not np.any(ids[phases == 0])
    assert np.mean(phases > 0) == pytest.approx(np.pi / 4, abs=0.01)
    assert sum(_fraction(result, name) for name in ("pore", "active", "binder")) == pytest.approx(1)
    assert _fraction(result, "active") == pytest.approx(0.58, abs=0.01)


def test_a_section_knows_its_section_sizes() -> None:
    """A plane shows sections smaller than the particles; the truth gives the medians of both."""
    result = run_synth(SynthConfig(shape=(1, 250, 250), d50="2.5 um", cracked=0.0), MemoryWorkspace())
    assert result.phase_map.shape == (1, 250, 250)
    assert result.truth["d50"] == pytest.approx(2.5e-6, rel=0.03)
    assert result.truth["d50_section"] < result.truth["d50"]


def test_config_is_lossless_and_strict() -> None:
    """A config goes to plain values and back; a cube may be one number; typing errors and nonsense are refused."""
    assert SynthConfig(**SMALL.model_dump(mode="json")) == SMALL
    assert SynthConfig(shape=64).shape == (64, 64, 64)  # type: ignore[arg-type]
    for wrong in (
        {"porositi": 0.3},
        {"porosity": 1.2},
        {"family": "nnc"},
        {"shape": (10, 2, 50)},
        {"voxel_size": "none"},
        {"d50": "-1 um"},
        {"d50": "3"},
    ):
        with pytest.raises(ValidationError):
            SynthConfig(**wrong)  # type: ignore[arg-type]


def test_an_impossible_electrode_says_what_is_possible() -> None:
    """Too much of everything, and phases that a family has not, end in an InputError before any voxel is made."""
    with pytest.raises(InputError, match="add up to 1\\.2"):
        run_synth(SynthConfig(shape=(32, 32, 32), d50="1 um", porosity=0.7, binder=0.5), MemoryWorkspace())
    with pytest.raises(InputError, match="graphite has no silicon"):
        run_synth(SynthConfig(shape=(32, 32, 32), family="graphite", silicon=0.1), MemoryWorkspace())
