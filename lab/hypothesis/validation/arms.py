"""Arms: the control is one of them, every prediction names one, and every one is named."""

from __future__ import annotations

from collections.abc import Iterator

from lab.hypothesis.model import Hypothesis, LoadTest, SoakTest
from lab.hypothesis.validation.statement import Statement
from lab.input_files import Flaw, Node, shown, suggestion


def arm_flaws(hypothesis: Hypothesis, root: Node, statements: list[Statement]) -> Iterator[Flaw]:
    """Arms that do not exist, are compared with themselves, or serve no purpose."""
    arms = hypothesis.arms
    if hypothesis.control not in arms:
        problem = f"the control {shown(hypothesis.control)} is not an arm"
        yield root.at("control").flaw(problem, suggestion(hypothesis.control, arms))
    yield from _revision_flaws(hypothesis, root)
    varies = hypothesis.levels != (None,) or isinstance(hypothesis.kind, SoakTest)
    if len(arms) < 2 and not varies:
        yield root.at("arms").flaw("there are fewer than two arms", "Add an arm to compare with.")
    for statement in statements:
        yield from _named_arms(statement, hypothesis)
    used = {arm for statement in statements for arm in statement.prediction.arms}
    for arm in arms:
        if arm not in used and used <= set(arms):  # otherwise it may only be misspelt elsewhere
            yield root.at("arms", arm).flaw(
                f"no prediction and no rival uses the arm `{arm}`",
                "Remove the arm, or predict something of it.",
            )


def _revision_flaws(hypothesis: Hypothesis, root: Node) -> Iterator[Flaw]:
    """Arms of which some name a revision, and processes that cannot be kept."""
    if not hypothesis.revisions:
        return
    for arm in hypothesis.arms:
        if arm not in hypothesis.revisions:
            yield root.at("arms", arm).flaw(
                f"the arm `{arm}` names no revision, and others do",
                "Write `git: worktree` for the files as they are now.",
            )
    if isinstance(hypothesis.kind, LoadTest) and hypothesis.kind.processes == "kept":
        yield root.at("processes").flaw(
            "the processes of revisions cannot be kept",
            "Remove `processes`: arms of revisions have fresh ones before each block, always.",
        )


def _named_arms(statement: Statement, hypothesis: Hypothesis) -> Iterator[Flaw]:
    prediction = statement.prediction
    node = statement.node.at("compare" if prediction.compare else "arm")
    for arm in prediction.arms:
        if arm not in hypothesis.arms:
            yield node.flaw(f"there is no arm {shown(arm)}", suggestion(arm, hypothesis.arms))
    if prediction.compare and len(set(prediction.arms)) == 1:
        yield node.flaw("an arm is compared with itself", "Name two different arms.")
