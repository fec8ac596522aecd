"""Every real TIFF beside the checkout reads as its README says and as tifffile reads it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from voltomo.io.registry import read_volume

STATED = {
    "nmc_nanoct/A_1.tif": ((1, 499, 601), "float32"),
    "nmc_nanoct/A_200_label.tif": ((1, 499, 601), "uint8"),
    "nmc_nanoct/B_103.tif": ((1, 500, 572), "float32"),
    "nmc_nanoct/C_698.tif": ((1, 500, 500), "float32"),
    "nmc_nanoct/labelonly_0.tif": ((1, 1640, 1620), "uint8"),
    "nmc_instances_eye/A_1_instances.tif": ((1, 499, 601), "uint8"),
    "particles_libnet/cracked_gray.tif": ((1, 152, 160), "uint8"),
    "txm_4class/train_gray.tif": ((1, 520, 472), "uint16"),
    "electrode_3phase_tau/electrode.tiff": ((256, 256, 256), "uint8"),
    "nmc_binary_128/NMC_lr.tif": ((128, 128, 128), "uint8"),
    "sofc_2d/SOFC_lr_62cube.tif": ((62, 62, 62), "uint8"),
    "separator/Separator_lr.tif": ((156, 75, 75), "uint8"),
    "numerical_structures/ellipsoids.tif": ((200, 200, 200), "uint8"),
    "sinogram_shale/shale_prj.tif": ((1, 181, 366), "float32"),
    "txm_mosaic/Lm_01.tif": ((1, 512, 512), "uint16"),
    "cell_ct/cell_vol_001-050.tif": ((50, 728, 728), "uint8"),
    "cell_ct/jellyroll_1.tif": ((1, 576, 576), "uint16"),
    "sem_cathode/nmc_sem_left.tif": ((1, 682, 560), "uint8"),
    "sem_scribbles/ni_substrate.tif": ((1, 896, 1008), "uint8"),
    "sem_scribbles/tem_particles_truth.tif": ((1, 518, 518), "uint8"),
}


@pytest.mark.parametrize("name", STATED)
def test_shape_and_type_are_those_of_the_readme(name: str, data) -> None:  # type: ignore[no-untyped-def]
    """None of them states a voxel size, and a region is what tifffile gives for it."""
    path = data(name)
    volume = read_volume(path)
    assert (volume.shape, volume.data.dtype.name) == STATED[name]
    assert volume.voxel_size is None
    assert volume.metadata["notices"] == ()
    z = volume.shape[0] // 2
    expected = tifffile.imread(path, key=z)
    np.testing.assert_array_equal(volume.data[0, z, 11:90, 7:-5], expected[11:90, 7:-5])


def test_the_folder_of_different_slices_is_refused(data) -> None:  # type: ignore[no-untyped-def]
    """The nano-CT folder holds three scans and their labels, not one stack."""
    folder: Path = data("nmc_nanoct/A_1.tif").parent
    with pytest.raises(OSError, match="kinds of names"):
        read_volume(folder)


def test_fractions_of_the_three_phase_electrode(data) -> None:  # type: ignore[no-untyped-def]
    """Read slab by slab, the codes 0, 85 and 170 have the published shares, to all digits printed."""
    volume = read_volume(data("electrode_3phase_tau/electrode.tiff"))
    counts = np.zeros(256, np.int64)
    for z in range(0, 256, 64):
        counts += np.bincount(volume.data[0, z : z + 64].ravel(), minlength=256)
    assert [round(counts[code] / counts.sum(), 6) for code in (0, 85, 170)] == [0.449917, 0.400466, 0.149616]
