"""The texts of first hypotheses, each with its scenario: a load test, a benchmark, a soak."""

from __future__ import annotations

from lab.hypothesis.model import SOAK_SCRIPT
from lab.scaffolding.found import WORKERS, Detected
from lab.scaffolding.scenario_text import locustfile

_WORKERS = """\
---
question: Is one worker process what limits the throughput?
claim: Requests wait for the only worker process, while the processor is idle.
kind: load
scenario: {scenario}
load: {{users: 8}}                 # who wait for each answer; or {{rate: 100}} requests a second
trial: {{warmup: 1s, window: 2s}}  # of every arm, in every block
arms:                            # settings of the system: environment variables, placeholders
  one: {{{setting}: 1}}
  four: {{{setting}: 4}}
control: one
predictions:                     # all of them must hold; each could fail
  - says: four workers give at least 1.5 times the throughput
    measure: throughput          # or latency_p99, error_rate, cpu, a Prometheus metric of its own
    compare: four / one
    at_least: 1.5                # or at_most, or within
rivals:                          # what else it could be, and what would be seen then
  - claim: the processor is the limit, not the number of workers
    says: if so, the only worker keeps its core busy
    measure: cpu
    arm: one
    at_least: 0.9
budget: 5m                       # for all blocks, 4 to 12
---
## Mechanism

Why the claim could be true.

## What would falsify it

- Four workers give no more throughput: they wait for something that they share.
"""

_EQUAL = """\
---
question: Does the lab see a difference where there is none?
claim: Two arms of the same system serve alike.
kind: load
scenario: {scenario}
load: {{users: 8}}                 # who wait for each answer; or {{rate: 100}} requests a second
trial: {{warmup: 1s, window: 2s}}  # of every arm, in every block
arms:                            # give them different settings: {known}
  first: {{}}
  second: {{}}
control: first
predictions:                     # all of them must hold; each could fail
  - says: neither serves more than the other
    measure: throughput          # or latency_p99, error_rate, cpu, a Prometheus metric of its own
    compare: second / first
    within: [0.8, 1.25]          # or at_least, or at_most
rivals:                          # what else it could be, and what would be seen then
  - claim: two starts of the system differ by more than what is looked for
    says: if so, answers of the second take longer
    measure: latency_p50
    compare: second / first
    at_least: 1.25
budget: 5m                       # for all blocks, 4 to 12
---
## Mechanism

Nothing differs. A run shows how quiet this machine is, and that load reaches the system. Then give
the arms different settings, and write what you suspect.

## What would falsify it

- One arm serves more: something outside of the settings makes two arms differ.
"""

_BENCHMARK = """\
---
question: Does sorting what is sorted already cost as much as sorting at random?
claim: Python's sort sees that its input is in order, and hardly compares.
kind: benchmark
scenario: {scenario}
params: {{size: [100, 10000]}}     # levels of a parameter of the test
statistic: min                   # of the timed calls of a process: min or median
trial: {{window: 100ms}}           # for which each process measures
arms:                            # environment variables that the file reads
  random: {{ORDER: random}}
  sorted: {{ORDER: sorted}}
control: random
predictions:                     # all of them must hold; each could fail
  - says: at 10,000 numbers it takes at most a third of the time
    measure: time
    compare: sorted / random
    at: 10000
    at_most: 0.33
rivals:                          # what else it could be, and what would be seen then
  - claim: what costs is copying the list, in any order
    says: if so, small lists show no difference
    measure: time
    compare: sorted / random
    at: 100
    at_least: 0.8
budget: 5m
---
## Mechanism

An example that runs. Put your own function into the benchmark file.
"""

_BENCHMARK_FILE = '''"""A function under test: `pytest {scenario}` runs it without the lab."""

import os
import random

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

ORDER = os.environ.get("ORDER", "random")  # the setting of an arm


@pytest.mark.parametrize("size", [100, 10000])
def test_sort(benchmark: BenchmarkFixture, size: int) -> None:
    numbers = list(range(size))
    if ORDER == "random":
        random.Random(1).shuffle(numbers)
    assert benchmark(sorted, numbers)[:3] == [0, 1, 2]
'''

_SOAK = """\
---
question: Does the memory of the system grow while it serves?
claim: Memory grows with the requests that were served.
kind: soak
scenario: {scenario}
load: {{rate: 20, arrivals: constant}}  # arrivals a second, to each arm
length: 4h                       # of all blocks together; `lab run NAME --for 30m` takes another
arms:                            # give them different settings: {known}
  only: {{}}
control: only
exhaustion: {{of: rss_bytes, limit: 512 MB}}  # the report says when it would be reached
predictions:                     # all of them must hold; each could fail
  - says: memory grows by at least 20 MB an hour
    slope: rss_bytes
    arm: only
    at_least: 20 MB/h
rivals:                          # what else it could be, and what would be seen then
  - claim: connections are left open, and memory goes with them
    says: if so, open descriptors grow as well
    slope: descriptors
    arm: only
    at_least: 60/h
---
## Mechanism

Why the claim could be true. With a second arm, without what is suspected, the difference of the
slopes can be predicted: `compare: with - without`.
"""


def first_name(*, has_workers: bool) -> str:
    """The name of the first hypothesis of a project, by what it is about."""
    return "workers" if has_workers else "equal-arms"


def load_files(
    name: str, detected: Detected, *, has_workers: bool, scenario_text: str | None = None
) -> dict[str, str]:
    """Hypothesis and scenario of a load test, by path.

    Args:
        name: Of the hypothesis.
        detected: What the sources show.
        has_workers: Whether the number of worker processes is a setting of the system.
        scenario_text: The scenario; None for one that asks for the paths of the sources.
    """
    scenario = _scenario(name)
    template = _WORKERS if has_workers else _EQUAL
    return {
        f"hypotheses/{name}.md": template.format(
            scenario=scenario, setting=WORKERS, known=_known(detected)
        ),
        scenario: scenario_text or locustfile(detected.paths),
    }


def benchmark_files(name: str) -> dict[str, str]:
    """Hypothesis and benchmark file, by path."""
    scenario = f"scenarios/bench_{_module(name)}.py"
    return {
        f"hypotheses/{name}.md": _BENCHMARK.format(scenario=scenario),
        scenario: _BENCHMARK_FILE.format(scenario=scenario),
    }


def soak_files(name: str, detected: Detected, scenario_text: str | None = None) -> dict[str, str]:
    """Hypothesis and scenario of a soak, by path; arguments as of `load_files`."""
    scenario = _scenario(name)
    return {
        f"hypotheses/{name}.md": _SOAK.format(scenario=scenario, known=_known(detected)),
        scenario: scenario_text or locustfile(detected.paths),
    }


def _known(detected: Detected) -> str:
    """Settings that could be given, for a comment."""
    return ", ".join(detected.settings[:6]) or "environment variables that it reads"


def _scenario(name: str) -> str:
    """The path of a locustfile, which must not look like a soak script."""
    module = _module(name)
    return f"scenarios/{'locust_' * module.startswith(SOAK_SCRIPT)}{module}.py"


def _module(name: str) -> str:
    return name.replace("-", "_")
