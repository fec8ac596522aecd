"""Tortuosity factor: voltomo against TauFactor 2 and pyamg at equal error, and its growth with the volume.

    python benchmarks/bench_tortuosity.py                 # 100³ and 200³, with peers where they are installed
    python benchmarks/bench_tortuosity.py --sizes 300     # one
    python benchmarks/bench_tortuosity.py --sizes 400 500 --no-peers

The volume is the percolating part of smoothed noise at a pore fraction of 0.4 (structures of about 15 voxels). Truth
is a solve of the same finite volumes to 1e-8. "To 0.1 %" is the time until the result stays within 0.1 % of it, set-up
included; TauFactor is asked every 100 sweeps, as it checks itself.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import time

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from voltomo.metrics.conduction import keep_percolating, memory_needed, solve_flow


def pores(n: int) -> npt.NDArray[np.uint8]:
    """1 in the pore that joins the faces across z, 0 elsewhere."""
    field = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(n, n, n)).astype(np.float32), 4, mode="wrap")
    return keep_percolating((field < np.quantile(field[::4, ::4, ::4], 0.4)).astype(np.uint8))[0]


def time_voltomo(phases: npt.NDArray[np.uint8]) -> tuple[float, float, float]:
    """Seconds warm, tortuosity factor, and that of the strict solve."""
    strict = solve_flow(phases, {1: 1.0}, axis=0, tolerance=1e-8)
    begun = time.perf_counter()
    flow = solve_flow(phases, {1: 1.0}, axis=0)
    seconds = time.perf_counter() - begun
    print(
        f"  voltomo      {seconds:8.2f} s   tau {flow.fraction / flow.conductivity:.5f}   "
        f"{flow.rounds} steps, error {abs(strict.conductivity / flow.conductivity - 1):.1e}, "
        f"fluxes agree to {flow.imbalance:.1e}, "
        f"{memory_needed(phases.size, flow.fraction) / phases.size:.1f} B/voxel stated"
    )
    return seconds, flow.fraction / flow.conductivity, strict.fraction / strict.conductivity


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
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--limit", type=float, default=600, help="seconds that a peer may take")
    options = parser.parse_args()
    begun = time.perf_counter()
    solve_flow(pores(32), {1: 1.0}, axis=0)
    print(f"cold start {time.perf_counter() - begun:.1f} s (compiled or read from the cache)")
    for n in options.sizes:
        phases = pores(n)
        print(f"{n}³, {phases.mean():.3f} conducting")
        _, _, truth = time_voltomo(phases)
        if not options.no_peers:
            time_taufactor(phases, truth, limit=options.limit)
            time_pyamg(phases, truth)


if __name__ == "__main__":
    main()
