"""`OpenHttpUser` under plain Locust: a class that cannot be a source of arrivals ends Locust."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cases.arm import Arm
from tests.runs import ROOT

CASES = Path(__file__).parent / "open_user"
pytestmark = pytest.mark.slow


def locust(file: Path, arm: Arm, *options: str) -> subprocess.CompletedProcess[str]:
    """Plain `locust --headless`."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "locust", "-f", str(file), "--headless", "--json"),
            *("-t", "3s", "-r", "10", "--stop-timeout", "1", "--host", arm.url),
            *(options or ("-u", "2")),
        ],
        cwd=file.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (
            "O5-task-set-in-open-user/open_taskset.py",
            "open_taskset.py, line 19: Shopper has the task set Flow, in which a user stays",
        ),
        ("O6-rate-zero/open_zero.py", "Admin: `rate` is 0. Write a number of arrivals a second"),
        ("O6-rate-zero/open_zero_constant.py", "Admin: `rate` is 0. Write a number"),
        ("O6-rate-zero/open_text.py", "Admin: `rate` is '5'. Write a number"),
        (
            "O6-rate-zero/open_uniform.py",
            "Admin: `arrivals` is 'uniform'. Write 'poisson' or 'constant'",
        ),
    ],
)
def test_a_wrong_source_ends_locust(file: str, message: str, arm: Arm) -> None:
    before = arm.served.total()
    done = locust(CASES / file, arm)
    assert done.returncode == 1, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert arm.served.total() == before


SHOPPER = """\
from locust import events, task
from lab.driver.user import OpenHttpUser
import decimal, numpy

class Shopper(OpenHttpUser):
    {line}
    {task}
    def look(self):
        self.client.get("/", name="look")
"""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("rate = -1", "`rate` is -1."),
        ("rate = float('nan')", "`rate` is nan."),
        ("rate = float('inf')", "`rate` is inf."),
        ("rate = None", "`rate` is None."),
        ("rate = True", "`rate` is True."),
        ("rate = (10, 20)", "`rate` is (10, 20)."),
        ("rate = decimal.Decimal(5)", "`rate` is Decimal('5')."),
        ("arrivals = None", "`arrivals` is None."),
        ("arrivals = 'Poisson'", "`arrivals` is 'Poisson'."),
        ("arrivals = ['poisson']", "`arrivals` is ['poisson']."),
        ("most_users = 0", "`most_users` is 0."),
        ("most_users = -5", "`most_users` is -5."),
        ("most_users = 2.5", "`most_users` is 2.5."),
        ("most_users = '10'", "`most_users` is '10'."),
        ("most_users = None", "`most_users` is None."),
    ],
)
def test_each_attribute_is_checked(line: str, message: str) -> None:
    code = (
        "import types, sys\n"
        + SHOPPER.format(line=line, task="@task")
        + "from lab.driver.open_user_rules import source_flaws\n"
        "print(*source_flaws(Shopper), sep='\\n')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    (flaw,) = done.stdout.splitlines()
    assert flaw.startswith(f"Shopper: {message} Write ")


def test_a_class_without_a_task_ends_locust(arm: Arm, tmp_path: Path) -> None:
    file = tmp_path / "locustfile.py"
    file.write_text(SHOPPER.format(line="rate = 5", task=""))
    done = locust(file, arm)
    assert done.returncode == 1
    assert "locustfile.py, line 5: Shopper has no task. Give it a method with @task" in done.stderr


def test_a_user_that_sets_a_wrong_rate_ends_and_so_says_the_exit_code(
    arm: Arm, tmp_path: Path
) -> None:
    text = (CASES / "O6-rate-zero/open_zero.py").read_text()
    own = "def __init__(self, environment):\n        super().__init__(environment)\n        self."
    file = tmp_path / "locustfile.py"
    file.write_text(text.replace("rate = 0\n", f"{own}rate = 0\n"))
    done = locust(file, arm)
    assert done.returncode == 1
    assert "Admin: `rate` is 0. Write a number" in done.stderr
    assert [row["name"] for row in json.loads(done.stdout)] == ["look"]


LATE = """

@events.init.add_listener
def read_options(**_):
    Shopper.rate = 10
"""


def test_a_rate_may_be_set_at_init(arm: Arm, tmp_path: Path) -> None:
    file = tmp_path / "locustfile.py"
    file.write_text(SHOPPER.format(line="rate = None; arrivals = 'constant'", task="@task") + LATE)
    done = locust(file, arm, "-u", "1")
    assert done.returncode == 0, done.stderr
    (seen,) = json.loads(done.stdout)
    assert 10 <= seen["num_requests"] <= 31


def test_what_the_message_advises_works(arm: Arm, tmp_path: Path) -> None:
    text = (CASES / "O6-rate-zero/open_zero.py").read_text()
    file = tmp_path / "locustfile.py"
    file.write_text(text.replace("rate = 0\n", "rate = 0\n    weight = 0\n"))
    done = locust(file, arm)
    assert done.returncode == 0, done.stderr
    assert [row["name"] for row in json.loads(done.stdout)] == ["look"]


WAITING = """\
import gevent
from locust import task
from lab.driver.user import OpenHttpUser

class Shopper(OpenHttpUser):
    rate, arrivals, most_users = 10, "constant", 1

    @task
    def look(self):
        gevent.joinall([gevent.spawn(self.client.get, "/?ms=200", name="look") for _ in "ab"])
"""


def test_response_times_start_at_the_schedule_whoever_sends(arm: Arm, tmp_path: Path) -> None:
    file = tmp_path / "locustfile.py"
    file.write_text(WAITING)
    done = locust(file, arm, "-u", "1")
    (seen,) = json.loads(done.stdout)
    # five of ten arrivals a second are carried out: the wait grows by .1 s with each
    mean = seen["total_response_time"] / seen["num_requests"] / 1000
    assert mean > 0.5
    assert seen["min_response_time"] >= 200
    assert re.search(r"arrivals: \d+ scheduled, \d+ sent, \d+ unsent", done.stderr)
