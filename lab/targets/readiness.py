"""Whether a process is ready: by a path, by its log, or because its port takes connections."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from lab.instruments.service_http_client import HttpClient, HttpError
from lab.system import Ready
from lab.targets.target_interface import TargetFailure

READY_S = 60.0  # that a service may take to start
_POLL_S = 0.05
_ANSWER_S = 5.0  # that one answer may take
_CLOSING_S = 0.1  # that a connection has to last


def check_ready(
    who: str, ready: Ready, url: str | None, log: Callable[[], bytes], *, is_loaded: bool
) -> None:
    """TargetFailure if a process is not ready yet.

    Args:
        who: The process in words.
        ready: When it is.
        url: Its URL; None if it has no port.
        log: Returns what it has printed so far.
        is_loaded: Whether load goes to it, and so whether it answers by HTTP.
    """
    if ready.log is not None:
        if ready.log.encode() not in log():
            raise TargetFailure(f"{who} is not ready: its log has no line with `{ready.log}`")
    elif ready.path is not None:
        assert url is not None
        _check_path(who, url, ready.path)
    elif url is not None:
        _check_port(who, url, is_loaded=is_loaded)


def own_log(log: Path, start: int) -> bytes:
    """What a process has printed: its log from where its part begins."""
    try:
        with log.open("rb") as file:
            file.seek(start)
            return file.read()
    except OSError:
        return b""


def await_ready(
    ask: Callable[[], object],
    dead: Callable[[], str | None],
    log_tail: Callable[[], str],
    within_s: float | None = None,
    remedy: Callable[[], str] = lambda: "",
) -> None:
    """Call `ask` until it raises no TargetFailure any more.

    Args:
        ask: Raises TargetFailure while the service is not ready. A TargetUsageError ends the wait
            at once, because no waiting corrects a file.
        dead: How a process of the service ended; None while all run.
        log_tail: The end of the log, for the message.
        within_s: How long it may take; None for READY_S.
        remedy: Returns what would help, in a sentence, if it took longer.

    Raises:
        TargetFailure: A process ended, or the service was not ready in time.
    """
    limit_s = READY_S if within_s is None else within_s
    deadline = time.monotonic() + limit_s
    problem = ""
    while time.monotonic() < deadline:
        if how := dead():
            raise TargetFailure(f"{how} while starting:\n{log_tail()}")
        try:
            ask()
        except TargetFailure as error:
            problem = str(error)
            time.sleep(_POLL_S)
        else:
            return
    advice = f". {text}" if (text := remedy()) else ""
    raise TargetFailure(f"{problem} (waited {limit_s:g} s){advice}:\n{log_tail()}")


def _check_path(who: str, url: str, path: str) -> None:
    client = HttpClient(url, _ANSWER_S)
    try:
        status = client.get(path, follow=False).status
    except HttpError as error:
        raise TargetFailure(f"{who} is not ready: {error}") from error
    finally:
        client.close()
    if not 200 <= status < 400:
        raise TargetFailure(f"{who} is not ready: GET {path}: status {status}")


def _check_port(who: str, url: str, *, is_loaded: bool) -> None:
    """It takes a connection, and answers if it is loaded; others may speak something else.

    A system takes connections for a process that only listens, such as a master whose workers do
    not run yet, and a proxy for one that does not even listen.
    """
    parts = urlsplit(url)
    port = f"{who} is not ready: port {parts.port}"
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 0), _ANSWER_S) as tried:
            if is_loaded:
                tried.sendall(f"GET / HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n".encode())
            else:
                tried.settimeout(_CLOSING_S)
            try:
                answer = tried.recv(1)
            except TimeoutError as error:
                if not is_loaded:
                    return
                raise TargetFailure(
                    f"{port} takes connections and answers nothing to GET /. If it never does, "
                    "let `ready` name a path that answers, or a text of the log"
                ) from error
    except OSError as error:
        raise TargetFailure(f"{port}: {error.strerror or error}") from error
    if not answer:
        raise TargetFailure(
            f"{port} closes the connection without an answer to GET /. If it speaks something else "
            "than HTTP, let `ready` name a text of the log"
            if is_loaded
            else f"{port} closes every connection"
        )
