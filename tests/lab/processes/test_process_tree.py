"""Processes are found by their parents, their environment and their ports."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import Mock

import pytest

from lab.machine.processor_time import process_times
from lab.processes.process_tree import (
    children_by_parent,
    environment_of,
    is_listened_on,
    kill_each,
    listeners,
    listening_addresses,
    shows_its_files,
    uppermost,
    with_descendants,
    with_variable,
)


def test_a_process_is_found_by_its_parent_and_by_its_environment() -> None:
    code = "import sys; sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, env={**os.environ, "MARK": "tree-7"}
    )
    try:
        assert process.pid in with_descendants(os.getpid(), children_by_parent())
        assert environment_of(process.pid)["MARK"] == "tree-7"
        assert with_variable("MARK", "tree-7") == [process.pid]
    finally:
        kill_each([process.pid])
        process.communicate()
    assert environment_of(process.pid) == {}
    kill_each([process.pid])  # it is gone


def test_what_listens_on_a_port_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listeners(port) == [os.getpid()]
        assert is_listened_on(port) and shows_its_files(os.getpid())
        assert ("127.0.0.1", port) in listening_addresses([os.getpid(), 2**22 + 1])
    assert listeners(port) == [] and not is_listened_on(port)
    assert ("127.0.0.1", port) not in listening_addresses([os.getpid()])


def test_what_a_hidden_process_has_open_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    process = subprocess.Popen(["sleep", "60"])
    try:
        assert shows_its_files(process.pid)
        with monkeypatch.context() as patch:  # a privilege that shows the folder alone
            patch.setattr(Path, "readlink", Mock(side_effect=PermissionError))
            assert not shows_its_files(process.pid)
        with monkeypatch.context() as patch:  # /proc that hides the processes of others
            patch.setattr(Path, "iterdir", Mock(side_effect=FileNotFoundError))
            assert not shows_its_files(process.pid)
    finally:
        process.kill()
        process.wait()
    assert shows_its_files(process.pid)


def test_workers_that_share_the_socket_of_their_parent_listen_as_well() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        worker = subprocess.Popen(["sleep", "60"], pass_fds=(server.fileno(),))
        try:
            assert listeners(port) == sorted([os.getpid(), worker.pid])
            assert uppermost(listeners(port)) == [os.getpid()]
            assert uppermost([worker.pid]) == [worker.pid]
        finally:
            worker.kill()
            worker.wait()


def test_children_of_children_are_descendants() -> None:
    made = subprocess.Popen(["sh", "-c", "sleep 3 & wait"])
    try:
        deadline = time.monotonic() + 10
        names: list[str] = []
        while "sleep" not in names and time.monotonic() < deadline:
            seen = process_times()
            family = children_by_parent(seen)
            names = [seen[pid].name for pid in with_descendants(made.pid, family) if pid in seen]
        assert names == ["sh", "sleep"]
    finally:
        made.kill()
        made.wait()
