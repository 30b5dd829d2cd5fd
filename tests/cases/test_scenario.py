"""Locustfiles as they are found in public: each is measured right, refused, or voids its trial.

The files of a case lie in `scenario/CASE/`; `docs/compatibility.md` says where the situation was
found.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from lab.hypothesis import ClosedLoad, OpenLoad
from lab.instruments.locust_driver_process import ScenarioError
from lab.processes.passed_variables import PassedVariables
from tests.cases.arm import Arm
from tests.cases.driving import closed, drive, mean, open_load
from tests.default_margins import measure

pytestmark = pytest.mark.slow

CASES = Path(__file__).parent / "scenario"
OPEN = open_load(10, 1.0)
Rows = dict[str, tuple[int, int]]  # by "METHOD name": requests at least and at most


class Measured(NamedTuple):
    """A file that works, and its requests in a second, in each of two trials."""

    file: str
    load: ClosedLoad | OpenLoad
    rows: Rows

    def __str__(self) -> str:
        return f"{self.file.partition('-')[0]} {Path(self.file).stem} {_kind(self.load)}"


def _kind(load: ClosedLoad | OpenLoad) -> str:
    return "open" if isinstance(load, OpenLoad) else "closed"


def each(*, of: int, at_least: int = 1) -> tuple[int, int]:
    """Limits of a row: no more than were sent in all."""
    return at_least, of


# arrivals are exact: ten in all; users of a closed load may be slower on a busy machine
MEASURED = [
    Measured(
        "L2-custom-arguments/custom_args.py", ClosedLoad(3), {"GET /look": each(of=18, at_least=9)}
    ),
    Measured("L2-custom-arguments/custom_args.py", OPEN, {"GET /look": (10, 10)}),
    Measured(
        "L2-custom-arguments/custom_args_in_task.py",
        ClosedLoad(3),
        {"GET /look": each(of=18, at_least=9)},
    ),
    Measured("L2-custom-arguments/custom_args_in_task.py", OPEN, {"GET /look": (10, 10)}),
    Measured(
        "L11-task-sets/flow.py",
        ClosedLoad(3),
        {name: each(of=40) for name in ("GET /look", "POST /buy", "GET /page", "GET /home")},
    ),
    Measured(
        "L12-accounts-used-up/accounts.py", ClosedLoad(3), {"GET /look": each(of=18, at_least=9)}
    ),
    Measured(
        "L12-accounts-used-up/accounts_guarded.py",
        ClosedLoad(3),
        {"GET /look": each(of=18, at_least=9)},
    ),
    Measured("L12-accounts-used-up/accounts_guarded.py", OPEN, {"GET /look": (10, 10)}),
    Measured(
        "L23-wrapped-request/wrapped.py",
        ClosedLoad(3),
        {"POST balance": each(of=30), "POST transfer": each(of=30)},
    ),
    Measured(
        "L23-wrapped-request/wrapped.py",
        OPEN,
        {"POST balance": each(of=10), "POST transfer": each(of=10)},
    ),
    Measured(
        "L31-data-of-test-start/catalogue.py",
        ClosedLoad(3),
        {"GET /item": each(of=18, at_least=9)},
    ),
    Measured("L31-data-of-test-start/catalogue.py", OPEN, {"GET /item": (10, 10)}),
    Measured(
        "L33-wait-for-all/wait_for_all.py", ClosedLoad(3), {"GET /item": each(of=18, at_least=9)}
    ),
    Measured(
        "L38-share-by-number-of-users/shares.py",
        ClosedLoad(3),
        {"GET /account": each(of=18, at_least=9)},
    ),
    Measured(
        "L40-weights-and-counts/weights.py",
        ClosedLoad(7),  # one of them an Admin
        {
            "GET /audit": each(of=12),
            "GET /home": each(of=80, at_least=12),
            "POST /orders": each(of=60),
        },
    ),
    Measured(
        "L51-ways-to-wait/ways_to_wait.py",
        ClosedLoad(6),
        {
            "GET Between": each(of=8),
            "GET Paced": each(of=5, at_least=2),
            "GET Throughput": each(of=5, at_least=2),
            "GET Random": each(of=15),
            "GET OfItsOwn": each(of=15),
            "GET ByAttributes": each(of=26, at_least=9),  # does not wait
        },
    ),
    Measured(
        "L52-chain-of-tasks/chain.py",
        ClosedLoad(3),
        {"GET /home": each(of=33, at_least=6), "GET /search": each(of=30)},
    ),
    Measured("L56-async-tasks/asyncio_run.py", ClosedLoad(1), {"GET /item": each(of=20)}),
    Measured(
        "L60-pace-by-the-runner/pace.py", ClosedLoad(3), {"GET /item": each(of=15, at_least=7)}
    ),
    Measured("L60-pace-by-the-runner/pace.py", OPEN, {"GET /item": (10, 10)}),
]


@pytest.mark.parametrize("case", MEASURED, ids=str)
def test_it_is_measured_in_each_trial(case: Measured, arm: Arm) -> None:
    trials = 2 if isinstance(case.load, ClosedLoad) else 1
    for outcome in drive(CASES / case.file, arm, case.load, trials=trials):
        assert outcome.faults == []
        assert outcome.voided == {}
        counts = {f"{method} {name}": count for (method, name), count in outcome.counts.items()}
        counts.pop("GET /goodbye", None)  # of L52: may not come within a second
        assert counts.keys() == case.rows.keys()
        for row, (least, most) in case.rows.items():
            assert least <= counts[row] <= most, row


class Stopped(NamedTuple):
    """A file that is refused, or whose trial is void."""

    file: str
    load: ClosedLoad | OpenLoad
    line: int | None
    words: str
    function: str = ""  # which is named with the line

    def __str__(self) -> str:
        return f"{self.file.partition('-')[0]} {Path(self.file).stem} {_kind(self.load)}"


TASK_SET = "in which a user stays; an arrival of an open load is one task"
REFUSED = [
    Stopped(
        "L3-init-raises/init_raises.py",
        ClosedLoad(3),
        9,
        "FileNotFoundError: [Errno 2] No such file or directory: 'no-such-products.txt'",
    ),
    Stopped("L3-init-raises/init_raises.py", OPEN, 9, "it raised FileNotFoundError"),
    Stopped("L11-task-sets/flow.py", OPEN, 5, f"Shopper has the task set Checkout, {TASK_SET}"),
    Stopped(
        "L37-load-shape/shape.py",
        ClosedLoad(3),
        16,  # Morning, and not its abstract base
        "a LoadTestShape would override the hypothesis's load; remove it",
    ),
    Stopped(
        "L39-required-option/required.py",
        ClosedLoad(3),
        None,
        "the following arguments are required: --backend",
    ),
    Stopped("L40-weights-and-counts/weights.py", OPEN, 22, "Admin has a fixed_count"),
    Stopped(
        "L44-users-that-are-done/done.py", OPEN, 6, f"Shopper has the task set Round, {TASK_SET}"
    ),
    Stopped(
        "L48-events-of-old/events_of_old.py",
        ClosedLoad(3),
        9,
        "AttributeError: 'Events' object has no attribute 'request_success'",
    ),
    Stopped("L52-chain-of-tasks/chain.py", OPEN, 5, f"Visitor has the task set Visit, {TASK_SET}"),
    Stopped(
        "L53-pytest-functions/test_visit.py",
        ClosedLoad(3),
        None,
        "no user class, and functions for pytest are not run",
    ),
    Stopped(
        "L56-async-tasks/async_tasks.py",
        ClosedLoad(3),
        10,
        "look of Shopper is a coroutine function, which Locust calls and never runs",
    ),
]


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_it_is_refused_before_anything_starts(case: Stopped, arm: Arm) -> None:
    before = arm.served.total()
    with pytest.raises(ScenarioError) as refusal:
        drive(CASES / case.file, arm, case.load)
    assert case.words in str(refusal.value)
    assert refusal.value.line == case.line
    if case.line is not None:
        assert refusal.value.file == str(CASES / case.file)
    assert arm.served.total() == before


VOID = [
    Stopped(
        "L4-user-init-raises/user_init_raises.py",
        ClosedLoad(3),
        12,
        "raised IndexError: pop from empty list",
        "__init__",
    ),
    Stopped(
        "L4-user-init-raises/grows_and_raises.py",
        open_load(5, 2.0),  # five users wait for it; a service that is slow needs more than six
        10,
        "raised IndexError: pop from empty list",
        "__init__",
    ),
    Stopped(
        "L6-quit-in-on-start/quit_on_start.py",
        ClosedLoad(3),
        10,
        "ended the test itself: environment.runner.quit()",
        "on_start",
    ),
    Stopped(
        "L6-quit-in-on-start/quit_on_start.py",
        OPEN,
        10,
        "ended the test itself: environment.runner.quit()",
        "on_start",
    ),
    Stopped(
        "L12-accounts-used-up/accounts.py",
        ClosedLoad(9),
        11,
        "raised IndexError: pop from empty list",
        "on_start",
    ),
    Stopped(
        "L12-accounts-used-up/accounts.py",
        OPEN,
        11,
        "raised IndexError: pop from empty list",
        "on_start",
    ),
    Stopped(
        "L38-share-by-number-of-users/shares.py",
        OPEN,
        11,
        "raised AssertionError: the runner is told another number",
        "deal",
    ),
    Stopped(
        "L44-users-that-are-done/done.py",
        ClosedLoad(3),
        19,
        "ended a user of class Shopper itself by StopUser",
        "count",
    ),
    Stopped(
        "L49-listener-with-few-arguments/few_arguments.py",
        ClosedLoad(3),
        7,
        "raised TypeError: note() got an unexpected keyword argument 'context'",
        "note",
    ),
    Stopped(
        "L56-async-tasks/asyncio_run.py",
        ClosedLoad(3),
        16,
        "raised RuntimeError: asyncio.run() cannot be called from a running event loop",
        "look",
    ),
    Stopped(
        "L57-rows-of-a-file/rows.py",
        ClosedLoad(3),
        18,
        "ended a user of class Shopper itself by StopUser",
        "log_in",
    ),
    Stopped(
        "L57-rows-of-a-file/rows.py",
        OPEN,
        18,
        "ended a user of class Shopper itself by StopUser",
        "log_in",
    ),
]


@pytest.mark.parametrize("case", VOID, ids=str)
def test_each_trial_is_void_and_the_scenario_is_named(case: Stopped, arm: Arm) -> None:
    path = (CASES / case.file).relative_to(Path.cwd())
    window_s = 2.0 if "done" in case.file or "rows" in case.file else 1.0
    trials = 2 if isinstance(case.load, ClosedLoad) else 1
    for outcome in drive(CASES / case.file, arm, case.load, window_s, trials):
        message = outcome.voided["scenario"]
        assert case.words in message
        assert f"({path}:{case.line}, in {case.function})" in message
        assert len(outcome.faults) == 1 or case.file.startswith("L38"), outcome.faults


def test_a_scenario_that_waits_in_vain_is_named_in_time(arm: Arm) -> None:
    """Users of an open load are connected, one after the other, before spawning is complete."""
    case = CASES / "L33-wait-for-all/wait_for_all.py"
    (outcome,) = drive(case, arm, OPEN, limit_factor=0.3)
    line = f"({case.relative_to(Path.cwd())}:19, in on_start)"
    assert outcome.notices == [f"the scenario waits for its users and their on_start {line}"]
    assert outcome.voided["scenario"] == (
        f"The scenario hangs: its users and their on_start took more than 6 s {line}."
    )


def test_a_refused_log_in_stands_in_the_reason(arm: Arm) -> None:
    outcome = closed(CASES / "L6-quit-in-on-start/quit_on_start.py", arm, users=3)
    assert "Requests failed before the window" in outcome.voided["scenario"]
    assert "429" in outcome.voided["scenario"]


def test_a_listener_that_raises_at_every_request_does_not_fill_the_log(arm: Arm) -> None:
    outcome = closed(CASES / "L49-listener-with-few-arguments/few_arguments.py", arm, users=9)
    assert sum(outcome.counts.values()) > 20
    assert outcome.log.count("Traceback") == 10


def test_every_trial_logs_in_anew(arm: Arm) -> None:
    before = arm.served["/login"]
    drive(CASES / "L12-accounts-used-up/accounts_guarded.py", arm, ClosedLoad(3), 0.5, trials=4)
    assert arm.served["/login"] == before + 4 * 3


def test_data_of_the_test_start_is_fetched_once_in_a_trial(arm: Arm) -> None:
    before = arm.served["/catalogue"]
    drive(CASES / "L31-data-of-test-start/catalogue.py", arm, ClosedLoad(2), 0.5, trials=3)
    assert arm.served["/catalogue"] == before + 3


@pytest.mark.parametrize("load", [ClosedLoad(3), OPEN], ids=_kind)
def test_options_of_the_client_are_those_of_the_class(
    load: ClosedLoad | OpenLoad, arm: Arm
) -> None:
    (outcome,) = drive(CASES / "L21-fast-client-options/fast_client.py", arm, load, 1.5)
    report = outcome.trial.service.requests
    (late,) = (seen for key, seen in report.items() if key.name == "/report")
    (page,) = (seen for key, seen in report.items() if key.name == "/page")
    assert late.errors == late.socket_errors == late.count > 0
    assert 0.29 < (late.service_latency.quantile(0.5, beyond=0) or 0.0) < 0.6
    assert page.errors == 0 < page.count
    assert outcome.faults == []


def test_the_scenario_judges_its_answers(arm: Arm) -> None:
    outcome = closed(CASES / "L22-judged-answers/judged.py", arm, users=4, window_s=1.5)
    rates = {
        name: measure(outcome.trial, f'error_rate{{name="{name}"}}', {})
        for name in ("gone", "/stock", "/basket", "/price")
    }
    assert rates == {"gone": 0, "/stock": 0, "/basket": 1, "/price": 1}
    assert outcome.faults == []
    assert not sum(seen.socket_errors for seen in outcome.trial.service.requests.values())


@pytest.mark.parametrize("load", [ClosedLoad(3), OPEN], ids=_kind)
def test_hooks_are_called_as_by_locust(load: ClosedLoad | OpenLoad, arm: Arm) -> None:
    trials = drive(CASES / "L32-every-hook/every_hook.py", arm, load, trials=2)
    heard = [line for line in trials[0].log.splitlines() if line.startswith("heard:")]
    assert heard == 2 * [
        "heard: init_command_line_parser init test_start spawning_complete request "
        "test_stopping test_stop quitting quit exit code: 0"
    ]


def test_a_scenario_may_judge_itself_and_that_is_reported(arm: Arm) -> None:
    outcome = closed(CASES / "L35-exit-code/exit_code.py", arm, users=3)
    (line,) = (each for each in outcome.log.splitlines() if each.startswith("judged:"))
    requests, share, p95 = (word.split()[-1] for word in line.replace(" requests", "").split(","))
    share = share if "." in share else line.split(", ")[1].split()[0]
    assert 0 <= int(requests) - sum(outcome.counts.values()) <= 3  # those after the window
    assert float(share) == pytest.approx(0.25, abs=0.05)
    assert float(p95) > 0
    assert any(text.startswith("the scenario set the exit code 3 (") for text in outcome.notices)
    assert outcome.faults == []


@pytest.mark.parametrize("users", [2, 3])
def test_a_scenario_knows_the_number_of_users(users: int, arm: Arm) -> None:
    outcome = closed(CASES / "L38-share-by-number-of-users/shares.py", arm, users, 0.5)
    shares = dict.fromkeys(range(users), 12 // users)
    assert f"dealt: {shares}" in outcome.log


def test_a_required_option_comes_by_a_variable_that_is_passed(arm: Arm) -> None:
    before = arm.served["/sql"]
    passed = PassedVariables({"SHOP_BACKEND": "sql"})
    case = CASES / "L39-required-option/required.py"
    outcome = closed(case, arm, passed=passed)
    assert outcome.voided == {}
    assert sum(outcome.counts.values()) <= arm.served["/sql"] - before


def test_the_pace_follows_from_the_number_of_users(arm: Arm) -> None:
    for users in (1, 5):
        outcome = closed(CASES / "L60-pace-by-the-runner/pace.py", arm, users, 2.0)
        assert 14 <= sum(outcome.counts.values()) <= 25
    assert mean(outcome, "throughput") == pytest.approx(10, abs=3)


def test_what_is_written_beside_the_scenario_changes_no_trial(arm: Arm, tmp_path: Path) -> None:
    shutil.copytree(CASES / "L57-rows-of-a-file", tmp_path / "scenarios")
    scenario = tmp_path / "scenarios" / "rows.py"
    source = scenario.read_text().replace(
        "        if row is None:", "        Path(__file__).with_name('seen.json').open('a')"
        ".write(json.dumps(row) + '\\n')\n        if row is None:"
    )  # fmt: skip
    scenario.write_text(f"import json\n{source}")
    drive(scenario, arm, ClosedLoad(2), 0.5, trials=2)
    rows = [json.loads(line) for line in (tmp_path / "scenarios/seen.json").open()]
    assert rows[0] == rows[len(rows) // 2] is not None
