"""Reading a text file that a person wrote: size, encoding, line ends, unprintable characters."""

from __future__ import annotations

import re
from pathlib import Path

from lab.input_files.flaw import Flaw

MAX_BYTES = 256 * 1024

UNPRINTABLE = re.compile("[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd"
                         "\U00010000-\U0010ffff]")  # fmt: skip


def read_text(path: Path, what: str) -> str:
    r"""The text of a file with `\n` as line ends; raises `Flaw` if it cannot be read.

    Args:
        path: The file.
        what: What it should be, for the remedy: "a Markdown file".
    """
    try:
        if not path.is_file():
            problem = "this is not a file" if path.exists() else "there is no such file"
            raise Flaw(None, problem, f"Give the path of {what}.")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        problem = f"the file cannot be read ({error.strerror})"
        raise Flaw(None, problem, "Check its name and its permissions.") from None
    refuse_large(len(data))
    try:
        return normalised(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Flaw(line, "this is not UTF-8 text", "Save the file as UTF-8.") from None


def normalised(text: str) -> str:
    r"""The text with `\n` as line ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def refuse_large(size: int) -> None:
    """Raises `Flaw` if a file has so many bytes that nobody can have written it."""
    if size > MAX_BYTES:
        raise Flaw(
            None,
            f"the file is larger than {MAX_BYTES // 1024} KiB",
            "Keep it short, and move what is long to another file.",
        )


def refuse_unprintable(text: str) -> None:
    """Raises `Flaw` at the first character that is neither printable nor white space."""
    if odd := UNPRINTABLE.search(text):
        raise Flaw(
            text.count("\n", 0, odd.start()) + 1,
            f"there is an unprintable character (U+{ord(odd[0]):04X})",
            "Remove it, or save the file as UTF-8 text.",
        )
