"""A load that workers share: the sums are exact, and what goes wrong voids the trial by name."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import threading
import time
from pathlib import Path

import psutil
import pytest
import zmq

from lab.driver_messages import (
    ClosedLoadSpec,
    OpenLoadSpec,
    RateStage,
    RunTrial,
    WorkerExit,
)
from lab.errors import UsageError
from lab.instruments.locust_driver_process import DriverError, LoadDriver, ScenarioError
from lab.processes.child_processes import Children
from lab.stats.arrival_schedule import RateSegment, schedule
from lab.stats.nearest_rank import quantile
from tests.lab.driver.fleets import (
    Fleets,
    ended,
    fault_of,
    frames_of,
    free_port,
    noted,
    opened_of,
    pid_in,
    remote_worker,
    shared,
)
from tests.lab.driver.scenarios import PLAIN_USER, closed_of, eventually, family, runs
from tests.servers import serving

pytestmark = pytest.mark.slow

COUNTING = """
seen = []

@events.request.add_listener
def hear(start_time, response_time, **_):
    seen.append(time.monotonic())

@events.test_stop.add_listener
def tell(environment, **_):
    note([environment.runner.worker_index, environment.runner.worker_count, seen])

class Reader(FastHttpUser):
    wait_time = constant(0.02)

    @task
    def read(self):
        self.client.get("/")
"""
STATS = b"\x93\xa5stats\x80\xa1x"  # a worker report without fields
RATE = OpenLoadSpec(
    "poisson", (RateStage(200.0, 200.0, 0.7), RateStage(200.0, 400.0, 0.8)), max_users=64
)


@pytest.fixture
def fleets(children: Children, tmp_path: Path) -> Fleets:
    project = tmp_path / "project"
    project.mkdir()
    return Fleets(children, project)


def test_users_and_requests_of_a_closed_load_add_up(fleets: Fleets, tmp_path: Path) -> None:
    driver = fleets.load(COUNTING, 3)
    with serving("plain", tmp_path / "log") as server:
        messages = shared(driver, server.url, ClosedLoadSpec(7))
        served = server.end()["served"]
    opened, frames = opened_of(messages), frames_of(messages)
    assert [worker.users for worker in opened.workers] == [3, 2, 2]
    assert {worker.clock_error_s for worker in opened.workers} == {0.0}
    assert [(frame.t, frame.in_window) for frame in frames] == [
        (0.5, False),
        (1.5, True),
        (2.0, True),
    ]
    assert {frame.users for frame in frames} == {7}
    told = {index: moments for index, count, moments in noted(fleets.project) if count == 3}
    assert told.keys() == {0, 1, 2}
    moments = [moment for own in told.values() for moment in own]
    assert len(moments) == served  # not one request was lost or counted twice
    for frame, begin in zip(frames, [0.0, *(frame.t for frame in frames)], strict=False):
        within = sum(begin <= moment - opened.started < frame.t for moment in moments)
        # the recorder hears of a request within microseconds of the listener
        assert abs(ended([frame]) - within) <= 1
        for index, own in enumerate(frame.by_worker):
            within = sum(begin <= moment - opened.started < frame.t for moment in told[index])
            assert abs(own.ended - within) <= 1
        assert sum(own.ended for own in frame.by_worker) == ended([frame])
    closed = closed_of(messages)
    assert closed.drained and not closed.early and not closed.task_errors
    late = sum(moment >= opened.closes for moment in moments)
    assert abs(closed.ended_late - late) <= 1


@pytest.mark.parametrize("workers", [2, 4])
def test_one_schedule_is_dealt_out_and_every_arrival_is_accounted_for(
    workers: int, fleets: Fleets, tmp_path: Path
) -> None:
    driver = fleets.load(PLAIN_USER, workers, open_load=True)
    stages = [RateSegment(each.seconds, each.from_rate, each.to_rate) for each in RATE.stages]
    segments = [RateSegment(0.5, 200.0, 200.0), *stages]
    planned = len(schedule(segments, "poisson", "seed"))
    with serving("plain", tmp_path / "log") as server:
        messages = shared(driver, server.url, RATE)
        served = server.end()["served"]
    frames, closed = frames_of(messages), closed_of(messages)
    arrivals = [frame.arrivals for frame in frames if frame.arrivals is not None]
    assert sum(each.scheduled for each in arrivals) == planned
    sent = sum(each.sent for each in arrivals)
    left = closed.unfinished
    assert sent + left.waiting + left.undispatched == planned
    assert served == sent
    counted = ended(frames) + sum(each.count for each in closed.requests.values())
    assert counted == served
    by_schedule = sum(
        request.count
        for message in (*frames, closed)
        for group in message.by_scheduled_time
        for request in group.requests.values()
    )
    assert by_schedule == served
    for index in range(workers):
        own = sum(frame.by_worker[index].scheduled for frame in frames)
        assert own == len(range(index, planned, workers))
    assert sum(each.lag.count for each in arrivals) == sent
    assert not closed.early


def test_classes_of_users_share_the_whole_load_by_their_weights(
    fleets: Fleets, tmp_path: Path
) -> None:
    source = """
class Often(FastHttpUser):
    weight = 3
    wait_time = constant(0.05)

    def on_start(self):
        note([type(self).__name__, self.environment.runner.worker_index, random.random()])

    @task
    def read(self):
        self.client.get("/")

class Once(Often):
    weight = 0
    fixed_count = 1
"""
    driver = fleets.load("import random\n" + source, 4)
    with serving("plain", tmp_path / "log") as server:
        messages = shared(driver, server.url, ClosedLoadSpec(5), 0.0, 0.3)
        server.end()
    assert not closed_of(messages).early
    told = noted(fleets.project)
    assert sorted(name for name, _, _ in told) == ["Often"] * 4 + ["Once"]
    assert sorted(index for _, index, _ in told) == [0, 0, 1, 2, 3]
    drawn = {index: number for _, index, number in reversed(told)}
    assert len(set(drawn.values())) == 4  # each worker draws numbers of its own


@pytest.mark.parametrize("victim", ["worker", "load process"])
def test_a_worker_that_is_killed_voids_the_trial_and_the_next_one_has_another(
    victim: str, fleets: Fleets, tmp_path: Path
) -> None:
    driver = fleets.load(PLAIN_USER, 2)
    with serving("plain", tmp_path / "log") as server:
        messages = []
        for message in driver.drive(_trial(server.url, ClosedLoadSpec(4), window_s=20.0)):
            messages.append(message)
            if len(messages) == 2:
                pid = pid_in(opened_of(messages).workers[1].place)
                gone = [pid, *family(pid)]
                os.kill(pid if victim == "worker" else family(pid)[0], signal.SIGKILL)
                began = time.monotonic()
        assert time.monotonic() - began < 8
        closed = closed_of(messages)
        assert closed.early and not closed.drained and not closed.task_errors
        fault = fault_of(closed)
        assert fault.startswith(f"worker 2 (process {pid}) ")
        assert "SIGKILL" in fault
        assert any(fault in notice for notice in fleets.notices)
        assert eventually(lambda: not any(map(runs, gone)))
        again = shared(driver, server.url, ClosedLoadSpec(4))
        assert not closed_of(again).early
        assert [frame.users for frame in frames_of(again)] == [4, 4, 4]
        assert pid_in(opened_of(again).workers[1].place) != pid
        server.end()


def test_a_worker_that_stands_still_is_lost_by_name(fleets: Fleets, tmp_path: Path) -> None:
    driver = fleets.load(PLAIN_USER, 2)
    with serving("plain", tmp_path / "log") as server:
        messages = []
        for message in driver.drive(_trial(server.url, ClosedLoadSpec(4), window_s=30.0)):
            messages.append(message)
            if len(messages) == 2:
                began = time.monotonic()
                os.kill(pid_in(opened_of(messages).workers[0].place), signal.SIGSTOP)
        assert time.monotonic() - began < 12
        assert "worker 1" in fault_of(closed_of(messages))
        assert "was not heard of" in fault_of(closed_of(messages))
        assert not closed_of(shared(driver, server.url, ClosedLoadSpec(4))).early
        server.end()


def test_a_fault_of_the_scenario_in_one_worker_ends_the_trial_and_names_it(
    fleets: Fleets, tmp_path: Path
) -> None:
    source = """
class Reader(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def read(self):
        self.client.get("/")
        if self.environment.runner.worker_index == 1:
            self.environment.runner.quit()
"""
    driver = fleets.load(source, 2)
    with serving("plain", tmp_path / "log") as server:
        messages = shared(driver, server.url, ClosedLoadSpec(4), window_s=20.0)
        server.end()
    closed = closed_of(messages)
    assert closed.early
    assert not [end for end in closed.worker_ends if end.fault]
    [text] = closed.task_errors
    assert text.startswith("ended the test itself: environment.runner.quit()")
    assert text.endswith("in worker 2")


def test_when_the_master_is_killed_no_worker_loads_any_more(fleets: Fleets, tmp_path: Path) -> None:
    port = free_port()
    path = fleets.write(PLAIN_USER)
    driver = fleets.start(local=1, remote=1, port=port)
    with serving("plain", tmp_path / "log") as server, remote_worker(fleets.project, port) as far:
        driver.load(path, files=fleets.digests())
        moments: list[float] = []

        def drive() -> None:
            with pytest.raises(DriverError):
                for _ in driver.drive(_trial(server.url, ClosedLoadSpec(4), window_s=60.0)):
                    moments.append(time.monotonic())

        thread = threading.Thread(target=drive)
        thread.start()
        assert eventually(lambda: len(moments) > 2, 20)
        loading = family(far.pid)
        os.kill(driver.pid, signal.SIGKILL)
        killed = time.monotonic()
        assert eventually(lambda: not any(map(runs, loading)), 5.0)
        assert time.monotonic() - killed <= 5.0
        assert far.wait(5) == WorkerExit.NO_MASTER
        thread.join()
        assert server.end()["served"] > 0


def test_what_is_sent_to_the_port_by_strangers_does_not_end_the_run(
    fleets: Fleets, tmp_path: Path
) -> None:
    port = free_port()
    path = fleets.write(PLAIN_USER)
    driver = fleets.start(local=1, remote=1, port=port)
    context = zmq.Context()
    stranger = context.socket(zmq.DEALER)
    stranger.setsockopt(zmq.IDENTITY, b"stranger")
    stranger.connect(f"tcp://127.0.0.1:{port}")
    with serving("plain", tmp_path / "log") as server, remote_worker(fleets.project, port):
        driver.load(path, files=fleets.digests())
        for data in (
            b"",
            b"\xff\xfe",
            b"\xc1",
            b"\x93\xa5",
            b"\x91\x01",
            b"\x93\xa5stats\x80\xa1x",
        ):
            stranger.send(data)
        stranger.send_multipart([b"a", b"b", b"c"])
        with socket.create_connection(("127.0.0.1", port)) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        messages = shared(driver, server.url, ClosedLoadSpec(4))
        assert not closed_of(messages).early
        assert {frame.users for frame in frames_of(messages)} == {4}
        server.end()
    context.destroy(linger=0)
    assert any("was dropped" in notice for notice in fleets.notices)


def test_a_worker_with_another_token_or_other_files_is_refused_and_the_run_goes_on(
    fleets: Fleets, tmp_path: Path
) -> None:
    port = free_port()
    path = fleets.write(PLAIN_USER)
    other = tmp_path / "other"
    other.mkdir()
    (other / "scenario.py").write_text(path.read_text() + "\n# edited\n")
    driver = fleets.start(local=1, remote=1, port=port)
    loaded: list[tuple[str, ...]] = []
    thread = threading.Thread(
        target=lambda: loaded.append(driver.load(path, files=fleets.digests()))
    )
    with remote_worker(fleets.project, port, token="guessed") as first:
        thread.start()
        assert first.wait(60) == WorkerExit.REFUSED
        assert first.stdout is not None
        assert "does not know the token of this run" in first.stdout.read()
    with remote_worker(other, port) as second:
        assert second.wait(60) == WorkerExit.REFUSED
        assert second.stdout is not None
        assert "has another scenario.py" in second.stdout.read()
    with remote_worker(fleets.project, port):
        thread.join(60)
        assert loaded == [("Reader",)]
        with serving("plain", tmp_path / "log") as server:
            assert not closed_of(shared(driver, server.url, ClosedLoadSpec(2))).early
            server.end()
    text = "\n".join(fleets.notices)
    assert "was refused: it does not know the token" in text
    assert "worker 2 (" in text and "has another scenario.py" in text
    assert "guessed" not in text


def test_a_remote_worker_that_ends_is_replaced_by_one_that_joins(
    fleets: Fleets, tmp_path: Path
) -> None:
    port = free_port()
    path = fleets.write(PLAIN_USER)
    driver = fleets.start(local=0, remote=2, port=port)
    with serving("plain", tmp_path / "log") as server, remote_worker(fleets.project, port):
        with remote_worker(fleets.project, port) as second:
            driver.load(path, files=fleets.digests())
            assert not closed_of(shared(driver, server.url, ClosedLoadSpec(2))).early
            second.terminate()
            assert second.wait(5) == WorkerExit.ENDED
        with remote_worker(fleets.project, port):
            messages = shared(driver, server.url, ClosedLoadSpec(2))
            assert not closed_of(messages).early
        server.end()
    assert any("has left the run" in notice for notice in fleets.notices)


def test_a_scenario_that_was_edited_since_the_claim_was_sealed_is_refused(fleets: Fleets) -> None:
    path = fleets.write(PLAIN_USER)
    sealed = fleets.digests()
    fleets.write(PLAIN_USER + "\n# edited\n")
    driver = fleets.start(local=2)
    with pytest.raises(DriverError, match=r"worker \d \(process \d+\) has another scenario\.py"):
        driver.load(path, files=sealed)


def test_a_scenario_that_cannot_be_used_is_refused_with_its_line(fleets: Fleets) -> None:
    path = fleets.write("boom()\n")
    driver = fleets.start(local=2)
    with pytest.raises(ScenarioError, match="NameError") as found:
        driver.load(path)
    assert found.value.line == len(path.read_text().splitlines())
    assert found.value.file is not None and found.value.file.endswith("scenario.py")


def test_a_port_that_is_in_use_is_refused_by_name(fleets: Fleets) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        driver = fleets.start(local=1, port=port)
        with pytest.raises(UsageError, match=rf"^127\.0\.0\.1:{port} is in use: .* by --bind$"):
            driver.load(fleets.write(PLAIN_USER))


def test_an_address_of_another_machine_is_no_place_to_listen(fleets: Fleets) -> None:
    driver = fleets.start(local=0, remote=1, port=free_port(), host="192.0.2.1")
    with pytest.raises(
        UsageError, match=r"^192\.0\.2\.1:\d+ is no place .* write an address of this"
    ):
        driver.load(fleets.write(PLAIN_USER))


def test_a_scenario_that_fails_on_another_machine_is_no_fault_of_the_scenario_here(
    fleets: Fleets,
) -> None:
    port, path = free_port(), fleets.write("boom()\n")
    driver = fleets.start(local=0, remote=1, port=port)
    with (
        remote_worker(fleets.project, port),
        pytest.raises(
            DriverError, match=r"worker 1 \(.*\) cannot use the scenario: NameError"
        ) as found,
    ):
        driver.load(path)
    assert "Correct that there" in str(found.value)


def test_a_worker_that_dies_before_it_has_joined_is_named_at_once(fleets: Fleets) -> None:
    driver = fleets.start(local=1)
    kills = threading.Thread(target=_kill_first_child, args=(driver,))
    kills.start()
    began = time.monotonic()
    with pytest.raises(DriverError, match=r"worker 1 \(process \d+\) was ended by SIGKILL before"):
        driver.load(fleets.write(PLAIN_USER))
    assert time.monotonic() - began < 15
    kills.join()


def test_a_load_process_that_dies_at_its_import_ends_the_run_with_the_reason(
    fleets: Fleets,
) -> None:
    path = fleets.write("import ctypes\nctypes.string_at(0)\n")
    driver = fleets.start(local=2)
    began = time.monotonic()
    with pytest.raises(
        ScenarioError,
        match=r"worker \d \(process \d+\) lost the process that makes its load, which was ended by "
        "SIGSEGV before it was ready",
    ):
        driver.load(path)
    assert time.monotonic() - began < 30


def test_an_edit_after_the_import_changes_neither_what_runs_nor_what_is_reported(
    fleets: Fleets, tmp_path: Path
) -> None:
    driver = fleets.load(PLAIN_USER, 1)
    (fleets.project / "scenario.py").write_text("this is no Python\n")
    with serving("plain", tmp_path / "log") as server:
        messages = shared(driver, server.url, ClosedLoadSpec(2))
        server.end()
    assert not closed_of(messages).early
    assert ended(frames_of(messages)) > 0


def test_an_edit_on_another_machine_voids_the_trial_and_that_worker_is_not_taken_again(
    fleets: Fleets, tmp_path: Path
) -> None:
    port = free_port()
    path = fleets.write(PLAIN_USER)
    other = tmp_path / "other"
    other.mkdir()
    (other / "scenario.py").write_text(path.read_text())
    driver = fleets.start(local=0, remote=1, port=port)
    with serving("plain", tmp_path / "log") as server, remote_worker(other, port) as first:
        driver.load(path, files=fleets.digests())
        assert not closed_of(shared(driver, server.url, ClosedLoadSpec(2))).early
        (other / "scenario.py").write_text(path.read_text() + "# edited\n")
        closed = closed_of(shared(driver, server.url, ClosedLoadSpec(2)))
        assert closed.early
        assert fault_of(closed).endswith(
            " failed: its files are no longer those of its start: scenario.py"
        )
        assert first.wait(5) == WorkerExit.ENDED
        server.end()


def test_lateness_of_the_latest_worker_is_that_of_the_frame(fleets: Fleets, tmp_path: Path) -> None:
    source = """
class Reader(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def read(self):
        self.client.get("/")
        if self.environment.runner.worker_index == 1:
            until = time.monotonic() + 0.1
            while time.monotonic() < until:
                pass
"""
    driver = fleets.load(source, 2)
    with serving("plain", tmp_path / "log") as server:
        messages = shared(driver, server.url, ClosedLoadSpec(2), window_s=2.0)
        server.end()
    for frame in frames_of(messages)[1:]:
        first, second = (quantile(own.ticker_lateness, 0.99) or 0.0 for own in frame.by_worker)
        assert second > 0.05 > first
        assert frame.ticker_lateness == frame.by_worker[1].ticker_lateness


def test_the_same_seed_makes_the_schedule_of_one_process(fleets: Fleets, tmp_path: Path) -> None:
    """Two workers together send at the very moments at which one process would have sent."""
    source = """
class Reader(FastHttpUser):
    @task
    def read(self):
        note(time.monotonic())
        self.client.get("/")
"""
    load = OpenLoadSpec("poisson", (RateStage(60.0, 60.0, 1.0),), 20)
    driver = fleets.load(source, 2, open_load=True)
    with serving("plain", tmp_path / "log") as server:
        messages = shared(driver, server.url, load, warmup_s=0.0, window_s=1.0)
        server.end()
    started = opened_of(messages).started
    sent = sorted(moment - started for moment in noted(fleets.project))
    planned = schedule([RateSegment(1.0, 60.0, 60.0)], "poisson", "seed").tolist()
    assert len(sent) == len(planned)
    late = [at - due for at, due in zip(sent, planned, strict=True)]
    assert min(late) > -0.0005
    assert sorted(late)[len(late) // 2] < 0.02


def _trial(url: str, load: ClosedLoadSpec, window_s: float) -> RunTrial:
    return RunTrial(url, load, 0.5, window_s, "seed")


def _kill_first_child(driver: LoadDriver) -> None:
    for _ in itertools.repeat(None, 2000):
        for child in psutil.Process(driver.pid).children():
            child.kill()
            return
        time.sleep(0.005)
