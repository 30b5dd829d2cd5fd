"""What workers and their master say: what is written is read, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.driver.worker_messages import (
    Admit,
    Command,
    Join,
    MalformedMessage,
    Ping,
    Pong,
    Refuse,
    Report,
    as_data,
    read,
)

JOIN = Join(
    protocol=1,
    lab="0.1.0",
    code="c",
    locust="2",
    python="3.11",
    token="t",
    slot="",
    host="h",
    pid=7,
    machine="m",
    clock="m",
    network="n",
    cores=(0, 1),
)
RECORDS: list[Any] = [
    JOIN,
    Admit("worker 1", 4, ("SHOP_TOKEN",)),
    Refuse("no", again=True),
    Ping(3),
    Pong(3, 1.5, 2),
    Command(2, b"line"),
    Report(2, 0, b"line", {"a.py": "sha256:0"}, died=True),
]
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_is_read_as_it_was_written(record: Any) -> None:
    data = {
        name: list(value) if isinstance(value, tuple) else value  # as msgpack returns it
        for name, value in as_data(record).items()
    }
    assert read(type(record), data) == record


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"pid": "7"}, "whose pid is no int"),
        ({"pid": True}, "whose pid is no int"),
        ({"cores": [0, "1"]}, "whose cores is no"),
        ({"token": b"t"}, "whose token is no str"),
        ({"more": 1}, "with other fields"),
    ],
)
def test_a_field_of_another_type_is_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(MalformedMessage, match=complaint):
        read(Join, {**as_data(JOIN), **change})


@given(JUNK, st.sampled_from([type(record) for record in RECORDS]))
def test_junk_is_refused_and_never_raises_anything_else(data: Any, kind: Any) -> None:
    with pytest.raises(MalformedMessage):
        read(kind, data)
