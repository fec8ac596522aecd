"""What may be asked of a trained model, and what is refused before anything runs."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from voltomo.artifacts import Model, Volume
from voltomo.errors import InputError
from voltomo.inference.engines import EngineName, Precision

__all__ = ["ModelSegmentConfig", "check_request"]


class ModelSegmentConfig(BaseModel):
    """How a model is run over a volume.

    Parameters
    ----------
    model : its path or name, for the record; the model itself is handed over
    probabilities : keep them, as uint8 (value / 255)
    disagreement : keep how far the members of an ensemble are apart on each voxel, as uint8 (value / 255)
    members : keep the phases as each member of an ensemble sees them
    accept_drift : go on where the scan is unlike those that trained the model
    merge_binder : tell active material from everything else, pore+binder, by the sum of their probabilities
    average : "none"; "flips": mean over mirrored images, 4 (8 in 3D) times as long; "axes": mean over slices along z, y
        and x of a volume with cubic voxels, 3 times as long
    engine : "auto": OpenVINO for networks, numba for pixel classifiers
    precision : "auto": the fastest one that passed the model's own check
    halo : voxels around a tile: "auto" measures on the volume how many matter, "full" takes all that could
    tile_voxels : that a tile reads at most; decides the memory beside the blocks
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = ""
    probabilities: bool = False
    disagreement: bool = False
    members: bool = False
    accept_drift: bool = False
    merge_binder: bool = False
    average: Literal["none", "flips", "axes"] = "none"
    engine: EngineName = "auto"
    precision: Precision = "auto"
    halo: Literal["auto", "full"] = "auto"
    tile_voxels: int | None = Field(default=None, ge=4096)


def check_request(volume: Volume, model: Model, config: ModelSegmentConfig, *, has_members: bool) -> None:
    """Refuse what does not fit: channels, averaging, and what only several networks have.

    Parameters
    ----------
    volume : to segment
    model : that shall do it, alone or with others
    config : what is asked for
    has_members : whether it is an ensemble, or one of several models

    Raises
    ------
    InputError
        Saying what was expected, and what to do.
    """
    if len(volume.channels) != len(model.channels):
        raise InputError(
            f"the model {model.name} reads {len(model.channels)} channel(s), {', '.join(model.channels)}; the volume "
            f"has {len(volume.channels)}, {', '.join(volume.channels)}. Give the channels that the model was trained "
            "on, in that order"
        )
    if (config.disagreement or config.members) and not has_members:
        asked = "disagreement is that between the members" if config.disagreement else "members are those"
        raise InputError(
            f"{asked} of an ensemble; the model {model.name} is a single one. Train with `--set members=3`, or ask for "
            "--probabilities"
        )
    if config.merge_binder:
        roles = {phase.role for phase in model.phases}
        if config.disagreement or config.members or not {"pore", "binder", "active"} == roles:
            raise InputError(
                "merge_binder is for models of pore, binder and active material, without `disagreement` and `members`; "
                f"the model {model.name} tells {', '.join(phase.name for phase in model.phases)} apart"
            )
    if config.average == "axes":
        size = volume.voxel_size
        if model.is_classifier or model.dimension == 3 or volume.dimension == 2:
            raise InputError("average axes is for volumes and models that work slice by slice; use flips, or none")
        if size is not None and max(size) > 1.05 * min(size):
            raise InputError("average axes needs cubic voxels: along other axes the model would see another scale")
