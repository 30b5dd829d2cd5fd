"""Answers that a scenario judges itself: `catch_response`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from locust.exception import CatchResponseError, LocustError, ResponseError

from lab.driver.client.response import LeanResponse

_NEEDS_BLOCK = (
    "Tried to set status on a request that has not yet been made. Make sure you use a with-block, "
    "with catch_response=True"
)


class JudgedResponse(LeanResponse):
    """An answer with `catch_response`: the scenario says what it counts for, in a `with` block."""

    __slots__ = ()

    def report_by(self, event: Any) -> Callable[..., None]:
        """Report it to this event at the end of the block; takes what will be reported."""
        self._event = event
        self._judged: bool | Exception | None = None
        self._entered = False
        return self._keep

    def _keep(self, **meta: Any) -> None:
        self.request_meta = meta

    def __enter__(self) -> JudgedResponse:
        """Begin to judge."""
        self._entered = True
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool | None:
        """Report it: as it was judged, or else by its status."""
        meta = self.request_meta
        if self._judged is not None:
            meta["exception"] = None if self._judged is True else self._judged
            self._event.fire(**meta)
            return kind is None
        if kind is None:
            meta["exception"] = self.error
            if self.error is None and self.status_code >= 400:
                meta["exception"] = self.status_error(meta["name"])
        elif isinstance(error, ResponseError):
            meta["exception"] = error
        else:
            return False
        self._event.fire(**meta)
        return True

    def success(self) -> None:
        """It counts as a success."""
        self._judge(True)

    def failure(self, exc: Any) -> None:
        """It counts as a failure, for this reason."""
        self._judge(exc if isinstance(exc, Exception) else CatchResponseError(exc))

    def _judge(self, judged: bool | Exception) -> None:
        if not self._entered:
            raise LocustError(_NEEDS_BLOCK)
        self._judged = judged

    def raise_for_status(self) -> None:
        """As any answer, unless it was judged already."""
        if isinstance(self._judged, Exception):
            raise self._judged
        if self._judged is None:
            super().raise_for_status()
