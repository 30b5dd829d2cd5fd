"""The text of a first `lab.toml`, with what was guessed and what could be added."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from lab.scaffolding.found import WORKERS, Detected, FoundCompose, FoundProcess
from lab.scaffolding.scenario_text import health_path

_HEAD = """\
# The system under test: how it is started, and what it reports.
# `lab init` wrote this from what it found in the folder. Correct what is wrong, then run: lab check
"""
_EXAMPLE = """\
# [[process]]
# name = "web"
# command = "./server --port {port}"    # {port}: the lab chooses it, since arms run side by side
# env = {PORT = "{port}"}               # for a program that reads its port from the environment
# ready = "/health"                     # answers 2xx or 3xx when it is ready
"""
_MORE = """\
# settings = "/config#settings"         # where it reports the settings that it runs with
# stop = {signal = "SIGINT", patience = "10s"}
"""
_CACHE = """\
# A cache of its own for every arm. To empty it before every trial, write at the top of this file:
# reset = "redis-cli -p {cache.port} FLUSHALL"
# [[process]]
# name = "cache"
# command = "redis-server --port {port} --save ''"
# ready = {log = "Ready to accept connections"}
"""


def lab_toml(detected: Detected) -> str | None:
    """The text; None if nothing was found that can be started."""
    if detected.process is None and detected.compose is None:
        return None
    return "\n".join(_parts(detected))


def example() -> str:
    """A text whose every table is a comment, for a project in which nothing was found."""
    return f"{_HEAD}\n{_EXAMPLE}"


def _parts(detected: Detected) -> Iterator[str]:
    yield _HEAD
    if (process := detected.process) is not None:
        if detected.redis:  # first, because load goes to the last process
            yield _CACHE
        yield "".join(_process(process, detected))
        if detected.database:
            yield (
                "[postgres]                              # a database of its own for every arm\n"
                '# prepare = "python -m app.schema"      # makes its tables, once per arm\n'
                '# reset = "reset.sql"                   # before every trial\n'
            )
    if detected.compose is not None:
        text = _compose(detected.compose)
        if detected.process is not None:  # one description is enough to begin with
            text = "".join(f"# {line}\n" for line in text.splitlines())
        yield text


def _process(process: FoundProcess, detected: Detected) -> Iterator[str]:
    yield "[[process]]\n"
    yield 'name = "web"\n'
    yield f"command = {json.dumps(process.command)}  # {process.evidence}\n"
    plain: dict[str, str | int] = {**process.env, **detected.database}
    if process.has_workers:
        plain[WORKERS] = 1
    if plain:
        comment = "  # an arm may replace a plain value" if process.has_workers else ""
        yield f"env = {_inline(plain)}{comment}\n"
    if (path := health_path(process.paths)) is not None:
        yield f"ready = {json.dumps(path)}\n"
    else:
        yield '# ready = "/health"                     # without it: any answer to GET /\n'
    if detected.metrics is not None:
        yield f"metrics = {json.dumps(detected.metrics)}\n"
    else:
        yield '# metrics = "/metrics"                  # its Prometheus metrics\n'
    for name in detected.redis:
        url = "redis://127.0.0.1:{cache.port}/0"
        yield f'# {name} = "{url}" belongs into env, with the process above\n'
    yield _MORE
    if detected.settings:
        yield f"# settings that its sources read: {', '.join(detected.settings)}\n"


def _inline(values: Mapping[str, str | int]) -> str:
    return "{" + ", ".join(f"{name} = {json.dumps(value)}" for name, value in values.items()) + "}"


def _compose(found: FoundCompose) -> str:
    text = (
        "[compose]                               # for lab run --target compose\n"
        f"file = {json.dumps(found.file)}\n"
        f"service = {json.dumps(found.service)}\n"
        f"port = {found.port}\n"
    )
    if found.database is not None:
        text += f"database = {json.dumps(found.database)}\n"
    return text
