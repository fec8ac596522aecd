"""Tortuosity factor: voltomo against TauFactor 2 and pyamg at equal error, and its growth with the volume.

    python benchmarks/bench_tortuosity.py                 # 100³ and 200³, with peers where they are installed
    python benchmarks/bench_tortuosity.py --sizes 300     # one
    python benchmarks/bench_tortuosity.py --sizes 400 500 --no-peers
    python benchmarks/bench_tortuosity.py --sizes 1000 --porosity 0.42 --no-peers --no-truth

The volume is smoothed noise at a given pore fraction (structures of about 15 voxels); with peers, which do not remove
what carries no current, the part of it that joins the faces. Truth is a solve of the same finite volumes to 1e-6.
"To 0.1 %" is the time until the result stays within 0.1 % of it, set-up included; TauFactor is asked every 100
sweeps, as it checks itself. Memory is the peak of the process during a solve less what it held before, the volume
included; the first size given is the honest one, since a process seldom gives memory back.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import time
from pathlib import Path
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from voltomo.machine import available_cores
from voltomo.metrics.conduction import keep_percolating, memory_needed, solve_flow

SMOOTHING = 4
"""Standard deviation of the filter in voxels."""
MARGIN = 4 * SMOOTHING
SLAB = 64


def pores(n: int, porosity: float = 0.4) -> npt.NDArray[np.uint8]:
    """1 in the pores, 0 elsewhere; made slab by slab, so that the memory of a solve can be told from it."""
    phases = np.empty((n, n, n), np.uint8)
    # White noise of unit variance after a Gaussian filter: variance (2σ√π)⁻³; the threshold is a normal quantile.
    cut = NormalDist().inv_cdf(porosity) * (2 * SMOOTHING * np.sqrt(np.pi)) ** -1.5
    for start in range(0, n, SLAB):
        stop = min(n, start + SLAB)
        noise = np.empty((stop - start + 2 * MARGIN, n, n), np.float32)
        for row, z in enumerate(range(start - MARGIN, stop + MARGIN)):
            noise[row] = np.random.default_rng(z % n).standard_normal((n, n), np.float32)
        field = ndimage.gaussian_filter(noise, SMOOTHING, mode="wrap", truncate=MARGIN / SMOOTHING)
        phases[start:stop] = field[MARGIN:-MARGIN] < cut
    return phases


def memory() -> tuple[int, int]:
    """Bytes held now, and the peak so far."""
    status = Path("/proc/self/status").read_text().split("\n")
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in status if line.startswith(("VmRSS", "VmHWM"))}
    return kilobytes["VmRSS"] * 1024, kilobytes["VmHWM"] * 1024


def time_voltomo(phases: npt.NDArray[np.uint8], *, has_truth: bool) -> float:
    """Tortuosity factor of the strict solve; prints the seconds, the error and the memory of the usual one."""
    before, _ = memory()
    begun = time.perf_counter()
    flow = solve_flow(phases, {1: 1.0}, axis=0)
    seconds = time.perf_counter() - begun
    _, peak = memory()
    truth = solve_flow(phases, {1: 1.0}, axis=0, tolerance=1e-6) if has_truth else flow
    tau = truth.fraction / truth.conductivity
    error = f"error {abs(truth.conductivity / flow.conductivity - 1):.1e} (stated {flow.relative_error:.1e})"
    stated = memory_needed(phases.size, flow.fraction)
    print(
        f"  voltomo      {seconds:8.2f} s   tau {flow.fraction / flow.conductivity:.5f}   {flow.rounds} steps, "
        f"{error if has_truth else f'error stated {flow.relative_error:.1e}'}, fluxes agree to {flow.imbalance:.1e}; "
        f"memory {(peak - before) / 2**30:.2f} GiB ({(peak - before) / phases.size:.1f} B/voxel, stated "
        f"{stated / phases.size:.1f}), process {peak / 2**30:.2f} GiB",
        flush=True,
    )
    return tau


def time_taufactor(phases: npt.NDArray[np.uint8], truth: float, *, limit: float) -> None:
    """TauFactor 2 on the CPU until it stays within 0.1 % of the truth."""
    try:
        import taufactor
        import torch
    except ImportError:
        print("  taufactor    not installed")
        return
    torch.set_num_threads(2)
    begun = time.perf_counter()
    solver = taufactor.Solver(phases, device="cpu")
    reached = None
    while time.perf_counter() - begun < limit:
        with contextlib.redirect_stdout(io.StringIO()):  # it says each time that it has not converged
            solver.solve(iter_limit=solver.iter + 100, verbose=False, conv_crit=0)
        tau = float(np.ravel(solver.tau)[0])
        if abs(tau / truth - 1) > 1e-3:
            reached = None
        elif reached is None:
            reached = time.perf_counter() - begun
        if reached is not None and abs(tau / truth - 1) < 3e-4:
            break
    print(f"  taufactor    {reached or float('nan'):8.2f} s   tau {tau:.5f}   {solver.iter} sweeps to 0.1 %")


def time_pyamg(phases: npt.NDArray[np.uint8], truth: float) -> None:
    """pyamg's Ruge-Stüben or smoothed aggregation with conjugate gradients to 0.1 %."""
    try:
        import pyamg
    except ImportError:
        print("  pyamg        not installed")
        return
    from scipy import sparse

    begun = time.perf_counter()
    index = np.cumsum(phases, dtype=np.int32).reshape(phases.shape) - 1
    on = phases > 0
    n = int(on.sum())
    rows, columns = [], []
    for axis in range(3):
        low = np.take(on, range(on.shape[axis] - 1), axis)
        high = np.take(on, range(1, on.shape[axis]), axis)
        both = low & high
        rows.append(np.take(index, range(on.shape[axis] - 1), axis)[both])
        columns.append(np.take(index, range(1, on.shape[axis]), axis)[both])
    row, column = np.concatenate(rows), np.concatenate(columns)
    joints = sparse.coo_matrix((np.ones(len(row)), (row, column)), shape=(n, n))
    joints = joints + joints.T
    walls, right = np.zeros(n), np.zeros(n)
    walls[index[0][on[0]]] += 2
    walls[index[-1][on[-1]]] += 2
    right[index[0][on[0]]] = 2
    matrix = (sparse.diags(np.asarray(joints.sum(1)).ravel() + walls) - joints).tocsr()
    solver = pyamg.smoothed_aggregation_solver(matrix)
    reached, tau = float("nan"), float("nan")

    def check(x: npt.NDArray[np.float64]) -> None:
        nonlocal reached, tau
        flux = float(np.sum(2 * (1 - x[index[0][on[0]]])))
        tau = on.mean() / (flux * on.shape[0] / (on.shape[1] * on.shape[2]))
        if abs(tau / truth - 1) < 1e-3 and np.isnan(reached):
            reached = time.perf_counter() - begun

    solver.solve(right, tol=1e-5, accel="cg", callback=check)
    print(f"  pyamg        {reached:8.2f} s   tau {tau:.5f}   smoothed aggregation, float64")


def main() -> None:
    """One block per size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 200])
    parser.add_argument("--porosity", type=float, default=0.4)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--no-truth", action="store_true", help="no strict solve: the stated error only")
    parser.add_argument("--limit", type=float, default=600, help="seconds that a peer may take")
    options = parser.parse_args()
    begun = time.perf_counter()
    solve_flow(pores(32), {1: 1.0}, axis=0)
    print(f"cold start {time.perf_counter() - begun:.1f} s (compiled or read from the cache)")
    for n in options.sizes:
        phases = pores(n, options.porosity)
        if not options.no_peers:
            phases = keep_percolating(phases)[0]
        print(f"{n}³, {np.count_nonzero(phases) / phases.size:.3f} conducting, {available_cores()} cores", flush=True)
        truth = time_voltomo(phases, has_truth=not options.no_truth)
        if not options.no_peers:
            time_taufactor(phases, truth, limit=options.limit)
            time_pyamg(phases, truth)


if __name__ == "__main__":
    main()
