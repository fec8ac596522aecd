"""Discharge a cell in PyBaMM with the electrode as its base has it, and with the electrode that was scanned.

    .venv/bin/voltomo export STUDY --what bpx -o cell.json --set axis=z --set base=benchmarks/cell_model/base.json
    .venv-bench/bin/python benchmarks/cell_model/discharge.py benchmarks/cell_model/base.json cell.json

Needs pybamm and bpx (benchmarks/requirements.txt). The current is the same for all files: the first one's capacity per
hour times the C-rate.
"""

import json
import sys

import numpy as np
import pybamm

RATES = (0.5, 1.0, 2.0)


def discharge(path: str, current: float) -> tuple[float, float]:
    """Capacity (A h) down to the lower cut-off, and the voltage at half of it."""
    values = pybamm.ParameterValues.create_from_bpx(path)
    values["Current function [A]"] = current
    simulation = pybamm.Simulation(pybamm.lithium_ion.DFN(), parameter_values=values)
    solution = simulation.solve(np.linspace(0, 1.3 * 3600 * 5 / current, 400), initial_soc=1.0)
    capacity = solution["Discharge capacity [A.h]"].entries
    return float(capacity[-1]), float(np.interp(capacity[-1] / 2, capacity, solution["Voltage [V]"].entries))


def main(paths: list[str]) -> None:
    with open(paths[0], encoding="utf-8") as stream:  # noqa: PTH123 - a script
        nominal = json.load(stream)["Parameterisation"]["Cell"]["Nominal cell capacity [A.h]"]
    print(f"pybamm {pybamm.__version__}, DFN")
    for path in paths:
        for rate in RATES:
            capacity, voltage = discharge(path, rate * nominal)
            print(f"{path:<40} {rate:>4} C  {capacity:6.3f} A h  {voltage:6.3f} V at half of it")


if __name__ == "__main__":
    main(sys.argv[1:])
