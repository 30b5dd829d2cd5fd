"""Which files are source, their digest, and the names that occur in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.files.source_files import digest, named, source_files


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in (
        *("app.py", "web/server.ts", "main.go", "lab.toml", "hypotheses/a.py", "reports/b.py"),
        *("scenarios/c.py", ".git/d.py", "node_modules/e.js", "env/bin/f.py", "data.db", "x.pyc"),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"NAME_OF_{path.stem.upper()}\n")
    (tmp_path / "env" / "pyvenv.cfg").touch()
    (tmp_path / "link.py").symlink_to("app.py")
    return tmp_path


def test_source_is_what_is_neither_installed_nor_the_labs(project: Path) -> None:
    found = [path.relative_to(project).as_posix() for path in source_files(project)]
    assert found == ["app.py", "lab.toml", "main.go", "web/server.ts"]


def test_parts_that_are_named_are_taken_alone(project: Path) -> None:
    found = [path.name for path in source_files(project, ("web", "data.db", "scenarios"))]
    assert found == ["data.db", "c.py", "server.ts"]


def test_of_a_folder_that_is_named_configuration_counts_as_well(project: Path) -> None:
    (project / "web" / "app.yaml").write_text("cache: false\n")
    whole, named_folder = digest(project), digest(project, ("web",))
    (project / "web" / "app.yaml").write_text("cache: true\n")
    assert digest(project, ("web",)) != named_folder
    assert digest(project) == whole


def test_a_digest_follows_names_and_contents(project: Path) -> None:
    first = digest(project)
    assert digest(project) == first
    (project / "data.db").write_text("written by the service")
    assert digest(project) == first
    (project / "app.py").write_text("changed")
    second = digest(project)
    assert second != first
    (project / "app.py").rename(project / "app2.py")
    assert digest(project) not in (first, second)


def test_names_are_found_as_whole_words(project: Path) -> None:
    names = {"NAME_OF_APP", "NAME_OF", "NAME_OF_SERVER", "NAME_OF_A", "NAME_OF_E"}
    assert named(project, names) == {"NAME_OF_APP", "NAME_OF_SERVER"}


def test_what_configures_a_service_names_settings_too(project: Path) -> None:
    for name in ("docker-compose.yml", "Dockerfile", "nginx.conf", "hypotheses/a.yml", "notes.md"):
        (project / name).write_text(f"NAME_IN_{name.partition('.')[0].upper()}")
    found = named(project, {"NAME_IN_DOCKER-COMPOSE", "NAME_IN_DOCKERFILE", "NAME_IN_NGINX"})
    assert found == {"NAME_IN_DOCKER-COMPOSE", "NAME_IN_DOCKERFILE", "NAME_IN_NGINX"}
    assert named(project, {"NAME_IN_HYPOTHESES/A", "NAME_IN_NOTES"}) == set()
