"""Figures and outcomes in words, the same in every format of the report."""

from __future__ import annotations

from collections.abc import Mapping

from lab.hypothesis import Bound, Metric, MetricRate, parse_measure
from lab.number_format import (
    NumberFormat,
    cores,
    low_to_high,
    megabytes,
    per_second,
    percentage,
    plain,
    seconds,
)

REFUSED = "too few samples"

STANDING = "Intervals are as of the last block; what was decided earlier stays decided."

DISTRUST = "The run is not to be trusted: what follows is shown, not believed."

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


def bound(limit: Bound, form: NumberFormat) -> str:
    """A bound in the unit of its measure."""
    if limit.at_least is not None:
        return f"at least {form(limit.at_least)}"
    if limit.at_most is not None:
        return f"at most {form(limit.at_most)}"
    assert limit.within is not None
    return f"within {low_to_high(form, list(limit.within))}"


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


def measure_format(measure: str, definitions: Mapping[str, Metric], is_share: bool) -> NumberFormat:
    """How a measure's figures are written."""
    if measure in definitions:
        if isinstance(definitions[measure], MetricRate):
            return per_second
        return percentage if is_share else plain
    base, _ = parse_measure(measure)
    if "latency_" in base or base == "recovery":
        return seconds
    if parse_measure(measure).is_share:
        return percentage
    return {
        "time": seconds,
        "throughput": per_second,
        "peak_throughput": per_second,
        "cpu": cores,
        "rss_bytes": megabytes,
    }.get(base, plain)


def unit_format(unit: str) -> NumberFormat:
    """How figures of a unit are written."""
    return {"s": seconds, "share": percentage, "cores": cores, "": kept}.get(unit, plain)


def kept(value: float) -> str:
    """A condition that holds or does not; 0 is good."""
    return "broken" if value else "kept"
