"""The service's risks: which layer answers for each, and a defect that shows that it does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Risk:
    """What may go wrong, who would notice, and one way of making it go wrong."""

    name: str
    says: str  # what a user would suffer
    layer: str  # folder below tests/service
    test: str  # file::name within the layer
    file: str  # where the defect is planted
    old: str  # occurs exactly once
    new: str

    @property
    def folder(self) -> str:
        """The layer's tests."""
        return f"tests/service/{self.layer}"

    def planted(self, sound: str) -> str:
        """The file with the defect; ValueError where it no longer applies."""
        if sound.count(self.old) != 1:
            raise ValueError(f"{self.name}: {self.file} has this not exactly once: {self.old!r}")
        return sound.replace(self.old, self.new)


RISKS: tuple[Risk, ...] = (
    Risk(
        "resume-off-by-one",
        "a client that reconnects misses a message",
        "property",
        "test_room_resume.py::TestRoomsUnderAnyOrder",
        "service/realtime/room.py",
        "first_seq + 1, None",
        "first_seq + 2, None",
    ),
    Risk(
        "gap-not-said",
        "a client believes that it has seen everything",
        "property",
        "test_room_resume.py::TestRoomsUnderAnyOrder",
        "service/realtime/room.py",
        'return "history" if resume.seq < first_seq - 1 else None',
        "return None",
    ),
    Risk(
        "room-cleanup-removed",
        "rooms outlive their last member, and memory grows",
        "property",
        "test_room_resume.py::TestRoomsUnderAnyOrder",
        "service/realtime/rooms.py",
        "del self._rooms[name]",
        "self._rooms.get(name)",
    ),
    Risk(
        "room-never-expires",
        "an empty room stays for ever while nobody else comes",
        "protocol",
        "test_rooms_socket.py::test_a_room_that_is_empty_expires_by_itself",
        "service/realtime/rooms.py",
        "        rooms.sweep()",
        "        len(rooms)",
    ),
    Risk(
        "reset-connection-stays",
        "a member whose connection broke is kept and written to",
        "protocol",
        "test_rooms_socket.py::test_a_member_whose_connection_is_reset_is_gone",
        "service/http/rooms.py",
        '== "websocket.disconnect":\n            return',
        '== "websocket.disconnect":\n            await asyncio.Event().wait()',
    ),
    Risk(
        "token-not-checked",
        "anybody may listen",
        "protocol",
        "test_rooms_socket.py::test_a_wrong_token_closes_before_anything_is_sent",
        "service/realtime/token.py",
        "return hmac.compare_digest(",
        "return True or hmac.compare_digest(",
    ),
    Risk(
        "member-queue-unbounded",
        "one slow reader takes up memory until the process dies",
        "protocol",
        "test_rooms_socket.py::test_a_slow_member_is_dropped_with_its_code_and_holds_nobody_back",
        "service/realtime/member.py",
        "if len(self._queue) >= self._limit:\n            return False",
        "if len(self._queue) < 0:\n            return False",
    ),
    Risk(
        "no-heartbeat",
        "dead connections are taken for living ones",
        "protocol",
        "test_rooms_socket.py::test_who_answers_pings_stays_and_who_does_not_is_closed",
        "service/server.py",
        "ws_ping_interval=heartbeat_s",
        "ws_ping_interval=None",
    ),
    Risk(
        "last-event-id-ignored",
        "a resumed stream repeats what was seen",
        "protocol",
        "test_progress_stream.py::test_an_order_is_followed_to_its_end_and_resumed_anywhere",
        "service/http/progress.py",
        "order_id, last_event_id)",
        "order_id, 0)",
    ),
    Risk(
        "gone-client-not-noticed",
        "streams of clients that left pile up",
        "protocol",
        "test_progress_stream.py::test_an_open_stream_is_no_request_in_flight_and_holds_no_connection",
        "service/http/progress.py",
        "super().__call__(scope, receive, send)",
        "self.stream_response(send)",
    ),
    Risk(
        "stream-holds-connection",
        "open streams use up the connection pool",
        "unit",
        "test_progress_feed.py::test_it_holds_no_connection_and_forgets_the_order_when_left",
        "service/orders/feed.py",
        "                for step in steps:",
        "                await work.__aenter__()\n                for step in steps:",
    ),
    Risk(
        "broadcasts-overtake",
        "members see messages in different orders",
        "unit",
        "test_rooms.py::test_the_room_may_wait_for_its_slowest_member",
        "service/realtime/room.py",
        "async with self._turn:",
        "if self._turn:",
    ),
    Risk(
        "shutdown-cuts-streams",
        "a deployment hangs on open streams, or cuts them in the middle",
        "protocol",
        "test_progress_stream.py::test_a_stopping_server_ends_its_streams",
        "service/server.py",
        "        self._stopping()\n",
        "",
    ),
    Risk(
        "payload-not-compared",
        "another order is answered with the stored one",
        "property",
        "test_idempotency_rules.py::test_the_rules_hold",
        "service/idempotency/model.py",
        "if claim.fingerprint != self.fingerprint:",
        "if False:",
    ),
    Risk(
        "answer-not-kept",
        "a retried order is placed twice",
        "unit",
        "test_place_once.py::test_a_key_places_one_order_and_repeats_its_answer",
        "service/orders/checkout.py",
        "await work.idempotency.keep(claim, answer)",
        "pass",
    ),
    Risk(
        "replay-changes-bytes",
        "a replay differs from the first answer",
        "contract",
        "test_idempotency_and_contracts.py::test_the_first_response_is_repeated_to_the_byte",
        "service/http/orders.py",
        "Response(answer.body,",
        "Response(answer.body + (b' ' if answer.replayed else b''),",
    ),
    Risk(
        "json-order-matters",
        "an equal payload is taken for another",
        "unit",
        "test_place_once.py::test_the_fingerprint_is_of_values_and_not_of_their_order",
        "service/idempotency/fingerprint.py",
        "sort_keys=True",
        "sort_keys=False",
    ),
    Risk(
        "order-without-event",
        "an order is never shipped",
        "contract",
        "test_idempotency_and_contracts.py::test_an_order_and_its_event_and_first_step_come_together",
        "service/unit_of_work/sql.py",
        "add_cte(_ADD_LINES, _ADD_EVENT, _ADD_STEP)",
        "add_cte(_ADD_LINES, _ADD_STEP)",
    ),
    Risk(
        "backoff-without-limit",
        "a failing event is tried again next year",
        "unit",
        "test_backoff.py::test_the_bound_doubles_up_to_the_limit",
        "service/backoff.py",
        "min(self.limit_s, self.base_s * 2**doublings)",
        "self.base_s * 2**doublings",
    ),
    Risk(
        "no-dead-letter",
        "a poisoned event is tried for ever",
        "unit",
        "test_relay.py::test_a_poisoned_event_holds_up_no_others_and_dies_in_the_end",
        "service/outbox/relay.py",
        "if failure.attempts < self._delivery.max_attempts:",
        "if True:",
    ),
    Risk(
        "duplicates-kept",
        "an order is shipped twice",
        "resilience",
        "test_outbox.py::test_an_event_delivered_again_is_dropped",
        "service/fulfilment.py",
        " if event_id in fresh]",
        "]",
    ),
    Risk(
        "relay-ends-with-outage",
        "after the database was away, no order is shipped any more",
        "resilience",
        "test_database_restart.py",
        "service/outbox/relay.py",
        "            except Exception as error:\n                # Whatever",
        "            except TypeError as error:\n                # Whatever",
    ),
    Risk(
        "outage-reported-as-mistake",
        "a client gives up, though it could come again",
        "resilience",
        "test_database_restart.py",
        "service/database.py",
        "except (DBAPIError, OSError) as error",
        "except DBAPIError as error",
    ),
    Risk(
        "keyset-off-by-one",
        "a listing shows an order twice",
        "property",
        "test_keyset_pages.py",
        "service/unit_of_work/sql.py",
        'orders.c.id < bindparam("before")',
        'orders.c.id <= bindparam("before")',
    ),
    Risk(
        "next-by-offset",
        "a listing loses orders while others come in",
        "property",
        "test_keyset_pages.py",
        "service/http/paging.py",
        'f"before={page.orders[-1].id}"',
        'f"offset={asked.limit}"',
    ),
    Risk(
        "no-envelope-on-404",
        "a client cannot read the error",
        "contract",
        "test_orders_http.py",
        "service/http/errors.py",
        "    app.add_exception_handler(HTTPException, _http_error)\n",
        "",
    ),
    Risk(
        "no-retry-after",
        "clients hammer an overloaded service",
        "contract",
        "test_invoices_http.py",
        "service/http/envelope.py",
        "status == HTTPStatus.SERVICE_UNAVAILABLE",
        "status == HTTPStatus.TOO_MANY_REQUESTS",
    ),
    Risk(
        "n-plus-one-by-default",
        "a page costs a query per order",
        "perf_smoke",
        "test_listing_pressure.py",
        "service/app.py",
        'settings.list_lines == "n_plus_one"',
        'settings.list_lines == "joined"',
    ),
    Risk(
        "queue-unbounded",
        "overload becomes unbounded latency",
        "perf_smoke",
        "test_queue_pressure.py",
        "service/jobs/queue.py",
        "asyncio.Queue(limits.waiting)",
        "asyncio.Queue(0)",
    ),
    Risk(
        "no-retry-budget",
        "retries multiply the load on a slow downstream",
        "unit",
        "test_retry.py",
        "service/pricing/retry.py",
        " or not self.budget.spend()",
        "",
    ),
    Risk(
        "what-cannot-change-retried",
        "a refused request is sent again",
        "unit",
        "test_retry.py::test_what_would_not_change_is_not",
        "service/pricing/retry.py",
        "status >= 500",
        "status >= 400",
    ),
    Risk(
        "no-drain",
        "work in the queue is lost at shutdown",
        "resilience",
        "test_shutdown_with_jobs.py",
        "service/jobs/queue.py",
        "await self._waiting.join()",
        "pass",
    ),
    Risk(
        "forged-request-id",
        "a client writes lines into the log",
        "contract",
        "test_errors_http.py::test_an_id_that_could_forge_the_log_is_not",
        "service/http/middleware.py",
        "if given and _SANE.fullmatch(given) else",
        "if given else",
    ),
)


def table() -> str:
    """The risk map as it stands in tests/RISKS.md."""
    rows = ["| risk | what a user would suffer | layer | test |", "| --- | --- | --- | --- |"]
    rows += [f"| {r.name} | {r.says} | `{r.layer}/` | `{r.test}` |" for r in RISKS]
    return "\n".join(rows)
