"""Foreseen failures: which exit code each ends with. Anything else is a defect, with traceback."""

from __future__ import annotations

WRONG = 2
INVALID = 4
INTERRUPTED = 130


def exit_code(error: Exception) -> int | None:
    """The exit code of a failure that was foreseen; None for a defect."""
    from lab.cli.soak_planning import TooShort
    from lab.hypothesis import HypothesisError
    from lab.instruments.load_driver import DriverError
    from lab.project import ProjectError
    from lab.run_folder import RunFolderError
    from lab.run_lock import MachineBusy
    from lab.targets.interface import TargetError

    if isinstance(error, TargetError):
        return WRONG if error.usage else INVALID
    if isinstance(error, ProjectError | HypothesisError | RunFolderError | MachineBusy | TooShort):
        return WRONG
    if isinstance(error, DriverError | OSError):
        return INVALID
    return None
