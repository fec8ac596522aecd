"""Calibration of a scan by the temperature of others."""

import numpy as np

from voltomo.learning.temperature import fit_temperature
from voltomo.stages.labelled_logits import LabelledLogits
from voltomo.stages.scan_calibration import CalibrationByScan


def image(scan: str, sharpness: float, seed: int, edge: int = 160) -> LabelledLogits:
    """Labels drawn from two classes; the logits are too sure by `sharpness`."""
    rng = np.random.default_rng(seed)
    honest = rng.normal(size=(1, edge, edge)).astype(np.float32)
    rows = 1 + (rng.random(honest.shape) < 1 / (1 + np.exp(-honest))).astype(np.uint8)
    logits = sharpness * np.stack([np.zeros_like(honest), honest])
    return LabelledLogits(logits, rows, rows, scan)


def score(*images: LabelledLogits) -> dict[str, float] | None:
    """Of some images; the left half lies near a boundary."""
    names = [one.scan for one in images]
    found = CalibrationByScan(2, {name: names.count(name) for name in names})
    for one in images:
        near = np.zeros(one.rows.shape, bool)
        near[..., :80] = True
        found.add(one, near)
    return found.scores()


def test_scans_that_are_alike_keep_their_calibration() -> None:
    """Each is too sure by a factor of 3, and the other's temperature mends it: errors of chance remain."""
    assert abs(fit_temperature(image("a", 3, 0).logits, image("a", 3, 0).rows) - 3) < 0.2
    told = score(image("a", 3, 0), image("b", 3, 1))
    assert told is not None
    assert told["scans"] == 2
    # chance: √(2 p(1 − p)·15/(πN)) of 5·10⁴ voxels is 0.007, of half of them 0.01
    assert told["calibration_error"] < 0.012
    assert told["calibration_error_near_boundary"] < 0.018


def test_a_scan_of_which_the_model_is_surer_shows() -> None:
    """Fitted on itself each scan would be calibrated; with the temperature of the other one it is not."""
    told = score(image("a", 1, 0), image("b", 4, 1))
    assert told is not None
    assert told["calibration_error"] > 0.05


def test_one_scan_tells_nothing() -> None:
    """Two images of the same scan set the temperature together."""
    assert score(image("a", 1, 0), image("a", 1, 1)) is None


def test_many_scans_are_judged_in_groups() -> None:
    """Twenty-three alike scans: calibrated, and every one counts."""
    told = score(*(image(str(number), 3, number, edge=60) for number in range(23)))
    assert told is not None
    assert told["scans"] == 23
    assert told["calibration_error"] < 0.012
