"""A signal ends a command by an exception, wherever it comes."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time

import pytest

from lab.cli.signals import (
    Interrupted,
    InterruptedEarly,
    before_first_trial,
    deferred_signals,
    interruptible,
)
from tests.lab.cli.conftest import SIGNALS

pytestmark = pytest.mark.usefixtures("signal_handlers")

# as an import does, which makes classes of strings
IN_AN_EXEC = """
from contextlib import suppress
from lab.cli.signals import Interrupted, interruptible
with suppress(Interrupted), interruptible():
    exec("import signal; signal.raise_signal(signal.SIGTERM)")
"""


@pytest.mark.parametrize("number", SIGNALS)
def test_every_signal_that_asks_for_an_end_raises(number: signal.Signals) -> None:
    with pytest.raises(Interrupted, match=number.name), interruptible():
        signal.raise_signal(number)


def test_an_exception_that_is_lost_is_raised_again() -> None:
    with pytest.raises(Interrupted), interruptible():
        for _ in range(2):
            with contextlib.suppress(BaseException):  # as a finalizer does
                signal.raise_signal(signal.SIGTERM)
        time.sleep(30)


def test_cleaning_up_is_not_interrupted() -> None:
    cleaned = []

    def clean_up() -> None:
        signal.raise_signal(signal.SIGINT)
        time.sleep(0.7)
        cleaned.append(True)

    with pytest.raises(Interrupted), contextlib.ExitStack() as cleanup, interruptible():
        cleanup.callback(clean_up)
        signal.raise_signal(signal.SIGINT)
    assert cleaned


def test_an_ignored_signal_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with interruptible():
        signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_before_the_first_trial_it_is_reported_as_early() -> None:
    with pytest.raises(InterruptedEarly, match="SIGTERM"), interruptible(), before_first_trial():
        signal.raise_signal(signal.SIGTERM)


def test_a_deferred_signal_is_noted_and_interrupts_nothing() -> None:
    with interruptible():
        pass
    with deferred_signals() as came:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
    assert came == ["SIGTERM", "SIGINT"]
    with pytest.raises(Interrupted), interruptible():
        signal.raise_signal(signal.SIGTERM)


def test_the_exit_code_is_the_commands_own() -> None:
    done = subprocess.run([sys.executable, "-c", IN_AN_EXEC], check=False)
    assert done.returncode == 0
