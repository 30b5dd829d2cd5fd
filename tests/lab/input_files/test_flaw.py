"""The wording that all messages share."""

from __future__ import annotations

from lab.input_files import shown, suggestion


def test_a_piece_of_a_file_is_shown_short_and_on_one_line() -> None:
    assert shown("a\n  b") == "`a b`"
    assert shown("x" * 61) == f"`{'x' * 57}...`"


def test_the_nearest_known_word_is_suggested_or_all_are_listed() -> None:
    assert suggestion("thruput", ["throughput", "cpu"]) == "Did you mean `throughput`?"
    assert suggestion("zzz", ["throughput", "cpu"]) == "It can be: cpu, throughput."
