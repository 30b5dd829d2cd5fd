"""Numbers with units."""

from __future__ import annotations

import pytest

from lab.input_files import Flaw, Node
from lab.input_files.quantities import (
    Quantity,
    duration_s,
    number_or_slope,
    positive_amount,
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
    assert positive_amount(node(written)) == pytest.approx(amount)


@pytest.mark.parametrize("written", ["0 MB", "-1", "512 MiB", "much"])
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
        ("0.5", Quantity(0.5)),
        ("5 MB/h", Quantity(5e6, "MB", is_slope=True)),
        ("30/min", Quantity(1800.0, "", is_slope=True)),
        ("-2 KB / min", Quantity(-120e3, "KB", is_slope=True)),
    ],
)
def test_a_slope_is_per_hour_and_keeps_its_unit(written: str, quantity: Quantity) -> None:
    assert number_or_slope(node(written)) == quantity


def test_another_quantity_is_refused_as_a_bound() -> None:
    with pytest.raises(Flaw, match="`size` is `500ms`, not a number, or a slope with its unit"):
        number_or_slope(node("500ms"))
