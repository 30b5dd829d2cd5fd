"""`python -m tests.bench`: every benchmark in a process of its own; figures, no verdicts."""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = {
    "startup": "the command line answers at once",
    "recording": "recording costs at most 3 % of plain Locust's throughput",
    "lean_client": "LeanHttpUser sends 6 times FastHttpUser's requests a second, 0.6 of wrk's",
    "open_rate": "20,000 arrivals a second from one core are dispatched within 2 ms at p99",
    "metrics": "the service's throughput with metrics is at least 95 % of that without",
}

if __name__ == "__main__":
    for name, claim in BENCHMARKS.items():
        print(f"{name}: {claim}", flush=True)
        subprocess.run([sys.executable, "-m", f"tests.bench.{name}"], check=True)
