"""Caps of a load, which only `lab.toml` can raise: a slip of the pen must not become an attack."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lab.cli.durations import clock
from lab.hypothesis import (
    Benchmark,
    ClosedLoad,
    Hypothesis,
    HypothesisError,
    LoadTest,
    OpenLoad,
    SoakTest,
)
from lab.system import FILE, SafetySpec
from lab.trials.plan import Plan

MAX_USERS = 1000
MAX_RATE = 5000.0  # requests a second
MAX_TIME_S = 24 * 3600.0  # of a run


def refuse_over_caps(hypothesis: Hypothesis, file: Path, plan: Plan, safety: SafetySpec) -> None:
    """Refuse a load of more users, a higher rate or a longer time than permitted.

    Args:
        hypothesis: What is to be run; benchmarks load nothing.
        file: Its file, for the message.
        plan: Its length, if it is a soak.
        safety: Of `lab.toml`.

    Raises:
        HypothesisError: It asks for more.
    """
    if isinstance(hypothesis.kind, Benchmark):
        return
    caps = {
        "max_users": safety.max_users or MAX_USERS,
        "max_rate": safety.max_rate or MAX_RATE,
        "max_time": safety.max_time_s or MAX_TIME_S,
    }
    for cap, asked, shown, key in _asked(hypothesis, plan):
        if asked > caps[cap]:
            is_time = cap == "max_time"
            what, most = ("a run", clock(caps[cap])) if is_time else ("a load", f"{caps[cap]:,g}")
            raise HypothesisError(
                file,
                _line(hypothesis.text, key),
                f"{what} of {shown} is more than the cap of {most}",
                f"Lower it, or write a higher `{cap}` into [safety] of {FILE}",
            )


def _asked(hypothesis: Hypothesis, plan: Plan) -> Iterator[tuple[str, float, str, str]]:
    """The cap that is meant, the figure, the figure in words, and the key that says it."""
    kind = hypothesis.kind
    assert isinstance(kind, LoadTest | SoakTest)
    loads = [kind.load_at(level) for level in kind.levels] if isinstance(kind, LoadTest) else None
    for load in [kind.load] if loads is None else loads:
        if isinstance(load, ClosedLoad):
            yield "max_users", load.users, f"{load.users:,} users", "load"
        elif isinstance(load, OpenLoad):
            yield "max_rate", load.peak, f"{load.peak:,g} arrivals a second", "load"
            yield "max_users", load.max_users, f"{load.max_users:,} users at once", "load"
    if isinstance(kind, LoadTest):
        yield "max_time", kind.budget_s, clock(kind.budget_s), "budget"
    elif (length_s := plan.length_s or kind.length_s) is not None:
        yield "max_time", length_s, clock(length_s), "length"


def _line(text: str, key: str) -> int | None:
    lines = text.splitlines()
    return next((n for n, line in enumerate(lines, 1) if re.match(rf"{key}:", line)), None)
