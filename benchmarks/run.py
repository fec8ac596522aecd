"""Run every benchmark as a program; ``make bench`` calls this in the environment that has the peers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Each ``bench_*.py`` in a process of its own."""
    for script in sorted(Path(__file__).parent.glob("bench_*.py")):
        print(f"\n== {script.name}", flush=True)
        code = subprocess.run([sys.executable, str(script)]).returncode
        if code:
            print(f"{script.name} ended with {code}")


if __name__ == "__main__":
    main()
