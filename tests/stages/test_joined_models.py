"""Several models segment together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from voltomo.artifacts import Model, Phase, PhaseTable, Volume
from voltomo.classifiers import ClassifierSettings, train_classifier
from voltomo.errors import GateError, InputError
from voltomo.inference.averaging import softmax
from voltomo.inference.engines import open_predictor
from voltomo.learning.domain import describe_domain
from voltomo.learning.pairs import LabelledImage
from voltomo.learning.splits import split_labels
from voltomo.stages.joined_models import join_models
from voltomo.stages.segment_model import ModelSegmentConfig, run_model_segment
from voltomo.stages.workspace import MemoryWorkspace

MakeModel = Callable[..., Model]
PHASES = PhaseTable.numbered(3)
GREY = np.random.default_rng(5).normal(size=(2, 40, 48)).astype(np.float32)


@pytest.fixture(scope="module")
def classifier() -> Model:
    """A pixel classifier of three phases by rising grey."""
    labels = np.digitize(GREY, (-0.5, 0.5)).astype(np.uint8) + 1
    image = LabelledImage("one", GREY[None], labels, scan="one")
    split = split_labels([image], gap=2)
    return train_classifier([image], split, PHASES, ClassifierSettings(method="mlp", samples=500))


def test_the_answer_is_the_mean_of_calibrated_probabilities(network_model: MakeModel, classifier: Model) -> None:
    """A network at a temperature of 2 and a pixel classifier: the mean of what each says, in blocks as in one piece."""
    network = replace(network_model(), temperature=2.0, channels=("grey",), normalization=classifier.normalization)
    models = (network, classifier)
    config = ModelSegmentConfig(precision="f32", probabilities=True, members=True, halo="full")
    scan = Volume.from_array(GREY)
    scale = (GREY - np.percentile(GREY, 1)) / (np.percentile(GREY, 99) - np.percentile(GREY, 1))
    grey = np.clip(scale, -1, 2)[None].astype(np.float32)
    own = [softmax(open_predictor(one, precision="f32")(grey), temperature=one.temperature) for one in models]
    found = run_model_segment(scan, network, config, MemoryWorkspace(), others=(classifier,))
    mean = (own[0] + own[1]) / 2
    shown = found.phase_map.probabilities / 255
    assert np.percentile(np.abs(shown - mean), 99) < 0.01  # percentiles of a histogram, rounding to 1/255
    assert np.mean(found.phase_map.data != 1 + mean.argmax(axis=0)) < 0.01
    for member, one in zip(found.phase_map.members, own, strict=True):
        assert np.mean(member != 1 + one.argmax(axis=0)) < 0.01
    told = found.histogram["model"]
    assert told["name"] == f"{network.name} + mlp"
    assert (told["members"], told["engine"]) == (2, "openvino + numba")
    blocks = MemoryWorkspace(block_shape=(1, 16, 20), workers=2)
    again = run_model_segment(scan, network, config, blocks, others=(classifier,)).phase_map
    assert np.mean(again.data != found.phase_map.data) < 1e-3  # design §4


def test_models_that_do_not_go_together_are_refused(classifier: Model) -> None:
    """Other phases, channels or scales of grey: the message says what each has."""
    named = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "binder", "binder"), Phase(3, "NMC", "active")))
    with pytest.raises(InputError, match=r"share the phases.*NMC"):
        join_models([classifier, replace(classifier, phases=named)])
    with pytest.raises(InputError, match=r"share the channels.*second"):
        join_models([classifier, replace(classifier, channels=("second",))])
    fixed = replace(classifier, normalization={**classifier.normalization, "method": "fixed"})
    with pytest.raises(InputError, match="share a scale of grey"):
        join_models([classifier, fixed])
    assert join_models([classifier]) is classifier


def test_every_model_has_to_know_scans_like_this(classifier: Model) -> None:
    """The gate of the second model refuses for both, and says which features differ."""
    other = 0.5 + 0.01 * np.random.default_rng(1).normal(size=(1, 3, 40, 48)).astype(np.float32)
    stranger = replace(classifier, name="stranger", domain=describe_domain([[other[:, z]] for z in range(3)]))
    scan, plain = Volume.from_array(GREY), ModelSegmentConfig(precision="f32")
    with pytest.raises(GateError, match="stranger"):
        run_model_segment(scan, classifier, plain, MemoryWorkspace(), others=(stranger,))
    accepted = plain.model_copy(update={"accept_drift": True})
    result = run_model_segment(scan, classifier, accepted, MemoryWorkspace(), others=(stranger,))
    assert result.histogram["model"]["drift"]["distance"] > 1
