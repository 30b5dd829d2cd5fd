"""Eight hours at a thousand requests a second, through the real recorder, in compressed time."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from lab.driver_messages import (
    ArrivalSummary,
    Closed,
    Frame,
    Opened,
    RunTrial,
    TrialMessage,
    decode,
    encode,
)
from tests.proof.record import Steps, publish
from tests.runs import ROOT

HOURS = 8
RATE = 1000  # requests a second, of each of two arms
ARMS = ("with", "without")
GAUGES = 30
FLAT_MB, MOST_MB, FOLDER_MB, REPORT_S = 20, 200, 100, 10


def prove() -> bool:
    """Memory flat within 20 MB and under 200 MB, folder under 100 MB, report in under 10 s."""
    steps = Steps("soak-volume")
    found = steps.do(f"{HOURS} h at {RATE} a second", _measure)
    limits = {
        "requests recorded": None,
        "memory of the lab after a tenth of the time, MB": MOST_MB,
        "growth of it to the end, MB": FLAT_MB,
        "highest memory, MB": MOST_MB,
        "run folder, MB": FOLDER_MB,
        "report, s": REPORT_S,
        "took, s": None,
    }
    lines = ["| what | found | allowed |", "| --- " * 3 + "|"]
    for what, limit in limits.items():
        allowed = "" if limit is None else f"under {limit}"
        lines.append(f"| {what} | {found[what]:,.4g} | {allowed} |")
    lines += [
        "",
        f"Two arms, {GAUGES} gauges each, every request through the driver's recorder and every "
        "frame through JSON, as over the driver's pipe; time alone is compressed.",
    ]
    publish("soak-volume", "Soak: eight hours at a thousand requests a second", lines, steps)
    return all(found[what] < limit for what, limit in limits.items() if limit is not None)


def _measure() -> dict[str, float]:
    """In processes of their own: what is measured is the lab, not this proof."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        run = [sys.executable, "-m", "tests.proof.soak_volume", folder]
        found: dict[str, float] = json.loads(
            subprocess.run(run, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        )
        [run_folder] = (Path(folder) / "reports" / "memory-leak").glob("2*")
        size = sum(file.stat().st_size for file in run_folder.rglob("*") if file.is_file())
        asked = time.monotonic()
        report = [sys.executable, "-m", "lab", "report", str(run_folder)]
        subprocess.run(report, cwd=folder, check=True, capture_output=True)
        return found | {
            "run folder, MB": size / 1e6,
            "report, s": time.monotonic() - asked,
            "took, s": asked - began,
        }


class _Recorded:
    """A driver whose requests are made up, and recorded and folded as real ones are."""

    pid = 0
    workers = ()

    def drive(self, trial: RunTrial) -> Iterator[TrialMessage]:
        """A frame for each second, without waiting for it."""
        from lab.driver import request_recorder

        clock = [0.0]
        request_recorder.time = _Clock(clock)  # type: ignore[assignment, attr-defined]
        kept = request_recorder.RequestRecorder()
        rng = random.Random(trial.seed)
        latencies = [rng.lognormvariate(2.3, 0.5) for _ in range(5000)]  # ms, of 10 at the middle
        opens = time.monotonic()
        yield Opened(opens, opens, opens + trial.window_s)
        place = 0
        for second in range(1, int(trial.window_s) + 1):
            for request in range(RATE):
                clock[0] = second - 1 + (request + 0.5) / RATE
                place = (place + 1) % 4999
                kept.on_request("/orders", "POST", latencies[place])
            frame = Frame(
                t=float(second),
                in_window=True,
                ticker_lateness=(0.0001,) * 100,
                users=20,
                arrivals=ArrivalSummary(RATE, RATE),
                **vars(kept.take(float(second))),
            )
            message = decode(encode(frame))
            assert isinstance(message, Frame)
            yield message
        yield Closed(drained=True)


class _Clock:
    """Stands for the module `time`."""

    def __init__(self, now: list[float]) -> None:
        self._now = now

    def monotonic(self) -> float:
        return self._now[0]


def main(folder: Path) -> None:
    """Run the soak and print what it took."""
    import shutil

    from lab.cli.soak_planning import plan_soak
    from lab.experiment import IntervalElapsed, SoakLoop, slopes_so_far
    from lab.hypothesis import load
    from lab.machine.conditions import this_machine
    from lab.runs.run_folder import RunFolder
    from lab.trials.plan import draw
    from tests.fakes.instruments import FakeIntervalSampler
    from tests.fakes.target import FakeTarget

    for part in ("hypotheses", "scenarios", "service"):
        shutil.copytree(ROOT / part, folder / part)
    file = folder / "hypotheses" / "memory-leak.md"
    hypothesis = load(file, folder)
    drawn, reports = draw(hypothesis, 1, "local"), folder / "reports"
    plan = plan_soak(hypothesis, drawn, file, HOURS * 3600.0, reports, this_machine())
    run_folder = RunFolder.create(reports, hypothesis.name)
    run_folder.write_plan(plan, hypothesis.text)

    def gauges(arm: str, number: int) -> dict[str, float]:
        kept = number * 100.0 if arm == "with" else 100.0
        return {
            "idempotency_records": kept,
            **{f'gauge_{i}{{kind="made up"}}': float((number * i) % 97) for i in range(GAUGES - 1)},
        }

    sampler = FakeIntervalSampler(
        gauges, lambda arm, number: 1e8 + (number * 5e5 if arm == "with" else 0.0)
    )
    soak = SoakLoop(
        hypothesis,
        plan,
        run_folder,
        FakeTarget({arm: dict(settings) for arm, settings in hypothesis.arms.items()}),
        {arm: _Recorded() for arm in ARMS},
        time.monotonic(),
        new_sampler=lambda: sampler,
    )
    memory = []
    own = psutil.Process()
    for event in soak.run():
        if isinstance(event, IntervalElapsed):
            # what the display of `lab run` asks for
            recorded = {arm: trial.time_series() for arm, trial in event.trials.items()}
            slopes_so_far(hypothesis, plan, recorded)
            memory.append(own.memory_info().rss / 1e6)
    early = memory[len(memory) // 10]
    requests = sum(
        seen.count for trial in run_folder.trials() for seen in trial.service.requests.values()
    )
    print(
        json.dumps(
            {
                "requests recorded": requests,
                "memory of the lab after a tenth of the time, MB": early,
                "growth of it to the end, MB": max(memory[len(memory) // 10 :]) - early,
                "highest memory, MB": max(memory),
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
