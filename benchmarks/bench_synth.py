"""Structures: what they cost, and how well they meet what was asked for.

As asv classes: seconds, memory, errors of fractions and D50. As a program::

    python benchmarks/bench_synth.py [--size 128] [--whole 256] [--seeds 3] [--peers 200]

*Families*: seconds of this thread for placing and filling (`make`) and for painting, and the largest error over seeds:
of any fraction, counted over all voxels of the electrode with cracks in the phase of their particle, and of D50.
*Whole*: ``voltomo synth`` from start to end, its scan and truth included, as a process of its own: wall and processor
seconds (of all its threads), and the peak of its resident memory.
*Peers*: equal balls of radius 10 voxels, as dense as each generator gets, in processor seconds. PoreSpy places whole
voxels and its balls do not overlap at all; ours are asked for 0.62, and the share of volume in two balls stands beside.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import subprocess
import sys
import tempfile
import time

import numpy as np

from voltomo.stages.synth import SynthConfig
from voltomo.synthesis import FAMILIES, Structure, StructureRequest, make_structure, rasterize
from voltomo.synthesis.families import ACTIVE, COLLECTOR, CRACK_PHASE
from voltomo.synthesis.sizes import volume_weighted_median

_RSS = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(code, used.ru_maxrss, used.ru_utime + used.ru_stime)
"""


def request_of(family: str, size: int, **settings: object) -> StructureRequest:
    """The family's usual numbers in a cube."""
    return SynthConfig.model_validate({"family": family, "shape": size} | settings).request()


def make(request: StructureRequest, seed: int = 0) -> Structure:
    return make_structure(request, np.random.default_rng(seed))


def paint(structure: Structure) -> tuple[np.ndarray, np.ndarray]:
    return rasterize(structure, tuple(slice(0, n) for n in structure.shape))


def fraction_error(request: StructureRequest, structure: Structure) -> float:
    """Largest difference of a phase from its request."""
    phases, ids = paint(structure)
    owner = np.concatenate(([np.uint8(0)], structure.particles.phase)).astype(np.uint8)
    phases = np.where(ids > 0, owner[ids], phases)[structure.electrode_rows()]
    counts = np.bincount(phases.ravel(), minlength=256)
    own = [phase.id for phase in structure.phases if phase.id not in (CRACK_PHASE, COLLECTOR)]
    return max(abs(counts[i] / counts[1:].sum() - request.fraction(i)) for i in own)


def size_error(request: StructureRequest, structure: Structure) -> float:
    """Relative difference of D50 from the request; nan without particles."""
    packing = structure.packing
    diameters = packing.diameter[packing.phase == ACTIVE]
    return volume_weighted_median(diameters, diameters**3) / request.d50 - 1 if len(diameters) else float("nan")


class Synthesis:
    """Structures of every family in 96³ voxels."""

    params = tuple(FAMILIES)

    def setup(self, family: str) -> None:
        paint(make(request_of(family, 32)))
        self.request = request_of(family, 96)
        self.structure = make(self.request)

    def time_make(self, family: str) -> None:
        make(self.request)

    def time_paint(self, family: str) -> None:
        paint(self.structure)

    def peakmem_paint(self, family: str) -> None:
        paint(self.structure)

    def track_fraction_error(self, family: str) -> float:
        return fraction_error(self.request, self.structure)

    def track_d50_error(self, family: str) -> float:
        return abs(size_error(self.request, self.structure))


def family_row(family: str, size: int, seeds: int) -> str:
    request = request_of(family, size)
    fractions, sizes, seconds = [], [], []
    for seed in range(seeds):
        start = time.thread_time()
        structure = make(request, seed)
        middle = time.thread_time()
        paint(structure)
        seconds.append((middle - start, time.thread_time() - middle))
        fractions.append(fraction_error(request, structure))
        sizes.append(abs(size_error(request, structure)))
    making, painting = np.median(seconds, axis=0)
    packing = structure.packing
    return (
        f"| {family} | {len(packing.diameter)} | {making:.2f} | {painting:.2f} | {max(fractions):.4f} | "
        f"{max(sizes):.3f} | {packing.overlap:.4f} |"
    )


def whole_row(family: str, size: int) -> str:
    """``voltomo synth`` in a process of its own; a small run before it fills numba's cache."""
    with tempfile.TemporaryDirectory() as folder:
        for edge in (48, size):
            command = [sys.executable, "-m", "voltomo", "synth", family, "-o", f"{folder}/{edge}", "--size", str(edge)]
            start = time.perf_counter()
            found = subprocess.run([sys.executable, "-c", _RSS, *command], capture_output=True, text=True)
            seconds = time.perf_counter() - start
            code, peak, busy = found.stdout.split()[-3:]
            if code != "0":
                return f"| {family} | {edge}³ | failed: {found.stderr.strip()[-200:]} |"
    return f"| {family} | {size}³ | {seconds:.1f} | {float(busy):.1f} | {int(peak) / 1024:.0f} |"


def peer_rows(size: int) -> list[str]:
    """Fraction of space that equal balls of radius 10 fill, and processor seconds."""
    changes = {"spread": 1, "elongation": 1, "roughness": 0, "binder": 0, "porosity": 0.38, "cracked": 0, "hollow": 0}
    request = request_of("nmc", size, voxel_size="100 nm", d50="2 um", **changes)
    start = time.process_time()
    structure = make(request)
    solid = paint(structure)[1] > 0
    seconds = time.process_time() - start
    rows = [f"| voltomo | {solid.mean():.3f} | {structure.packing.overlap:.4f} | {seconds:.1f} |"]
    if importlib.util.find_spec("porespy") is None:
        return [*rows, "| PoreSpy | not installed | | |"]
    import porespy

    porespy.settings.tqdm["disable"] = True
    for name in ("random_spheres", "pseudo_gravity_packing", "pseudo_electrostatic_packing"):
        settings: dict[str, object] = {"shape": [size] * 3, "r": 10, "edges": "extended", "seed": 0}
        if name != "random_spheres":
            settings["maxiter"] = 10**6
        call = getattr(porespy.generators, name)
        call(**(settings | {"shape": [40] * 3}))  # compiles
        start = time.process_time()
        image = call(**settings)
        rows.append(f"| PoreSpy {name} | {np.mean(image > 0):.3f} | 0 | {time.process_time() - start:.1f} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--whole", type=int, nargs="*", default=[128, 256])
    parser.add_argument("--whole-families", nargs="*", default=["nmc", "lfp"])
    parser.add_argument("--peers", type=int, default=200)
    options = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    if options.seeds:
        print(f"| family, {options.size}³ | packed | make s | paint s | fraction error | D50 error | overlap |")
        print("|---|---|---|---|---|---|---|")
        for family in FAMILIES:
            paint(make(request_of(family, 32)))
            print(family_row(family, options.size, options.seeds), flush=True)
    if options.peers:
        print(f"\n| equal balls, {options.peers}³ | fraction | in two balls | CPU s |\n|---|---|---|---|")
        print("\n".join(peer_rows(options.peers)), flush=True)
    if options.whole:
        print("\n| voltomo synth | size | wall s | CPU s | peak MB |\n|---|---|---|---|---|")
        for family in options.whole_families:
            for size in options.whole:
                print(whole_row(family, size), flush=True)


if __name__ == "__main__":
    main()
