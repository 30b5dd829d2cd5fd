"""Which hosts requests went to, as clients report them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gevent
import pytest

from lab.driver.arrival import Hook, working_for
from lab.driver.host_recorder import HostRecorder

ARM = "http://127.0.0.1:8001"


def response(url: str | None, status: int = 200, *locations: str) -> Any:
    history = [SimpleNamespace(headers={"location": place}) for place in locations]
    request = None if url is None else SimpleNamespace(url=url)
    return SimpleNamespace(status_code=status, request=request, history=history)


def counts(url: Any, answer: Any) -> tuple[int, dict[str, int]]:
    recorder = HostRecorder(ARM)
    recorder.note(url, answer)
    seen = recorder.take()
    assert recorder.take() == {"arm_requests": 0, "foreign_hosts": {}}
    return seen["arm_requests"], without_places(seen["foreign_hosts"])


def without_places(hosts: dict[str, int]) -> dict[str, int]:
    """Each host is named with the line that sends to it, which is one of this file here."""
    found = {}
    for text, count in hosts.items():
        host, _, place = text.partition(" from ")
        assert place.startswith("tests/lab/driver/test_host_recorder.py:")
        found[host] = count
    return found


@pytest.mark.parametrize(
    "url",
    [
        f"{ARM}/orders?a=http://other/",
        ARM,
        f"{ARM}?a=1",
        "http://localhost:8001/x",
        "http://[::1]:8001/x",
        "http://127.0.0.2:8001/x",
        "http://user:word@127.0.0.1:8001/x",
        "HTTP://LOCALHOST.:8001/x",
        b"http://127.0.0.1:8001/x",
    ],
)
def test_the_arm_under_any_of_its_names(url: str | bytes) -> None:
    final = url.decode() if isinstance(url, bytes) else url
    assert counts(url, response(final)) == (1, {})
    assert counts(url, response(final, 0)) == (0, {})  # no answer


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://127.0.0.1:8002/x", "127.0.0.1:8002"),
        ("http://127.0.0.1:80011/x", "127.0.0.1:80011"),  # a path without a slash in front
        ("http://127.0.0.1:8001@other/x", "other"),
        ("http://127.0.0.1/x", "127.0.0.1"),
        ("https://127.0.0.1:8002", "127.0.0.1:8002"),
        ("http://127.0.0.1.example.org:8001/", "127.0.0.1.example.org:8001"),
        ("http://[bad/", "[bad"),
    ],
)
def test_other_hosts_and_ports(url: str, host: str) -> None:
    assert counts(url, response(url)) == (0, {host: 1})
    assert counts(url, response(url, 0)) == (0, {host: 1})  # no answer: sent there all the same


def test_redirects_that_were_followed_count_each() -> None:
    first, last = f"{ARM}/a", f"{ARM}/c"
    assert counts(first, response(last, 200, "/b", "/c")) == (3, {})
    elsewhere = response("http://other:80/c", 200, "/b", "http://other:80/c")
    assert counts(first, elsewhere) == (2, {"other:80": 1})
    back = response(last, 200, "http://other/b", last)
    assert counts(first, back) == (2, {"other": 1})


def test_a_final_address_elsewhere_shows_without_a_history() -> None:
    answer = response("http://other/b")
    answer.history = None
    assert counts(f"{ARM}/a", answer) == (1, {"other": 1})


def test_requests_that_a_client_repeats_by_itself_are_counted() -> None:
    answer = response(f"{ARM}/a")
    tries = (SimpleNamespace(status=503), SimpleNamespace(status=None))
    answer.raw = SimpleNamespace(retries=SimpleNamespace(history=tries))
    assert counts(f"{ARM}/a", answer) == (2, {})


@pytest.mark.parametrize("url", [None, "", "/orders", "rpc", 7])
def test_what_names_no_address_is_not_counted(url: Any) -> None:
    assert counts(url, None) == (0, {})
    assert counts(url, SimpleNamespace(status_code=200)) == (0, {})


def test_the_address_of_a_response_counts_if_none_is_reported() -> None:
    assert counts(None, response(f"{ARM}/a")) == (1, {})
    assert counts(None, response("http://other/a")) == (0, {"other": 1})


def test_there_is_an_end_to_the_hosts_that_are_named() -> None:
    recorder = HostRecorder(ARM)
    for number in range(50):
        recorder.note(f"http://host{number}/", None)
    foreign = recorder.take()["foreign_hosts"]
    assert len(foreign) == 11 and foreign["others"] == 40


def test_a_hook_of_an_open_load_may_log_in_elsewhere() -> None:
    recorder = HostRecorder(ARM)

    def start() -> None:
        with working_for(Hook()):
            recorder.note("http://accounts/", response("http://accounts/"))
            recorder.note(f"{ARM}/login", response(f"{ARM}/login"))
        recorder.note("http://other/", response("http://other/"))

    gevent.spawn(start).get()
    seen = recorder.take()
    assert seen["arm_requests"] == 1  # the arm counts them as well
    assert without_places(seen["foreign_hosts"]) == {"other": 1}
