"""Profiles of a Python process that runs under pyinstrument from its start."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

INTERVAL_S = 0.001
_PYTHON = re.compile(r"python(\d+(\.\d+)?)?")
PROFILE_S = 2.0  # length of the profile of a benchmark's function


def is_python(words: Iterable[str]) -> bool:
    """Whether a command is Python with a module or a file, so that a profiler can run it."""
    program, first, *_ = (*words, "", "")
    runs_code = first == "-m" or first.endswith(".py")
    return _PYTHON.fullmatch(Path(program).name) is not None and runs_code


def command_prefix(output: Path | None) -> list[str]:
    """Arguments between the interpreter and `-m MODULE` or a file, to profile it into `output`.

    Without an output the profile goes to standard output, after all that the module prints.
    """
    where = [] if output is None else ["-o", str(output)]
    return ["-m", "pyinstrument", "-r", "pyisession", *where, "-i", str(INTERVAL_S)]


def read_profile(output: Path) -> str:
    """The profile as a text tree, widest branches first."""
    from pyinstrument.renderers import ConsoleRenderer
    from pyinstrument.session import Session

    if not output.is_file():
        return "no profile was written"
    try:
        session = Session.load(output)
    except (ValueError, KeyError) as error:
        return f"no profile: what was written cannot be read ({error})"
    renderer = ConsoleRenderer(unicode=True, color=False, show_all=False)
    return renderer.render(session)
