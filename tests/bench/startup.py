"""How long the command line takes to answer, against an interpreter that does nothing."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.runs import ROOT

TIMES = 20
LIMIT = 20.0


def took(command: list[str]) -> float:
    """Seconds of one run."""
    began = time.perf_counter()
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return time.perf_counter() - began


def main() -> int:
    """Print medians and ratios, interleaved."""
    lab = str(Path(sys.executable).with_name("lab"))
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "lab --help": [lab, "--help"],
        "lab list": [lab, "list"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(TIMES):
        for name, command in commands.items():
            seconds[name].append(took(command))
    base = statistics.median(seconds["python -c pass"])
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"  {name:<15} {median * 1000:7.1f} ms  {median / base:5.1f} times (limit {LIMIT:g})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
