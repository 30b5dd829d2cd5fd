"""Scenarios that reach for another host: refused with the line, whatever they make of the error.

The address is of the range for documentation (RFC 5737): nothing answers there.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.driver_messages import OpenLoadSpec, RateStage, RunTrial
from lab.instruments.locust_driver_process import DriverError, LoadDriver, ScenarioError
from lab.instruments.soak_script_driver import SoakScriptDriver
from lab.processes.child_processes import Children
from tests.cases.arm import Arm
from tests.lab.driver.scenarios import PLAIN_USER, Drivers, faults_of, run
from tests.lab.instruments.benchmark_files import BenchmarkFiles
from tests.runs import ROOT

pytestmark = pytest.mark.slow

ELSEWHERE = "198.51.100.7"
REFUSED = f"reaches for another host: a connection to {ELSEWHERE}:80 is refused"
USER = """
class Reader({base}):
    wait_time = constant(0.05)

    @task
    def read(self):
        self.client.get("/")
        {act}
"""
ACTS = {
    "a client of Locust": ("FastHttpUser", f'self.client.get("http://{ELSEWHERE}/")'),
    "another client of Locust": ("HttpUser", f'self.client.get("http://{ELSEWHERE}/")'),
    "a socket": ("FastHttpUser", f'socket.create_connection(("{ELSEWHERE}", 80), 1)'),
    "an error that is swallowed": (
        "FastHttpUser",
        f"""try: socket.create_connection(("{ELSEWHERE}", 80), 1)
        except Exception: pass""",
    ),
}


@pytest.mark.parametrize("act", ACTS)
def test_a_task(act: str, drivers: Drivers, arm: Arm) -> None:
    base, code = ACTS[act]
    driver = drivers.load(USER.format(base=base, act=code))
    faults = faults_of(run(driver, arm.url))
    line = drivers.line(ELSEWHERE)
    assert any(text.startswith(REFUSED) and f":{line}, in read" in text for text in faults), faults


def test_an_import(drivers: Drivers) -> None:
    with pytest.raises(ScenarioError, match="is refused: only this machine"):
        drivers.load(f'socket.create_connection(("{ELSEWHERE}", 80), 1)\n' + PLAIN_USER)


def test_a_rehearsal(drivers: Drivers) -> None:
    code = f"""
@events.init.add_listener
def init(environment, **_):
    try:
        socket.create_connection(("{ELSEWHERE}", 80), 1)
    except OSError:
        pass
"""
    with pytest.raises(ScenarioError, match=REFUSED) as caught:
        drivers.load(code + PLAIN_USER)
    assert caught.value.line == drivers.line(ELSEWHERE)


def test_a_host_that_is_allowed_is_asked(
    children: Children, drivers: Drivers, arm: Arm, tmp_path: Path
) -> None:
    """Nothing answers there: it is the attempt that counts."""
    drivers.load(PLAIN_USER)  # writes the file
    base, code = ACTS["an error that is swallowed"]
    path = tmp_path / "scenario.py"
    head = path.read_text().removesuffix(PLAIN_USER)
    path.write_text(head + USER.format(base=base, act=code.replace("80), 1", "80), 0.01")))
    driver = LoadDriver(children, ROOT, None, limit_factor=0.1, allowed=[ELSEWHERE])
    driver.load(path)
    assert not [text for text in faults_of(run(driver, arm.url)) if "another host" in text]


def test_a_soak_script(children: Children, tmp_path: Path) -> None:
    script = tmp_path / "soak_it.py"
    script.write_text(
        f'import socket, sys\nassert sys.argv[1] == "http://h"\n'
        f'socket.create_connection(("{ELSEWHERE}", 80), 1)\n'
    )
    load = OpenLoadSpec("constant", (RateStage(20.0, 20.0, 1.0),), max_users=1)
    driver = SoakScriptDriver(children, tmp_path, script, None)
    trial = RunTrial(host="http://h", load=load, warmup_s=0.0, window_s=5.0, seed="7-1")
    with pytest.raises(DriverError, match=f"connection to {ELSEWHERE}:80 is refused"):
        list(driver.drive(trial))


def test_a_benchmark(children: Children, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    files = BenchmarkFiles(folder, children)
    files.write(f"""
        import socket

        def test_a(benchmark):
            benchmark(lambda: socket.create_connection(("{ELSEWHERE}", 80), 1))
    """)
    assert f"connection to {ELSEWHERE}:80 is refused" in files.failure()
