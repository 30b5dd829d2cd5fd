"""The exact interval of a share of counted events (Clopper & Pearson, 1934)."""

from __future__ import annotations

from lab.stats.confidence_interval import ConfidenceInterval


def binomial_interval(part: int, whole: int, tail: float) -> ConfidenceInterval:
    """Return the interval of a share of which each event is one independent trial.

    It is never too narrow for these, and has a width where nothing, or everything, was counted.

    Args:
        part: How many of the events were of the kind that is counted, from 0 to ``whole``.
        whole: How many events there were.
        tail: Probability left out on *each* side, in (0, 0.5).

    Returns:
        The share and its interval at level ``1 - 2 * tail``; from 0 to 1 without any event.
    """
    # Imported here because scipy takes long to load, and most commands never need it.
    from scipy import special

    low, high = 0.0, 1.0
    if part > 0:
        low = float(special.betaincinv(part, whole - part + 1, tail))
    if part < whole:
        high = 1 - float(special.betaincinv(whole - part, part + 1, tail))
    return ConfidenceInterval(part / whole if whole else 0.5, low, high)
