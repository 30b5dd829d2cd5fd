"""What each of several workers has to do in a trial: too little, and its silence would say nothing.

A worker without a request voids its block, since it may be broken. So none may be left without
users, and arrivals have to come often enough for all.
"""

from __future__ import annotations

from lab.hypothesis.load_shape import ClosedLoad, Load, OpenLoad, Sweep

MAX_WORKERS = 256  # one process merges what all of them report, a message a second each
MIN_ARRIVALS = 10  # expected for each worker within the window, so that none waits in vain


def why_too_many_workers(load: Load, window_s: float | None) -> tuple[str, str] | None:
    """Why a load has more workers than it can employ, and what would be right; None if it has not.

    Args:
        load: Of the hypothesis; its own number of workers is examined.
        window_s: Seconds of a trial; None if it is not known, as of a soak.
    """
    if load.workers == 1:
        return None
    match load:
        case Sweep():  # the lowest level has least to share
            lowest = load.at(load.levels[0])
            return why_too_many_workers(lowest, window_s)
        case ClosedLoad(users=users, workers=workers):
            if users >= workers:
                return None
            few = "a single user" if users == 1 else f"{users} users"
            return f"{few} cannot be shared by {workers} workers", _at_most(users)
        case OpenLoad(max_users=most, workers=workers) if most < workers:
            problem = f"{most} users (`most_users`) cannot be shared by {workers} workers"
            return problem, _at_most(most)
        case OpenLoad(workers=workers) if window_s is not None:
            expected = sum(stage.arrivals for stage in load.over(window_s).stages)
            if expected >= MIN_ARRIVALS * workers:
                return None
            problem = (
                f"about {expected:.0f} arrivals are scheduled in the window, and {workers} workers "
                f"need {MIN_ARRIVALS} each, so that none is silent by chance"
            )
            return problem, _at_most(int(expected / MIN_ARRIVALS))
        case _:
            return None


def _at_most(workers: int) -> str:
    if workers < 2:
        return "Use a single process: leave `workers` out."
    return f"Use {workers} workers at most."
