"""Which interpreters and packages a revision has, and what is said of those that differ."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.targets.installed_packages import (
    differing_versions,
    interpreters_of,
    packages_digest,
    packages_of,
)


def install(code: Path, name: str, origin: object = None, environment: str = ".venv") -> None:
    """A package of Python, as pip leaves it."""
    info = code / environment / "lib" / "python3.11" / "site-packages" / f"{name}.dist-info"
    info.mkdir(parents=True)
    if origin is not None:
        (info / "direct_url.json").write_text(json.dumps(origin))


def test_packages_of_python_and_of_node(tmp_path: Path) -> None:
    install(tmp_path, "ruamel.yaml-0.18.6")
    install(tmp_path, "flask-3.0.0", {"url": "file:///kept/flask.zip", "archive_info": {}})
    install(tmp_path, "shop-1.0", {"url": f"file://{tmp_path}", "dir_info": {}})
    install(tmp_path, "numpy-2.0.0", environment="venv")
    lock: dict[str, dict[str, object]] = {
        "": {},
        "node_modules/a": {"version": "1.2.3"},
        "node_modules/a/node_modules/@b/c": {"version": "4.0.0"},
        "node_modules/shop": {"link": True},
    }
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / ".package-lock.json").write_text(json.dumps({"packages": lock}))
    assert packages_of(tmp_path) == {
        "a (npm)": "1.2.3",
        "a/node_modules/@b/c (npm)": "4.0.0",
        "flask": "3.0.0",
        "numpy": "2.0.0",
        "ruamel.yaml": "0.18.6",
    }


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"packages": []}'])
def test_a_list_that_cannot_be_read_names_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / ".package-lock.json").write_text(text)
    install(tmp_path, "flask-3.0.0", ["odd"])
    assert packages_of(tmp_path) == {"flask": "3.0.0"}


def test_a_digest_names_the_versions() -> None:
    digests = {packages_digest(each) for each in ({}, {"a": "1"}, {"a": "2"}, {"b": "1"})}
    assert {len(digest) for digest in digests} == {12}
    assert len(digests) == 4


def test_the_first_five_that_differ_are_named_with_their_versions() -> None:
    before = {"a": "1", "same": "1"}
    assert differing_versions({"before": before, "after": before}) == []
    assert differing_versions({"before": before, "after": {"a": "2", "b": "1", "same": "1"}}) == [
        "a 1 in before, 2 in after",
        "b none in before, 1 in after",
    ]
    many = dict.fromkeys("abcdefgh", "1")
    found = differing_versions({"before": {}, "after": many})
    assert len(found) == 6
    assert found[-1] == "and 3 more"


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("home = /usr/bin\nversion = 3.11.4\nexecutable = /usr/bin/python3.11\n", "3.11.4"),
        ("uv = 0.9.2\nversion_info = 3.12.3\n", "3.12.3"),
        ("virtualenv = 20.26.0\nversion_info = 3.12.3.final.0\nversion = 3.12.3\n", "3.12.3"),
    ],
    ids=["venv", "uv", "virtualenv"],
)
def test_the_interpreter_of_an_environment(tmp_path: Path, text: str, version: str) -> None:
    assert interpreters_of(tmp_path) == {}
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "pyvenv.cfg").write_text("home = /usr/bin\n")
    assert interpreters_of(tmp_path) == {}
    (tmp_path / ".venv" / "pyvenv.cfg").write_text(text)
    assert interpreters_of(tmp_path) == {"Python of .venv": version}
