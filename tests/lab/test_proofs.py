"""What the proofs of slices compute, and that the work they plant is as much as they say."""

from __future__ import annotations

import asyncio
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, cast

import numpy as np
import pytest

from lab.hypothesis import loads
from lab.stats.latency_histogram import Histogram
from lab.system import load_system
from lab.targets.arm_settings import validated_settings
from lab.trials.plan import ALPHA, FIRST_LOOK, LAST_LOOK, draw
from service.settings import ServiceSettings
from tests.oracles import simulation
from tests.planted.slices.twice import Twice
from tests.planted.slices.work_service import Work
from tests.planted_services import listing_twice, without_database
from tests.proof import deferred_work, false_decisions, record, slices_load, small_effects
from tests.proof import recorded_blocks as blocks
from tests.proof import shipped_benchmarks as shipped
from tests.runs import PATH, ROOT, outcome_of

Message = dict[str, Any]


# --- blocks --------------------------------------------------------------------------------


def test_the_spread_of_latencies_is_that_within_each_part() -> None:
    parts = []
    for scale in (0.001, 0.1):  # a machine of another speed is no spread
        part = Histogram()
        part.add_many([scale, 3 * scale] * 50)
        parts.append(part)
    assert blocks.relative_variance(parts) == pytest.approx(0.25, rel=0.03)
    assert blocks.relative_variance([Histogram()]) == 0


def test_of_a_ratio_that_a_rival_is_about_as_well_the_outcome_is_that_of_the_prediction() -> None:
    ratio = {"measure": "time", "subject": "b / a", "estimate": 1.0, "low": 0.99, "high": 1.01}
    kept = outcome_of(
        {
            **dict.fromkeys(("verdict", "reasons", "blocks", "voided", "elapsed_s", "measuring_s")),
            "predictions": [{**ratio, "outcome": "undecided"}],
            "rivals": [{**ratio, "outcome": "contradicted"}],
        }
    )
    assert kept["estimates"] == {"time b / a": [1.0, 0.99, 1.01, "undecided"]}


def test_rates_of_slices_are_read_from_the_record() -> None:
    each = {
        "position": 1, "seconds": 0.25, "lasted_s": 0.26, "idle_after_s": 0.0,
        "requests": [["/work", "GET", 200, 0, 0.001], ["/orders", "POST", 50, 0, 0.002]],
    }  # fmt: skip
    assert blocks.slice_rates({"slices": [each, {**each, "seconds": 0.5}]}) == [1000, 500]
    assert blocks.slice_rates({}) == []


def test_blocks_scatter_about_the_mean_of_their_run() -> None:
    runs = [[0.99, 1.01, 0.99, 1.01], [-1.01, -0.99], [5.0]]
    assert blocks.standard_deviation(runs) == pytest.approx(
        math.sqrt((4 * 0.01**2 * 4 / 3 + 2 * 0.01**2 * 2) / 6)
    )
    rng = np.random.default_rng(4)
    wide, narrow = ([rng.normal(0, sd, 12).tolist() for _ in range(4)] for sd in (0.2, 0.02))
    ratio, low, high = blocks.times_smaller(wide, narrow)
    assert low < ratio < high
    assert low < 10 < high
    assert 1.5 < high / low < 3


# --- loads of equal arms -------------------------------------------------------------------


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(record, "STATE", tmp_path)
    monkeypatch.setattr(record, "_where", lambda: "here")
    return tmp_path


@pytest.mark.parametrize(
    ("lengths", "runs"), [([12] * 8, 4), ([4] * 8, 8), ([12, 4, 12, 12, 12], 4)]
)
def test_runs_are_made_until_there_are_as_many_blocks_as_promised(
    kept: Path, monkeypatch: pytest.MonkeyPatch, lengths: Sequence[int], runs: int
) -> None:
    def recorded(subject: object, way: str, seed: int) -> dict[str, Any]:
        return {"logs": [0.1] * lengths[seed - 1]}

    monkeypatch.setattr(slices_load, "record", recorded)
    found = slices_load.recorded(record.Steps("slices-load"), "checkout")
    assert {way: len(each) for way, each in found.items()} == {"windows": runs, "slices": runs}
    assert len((kept / "slices-load.jsonl").read_text().splitlines()) == 2 * runs
    # it goes on where it was interrupted
    monkeypatch.setattr(slices_load, "record", lambda *_: pytest.fail("done already"))
    assert slices_load.recorded(record.Steps("slices-load"), "checkout") == found


def test_a_part_makes_fewer_runs_on_request(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices_load, "record", lambda *_: {"logs": [0.1] * 12})
    monkeypatch.setenv("PROOF_RUNS", "1")
    found = slices_load.recorded(record.Steps("slices-load"), "listing")
    assert [len(each) for each in found.values()] == [1, 1]


@pytest.mark.parametrize("name", slices_load.SUBJECTS)
def test_equal_loads_differ_in_nothing_but_whether_they_are_sliced(
    name: str, tmp_path: Path
) -> None:
    subject = slices_load.SUBJECTS[name]
    project = subject.make_project(tmp_path)
    text = slices_load.text_of(subject, slices_load.IN_SLICES)
    hypothesis = loads(text, project / "hypotheses" / "equal-load.md", project)
    assert hypothesis.arms["first"] == hypothesis.arms["second"]
    windows = slices_load.text_of(subject, slices_load.WINDOWS)
    assert windows.replace(", slices: off", "") == text != windows


def test_the_floor_is_the_mean_of_the_variances() -> None:
    noise = [
        {"requests": 100.0, "slices": 10.0, "poisson": 0.02, "renewal": 0.0, "between": 0.01},
        {"requests": 300.0, "slices": 10.0, "poisson": 0.0, "renewal": 0.0, "between": 0.01},
    ]
    found = slices_load.floors([{"noise": noise[:1]}, {"noise": noise[1:]}])
    assert found == pytest.approx(
        {"requests": 200, "slices": 10, "poisson": 0.1, "renewal": 0, "between": 0.1}
    )


# --- false decisions -----------------------------------------------------------------------


def test_relabelled_runs_are_blocks_of_one_subject_without_repetition() -> None:
    subjects = {
        "small": [1.0 + each for each in range(12)],
        "large": [100.0 + n for n in range(36)],
    }
    runs = [np.abs(run) for run in false_decisions.relabelled(subjects, 400)]
    assert all(len(set(run.tolist())) == LAST_LOOK for run in runs)
    assert all((run < 50).all() or (run > 50).all() for run in runs)
    assert np.mean([run[0] < 50 for run in runs]) == pytest.approx(0.25, abs=0.07)
    signs = [np.sign(run).tolist() for run in false_decisions.relabelled(subjects, 400)]
    assert np.mean(signs) == pytest.approx(0, abs=0.05)


def test_relabelled_runs_are_judged_as_the_simulation_does_and_as_every_run_is() -> None:
    blocks_of = np.random.default_rng(5).standard_t(4, 80) * 0.01 + 0.006
    subjects = {"skewed": blocks_of.tolist()}
    runs = np.array(list(false_decisions.relabelled(subjects, 300))) + 0.004
    rule = false_decisions.judged_by_the_lab()
    outcomes = [rule(run.tolist()) for run in runs]
    expected = simulation.false_decision_rate(runs, alpha=ALPHA, first=FIRST_LOOK, last=LAST_LOOK)
    assert outcomes.count("supported") == round(300 * expected.supported) > 10
    assert outcomes.count("contradicted") == round(300 * expected.contradicted)
    assert false_decisions.most(10_000) == pytest.approx(0.0130, abs=5e-5)


@pytest.mark.parametrize("name", false_decisions.BENCHMARKS)
def test_the_arms_of_equal_benchmarks_are_equal(name: str, tmp_path: Path) -> None:
    benchmark = false_decisions.BENCHMARKS[name]
    project = benchmark.make_project(tmp_path)
    file = project / "hypotheses" / f"{benchmark.hypothesis}.md"
    hypothesis = loads(benchmark.text, file, project)
    first, second = hypothesis.arms.values()
    assert first == second
    databases = {"query": "fresh"}.get(name)
    assert draw(hypothesis, 1, "local").databases == databases


# --- small effects -------------------------------------------------------------------------


@pytest.mark.parametrize("name", small_effects.SUBJECTS)
def test_small_effects_are_claimed_and_denied_of_the_same_arms(name: str, tmp_path: Path) -> None:
    subject = small_effects.SUBJECTS[name]
    project = subject.make_project(tmp_path)
    for arm, value in subject.values.items():
        claims = [
            loads(small_effects.text_of(subject, arm, claim), project / "hypotheses/a.md", project)
            for claim in subject.bounds
        ]
        assert claims[0].arms == claims[1].arms
        original, other = (claims[0].arms[name] for name in ("original", "other"))
        differs = [other[setting] for setting in other if other[setting] != original[setting]]
        assert differs == ([] if arm == "equal" else [str(value)])
        slower, not_slower = (claim.predictions[0].bound for claim in claims)
        assert (slower.at_least, slower.at_most) == (not_slower.at_most, not_slower.at_least)
        edge = slower.at_least or 1 / (slower.at_most or 1)
        assert edge == pytest.approx(1 + subject.share, abs=1e-4)


class Plain:
    """Settings of the planted service."""

    def __init__(self, **values: int) -> None:
        self._values = {"work_steps": 0, "deferred_steps": 0, "work_spread": 0, **values}

    def model_dump(self) -> Mapping[str, int]:
        return self._values

    def canonical(self) -> Mapping[str, str]:
        return {name.upper(): str(value) for name, value in self._values.items()}


def work(**values: int) -> Work:
    return Work(cast(ServiceSettings, Plain(**values)))


async def answer(app: Any, path: str, method: str = "GET") -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app({"type": "http", "method": method, "path": path, "headers": []}, receive, send)
    return sent


def counted(call: Callable[[], object]) -> int:
    """How many instructions of Python a call takes, in all frames."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def test_five_per_cent_more_steps_are_five_per_cent_more_work_of_a_request() -> None:
    def instructions(steps: int) -> int:
        waiting = answer(work(work_steps=steps), "/work")

        def serve() -> None:
            with pytest.raises(StopIteration):  # without a loop: nothing in it waits
                waiting.send(None)

        return counted(serve)

    subject = small_effects.SUBJECTS["service without a database"]
    ratio = instructions(subject.values["slower"]) / instructions(subject.values["equal"])
    assert 1.045 < ratio <= 1.05


def test_the_planted_service_is_ready_and_measured() -> None:
    app = work(work_steps=3)

    async def ask() -> tuple[Message, str]:
        assert (await answer(app, "/work"))[0]["status"] == 200
        assert (await answer(app, "/nothing"))[0]["status"] == 404
        ready = (await answer(app, "/ready"))[1]["body"]
        return json.loads(ready), (await answer(app, "/metrics"))[1]["body"].decode()

    ready, page = asyncio.run(ask())
    assert ready["settings"] == {"WORK_STEPS": "3", "DEFERRED_STEPS": "0", "WORK_SPREAD": "0"}
    assert 'http_requests_total{method="GET",route="/work",status="200"} 1.0' in page


@pytest.mark.parametrize(
    ("every", "method", "path", "done"),
    [
        (10, "GET", "/orders", 110),
        (0, "GET", "/orders", 100),
        (10, "POST", "/orders", 100),
        (10, "GET", "/orders/7", 100),
    ],
)
def test_every_tenth_page_is_done_twice_and_sent_once(
    every: int, method: str, path: str, done: int
) -> None:
    calls = 0

    async def page(scope: Any, receive: Any, send: Any) -> None:
        nonlocal calls
        calls += 1
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"[]"})

    async def ask() -> list[int]:
        app = Twice(page, every)
        return [len(await answer(app, path, method)) for _ in range(100)]

    assert asyncio.run(ask()) == [2] * 100
    assert calls == done


@pytest.mark.slow
def test_planted_services_know_their_settings_and_start_with_the_routes_around(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in PATH.items():
        monkeypatch.setenv(name, value)
    system = load_system(ROOT)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    computing, listing = without_database(tmp_path / "a"), listing_twice(tmp_path / "b")
    arms = {"one": {"WORK_STEPS": "5"}, "other": {"DEFERRED_STEPS": "7"}}
    assert validated_settings(system, computing, arms) == arms
    arms = {"one": {"LISTED_TWICE_EVERY": "10"}}
    assert validated_settings(system, listing, arms) == arms
    app = (listing / "service" / "app.py").read_text()
    assert app.index("add_middleware(Twice") < app.index("add_middleware(LimitBody")


# --- shipped benchmarks, deferred work -----------------------------------------------------


def a_run(**changed: Any) -> dict[str, Any]:
    found = {
        "verdict": "CONFIRMED", "outcomes": ["supported"], "blocks": 4, "voided": 0,
        "elapsed_s": 100.0, "measured_s": 60.0,
    }  # fmt: skip
    return found | changed


@pytest.mark.parametrize(
    ("changed", "keeps"),
    [
        ({}, True),
        ({"verdict": "REFUTED"}, False),
        ({"verdict": "INCONCLUSIVE"}, False),
        ({"elapsed_s": 121.0, "measured_s": 70.0}, False),
        ({"measured_s": 49.0}, False),
    ],
)
def test_shipped_benchmarks_are_decided_alike_in_time_and_measured(
    changed: dict[str, Any], keeps: bool
) -> None:
    assert shipped.keeps_its_promise([a_run(), a_run(**changed)]) == keeps
    assert "| pagination | 1 | 1 CONFIRMED | yes |" in shipped.row("pagination", [a_run()])


def test_ten_runs_without_a_decision_keep_no_promise() -> None:
    assert not shipped.keeps_its_promise([a_run(verdict="INCONCLUSIVE")] * 10)


def test_the_load_is_in_slices_or_in_windows() -> None:
    assert deferred_work.FILE.read_text().count("load: LOAD") == 1
    assert "slices: off" in deferred_work.LOADS["windows"]
    assert "slices" not in deferred_work.LOADS["slices"]


def test_ratios_are_averaged_as_logarithms() -> None:
    ratio = deferred_work.mean([2.0, 8.0])
    assert ratio.estimate == pytest.approx(4)
    assert ratio.low * ratio.high == pytest.approx(16)


@pytest.mark.parametrize(("second", "equal"), [([1.1, 1.2, 1.3], True), ([2.0, 2.01, 2.02], False)])
def test_ratios_are_equal_if_their_intervals_overlap(second: list[float], equal: bool) -> None:
    found = [deferred_work.mean(values) for values in ([1.0, 1.1, 1.2], second)]
    assert deferred_work.overlap(*found) == deferred_work.overlap(*found[::-1]) == equal
