"""The wording of verdicts: the same in `verdict.json`, on the terminal and in the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal

from lab.measures.number_format import MOST_DIGITS, NumberFormat, digits_apart
from lab.measures.value_format import figures_in, format_value
from lab.trials.plan import Plan
from lab.trials.trial import Fault
from lab.verdict.record import Judgement, Outcome, Verdict

Tone = Literal["good", "bad", "open"]

SUMMARIES: Mapping[str, str] = {
    "CONFIRMED": "The evidence supports the claim: every prediction holds, "
    "and every rival is ruled out.",
    "REFUTED": "The evidence contradicts the claim: at least one of its predictions failed.",
    "INCONCLUSIVE": "The evidence does not decide between the claim and other explanations.",
    "INVALID": "The run cannot be trusted, so it is no evidence for or against the claim.",
    "UNFINISHED": "The run is not finished, so there is no verdict yet.",
}

SYMBOLS: Mapping[str, str] = {
    "CONFIRMED": "✔",
    "REFUTED": "✘",
    "INCONCLUSIVE": "◇",
    "INVALID": "⚠",
    "UNFINISHED": "…",
}

VERDICT_TONES: Mapping[str, Tone] = {"CONFIRMED": "good", "REFUTED": "bad", "INVALID": "bad"}
"""Of verdicts; all others leave the question open."""

_OUTCOMES: Mapping[tuple[bool, Outcome], tuple[Tone, str]] = {
    (False, "supported"): ("good", "✔ supported"),
    (False, "contradicted"): ("bad", "✘ contradicted"),
    (False, "undecided"): ("open", "◇ undecided"),
    (True, "contradicted"): ("good", "✔ rival ruled out"),
    (True, "supported"): ("bad", "✘ rival stands"),
    (True, "undecided"): ("open", "◇ rival undecided"),
}


def outcome(judgement: Judgement) -> tuple[Tone, str]:
    """What the outcome of a prediction, or of a rival's, means for the claim."""
    return _OUTCOMES[judgement.claim is not None, judgement.outcome]


def why_immaterial(verdict: Verdict, judgement: Judgement) -> str | None:
    """Why it does not matter to the verdict that this stayed undecided; None if it matters."""
    if judgement.outcome != "undecided":
        return None
    if verdict.verdict == "REFUTED":
        return "it no longer matters: a contradicted prediction refutes the claim"
    supported = all(each.outcome == "supported" for each in verdict.predictions)
    standing = any(rival.outcome == "supported" for rival in verdict.rivals)
    if verdict.verdict == "INCONCLUSIVE" and supported and standing:
        return "it no longer matters: another rival stands"
    return None


def estimate_text(judgement: Judgement) -> str | None:
    """An estimate with its interval, as `3.84 [3.53 to 4.18]`; None without evidence."""
    figure = _figure_format(judgement)
    if judgement.estimate is None:
        return None if judgement.low is None else f"none up to {figure(judgement.low)}"
    text = (
        figure(judgement.estimate)
        if judgement.floor is None
        else f"at least {figure(judgement.floor)}"
    )
    if judgement.low is not None and judgement.high is not None:
        text += f" [{figure(judgement.low)} to {figure(judgement.high)}]"
    return text


def _figure_format(judgement: Judgement) -> NumberFormat:
    """How its values are written: exact whole ones in full, others apart from the bound."""
    form = partial(format_value, judgement.measure)
    low, high = judgement.low, judgement.high
    if low is not None and low == high and not low % 1:
        digits = MOST_DIGITS
    else:
        values = (judgement.estimate, low, high)
        digits = digits_apart(form, values, figures_in(judgement.measure, judgement.bound))
    return partial(format_value, judgement.measure, digits=digits)


def judgement_reason(judgement: Judgement) -> str:
    """The outcome of one prediction with its figures, as a reason of a verdict."""
    j = judgement
    if j.estimate is not None:
        seen = f"{j.measure} of {j.subject} is {estimate_text(j)}"
    elif j.low is not None:
        seen = f"{j.subject} has no {j.measure} up to {_figure_format(j)(j.low)}"
    else:
        return f"{j.says}: no evidence ({j.measure} of {j.subject})"
    flaw = f", and {j.flaw}" if j.flaw else ""
    return f"{j.says}: {j.outcome}; {seen}, predicted {j.bound}{flaw}"


def rival_reason(judgement: Judgement) -> str:
    """Why a rival whose prediction is supported leaves the verdict open."""
    return f"A rival explanation stands: {judgement.claim} ({judgement_reason(judgement)})"


def void_reasons(voided: Sequence[Sequence[Fault]]) -> tuple[str, ...]:
    """Why too many blocks were voided; the gate that voided most blocks comes first.

    Args:
        voided: The faults of each voided block.
    """
    first = [faults[0] for faults in voided]
    order = [gate for gate, _ in Counter(fault.gate for fault in first).most_common()]
    messages = [next(f.message for f in first if f.gate == gate) for gate in order]
    return (messages[0], f"{len(voided)} blocks were voided.", *messages[1:])


def undecided_reasons(
    plan: Plan, blocks: int, judgements: Sequence[Judgement], *, out_of_time: bool
) -> tuple[str, ...]:
    """Why nothing was decided, and what it would take.

    Args:
        plan: The rule of the run.
        blocks: How many count.
        judgements: Of the predictions and the rivals.
        out_of_time: Whether the budget ended before the next block.
    """
    ended = "The budget ended" if out_of_time else "All blocks were used"
    undecided = [j for j in judgements if j.outcome == "undecided"]
    wanted = [j.blocks_wanted for j in undecided]
    known = [each for each in wanted if each is not None]
    if blocks < plan.first_look:
        outlook = f"at least {plan.first_look - blocks} more are needed for a first look"
    elif known and len(known) == len(wanted):
        outlook = f"about {max(max(known) - blocks, 1)} more would likely decide"
    else:
        outlook = "more blocks are not expected to decide it"
    return (f"{ended} after {blocks} blocks; {outlook}.", *map(judgement_reason, undecided))
