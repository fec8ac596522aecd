"""What a perfect measurement of a structure would find, and what its voxels make of it.

Fractions and surfaces are those of a grid several times finer than that of the scan. The whole window is counted on the
grid of the scan; what the finer grid changes is estimated in tiles, where both grids see the same. The difference is
the bias by resolution; its scatter from tile to tile is the only uncertainty by sampling.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.blocks import Partial
from voltomo.metrics.definitions import VARIANTS, define
from voltomo.metrics.sample import Sample
from voltomo.metrics.sizes import weighted_quantiles
from voltomo.metrics.surfaces import InterfaceCounts, crofton_density
from voltomo.morphology.directions import crofton_directions
from voltomo.synthesis.achieved import crack_widths, packed_diameters
from voltomo.synthesis.finer_grid import Tiles, finer_structure
from voltomo.synthesis.structure import Structure

__all__ = ["Property", "crack_properties", "describe_properties", "grid_properties", "size_properties"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_GROUPS = 64
"""Groups of tiles that the jackknife leaves out in turn; they give a standard error to 1/√(2·63), 9 %."""
_NOTE = (
    "value: on the finer grid; resolution_bias: voxel_value - value. Both have the standard error that comes from "
    "looking at tiles of the window, 0 where all of it was looked at. Where surfaces are rough or closer than a voxel, "
    "the bias falls in proportion to the voxel, and value itself is still off by about resolution_bias / (factor - 1). "
    "That Crofton's formula looks along few directions is the same on both grids and in neither number."
)
_SURFACE_PER_BOUNDARY = 4 / math.pi  # Underwood, Quantitative Stereology (1970), eq. 2.10


@dataclass(frozen=True)
class Property:
    """One number of a structure.

    Parameters
    ----------
    name, phase, phase_2, unit : as in `voltomo.artifacts.Measurement`
    value : on the finer grid, or exact; None where it is missing
    standard_error : by sampling: 0 where the whole window was looked at
    voxel_value : what the same method finds on the voxels of the scan
    resolution_bias : `voxel_value` − `value`, with the same standard error
    method, definition : in words
    status : "ok", or "missing" with its reason
    """

    name: str
    value: float | None
    unit: str
    phase: str = ""
    phase_2: str = ""
    statistic: str = ""
    axis: str = ""
    standard_error: float | None = None
    voxel_value: float | None = None
    resolution_bias: float | None = None
    method: str = ""
    definition: str = ""
    status: str = "ok"
    reason: str = ""


@dataclass(frozen=True)
class _Quantity:
    """What is asked of counts of neighbors, and under which name."""

    name: str
    unit: str
    phase: str = ""
    phase_2: str = ""
    method: str = ""


def grid_properties(structure: Structure, tiles: Tiles, counted: Partial, whole: Partial) -> tuple[Property, ...]:
    """Fractions, surfaces and interfaces on the finer grid, with the bias of the voxels.

    Parameters
    ----------
    structure : the shapes
    tiles : of the window
    counted : from `count_tiles`
    whole : from `count_voxel_grid`, of the whole window

    Notes
    -----
    ``value = g(window) + f(tiles) − g(tiles)`` with f on the finer grid and g on the voxels: f − g scatters far less
    than either. The standard error is that of a jackknife over groups of tiles, times √(1 − share of the window seen).
    """
    voxels, finer = _Probe(structure), _Probe(finer_structure(structure, tiles))

    def difference(weights: Integers) -> Floats:
        """What the finer grid finds in the tiles beyond what the voxels find there."""
        totals = {name: np.tensordot(weights, counts.astype(np.int64), axes=1) for name, counts in counted.items()}
        return finer.measure(totals["fine_counts"], totals["fine_pairs"]) - voxels.measure(
            totals["voxel_counts"], totals["voxel_pairs"]
        )

    at_voxels = voxels.measure(whole["counts"].astype(np.int64), whole["pairs"].astype(np.int64))
    shift = difference(tiles.weights)
    error = _jackknife(difference, tiles)
    return tuple(
        Property(
            name=asked.name,
            value=float(g + d),
            unit=asked.unit,
            phase=asked.phase,
            phase_2=asked.phase_2,
            standard_error=float(e),
            voxel_value=float(g),
            resolution_bias=float(-d),
            method=asked.method,
            definition=_define(asked.name, voxels.is_plane),
        )
        for asked, g, d, e in zip(voxels.quantities, at_voxels, shift, error, strict=True)
        if g != 0 or d != 0 or asked.name.endswith("fraction")
    )


def _jackknife(estimate: Callable[[Integers], Floats], tiles: Tiles) -> Floats:
    """Standard error of a number that follows from the weights of the tiles."""
    count = min(_GROUPS, len(tiles))
    groups = np.arange(len(tiles)) % count
    left_out = np.array([estimate(np.where(groups == group, 0, tiles.weights)) for group in range(count)])
    spread = np.sum((left_out - left_out.mean(axis=0)) ** 2, axis=0)
    return np.asarray(np.sqrt((1 - 1 / count) * spread * (1 - tiles.share)))


class _Probe:
    """All fractions, surfaces and interfaces that follow from counts on one grid, in a fixed order."""

    def __init__(self, structure: Structure) -> None:
        self.phases = structure.phases
        self.is_plane = structure.shape[0] == 1
        self.directions = crofton_directions(structure.voxel_size, 2 if self.is_plane else 3)
        self.quantities = tuple(self._ask())

    def _ask(self) -> Iterator[_Quantity]:
        names = [phase.name for phase in self.phases]
        void = "+".join(phase.name for phase in self.phases.with_role("pore", "crack"))
        counting = "pixel count" if self.is_plane else "voxel count"
        crofton = f"Crofton, {len(self.directions.weights)} directions"
        fraction, surface, interface = (
            ("area_fraction", "boundary_length", "interface_length")
            if self.is_plane
            else ("volume_fraction", "specific_surface_area", "interface_area")
        )
        yield from (_Quantity(fraction, "1", name, method=counting) for name in names)
        yield _Quantity("porosity_total", "1", void, method=counting)
        yield from (_Quantity(surface, "1/m", name, method=crofton) for name in names)
        for i, name in enumerate(names):
            yield from (_Quantity(interface, "1/m", name, other, crofton) for other in names[i + 1 :])
        if self.is_plane:
            stereology = f"{crofton}; (4/π)·L_A, assuming isotropy"
            yield from (_Quantity("specific_surface_area", "1/m", name, method=stereology) for name in names)

    def measure(self, counts: Integers, pairs: Integers) -> Floats:
        """Values of all quantities from (K,) voxels and (D, K, K) pairs; 0 where nothing was seen."""
        shares = counts / max(1, int(counts.sum()))
        is_void = np.array([phase.role in ("pore", "crack") for phase in self.phases])
        neighbors = InterfaceCounts(pairs, self.directions)
        inside = np.maximum(neighbors.inside, 1)
        rows = range(len(self.phases))
        surfaces = [crofton_density(neighbors.of(i), inside, self.directions) for i in rows]
        interfaces = [
            crofton_density(neighbors.between(i, j), inside, self.directions) for i in rows for j in rows if i < j
        ]
        in_space = [_SURFACE_PER_BOUNDARY * length for length in surfaces] if self.is_plane else []
        return np.array([*shares, shares[is_void].sum(), *surfaces, *interfaces, *in_space])


def describe_properties(
    structure: Structure, tiles: Tiles, counted: Partial, whole: Partial, *, others: Iterable[Property] = ()
) -> dict[str, Any]:
    """Plain values of all properties of a structure, and how they were found.

    Parameters
    ----------
    structure, tiles, counted, whole : as in `grid_properties`
    others : more rows, found in another way
    """
    rows = [
        *grid_properties(structure, tiles, counted, whole),
        *size_properties(structure),
        *crack_properties(structure),
        *others,
    ]
    z, y, x = structure.shape
    region = Sample(structure.phases, (z, y, x), int(whole["counts"].sum()), structure.voxel_size, "z").region
    return {
        "region": region,
        "finer_grid": {
            "factor": tiles.factor.tolist(),
            "tiles": len(tiles),
            "tile_edges": tiles.edges.tolist(),
            "share_of_window": tiles.share,
            "note": _NOTE,
        },
        "rows": [
            {key: item for key, item in asdict(row).items() if item not in ("", None) or key == "value"} for row in rows
        ],
    }


def size_properties(structure: Structure) -> tuple[Property, ...]:
    """Sizes of the particles from their shapes, each whole particle once, cut by the window or not."""
    numbers: list[Property] = []
    for phase in structure.phases.with_role("active"):
        diameters = packed_diameters(structure, phase.id)
        for weighting, power in (("volume", 3), ("number", 0)):
            if not len(diameters):
                continue
            found = weighted_quantiles(diameters, diameters**power)
            numbers += [
                Property(
                    "equivalent_diameter",
                    float(value),
                    "m",
                    phase.name,
                    statistic=f"D{share}, weighted by {weighting}",
                    standard_error=0.0,
                    method="from the shapes, without their roughness",
                    definition=_define("equivalent_diameter", is_plane=False),
                )
                for share, value in zip((10, 50, 90), found, strict=True)
            ]
    return tuple(numbers)


def crack_properties(structure: Structure) -> tuple[Property, ...]:
    """Widths of the cracks, and how many reach the space outside their particle, from their shapes."""
    widths = crack_widths(structure)
    if len(widths) == 0:
        return ()
    words: dict[str, Any] = {"method": "from the shapes", "standard_error": 0.0}
    definition = "Opening of a crack, across its middle surface; slits and networks, each counted once."
    shares = (0.1, 0.5, 0.9)
    found = weighted_quantiles(widths, np.ones(len(widths)), shares)
    is_open = np.concatenate([structure.slits.is_open, structure.networks.is_open])
    return (
        *(
            Property(
                "crack_width",
                float(value),
                "m",
                statistic=f"D{100 * share:.0f}, weighted by number",
                definition=definition,
                **words,
            )
            for share, value in zip(shares, found, strict=True)
        ),
        Property(
            "open_crack_share",
            float(is_open.mean()),
            "1",
            definition="Cracks that reach the space outside their particle / all cracks, slits and networks.",
            **words,
        ),
    )


def _define(name: str, is_plane: bool) -> str:
    return define(name, variant="plane" if is_plane and name in VARIANTS["plane"] else "")
