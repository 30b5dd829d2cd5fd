"""Every value of a TOML text knows its line, whatever its syntax."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.input_files import Node
from lab.system.toml_lines import Place, locate
from lab.system.toml_nodes import read_toml

# each key or item is named or valued after the line on which it has to be found
TEXT = '''\
# a comment with [brackets] and key = "value"
line2 = 1   # "quote
line3 = "a # b"
line4 = """
[not.a.table]
not_a_key = 1
\\""" still inside ""\\" """
line8 = \'\'\'it''s "literal" ]\'\'\'
line9 = [ 9, 9, "],[" ]
line10 = [
    11,  # ]
    "12",

    [14, 14,],
    {line15 = 15, "line15 b" = [15]},
]
line17.line17.line17 = 17
"line18 \\"]" = 18
\'line19 = \' = 19

[line21]
line22 = {line22 = {line22 = 22}}
[line21 . "line23"]  # }
line24 = 1979-05-27 07:32:00
[[line25]]
line26 = 26
[line25.line27]
line28 = """x"""""
[[line25]]
line30 = -1_000.5e3
[[line25.line31]]
line32 = true
'''


def lines(place: Place) -> Iterator[tuple[str, int]]:
    for key, below in place.keys.items():
        yield key, below.line
        yield from lines(below)
    for item in place.items:
        if item.written:
            yield item.written, item.line
        yield from lines(item)


def expected(name: str) -> int:
    return int("".join(filter(str.isdigit, name.partition(" ")[0])))


def test_every_key_and_every_item_is_found_on_its_line() -> None:
    found = [
        (name, line)
        for name, line in lines(locate(TEXT))
        if not name.startswith(("1979", "-", "t"))
    ]
    assert len(found) > 30
    wrong = [(name, line) for name, line in found if line != expected(name)]
    # of a list of tables the first header counts, and each of its tables has a line of its own
    assert wrong == []
    array = locate(TEXT).keys["line25"]
    assert [table.line for table in array.items] == [25, 29]


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shape(below) for key, below in value.items()}
    return [shape(item) for item in value] if isinstance(value, list) else None


def shape_of_places(place: Place, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shape_of_places(below, value[key]) for key, below in place.keys.items()}
    if isinstance(value, list):
        return [shape_of_places(item, each) for item, each in zip(place.items, value, strict=True)]
    return None


def test_the_places_have_the_shape_of_the_data() -> None:
    data = tomllib.loads(TEXT)
    assert shape_of_places(locate(TEXT), data) == shape(data)


_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=12)
_VALUES = st.recursive(
    st.integers(-(2**40), 2**40) | st.booleans() | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=8,
)


def written(value: Any) -> str:
    """A value as TOML."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return quoted(value)
        case list():
            return "[" + ",\n # ]\n".join(written(each) for each in value) + "]"
        case dict():
            pairs = (f"{quoted(key)} = {flat(each)}" for key, each in value.items())
            return "{" + ", ".join(pairs) + "}"
        case _:
            return str(value)


def flat(value: Any) -> str:
    return written(value).replace(",\n # ]\n", ", ")


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(st.dictionaries(_TEXTS, _VALUES, max_size=4))
def test_any_text_is_located(data: dict[str, Any]) -> None:
    text = "".join(f"{quoted(key)} = {written(value)}\n" for key, value in data.items())
    assert tomllib.loads(text) == data
    places = locate(text)
    assert shape_of_places(places, data) == shape(data)
    for key, place in places.keys.items():
        assert text.split("\n")[place.line - 1].startswith(f"{quoted(key)} =")


@pytest.mark.parametrize(
    ("value", "node"),
    [("1", 1), ("true", True), ('"a"', "a"), ("0.5", 0.5), ("1_000", 1000)],
)
def test_a_scalar_keeps_how_it_is_written(value: str, node: Any) -> None:
    read = read_toml(f"key = {value}\n", "lab.toml").at("key")
    assert isinstance(read, Node)
    assert (read.value, read.written) == (node, value.strip('"'))
