"""The offset with which binder covers as much of the active material as in the labels."""

import numpy as np

from voltomo.artifacts import Phase, PhaseTable
from voltomo.artifacts.model import Model
from voltomo.stages.contact_offset import CONTACT_LIMIT, LEAST_PAIRS, fit_contact_offset
from voltomo.stages.labelled_logits import LabelledLogits

PHASES = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "binder", "binder"), Phase(3, "NMC", "active")))
PORE, BINDER, ACTIVE = range(3)


def model(temperature: float = 1.0, phases: PhaseTable = PHASES) -> Model:
    """Phases and temperature are all that counts."""
    return Model("m", "mlp", {"dimension": 2}, phases, ("grey",), {}, {}, temperature=temperature)


def stripes(covered: float, lead: float, *, edge: int = 240, seed: int = 0) -> LabelledLogits:
    """Upright stripes of active material in pore, each face covered by binder a voxel wide where a coin says so.

    The model does not see the coin: on all faces binder is ahead of pore, by `lead` and some noise.
    """
    rng = np.random.default_rng(seed)
    truth = np.full((1, edge, edge), 1 + PORE, np.uint8)
    logits = np.zeros((3, 1, edge, edge), np.float32)
    logits[PORE] = 3
    for x in range(4, edge - 8, 12):
        truth[..., x : x + 4] = 1 + ACTIVE
        logits[ACTIVE, ..., x : x + 4] = 9
        for side in (x - 1, x + 4):
            truth[..., side] = np.where(rng.random(edge) < covered, 1 + BINDER, 1 + PORE)
            logits[BINDER, ..., side] = 3 + lead + rng.normal(size=edge)
    return LabelledLogits(logits, truth, truth)


def test_the_share_covered_is_that_of_the_labels() -> None:
    """40 % of the surface covered, 84 % called covered: with the offset, the share is met."""
    fit = fit_contact_offset(model(), [stripes(0.4, 1.0)])
    assert fit is not None
    assert fit.labels is not None
    assert fit.before is not None
    assert fit.after is not None
    assert abs(fit.labels - 0.4) < 0.02
    assert fit.before > 0.8
    assert abs(fit.after - fit.labels) < 0.01
    # the lead is normal around 1 with a spread of 1: 40 % of it lie above 1.25
    assert abs(fit.offset - 1.25) < 0.05


def test_offsets_are_of_calibrated_probabilities_and_bounded() -> None:
    """Logits of twice the size at a temperature of 2 give the same offset; one of 3 nats is not believed."""
    found = stripes(0.4, 1.0)
    doubled = LabelledLogits(2 * found.logits, found.rows, found.all_rows)
    one, two = fit_contact_offset(model(), [found]), fit_contact_offset(model(2.0), [doubled])
    assert one is not None
    assert two is not None
    assert one.offset == two.offset
    far = fit_contact_offset(model(), [stripes(0.2, 3.0)])
    assert far is not None
    assert CONTACT_LIMIT - 0.02 <= far.offset <= CONTACT_LIMIT


def test_too_little_surface_fits_nothing() -> None:
    """Labels of a few contacts tell no share; phases without binder have none."""
    few = stripes(0.4, 1.0, edge=24)
    fit = fit_contact_offset(model(), [few])
    assert fit is not None
    assert fit.offset == 0
    assert fit.labels is None
    assert 0 < fit.pairs < LEAST_PAIRS
    two = PhaseTable((Phase(1, "rest", "other"), Phase(2, "a", "active"), Phase(3, "b", "pore")))
    assert fit_contact_offset(model(phases=two), [few]) is None
