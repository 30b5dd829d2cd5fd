"""Foreseen failures: which exit code each ends with. Anything else is a defect, with traceback."""

from __future__ import annotations

WRONG = 2
INVALID = 4
INTERRUPTED = 130


def exit_code(error: Exception) -> int | None:
    """The exit code of a failure that was foreseen; None for a defect."""
    from lab.cli.soaking import TooShort
    from lab.config import ProjectError
    from lab.hypothesis import HypothesisError
    from lab.instruments.load import DriverError
    from lab.notebook import NotebookError
    from lab.targets.base import TargetError
    from lab.turn import Busy

    if isinstance(error, TargetError):
        return WRONG if error.usage else INVALID
    if isinstance(error, ProjectError | HypothesisError | NotebookError | Busy | TooShort):
        return WRONG
    if isinstance(error, DriverError | OSError):
        return INVALID
    return None
