"""How much workers send to their master, and what it costs the master to merge that."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lab.driver_messages import encode
from tests.runs import ROOT
from tests.worker_bench import open_trial, worker_bench

FRAME_RATE, FRAME_WINDOW_S = 1000.0, 6.0


def frame_bytes() -> dict[str, float]:
    """How long the frames of one process are on the wire."""
    with (
        tempfile.TemporaryDirectory() as folder,
        worker_bench(Path(folder), 1, open_load=True) as made,
    ):
        seen, _ = made.measure(open_trial(FRAME_RATE, FRAME_WINDOW_S))
    sizes = [len(encode(frame)) for frame in seen.window]
    return {"mean": statistics.fmean(sizes), "most": max(sizes)}


def merge_costs(fleets: Sequence[int]) -> dict[str, float]:
    """Seconds of processor time to decode and merge the frames of so many workers."""
    done = subprocess.run(
        [sys.executable, "-c", _MERGE, *map(str, fleets)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


_MERGE = """\
import json, random, sys, time
from lab.driver.frame_merge import merge_frames
from lab.driver_messages import *
from lab.stats.latency_histogram import Histogram

rng = random.Random(1)
def histogram(count):
    made = Histogram()
    made.add_many([rng.lognormvariate(-4.6, 0.5) for _ in range(count)])
    return made

def line():
    requests = {RequestKey("look", "GET"): RequestSummary(1000, 0, histogram(1000))}
    return encode(Frame(t=1.0, in_window=True, users=10, ticker_lateness=(0.0001,) * 100,
        driver_cpu=0.5, requests=requests, by_scheduled_time=(ScheduledRequests(1.0, requests),),
        arrivals=ArrivalSummary(1000, 1000, histogram(1000), histogram(1000))))

found = {}
for count in map(int, sys.argv[1:]):
    lines = [line() for _ in range(count)]
    starts = [WorkerStart(name=f"worker {n}", place="", users=10, machine="m", cores=(n,),
        clock_offset_s=0.0, clock_error_s=0.0, begin_late_s=0.0) for n in range(count)]
    times = []
    for _ in range(5):
        began = time.process_time()
        merge_frames([decode(each) for each in lines], starts)
        times.append(time.process_time() - began)
    found[count] = min(times)
print(json.dumps(found))
"""
