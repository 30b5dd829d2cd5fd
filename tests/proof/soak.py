"""How often a soak reports a leak where there is none, and finds one: simulated series."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from lab.analysis.soak_noise import Noise
from lab.experiment.soak_loop import INTERVAL_S
from lab.stats.leak_shape import shares_of_thirds
from lab.stats.student_t import critical_value
from lab.stats.time_bins import TimeBins
from lab.trials.plan import ALPHA
from tests.default_margins import MARGINS, detectable_slope, fit_slope, has_leak_shape, time_bins
from tests.proof.record import Steps, publish

RUNS = 1000
PAIRS = 4
HOUR_S = 3600.0
LENGTHS = {"10 min": 1 / 6, "1 h": 1.0, "8 h": 8.0}
LEAKS = (10.0, 30.0, 100.0, 600.0)  # MB an hour
ALLOWED = 0.05  # false alarms under confirmation, from an hour on

Series = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int, int], Series]


def _autoregressive(rho: float) -> Draw:
    def draw(rng: np.random.Generator, runs: int, length: int) -> Series:
        noise = rng.normal(0, 2 * math.sqrt(1 - rho**2), (runs, length))
        noise[:, 0] = rng.normal(0, 2, runs)
        return np.asarray(lfilter([1], [1, -rho], noise, axis=1))

    return draw


def _white(rng: np.random.Generator, runs: int, length: int) -> Series:
    return rng.normal(0, 2, (runs, length))


def _sawtooth(rng: np.random.Generator, runs: int, length: int) -> Series:
    """20 MB gathered and freed at once, every one to fifteen minutes."""
    period, phase = rng.uniform(60, 900, (runs, 1)), rng.uniform(0, 1, (runs, 1))
    fill = (np.arange(length) * INTERVAL_S / period + phase) % 1
    return 20 * fill + rng.normal(0, 0.5, (runs, length))


def _late_step(rng: np.random.Generator, runs: int, length: int) -> Series:
    """20 MB taken once, at any moment of the last three fifths."""
    at = rng.uniform(0.4, 1, (runs, 1))
    return 20.0 * (np.arange(length) / length >= at) + rng.normal(0, 0.5, (runs, length))


def _saturating(rng: np.random.Generator, runs: int, length: int) -> Series:
    """50 MB that fill up, the faster the fuller, within a tenth to half of the time."""
    pace = rng.uniform(0.1, 0.5, (runs, 1))
    full = 1 - np.exp(-np.arange(length) / length / pace)
    return 50 * full + rng.normal(0, 0.5, (runs, length))


def _high_water(rng: np.random.Generator, runs: int, length: int) -> Series:
    """The maximum so far, as an allocator keeps it."""
    return np.asarray(np.maximum.accumulate(2.5 * _autoregressive(0.9)(rng, runs, length), axis=1))


def _walk(rng: np.random.Generator, runs: int, length: int) -> Series:
    return np.cumsum(rng.normal(0, 0.2, (runs, length)), axis=1)


NULLS: dict[str, Draw] = {
    "white": _white,
    "AR .9": _autoregressive(0.9),
    "AR .98": _autoregressive(0.98),
    "sawtooth": _sawtooth,
    "late step": _late_step,
    "saturating": _saturating,
    "high-water mark": _high_water,
    "random walk": _walk,
}


def prove() -> bool:
    """At most 5 % false alarms under confirmation from an hour on; all else is published."""
    steps = Steps("soak")
    lines = [
        f"{RUNS:,} series each, an interval of {INTERVAL_S:g} s, in MB. A false alarm is growth "
        "above 0 called supported where there is none: the hardest bound there is. "
        f"alpha = {ALPHA:g} a side. *Slope alone* leaves out what a leak's shape asks (every third "
        f"at least {MARGINS.slope.min_third:g} of the whole, no bend to a standstill).",
        "",
        f"Screening: one series. Confirmation: {PAIRS} blocks of two arms side by side, both with "
        "this noise. *One arm*: only the arm under suspicion has it, and its own at that (so that "
        "a late step or a full cache happens in each of its trials): no null hypothesis of the "
        "method, reported nevertheless.",
        "",
        "| noise | length | screening, slope alone | **screening** | confirmation, slope alone "
        "| **confirmation** | one arm |",
        "| --- " * 7 + "|",
    ]
    holds = True
    for name in NULLS:
        for length, hours in LENGTHS.items():
            found = steps.do(f"{name} {length}", partial(_false_alarms, name, hours))
            if hours >= 1:
                holds &= found["confirmation"] <= ALLOWED
            lines.append(
                f"| {name} | {length} | {found['screening, slope']:.3f} "
                f"| {found['screening']:.3f} | {found['confirmation, slope']:.3f} "
                f"| {found['confirmation']:.3f} | {found['one arm']:.3f} |"
            )
    lines += ["", f"**Power**: leaks found, of {RUNS:,}, screening / confirmation:", ""]
    lines.append("| noise | length | " + " | ".join(f"{leak:g} MB/h" for leak in LEAKS) + " |")
    lines.append("| --- " * (2 + len(LEAKS)) + "|")
    for name in NULLS:
        for length, hours in LENGTHS.items():
            found = steps.do(f"{name} {length} power", partial(_power, name, hours))
            cells = " | ".join(f"{screened:.2f} / {confirmed:.2f}" for screened, confirmed in found)
            lines.append(f"| {name} | {length} | {cells} |")
    lines += [
        "",
        "**The smallest slope that a soak reports as detectable before it begins** (`lab run`), "
        "and the power simulated at it under confirmation; 0.9 is the aim:",
        "",
        "| noise | length | reported, MB/h | found |",
        "| --- " * 4 + "|",
    ]
    for name, noise in (("white", Noise(2, 0, "")), ("random walk", Noise(0, _WALK_HOUR, ""))):
        for length, hours in LENGTHS.items():
            found = steps.do(
                f"{name} {length} detectable",
                partial(_at_detectable, name, hours, noise),
            )
            lines.append(f"| {name} | {length} | {found[0]:.3g} | {found[1]:.2f} |")
    publish("soak", "Soak: false alarms and power on simulated series", lines, steps)
    return holds


_WALK_HOUR = 0.2 * math.sqrt(HOUR_S / INTERVAL_S)


def _seeded(*parts: Any) -> np.random.Generator:
    return np.random.default_rng(np.frombuffer(repr(parts).encode(), dtype=np.uint8))


def _false_alarms(name: str, hours: float) -> dict[str, float]:
    rng = _seeded(name, hours, "null")
    slope, screened = _screening(NULLS[name](rng, RUNS, _length(hours)))
    both, confirmed = _confirmation(_soak_trials(name, rng, hours), _soak_trials(name, rng, hours))
    still = [rng.normal(0, 0.5, (RUNS, _length(hours / PAIRS))) for _ in range(PAIRS)]
    _, one = _confirmation(_soak_trials(name, rng, hours), still)
    return {
        "screening, slope": slope,
        "screening": screened,
        "confirmation, slope": both,
        "confirmation": confirmed,
        "one arm": one,
    }


def _power(name: str, hours: float) -> list[list[float]]:
    found = []
    for leak in LEAKS:
        rng = _seeded(name, hours, leak)
        whole = NULLS[name](rng, RUNS, _length(hours))
        _, screened = _screening(whole + leak * _hours(whole.shape[1]))
        found.append([screened, _confirmed_leak(name, hours, leak, rng)])
    return found


def _at_detectable(name: str, hours: float, noise: Noise) -> list[float]:
    least = detectable_slope(noise, hours * HOUR_S, INTERVAL_S, PAIRS, True, ALPHA)
    # the last part of the seed is a label: another one would change the published figures
    return [least, _confirmed_leak(name, hours, least, _seeded(name, hours, "told"))]


def _confirmed_leak(name: str, hours: float, leak: float, rng: np.random.Generator) -> float:
    leaking = [each + leak * _hours(each.shape[1]) for each in _soak_trials(name, rng, hours)]
    return _confirmation(leaking, _soak_trials(name, rng, hours))[1]


def _soak_trials(name: str, rng: np.random.Generator, hours: float) -> list[Series]:
    """The series of one arm, one for each block."""
    return [NULLS[name](rng, RUNS, _length(hours / PAIRS)) for _ in range(PAIRS)]


def _length(hours: float) -> int:
    return round(hours * HOUR_S / INTERVAL_S)


def _hours(length: int) -> Series:
    return np.arange(length, dtype=np.float64) * INTERVAL_S / HOUR_S


def _bins(length: int) -> TimeBins:
    return time_bins(_hours(length), np.zeros(length, dtype=np.int64))


def _screening(values: Series) -> tuple[float, float]:
    """Shares called a leak: by the slope alone, and with the shape."""
    bins = _bins(values.shape[1])
    reduced = bins.reduce(values, "minimum")
    fitted = fit_slope(bins.times, reduced, bins.segments)
    above = fitted.slope > critical_value(ALPHA, fitted.degrees) * fitted.error
    leaks = has_leak_shape(shares_of_thirds(bins.times, reduced, bins.segments), fitted)
    return float(above.mean()), float((above & leaks).mean())


def _confirmation(suspects: list[Series], controls: list[Series]) -> tuple[float, float]:
    """The same of the difference of two arms over blocks."""
    bins = _bins(suspects[0].shape[1])
    binned = np.array(
        [
            bins.reduce(with_, "minimum") - bins.reduce(without, "minimum")
            for with_, without in zip(suspects, controls, strict=True)
        ]
    )
    slopes = fit_slope(bins.times, binned, bins.segments).slope
    error = slopes.std(axis=0, ddof=1) / math.sqrt(len(slopes))
    above = slopes.mean(axis=0) > critical_value(ALPHA, len(slopes) - 1) * error
    pooled = binned.mean(axis=0)
    fitted = fit_slope(bins.times, pooled, bins.segments)
    leaks = has_leak_shape(shares_of_thirds(bins.times, pooled, bins.segments), fitted)
    return float(above.mean()), float((above & leaks).mean())
