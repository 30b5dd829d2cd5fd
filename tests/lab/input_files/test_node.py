"""Values of a file: read as a type, or refused with line and remedy."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from lab.input_files import Flaw, Node

NAME = re.compile(r"[a-z]+")


def scalar(value: str | float | bool | None, written: str = "") -> Node:
    return Node("size", 7, value, written or str(value))


def group(**values: Node) -> Node:
    return Node("load", 6, values)


@pytest.mark.parametrize(
    ("node", "read", "problem", "remedy"),
    [
        (scalar(None), Node.text, "`size` is empty", "Write some text after `size:`."),
        (scalar(3), Node.text, "`size` is `3`, not text", 'Write text: size: "words in quotes".'),
        (scalar("3"), Node.number, "`size` is `3`, not a number", "Write a number: size: 0.5."),
        (scalar(True), Node.number, "`size` is `True`, not a number", "Write a number: size: 0.5."),
        (
            scalar(float("inf"), ".inf"),
            Node.number,
            "`size` is `.inf`, which is not a finite number",
            "Write an ordinary number, as in 0.5.",
        ),
        (
            scalar(1),
            Node.boolean,
            "`size` is `1`, not true or false",
            "Write true or false: size: true.",
        ),
        (scalar(0), lambda n: n.integer(1, 9), "`size` is 0", "Write a number from 1 to 9."),
        (
            Node("size", 7, []),
            Node.text,
            "`size` is a list, not text",
            'Write text: size: "words in quotes".',
        ),
        (
            Node("size", 7, [scalar(1)] * 3),
            lambda n: n.sequence(2),
            "`size` has 3 entries",
            "Write at most 2.",
        ),
        (
            Node("size", 7, {"B": scalar(1)}),
            lambda n: n.entries(NAME, "an arm", "wide"),
            "`B` is not the name of an arm",
            "Write it like wide.",
        ),
    ],
)
def test_a_value_of_another_type_is_a_flaw_of_its_line(
    node: Node, read: Callable[[Node], Any], problem: str, remedy: str
) -> None:
    with pytest.raises(Flaw) as caught:
        read(node)
    assert (caught.value.line, caught.value.problem, caught.value.remedy) == (7, problem, remedy)


def test_values_are_read_as_their_type() -> None:
    assert scalar(" two  words ").text() == "two words"
    assert scalar(" two  words ").exact() == " two  words "
    assert scalar(3).number() == 3.0
    assert scalar(9).integer(1, 9) == 9
    assert scalar(False).boolean() is False
    assert [item.value for item in Node("size", 7, [scalar(1)]).sequence()] == [1]


def test_every_key_is_read_once_and_known() -> None:
    readers = {"users": Node.number, "rate": Node.number}
    assert group(users=scalar(3)).fields(readers, ("rate",)) == {"users": 3.0}
    with pytest.raises(Flaw, match=re.escape("6: `load` has no `rate`. Add `rate:` to it.")):
        group(users=scalar(3)).fields(readers)
    with pytest.raises(Flaw, match=re.escape("7: unknown key `user`. Did you mean `users`?")):
        group(user=scalar(3)).fields(readers)


def test_only_one_of_several_keys_is_given() -> None:
    assert group(rate=scalar(1)).only_one("users", "rate") == "rate"
    with pytest.raises(
        Flaw, match=re.escape("6: `load` has none of users, rate. Add one of them.")
    ):
        group().only_one("users", "rate")
    with pytest.raises(Flaw, match=re.escape("7: `rate` is given together with `users`. Keep one")):
        group(users=scalar(1), rate=scalar(1)).only_one("users", "rate")
