"""Looks at the files of a project: which process it serves with, which settings it reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lab.files.source_files import MAX_BYTES, source_files
from lab.hypothesis.environment_reads import environment_reads
from lab.scaffolding import node_apps, python_apps
from lab.scaffolding.found import Detected, FoundProcess, HasProgram
from lab.scaffolding.process_files import compose_service, procfile_process

_TESTS = re.compile(
    r"(^|/)(tests?|spec|__tests__|examples?|docs?)/|(^|/)(test_[^/]*|conftest)\.py$"
)
_OF_THE_PLACE = frozenset({"PATH", "HOME", "PORT", "HOST", "USER", "PWD", "TMPDIR", "DATABASE_URL"})
_SECRET = re.compile(r"SECRET|TOKEN|PASSWORD|KEY|DSN")
_METRICS = re.compile(r"""["'`]/metrics["'`]|make_asgi_app|Instrumentator|prom-client""")
_POSTGRES = re.compile(r"\b(psycopg2?|asyncpg|pg8000|node-postgres)\b|[\"']pg[\"']")
_DATABASE_URLS = ("DATABASE_URL", "POSTGRES_URL", "POSTGRESQL_URL", "DB_URL")
_DATABASE_PART = re.compile(
    r"(?P<of>POSTGRES|POSTGRESQL|PG|DB|DATABASE)_?"
    r"(?:(?P<host>HOST)|(?P<port>PORT)|(?P<user>USER|USERNAME)|(?P<password>PASS|PASSWORD)"
    r"|(?P<database>NAME|DB|DATABASE|DBNAME))"
)
_REDIS_URL = re.compile(r"\w*(REDIS|VALKEY|CACHE|BROKER)\w*_UR[IL]")
_REDIS = re.compile(r"\b(redis|valkey|ioredis|bullmq)\b", re.IGNORECASE)
_DEPENDENCIES = ("requirements.txt", "pyproject.toml", "package.json", "Pipfile", "setup.cfg")


def detect(root: Path, has_program: HasProgram) -> Detected:
    """Return what the files of a project show; nothing of it is run.

    Args:
        root: Its folder.
        has_program: Whether a program can be started there, to choose between servers.
    """
    files = [file for file in source_files(root) if _is_source(root, file)]
    python = [file for file in files if file.suffix == ".py"]
    script = [file for file in files if file.suffix in node_apps.SUFFIXES]
    found = list(_processes(root, python, script, has_program))
    read = {each.name for file in python for each in environment_reads(file)}
    read |= {name for file in script for name in node_apps.variables(file)}
    texts = [file.read_text(encoding="utf-8", errors="replace") for file in (*python, *script)]
    named = [*texts, *_dependencies(root)]  # where libraries are named
    database = _database(read) if any(map(_POSTGRES.search, named)) else {}
    redis = filter(_REDIS_URL.fullmatch, sorted(read)) if any(map(_REDIS.search, named)) else ()
    urls = tuple(redis)
    return Detected(
        process=_with_paths(found),
        compose=compose_service(root),
        settings=tuple(name for name in sorted(read - {*database, *urls}) if _is_setting(name)),
        database=database,
        redis=urls,
        metrics="/metrics" if any(map(_METRICS.search, texts)) else None,
        others=tuple(f"{each.evidence}: {each.command}" for each in found[1:]),
    )


def _processes(
    root: Path, python: list[Path], script: list[Path], has_program: HasProgram
) -> Iterator[FoundProcess]:
    """The likeliest first: what the project itself says, then what its sources show."""
    if (process := procfile_process(root)) is not None:
        yield process
    yield from python_apps.python_apps(root, python, has_program)
    yield from node_apps.node_apps(root, script)


def _with_paths(found: list[FoundProcess]) -> FoundProcess | None:
    """The first, with the routes of the first that shows any."""
    if not found:
        return None
    first = found[0]
    paths = next((each.paths for each in found if each.paths), ())
    return FoundProcess(first.what, first.evidence, first.command, first.env, paths)


def _database(read: set[str]) -> dict[str, str]:
    """The variables that say where a database is: its URL, or its host with other parts.

    Of several databases, one that is named for PostgreSQL.
    """
    for url in _DATABASE_URLS:
        if url in read:
            return {url: "{postgres.url}"}
    parts: dict[str, dict[str, str]] = {}
    for name in sorted(read):
        if (found := _DATABASE_PART.fullmatch(name)) is not None:
            parts.setdefault(found["of"], {})[name] = f"{{postgres.{found.lastgroup}}}"
    with_host = [of for of, each in parts.items() if "{postgres.host}" in each.values()]
    likely = [of for of in with_host if of.startswith(("PG", "POSTGRES"))] or with_host
    return parts[likely[0]] if len(likely) == 1 else {}


def _is_source(root: Path, file: Path) -> bool:
    is_test = _TESTS.search(file.relative_to(root).as_posix())
    return not is_test and file.stat().st_size <= MAX_BYTES


def _is_setting(name: str) -> bool:
    return name.isupper() and name not in _OF_THE_PLACE and not _SECRET.search(name)


def _dependencies(root: Path) -> Iterator[str]:
    for name in _DEPENDENCIES:
        if (root / name).is_file():
            yield (root / name).read_text(encoding="utf-8", errors="replace")
