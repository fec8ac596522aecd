"""The line from a scan to a report: what runs, what is skipped, what is remembered."""

from voltomo.pipeline.adapters import STAGES
from voltomo.pipeline.checking import check_file, diagnose
from voltomo.pipeline.estimate import Expectation, describe_plan
from voltomo.pipeline.evaluation import Scores, evaluate_paths
from voltomo.pipeline.run import DEFAULT_STEPS, load_recipe, plan, run, run_verbs
from voltomo.pipeline.synthesis import SCANS, scan_config, synthesize
from voltomo.pipeline.twins import make_twin_of

__all__ = [
    "DEFAULT_STEPS",
    "SCANS",
    "STAGES",
    "Expectation",
    "Scores",
    "check_file",
    "describe_plan",
    "diagnose",
    "evaluate_paths",
    "load_recipe",
    "make_twin_of",
    "plan",
    "run",
    "run_verbs",
    "scan_config",
    "synthesize",
]
