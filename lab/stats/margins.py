"""The margins of the methods of this package, as values: a caller passes those of its plan."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SweepMargins:
    """When the curve of a sweep shows a plateau, a peak or neither.

    Attributes:
        pass_factor: A sweep has passed a peak, or a corner, when its highest level is this multiple
            of it.
        plateau: A level is on the plateau from this share of the highest throughput on. With noise
            of 3 %, 0.9 is three standard deviations below the highest.
        max_misfit: A curve with a larger relative misfit (root mean square) does not describe the
            block.
        max_missing: Share of the blocks that may lack an estimate.
        keeps_up: A service that completes this share of the scheduled requests in a window is not
            saturated.
        min_slowdown: A service that is saturated answers, from the actual send on, in this multiple
            of its mean time at the lowest rate, where arrivals found no free user of the driver.
            Else these were the limit. 0 in plans that do not know it.
        max_fall: "No peak" is undecided if, in the mean over blocks, throughput at the highest
            level is below that of the best lower level by more than this share. That is the noise
            of a block, 3 %, and 1.6 standard errors of the difference over five blocks
            (0.03 * sqrt(2 / 5)): a level plateau mostly passes, and with every further block more
            likely; a fall by a tenth is 3.9 of them beyond it. The end of Student's t interval,
            nearly 6 of them away, would let a fall by a tenth pass. 1 in plans that do not know
            it.
        without_wait: Share of the time in which arrivals wait in the driver that is left out of the
            requests in flight. A sweep that lacked users then shows no peak, nor that there is
            none. 0 in plans that counted what waited in the driver.
        usual_errors: Share of the error rate at the lowest rate that is no sign, at the highest, of
            a service that does not keep up. 0 in plans that expected no error.
        unqueued_users: The lowest level of a sweep over users, if it is more than one user, shows
            the response time without queueing up to this share of the highest throughput. At half
            of it, the knee of one exponential server is at most 8 % too large (exact mean value
            analysis of two to ten users who pause; Reiser & Lavenberg, 1980), that of several
            servers less, and that of a chain of three stations that are equally busy a third. 1 in
            plans that do not know it.
        unqueued_rate: The same of a sweep over rates, where arrivals do not wait for answers. At a
            fifth, one exponential server answers after 1 / (1 - 0.2) of its service time (M/M/1),
            so that the knee is a quarter too large; that of several servers less. At a half it
            would be twice as large. 1 in plans that do not know it.
    """

    pass_factor: float = 1.5
    plateau: float = 0.9
    max_misfit: float = 0.1
    max_missing: float = 0.25
    keeps_up: float = 0.95
    min_slowdown: float = 1.5
    max_fall: float = 0.03
    without_wait: float = 1.0
    usual_errors: float = 1.0
    unqueued_users: float = 0.5
    unqueued_rate: float = 0.2


@dataclass(frozen=True)
class SlopeMargins:
    """Which part of a long series a slope is fitted to, and when it has the shape of a leak.

    Attributes:
        dropped_share: Share of every segment that is left out at its start.
        bins: Number of bins for the kept part of a whole series.
        bins_per_cosine: 24 bins and 4 of these give 6 cosines, and as many degrees of freedom. The
            rule of Lazarus et al. (2018), 0.4 T^(2/3), gives 3, and much wider intervals: 6 see
            less of a strong autocorrelation, as the error rates in docs/proof.md show.
        min_bins: With fewer bins there is no slope: with fewer than 8, a third would be a single
            pair.
        curvature_tail: One-sided level at which a curvature against the slope is significant ...
        min_final_slope: ... and it matters if the fitted parabola ends with less than this share
            of the slope.
        min_third: The slope of every third of a leak is at least this share of the whole's slope.
        max_missing: Share of the bins without a value beyond which there is no slope: what cannot
            be read for long may have grown otherwise. 1 if that was not regarded.
    """

    dropped_share: float = 1 / 3
    bins: int = 24
    bins_per_cosine: int = 4
    min_bins: int = 8
    curvature_tail: float = 0.05
    min_final_slope: float = 0.5
    min_third: float = 0.3
    max_missing: float = 1 / 8
