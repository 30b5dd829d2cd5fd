"""One envelope for every failure, with an id that stands in the body, the header and the log."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from service.unit_of_work.sql import SqlOrders

Start = Callable[..., Awaitable[httpx.AsyncClient]]
ORDER = {"customer_id": 1, "lines": [{"sku": "SKU-1", "quantity": 1}]}
JSON = {"Content-Type": "application/json"}


def _code(response: httpx.Response) -> str:
    error = response.json()["error"]
    assert set(error) == {"code", "message", "details", "request_id"}
    assert error["request_id"] == response.headers["X-Request-ID"]
    return str(error["code"])


@pytest.mark.parametrize("given", ["0", "a" * 64, "7f3c-1.2_X"])
async def test_a_clients_own_request_id_is_kept(start: Start, given: str) -> None:
    service = await start()

    found = await service.get("/orders", headers={"X-Request-ID": given})
    missing = await service.get("/orders/9", headers={"X-Request-ID": given})

    assert found.headers["X-Request-ID"] == given
    assert missing.json()["error"]["request_id"] == given


@pytest.mark.parametrize("given", ["", "a" * 65, "two words", "new\\nline", "ünsane", "a\tb"])
async def test_an_id_that_could_forge_the_log_is_not(start: Start, given: str) -> None:
    service = await start()

    answers = [
        await service.get("/health", headers={b"X-Request-ID": given.encode()}) for _ in range(2)
    ]

    made = [answer.headers["X-Request-ID"] for answer in answers]
    assert all(re.fullmatch("[0-9a-f]{32}", identity) for identity in made)
    assert made[0] != made[1]


async def test_every_failure_stands_in_the_log_with_its_id(
    start: Start, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = await start()
    caplog.set_level(logging.INFO, "service")

    async def logged(answer: httpx.Response) -> logging.LogRecord:
        identity = answer.json()["error"]["request_id"]
        [record] = [each for each in caplog.records if identity in each.getMessage()]
        return record

    unknown = await logged(await service.get("/nowhere"))
    assert unknown.levelno == logging.INFO
    assert unknown.getMessage().endswith("GET '/nowhere' answered 404 not_found: Not Found")

    invalid = await logged(await service.post("/orders", json={}))
    assert "422 invalid_request" in invalid.getMessage()

    forged = await logged(await service.get("/nowhere%0Aforged"))
    assert "\n" not in forged.getMessage()

    async def broken(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(SqlOrders, "page", broken)
    crash = await logged(await service.get("/orders"))
    assert crash.levelno == logging.ERROR
    assert crash.exc_info is not None
    assert "secret" in caplog.text


async def test_a_body_that_is_too_long(start: Start) -> None:
    service = await start(MAX_BODY_BYTES="100")
    fits = b'{"customer_id": 1, "lines": [{"sku": "SKU-1", "quantity": 1}]}'.ljust(100)

    async def in_pieces(size: int) -> AsyncIterator[bytes]:
        for _ in range(size // 10):
            yield b" " * 10

    told = await service.post("/orders", content=fits + b" ", headers=JSON)
    untold = await service.post("/orders", content=in_pieces(110), headers=JSON)
    elsewhere = await service.get("/nowhere", headers={"Content-Length": "1000"})

    for refused in (told, untold, elsewhere):
        assert (refused.status_code, _code(refused)) == (413, "body_too_large")
    assert (await service.post("/orders", content=fits, headers=JSON)).status_code == 201
    blank = await service.post("/orders", content=in_pieces(100), headers=JSON)
    assert (blank.status_code, _code(blank)) == (422, "invalid_request")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 422, "invalid_request"),
        (b"", 422, "invalid_request"),
        (b"[]", 422, "invalid_request"),
        (b'"\xff"', 400, "malformed_body"),
        (b"[" * 60_000, 400, "malformed_body"),
    ],
)
async def test_a_body_that_cannot_be_read(
    start: Start, body: bytes, status: int, code: str
) -> None:
    answer = await (await start()).post("/orders", content=body, headers=JSON)

    assert (answer.status_code, _code(answer)) == (status, code)


async def test_a_lost_connection_is_a_suspect(start: Start) -> None:
    """With the setting off, every failed request takes a connection with it."""
    sound = await start(DB_POOL_SIZE="2", DB_POOL_TIMEOUT_S="0.1")
    leaky = await start(
        DB_POOL_SIZE="2", DB_POOL_TIMEOUT_S="0.1", CONNECTION_RETURNED_ON_ERROR="false"
    )

    codes = [[_code(await one.get("/orders/9")) for _ in range(4)] for one in (sound, leaky)]

    assert codes[0] == ["unknown_order"] * 4
    assert codes[1] == ["unknown_order"] * 2 + ["database_busy"] * 2
    assert (await sound.get("/orders")).status_code == 200
    busy = await leaky.get("/orders")
    assert (busy.status_code, busy.headers["Retry-After"]) == (503, "1")


async def test_without_metrics_there_are_none(start: Start) -> None:
    service = await start(METRICS="false")

    answer = await service.get("/metrics")

    assert (answer.status_code, _code(answer)) == (404, "not_found")
    assert (await service.post("/orders", json=ORDER)).status_code == 201


async def test_every_operation_documents_the_envelope(start: Start) -> None:
    service = await start()
    envelope = {"$ref": "#/components/schemas/ErrorResponse"}

    paths = (await service.get("/openapi.json")).json()["paths"]

    operations = [(url, path[method]) for url, path in paths.items() for method in path]
    assert len(operations) >= 9
    for url, operation in operations:
        failures = {s: a for s, a in operation["responses"].items() if int(s) >= 400}
        assert {"413", "500"} <= set(failures), url
        for status, answer in failures.items():
            assert answer["content"] == {"application/json": {"schema": envelope}}, (url, status)
            assert ("Retry-After" in answer["headers"]) == (status == "503"), (url, status)
    assert "503" in paths["/orders"]["post"]["responses"]
    assert "503" in paths["/orders/{order_id}/invoice"]["post"]["responses"]
