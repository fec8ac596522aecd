"""Verbs on grey values: take noise out, find phases."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy.typing as npt

from voltomo.artifacts import ArrayLike, Model, PhaseMap, Volume
from voltomo.io.model_lookup import load_model, model_folders
from voltomo.stages.denoise import DenoiseConfig, run_denoise
from voltomo.stages.segment import SegmentConfig, run_segment
from voltomo.stages.workspace import MemoryWorkspace
from voltomo.verbs.inputs import Size, as_volume, in_field_of_view, settings_of, shaped_like

__all__ = ["denoise", "segment"]


def denoise(volume: Volume | npt.ArrayLike, *, mask: ArrayLike | str = "auto", **settings: Any) -> Volume:
    """Take noise out of a volume.

    Parameters
    ----------
    volume : Volume, or (Z, Y, X) or (Y, X) array
    mask : "auto" finds the field of view, "none" takes all of it, or an array of the volume's shape with 1 inside
    **settings : of `voltomo.stages.denoise.DenoiseConfig`, such as ``method="nlm"``

    Returns
    -------
    Volume
        Data (C, Z, Y, X) in the source dtype.
    """
    work = MemoryWorkspace()
    held = in_field_of_view(as_volume(volume, None), mask, work)
    return run_denoise(held, settings_of(DenoiseConfig, settings), work)


def segment(
    volume: Volume | npt.ArrayLike,
    *,
    voxel_size: Size = None,
    mask: ArrayLike | str = "auto",
    model: Model | str | Sequence[Model | str] | None = None,
    **settings: Any,
) -> PhaseMap:
    """Segment a grey volume into phases.

    Parameters
    ----------
    volume : Volume, or (Z, Y, X) or (Y, X) array
    voxel_size : "64 nm", (dz, dy, dx) in m, or None
    mask : "auto" finds the field of view, "none" takes all of it, or an array of the volume's shape with 1 inside
    model : a trained model, its path or its name, which then says what the phases are; of several, the probabilities
        are averaged
    **settings : of `voltomo.stages.segment.SegmentConfig`, such as ``method="multi-otsu", classes=3``

    Returns
    -------
    PhaseMap
        uint8 ids in the shape of the input; 0 is outside the field of view.

    Raises
    ------
    GateError
        If the image is constant or holds infinite values, or NaN inside the sample.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((8, 8)); image[2:6, 2:6] = 1
    >>> image += np.random.default_rng(0).normal(0, 0.05, image.shape)
    >>> int((segment(image).data == 2).sum())
    16
    """
    work = MemoryWorkspace()
    held = in_field_of_view(as_volume(volume, voxel_size), mask, work)
    models = [] if model is None else [model] if isinstance(model, Model | str) else list(model)
    names = [one.name if isinstance(one, Model) else one for one in models]
    asked = {"model": names[0], "also": names[1:]} if names else {}
    config = settings_of(SegmentConfig, {**asked, **settings})
    folders = model_folders(os.environ)
    trained = [one if isinstance(one, Model) else load_model(one, folders) for one in models]
    result = run_segment(held, config, work, trained=trained).phase_map
    return replace(result, data=shaped_like(volume, result.data))
