"""The offsets with which binder covers as much of the active material, and is as much, as in the labels."""

import numpy as np

from voltomo.artifacts import Phase, PhaseTable
from voltomo.artifacts.model import Model
from voltomo.stages.binder_offsets import LARGEST_OFFSET, LEAST_PAIRS, fit_binder_offsets
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
    fit = fit_binder_offsets(model(), [stripes(0.4, 1.0)])
    assert fit is not None
    labels, likeliest, decided = fit.covered
    assert abs(labels - 0.4) < 0.02
    assert likeliest > 0.8
    assert abs(decided - labels) < 0.01
    # the lead is normal around 1 with a spread of 1: 40 % of it lie above 1.25
    assert abs(fit.touching - 1.25) < 0.05


def test_what_goes_at_contacts_comes_back_elsewhere() -> None:
    """A fifth of the pore between the stripes is binder that the model nearly sees: as much as labelled is found."""
    found = stripes(0.4, 1.0)
    rng = np.random.default_rng(7)
    inner = (found.rows == 1 + PORE) & (found.logits[BINDER] == 0)
    truth = np.where(inner & (rng.random(inner.shape) < 0.2), np.uint8(1 + BINDER), found.rows)
    logits = found.logits.copy()
    logits[BINDER][inner] = 3 + rng.normal(-1, 1, int(inner.sum()))
    fit = fit_binder_offsets(model(), [LabelledLogits(logits, truth, truth)])
    assert fit is not None
    assert fit.touching > 1
    # of a lead that is normal around -1 with a spread of 1, 20 % lie above -0.16
    assert abs(fit.elsewhere + 0.16) < 0.05
    assert abs(fit.filled[2] - fit.filled[0]) < 0.002
    assert abs(fit.covered[2] - fit.covered[0]) < 0.01


def test_offsets_are_of_calibrated_probabilities_and_bounded() -> None:
    """Logits of twice the size at a temperature of 2 give the same offset; one of 3 nats is not believed."""
    found = stripes(0.4, 1.0)
    doubled = LabelledLogits(2 * found.logits, found.rows, found.all_rows)
    one, two = fit_binder_offsets(model(), [found]), fit_binder_offsets(model(2.0), [doubled])
    assert one is not None
    assert two is not None
    assert one.touching == two.touching
    far = fit_binder_offsets(model(), [stripes(0.2, 3.0)])
    assert far is not None
    assert LARGEST_OFFSET - 0.02 <= far.touching <= LARGEST_OFFSET


def test_too_little_surface_fits_nothing() -> None:
    """Labels of a few contacts tell no share; phases without binder have none."""
    few = stripes(0.4, 1.0, edge=24)
    fit = fit_binder_offsets(model(), [few])
    assert fit is not None
    assert (fit.touching, fit.elsewhere, fit.covered) == (0, 0, ())
    assert 0 < fit.pairs < LEAST_PAIRS
    two = PhaseTable((Phase(1, "rest", "other"), Phase(2, "a", "active"), Phase(3, "b", "pore")))
    assert fit_binder_offsets(model(phases=two), [few]) is None
