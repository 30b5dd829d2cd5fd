"""Student's t distribution (Student, 1908)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def critical_value(tail: float, degrees: int) -> float:
    """Return the t above which a share ``tail`` of the distribution lies.

    Args:
        tail: One-sided probability, in (0, 1).
        degrees: Degrees of freedom, at least 1.

    Raises:
        ValueError: If either argument is outside its range.
    """
    if not 0 < tail < 1:
        raise ValueError(f"tail must lie between 0 and 1, not {tail}")
    if degrees < 1:
        raise ValueError(f"degrees of freedom must be at least 1, not {degrees}")
    # Imported here because scipy takes long to load, and most commands never need it.
    from scipy import special

    return -float(special.stdtrit(degrees, tail))


def noncentrality(tail: float, degrees: int, power: float) -> float:
    """Return the noncentrality at which a one-sided t test has a given power.

    By the noncentral t distribution (Johnson & Welch, 1940).

    Args:
        tail: Level of the test, one-sided, in (0, 1).
        degrees: Degrees of freedom, at least 1.
        power: Probability that the test rejects, in (0, 1).

    Returns:
        The distance of the truth from the null hypothesis, in standard errors.

    Raises:
        ValueError: If ``tail`` or ``degrees`` is outside its range.
    """
    from scipy import special

    return float(special.nctdtrinc(degrees, 1 - power, critical_value(tail, degrees)))


def upper_tail(t: npt.NDArray[np.float64], degrees: int) -> npt.NDArray[np.float64]:
    """Return the share of the distribution above each ``t``: the one-sided p-value.

    Args:
        t: t statistics, any shape.
        degrees: Degrees of freedom, at least 1.

    Returns:
        Probabilities, of the shape of ``t``.
    """
    from scipy import special

    p: npt.NDArray[np.float64] = special.stdtr(degrees, -t)
    return p
