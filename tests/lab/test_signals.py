"""A signal ends a run by the ordinary way out, wherever it comes."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from lab.cli.signals import Interrupted, interruptible

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
# as an import does, which makes classes of strings
IN_AN_EXEC = """
from contextlib import suppress
from lab.cli.signals import Interrupted, interruptible
with suppress(Interrupted), interruptible():
    exec("import signal; signal.raise_signal(signal.SIGTERM)")
"""


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Those of the tests, back again."""
    before = {number: signal.getsignal(number) for number in (*SIGNALS, signal.SIGALRM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_every_signal_that_asks_for_an_end_is_heard(number: signal.Signals) -> None:
    with pytest.raises(Interrupted, match=number.name), interruptible():
        signal.raise_signal(number)


def test_it_is_raised_again_where_it_was_lost() -> None:
    with pytest.raises(Interrupted), interruptible():
        for _ in range(2):
            with contextlib.suppress(BaseException):  # as a finalizer does
                signal.raise_signal(signal.SIGTERM)
        time.sleep(30)


def test_the_clearing_up_is_not_interrupted() -> None:
    cleared = []

    def clear_up() -> None:
        signal.raise_signal(signal.SIGINT)
        time.sleep(0.7)
        cleared.append(True)

    with pytest.raises(Interrupted), contextlib.ExitStack() as ending, interruptible():
        ending.callback(clear_up)
        signal.raise_signal(signal.SIGINT)
    assert cleared


def test_what_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with interruptible():
        signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_the_exit_code_is_the_commands_own() -> None:
    done = subprocess.run([sys.executable, "-c", IN_AN_EXEC], check=False)
    assert done.returncode == 0
