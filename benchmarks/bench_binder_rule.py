"""What it does to the numbers of a study that binder is told by fitted offsets instead of the likeliest phase.

Synthetic NMC electrodes of 96³ voxels; three slices of each are labelled whole with the truth, a pixel classifier
learns from them and segments its own scan, and that of the next electrode, which it has never seen. Found − true, mean
± standard deviation over the electrodes::

    python benchmarks/bench_binder_rule.py --electrodes 6
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import replace

import numpy as np

from voltomo.artifacts.model import Model
from voltomo.stages.label_bias import (
    PHASES,
    LabelBiasConfig,
    PropertyValue,
    Specimen,
    compare_properties,
    label_slice,
    make_specimen,
)
from voltomo.stages.segment_model import ModelSegmentConfig, run_model_segment
from voltomo.stages.train import TrainConfig, run_train
from voltomo.stages.workspace import MemoryWorkspace


def properties(model: Model, specimen: Specimen) -> tuple[PropertyValue, ...]:
    """Of a scan as a model sees it, beside the truth."""
    seen = run_model_segment(specimen.volume, model, ModelSegmentConfig(accept_drift=True), MemoryWorkspace())
    return compare_properties(np.asarray(specimen.truth.data), np.asarray(seen.phase_map.data), specimen.truth)


def main() -> None:
    """Segment every electrode in four ways and print the errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--electrodes", type=int, default=6)
    parser.add_argument("--method", default="mlp")
    parser.add_argument("--dose", choices=("low", "medium", "high"), default="medium")
    given = parser.parse_args()
    config = LabelBiasConfig(electrodes=given.electrodes, dose=given.dose)
    specimens = [make_specimen(config, seed) for seed in range(given.electrodes)]
    errors: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    truths: dict[str, list[float]] = defaultdict(list)
    for number, own in enumerate(specimens):
        images = [label_slice(own, place) for place in own.places]
        training = TrainConfig(method=given.method, share=0.1, gap=8, seed=own.seed)
        model = run_train(images, PHASES, training).model
        print(f"electrode {number}: offsets {model.binder_offsets}", flush=True)
        likeliest = replace(model, binder_offsets=(0.0, 0.0))
        others = {"own scan": own, "next electrode": specimens[(number + 1) % len(specimens)]}
        for where, specimen in others.items():
            for how, one in (("likeliest phase", likeliest), ("with offsets", model)):
                for row in properties(one, specimen):
                    name = " ".join(filter(None, (row.name, row.phase, row.phase_2, row.axis, row.unit)))
                    if row.truth is not None and row.found is not None:
                        errors[name, where, how].append(row.found - row.truth)
                        truths[name].append(row.truth)
    print("| number | scan | decided by | truth | found − true | electrodes |\n|---|---|---|---|---|---|")
    for (name, where, how), values in errors.items():
        spread = np.std(values, ddof=1) if len(values) > 1 else float("nan")
        cells = [
            name,
            where,
            how,
            f"{np.mean(truths[name]):.4g}",
            f"{np.mean(values):+.3g} ± {spread:.2g}",
            len(values),
        ]
        print("| " + " | ".join(map(str, cells)) + " |")


if __name__ == "__main__":
    main()
