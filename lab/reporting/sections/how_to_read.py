"""The explanations for readers of a report: intervals, verdicts, known limits."""

from __future__ import annotations

from collections.abc import Mapping

from lab.hypothesis import Hypothesis, ProcessLifetime, SoakTest
from lab.trials.plan import Plan

INTERIM_NOTE = (
    "Intervals include all blocks up to the last one. "
    "A prediction that was decided earlier stays decided."
)

INVALID_NOTE = "The run cannot be trusted: its figures are shown, but they support no conclusion."

VERDICT_MEANINGS: Mapping[str, str] = {
    "CONFIRMED": "Every prediction is supported, and every rival's prediction is contradicted.",
    "REFUTED": "At least one prediction is contradicted. This is a result, not a failure.",
    "INCONCLUSIVE": "Blocks, time or budget ended before a decision, or a rival explanation still "
    "stands.",
    "INVALID": "The measurement failed its checks. No conclusion may be drawn.",
}

KNOWN_LIMITS = (
    "Noise that is skewed in one arm raises the error rate above the nominal level: in simulations "
    "from .01 to between .10 and .18, with exponential and lognormal tails.",
    "Correlation between neighbouring blocks raises it as well: to .024 at a correlation of .2.",
    "The verdict holds for this service, this load and these conditions only.",
)


def method(hypothesis: Hypothesis, plan: Plan) -> str:
    """How the verdict of a hypothesis is reached by its plan."""
    alpha = plan.alpha
    if isinstance(hypothesis.kind, SoakTest):
        return _method_of_soaks(alpha)
    return (
        f"{_block(plan)}"
        f"{_lifetime('processes', plan.processes, 'from launch to launch')}"
        f"{_lifetime('databases', plan.databases, 'between two databases with the same rows')} "
        "Arms are compared within blocks. An interval shows where the mean over blocks may lie. "
        f"Its level allows for a look after every block (α = {alpha:g} per side). A prediction is "
        "supported if its whole interval meets the bound. It is contradicted if a wider interval "
        "(α divided by the number of predictions) misses the bound. Otherwise it is undecided. "
        "Claim, bounds and rule were sealed before the first trial, so nothing was chosen "
        "after seeing the data."
    )


def _block(plan: Plan) -> str:
    """What a block holds."""
    slices, launches = plan.slices, plan.trials_of_each_step
    if slices is None:
        return "A block holds one trial of every arm, in random order."
    holds = "A block holds" if launches == 1 else f"A block has {launches} launches, each"
    return (
        f"{holds} a fresh process of every arm and value. All are alive at once, and idle but "
        f"one: they measure in turn, {slices.count} slices of {slices.length_s * 1000:g} ms each "
        "(a slower call is a slice of its own, and there are fewer), in a new random order in each "
        "round. The ratio of two processes is the median over rounds of the ratios of their "
        "slices, in which changes of the machine's speed cancel; a time is that of all slices."
        f"{_over(launches)}"
    )


def _over(launches: int) -> str:
    """What becomes of the values of several launches, as a further sentence."""
    match launches:
        case 1:
            return ""
        case 2:
            return " The value of a block is the mean of its launches."
        case _:
            return (
                " The ratio of two arms in a block is the median of its launches, and the interval "
                "is extended to the mean of all of them; if the medians lie outside its interval, "
                "it is shown instead. A time is the mean of its launches."
            )


def _lifetime(subject: str, lifetime: ProcessLifetime | None, differs: str) -> str:
    """What was done with the processes or databases of the arms, as a further sentence."""
    match lifetime:
        case "fresh":
            return (
                f" All arms get fresh {subject} before each block, so that the interval covers "
                f"what differs {differs}."
            )
        case "kept":
            return (
                f" The arms keep their {subject} from block to block: what differs {differs} is "
                "not covered by the interval."
            )
        case None:
            return ""


def _method_of_soaks(alpha: float) -> str:
    return (
        "A block holds one soak trial of every arm: fresh processes, loaded side by side at the "
        "same rate until the block ends. The first third of a trial, or of a segment between "
        "restarts, does not count. Slopes are compared within blocks. An interval shows where the "
        f"mean over blocks may lie (α = {alpha:g} per side, one look at the end). A single block "
        "is a screening: its interval is computed from its own scatter. Growth is supported only "
        "if the series also grows in every third and does not level off: a leak that stops is not "
        "a leak. Claim, bounds and rule were sealed before the soak began."
    )
