"""The settings of the service and of pricing, read from the environment.

``python -m service.settings`` validates configurations given as JSON on standard input,
without looking at the environment.
"""

import difflib
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field, HttpUrl, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

REDACTED = "***"


def _postgres_url(url: SecretStr) -> SecretStr:
    # Messages must not quote the URL: it carries the password.
    try:
        parts = urlsplit(url.get_secret_value())
        _ = parts.port
    except ValueError:
        raise ValueError("must be a valid URL") from None
    if parts.scheme not in ("postgresql", "postgresql+asyncpg"):
        raise ValueError("must start with postgresql://")
    if not parts.path.strip("/"):
        raise ValueError("must name a database, as in postgresql://user@host/database")
    return url


def _without_credentials(url: HttpUrl) -> HttpUrl:
    if url.username or url.password:
        raise ValueError("must not carry credentials: it is shown in the open")
    return url


class Settings(BaseSettings):
    """What the two processes' settings have in common."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, allow_inf_nan=False
    )

    @classmethod
    def from_values(cls, values: Mapping[str, object]) -> Self:
        """Validate settings given by name, leaving the environment aside."""

        class Detached(cls):  # type: ignore[misc, valid-type]
            @classmethod
            def settings_customise_sources(
                cls,
                settings_cls: type[BaseSettings],
                init_settings: PydanticBaseSettingsSource,
                **_: PydanticBaseSettingsSource,
            ) -> tuple[PydanticBaseSettingsSource, ...]:
                return (InitSettingsSource(settings_cls, _fields(values)),)

        detached: Self = Detached()
        return detached

    @classmethod
    def names(cls) -> list[str]:
        """The settings' names as the environment spells them."""
        return [field.upper() for field in cls.model_fields]

    def canonical(self) -> dict[str, str]:
        """Every setting as one canonical string, secrets redacted."""
        return {field.upper(): _canonical(value) for field, value in self}


class ServiceSettings(Settings):
    """The ordering service."""

    database_url: Annotated[SecretStr, AfterValidator(_postgres_url)] = Field(
        SecretStr("postgresql://orders@localhost/orders"),
        description="PostgreSQL database; a Unix socket as ?host=/directory.",
    )
    db_pool_size: int = Field(10, ge=1, le=500, description="Connections kept open.")
    db_pool_overflow: int = Field(
        0, ge=0, le=500, description="Connections opened beyond the pool, and closed after use."
    )
    db_pool_timeout_s: float = Field(
        30, gt=0, le=600, description="Wait for a connection before answering 503."
    )
    db_migrate_on_start: bool = Field(
        False, description="Create and seed missing tables; safe if several processes start."
    )
    seed_skus: int = Field(10_000, ge=1, le=1_000_000, description="SKUs in a new database.")
    seed_customers: int = Field(
        1_000, ge=1, le=1_000_000, description="Customers in a new database."
    )
    seed_invoices: int = Field(
        20_000, ge=0, le=10_000_000, description="Invoices in a new database."
    )
    invoices_indexed: bool = Field(
        True,
        description="Index invoices by customer, set when migrating; "
        "without it each credit check reads the whole table.",
    )
    stock_rows: Literal["many", "one"] = Field(
        "many", description="A stock row per SKU, or one row that all SKUs draw on."
    )
    pricing_url: Annotated[HttpUrl, AfterValidator(_without_credentials)] = Field(
        HttpUrl("http://127.0.0.1:8001"), description="Where pricing answers."
    )
    pricing_inside_transaction: bool = Field(
        False,
        description="Ask pricing while the transaction is open, "
        "holding its connection and row locks, instead of before.",
    )
    pricing_call: Literal["awaited", "blocking"] = Field(
        "awaited",
        description="Await pricing, or call it synchronously, which stops the event loop.",
    )
    pricing_timeout_s: float = Field(
        5, gt=0, le=600, description="Wait for pricing before answering 504."
    )
    room_secret: SecretStr = Field(
        SecretStr("for-development-only"),
        min_length=8,
        description="Key of the rooms' tokens; the default is known to everybody.",
    )
    room_queue: int = Field(
        100, ge=1, le=100_000, description="Broadcasts that a room's member may be behind."
    )
    slow_consumer: Literal["drop", "wait"] = Field(
        "drop",
        description="Drop a member whose queue is full, or let the whole room wait for it.",
    )
    room_history: int = Field(
        1_000, ge=0, le=100_000, description="Broadcasts that a room keeps for replay."
    )
    room_cleanup: bool = Field(
        True, description="Remove a room after its last member left, or keep it for ever."
    )
    room_linger_s: float = Field(
        60, ge=0, le=86_400, description="Keep an empty room for those who come back to it."
    )
    room_linger_rooms: int = Field(
        1_000, ge=0, le=1_000_000, description="Empty rooms kept; the longest empty goes first."
    )
    room_heartbeat_s: float = Field(
        20,
        ge=0.05,
        le=600,
        description="Ping a WebSocket this often; close it if it does not answer as long.",
    )
    pricing_retry: Literal["none", "budgeted", "unbounded"] = Field(
        "budgeted",
        description="Retry failed requests to pricing not at all, within a budget, "
        "or however many fail.",
    )
    pricing_retries: int = Field(
        2, ge=0, le=100, description="Retries of one request to pricing, at most."
    )
    pricing_retry_budget: float = Field(
        0.1, ge=0, le=1, description="Retries as a share of the requests to pricing, at most."
    )
    pricing_backoff_ms: int = Field(
        50, ge=0, le=60_000, description="Longest pause before the first retry; it doubles."
    )
    quote_endpoint: Literal["async", "thread"] = Field(
        "async",
        description="Answer quotes on the event loop, "
        "or in a `def` endpoint that blocks one of the thread pool's threads.",
    )
    thread_tokens: int = Field(
        40, ge=1, le=10_000, description="Threads that `def` endpoints share."
    )
    list_paging: Literal["keyset", "offset"] = Field(
        "keyset",
        description="How the first page of orders continues: after its last order, "
        "or by counting past those before.",
    )
    list_lines: Literal["joined", "n_plus_one"] = Field(
        "joined", description="Read the lines of a page in one query, or in one per order."
    )
    response_validation: bool = Field(
        True,
        description="Build orders that are read, one or a page, through validated models, "
        "or as plain JSON.",
    )
    connection_returned_on_error: bool = Field(
        True, description="Give a failed request's connection back, or lose it."
    )
    max_body_bytes: int = Field(
        65_536, ge=1, le=1_000_000_000, description="A longer request body is answered 413."
    )
    job_queue_limit: int = Field(
        100, ge=0, le=1_000_000, description="Jobs waiting before 503 is answered; 0: no limit."
    )
    job_workers: int = Field(4, ge=1, le=1_000, description="Jobs worked on at once.")
    job_attempts: int = Field(3, ge=1, le=100, description="Attempts at a job, at most.")
    job_backoff_ms: int = Field(
        100, ge=0, le=60_000, description="Longest pause before a job's second attempt; it doubles."
    )
    job_drain_s: float = Field(
        5, ge=0, le=600, description="Time that jobs have to finish when the service stops."
    )
    metrics: bool = Field(
        True, description="Measure requests and the event loop, and answer `/metrics`."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "warning", description="The service's log; receipts and refused requests are at info."
    )
    stream_heartbeat_s: float = Field(
        15, ge=1, le=600, description="Send a comment down a stream that is quiet this long."
    )
    idempotency_store: Literal["database", "process"] = Field(
        "database",
        description="Keep answers by Idempotency-Key in the database, "
        "or in the process, which loses them when it ends and shares them with no other.",
    )
    idempotency_ttl_s: float = Field(
        86_400, gt=0, le=31_536_000, description="Keep an answer under its key this long."
    )
    idempotency_forgets: bool = Field(
        True, description="Let answers kept in the process expire, or keep them for ever."
    )
    outbox_relays: int = Field(
        1, ge=0, le=16, description="Relays in this process that deliver events; 0: none."
    )
    outbox_batch: int = Field(
        100, ge=1, le=10_000, description="Events that a relay delivers at once, at most."
    )
    outbox_rate: float = Field(
        0, ge=0, le=1_000_000, description="Events that are delivered a second; 0: no limit."
    )
    outbox_max_attempts: int = Field(
        8, ge=1, le=100, description="Attempts at an event before it becomes a dead letter."
    )
    outbox_backoff_ms: int = Field(
        200, ge=0, le=3_600_000, description="Longest pause before the first retry; it doubles."
    )
    outbox_backoff_max_ms: int = Field(
        30_000, ge=0, le=3_600_000, description="Longest pause before any retry of an event."
    )
    event_loop: Literal["uvloop", "asyncio"] = Field(
        "uvloop", description="The event loop that runs the service."
    )


class PricingSettings(Settings):
    """The pricing stand-in."""

    pricing_latency_ms: int = Field(80, ge=0, le=60_000, description="Time that a quote takes.")
    pricing_capacity: int = Field(
        64, ge=1, le=100_000, description="Quotes worked on at once; further ones wait in line."
    )
    pricing_error_rate: float = Field(
        0, ge=0, le=1, description="Share of quotes answered with status 500."
    )


def _fields(values: Mapping[str, object]) -> dict[str, Any]:
    return {name.lower(): value for name, value in values.items()}


def _canonical(value: object) -> str:
    if isinstance(value, SecretStr):
        return REDACTED
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return str(value)


class SettingError(BaseModel):
    """What is wrong with one setting."""

    setting: str
    message: str


class Checked(BaseModel):
    """A configuration, either valid in full or with its errors."""

    settings: dict[str, str] = {}
    errors: list[SettingError] = []


def errors_in(invalid: ValidationError) -> Iterator[SettingError]:
    """Each error of a validation, without the value that caused it."""
    for error in invalid.errors(include_url=False, include_context=False, include_input=False):
        name = str(error["loc"][0]).upper() if error["loc"] else ""
        yield SettingError(setting=name, message=error["msg"].removeprefix("Value error, "))


def check(values: Mapping[str, object]) -> Checked:
    """Validate one configuration of the service and pricing together."""
    groups: list[type[Settings]] = [ServiceSettings, PricingSettings]
    known = [name for group in groups for name in group.names()]
    checked = Checked(errors=[_unknown(name, known) for name in values if name not in known])
    for group in groups:
        own = {name: value for name, value in values.items() if name in group.names()}
        try:
            checked.settings |= group.from_values(own).canonical()
        except ValidationError as invalid:
            checked.errors += errors_in(invalid)
    return Checked(errors=checked.errors) if checked.errors else checked


def _unknown(name: str, known: list[str]) -> SettingError:
    near = difflib.get_close_matches(name.upper(), known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return SettingError(setting=name, message=f"unknown setting{hint}")


def main() -> int:
    """Read configurations by name, print each with its errors."""
    try:
        configurations = json.load(sys.stdin)
        checked = {name: check(values) for name, values in configurations.items()}
    except (ValueError, AttributeError, TypeError):
        print('expected JSON such as {"arm": {"DB_POOL_SIZE": "5"}}', file=sys.stderr)
        return 2
    print(json.dumps({name: result.model_dump() for name, result in checked.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
