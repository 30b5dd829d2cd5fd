"""What is wrong with a file, and the wording that every such message shares."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from lab.errors import UsageError


class Flaw(UsageError):
    """What is wrong with a file, at which line, and what would be right.

    Whoever knows the path of the file turns it into an error for the user.
    """

    def __init__(self, line: int | None, problem: str, remedy: str) -> None:
        self.line, self.problem, self.remedy = line, problem, remedy
        super().__init__(f"{line}: {problem}. {remedy}")


def shown(text: str) -> str:
    """A piece of the file as it appears in a message: short, on one line."""
    line = " ".join(text.split())
    return f"`{line if len(line) <= 60 else line[:57] + '...'}`"


def suggestion(word: str, known: Iterable[str]) -> str:
    """The known word that is closest to this one, or all of them, as a remedy."""
    words = sorted(known)
    close = difflib.get_close_matches(word[:80], words, n=1)
    return f"Did you mean `{close[0]}`?" if close else f"It can be: {', '.join(words)}."
