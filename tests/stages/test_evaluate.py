from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from pydantic import ValidationError

from voltomo.artifacts import CrackMap, InstanceMap, Phase, PhaseMap, PhaseTable
from voltomo.errors import GateError, InputError, ShapeError
from voltomo.stages.evaluate import EvaluateConfig, EvaluateResult, run_evaluate
from voltomo.stages.grouping import group_phases
from voltomo.stages.synth import SynthConfig, SynthResult, run_synth
from voltomo.stages.truth_labels import parse_truth_codes, recode
from voltomo.stages.workspace import MemoryWorkspace

TWO = PhaseTable.two_class()
THREE = PhaseTable.numbered(3)
ORDERED = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "NMC", "active"), Phase(3, "CBD", "binder")))
FOUR = PhaseTable(
    (Phase(1, "pore", "pore"), Phase(2, "NMC", "active"), Phase(3, "CBD", "binder"), Phase(4, "c", "crack"))
)


@pytest.fixture(scope="module")
def twin() -> SynthResult:
    """An electrode with known truth."""
    return run_synth(SynthConfig(shape=(24, 64, 60), d50="1.6 um", cracked=0.3, seed=1), MemoryWorkspace())


def _score(result: PhaseMap, truth: PhaseMap, work: MemoryWorkspace | None = None, **maps: object) -> EvaluateResult:
    return run_evaluate(result, truth, EvaluateConfig(), work or MemoryWorkspace(), **maps)  # type: ignore[arg-type]


def _maps(twin: SynthResult) -> dict[str, object]:
    return {
        "result_instances": twin.instance_map,
        "truth_instances": twin.instance_map,
        "result_cracks": twin.crack_map,
        "truth_cracks": twin.crack_map,
    }


def test_a_truth_scores_full_marks_against_itself(twin: SynthResult) -> None:
    """Every score is 1 and every error 0, for phases, particles and voids."""
    found = _score(twin.phase_map, twin.phase_map, **_maps(twin))
    for item in found.measurements:
        assert item.value == (0.0 if item.name.endswith("_error") else 1.0), item
    assert found.active_iou == 1
    assert len(found.instances) == 10
    assert found.warnings == ()
    assert found.grouping.names == ("pore", "active", "binder", "crack")


def test_a_known_error_gets_its_known_scores() -> None:
    """One layer of ten taken from the active material: IoU 0.9, fraction error −0.05, D50 error of a plate's volume."""
    truth = np.ones((20, 10, 10), np.uint8)
    truth[:10] = 2
    result = truth.copy()
    result[9] = 1
    ids = [InstanceMap((phases == 2).astype(np.uint32), voxel_size=(1e-6,) * 3) for phases in (result, truth)]
    found = _score(
        PhaseMap(result, TWO, (1e-6,) * 3),
        PhaseMap(truth, TWO, (1e-6,) * 3),
        result_instances=ids[0],
        truth_instances=ids[1],
    )
    rows = found.measurements
    assert found.active_iou == pytest.approx(0.9)
    assert rows.one("iou", phase="pore+binder").value == pytest.approx(10 / 11)
    assert rows.one("volume_fraction_error", phase="active").value == pytest.approx(-0.05)
    assert rows.one("voxel_accuracy").value == pytest.approx(0.95)
    assert rows.one("boundary_f_score", phase="active").value == 1  # off by one voxel, two are allowed
    assert rows.one("matched_iou").value == pytest.approx(0.9)
    assert rows.one("particle_count_error").value == 0
    diameters = [(6 / np.pi * n) ** (1 / 3) * 1e-6 for n in (900, 1000)]
    assert rows.one("equivalent_diameter_error").value == pytest.approx(diameters[0] - diameters[1])
    assert rows.one("equivalent_diameter_error").unit == "m"
    assert rows.one("instance_average_precision", statistic="IoU ≥ 0.95").value == 0
    assert rows.one("instance_average_precision", statistic="IoU ≥ 0.90").value == 1


def test_matched_volume_weighs_particles_by_their_size() -> None:
    """A missed particle of one voxel beside a found one of 99 halves the recall and costs 1 % of the volume."""
    truth = np.zeros((1, 10, 20), np.uint32)
    truth[0, :9, :11], truth[0, 9, 19] = 1, 2
    result = np.where(truth == 1, 7, 0).astype(np.uint32)
    phases = PhaseMap((1 + (truth > 0)).astype(np.uint8), TWO)
    rows = _score(phases, phases, result_instances=InstanceMap(result), truth_instances=InstanceMap(truth)).measurements
    assert rows.one("instance_recall").value == 0.5
    assert rows.one("matched_volume_fraction").value == pytest.approx(0.99)


def test_blocks_change_nothing(twin: SynthResult) -> None:
    """Scores from blocks equal those from the whole, to the last bit."""
    noisy = np.roll(np.isin(np.asarray(twin.phase_map.data), (2, 4)), (1, 2), (1, 2))
    sure = np.random.default_rng(0).integers(0, 256, size=noisy.shape).astype(np.uint8)
    result = PhaseMap((1 + noisy).astype(np.uint8), TWO, probabilities=np.stack([255 - sure, sure]))
    ids = np.asarray(twin.instance_map.data) * noisy
    maps = _maps(twin) | {"result_instances": InstanceMap(ids.astype(np.uint32))}
    whole = _score(result, twin.phase_map, **maps)
    blocks = _score(result, twin.phase_map, MemoryWorkspace(block_shape=(10, 17, 60), workers=2), **maps)
    assert whole.measurements == blocks.measurements
    assert np.array_equal(whole.confusion, blocks.confusion)


def test_void_errors_follow_the_crack_maps(twin: SynthResult) -> None:
    """A result that sees no cracks has a crack IoU of 0 and misses the whole void fraction."""
    blind = CrackMap(np.minimum(np.asarray(twin.crack_map.data), 1))
    rows = _score(twin.phase_map, twin.phase_map, **(_maps(twin) | {"result_cracks": blind})).measurements
    assert rows.one("crack_iou").value == 0
    missed = rows.one("particle_void_fraction_error", statistic="all particles").value
    assert missed == pytest.approx(-twin.truth["void_fraction_in_particles"])
    mean = rows.one("particle_void_fraction_error", statistic="mean over matched particles").value
    assert mean == pytest.approx(-np.mean(twin.instance_map.table["void_fraction"]))


def test_a_section_is_scored_in_the_plane() -> None:
    """(Y, X) arrays are a plane: area fractions, circles, dimension 2."""
    labels = np.ones((30, 30), np.uint8)
    labels[5:15, 5:15] = 2
    ids = InstanceMap((labels == 2).astype(np.uint32))
    rows = _score(PhaseMap(labels, TWO), PhaseMap(labels, TWO), result_instances=ids, truth_instances=ids).measurements
    assert {item.dimension for item in rows} == {2}
    assert rows.select("area_fraction_error")
    error = rows.one("equivalent_diameter_error")
    assert (error.statistic, error.unit) == ("D50, area-weighted", "voxel")
    assert f"result {np.sqrt(400 / np.pi):.6g} voxel" in error.method


@pytest.mark.parametrize(
    ("result", "truth", "names"),
    [
        (TWO, FOUR, ("pore+binder+crack", "active")),
        (FOUR, TWO, ("pore+binder+crack", "active")),
        (THREE, FOUR, ("pore+crack", "active", "binder")),
        (THREE, THREE, ("pore", "active", "binder")),
        (PhaseTable((Phase(1, "pore", "pore"), Phase(2, "solid", "active"))), FOUR, ("pore+binder+crack", "active")),
        (PhaseTable((Phase(5, "a"), Phase(9, "b"))), PhaseTable((Phase(1, "b"), Phase(2, "a"))), ("a", "b")),
    ],
)
def test_phases_are_compared_in_the_coarser_partition(
    result: PhaseTable, truth: PhaseTable, names: tuple[str, ...]
) -> None:
    """What one of the maps cannot tell apart is taken together, and the sentence says so."""
    grouping = group_phases(result, truth)
    assert grouping.names == names
    for table, lookup in ((result, grouping.result), (truth, grouping.truth)):
        assert sorted(set(lookup[list(table.ids)].tolist())) == list(range(1, len(names) + 1))
        assert lookup[0] == 0
    assert all(name in grouping.sentence for name in names)


def test_tables_without_common_ground_are_refused() -> None:
    """Unknown names, phases without counterpart and a single common class say what to do."""
    with pytest.raises(InputError, match="no phase for grain"):
        group_phases(PhaseTable((Phase(1, "grain"), Phase(2, "pore", "pore"))), TWO)
    with pytest.raises(InputError, match="no phase for collector"):
        group_phases(TWO, PhaseTable((Phase(1, "pore", "pore"), Phase(2, "a", "active"), Phase(3, "Al", "collector"))))
    with pytest.raises(InputError, match="nothing can be told apart"):
        group_phases(
            PhaseTable((Phase(1, "p", "pore+binder"),)), PhaseTable((Phase(1, "p", "pore"), Phase(2, "b", "binder")))
        )


def test_a_label_file_with_other_codes_is_translated() -> None:
    """Codes become phases by role, 0 may be one of them; what is not named is refused, not guessed."""
    coded = parse_truth_codes(["active=0", "binder=1", "pore=2"])
    labels = np.array([[0, 1, 2], [2, 0, 0]], np.uint8)
    truth = recode(labels, coded)
    assert np.asarray(truth.data[(slice(None),) * 3]).tolist() == [[[1, 2, 3], [3, 1, 1]]]
    result = PhaseMap(np.where(labels == 0, 2, 1).astype(np.uint8), TWO)
    assert _score(result, truth).active_iou == 1
    with pytest.raises(GateError, match=r"codes \[2\]"):
        _score(result, recode(labels, parse_truth_codes(["active=0", "pore=1"])))
    with pytest.raises(InputError, match="is this the grey image"):
        recode(labels.astype(np.float32), coded)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [(["active"], "NAME=CODE"), (["active=x"], "NAME=CODE"), (["a=1", "b=1"], "two phases"), ([], "at least one")],
)
def test_bad_truth_codes_are_refused(pairs: list[str], message: str) -> None:
    """A pair without a code, a code twice, or no pair at all."""
    with pytest.raises(InputError, match=message):
        parse_truth_codes(pairs)


def test_voxels_outside_are_left_out_and_told() -> None:
    """Voxels without a phase in one map are not scored; a warning gives their share; if none are left, a gate stops."""
    truth = np.full((4, 5, 5), 2, np.uint8)
    truth[0] = 1
    result = truth.copy()
    result[3] = 0
    found = _score(PhaseMap(result, TWO), PhaseMap(truth, TWO))
    assert found.active_iou == 1
    assert "25 voxels (25.00%) carry a phase in the truth but 0" in found.warnings[0]
    with pytest.raises(GateError, match="same sample"):
        _score(PhaseMap(np.zeros_like(truth), TWO), PhaseMap(truth, TWO))


def test_a_class_that_does_not_occur_is_withheld() -> None:
    """An IoU without voxels is no number; the mean is over the others."""
    phases = np.full((2, 4, 4), 1, np.uint8)
    rows = _score(PhaseMap(phases, TWO), PhaseMap(phases, TWO)).measurements
    assert rows.one("iou", phase="active").status == "withheld"
    assert rows.one("mean_iou").value == 1


def test_maps_of_different_shape_are_refused(twin: SynthResult) -> None:
    """The message names both shapes."""
    cropped = replace(twin.phase_map, data=np.asarray(twin.phase_map.data)[1:])
    with pytest.raises(ShapeError, match=r"\(24, 64, 60\).*\(23, 64, 60\)"):
        _score(cropped, twin.phase_map)


def test_the_record_is_plain_json(twin: SynthResult) -> None:
    """What a page or a file needs survives a round trip through JSON."""
    record = _score(twin.phase_map, twin.phase_map, **_maps(twin)).to_record()
    assert json.loads(json.dumps(record)) == record
    assert record["classes"] == ["pore", "active", "binder", "crack"]


def test_thresholds_below_one_half_are_refused() -> None:
    """Below an IoU of 0.5 pairs are not unique."""
    with pytest.raises(ValidationError, match=r"between 0\.5 and 1"):
        EvaluateConfig(iou_thresholds=(0.3, 0.5))


@pytest.mark.parametrize(("name", "expected"), [("A_1", 0.765), ("B_103", 0.780), ("C_394", 0.851)])
def test_otsu_on_real_slices_scores_as_published(data: Callable[[str], Path], name: str, expected: float) -> None:
    """Plain Otsu against the label of a nano-CT slice: the IoU in the data set's table, to its three digits."""
    filters = pytest.importorskip("skimage.filters")
    grey = tifffile.imread(data(f"nmc_nanoct/{name}.tif"))
    labels = tifffile.imread(data(f"nmc_nanoct/{name}_label.tif"))
    result = PhaseMap((1 + (grey > filters.threshold_otsu(grey))).astype(np.uint8), TWO)
    found = _score(result, recode(labels, parse_truth_codes(["active=0", "binder=1", "pore=2"])))
    # The table's threshold is that of a histogram with other bins: a few pixels at the cut.
    assert found.active_iou == pytest.approx(expected, abs=0.002)


def _holes(*open_holes: tuple[int, int, int]) -> np.ndarray:
    """A particle in pore with square holes (row, column, edge) in it."""
    labels = np.ones((1, 80, 80), np.uint8)
    labels[:, 5:75, 5:75] = 2
    for row, column, edge in open_holes:
        labels[:, row : row + edge, column : column + edge] = 1
    return labels


def test_voids_are_found_where_three_tenths_are_left_open() -> None:
    """Of four true voids one is speckle, one is missed, one half open, one whole; the result adds one of its own."""
    truth = _holes((10, 10, 10), (10, 30, 10), (10, 50, 10), (30, 10, 4))
    result = _holes((10, 10, 10), (10, 30, 6), (50, 50, 8), (10, 50, 4))  # 100 %, 36 %, invented, 16 % and too small
    rows = _score(PhaseMap(result, TWO), PhaseMap(truth, TWO)).measurements
    assert (rows.one("void_recall").value, rows.one("void_recall").method) == (pytest.approx(2 / 3), "2 of 3 voids")
    assert rows.one("void_precision").value == pytest.approx(2 / 3)
    open_at_the_edge = truth.copy()
    open_at_the_edge[:, 10:20, :15] = 1  # the first void now leads to the pore, which reaches the edge
    assert _score(PhaseMap(truth, TWO), PhaseMap(open_at_the_edge, TWO)).measurements.one("void_recall").method == (
        "2 of 2 voids"
    )
    unlabelled = truth.copy()
    unlabelled[:, 12, 12] = 0
    assert _score(PhaseMap(truth, TWO), PhaseMap(unlabelled, TWO)).measurements.one("void_recall").method == (
        "2 of 2 voids"
    )
    whole = _score(PhaseMap(_holes(), TWO), PhaseMap(_holes(), TWO)).measurements.one("void_recall")
    assert (whole.status, whole.reason) == ("withheld", "the truth has no void")


def test_probabilities_are_scored_against_the_truth() -> None:
    """Certain and wrong on a tenth of the voxels, all at the boundary: 0.1 overall, a third of three layers there."""
    truth = np.ones((1, 40, 40), np.uint8)
    truth[:, :, 20:] = 2
    result = truth.copy()
    result[:, :, 18:20] = 2  # 2 of 40 columns
    stored = np.stack([255 * (result == 1), 255 * (result == 2)]).astype(np.uint8)
    found = _score(PhaseMap(result, TWO, probabilities=stored), PhaseMap(truth, TWO))
    rows = found.measurements
    assert rows.one("mean_calibration_error", statistic="all labelled voxels").value == pytest.approx(2 / 40)
    near = "within 3 voxels of a boundary"
    assert rows.one("mean_calibration_error", statistic=near).value == pytest.approx(2 / 6)
    assert rows.one("brier_score", statistic=near).value == pytest.approx(2 * 2 / 6)
    assert len(found.reliability) == 2
    assert found.to_record()["reliability"]["active"]["observed"] == pytest.approx([0, 20 / 22])
    assert not _score(PhaseMap(result, TWO), PhaseMap(truth, TWO)).measurements.select("calibration_error")


def test_probabilities_of_phases_taken_together_are_added() -> None:
    """Pore 0.3 and binder 0.3 are 0.6 of pore+binder; without a channel per phase nothing is scored."""
    truth = np.full((2, 4, 5), 1, np.uint8)
    truth[:, :, :2] = 2
    result = np.where(truth == 1, 1, 2).astype(np.uint8)
    shares = np.array([0.3, 0.4, 0.3])[:, None, None, None] * np.ones((1, *truth.shape))
    probabilities = np.round(255 * shares).astype(np.uint8)
    rows = _score(PhaseMap(result, ORDERED, probabilities=probabilities), PhaseMap(truth, TWO)).measurements
    # 60 % are pore+binder and 154/255 was said, each channel rounded by itself
    assert rows.one("calibration_error", phase="pore+binder", statistic="all labelled voxels").value == pytest.approx(
        abs(0.6 - 2 * 76 / 255), abs=1e-9
    )
    with pytest.raises(ShapeError, match=r"\(3, 2, 4, 5\) uint8"):
        _score(PhaseMap(result, ORDERED, probabilities=probabilities[:2]), PhaseMap(truth, TWO))


def test_a_false_shell_shows_in_the_coverage_and_hardly_in_the_overlap() -> None:
    """A ball with a shell of binder, one voxel thick, that is not there: coverage error 1, pore IoU above 0.95."""
    z, y, x = np.indices((40, 40, 40)) - 19.5
    radius = np.sqrt(z**2 + y**2 + x**2)
    truth = np.where(radius < 10, 2, 1).astype(np.uint8)
    truth[:4] = 3  # a layer of binder far away
    result = np.where((truth == 1) & (radius < 11.8), 3, truth).astype(np.uint8)
    rows = _score(PhaseMap(result, ORDERED, (1e-7,) * 3), PhaseMap(truth, ORDERED, (1e-7,) * 3)).measurements
    assert rows.one("binder_coverage_error").value == pytest.approx(1)
    assert rows.one("iou", phase="pore").value > 0.95
    surface = rows.one("specific_surface_area_error", phase="active")
    assert (surface.value, surface.unit) == (0, "1/m")
    # The shell's two sides, 4π(11² + 10²) voxel faces in 64 000 of 0.1 µm; Crofton of a coarse ball is right to a few %
    assert rows.one("specific_surface_area_error", phase="pore").value == pytest.approx(
        4 * np.pi * (11.5**2 - 9.75**2) / 64_000 / 1e-7, rel=0.15
    )


def test_without_an_active_phase_the_reader_is_told_what_is_missing() -> None:
    """Phases of role `other` are compared by name; what needs the active material says that it is absent."""
    table = PhaseTable((Phase(1, "a"), Phase(2, "b")))
    found = _score(PhaseMap(_holes(), table), PhaseMap(_holes(), table))
    assert not found.measurements.select("void_recall")
    assert found.warnings == ("No phase has the role active, so that voids and binder coverage are not scored.",)


def test_tortuosity_is_compared_where_it_is_asked_for() -> None:
    """Straight pores keep a factor of 1 whatever their width: no error; across them nothing flows, and it says so."""
    truth, result = np.full((8, 12, 10), 2, np.uint8), np.full((8, 12, 10), 2, np.uint8)
    truth[2:6, 3:9], result[2:6, 3:7] = 1, 1
    maps = PhaseMap(result, TWO), PhaseMap(truth, TWO)
    assert not _score(*maps).measurements.select("tortuosity_factor_error")
    rows = run_evaluate(*maps, EvaluateConfig(properties=True), MemoryWorkspace()).measurements
    assert rows.one("tortuosity_factor_error", axis="x").value == pytest.approx(0, abs=2e-3)  # tolerance of the solver
    across = rows.one("tortuosity_factor_error", axis="z")
    assert across.status == "withheld"
    assert "nothing flows" in across.reason


class _Listed(MemoryWorkspace):
    """A workspace that lists the names of its steps."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[str] = []

    def reduce(self, step: str, *arguments: Any, **settings: Any) -> Any:
        """As the parent does."""
        self.steps.append(step)
        return super().reduce(step, *arguments, **settings)


def test_every_step_has_a_name_of_its_own(twin: SynthResult) -> None:
    """In a study, a step that has the name of another would find that one's numbers."""
    work = _Listed()
    probabilities = np.zeros((4, *twin.phase_map.shape), np.uint8)
    result = replace(twin.phase_map, probabilities=probabilities)
    run_evaluate(result, twin.phase_map, EvaluateConfig(properties=True), work, **_maps(twin))  # type: ignore[arg-type]
    assert len(work.steps) > 8
    assert len(set(work.steps)) == len(work.steps)
