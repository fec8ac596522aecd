"""What the programs on coverage share: random fields, and lines of a Markdown table."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.stats import beta

Rows = Callable[[str, int], Iterator[list[str]]]
"""Name of a structure and number of windows to the cells of its lines, the name left out."""


def gaussian_field(sigma: float, edge: int, rng: np.random.Generator) -> np.ndarray:
    """A Gaussian random field of variance 1, correlated as exp(-r²/4σ²)."""
    margin = int(4 * sigma) + 1
    found = gaussian_filter(rng.standard_normal((edge + 2 * margin,) * 3), sigma, truncate=4.0)
    return (found * (2 * math.sqrt(math.pi) * sigma) ** 1.5)[(slice(margin, -margin),) * 3]


def coverage_text(hits: int, number: int) -> str:
    """Share in percent with its 95 % interval (Clopper and Pearson 1934)."""
    low = beta.ppf(0.025, hits, number - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, number - hits) if hits < number else 1.0
    return f"{100 * hits / number:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def print_tables(doc: str | None, columns: Iterable[str], structures: Iterable[str], rows_of: Rows) -> None:
    """Read ``--windows`` and ``--structure``, and print the lines of each structure with the time they took."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=400)
    parser.add_argument("--structure", default="", help="part of a name; all by default")
    chosen = parser.parse_args()
    heading = ["structure", *columns]
    print_row(heading)
    print("|" + "---|" * len(heading))
    for name in structures:
        if chosen.structure in name:
            start = time.perf_counter()
            for cells in rows_of(name, chosen.windows):
                print_row([name, *cells])
            print(f"<!-- {name}: {time.perf_counter() - start:.0f} s -->", flush=True)


def print_row(cells: Iterable[str]) -> None:
    """One line of a Markdown table."""
    print("| " + " | ".join(cells) + " |", flush=True)
