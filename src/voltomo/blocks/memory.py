"""How many blocks fit into memory at once."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

import psutil

from voltomo.blocks.regions import BlockPlan
from voltomo.errors import GateError, InputError
from voltomo.units import format_bytes

__all__ = ["MINIMUM_BUDGET", "check_budget", "plan_workers", "resident_bytes"]

MINIMUM_BUDGET = 1_000_000_000
"""Python with its numerical libraries takes about 0.3 GB before the first voxel is read."""

MARGIN = 200_000_000
"""For what is not counted per voxel: compiled kernels, codec buffers, tables, figures."""


def check_budget(budget: int) -> int:
    """The budget itself, refused below 1 GB."""
    if budget < MINIMUM_BUDGET:
        raise InputError(f"--memory {format_bytes(budget)} is below the 1 GB that the program needs; give at least 1GB")
    return budget


def resident_bytes() -> int:
    """Resident memory of this process now, after what the allocator keeps for later has been given back."""
    if _trim is not None:
        _trim(0)
    return int(psutil.Process().memory_info().rss)


def _find_trim() -> Callable[[int], int] | None:
    """``malloc_trim`` of glibc, which otherwise keeps several hundred megabytes of freed chunks; None elsewhere."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library.malloc_trim if hasattr(library, "malloc_trim") else None


_trim = _find_trim()


def plan_workers(plan: BlockPlan, *, bytes_per_voxel: float, budget: int, workers: int) -> int:
    """Threads, at most `workers`, whose blocks fit together into `budget` beside what the process holds already.

    Raises
    ------
    GateError
        If not even one block fits.
    """
    voxels = plan.largest_read
    need = max(1.0, voxels * bytes_per_voxel)
    resident = resident_bytes()
    free = budget - MARGIN - resident
    fitting = int(free // need)
    if fitting < 1:
        raise GateError(
            f"a block of {voxels / 1e6:.0f} million voxels with its halo of {max(plan.halos)} voxels needs "
            f"{format_bytes(need)} beside the program itself; give --memory "
            f"{format_bytes(need + MARGIN + resident)} or more",
            gate="memory",
        )
    return max(1, min(workers, fitting, len(plan)))
