"""Commands of `lab.toml` that are awaited: `prepare`, `reset` and `switch`."""

from __future__ import annotations

from lab.processes.child_processes import Child, Children
from lab.targets.target_interface import TargetFailure

LIMIT_S = 300.0
"""How long such a command may take."""


def await_success(children: Children, child: Child, what: str, limit_s: float = LIMIT_S) -> None:
    """Wait until a command has ended, with all that it started.

    Args:
        children: That started it, with its whole tree where nothing of it may stay.
        child: The command.
        what: Which one it is, in words.
        limit_s: How long it may take.

    Raises:
        TargetFailure: It failed or took longer, and was ended: how, and the end of its output.
    """
    if how := _failure(children, child, limit_s):
        output = child.log_tail()
        raise TargetFailure(f"{what} {how}; its output:\n{output}" if output else f"{what} {how}")


def await_reset(children: Children, child: Child) -> None:
    """Wait until an arm is reset. TargetFailure with the last line that was printed if it fails."""
    if how := _failure(children, child, LIMIT_S):
        lines = child.log_tail().strip().splitlines()
        said = f": {lines[-1].strip()}" if lines else ""
        raise TargetFailure(f"`reset` {how}{said}")


def _failure(children: Children, child: Child, limit_s: float) -> str | None:
    how = children.await_end(child, limit_s)
    if how is None:
        return f"did not end within {limit_s:g} s"
    return how if child.popen.returncode else None
