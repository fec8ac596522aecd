from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage as ndi
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from voltomo.artifacts import InstanceMap, Measurements, ParticleTable, Phase, PhaseMap, PhaseTable
from voltomo.errors import GateError, InputError, ShapeError
from voltomo.metrics.definitions import DEFINITIONS, VARIANTS
from voltomo.stages.measure import MeasureConfig, MeasureResult, run_measure
from voltomo.stages.workspace import MemoryWorkspace

THREE = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "NMC", "active"), Phase(3, "CBD", "binder")))
Data = Callable[[str], Path]


def measure(labels: np.ndarray, table: PhaseTable = THREE, **fields: object) -> MeasureResult:
    """Everything about a map, in one block."""
    maps = {name: fields.pop(name) for name in ("instance_map",) if name in fields}
    work = fields.pop("work", MemoryWorkspace())
    return run_measure(PhaseMap(labels, table, **fields), MeasureConfig(), work, **maps)  # type: ignore[arg-type]


def blobs(shape: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    """A smooth random map of three phases with an outside."""
    rng = np.random.default_rng(seed)
    smooth = ndi.gaussian_filter(rng.standard_normal(shape), 1.5, mode="wrap")
    labels = (np.searchsorted(np.quantile(smooth, (0.4, 0.6)), smooth) + 1).astype(np.uint8)
    labels[:, : shape[1] // 8, : shape[2] // 8] = 0
    return labels


def values(result: MeasureResult | Measurements) -> dict[tuple[str, ...], float | None]:
    """Values by everything that names a row."""
    items = result.measurements if isinstance(result, MeasureResult) else result
    return {(m.name, m.phase, m.phase_2, m.axis, m.statistic, m.method): m.value for m in items}


def table_of(instances: np.ndarray, solid: np.ndarray) -> ParticleTable:
    """A particle table as the particles stage gives it, for unit voxels."""
    ids = np.unique(instances[instances > 0])
    boxes = [ndi.find_objects((instances == i).astype(np.int32))[0] for i in ids]
    volumes = np.array([(instances == i).sum() for i in ids], float)
    columns: dict[str, np.ndarray] = {
        "instance_id": ids,
        "equivalent_diameter": np.cbrt(6 * volumes / np.pi),
        "envelope_volume": volumes,
        "solid_volume": np.array([((instances == i) & solid).sum() for i in ids], float),
        "sphericity": np.full(len(ids), 0.8),
        "aspect_ratio": np.full(len(ids), 1.2),
    }
    for a, axis in enumerate("zyx"):
        columns[f"box_{axis}_low"] = np.array([box[a].start for box in boxes])
        columns[f"box_{axis}_high"] = np.array([box[a].stop for box in boxes])
    sides = [
        (columns[f"box_{axis}_low"] == 0) | (columns[f"box_{axis}_high"] == n)
        for axis, n in zip("zyx", instances.shape, strict=True)
    ]
    columns["touches_edge"] = np.any(sides, axis=0)
    return columns


@settings(max_examples=4, deadline=None)
@given(
    block_shape=st.tuples(st.integers(4, 14), st.integers(5, 17), st.integers(16, 80)),
    workers=st.sampled_from([1, 2]),
    seed=st.integers(0, 9),
)
def test_blocks_change_nothing(block_shape: tuple[int, int, int], workers: int, seed: int) -> None:
    """Every number, interval and profile is the same to the last bit, whatever the blocks and threads."""
    labels = blobs((14, 17, 70), seed)
    instances = ndi.label(labels == 2)[0].astype(np.uint32)
    instance_map = InstanceMap(instances, table_of(instances, labels == 2))
    work = MemoryWorkspace(block_shape=block_shape, workers=workers)
    assert measure(labels, instance_map=instance_map, work=work) == measure(labels, instance_map=instance_map)


@pytest.mark.parametrize(
    ("name", "codes", "fractions"),
    [
        ("nmc_binary_128/NMC_lr.tif", (0, 1), (0.5797, 0.4203)),
        ("separator/Separator_lr.tif", (0, 1), (0.6208, 0.3792)),
        ("sofc_2d/SOFC_lr_62cube.tif", None, (0.3545, 0.3408, 0.3046)),
        ("numerical_structures/ellipsoids.tif", (0, 1), (0.3974, 0.6026)),
    ],
)
def test_other_segmented_structures(data: Data, name: str, codes: tuple[int, ...] | None, fractions: tuple) -> None:
    """Somebody else's segmentations are measured, with the fractions that their source states."""
    image = tifffile.imread(data(name))
    labels = (np.searchsorted(np.unique(image) if codes is None else codes, image) + 1).astype(np.uint8)
    table = PhaseTable(tuple(Phase(i + 1, f"phase {i}") for i in range(len(fractions))))
    found = measure(labels, table).measurements
    for phase, fraction in zip(table, fractions, strict=True):
        assert found.one("volume_fraction", phase=phase.name).value == pytest.approx(fraction, abs=5.1e-5)


@settings(max_examples=5, deadline=None)
@given(order=st.permutations([0, 1, 2]))
def test_permuting_axes_permutes_results(order: list[int]) -> None:
    """A turned sample has the same numbers, under the names of the turned axes."""
    labels = blobs((10, 13, 16))
    edges = (3e-7, 2e-7, 1e-7)
    turned = measure(labels.transpose(order).copy(), voxel_size=tuple(edges[a] for a in order))
    names = dict(zip("zyx", ["zyx"[a] for a in order], strict=True))
    renamed = {(*key[:3], names.get(key[3], ""), *key[4:]): value for key, value in values(turned).items()}
    straight = values(measure(labels, voxel_size=edges))
    assert renamed.keys() == straight.keys()
    for key, value in straight.items():
        # Directions are summed in another order: the last digits differ. Triangles of a smoothed mesh may be cut along
        # the other diagonal.
        rel = 2e-3 if "Gaussian" in key[5] else 1e-9
        assert renamed[key] == (None if value is None else pytest.approx(value, rel=rel)), key


def test_relabelling_changes_nothing() -> None:
    """Other ids for the same phases, in the same order, give the same measurements."""
    labels = blobs((8, 9, 10))
    ids = (17, 99, 254)
    other = PhaseTable(tuple(replace(phase, id=i) for phase, i in zip(THREE, ids, strict=True)))
    assert measure(np.array([0, *ids], np.uint8)[labels], other) == measure(labels)


def test_the_voxel_size_scales_units_and_leaves_ratios() -> None:
    """Voxels twice as large halve what is per length, and change nothing else; without a size the unit says voxel."""
    labels = blobs((8, 9, 10))
    small, large, none = (measure(labels, voxel_size=size) for size in ((1e-7,) * 3, (2e-7,) * 3, None))
    for a, b, c in zip(small.measurements, large.measurements, none.measurements, strict=True):
        power = {"m^3": -3, "m^2": -2, "m": -1, "1": 0, "1/m": 1, "1/m^2": 2, "1/m^3": 3}[a.unit]
        assert c.unit == a.unit.replace("m", "voxel")
        if a.value is not None:
            assert a.value == pytest.approx(2**power * b.value, rel=1e-12)
            assert a.value == pytest.approx(c.value * 1e7**power, rel=1e-9)


def test_where_the_void_is() -> None:
    """A closed void, a crack that opens to the pore and the pore outside: each voxel is counted once, in its place."""
    labels = np.ones((20, 20, 20), np.uint8)
    labels[4:16, 4:16, 4:16] = 2
    instances = (labels == 2).astype(np.uint32)
    labels[6:8, 6:8, 6:8] = 1  # closed: 8 voxels
    labels[10, 10, 4:9] = 1  # open: 5 voxels, reaching the face at x = 4
    result = measure(labels, instance_map=InstanceMap(instances, table_of(instances, labels == 2))).measurements
    expected = {"porosity": 8000 - 12**3, "porosity_intra_closed": 8, "porosity_intra_open": 5}
    for name, voxels in expected.items():
        assert result.one(name).value == voxels / 8000
    assert result.one("porosity_total").value == pytest.approx(sum(expected.values()) / 8000, rel=1e-15)
    assert result.one("particle_void_fraction").value == pytest.approx(13 / 12**3)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 999))
def test_where_the_void_is_against_labelling(seed: int) -> None:
    """Closed and open void agree with labelling the whole void and asking each component whether it reaches out."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(np.array([1, 2], np.uint8), (9, 9, 9), p=[0.3, 0.7])
    instances = (rng.random((9, 9, 9)) < 0.8).astype(np.uint32)
    voids, _ = ndi.label(labels == 1)
    reaching = np.unique(voids[(voids > 0) & (instances == 0)])
    inside = (voids > 0) & (instances > 0)
    is_open = np.isin(voids, reaching)
    found = measure(labels, instance_map=InstanceMap(instances)).measurements
    assert found.one("porosity_intra_open").value == (inside & is_open).sum() / 729
    assert found.one("porosity_intra_closed").value == (inside & ~is_open).sum() / 729
    assert found.one("porosity").value == ((voids > 0) & (instances == 0)).sum() / 729


def test_a_two_class_map_says_no_porosity_and_warns() -> None:
    """Where binder and pore share a class, no name contains porosity, and the report will say why."""
    labels = np.minimum(blobs((8, 9, 10)), 2)
    instances = (labels == 2).astype(np.uint32)
    result = measure(labels, PhaseTable.two_class(), instance_map=InstanceMap(instances))
    assert not any("porosity" in m.name for m in result.measurements)
    assert "Two-phase segmentation" in result.warnings[0]
    assert "no table" in result.warnings[1]


def test_a_section_is_measured_in_the_plane() -> None:
    """Z = 1: area fractions, boundary lengths, 4 and 8 neighbors, two axes; every row says dimension 2."""
    labels = blobs((1, 60, 70))
    result = measure(labels[0], through_plane="x")
    names = {m.name for m in result.measurements}
    assert {m.dimension for m in result.measurements} == {2}
    assert {"area_fraction", "boundary_length", "interface_length"} <= names
    assert "volume_fraction" not in names
    surfaces = result.measurements.select("specific_surface_area")
    assert all(m.status == "warned" and "isotropy" in m.method for m in surfaces)
    connected = result.measurements.select("connected_fraction")
    assert {m.axis for m in connected} == {"y", "x"}
    assert {m.method for m in connected} == {"4 neighbors", "8 neighbors"}
    assert set(result.profiles) == {"y", "x"}
    assert "x, through-plane" in next(m.definition for m in connected if m.axis == "x")


def test_one_phase_only_is_reported() -> None:
    """A map of one phase has fraction 1, no surface and one component; the absent phase has none."""
    found = measure(np.full((4, 4, 4), 2, np.uint8)).measurements
    assert found.one("volume_fraction", phase="NMC").value == 1.0
    assert {m.value for m in found.select("specific_surface_area", phase="NMC")} == {0.0}
    assert found.one("component_count", phase="pore", method="6 neighbors").value == 0
    assert found.one("binder_coverage").status == "withheld"


def test_particle_sizes_follow_the_gate() -> None:
    """Few particles are counted, and their size distribution is withheld with the reason."""
    labels = np.ones((12, 12, 12), np.uint8)
    labels[2:5, 2:5, 2:5] = labels[7:10, 7:10, 7:10] = 2
    instances = ndi.label(labels == 2)[0].astype(np.uint32)
    found = measure(labels, instance_map=InstanceMap(instances, table_of(instances, labels == 2))).measurements
    assert found.one("particle_count", statistic="whole").value == 2
    assert {m.status for m in found.select("equivalent_diameter")} == {"withheld"}


def test_every_row_is_complete() -> None:
    """Each number has a definition, a region, and the parts of its uncertainty that were not estimated by name."""
    labels = blobs((12, 12, 12))
    instances = ndi.label(labels == 2)[0].astype(np.uint32)
    result = measure(labels, instance_map=InstanceMap(instances, table_of(instances, labels == 2)))
    for item in result.measurements:
        assert item.definition
        assert item.region == "field of view (99.3 % of the box)"  # one voxel in 8 x 8 is outside
        assert item.name in DEFINITIONS
        if item.value is not None:
            assert {"segmentation", "resolution"} <= {part.name for part in item.parts}
            assert all(part.standard_uncertainty != 0 or item.value in (0, 1) for part in item.parts)
    assert not {name for table in VARIANTS.values() for name in table} - DEFINITIONS.keys()


def test_bad_requests_are_refused() -> None:
    """Ids beyond the table, an empty field of view, and maps of other samples are errors that say so."""
    with pytest.raises(InputError, match="1 voxels carry ids"):
        measure(np.array([[[1, 4]]], np.uint8))
    with pytest.raises(GateError, match="inside the field of view"):
        measure(np.zeros((2, 2, 2), np.uint8))
    with pytest.raises(ShapeError, match="differ in shape"):
        measure(np.ones((2, 2, 2), np.uint8), instance_map=InstanceMap(np.ones((2, 2, 3), np.uint32)))
    other = InstanceMap(np.ones((2, 2, 2), np.uint32), voxel_size=(1e-6,) * 3)
    with pytest.raises(InputError, match="same voxel size"):
        measure(np.ones((2, 2, 2), np.uint8), instance_map=other, voxel_size=(2e-6,) * 3)
    with pytest.raises(ValidationError):
        MeasureConfig(surfaces="mesh")  # type: ignore[call-arg]


def test_definitions_and_reference_agree() -> None:
    """Every measurement has its entry in the reference, and the reference has no other."""
    page = Path(__file__).parents[2] / "docs" / "reference" / "measurements.md"
    named = {line[4:].strip("` ") for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("### `")}
    assert named == DEFINITIONS.keys()
