"""The timer interrupts the main thread, whatever other threads do."""

from __future__ import annotations

import subprocess
import sys

from tests.runs import ROOT

SLEEPS_BESIDE_THREADS = """
import threading, time
from lab.driver.process_timer import ProcessTimer

def compute():
    while True:
        sum(range(100_000))

for _ in range(4):
    threading.Thread(target=compute, daemon=True).start()
expired = []
timer = ProcessTimer(lambda *_: expired.append(time.monotonic()))
for _ in range(12):
    expired.clear()
    began = time.monotonic()
    timer.set(0.05)
    time.sleep(0.4)
    print("interrupted" if expired and expired[0] - began < 0.35 else "slept on")
"""


def test_a_main_thread_that_sleeps_is_interrupted_though_others_run() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SLEEPS_BESIDE_THREADS],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.split("\n")[:-1] == ["interrupted"] * 12
