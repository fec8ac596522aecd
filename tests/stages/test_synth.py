from __future__ import annotations

import json

import numpy as np
import pytest
from pydantic import ValidationError

from voltomo.artifacts import CRACK, SOLID
from voltomo.errors import InputError
from voltomo.stages.synth import SynthConfig, SynthResult, run_synth
from voltomo.stages.workspace import MemoryWorkspace

SMALL = SynthConfig(shape=(40, 48, 56), voxel_size="200,100,100 nm", d50="2 um", cracked=0.3, seed=3)


@pytest.fixture(scope="module")
def small() -> SynthResult:
    """One electrode for the tests that only look."""
    return run_synth(SMALL, MemoryWorkspace())


def _arrays(result: SynthResult) -> list[np.ndarray]:
    artefacts = (result.volume, result.phase_map, result.instance_map, result.crack_map)
    return [np.asarray(artefact.data) for artefact in artefacts]


@pytest.mark.parametrize(
    "config", [SMALL, SynthConfig(shape=(1, 90, 100), d50="2 um", field_of_view="cylinder")], ids=["volume", "section"]
)
def test_blocks_change_nothing(config: SynthConfig) -> None:
    """Made in blocks by two threads, scan, truth and numbers equal those made at once."""
    whole = run_synth(config, MemoryWorkspace())
    blocks = run_synth(config, MemoryWorkspace(block_shape=(17, 23, 31), workers=2))
    assert all(np.array_equal(a, b) for a, b in zip(_arrays(whole), _arrays(blocks), strict=True))
    assert whole.truth == blocks.truth
    for name, column in whole.instance_map.table.items():
        assert np.array_equal(column, blocks.instance_map.table[name])


def test_truth_arrays_agree_with_one_another(small: SynthResult) -> None:
    """Crack map and ids follow from the phases: particles are active material and cracks, cracks are phase 4."""
    _, phases, ids, cracks = _arrays(small)
    assert np.array_equal(ids > 0, np.isin(phases, (2, 4)))
    assert np.array_equal(cracks == SOLID, phases == 2)
    assert np.array_equal(cracks == CRACK, phases == 4)
    assert (phases.dtype, ids.dtype, cracks.dtype) == (np.uint8, np.uint32, np.uint8)


def test_truth_numbers_are_those_of_the_voxels(small: SynthResult) -> None:
    """Fractions, counts and void fractions repeat what the arrays say, and the truth is plain JSON."""
    _, phases, ids, _ = _arrays(small)
    truth = json.loads(json.dumps(small.truth))
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


def test_a_whole_particle_has_the_diameter_of_its_table() -> None:
    """Smooth, uncut particles: the diameter from the voxels is the table's but for what contacts cut off."""
    config = SMALL.model_copy(update={"roughness": 0.0, "active": 0.4, "shape": (48, 80, 80)})
    result = run_synth(config, MemoryWorkspace())
    table = result.instance_map.table
    whole = table["is_whole"]
    measured = np.cbrt(6 / np.pi * table["envelope_voxels"][whole] * 2e-7 * 1e-7**2)
    assert whole.sum() > 8
    # Particles of 7-25 voxels across: counting scatters by about a percent of the diameter.
    assert measured == pytest.approx(table["diameter"][whole], rel=0.04)
    assert measured.mean() == pytest.approx(table["diameter"][whole].mean(), rel=0.01)


def test_a_seed_repeats_the_scan_bit_by_bit(small: SynthResult) -> None:
    """Equal seeds give equal voxels; another seed another electrode."""
    again = run_synth(SMALL, MemoryWorkspace())
    assert all(np.array_equal(a, b) for a, b in zip(_arrays(small), _arrays(again), strict=True))
    other = run_synth(SMALL.model_copy(update={"seed": 4}), MemoryWorkspace())
    assert not np.array_equal(np.asarray(other.phase_map.data), np.asarray(small.phase_map.data))


def test_the_scan_shows_the_phases(small: SynthResult) -> None:
    """Mean grey of each phase in the scan follows its level; active material is the brightest."""
    volume, phases, _, _ = _arrays(small)
    assert volume.shape == (1, *phases.shape)
    assert volume.dtype == np.uint16
    means = [volume[0][phases == i].mean() / 65535 for i in (1, 2, 3)]
    assert means[0] < means[2] < means[1]
    # Blur mixes the phases near their boundaries, so that their means move towards one another, never apart.
    assert means[0] > 0.21
    assert means[1] < 0.71
    assert small.volume.voxel_size == small.phase_map.voxel_size == (2e-7, 1e-7, 1e-7)


def test_a_cylinder_is_empty_outside() -> None:
    """Outside the field of view scan, phases and ids are 0, and fractions are of the inside."""
    result = run_synth(SynthConfig(shape=(16, 64, 64), d50="1.5 um", field_of_view="cylinder"), MemoryWorkspace())
    volume, phases, ids, _ = _arrays(result)
    assert not np.any(volume[0][phases == 0])
    assert not np.any(ids[phases == 0])
    assert np.mean(phases > 0) == pytest.approx(np.pi / 4, abs=0.01)
    assert result.truth["volume_fraction"]["active"] == pytest.approx(0.58, abs=0.01)


def test_a_section_knows_its_section_sizes() -> None:
    """A plane shows sections smaller than the particles; the truth gives the medians of both."""
    result = run_synth(SynthConfig(shape=(1, 400, 400), d50="2.5 um"), MemoryWorkspace())
    assert result.volume.dimension == 2
    # About 150 particles are cut; their weighted median scatters by a few percent.
    assert result.truth["d50"] == pytest.approx(2.5e-6, rel=0.1)
    assert result.truth["d50_section"] < result.truth["d50"]


def test_config_is_lossless_and_strict() -> None:
    """A config goes to plain values and back; a cube may be one number; typing errors and nonsense are refused."""
    assert SynthConfig(**SMALL.model_dump(mode="json")) == SMALL
    assert SynthConfig(shape=64).shape == (64, 64, 64)  # type: ignore[arg-type]
    for wrong in ({"porosity": 0.3}, {"shape": (10, 2, 50)}, {"voxel_size": "none"}, {"d50": "-1 um"}, {"d50": "3"}):
        with pytest.raises(ValidationError):
            SynthConfig(**wrong)  # type: ignore[arg-type]


def test_an_impossible_electrode_says_what_is_possible() -> None:
    """Too much of everything ends in an InputError before any voxel is made."""
    with pytest.raises(InputError, match="add up to 1\\.2"):
        run_synth(SynthConfig(shape=(32, 32, 32), d50="1 um", active=0.7, binder=0.5), MemoryWorkspace())
