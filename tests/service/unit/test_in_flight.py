from __future__ import annotations

from service.metrics import InFlight


def _figures(in_flight: InFlight) -> dict[str, float]:
    return {
        sample.name: sample.value for metric in in_flight.collect() for sample in metric.samples
    }


def test_the_integral_grows_with_the_requests_in_flight() -> None:
    now = 0.0
    in_flight = InFlight(clock=lambda: now)
    in_flight.enter()
    now = 1.0
    in_flight.enter()
    now = 3.0
    in_flight.leave()
    now = 4.0

    assert _figures(in_flight) == {
        "http_requests_in_flight": 1,
        "http_in_flight_request_seconds_total": 1 + 2 * 2 + 1,
    }


def test_it_is_brought_up_to_date_when_read() -> None:
    now = 0.0
    in_flight = InFlight(clock=lambda: now)
    in_flight.enter()

    readings = []
    for now in (1.0, 2.0, 5.0):  # noqa: B007 - read by the clock
        readings.append(_figures(in_flight)["http_in_flight_request_seconds_total"])

    assert readings == [1.0, 2.0, 5.0]
