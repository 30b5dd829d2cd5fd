"""Numbers with units."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lab.input_files import Flaw, Node
from lab.input_files.quantities import (
    Quantity,
    duration_s,
    number_or_slope,
    positive_amount,
    rate_per_second,
    share,
)


def node(written: str) -> Node:
    try:
        return Node("size", 7, float(written), written)
    except ValueError:
        return Node("size", 7, written, written)


@pytest.mark.parametrize(
    ("written", "seconds"), [("1500ms", 1.5), ("2 s", 2.0), ("0.5m", 30.0), ("168h", 604_800.0)]
)
def test_durations_are_in_seconds(written: str, seconds: float) -> None:
    assert duration_s(node(written)) == pytest.approx(seconds)


@pytest.mark.parametrize("written", ["4", "4 minutes", "-4s", "s", "169h"])
def test_other_durations_are_refused(written: str) -> None:
    with pytest.raises(Flaw, match=r"not a duration|longer than seven days"):
        duration_s(node(written))


@pytest.mark.parametrize(
    ("written", "amount"), [("512 MB", 512e6), ("1.5GB", 1.5e9), ("20ms", 0.02), ("1000", 1000.0)]
)
def test_amounts_are_in_base_units(written: str, amount: float) -> None:
    assert positive_amount(node(written)).value == pytest.approx(amount)


@pytest.mark.parametrize("written", ["0 MB", "-1", "512 TB", "much"])
def test_other_amounts_are_refused(written: str) -> None:
    with pytest.raises(Flaw, match="not an amount above 0"):
        positive_amount(node(written))


def test_shares_are_from_0_to_1() -> None:
    assert share(node("0.5")) == 0.5
    with pytest.raises(Flaw, match="`size` is 5, not a share"):
        share(node("5"))


@pytest.mark.parametrize(
    ("written", "quantity"),
    [
        ("0.5", Quantity(0.5, number="0.5")),
        ("5 MB/h", Quantity(5e6, "MB", "h", "5")),
        ("30/min", Quantity(1800.0, "", "min", "30")),
        ("-2 KB / min", Quantity(-120e3, "KB", "min", "-2")),
    ],
)
def test_a_slope_is_per_hour_and_keeps_its_unit(written: str, quantity: Quantity) -> None:
    assert number_or_slope(node(written)) == quantity


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("500ms", 0.5),
        ("500 ms", 0.5),
        ("0.5s", 0.5),
        ("70ms", 0.07),
        ("250us", 0.00025),
        ("250 µs", 0.00025),
        ("1e2 ns", 1e-7),
        ("2min", 120.0),
        ("80%", 0.8),
        ("7 %", 0.07),
        ("512MB", 512e6),
        ("512 kB", 512e3),
        ("30/s", 30.0),
        ("1800/min", 30.0),
        ("5 MB/s", 5e6),
    ],
)
def test_a_number_with_its_unit_is_in_the_base_unit(written: str, value: float) -> None:
    assert number_or_slope(node(written)).per_second == value


@pytest.mark.parametrize("written", ["fast", "1.2.3s", "s", "ms500", "5 MB/day"])
def test_another_quantity_is_refused_as_a_bound(written: str) -> None:
    with pytest.raises(Flaw, match=r"`size` is `.*`, not a number with or without a unit"):
        number_or_slope(node(written))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("500 milliseconds", "500ms"),
        ("500msec", "500ms"),
        ("500 MS", "500ms"),
        ("5 sec", "5s"),
        ("0,5s", "0.5s"),
        (".5s", "0.5s"),
        ("512M", "512MB"),
        ("512mb", "512MB"),
        ("80 percent", "80%"),
        ("30 rps", "30/s"),
        ("30 req/s", "30/s"),
    ],
)
def test_another_spelling_is_answered_with_the_one_meant(written: str, meant: str) -> None:
    with pytest.raises(Flaw, match="not written like a number and its unit") as caught:
        number_or_slope(node(written))
    assert caught.value.remedy == f"Write {meant}, without quotes."
    number_or_slope(node(meant))


def test_a_number_in_quotes_is_answered_with_the_number() -> None:
    with pytest.raises(Flaw, match="not written like a number") as caught:
        number_or_slope(Node("at_most", 7, "500", "500"))
    assert caught.value.remedy == "Write 500, without quotes."


@pytest.mark.parametrize("read", [number_or_slope, positive_amount])
def test_units_of_1024_are_refused_with_the_same_amount_in_units_of_1000(
    read: Callable[[Node], Quantity],
) -> None:
    with pytest.raises(Flaw, match="in a unit of 1,024 bytes") as caught:
        read(node("512 MiB"))
    written = caught.value.remedy.rpartition(": ")[2].removesuffix(".")
    assert read(node(written)).value == 512 * 2**20


@pytest.mark.parametrize(("written", "value"), [("5%", 0.05), ("100 %", 1.0), ("0.1%", 0.001)])
def test_shares_may_be_percentages(written: str, value: float) -> None:
    assert share(node(written)) == value


def test_a_share_above_1_is_answered_with_both_ways_to_write_percent() -> None:
    with pytest.raises(Flaw) as caught:
        share(node("80"))
    assert caught.value.remedy == ("Write a number from 0 to 1: 80% or 0.8, if percent is meant.")
    assert share(node("80%")) == share(node("0.8"))
    with pytest.raises(Flaw, match="is 120%, not a share"):
        share(node("120%"))
    with pytest.raises(Flaw, match="is a share, not measured in ms"):
        share(node("5ms"))


def test_rates_are_a_second() -> None:
    assert [rate_per_second(node(text)) for text in ("20", "20/s", "1200/min")] == [20.0] * 3
    with pytest.raises(Flaw, match="is a rate, not measured in MB/s"):
        rate_per_second(node("5 MB/s"))
