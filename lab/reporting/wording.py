"""Figures and outcomes in words, the same in every format of the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from lab.hypothesis import Bound, Metric, MetricRate, parse_measure
from lab.verdict import Outcome

Tone = Literal["good", "bad", "open"]
Formatter = Callable[[float], str]

REFUSED = "too few samples"
MISSING = "–"

STANDING = "Intervals are as of the last block; what was decided earlier stays decided."

DISTRUST = "The run is not to be trusted: what follows is shown, not believed."

LEADS: Mapping[str, str] = {
    "CONFIRMED": "The evidence supports the claim: every prediction held, "
    "every rival is ruled out.",
    "REFUTED": "The evidence contradicts the claim: at least one of its predictions failed.",
    "INCONCLUSIVE": "The evidence does not decide between the claim and what else could be true.",
    "INVALID": "The run is not to be trusted, so it says nothing about the claim.",
    "UNFINISHED": "The run has not ended: there is no verdict yet.",
}

MARKS: Mapping[str, str] = {
    "CONFIRMED": "✔",
    "REFUTED": "✘",
    "INCONCLUSIVE": "◇",
    "INVALID": "⚠",
    "UNFINISHED": "…",
}

MEANINGS: Mapping[str, str] = {
    "CONFIRMED": "every prediction is supported and every rival's prediction is contradicted.",
    "REFUTED": "at least one prediction is contradicted; a useful answer, not a failure.",
    "INCONCLUSIVE": "the evidence ran out first, or a rival explanation still stands.",
    "INVALID": "the measurement itself failed its checks; no conclusion may be drawn.",
}

LIMITS = (
    "Noise that is skewed in one arm raises the error rate above the nominal level: in simulation "
    "from .01 to between .10 and .18 under exponential and lognormal tails.",
    "So does correlation between neighbouring blocks: to .024 at a correlation of .2.",
    "The verdict speaks of this service, this load and these conditions, and of no others.",
)

_OUTCOMES: Mapping[tuple[bool, Outcome], tuple[Tone, str]] = {
    (False, "supported"): ("good", "✔ supported"),
    (False, "contradicted"): ("bad", "✘ contradicted"),
    (False, "undecided"): ("open", "◇ undecided"),
    (True, "contradicted"): ("good", "✔ rival ruled out"),
    (True, "supported"): ("bad", "✘ rival stands"),
    (True, "undecided"): ("open", "◇ rival undecided"),
}


def outcome(rival: bool, value: Outcome) -> tuple[Tone, str]:
    """What an outcome means for the claim, and how it is called."""
    return _OUTCOMES[rival, value]


def reading(alpha: float) -> str:
    """How to read a verdict, in three sentences."""
    return (
        "A block holds one trial of every arm in random order; arms are compared within blocks, "
        "and an interval tells where the mean over blocks may lie, at a level that allows for a "
        f"look after every block (α = {alpha:g} a side). "
        "A prediction is supported when its whole interval meets the bound, contradicted when a "
        "somewhat wider one (α over the number of predictions) misses it, and undecided otherwise. "
        "Claim, bounds and rule were sealed before the first trial, so that nothing was chosen "
        "after seeing the data."
    )


def reading_soak(alpha: float) -> str:
    """How to read the verdict of a soak."""
    return (
        "A block holds one life of every arm: fresh processes, driven side by side at the same "
        "rate to the block's end. The first third of a life does not count. Slopes are compared "
        "within blocks, and an interval tells where the mean over blocks may lie "
        f"(α = {alpha:g} a side, one look at the end; one block alone is a screening, its interval "
        "from its own scatter). That something grows is supported only where it also grows in "
        "every third and does not bend to a standstill: a leak that stops is not a leak. "
        "Claim, bounds and rule were sealed before the soak began."
    )


def plain(value: float) -> str:
    """Three significant digits, never in powers of ten where avoidable."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def seconds(value: float) -> str:
    """A duration."""
    if abs(value) < 0.9995:
        return f"{value * 1000:.3g} ms"
    return f"{plain(value)} s"


def share(value: float) -> str:
    """A share of one, as a percentage."""
    return f"{value * 100:.3g}%"


def factor(value: float) -> str:
    """A measured ratio: its digits are kept, zeros too."""
    figure = plain(value) if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")
    return f"{figure}×"


def multiple(value: float) -> str:
    """A round ratio: a bound, or a mark on an axis."""
    return f"{plain(value)}×"


def size(value: float) -> str:
    """Bytes."""
    return f"{value / 1e6:,.1f} MB"


def cores(value: float) -> str:
    """CPU seconds per second."""
    return f"{value:.2f} cores"


def rate(value: float) -> str:
    """Events per second."""
    return f"{plain(value)} /s"


def maybe(form: Formatter, value: float | None, missing: str = MISSING) -> str:
    """A figure, or the word for its absence."""
    return missing if value is None else form(value)


def span(form: Formatter, values: list[float]) -> str:
    """Lowest to highest of some figures."""
    if not values:
        return MISSING
    low, high = form(min(values)), form(max(values))
    if low == high:
        return low
    figure, _, unit = low.partition(" ")
    return f"{figure if unit and high.endswith(f' {unit}') else low} to {high}"


def bound(limit: Bound, form: Formatter) -> str:
    """A bound in the unit of its measure."""
    if limit.at_least is not None:
        return f"at least {form(limit.at_least)}"
    if limit.at_most is not None:
        return f"at most {form(limit.at_most)}"
    assert limit.within is not None
    return f"within {span(form, list(limit.within))}"


def measure_name(measure: str, definitions: Mapping[str, Metric]) -> str:
    """A measure as a colleague would call it."""
    if measure in definitions:
        return measure
    base, request = parse_measure(measure)
    words = base.replace("rss_bytes", "memory").replace("descriptors", "open descriptors")
    if "latency_" in base:
        which, _, figure = base.rpartition("latency_")
        words = f"{figure} {which.replace('_', ' ')}latency"
    words = words.replace("_", " ")
    return f"{words} of {request}" if request else words


def measure_format(measure: str, definitions: Mapping[str, Metric], is_share: bool) -> Formatter:
    """How a measure's figures are written."""
    if measure in definitions:
        if isinstance(definitions[measure], MetricRate):
            return rate
        return share if is_share else plain
    base, _ = parse_measure(measure)
    if "latency_" in base or base == "recovery":
        return seconds
    if parse_measure(measure).is_share:
        return share
    return {
        "time": seconds,
        "throughput": rate,
        "peak_throughput": rate,
        "cpu": cores,
        "rss_bytes": size,
    }.get(base, plain)


def unit_format(unit: str) -> Formatter:
    """How figures of a unit are written."""
    return {"s": seconds, "share": share, "cores": cores, "": kept}.get(unit, plain)


def kept(value: float) -> str:
    """A condition that holds or does not; 0 is good."""
    return "broken" if value else "kept"
