"""What is refused of a system that has started."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from lab.cli.run_assembly import refuse_divided_metrics
from lab.targets.target_interface import Loaded, TargetUsageError
from tests.fakes.target import FakeTarget
from tests.pages import Page, served


class _Target(FakeTarget):
    """Its arms answer at these URLs."""

    urls: dict[str, str]

    def url(self, arm: str) -> str:
        return self.urls[arm]


def target_of(url: str, metrics: str | None = "/metrics") -> Any:
    target = _Target({"only": {}}, metrics=metrics)
    target.urls = {"only": url}
    assert target.loaded == Loaded("service", metrics)
    return target


def page_of(workers: int) -> type[Page]:
    """A service of so many processes that answer in turn, each with a count of its own."""
    turns = itertools.cycle(range(workers))

    class Metrics(Page):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            text = f"# TYPE handled_total counter\nhandled_total {7 - next(turns)}\n"
            self.wfile.write(text.encode())

    return Metrics


def test_metrics_of_several_processes_that_answer_in_turn_are_refused() -> None:
    with served(page_of(3)) as url:
        with pytest.raises(
            TargetUsageError, match=r"/metrics: several processes answer in turn.*MULTIPROC"
        ):
            refuse_divided_metrics(target_of(url), ["only"])
        refuse_divided_metrics(target_of(url, metrics=None), ["only"])


def test_metrics_of_one_process_are_used() -> None:
    with served(page_of(1)) as url:
        refuse_divided_metrics(target_of(url), ["only"])
