"""Waiting until a service is ready: when it ends, and what it reports."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest

from lab.system import Ready
from lab.targets.readiness import await_ready, check_ready
from lab.targets.target_interface import TargetFailure, TargetUsageError
from tests.pages import Page, served


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
    with pytest.raises(TargetFailure, match=r"\(waited 0\.1 s\)\. Wait longer:\nlast line"):
        await_ready(ask, lambda: None, lambda: "last line", 0.1, lambda: "Wait longer")


def test_a_loaded_port_that_only_listens_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """As that of gunicorn, whose master listens before a worker has imported the application."""
    monkeypatch.setattr("lab.targets.readiness._ANSWER_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(TargetFailure, match=r"answers nothing to GET /\. .* let `ready` name"):
            check_ready("the web", Ready(), url, bytes, is_loaded=True)
        check_ready("the cache", Ready(), url, bytes, is_loaded=False)


def test_any_answer_of_a_loaded_port_will_do() -> None:
    with served(Page) as url:  # it has no GET: status 501
        check_ready("the web", Ready(), url, bytes, is_loaded=True)


@pytest.mark.parametrize("is_loaded", [False, True])
def test_a_port_that_closes_every_connection_is_not_ready(is_loaded: bool) -> None:
    """As the proxy of a container does whose service does not listen yet."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        answering = threading.Event()

        def serve() -> None:
            held = []
            with contextlib.suppress(OSError):
                while True:
                    held.append(server.accept()[0])
                    if is_loaded:
                        held[-1].recv(1 << 16)
                    if not answering.is_set():
                        held.pop().close()
                    elif is_loaded:
                        held[-1].sendall(b"HTTP/1.1 404 Not Found\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        closes = "without an answer to GET /.*`ready`" if is_loaded else "closes every connection"
        with pytest.raises(TargetFailure, match=closes):
            check_ready("the web", Ready(), url, bytes, is_loaded=is_loaded)
        answering.set()
        check_ready("the web", Ready(), url, bytes, is_loaded=is_loaded)
        server.shutdown(socket.SHUT_RDWR)
