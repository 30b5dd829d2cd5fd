"""Which settings an arm may set: by the system's own `check`, or by its source files."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.system import load_system
from lab.targets.arm_settings import validated_settings
from lab.targets.target_interface import SettingError, TargetFailure

CHECK = """\
import json, sys
arms = json.load(sys.stdin)
def checked(settings):
    errors = [{"setting": n, "message": "unknown"} for n in settings if n != "POOL"]
    return {"settings": {"POOL": settings.get("POOL", "1").strip()}, "errors": errors}
print(json.dumps({arm: checked(settings) for arm, settings in arms.items()}))
"""
WEB = """\
[[process]]
name = "web"
command = "python app.py {port} --workers {WORKERS}"
env = {WORKERS = 1, OWN_URL = "{web.url}"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text("import os\nPOOL = os.environ.get('POOL_SIZE')\n")
    for hidden in ("node_modules", ".git", "hypotheses"):
        (tmp_path / hidden).mkdir()
        (tmp_path / hidden / "x.py").write_text("HIDDEN = 1")
    return tmp_path


def settings_of(folder: Path, toml: str, *, anyway: str = "", **settings: str) -> dict[str, str]:
    (folder / "lab.toml").write_text(toml)
    system = load_system(folder)
    return validated_settings(system, folder, {"a": settings}, anyway=bool(anyway))["a"]


def test_a_name_that_a_source_file_has_is_accepted(folder: Path) -> None:
    assert settings_of(folder, WEB, POOL_SIZE="5") == {"POOL_SIZE": "5"}
    assert settings_of(folder, WEB, WORKERS="4") == {"WORKERS": "4"}


@pytest.mark.parametrize("name", ["POOL_SIZES", "POOL_SIZ", "HIDDEN"])
def test_a_name_that_no_source_file_has_is_refused(name: str, folder: Path) -> None:
    with pytest.raises(SettingError, match=f"arm a: {name}: no source file") as refused:
        settings_of(folder, WEB, **{name: "1"})
    assert "--anyway" in refused.value.remedy
    assert settings_of(folder, WEB, anyway="yes", **{name: "1"}) == {name: "1"}


def test_a_comment_in_lab_toml_names_no_setting_but_its_env_and_its_commands_do(
    folder: Path,
) -> None:
    described = WEB + "# settings that its sources read: THREADS\n"
    with pytest.raises(SettingError, match="arm a: THREADS: no source file"):
        settings_of(folder, described, THREADS="4")
    in_env = WEB.replace("WORKERS = 1,", "WORKERS = 1, THREADS = 2,")
    assert settings_of(folder, in_env, THREADS="4") == {"THREADS": "4"}
    in_a_shell = WEB.replace('"python app.py', "\"sh -c 'exec app --threads $THREADS'")
    assert settings_of(folder, in_a_shell, THREADS="4") == {"THREADS": "4"}
    switch = '[url]\nbase = "http://localhost:1"\nswitch = "sh -c \'set-it THREADS=$THREADS\'"\n'
    assert settings_of(folder, switch, THREADS="4") == {"THREADS": "4"}


def test_what_prepare_needs_is_a_setting_of_every_arm_or_has_a_plain_value(folder: Path) -> None:
    prepared = WEB + '\n[postgres]\nprepare = "python schema.py {ROWS} {WORKERS} {postgres.url}"\n'
    with pytest.raises(SettingError, match=r"a: ROWS: `prepare` in lab\.toml needs \{ROWS\}"):
        settings_of(folder, prepared)
    assert settings_of(folder, prepared, ROWS="100") == {"ROWS": "100"}
    plain = prepared.replace("WORKERS = 1,", "WORKERS = 1, ROWS = 50,")
    assert settings_of(folder, plain) == {}


def test_what_lab_toml_sets_itself_is_refused(folder: Path) -> None:
    with pytest.raises(SettingError, match=r"OWN_URL: lab\.toml sets it itself") as refused:
        settings_of(folder, WEB, OWN_URL="http://x")
    assert "a plain value" in refused.value.remedy
    plain = WEB.replace("{web.url}", "http://y")
    assert settings_of(folder, plain, OWN_URL="http://x") == {"OWN_URL": "http://x"}


def test_a_placeholder_without_a_value_is_refused(folder: Path) -> None:
    without = WEB.replace("WORKERS = 1, ", "")
    with pytest.raises(SettingError, match=r"needs \{WORKERS\}, and the arm does") as refused:
        settings_of(folder, without)
    assert 'env = {WORKERS = "..."}' in refused.value.remedy
    assert settings_of(folder, without, WORKERS="2") == {"WORKERS": "2"}


def test_the_systems_own_check_decides_and_spells(folder: Path) -> None:
    (folder / "check.py").write_text(CHECK)
    toml = WEB + 'check = "python check.py"\n'
    assert settings_of(folder, toml, POOL=" 5 ", WORKERS="2") == {"POOL": "5", "WORKERS": "2"}
    with pytest.raises(SettingError, match="arm a: POOL_SIZE: unknown"):
        settings_of(folder, toml, POOL_SIZE="5")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("print('ok')", "does not answer as a `check` does"),
        ("print('{}')", "does not answer as a `check` does"),
        ("raise SystemExit('broken')", "settings cannot be read:\nbroken"),
    ],
)
def test_a_check_that_fails_is_one_message(script: str, message: str, folder: Path) -> None:
    (folder / "check.py").write_text(script)
    with pytest.raises(TargetFailure, match=message):
        settings_of(folder, WEB + 'check = "python check.py"\n', POOL="1")
