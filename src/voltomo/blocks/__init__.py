"""Volumes larger than memory: regions with halos, executors, a log of what is done."""

from voltomo.blocks.executor import ProgressCallback, WritableArray, map_blocks, reduce_blocks
from voltomo.blocks.log import BlockLog, Partial
from voltomo.blocks.memory import check_budget, plan_workers, resident_bytes
from voltomo.blocks.regions import Block, BlockPlan, Region

__all__ = [
    "Block",
    "BlockLog",
    "BlockPlan",
    "Partial",
    "ProgressCallback",
    "Region",
    "WritableArray",
    "check_budget",
    "map_blocks",
    "plan_workers",
    "reduce_blocks",
    "resident_bytes",
]
