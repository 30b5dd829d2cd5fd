"""Waiting until a service is ready: when it ends, and what it reports."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest

from lab.system import Ready
from lab.targets.readiness import await_ready, check_ready
from lab.targets.target_interface import TargetFailure, TargetUsageError


def test_a_usage_error_ends_the_wait_at_once() -> None:
    asked = []

    def ask() -> None:
        asked.append(1)
        raise TargetUsageError("the file is wrong")

    with pytest.raises(TargetUsageError, match="the file is wrong"):
        await_ready(ask, lambda: None, lambda: "")
    assert len(asked) == 1


def test_a_process_that_ends_ends_the_wait() -> None:
    def ask() -> None:
        raise AssertionError("not asked")

    with pytest.raises(TargetFailure, match="the service ended while starting:\nlast line"):
        await_ready(ask, lambda: "the service ended", lambda: "last line")


def test_a_service_that_never_gets_ready_is_reported_with_the_end_of_its_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lab.targets.readiness.READY_S", 0.2)

    def ask() -> None:
        raise TargetFailure("the service of arm narrow is not ready: 503")

    with pytest.raises(TargetFailure, match=r"not ready: 503 \(waited 0\.2 s\):\nlast line"):
        await_ready(ask, lambda: None, lambda: "last line")


def test_a_port_that_closes_every_connection_is_not_ready() -> None:
    """As the proxy of a container does whose service does not listen yet."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        answering = threading.Event()

        def serve() -> None:
            held = []
            with contextlib.suppress(OSError):
                while True:
                    held.append(server.accept()[0])
                    if not answering.is_set():
                        held.pop().close()

        threading.Thread(target=serve, daemon=True).start()
        with pytest.raises(TargetFailure, match="closes every connection"):
            check_ready("the web", Ready(), url, bytes)
        answering.set()
        check_ready("the web", Ready(), url, bytes)
        server.shutdown(socket.SHUT_RDWR)
