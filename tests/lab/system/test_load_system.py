"""What a `lab.toml` says is what the frozen system holds."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from lab.system import (
    Answer,
    ComposeSpec,
    MetricNames,
    Ready,
    SafetySpec,
    Stop,
    System,
    UnfilledPlaceholder,
    load_system,
)
from tests.lab.system.broken_files import FILES, GOOD


def loaded(folder: Path, text: str) -> System:
    for name in FILES:
        (folder / name).touch()
    (folder / "lab.toml").write_text(text)
    return load_system(folder)


def test_every_key_is_read(tmp_path: Path) -> None:
    system = loaded(tmp_path, GOOD)
    quotes, web = system.processes
    assert (quotes.name, web.name, system.loaded) == ("quotes", "web", "web")
    assert quotes.ready == Ready() and not quotes.inherits_socket and quotes.has_port
    assert web.inherits_socket and web.uses_postgres and not quotes.uses_postgres
    assert web.ready.path == "/ready" and web.settings == Answer("/ready", ("settings",))
    assert web.stop == Stop(signal.SIGTERM, 10.0)
    assert web.metrics == "/metrics" and web.metric_names == MetricNames()
    assert web.set_by_the_lab == ("DATABASE_URL", "QUOTES_URL")
    assert system.set_by_the_lab == {"DATABASE_URL", "QUOTES_URL"}
    assert system.setting_placeholders == {"WORKERS"}
    assert system.check is not None and system.check.written == "python settings.py"
    assert system.postgres is not None and system.postgres.reset == "reset.sql"
    assert system.compose == ComposeSpec("docker-compose.yml", "web", 8000, {"quotes": 8001}, "db")
    assert system.url is not None and system.url.base == "http://127.0.0.1:8000"
    assert system.safety == SafetySpec(("staging.example.org",), 500, 1000.0, 3600.0)
    assert system.build.commands[0].written == "python -m venv .venv"


def test_a_command_is_split_as_a_shell_would_and_filled(tmp_path: Path) -> None:
    text = """[[process]]
name = "web"
command = "sh -c 'exec node \\"$0\\" --port {port}' 'my app.js' --{{x}}"
"""
    (web,) = loaded(tmp_path, text).processes
    assert web.command.fill({"port": "81"}) == [
        *("sh", "-c", 'exec node "$0" --port 81', "my app.js", "--{x}"),
    ]
    with pytest.raises(UnfilledPlaceholder, match="port"):
        web.command.fill({})


def test_white_space_in_quotes_is_part_of_a_command_and_shown_as_one_space(tmp_path: Path) -> None:
    text = """[[process]]
name = "web"
command = '''sh -c "
python -m app.seed
exec python app.py --port {port}
"
'''
"""
    (web,) = loaded(tmp_path, text).processes
    assert web.command.fill({"port": "81"}) == [
        *("sh", "-c", "\npython -m app.seed\nexec python app.py --port 81\n"),
    ]
    assert web.command.written == 'sh -c " python -m app.seed exec python app.py --port {port} "'


@pytest.mark.parametrize(
    "arguments",
    [
        "sh -c 'x $A'",
        'nice /bin/sh -ec "x $A $(y) *"',
        "x '$A' '`y`' '~/y' '*'",
        'x "*" "~/y" "a * b" \\$A $1 a$ a*b a~/b',
        "sh -c 'x ${{A}}'",
        r'x "\$A"',
    ],
)
def test_what_a_shell_would_replace_is_left_to_one_or_quoted(
    tmp_path: Path, arguments: str
) -> None:
    text = f"[[process]]\nname = 'web'\ncommand = '''{arguments} {{port}}'''\n"
    (web,) = loaded(tmp_path, text).processes
    assert web.command.placeholders == ("port",)


def test_a_list_of_words_is_taken_as_it_is(tmp_path: Path) -> None:
    text = "[[process]]\nname = 'web'\ncommand = ['x', '$A', '*', '{port}']\n"
    (web,) = loaded(tmp_path, text).processes
    assert web.command.fill({"port": "81"}) == ["x", "$A", "*", "81"]


def test_the_last_process_is_loaded_if_none_says_so(tmp_path: Path) -> None:
    text = "".join(
        f'[[process]]\nname = "{name}"\ncommand = ["serve", "--port", "{{port}}"]\n'
        for name in ("a", "b")
    )
    assert loaded(tmp_path, text).loaded == "b"


def test_readiness_by_a_line_of_the_log_needs_no_port(tmp_path: Path) -> None:
    text = """[[process]]
name = "worker"
command = "python worker.py"
ready = {log = "waiting for jobs", within = "2m"}

[[process]]
name = "web"
command = "serve {port}"
metrics = {path = "/m", requests = "served_total"}
"""
    worker, web = loaded(tmp_path, text).processes
    assert worker.ready == Ready(None, "waiting for jobs", 120.0)
    assert web.metric_names == MetricNames(requests="served_total")


def test_a_compose_file_or_a_url_alone_is_a_system(tmp_path: Path) -> None:
    compose = '[compose]\nfile = "docker-compose.yml"\nservice = "web"\nport = 80\n'
    assert loaded(tmp_path, compose).loaded == ""
    asked = 'ready = {path = "/up", within = "2m"}\nsettings = "/config"\nmetrics = "/metrics"\n'
    spec = loaded(tmp_path, compose + asked).compose
    assert spec is not None and spec.ready == Ready("/up", None, 120.0)
    assert spec.settings == Answer("/config") and spec.metrics == "/metrics"
    url = '[url]\nbase = "http://staging.example.org"\n'
    allowed = loaded(tmp_path, url + '[safety]\nallow_hosts = ["staging.example.org"]\n')
    assert allowed.url is not None and allowed.url.switch is None


def test_the_lab_toml_of_this_project_is_right(project: Path) -> None:
    system = load_system(project)
    assert [process.name for process in system.processes] == ["pricing", "service"]
    assert system.loaded == "service" and system.code == ("service",)
    assert system.sealed_code == ("service", "lab.toml")
