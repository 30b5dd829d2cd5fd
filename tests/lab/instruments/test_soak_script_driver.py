"""A soak script as a driver: its command line, its output, and what fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.driver_messages import (
    Closed,
    Frame,
    Opened,
    OpenLoadSpec,
    RateStage,
    RequestKey,
    RunTrial,
    TrialMessage,
)
from lab.instruments.locust_driver_process import DriverError
from lab.instruments.soak_script_driver import SoakScriptDriver
from lab.processes.child_processes import Children

LOAD = OpenLoadSpec("constant", (RateStage(20.0, 20.0, 1.0),), max_users=1)


@pytest.fixture
def children() -> Iterator[Children]:
    with Children() as made:
        yield made


def driven(
    children: Children, folder: Path, code: str, window_s: float = 0.5
) -> list[TrialMessage]:
    script = folder / "soak_it.py"
    script.write_text(f"import json, sys, time\n{code}\n")
    driver = SoakScriptDriver(children, folder, script, None)
    trial = RunTrial(host="http://h", load=LOAD, warmup_s=0.0, window_s=window_s, seed="7-1")
    return list(driver.drive(trial))


def test_its_lines_become_frames_until_the_window_closes(
    children: Children, tmp_path: Path
) -> None:
    code = """
while True:
    print(json.dumps({"ok": 3, "errors": 1, "TimeoutError": 1}), flush=True)
    time.sleep(0.1)
"""
    opened, *frames, closed = driven(children, tmp_path, code)
    assert isinstance(opened, Opened) and isinstance(closed, Closed)
    assert 2 <= len(frames) <= 6
    first = frames[0]
    assert isinstance(first, Frame)
    assert first.requests[RequestKey("script")].count == 4
    assert first.requests[RequestKey("script")].errors == 1
    assert first.errors == {"TimeoutError": 1}
    assert not children.running()


def test_errors_that_no_file_can_hold_are_counted_by_what_is_left(
    children: Children, tmp_path: Path
) -> None:
    code = """
print(json.dumps({"ok": 1, "errors": 3, "cut \\ud83d": 1, "cut \\ud83e": 2}), flush=True)
time.sleep(9)
"""
    _, frame, _ = driven(children, tmp_path, code)
    assert isinstance(frame, Frame)
    assert frame.errors == {"cut ?": 3}


def test_it_gets_url_rate_and_seed(children: Children, tmp_path: Path) -> None:
    code = """
assert sys.argv[1:] == ["http://h", "--rate", "20", "--seed", "7-1"], sys.argv
print(json.dumps({"ok": 1, "errors": 0}), flush=True)
time.sleep(9)
"""
    assert len(driven(children, tmp_path, code)) == 3


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("sys.exit('no such room')", "ended with exit code 1"),
        ("print('hello', flush=True); time.sleep(9)", "not a line of counts such as"),
        ("print('[1]', flush=True); time.sleep(9)", "not a line of counts such as"),
        (
            """print('{"ok": 1, "errors": 1, "message": "timeout"}', flush=True); time.sleep(9)""",
            "not a line of counts such as",
        ),
    ],
)
def test_a_script_that_fails_is_reported(
    code: str, said: str, children: Children, tmp_path: Path
) -> None:
    with pytest.raises(DriverError, match=said):
        driven(children, tmp_path, code, window_s=5.0)
    assert not children.running()


def test_a_script_that_prints_nothing_for_long_is_named(
    children: Children, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.instruments.soak_script_driver.WAITING_S", 0.4)
    script = tmp_path / "soak_it.py"
    line = 'print(\'{"ok": 1, "errors": 0}\', flush=True)'
    script.write_text(f"import time\n{line}\ntime.sleep(1.2)\n{line}\ntime.sleep(9)\n")
    notices: list[str] = []
    driver = SoakScriptDriver(children, tmp_path, script, None, notices.append)
    list(driver.drive(RunTrial("http://h", LOAD, 0.0, window_s=2.2, seed="7-1")))
    assert notices == ["waits for a line of the soak script soak_it.py"] * 2
