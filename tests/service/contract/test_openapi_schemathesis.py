"""Generated requests to every operation of the OpenAPI document, over a real socket.

Rooms are not HTTP: `protocol/` answers for them.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.service.documented import document, examine

CASES = 30


def test_every_answer_is_documented(serve_service: Callable[..., str]) -> None:
    operations = document(serve_service())

    examined = {operation.label: examine(operation, CASES) for operation in operations}

    assert {"POST /orders", "GET /orders", "POST /quotes", "GET /metrics"} <= set(examined)
    assert all(cases > 0 for cases in examined.values()), examined
