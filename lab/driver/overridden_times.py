"""Response times that a scenario puts in the place of those that its client has measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from locust.clients import ResponseContextManager
from locust.contrib.fasthttp import ResponseContextManager as FastResponseContextManager

from lab.driver.client.judged_response import JudgedResponse

_MEASURED = "lab_measured_ms"


def watch_response_times(note: Callable[[Mapping[str, Any]], None]) -> None:
    """From now on, call `note` with the data of each request whose time was replaced.

    Locust reports at the end of a `with` block whatever then stands in `request_meta`.
    """
    for manager in (ResponseContextManager, FastResponseContextManager, JudgedResponse):
        _watch(manager, note)


def _watch(manager: Any, note: Callable[[Mapping[str, Any]], None]) -> None:
    enter, leave = manager.__enter__, manager.__exit__

    def watched_enter(self: Any) -> Any:
        setattr(self, _MEASURED, self.request_meta.get("response_time"))
        return enter(self)

    def watched_exit(self: Any, *error: Any) -> Any:
        reported = self.request_meta.get("response_time")
        if reported != getattr(self, _MEASURED, reported):  # it has none if Locust ends it itself
            note(self.request_meta)
        return leave(self, *error)

    manager.__enter__, manager.__exit__ = watched_enter, watched_exit
