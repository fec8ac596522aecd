from __future__ import annotations

import numpy as np
import pytest

from voltomo.artifacts import PhaseMap, Volume
from voltomo.learning.pairs import LabelledImage
from voltomo.learning.splits import Split
from voltomo.stages.label_bias import ACTIVE, BINDER, PHASES, PORE, LabelBiasConfig, Specimen, run_label_bias
from voltomo.stages.train import TrainConfig, run_train

FAST = {"samples": 3000, "validation_samples": 300, "perceptron": {"steps": 100}}


@pytest.fixture
def layers() -> Specimen:
    """Layers of NMC, binder and pore along x, each 8 voxels wide, that differ plainly in grey."""
    row = np.tile(np.repeat(np.array([ACTIVE, BINDER, PORE, BINDER], np.uint8), 8), 2)
    truth = np.broadcast_to(row, (24, 48, row.size)).copy()
    level = np.array([0, 0.1, 0.9, 0.5], np.float32)
    grey = level[truth] + np.random.default_rng(0).normal(0, 0.02, truth.shape).astype(np.float32)
    size = (1e-7, 1e-7, 1e-7)
    return Specimen(0, Volume.from_array(grey, voxel_size=size), PhaseMap(truth, PHASES, size, "z"), (6, 18))


def test_sharp_layers_are_found_as_they_are(layers: Specimen) -> None:
    """Without bias and blur, fractions, surface and tortuosity of layers are those of the geometry."""
    found = run_label_bias(layers, "none", LabelBiasConfig(size=48, slices=2, settings=FAST))
    values = {(value.name, value.phase): value for value in found.values}
    assert found.changed == 0
    assert values["volume_fraction", "NMC"].truth == pytest.approx(0.25)
    assert values["volume_fraction", "NMC"].found == pytest.approx(0.25, abs=0.01)  # a classifier rounds corners off
    assert values["binder_coverage", "NMC"].found == pytest.approx(1, abs=0.01)
    assert values["tortuosity_factor", "pore"].truth == pytest.approx(1)  # layers along the flow
    assert values["tortuosity_factor", "pore"].found == pytest.approx(1, abs=0.03)
    assert values["iou", "NMC"].found > 0.97


def test_bias_takes_from_what_touches(layers: Specimen) -> None:
    """NMC drawn one voxel too wide takes a voxel of binder at each of its three faces, and no pore."""
    found = run_label_bias(layers, "dilate", LabelBiasConfig(size=48, slices=2, settings=FAST))
    assert found.changed == pytest.approx(3 / 64)
    labels, truth = found.shown.labels, found.shown.truth
    assert np.all(truth[labels != truth] == BINDER)
    assert np.all(labels[labels != truth] == ACTIVE)


def test_nothing_flows_is_no_number(layers: Specimen) -> None:
    """Where the pore does not reach from face to face the tortuosity factor is withheld with its reason."""
    truth = np.asarray(layers.truth.data).copy()
    truth[12] = np.where(truth[12] == PORE, BINDER, truth[12])
    blocked = Specimen(0, layers.volume, PhaseMap(truth, PHASES, layers.truth.voxel_size, "z"), layers.places)
    found = run_label_bias(blocked, "none", LabelBiasConfig(size=48, slices=2, settings=FAST))
    value = next(value for value in found.values if value.name == "tortuosity_factor")
    assert value.truth is None
    assert value.reason


def test_a_training_can_be_told_its_split(layers: Specimen) -> None:
    """The labels that train are those it was told, whatever the labels look like."""
    labels = np.asarray(layers.truth.data)[:1]
    image = LabelledImage("slice", np.asarray(layers.volume.data[:, :1]), labels)
    top = np.zeros(labels.shape, np.bool_)
    top[:, :30] = True
    split = Split((top,), (np.roll(top, 40, axis=1) & ~top,))
    result = run_train([image], PHASES, TrainConfig(method="mlp", settings=FAST), split=split)
    assert result.split is split
