"""A leak that is there, and the same service without it: real soaks of ten minutes."""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.proof.record import Steps, publish
from tests.runs import ROOT, run_lab

CASES = {"planted-leak": "a leak of about 600 MB/h", "planted-no-leak": "no leak"}
RUNS = 5
LENGTH = "10m"


def prove() -> bool:
    """Five runs each: the leak always CONFIRMED, and never where there is none."""
    steps = Steps("soak-leak")
    holds = True
    lines = [
        f"`lab run ... --for {LENGTH}`: four blocks of two arms side by side, predicted: memory "
        "grows faster in the arm under suspicion.",
        "",
        "| planted | seed | verdict | memory, with - without | descriptors, with - without |",
        "| --- " * 5 + "|",
    ]
    for case, planted in CASES.items():
        path = str(ROOT / "tests" / "planted" / f"{case}.md")
        for seed in range(1, RUNS + 1):
            run = steps.do(
                f"{case} {seed}",
                partial(run_lab, path, f"--seed={seed}", "--for", LENGTH, "--anyway"),
            )
            verdict = run.get("verdict", f"exit code {run['code']}")
            holds &= (verdict == "CONFIRMED") == (case == "planted-leak")
            cells = " | ".join(
                _figure(run, f"slope of {series} with - without")
                for series in ("rss_bytes", "descriptors")
            )
            lines.append(f"| {planted} | {seed} | {verdict} | {cells} |")
    publish("soak-leak", "Soak: a real leak, and none", lines, steps)
    return holds


def _figure(run: dict[str, Any], key: str) -> str:
    estimate, low, high, outcome = run.get("estimates", {}).get(key, [None] * 4)
    if estimate is None:
        return "-"
    scale, unit = (1e6, "MB/h") if "bytes" in key else (1.0, "/h")
    span = f"[{low / scale:,.4g} to {high / scale:,.4g}]" if low is not None else ""
    return f"{estimate / scale:,.4g} {span} {unit}, {outcome}"
