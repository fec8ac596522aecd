"""Zeiss files, on the one real file there is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from voltomo.errors import ReadError
from voltomo.io.registry import read_volume

NAME = "zeiss/txrm_test_chip_tomo.txrm"


def test_projections_are_read_with_a_notice(data) -> None:  # type: ignore[no-untyped-def]
    """Seven images, their type and pixel size, and that they are no slices."""
    volume = read_volume(data(NAME))
    assert volume.data.shape == (1, 7, 256, 256)
    assert volume.data.dtype == np.uint16
    assert volume.voxel_size == pytest.approx((1.5579e-7,) * 3, rel=1e-4)  # 0.15579 um in the data's own description
    assert "projections" in volume.metadata["notices"][0]
    whole = np.asarray(volume.data)
    np.testing.assert_array_equal(volume.data[0, 2:5, 10:40, 200:], whole[0, 2:5, 10:40, 200:])
    assert whole[0, :, 100, 100].std() > 0


def test_volume_has_no_such_notice(data, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """The same content called .txm counts as a reconstructed volume."""
    path = tmp_path / "chip.txm"
    path.write_bytes(data(NAME).read_bytes())
    assert read_volume(path).metadata["notices"] == ()


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.99])
def test_truncated_file_is_refused(share: float, data, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A file cut anywhere raises ReadError."""
    whole = data(NAME).read_bytes()
    path = tmp_path / "cut.txrm"
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ReadError):
        np.asarray(read_volume(path).data)
