"""Processes of this machine, as a `lab.toml` describes them: started, proved, ended."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from lab.errors import UsageError
from lab.experiment.arm_identity_check import wrong_settings
from lab.instruments.process_sampler import ProcessSampler
from lab.machine.cpu_pinning import Cores
from lab.processes.child_processes import Children
from lab.processes.cleanup_watchdog import start_ticks
from lab.processes.process_tree import with_variable
from lab.system import load_system
from lab.targets.local_target import LocalTarget
from lab.targets.target_interface import SettingError, TargetFailure, TargetUsageError
from tests.lab.targets.local_services import listening, project_of
from tests.runs import PATH, ROOT

pytestmark = pytest.mark.slow
CORES = Cores((0,), (0,))
ARMS = {"red": {"COLOUR": "red"}, "blue": {"COLOUR": "blue"}}

Make = Callable[..., LocalTarget]


class Bench:
    """Makes targets and notes what they report; nothing of them may be left at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes: list[str] = []
        self.children = Children()
        self.targets: list[LocalTarget] = []

    def target(
        self, toml: str, *, anyway: bool = True, revisions: Mapping[str, Path] | None = None
    ) -> LocalTarget:
        project = project_of(self.folder, toml)
        made = LocalTarget(
            load_system(project),
            self.children,
            project,
            CORES,
            None,
            self.notes.append,
            anyway=anyway,
            revisions=revisions,
        )
        self.targets.append(made)
        return made

    def started(self, toml: str, arms: dict[str, dict[str, str]] = ARMS) -> LocalTarget:
        target = self.target(toml)
        target.check(arms)
        target.start(arms)
        return target

    def family(self) -> list[int]:
        """Every process of the run, whoever its parent is by now."""
        return with_variable("LAB_RUN", self.children._variable["LAB_RUN"])

    def end(self) -> list[int]:
        """Stop all targets; the processes that are left."""
        for target in self.targets:
            target.stop()
        deadline = time.monotonic() + 2
        while (left := self.family()) and time.monotonic() < deadline:
            time.sleep(0.02)
        return left


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    for name, value in PATH.items():  # `python` is the one that runs the tests
        monkeypatch.setenv(name, value)
    made = Bench(tmp_path / "project")
    try:
        yield made
        assert made.end() == []
    finally:
        made.children.close()


def asked(target: LocalTarget, arm: str, path: str = "/") -> dict[str, Any]:
    with urllib.request.urlopen(target.url(arm) + path, timeout=5) as answer:
        data: dict[str, Any] = json.load(answer)
        return data


def test_every_arm_has_processes_of_its_own_with_its_settings(bench: Bench) -> None:
    toml = listening(
        "{COLOUR}", 'env = {COLOUR = "none", MODE = "{COLOUR}-mode", URL = "{web.url}"}'
    )
    target = bench.started(toml)
    for arm in ARMS:
        data = asked(target, arm)
        assert data["config"]["COLOUR"] == arm and data["args"][1:] == [arm]
        assert data["config"]["MODE"] == f"{arm}-mode"
        assert data["config"]["URL"] == target.url(arm)
        assert target.roles(arm) == {"web": (data["pid"],)}
    assert target.url("red") != target.url("blue")
    assert target.loaded.role == "web" and target.loaded.metrics is None
    assert target.dead("red") is None and target.activity("red") == {}
    target.reset("red")  # there is nothing to reset
    assert target.conditions()["arms"]["red"]["settings"] == {"COLOUR": "red"}


def test_a_revision_comes_before_what_lab_toml_adds_to_the_import_path(bench: Bench) -> None:
    toml = listening("", 'env = {PYTHONPATH = "stubs"}\n')
    revision = project_of(bench.folder.with_name("revision"), toml)
    red = {"red": ARMS["red"]}
    paths: dict[str, dict[str, Path]] = {
        f"{revision}{os.pathsep}stubs": {"red": revision},
        "stubs": {},
    }
    for path, revisions in paths.items():
        target = bench.target(toml, revisions=revisions)
        target.check(red)
        target.start(red)
        assert asked(target, "red")["config"]["PYTHONPATH"] == path


def test_an_inherited_socket_is_never_taken_by_another(bench: Bench) -> None:
    toml = listening().replace("{port}", "--fd {fd}")
    target = bench.started(toml)
    assert asked(target, "red")["config"]["COLOUR"] == "red"
    url, pid = target.url("red"), target.roles("red")
    target.restart("red")
    assert target.url("red") == url and target.roles("red") != pid


def test_arms_restart_together_with_their_own_settings(bench: Bench) -> None:
    target = bench.started(listening())
    before = {arm: target.identities(arm)["web"].instance for arm in ARMS}
    target.restart(*ARMS)
    for arm in ARMS:
        assert target.identities(arm)["web"].instance != before[arm]
        assert asked(target, arm)["config"]["COLOUR"] == arm


def test_a_port_in_the_environment_and_a_url_of_an_earlier_process(bench: Bench) -> None:
    toml = (
        '[[process]]\nname = "quotes"\ncommand = "python server.py"\nenv = {PORT = "{port}"}\n'
        + listening("", 'env = {QUOTES = "{quotes.url}"}\n')
    )
    target = bench.started(toml)
    quotes = asked(target, "blue")["config"]["QUOTES"]
    with urllib.request.urlopen(quotes, timeout=5) as answer:
        assert json.load(answer)["config"]["COLOUR"] == "blue"
    assert set(target.roles("blue")) == {"quotes", "web"}
    assert set(target.identities("blue")) == {"quotes", "web"}


# -- how it is known that the arms differ ----------------------------------------------------


def test_settings_are_proved_by_the_word_of_the_process(bench: Bench) -> None:
    target = bench.started(listening("", 'settings = "/#config"\ninstance = "/#pid"\n'))
    identity = target.identities("red")["web"]
    assert identity.settings is not None and identity.settings["COLOUR"] == "red"
    assert identity.instance == str(asked(target, "red")["pid"])
    assert wrong_settings("red", target.identities("red"), target.expected("red")) is None
    assert target.proves_settings
    assert target.conditions()["proof of the settings"] == {"web": "its own word"}


def test_a_setting_of_the_command_alone_is_proved_by_the_environment(bench: Bench) -> None:
    arms = {"red": {"COLOUR": "red", "WORKERS": "4"}}
    target = bench.started(listening("--workers={WORKERS}", 'settings = "/#own"\n'), arms)
    identities = target.identities("red")
    assert identities["web"].settings == {"COLOUR": "red", "WORKERS": "4"}
    assert wrong_settings("red", identities, target.expected("red")) is None


def test_an_answer_with_another_arms_settings_is_a_fault(bench: Bench) -> None:
    target = bench.started(listening("--other-arm", 'settings = "/#config"\n'))
    fault = wrong_settings("red", target.identities("red"), target.expected("red"))
    assert fault is not None and fault.gate == "settings" and not fault.retryable
    assert fault.message == "Arm red answers with other settings: COLOUR is green, not red."


def test_without_its_word_the_environment_is_read_back(bench: Bench) -> None:
    target = bench.started(listening())
    assert target.identities("blue")["web"].settings == {"COLOUR": "blue"}
    assert target.proves_settings
    proof = target.conditions()["proof of the settings"]
    assert proof == {"web": "the environment of its process, read back"}


def test_a_file_that_arms_share_is_named_and_each_has_a_folder_of_its_own(bench: Bench) -> None:
    target = bench.started(listening("--writes shared.db"))
    assert target.conditions()["files that arms share"] == {
        str(bench.folder / "shared.db"): ["red", "blue"]
    }
    assert bench.notes == [
        f"arms red, blue all write to {bench.folder / 'shared.db'}: what one leaves there, the "
        "others find. Give each a file of its own, in {arm.folder}"
    ]
    target.stop()
    target = bench.started(listening("--writes {arm.folder}/own.db"))
    assert "files that arms share" not in target.conditions()
    assert len({asked(target, arm)["args"][-1] for arm in ARMS}) == 2


def test_it_is_that_of_the_process_that_listens(bench: Bench) -> None:
    target = bench.target(listening().replace("python server.py", "sh start.sh"))
    script = f"COLOUR=green {sys.executable} server.py $1\ntrue\n"  # as in a script of npm
    (bench.folder / "start.sh").write_text(script)
    target.check(ARMS)
    target.start(ARMS)
    fault = wrong_settings("red", target.identities("red"), target.expected("red"))
    assert fault is not None
    assert fault.message == "Arm red answers with other settings: COLOUR is green, not red."


def test_a_setting_that_its_word_leaves_out_is_named_with_what_is_missing(bench: Bench) -> None:
    target = bench.started(
        listening("", 'settings = "/#own"\n'), {"red": {"COLOUR": "red", "SIZE": "4"}}
    )
    fault = wrong_settings("red", target.identities("red"), target.expected("red"))
    assert fault is not None
    assert fault.message.startswith("No process of arm red reports SIZE")


def test_where_the_environment_is_hidden_nothing_proves_them(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.targets.process_identity.environment_of", lambda pid: {})
    target = bench.started(listening())
    assert not target.proves_settings
    assert target.conditions()["proof of the settings"] == {"web": "nothing"}
    assert wrong_settings("red", target.identities("red"), target.expected("red")) is None


def test_an_answer_that_is_no_settings_is_one_message(bench: Bench) -> None:
    target = bench.target(listening("", 'settings = "/#nothing"\n'))
    target.check(ARMS)
    with pytest.raises(TargetFailure, match=r"the web of arm red answers at /, but without /#noth"):
        target.start(ARMS)


# -- readiness -------------------------------------------------------------------------------


def test_a_redirect_is_ready(bench: Bench) -> None:
    assert bench.started(listening().replace('ready = "/"', 'ready = "/moved"')).url("red")


@pytest.mark.parametrize("ready", ['ready = {log = "listening"}', ""])
def test_a_line_of_the_log_or_the_port_says_that_a_process_is_ready(
    ready: str, bench: Bench
) -> None:
    target = bench.started(listening().replace('ready = "/"', ready))
    assert asked(target, "red")["config"]["COLOUR"] == "red"


def test_a_process_that_never_gets_ready_is_one_message(bench: Bench) -> None:
    target = bench.target(
        listening("--never-ready").replace('"/"', '{path = "/", within = "500ms"}')
    )
    with pytest.raises(
        TargetFailure,
        match=r"the web of arm red is not ready: GET /: status 503 \(waited 0\.5 s\)\. If it needs "
        r'more time, `ready = {within = "2m"}` gives it that:\nstarting',
    ):
        target.start(ARMS)


def test_a_log_that_never_has_its_line_is_one_message(bench: Bench) -> None:
    ready = '{log = "never said", within = "300ms"}'
    target = bench.target(listening().replace('"/"', ready))
    with pytest.raises(TargetFailure, match=r"its log has no line with `never said` \(waited 0\.3"):
        target.start(ARMS)


def test_a_process_that_exits_at_once_is_shown_with_its_log(bench: Bench) -> None:
    target = bench.target(listening("--exits"))
    with pytest.raises(
        TargetFailure,
        match=r"(?s)the web of arm red ended with exit code 1 while starting:\n.*no configuration",
    ):
        target.start(ARMS)


# -- what services do ------------------------------------------------------------------------


def test_a_process_that_ignores_its_stop_signal_is_killed_and_named(bench: Bench) -> None:
    stop = 'stop = {signal = "SIGTERM", patience = "300ms"}\n'
    bench.started(listening("--stubborn", stop))
    began = time.monotonic()
    assert bench.end() == []
    assert time.monotonic() - began < 4
    assert bench.notes == [
        f"the web of arm {arm} did not end within 0.3 s of its stop signal, and was killed"
        for arm in ARMS
    ]


def test_all_that_a_process_forks_is_sampled_pinned_and_ended(bench: Bench) -> None:
    arms = {"red": ARMS["red"]}
    target = bench.started(listening("--forks"), arms)
    deadline = time.monotonic() + 5
    while len(found := bench.family()) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(found) == 3
    assert len({os.getsid(pid) for pid in found}) == 2
    sampler = ProcessSampler(target.roles("red"))
    sampler.sample()
    assert (sampler.samples[0].threads["web"] or 0) >= 3
    target._arms["red"].pin([0])
    assert all(os.sched_getaffinity(pid) == {0} for pid in found)
    assert bench.end() == []


def test_what_hides_its_environment_is_ended_as_well(bench: Bench) -> None:
    bench.started(listening("--hides"), {"red": ARMS["red"]})
    hidden = int((bench.folder / "hidden").read_text())
    assert start_ticks(hidden) is not None and hidden not in bench.family()
    assert bench.end() == []
    deadline = time.monotonic() + 2
    while start_ticks(hidden) is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert start_ticks(hidden) is None


def test_a_log_of_many_megabytes_is_cut_to_its_end(bench: Bench) -> None:
    ready = '{log = "listening"}'
    target = bench.started(listening("--floods").replace('"/"', ready), {"red": ARMS["red"]})
    log = bench.children.logs / "web-red.log"
    deadline = time.monotonic() + 5
    while not (text := log.read_text()).startswith("[") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(text) < 9_000_000 and text.endswith("listening\n")
    assert "bytes before this are left out" in text.partition("\n")[0]
    assert asked(target, "red")
    assert bench.end() == []
    assert bench.notes == [
        "the web of arm red printed so much that only the end of its log is kept"
    ]


def test_a_port_in_use_is_one_message(bench: Bench) -> None:
    """The program has its own idea of the port: it is taken, and its log says so."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        target = bench.target(listening().replace("{port}", f"{port} {{port}}"))
        with pytest.raises(TargetFailure, match=r"(?s)ended with exit code 1 while.*in use"):
            target.start({"red": ARMS["red"]})


def test_a_port_that_something_else_serves_is_one_message(bench: Bench) -> None:
    """It is answered by a process that the arm did not start."""
    target = bench.target(listening("", 'env = {PORT = "{port}"}\n'))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lab.targets.local_arm.listeners", lambda port: [os.getpid()])
        with pytest.raises(TargetFailure, match=r"port \d+ of the web of arm red is served by py"):
            target.start(ARMS)


def test_a_service_that_the_command_left_to_a_daemon_is_one_message(bench: Bench) -> None:
    """What listens belongs to another user, as the proxy of a container engine does."""
    target = bench.target(listening())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lab.targets.local_arm.listeners", lambda port, among=(): [])
        with pytest.raises(
            TargetFailure, match=r"served by a process of another user.*\[compose\]"
        ):
            target.start(ARMS)


def test_what_a_service_leaves_behind_as_a_daemon_is_named(bench: Bench) -> None:
    target = bench.started(listening("--daemon"), {"red": ARMS["red"]})
    (note,) = bench.notes
    assert note.startswith("the web of arm red left python") and "as a daemon" in note
    (names,) = target.conditions()["daemons"].values()
    assert len(names) == 1
    target.stop()
    assert "daemons" not in bench.started(listening()).conditions()


def test_a_process_that_shows_nobody_what_it_has_open_proves_no_settings(bench: Bench) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lab.targets.local_arm.listeners", lambda port, among=(): [])
        patch.setattr("lab.targets.local_arm.shows_its_files", lambda pid: False)
        target = bench.started(listening())
        assert target.identities("red")["web"].settings is None
    assert not target.proves_settings


def test_a_process_that_listens_elsewhere_is_one_message(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    toml = listening().replace("{port}", f"{port} {{port}}")
    target = bench.target(toml.replace('"/"', '{path = "/", within = "500ms"}'))
    told = rf"waited 0\.5 s\)\. It listens on 127\.0\.0\.1:{port}; let its command or its env take"
    with pytest.raises(TargetFailure, match=told):
        target.start({"red": ARMS["red"]})


def test_a_process_that_listens_by_ipv6_only_is_one_message(bench: Bench) -> None:
    toml = listening("--ipv6").replace('"/"', '{path = "/", within = "500ms"}')
    with pytest.raises(TargetFailure, match=r"It listens on ::1 only; let it listen on 127\."):
        bench.target(toml).start({"red": ARMS["red"]})


def test_a_process_that_dies_later_is_found_dead(bench: Bench) -> None:
    target = bench.started(listening())
    psutil.Process(target.roles("red")["web"][0]).kill()
    deadline = time.monotonic() + 5
    while target.dead("red") is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert target.dead("red") == "the web of arm red ended by SIGKILL"
    assert target.dead("blue") is None


# -- before anything starts ------------------------------------------------------------------


def test_a_program_that_is_not_there_is_one_message(bench: Bench) -> None:
    for command in ("no-such-program {port}", "./no-such-file {port}"):
        toml = f'[[process]]\nname = "web"\ncommand = "{command}"\n'
        with pytest.raises(TargetUsageError, match=r"lab\.toml:3: there is no program `[./]*no-s"):
            bench.target(toml).check(ARMS)
    assert bench.family() == []


def test_a_setting_that_nothing_names_is_refused_before_anything_starts(bench: Bench) -> None:
    with pytest.raises(SettingError, match="COLOR"):
        bench.target(listening(), anyway=False).check({"red": {"COLOR": "red"}})
    assert bench.family() == []


# -- the database ----------------------------------------------------------------------------

POSTGRES = """\
[postgres]
prepare = "python prepare.py {postgres.url}"
reset = "reset.sql"
"""
PREPARE = """\
import os, sys
import psycopg

assert os.environ["DATABASE_URL"] == sys.argv[1] and os.environ["COLOUR"]
if os.environ["COLOUR"] == "broken":
    sys.exit("cannot be prepared")
with psycopg.connect(sys.argv[1]) as connection:
    connection.execute("CREATE TABLE colours (name text)")
    connection.execute("INSERT INTO colours VALUES (%s)", [os.environ["COLOUR"]])
"""


def test_a_database_is_prepared_once_and_reset_for_every_trial(bench: Bench) -> None:
    import psycopg

    bench.folder.mkdir()
    (bench.folder / "prepare.py").write_text(PREPARE)
    (bench.folder / "reset.sql").write_text("UPDATE colours SET name = 'reset'")
    parts = "user={postgres.user} host={postgres.host} port={postgres.port} "
    parts += "password={postgres.password} dbname={postgres.database}"
    env = 'env = {DATABASE_URL = "{postgres.url}", PARTS = "' + parts + '"}\n'
    target = bench.started(listening("", env) + POSTGRES)
    config = asked(target, "red")["config"]
    url = config["DATABASE_URL"]
    with psycopg.connect(config["PARTS"]) as connection, psycopg.connect(url) as by_url:
        assert connection.info.dbname == by_url.info.dbname
        assert connection.info.host == "127.0.0.1"  # for programs that take no Unix socket
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(config["PARTS"], password="another")

    def colours() -> list[tuple[str]]:
        with psycopg.connect(url) as connection:
            return connection.execute("SELECT name FROM colours").fetchall()

    assert colours() == [("red",)]
    target.reset("red")
    assert colours() == [("reset",)]
    target.restart("red")
    assert colours() == [("reset",)]
    assert target.activity("red")["active"] == 0
    assert set(target.roles("red")) == {"web", "database"}
    assert target.conditions()["postgresql_is"] == "embedded"
    target.stop()
    assert [child.role for child in bench.children.running()] == ["database"]
    bench.children.stop(*bench.children.running())


def test_a_database_that_cannot_be_prepared_is_one_message(bench: Bench) -> None:
    bench.folder.mkdir()
    (bench.folder / "prepare.py").write_text(PREPARE)
    (bench.folder / "reset.sql").touch()
    target = bench.target(listening() + POSTGRES)
    with pytest.raises(TargetFailure, match=r"(?s)`prepare` of arm bad ended with.*cannot be prep"):
        target.start({"bad": {"COLOUR": "broken"}})
    target.stop()
    bench.children.stop(*bench.children.running())


# -- the command that resets an arm ------------------------------------------------------------

RESET = """\
import os, pathlib, sys
if os.environ["COLOUR"] == "broken":
    sys.exit("no such colour")
found = [*sys.argv[1:], os.environ["URL"]]
pathlib.Path(f"reset-{os.environ['COLOUR']}.txt").write_text(" ".join(found))
"""


def test_a_command_resets_an_arm_before_each_trial(bench: Bench) -> None:
    bench.folder.mkdir()
    (bench.folder / "reset.py").write_text(RESET)
    toml = 'reset = "python reset.py {web.url} {web.port} {arm.folder} {COLOUR}"\n'
    toml += listening("", 'env = {URL = "{web.url}/of-the-arm", SOCKET = "{port}"}\n')
    target = bench.started(toml)
    for arm in ("red", "blue", "red"):
        target.reset(arm)
        found = bench.folder / f"reset-{arm}.txt"
        url, port, folder, colour, own = found.read_text().split()
        assert own == f"{url}/of-the-arm"  # as the service itself gets it
        assert (url, colour) == (target.url(arm), arm) and Path(folder).is_dir()
        assert url == f"http://127.0.0.1:{port}"
        found.unlink()
    assert list(bench.folder.glob("reset-*.txt")) == []


def test_a_command_resets_a_database_before_its_script(bench: Bench) -> None:
    import psycopg

    bench.folder.mkdir()
    (bench.folder / "prepare.py").write_text(PREPARE)
    again = PREPARE.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS")
    (bench.folder / "reset.py").write_text(again)
    (bench.folder / "reset.sql").write_text("INSERT INTO colours VALUES ('by the script')")
    toml = 'reset = "python reset.py {postgres.url}"\n' + listening() + POSTGRES
    target = bench.started(toml, {"red": ARMS["red"]})
    target.reset("red")
    with psycopg.connect(target._database("red")) as connection:
        found = connection.execute("SELECT name FROM colours").fetchall()
    assert found == [("red",), ("red",), ("by the script",)]
    target.stop()
    bench.children.stop(*bench.children.running())


def test_a_reset_may_make_the_database_anew(bench: Bench) -> None:
    import psycopg

    bench.folder.mkdir()
    (bench.folder / "prepare.py").write_text(PREPARE)
    (bench.folder / "reset.sql").write_text("UPDATE colours SET name = 'by the script'")
    (bench.folder / "reset.py").write_text(
        "import os, psycopg\n"
        "name = os.environ['DB_NAME']\n"
        "there = {key: os.environ[f'DB_{key.upper()}'] for key in ('host', 'port', 'password')}\n"
        "admin = psycopg.connect(user='lab', dbname='postgres', autocommit=True, **there)\n"
        "admin.execute(f'DROP DATABASE {name}')\n"
        "admin.execute(f'CREATE DATABASE {name}')\n"
        "exec(open('prepare.py').read())\n"
    )
    names = ("host", "port", "password")
    env = "".join(f'DB_{name.upper()} = "{{postgres.{name}}}", ' for name in names)
    env = f'env = {{{env}DB_NAME = "{{postgres.database}}"}}\n'
    reset = 'reset = "python reset.py {postgres.url}"\n'
    target = bench.started(reset + listening("", env) + POSTGRES, {"red": ARMS["red"]})
    for _ in range(3):
        target.reset("red")
        with psycopg.connect(target._database("red")) as connection:
            found = connection.execute("SELECT name FROM colours").fetchall()
        assert found == [("by the script",)]
    target.stop()
    bench.children.stop(*bench.children.running())


def test_a_failing_reset_says_what_it_printed_and_leaves_nothing(bench: Bench) -> None:
    bench.folder.mkdir()
    (bench.folder / "reset.py").write_text(RESET)
    target = bench.started(
        'reset = "python reset.py"\n' + listening(), {"bad": {"COLOUR": "broken"}}
    )
    with pytest.raises(TargetFailure, match=r"`reset` ended with exit code 1: no such colour"):
        target.reset("bad")
    assert [child.role for child in bench.children.running()] == ["web"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("no-such-program now", r"lab.toml:1: there is no program `no-such-program`"),
        ("python reset.py {SIZE}", r"`reset` in lab.toml needs \{SIZE\}, and the arm does not"),
    ],
)
def test_a_reset_that_cannot_be_run_is_refused_before_anything_starts(
    bench: Bench, command: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        bench.target(f'reset = "{command}"\n' + listening()).check(ARMS)
    assert bench.family() == []


# -- profiles --------------------------------------------------------------------------------


def test_a_python_process_is_profiled_beside_the_one_that_is_measured(bench: Bench) -> None:
    target = bench.started(listening("--quiet"), {"red": ARMS["red"]})
    copy = target.profile("red")
    copy.wait()
    assert copy.url != target.url("red")
    with urllib.request.urlopen(copy.url, timeout=5) as answer:
        assert json.load(answer)["config"]["COLOUR"] == "red"
    assert "serve_forever" in copy.finish()


def test_what_is_not_python_has_no_profile(bench: Bench) -> None:
    toml = listening().replace("python server.py", "sh -c 'exec python server.py $0'")
    target = bench.started(toml, {"red": ARMS["red"]})
    with pytest.raises(TargetFailure, match="does not begin with `python -m` or a Python file"):
        target.profile("red")


# -- the end of the lab itself ---------------------------------------------------------------

KILLED = """\
import sys, time
from pathlib import Path
from lab.processes.child_processes import Children
from lab.machine.cpu_pinning import Cores
from lab.system import load_system
from lab.targets.local_target import LocalTarget

project = Path(sys.argv[1])
children = Children()
target = LocalTarget(load_system(project), children, project, Cores((0,), (0,)), None, anyway=True)
target.start({"red": {"COLOUR": "red"}})
print(children._variable["LAB_RUN"], flush=True)
time.sleep(600)
"""


def test_after_kill_9_of_the_lab_nothing_is_left(tmp_path: Path) -> None:
    project = project_of(tmp_path / "project", listening("--forks --stubborn --hides"))
    lab = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(project)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert lab.stdout is not None
    token = lab.stdout.readline().strip()
    deadline = time.monotonic() + 5
    while len(with_variable("LAB_RUN", token)) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(with_variable("LAB_RUN", token)) == 3  # the server, its child and its grandchild
    hidden = int((project / "hidden").read_text())
    lab.kill()
    lab.communicate()
    killed = time.monotonic()
    while time.monotonic() < killed + 10 and (
        with_variable("LAB_RUN", token) or start_ticks(hidden) is not None
    ):
        time.sleep(0.05)
    assert with_variable("LAB_RUN", token) == [] and start_ticks(hidden) is None
