from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.files.json_files import (
    UnreadableFile,
    append_line,
    read_lines,
    read_object,
    to_line,
    write_whole,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "records.jsonl"


def test_lines_are_read_as_they_were_appended(file: Path) -> None:
    records: list[dict[str, object]] = [{"a": 1}, {"b": "line\nbreak"}, {"c": None}]
    for record in records:
        append_line(file, record)
    assert list(read_lines(file)) == records
    assert len(file.read_text().splitlines()) == 3


def test_a_file_that_does_not_exist_has_no_lines(file: Path) -> None:
    assert list(read_lines(file)) == []


@pytest.mark.parametrize("torn", ['{"b": ', '{"b": "\u00e9"'])
def test_a_torn_last_line_is_skipped_and_then_replaced(file: Path, torn: str) -> None:
    append_line(file, {"a": 1})
    with file.open("ab") as opened:
        opened.write(torn.encode()[:-1])
    assert list(read_lines(file)) == [{"a": 1}]
    append_line(file, {"c": 3})
    assert list(read_lines(file)) == [{"a": 1}, {"c": 3}]


def test_a_file_of_one_torn_line_begins_anew(file: Path) -> None:
    file.write_text('{"a"')
    append_line(file, {"c": 3})
    assert list(read_lines(file)) == [{"c": 3}]


@pytest.mark.parametrize("damaged", ['{"b"', "[1]", "7", "[" * 10**6])
def test_a_damaged_line_before_the_last_is_an_error(file: Path, damaged: str) -> None:
    file.write_text(f'{{"a": 1}}\n{damaged}\n{{"c": 3}}\n')
    with pytest.raises(UnreadableFile, match=r"records\.jsonl:2: damaged line"):
        list(read_lines(file))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_lacks_is_refused_before_anything_is_written(file: Path, value: float) -> None:
    append_line(file, {"a": 1})
    with pytest.raises(ValueError, match="Out of range"):
        append_line(file, {"x": value})
    assert file.read_text() == to_line({"a": 1})


def test_a_file_is_replaced_whole_and_leaves_no_draft(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    for text in ("first", "second"):
        write_whole(file, text)
        assert file.read_text() == text
    assert list(tmp_path.iterdir()) == [file]


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    write_whole(file, "before")
    (tmp_path / ".plan.json.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        write_whole(file, "after" * 100_000)
    assert file.read_text() == "before"


@pytest.mark.parametrize(
    ("text", "problem"), [("[1]", "not a JSON object"), ("{", "cannot be read")]
)
def test_an_object_must_be_one(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(text)
    with pytest.raises(UnreadableFile, match=problem):
        read_object(file)
    file.write_text(json.dumps({"a": 1}))
    assert read_object(file) == {"a": 1}
