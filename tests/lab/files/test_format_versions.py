from __future__ import annotations

import pytest

from lab.files.format_versions import Data, Schema, UnknownVersion, unchanged


def upgrade(data: Data, version: int) -> Data:
    return {**data, "upgraded_from": version}


THIRD = Schema("lab.thing", 3, upgrade=upgrade)


def test_the_current_version_is_read_as_it_is() -> None:
    assert THIRD.read({"schema": "lab.thing/3", "x": 1}, "file") == {
        "schema": "lab.thing/3",
        "x": 1,
    }


@pytest.mark.parametrize("version", [1, 2])
def test_an_older_version_is_upgraded(version: int) -> None:
    found = THIRD.read({"schema": f"lab.thing/{version}", "x": 1}, "file")
    assert (found["x"], found["upgraded_from"]) == (1, version)


def test_data_without_a_schema_are_of_the_first_version() -> None:
    assert THIRD.read({"x": 1}, "file")["upgraded_from"] == 1


@pytest.mark.parametrize("schema", ["lab.thing/4", "lab.thing/0", "lab.other/3", "3", None, 3])
def test_anything_else_is_refused_with_the_versions_that_are_read(schema: object) -> None:
    with pytest.raises(UnknownVersion) as refused:
        THIRD.read({"schema": schema}, "a/file.json")
    assert str(refused.value).startswith(f"a/file.json: its schema is {schema!r}; ")
    assert "reads lab.thing/1, lab.thing/2, lab.thing/3." in str(refused.value)


def test_what_is_written_names_the_current_version() -> None:
    assert str(THIRD) == "lab.thing/3"
    assert unchanged({"x": 1}, 1) == {"x": 1}
