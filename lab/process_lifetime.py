"""Whether the arms of a load test get fresh processes before each block, and why.

Processes of one program differ from launch to launch (hash seeds, memory layout, where connections
end up), and blocks that share a launch share its difference: their interval is too narrow for small
effects (Kalibera & Jones, 2013). Restarting takes time, so it is done where a small effect decides.
"""

from __future__ import annotations

from dataclasses import dataclass

from lab.errors import UsageError
from lab.hypothesis import Hypothesis, LoadTest, Prediction, ProcessLifetime

URL = "url"
"""The one target whose processes the lab has not started, and so cannot start again."""


@dataclass(frozen=True)
class LifetimeChoice:
    """What is done with the processes of the arms.

    Attributes:
        lifetime: `fresh` before each block, or `kept` from the first to the last.
        reason: Why, in words that follow a comma.
    """

    lifetime: ProcessLifetime
    reason: str

    def __str__(self) -> str:
        does = {
            "fresh": "all arms get fresh processes before each block",
            "kept": "the arms keep their processes from block to block",
        }
        return f"processes: {does[self.lifetime]}, {self.reason}"


def choose_lifetime(
    hypothesis: Hypothesis, fresh_within: float, target: str
) -> LifetimeChoice | None:
    """Return what a load test does; None for other kinds, whose processes are always fresh.

    Args:
        hypothesis: Its own choice wins.
        fresh_within: The factor from no difference within which a bound makes them fresh.
        target: The name of the target.

    Raises:
        UsageError: The file demands fresh processes of a system that the lab has not started.
    """
    if not isinstance(hypothesis.kind, LoadTest):
        return None
    if hypothesis.revisions:
        return LifetimeChoice("fresh", "since its arms are revisions of the code")
    near = [each for each in hypothesis.all_predictions if _is_near(each, fresh_within)]
    factor = f"within a factor {fresh_within:g} of no difference"
    if near:
        first = near[0]
        found = f"{first.quantity} {first.subject} is predicted {first.bound_words}, {factor}"
    else:
        found = f"no predicted ratio of two arms has a bound {factor}"
    launches = ": a difference between two launches can then pass for one between the arms"
    match hypothesis.kind.processes:
        case "fresh" if target == URL:
            raise UsageError(
                f"{hypothesis.name}: `processes: fresh` needs arms that the lab can start again, "
                "and it has not started what runs at a URL. Write `processes: kept`, or use "
                "another target"
            )
        case None if target == URL and near:
            reason = f"since the lab has not started what runs at a URL, although {found}"
            return LifetimeChoice("kept", reason + launches)
        case None:
            return LifetimeChoice("fresh" if near else "kept", f"since {found}")
        case "kept" if near:
            return LifetimeChoice("kept", f"as the file says, although {found}{launches}")
        case chosen:
            return LifetimeChoice(chosen, "as the file says")


def _is_near(prediction: Prediction, factor: float) -> bool:
    """Whether a bound on the ratio of two arms is near 1. Exact counts do not vary."""
    if prediction.compare is None or prediction.slope is not None or prediction.count is not None:
        return False
    return any(1 / factor <= edge <= factor for edge in prediction.bound.edges)
