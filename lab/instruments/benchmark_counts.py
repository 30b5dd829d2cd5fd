"""Which entries of `benchmark.extra_info` are counts: whole numbers of any type."""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Mapping
from typing import Any

_MAX_FLOAT = 2.0**53  # above it a float does not hold every whole number
_MAX_COUNT = 10**300  # what is computed with counts is computed in floats


def counts_of(extra_info: object) -> tuple[dict[str, int], dict[str, str]]:
    """The counts by name, and of every other entry what it is."""
    counts, others = {}, {}
    entries = extra_info if isinstance(extra_info, Mapping) else {"extra_info": extra_info}
    for name, value in entries.items():
        count = whole_number(value)
        if count is None:
            others[str(name)] = described(value)
        else:
            counts[str(name)] = count
    return counts, others


def whole_number(value: Any) -> int | None:
    """The value as an int, if it is a whole number and neither a truth nor text.

    Whole numbers are those of Python, of NumPy and of other libraries, and floats such as 7.0.
    """
    if isinstance(value, bool) or getattr(getattr(value, "dtype", None), "kind", "") == "b":
        return None
    if isinstance(value, numbers.Real) and not isinstance(value, numbers.Rational):
        number = float(value)
        return int(number) if number.is_integer() and abs(number) <= _MAX_FLOAT else None
    try:
        count = operator.index(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return None
    return count if abs(count) < _MAX_COUNT else None


def described(value: Any) -> str:
    """What a value is that is no count, as in "text ('7')"."""
    kind = type(value).__name__
    match value:
        case None:
            return "None"
        case str():
            what = "text"
        case float() if not math.isfinite(value):
            what = "not a number" if math.isnan(value) else "infinite"
        case float() if not value.is_integer():
            what = "a fraction"
        case int() | float() if not isinstance(value, bool):
            what = f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
            return f"{what} too large to be an exact count"
        case _:
            what = f"an {kind}" if kind[0].lower() in "aeiou" else f"a {kind}"
    return f"{what} ({_shown(value)})"


def _shown(value: Any) -> str:
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a type whose repr fails is still no count
        return "?"
    return text if len(text) <= 40 else f"{text[:37]}..."
