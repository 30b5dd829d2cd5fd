"""A system that runs already: what of it can be measured, and what is refused."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.experiment.arm_identity_check import wrong_settings
from lab.processes.child_processes import Children
from lab.system import load_system
from lab.targets.target_interface import TargetFailure, TargetUsageError
from lab.targets.url_target import UrlTarget
from tests.pages import Page, served

ARMS = {"red": {"COLOUR": "red"}, "blue": {"COLOUR": "blue"}}
SWITCH = """\
import os, pathlib, sys
if os.environ["COLOUR"] == "green":
    sys.exit("there is no green")
pathlib.Path("settings.json").write_text('{"colour": "%s"}' % os.environ["COLOUR"])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "switch.py").write_text(SWITCH)
    (tmp_path / "settings.json").write_text("{}")
    return tmp_path


@pytest.fixture
def base(folder: Path) -> Iterator[str]:
    """The URL of a service that answers with the settings of a file."""

    class Handler(Page):
        def do_GET(self) -> None:
            body = json.dumps({"settings": json.loads((folder / "settings.json").read_text())})
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

    with served(Handler) as url:
        yield url


@pytest.fixture
def children() -> Iterator[Children]:
    with Children() as made:
        yield made


def target_of(folder: Path, base: str, children: Children, more: str = "") -> UrlTarget:
    (folder / "lab.toml").write_text(f'[url]\nbase = "{base}"\n{more}')
    return UrlTarget(load_system(folder), children, folder, anyway=True)


SWITCHED = 'switch = "python3 switch.py"\nsettings = "/#settings"\nready = "/"\n'


def test_arms_without_settings_are_the_one_system(
    folder: Path, base: str, children: Children
) -> None:
    target = target_of(folder, base, children)
    target.check({"all": {}})
    target.start({"all": {}})
    target.activate("all")
    assert target.url("all") == base and target.dead("all") is None
    assert target.roles("all") == {}  # it may be a tunnel
    own = target_of(folder, base, children, "processes = true\n")
    assert own.roles("all") == {"service": (os.getpid(),)}
    assert target.identities("all")["service"].settings is None and not target.proves_settings
    assert not target.is_switched
    assert target.conditions()["proof of the settings"] == {"service": "nothing"}
    target.reset("all")
    with pytest.raises(TargetFailure, match="not under a profiler"):
        target.profile("all")


def test_arms_with_settings_are_refused_without_a_switch(
    folder: Path, base: str, children: Children
) -> None:
    target = target_of(folder, base, children)
    with pytest.raises(TargetUsageError, match=r"arm red sets COLOUR, and nothing can.* switch ="):
        target.check(ARMS)
    assert children.running() == ()


def test_a_switch_lets_the_settings_of_an_arm_hold(
    folder: Path, base: str, children: Children
) -> None:
    target = target_of(folder, base, children, SWITCHED)
    target.check(ARMS)
    target.start(ARMS)
    for arm in ("red", "blue", "red"):
        target.activate(arm)
        assert wrong_settings(arm, target.identities(arm), target.expected(arm)) is None
    fault = wrong_settings("blue", target.identities("blue"), target.expected("blue"))
    assert fault is not None and "COLOUR is red, not blue" in fault.message
    assert target.proves_settings and target.is_switched


def test_a_command_resets_the_system_with_the_settings_of_the_arm(
    folder: Path, base: str, children: Children
) -> None:
    target = target_of(folder, base, children, 'reset = "python3 switch.py"\nready = "/"\n')
    assert target.is_switched  # it would undo what the users of another arm have done
    target.start(ARMS)
    target.reset("blue")
    assert json.loads((folder / "settings.json").read_text()) == {"colour": "blue"}
    assert children.running() == ()


def test_settings_are_made_to_hold_again_after_a_reset(
    folder: Path, base: str, children: Children
) -> None:
    (folder / "back.py").write_text(SWITCH.replace('os.environ["COLOUR"])', "'none')"))
    target = target_of(folder, base, children, f'reset = "python3 back.py"\n{SWITCHED}')
    target.check(ARMS)
    target.start(ARMS)
    for arm in ("red", "red", "blue"):
        target.activate(arm)
        target.reset(arm)
        assert json.loads((folder / "settings.json").read_text()) == {"colour": arm}


def test_after_a_reset_the_system_is_waited_for(
    folder: Path, base: str, children: Children
) -> None:
    (folder / "down.py").write_text("")
    more = 'reset = "python3 down.py"\nready = {path = "/", within = "1s"}\n'
    target = target_of(folder, base, children, more)
    target.start({"all": {}})
    target.reset("all")
    (folder / "settings.json").write_text("not JSON: it answers with an error")
    with pytest.raises(TargetFailure, match="service at"):
        target.reset("all")


def test_what_a_reset_starts_stays(folder: Path, base: str, children: Children) -> None:
    (folder / "again.py").write_text(
        "import pathlib, subprocess\n"
        "started = subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
        "pathlib.Path('started').write_text(str(started.pid))\n"
    )
    target = target_of(folder, base, children, 'reset = "python3 again.py"\nready = "/"\n')
    target.start({"all": {}})
    target.reset("all")
    os.kill(int((folder / "started").read_text()), signal.SIGKILL)  # it is there


def test_a_reset_of_processes_is_none_of_a_url(folder: Path, base: str, children: Children) -> None:
    toml = 'reset = "true"\n[[process]]\nname = "web"\ncommand = "true {port}"\n'
    (folder / "lab.toml").write_text(f'{toml}[url]\nbase = "{base}"\n')
    target = UrlTarget(load_system(folder), children, folder, anyway=True)
    with pytest.raises(TargetUsageError, match=r"`reset` at the root is .* Write one into .url."):
        target.check({"all": {}})


def test_an_arm_that_leaves_out_what_another_sets_is_refused(
    folder: Path, base: str, children: Children
) -> None:
    target = target_of(folder, base, children, SWITCHED)
    with pytest.raises(TargetUsageError, match=r"arm plain does not set COLOUR.*in every arm"):
        target.check({"plain": {}, "red": {"COLOUR": "red"}})
    target.check({"plain": {"COLOUR": "white"}, "red": {"COLOUR": "red"}})


def test_what_a_switch_starts_is_not_ended_with_the_run(
    folder: Path, base: str, children: Children
) -> None:
    (folder / "switch.py").write_text(
        "import os, pathlib; pathlib.Path('run').write_text(os.environ['LAB_RUN'])"
    )
    target = target_of(folder, base, children, SWITCHED)
    target.start(ARMS)
    target.activate("red")
    assert (folder / "run").read_text() == ""


def test_a_switch_that_fails_is_one_message(folder: Path, base: str, children: Children) -> None:
    target = target_of(folder, base, children, SWITCHED)
    target.start({"green": {"COLOUR": "green"}})
    with pytest.raises(
        TargetFailure, match=r"`switch` to arm green ended with exit code 1.*\nthere is no green"
    ):
        target.activate("green")
    with pytest.raises(TargetFailure, match="cannot be started again"):
        target.restart("green")


def test_what_does_not_answer_is_one_message(folder: Path, children: Children) -> None:
    more = 'ready = {path = "/", within = "200ms"}\n'
    target = target_of(folder, "http://127.0.0.1:9", children, more)
    with pytest.raises(TargetFailure, match=r"the service at http://127.0.0.1:9 is not ready: GET"):
        target.start({"all": {}})
