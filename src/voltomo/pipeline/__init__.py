"""The line from a scan to a report: what runs, what is skipped, what is remembered."""

from voltomo.pipeline.adapters import STAGES
from voltomo.pipeline.checking import check_file, diagnose
from voltomo.pipeline.estimate import Expectation, describe_plan
from voltomo.pipeline.evaluation import Scores, evaluate_paths
from voltomo.pipeline.run import DEFAULT_STEPS, load_recipe, plan, run, run_verbs
from voltomo.pipeline.synthesis import synthesize

__all__ = [
    "DEFAULT_STEPS",
    "STAGES",
    "Expectation",
    "Scores",
    "check_file",
    "describe_plan",
    "diagnose",
    "evaluate_paths",
    "load_recipe",
    "plan",
    "run",
    "run_verbs",
    "synthesize",
]
