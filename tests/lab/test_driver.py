"""The load driver: a real Locust process against a real server that counts by itself."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.instruments.load_driver import DriverError, LoadDriver, ScenarioError
from lab.processes import Children
from lab.stats.histogram import Histogram
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
        yield LoadDriver(children, ROOT, cores=None)


def write(tmp_path: Path, text: str, name: str = "scenario.py") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def drive(driver: LoadDriver, url: str, **changes: float) -> list[dict[str, object]]:
    times = {"warmup_s": 0.5, "window_s": 1.5, **changes}
    return list(driver.drive(host=url, load={"users": 4}, seed="s", **times))


@pytest.mark.parametrize("base", ["FastHttpUser", "HttpUser"])
def test_counts_are_the_servers_own_block_after_block(
    base: str, driver: LoadDriver, server: Server, tmp_path: Path
) -> None:
    driver.load(write(tmp_path, SCENARIO.format(base=base, path="")))
    for _ in range(3):
        before = server.count
        messages = drive(driver, server.url)
        assert messages[0]["event"] == "opened"
        frames = [m for m in messages if m["event"] == "frame"]
        assert [(m["t"], m["window"]) for m in frames] == [(0.5, False), (1.5, True), (2.0, True)]
        seen = sum(m["requests"].get("/look", {}).get("count", 0) for m in frames)  # type: ignore
        served = server.count - before
        # each of the four users may have a request under way when the window closes, and
        # begin one more before it is told to stop
        assert 0 <= served - seen <= 8
        window = Histogram()
        for m in frames[1:]:
            window.merge(Histogram.from_dict(m["requests"]["/look"]["latency"]))  # type: ignore
        assert window.quantile(0.5) == pytest.approx(0.05, abs=0.02)
        assert len(frames[1]["late"]) == pytest.approx(100, abs=30)  # type: ignore[arg-type]


def test_connections_do_not_pile_up(driver: LoadDriver, server: Server, tmp_path: Path) -> None:
    driver.load(write(tmp_path, SCENARIO.format(base="FastHttpUser", path="")))
    counts = []
    for _ in range(3):
        drive(driver, server.url, window_s=1.0)
        counts.append(len(list(Path(f"/proc/{driver.child.pid}/fd").iterdir())))
    assert counts[2] <= counts[0]


def test_errors_are_counted_and_told(driver: LoadDriver, server: Server, tmp_path: Path) -> None:
    driver.load(write(tmp_path, SCENARIO.format(base="FastHttpUser", path="missing")))
    frames = [m for m in drive(driver, server.url) if m["event"] == "frame"]
    assert all(m["requests"]["/look"]["errors"] == m["requests"]["/look"]["count"] for m in frames)  # type: ignore
    assert any("404" in text for text in frames[1]["errors"])  # type: ignore[attr-defined]


def test_a_task_that_raises_is_told_apart(
    driver: LoadDriver, server: Server, tmp_path: Path
) -> None:
    text = SCENARIO.format(base="FastHttpUser", path="").replace("print(", "missing_name(")
    driver.load(write(tmp_path, text))
    frames = [m for m in drive(driver, server.url) if m["event"] == "frame"]
    assert any("NameError" in text for m in frames for text in m["task_errors"])  # type: ignore


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("import locust\n\nraise RuntimeError('no database')\n", "RuntimeError: no database", 3),
        ("def broken(:\n", "SyntaxError", 1),
        ("import surely_not_there\n", "surely_not_there", 1),
        ("x = 1\n", "no user class", None),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3", 2),
        ("import os\nos._exit(1)\n", "exit code 1", None),
        ("import time\ntime.sleep(60)\n", "takes more than", None),
    ],
)
def test_a_scenario_that_cannot_be_imported(
    text: str,
    message: str,
    line: int | None,
    driver: LoadDriver,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lab.instruments.load_driver._IMPORT_S", 2.0)
    with pytest.raises((ScenarioError, DriverError)) as caught:
        driver.load(write(tmp_path, text))
    assert message in str(caught.value)
    assert getattr(caught.value, "line", None) == line


def test_a_driver_that_dies_is_told(driver: LoadDriver, server: Server, tmp_path: Path) -> None:
    driver.load(write(tmp_path, SCENARIO.format(base="FastHttpUser", path="")))
    threading.Timer(0.7, os.kill, (driver.child.pid, signal.SIGKILL)).start()
    with pytest.raises(DriverError, match="SIGKILL"):
        drive(driver, server.url)


def test_a_stopped_driver_shows_in_its_ticker(
    driver: LoadDriver, server: Server, tmp_path: Path
) -> None:
    driver.load(write(tmp_path, SCENARIO.format(base="FastHttpUser", path="")))

    def freeze() -> None:
        os.kill(driver.child.pid, signal.SIGSTOP)
        time.sleep(0.3)
        os.kill(driver.child.pid, signal.SIGCONT)

    threading.Timer(1.0, freeze).start()
    frames = [m for m in drive(driver, server.url) if m["event"] == "frame"]
    late = [second for m in frames for second in m["late"]]  # type: ignore[attr-defined]
    assert max(late) > 0.25
    # the ticks missed in the stall count too, not its end alone
    assert sum(second > 0.1 for second in late) >= 15
