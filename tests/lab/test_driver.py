"""The load driver: a real Locust process against a real server that counts by itself."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from lab.driver.user_cycles import phases
from lab.driver_messages import (
    Closed,
    ClosedLoadSpec,
    Frame,
    LoadSpec,
    Opened,
    OpenLoadSpec,
    RateStage,
    RequestKey,
    RunTrial,
)
from lab.instruments.locust_driver_process import DriverError, LoadDriver, ScenarioError
from lab.processes.child_processes import Children
from lab.stats.latency_histogram import Histogram
from tests.runs import ROOT

pytestmark = pytest.mark.slow

SCENARIO = """\
from locust import FastHttpUser, HttpUser, constant, events, task


heard = []

@events.request.add_listener
def listen(name, **_):
    heard.append(name)

class User({base}):
    wait_time = constant(0)

    @task
    def look(self):
        self.client.get("/{path}", name="/look")
        print("a scenario may print")
"""


class Server:
    """Answers every request after a fixed delay, and counts."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s, self.count = delay_s, 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._serve, sock=self._socket))
        self._loop.run_forever()
        for left in asyncio.all_tasks(self._loop):
            left.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(self.delay_s)
                self.count += 1
                status = b"404 Not Found" if b"/missing" in head else b"200 OK"
                writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\nok")
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            writer.close()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(delay_s=0.05)
    yield made
    made.close()


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[LoadDriver]:
    with Children() as children:
        yield LoadDriver(children, ROOT, cores=None, limit_factor=0.2)


@pytest.fixture
def impatient() -> Iterator[LoadDriver]:
    with Children() as children:
        yield LoadDriver(children, ROOT, cores=None, limit_factor=0.05)


def write(tmp_path: Path, text: str, name: str = "scenario.py") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def drive(driver: LoadDriver, url: str, window_s: float = 1.5) -> list[Frame]:
    """The frames of a trial, between its first and its last message."""
    trial = RunTrial(url, ClosedLoadSpec(4), warmup_s=0.5, window_s=window_s, seed="s")
    opened, *frames, closed = driver.drive(trial)
    assert isinstance(opened, Opened) and isinstance(closed, Closed)
    assert closed.drained
    return [frame for frame in frames if isinstance(frame, Frame)]


def test_a_window_holds_as_many_answers_as_its_length_whatever_their_step(
    driver: LoadDriver, tmp_path: Path
) -> None:
    """Users in step would have three answers each in a window of two and a half cycles."""
    server, users = Server(delay_s=0.1), 40
    text = SCENARIO.format(base="FastHttpUser", path="").replace("constant(0)", "constant(0.4)")
    try:
        driver.load(write(tmp_path, text))
        trial = RunTrial(server.url, ClosedLoadSpec(users), warmup_s=0.5, window_s=1.25, seed="s")
        frames = [each for each in driver.drive(trial) if isinstance(each, Frame)]
    finally:
        server.close()
    counts = [
        sum(seen.count for seen in frame.requests.values()) for frame in frames if frame.in_window
    ]
    # two or three each, by chance: standard deviation 3.2
    assert sum(counts) == pytest.approx(2.5 * users, abs=13)


def test_where_users_begin_is_decided_by_their_seed() -> None:
    first, again, other = (list(islice(phases(seed), 100)) for seed in ("a", "a", "b"))
    assert first == again != other
    assert 0 <= min(first) < 0.1 and 0.9 < max(first) < 1


@pytest.mark.parametrize("base", ["FastHttpUser", "HttpUser", "LeanHttpUser"])
def test_counts_are_those_of_the_server_in_every_trial(
    base: str, driver: LoadDriver, server: Server, tmp_path: Path
) -> None:
    lean = "from lab.driver.client import LeanHttpUser\n"
    driver.load(write(tmp_path, lean + SCENARIO.format(base=base, path="")))
    for _ in range(3):
        before = server.count
        frames = drive(driver, server.url)
        edges = [(frame.t, frame.in_window) for frame in frames]
        assert edges == [(0.5, False), (1.5, True), (2.0, True)]
        seen = sum(
            frame.requests[RequestKey("/look", "GET")].count for frame in frames if frame.requests
        )
        served = server.count - before
        # each of the four users may have a request under way when the window closes, and
        # begin one more before it is told to stop
        assert 0 <= served - seen <= 8
        window = Histogram()
        for frame in frames[1:]:
            window.merge(frame.requests[RequestKey("/look", "GET")].latency)
        assert window.quantile(0.5) == pytest.approx(0.05, abs=0.02)
        assert len(frames[1].ticker_lateness) == pytest.approx(100, abs=30)


def test_connections_do_not_pile_up(driver: LoadDriver, server: Server, tmp_path: Path) -> None:
    driver.load(write(tmp_path, SCENARIO.format(base="FastHttpUser", path="")))
    counts = []
    for _ in range(3):
        drive(driver, server.url, window_s=1.0)
        counts.append(len(list(Path(f"/proc/{driver.child.pid}/fd").iterdir())))
    assert counts[2] <= counts[0]


def test_errors_are_counted_by_message(driver: LoadDriver, server: Server, tmp_path: Path) -> None:
    driver.load(write(tmp_path, SCENARIO.format(base="FastHttpUser", path="missing")))
    frames = drive(driver, server.url)
    seen = [frame.requests[RequestKey("/look", "GET")] for frame in frames]
    assert all(requests.errors == requests.count for requests in seen)
    assert any("404" in text for text in frames[1].errors)


def test_texts_that_no_file_can_hold_are_replaced(
    driver: LoadDriver, server: Server, tmp_path: Path
) -> None:
    """Half of a surrogate pair, as a service sends that cuts strings in JavaScript."""
    text = SCENARIO.format(base="FastHttpUser", path="").replace(
        'self.client.get("/", name="/look")',
        'with self.client.get("/", name="/\\ud83d", catch_response=True) as r:\n'
        '            r.failure("cut \\ud83d")',
    )
    driver.load(write(tmp_path, text))
    frames = drive(driver, server.url)
    assert {key for frame in frames for key in frame.requests} == {RequestKey("/?", "GET")}
    assert {text for frame in frames for text in frame.errors} == {"CatchResponseError: cut ?"}


def test_a_task_that_raises_is_a_task_error(
    driver: LoadDriver, server: Server, tmp_path: Path
) -> None:
    text = SCENARIO.format(base="FastHttpUser", path="").replace("print(", "missing_name(")
    driver.load(write(tmp_path, text))
    frames = drive(driver, server.url)
    assert any("NameError" in text for frame in frames for text in frame.task_errors)


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("import locust\n\nraise RuntimeError('no database')\n", "RuntimeError: no database", 3),
        ("def broken(:\n", "SyntaxError", 1),
        ("import surely_not_there\n", "surely_not_there", 1),
        ("x = 1\n", "no user class", None),
        ("import sys\nsys.exit(3)\n", "its import ended the process by sys.exit(3)", 2),
        ("import os\nos._exit(1)\n", "it ended the process by os._exit(1)", 2),
        ("import time\ntime.sleep(60)\n", "its import took more than 1 s", 2),
        ("x = 0\nwhile True:\n    x += 1\n", "its import took more than 1 s", (2, 3)),
    ],
)
def test_a_scenario_that_cannot_be_imported(
    text: str,
    message: str,
    line: int | tuple[int, ...] | None,
    impatient: LoadDriver,
    tmp_path: Path,
) -> None:
    with pytest.raises((ScenarioError, DriverError)) as caught:
        impatient.load(write(tmp_path, text))
    assert message in str(caught.value)
    found = getattr(caught.value, "line", None)
    assert found in line if isinstance(line, tuple) else found == line


def test_a_driver_that_dies_is_an_error(driver: LoadDriver, server: Server, tmp_path: Path) -> None:
    driver.load(write(tmp_path, SCENARIO.format(base="FastHttpUser", path="")))
    threading.Timer(0.7, os.kill, (driver.child.pid, signal.SIGKILL)).start()
    with pytest.raises(DriverError, match="SIGKILL"):
        drive(driver, server.url)


def test_a_stopped_driver_shows_in_its_ticker(
    driver: LoadDriver, server: Server, tmp_path: Path
) -> None:
    driver.load(write(tmp_path, SCENARIO.format(base="FastHttpUser", path="")))

    def freeze() -> None:
        os.killpg(driver.child.pid, signal.SIGSTOP)
        time.sleep(0.3)
        os.killpg(driver.child.pid, signal.SIGCONT)

    threading.Timer(1.0, freeze).start()
    late = [second for frame in drive(driver, server.url) for second in frame.ticker_lateness]
    assert max(late) > 0.25
    # the ticks that the stall skipped count too, not only the one after it
    assert sum(second > 0.1 for second in late) >= 15


def test_a_driver_of_another_version_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = write(tmp_path, '#!/bin/sh\necho \'{"version": 0, "kind": "Up"}\'\n', "stub.sh")
    stub.chmod(0o755)
    with Children() as children:
        monkeypatch.setattr("lab.instruments.locust_driver_process.sys.executable", str(stub))
        old = LoadDriver(children, ROOT, cores=None)
        with pytest.raises(DriverError, match="messages of version 0, not 6"):
            old.load(tmp_path / "scenario.py")


def test_a_request_of_another_version_is_refused_by_the_driver(driver: LoadDriver) -> None:
    assert driver.child.popen.stdin is not None
    driver.child.popen.stdin.write(b'{"version": 0, "kind": "RunTrial"}\n')
    driver.child.popen.stdin.flush()
    with pytest.raises(ScenarioError, match="ProtocolError: messages of version 0, not 6"):
        driver.load(Path("unused.py"))


LISTENERS = """\
import json
from pathlib import Path

from locust import FastHttpUser, events, task

counts = dict.fromkeys(("import", "init", "test_start", "removed", "on_start", "on_stop"), 0)
hosts = []

def count(what):
    counts[what] += 1

def removed(**_):
    count("removed")

events.request.add_listener(lambda **_: count("import"))
events.request.add_listener(removed)

@events.init.add_listener
def at_init(environment, **_):
    hosts.append(environment.host)
    environment.events.request.add_listener(lambda **_: count("init"))
    events.request.remove_listener(removed)

@events.test_start.add_listener
def at_start(environment, **_):
    events.request.add_listener(lambda **_: count("test_start"))

@events.test_stop.add_listener
def at_stop(**_):
    Path(__file__).with_name("counts.json").write_text(json.dumps([counts, hosts]))

class Reader(FastHttpUser):
    def on_start(self):
        count("on_start")

    def on_stop(self):
        count("on_stop")

    @task
    def read(self):
        self.client.get("/")
"""


@pytest.mark.parametrize(
    ("load", "users"),
    [
        (ClosedLoadSpec(4), 4),
        (OpenLoadSpec("constant", (RateStage(4.0, 4.0, 1.0),), max_users=4), 4),
    ],
)
def test_listeners_hear_every_event_once_and_every_trial_starts_anew(
    load: LoadSpec, users: int, driver: LoadDriver, server: Server, tmp_path: Path
) -> None:
    is_open = isinstance(load, OpenLoadSpec)
    driver.load(write(tmp_path, LISTENERS), open_load=is_open)
    for _ in range(3):
        before = server.count
        for message in driver.drive(RunTrial(server.url, load, 0.0, 1.0, seed="s")):
            assert not isinstance(message, Closed) or (message.drained and not message.early)
        counts, hosts = json.loads((tmp_path / "counts.json").read_text())
        assert hosts == [server.url]
        assert counts["on_start"] == counts["on_stop"] == users
        served = server.count - before
        assert counts["init"] == counts["test_start"] == counts["import"] == served
        assert counts["removed"] == 0


def test_a_user_that_cannot_be_made_is_refused(driver: LoadDriver, tmp_path: Path) -> None:
    text = SCENARIO.format(base="FastHttpUser", path="")
    raising = "    def __init__(self, environment):\n        raise ValueError('no account')\n"
    with pytest.raises(ScenarioError, match="ValueError: no account") as caught:
        driver.load(write(tmp_path, text.replace("    @task", raising + "\n    @task", 1)))
    assert caught.value.line == 14


def test_classes_without_weight_are_left_out(driver: LoadDriver, tmp_path: Path) -> None:
    text = SCENARIO.format(base="FastHttpUser", path="")
    weightless = text.replace("    wait_time", "    weight = 0\n    wait_time", 1)
    both = weightless + "\nclass Other(User):\n    weight = 1\n"
    assert driver.load(write(tmp_path, both)) == ("Other",)


def test_classes_that_all_have_no_weight_are_refused(driver: LoadDriver, tmp_path: Path) -> None:
    text = SCENARIO.format(base="FastHttpUser", path="")
    weightless = text.replace("    wait_time", "    weight = 0\n    wait_time", 1)
    with pytest.raises(ScenarioError, match="every user class has a weight of 0"):
        driver.load(write(tmp_path, weightless))
