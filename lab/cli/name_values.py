"""NAME=VALUE on the command line: settings, parameters."""

from __future__ import annotations

from collections.abc import Iterable

from lab.errors import UsageError


def name_values(
    texts: Iterable[str], form: str, option: str = "", *, may_be_empty: bool = False
) -> dict[str, str]:
    """The value of each name.

    Args:
        texts: As they were typed.
        form: How one is written, in words.
        option: That they follow, if any.
        may_be_empty: Whether a value may be.

    Raises:
        UsageError: A name has no value, or two.
    """
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and (value or may_be_empty)):
            raise UsageError(f"{option} {text}: {form}".lstrip())
        if name in values:
            raise UsageError(f"{option} {name}: given twice. Keep one of the two values".lstrip())
        values[name] = value
    return values
