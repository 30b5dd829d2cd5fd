"""What the arms get anew before each block, and why.

Processes of one program differ from launch to launch (hash seeds, memory layout, where connections
end up), and databases with the same rows from filling to filling (samples of their statistics,
place in memory). Blocks that share a launch or a database share its difference: their interval is
too narrow for small effects (Kalibera & Jones, 2013). Both take time, so that they are done where a
small effect decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.errors import UsageError
from lab.hypothesis import Benchmark, Hypothesis, LoadTest, Prediction, ProcessLifetime

URL = "url"
"""The one target whose processes the lab has not started, and so cannot start again."""


@dataclass(frozen=True)
class LifetimeChoice:
    """What is done with the processes, or the databases, of the arms.

    Attributes:
        lifetime: `fresh` before each block, or `kept` from the first to the last.
        reason: Why, in words that follow a comma.
        subject: The processes of a load test, or the databases of a benchmark.
    """

    lifetime: ProcessLifetime
    reason: str
    subject: Literal["processes", "databases"] = "processes"

    def __str__(self) -> str:
        does = {
            "fresh": f"all arms get fresh {self.subject} before each block",
            "kept": f"the arms keep their {self.subject} from block to block",
        }
        return f"{self.subject}: {does[self.lifetime]}, {self.reason}"


def choose_lifetime(
    hypothesis: Hypothesis, fresh_within: float, target: str
) -> LifetimeChoice | None:
    """Return what a load test or a benchmark with databases does; None for everything else.

    The processes of a benchmark or a soak are always fresh.

    Args:
        hypothesis: Its own choice wins.
        fresh_within: The factor from no difference within which a bound makes them fresh.
        target: The name of the target.

    Raises:
        UsageError: The file demands fresh processes of a system that the lab has not started.
    """
    kind = hypothesis.kind
    subject: Literal["processes", "databases"]
    if isinstance(kind, LoadTest):
        subject = "processes"
    elif isinstance(kind, Benchmark) and kind.database:
        subject = "databases"
    else:
        return None
    if hypothesis.revisions:
        return LifetimeChoice("fresh", "since its arms are revisions of the code", subject)
    near = [each for each in hypothesis.all_predictions if _is_near(each, fresh_within)]
    factor = f"within a factor {fresh_within:g} of no difference"
    if near:
        first = near[0]
        found = f"{first.quantity} {first.subject} is predicted {first.bound_words}, {factor}"
    else:
        found = f"no predicted ratio of two arms has a bound {factor}"
    if not isinstance(kind, LoadTest):
        return LifetimeChoice("fresh" if near else "kept", f"since {found}", subject)
    launches = ": a difference between two launches can then pass for one between the arms"
    match kind.processes:
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
