"""`lab doctor`: the table, and the exit code."""

from __future__ import annotations

import pytest
import typer

from lab.cli.commands import doctor
from lab.cli.doctor_checks import CheckResult

FINE = CheckResult("cores", "2", "2 or more", True)
BUSY = CheckResult("other load", "0.90 cores", "at most 0.25", False)


def test_a_machine_that_passes_can_measure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lab.cli.doctor_checks.CHECKS", (lambda: FINE,))
    doctor.command()
    shown = capsys.readouterr().out
    assert "ok  cores" in shown and "This machine can measure." in shown


def test_one_failed_check_is_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lab.cli.doctor_checks.CHECKS", (lambda: BUSY, lambda: FINE))
    with pytest.raises(typer.Exit) as ended:
        doctor.command()
    assert ended.value.exit_code == 1
    shown = capsys.readouterr().out
    assert "!!  other load  0.90 cores  at most 0.25" in shown
    assert "cannot be trusted to measure" in shown
