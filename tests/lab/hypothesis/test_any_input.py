"""Whatever a file holds, it is read or refused with a message."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.hypothesis import HypothesisError, load, loads
from tests.lab.hypothesis.examples import GOOD


def only_hypothesis_errors(text: str, project: Path) -> None:
    try:
        loads(text, Path("any.md"), project)
    except HypothesisError as error:
        assert error.problem
        assert error.remedy


@given(st.text())
def test_any_text_is_read_or_refused(shared_project: Path, text: str) -> None:
    only_hypothesis_errors(text, shared_project)
    only_hypothesis_errors(f"---\n{text}\n---\n", shared_project)


@given(st.binary())
def test_any_bytes_are_read_or_refused(shared_project: Path, data: bytes) -> None:
    path = shared_project / "any.md"
    for front in (b"", b"---\n"):
        path.write_bytes(front + data)
        with contextlib.suppress(HypothesisError):
            load(path, shared_project)
    only_hypothesis_errors(data.decode("utf-8", "surrogateescape"), shared_project)


pieces = st.sampled_from(
    [
        "\n",
        " ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        ": ",
        "'",
        '"',
        "&a ",
        "*a ",
        "0",
        "-1",
        ".nan",
        "1e999",
        "yes",
        "null",
        "narrow",
        "!!x ",
        "/",
        "within: [0, 1]",
    ]
)


@pytest.mark.slow
@settings(max_examples=300)
@given(st.integers(0, len(GOOD)), st.integers(0, 40), st.lists(pieces, max_size=4))
def test_any_edit_is_read_or_refused(
    shared_project: Path, place: int, length: int, parts: list[str]
) -> None:
    text = GOOD[:place] + "".join(parts) + GOOD[place + length :]
    only_hypothesis_errors(text, shared_project)


bounds = st.sampled_from([-1, 0, 1e-320, 0.4, 1, 2.5, 1e308])


@given(
    st.sampled_from(["throughput", "error_rate", "latency_p99", "pool_wait_share", "cpu"]),
    st.sampled_from(["arm: wide", "compare: wide / narrow", "compare: narrow / wide"]),
    st.one_of(
        st.tuples(st.sampled_from(["at_least", "at_most"]), bounds),
        st.tuples(st.just("within"), st.lists(bounds, min_size=2, max_size=2)),
    ),
)
def test_any_bound_is_read_or_refused(
    shared_project: Path, measure: str, subject: str, bound: tuple[str, object]
) -> None:
    more = f"""  - says: something else
    measure: {measure}
    {subject}
    {bound[0]}: {bound[1]}
"""
    for place in ("rivals:\n", "budget:"):  # one more prediction, one more rival
        new = more if place == "rivals:\n" else more.replace("- says", "- claim: c\n    says")
        only_hypothesis_errors(GOOD.replace(place, new + place), shared_project)
