"""What the service exports to Prometheus; a registry per application, none global."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service.realtime.rooms import Rooms

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_TICK_S = 0.1


class InFlight(Collector):
    """Requests in flight, and their integral over time.

    The integral over a window, divided by its length, is the mean concurrency in it, which no
    gauge read now and then can tell.
    """

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._clock = clock
        self._count = 0
        self._request_seconds = 0.0
        self._since = clock()

    def enter(self) -> None:
        """A request came in."""
        self._advance()
        self._count += 1

    def leave(self) -> None:
        """A request was answered in full."""
        self._advance()
        self._count -= 1

    def collect(self) -> Iterator[Metric]:
        """Both figures, up to now."""
        self._advance()
        yield GaugeMetricFamily(
            "http_requests_in_flight", "Requests being answered.", value=self._count
        )
        yield CounterMetricFamily(
            "http_in_flight_request_seconds",
            "Integral over time of the requests in flight.",
            value=self._request_seconds,
        )

    def _advance(self) -> None:
        now = self._clock()
        self._request_seconds += self._count * (now - self._since)
        self._since = now


class HttpMetrics:
    """Requests by route, probes left out."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.in_flight = InFlight()
        registry.register(self.in_flight)
        self.streams = Gauge("http_streams_open", "Streams of events open.", registry=registry)
        self._requests = Counter(
            "http_requests", "Requests answered.", ["method", "route", "status"], registry=registry
        )
        self._duration = Histogram(
            "http_request_duration_seconds",
            "Time to answer a request in full.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        # Looking a child up by its labels costs more than counting with it.
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        key = (method, route, status)
        if (children := self._children.get(key)) is None:
            requests = self._requests.labels(method, route, str(status))
            children = self._children[key] = requests, self._duration.labels(route)
        requests, duration = children
        requests.inc()
        duration.observe(seconds)


class PoolMetrics:
    """The connection pool, as the units of work meet it."""

    def __init__(
        self,
        registry: CollectorRegistry,
        size: int,
        in_use: Callable[[], float],
        pool: str = "db_pool",
    ) -> None:
        self.wait = Histogram(
            f"{pool}_wait_seconds",
            "Time from asking for a connection to having it.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.hold = Histogram(
            f"{pool}_hold_seconds",
            "Time from having a connection to giving it back.",
            buckets=_SECONDS,
            registry=registry,
        )
        Gauge(f"{pool}_size", "Connections that may be in use.", registry=registry).set(size)
        Gauge(f"{pool}_in_use", "Connections in use.", registry=registry).set_function(in_use)


class RoomMetrics(Collector):
    """The rooms, read when asked."""

    def __init__(self, registry: CollectorRegistry, rooms: Rooms) -> None:
        self._rooms = rooms
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """What is there now, and what happened so far."""
        rooms = self._rooms
        yield GaugeMetricFamily("rooms", "Rooms in memory, empty ones included.", value=len(rooms))
        yield GaugeMetricFamily("room_members", "Members of all rooms.", value=rooms.members)
        yield CounterMetricFamily(
            "room_broadcasts", "Messages broadcast to a room.", value=rooms.broadcasts
        )
        yield CounterMetricFamily(
            "room_members_dropped", "Members dropped for being slow.", value=rooms.dropped
        )


class OutboxMetrics:
    """Events on their way to their consumer."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.pending = Gauge("outbox_pending", "Events not yet delivered.", registry=registry)
        self.dead = Gauge("outbox_dead", "Events given up.", registry=registry)
        self._delivered = Counter("outbox_delivered", "Events delivered.", registry=registry)
        self._failed = Counter("outbox_failed", "Deliveries that failed.", registry=registry)
        self.duplicates = Counter(
            "events_duplicate", "Events dropped as delivered before.", registry=registry
        )

    def settled(self, delivered: int, failed: int) -> None:
        """Count a batch."""
        self._delivered.inc(delivered)
        self._failed.inc(failed)


class JobMetrics:
    """The job queue."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.depth = Gauge("job_queue_depth", "Jobs that wait for a worker.", registry=registry)
        self.wait = Histogram(
            "job_queue_wait_seconds",
            "Time that a job waits for a worker.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.done = Counter("jobs_done", "Jobs done.", registry=registry)
        self.failed = Counter("jobs_failed", "Jobs given up.", registry=registry)
        self.retried = Counter("jobs_retried", "Jobs tried again.", registry=registry)
        self.rejected = Counter("jobs_rejected", "Jobs refused, the queue full.", registry=registry)


def retry_metric(registry: CollectorRegistry) -> Counter:
    """Questions that pricing was asked again."""
    return Counter("pricing_retries", "Questions asked to pricing again.", registry=registry)


def pricing_metric(registry: CollectorRegistry) -> Histogram:
    """Time that pricing takes, failures included."""
    return Histogram(
        "pricing_request_seconds",
        "Time that a call to pricing takes, failures included.",
        buckets=_SECONDS,
        registry=registry,
    )


def records_metric(registry: CollectorRegistry, count: Callable[[], float]) -> None:
    """Answers that the process keeps by their idempotency keys."""
    Gauge("idempotency_records", "Answers kept in this process.", registry=registry).set_function(
        count
    )


def heap_metric(registry: CollectorRegistry) -> None:
    """What the interpreter holds, whatever the allocator gives back to the system."""
    Gauge(
        "heap_blocks", "Blocks that the interpreter has allocated.", registry=registry
    ).set_function(sys.getallocatedblocks)


def tasks_metric(registry: CollectorRegistry) -> None:
    """Tasks of the running event loop."""
    loop = asyncio.get_running_loop()
    Gauge("asyncio_tasks", "Tasks of the event loop.", registry=registry).set_function(
        lambda: len(asyncio.all_tasks(loop))
    )


def lag_metric(registry: CollectorRegistry) -> Histogram:
    """How late the event loop runs what is due."""
    return Histogram(
        "event_loop_lag_seconds",
        "How late a timer of 100 ms fires.",
        buckets=_SECONDS,
        registry=registry,
    )


async def watch_event_loop(lag: Histogram) -> None:
    """Observe the event loop's lag until cancelled."""
    while True:
        started = perf_counter()
        await asyncio.sleep(_TICK_S)
        lag.observe(max(0.0, perf_counter() - started - _TICK_S))
