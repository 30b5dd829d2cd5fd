"""One tree of errors: each foreseen one has an exit code, and a defect shows its traceback."""

from __future__ import annotations

import errno
import inspect
from pathlib import Path

import pytest

import lab
from lab.cli import main
from lab.errors import (
    DiskFull,
    LabError,
    MeasurementError,
    StorageError,
    UsageError,
    storage_error,
)
from lab.exit_codes import ExitCode, exit_code_of_verdict
from lab.targets.target_interface import TargetError
from tests.lab_modules import importable_modules

BASES = {LabError, TargetError}  # never raised themselves
OUTSIDE = {
    "Interrupted",  # a signal: no `except Exception` may catch it
    "InterruptedEarly",
    "ForbiddenHostError",  # raised into scenarios, as what the system raises would be
    "ProtocolError",  # of the driver's process, which imports no lab.errors; becomes a DriverError
}


def exceptions() -> set[type[BaseException]]:
    """Every exception class of the lab; the driver's package cannot be imported beside others."""
    found: set[type[BaseException]] = set()
    for module in importable_modules():
        for _, each in inspect.getmembers(module, inspect.isclass):
            if issubclass(each, BaseException) and each.__module__.startswith("lab."):
                found.add(each)
    return found


def test_every_exception_derives_from_the_one_base() -> None:
    found = {each for each in exceptions() if each.__name__ not in OUTSIDE}
    assert len(found) > 15
    assert {each for each in found if not issubclass(each, LabError)} == set()


def test_every_error_that_is_raised_has_one_exit_code() -> None:
    for each in exceptions():
        if issubclass(each, LabError) and each not in BASES:
            assert issubclass(each, UsageError) != issubclass(each, MeasurementError), each
            assert each.exit_code == (2 if issubclass(each, UsageError) else 4)


def test_the_bases_are_never_raised() -> None:
    for path in Path(lab.__path__[0]).rglob("*.py"):
        text = path.read_text()
        assert "raise LabError(" not in text and "raise TargetError(" not in text, path


@pytest.mark.parametrize(
    ("verdict", "expected", "code"),
    [
        ("CONFIRMED", None, 0),
        ("REFUTED", None, 0),
        ("REFUTED", "REFUTED", 0),
        ("REFUTED", "CONFIRMED", 1),
        ("CONFIRMED", "REFUTED", 1),
        ("INCONCLUSIVE", None, 3),
        ("INCONCLUSIVE", "CONFIRMED", 3),
        ("INVALID", None, 4),
        ("INVALID", "REFUTED", 4),
    ],
)
def test_the_exit_code_of_a_verdict(verdict: str, expected: str | None, code: int) -> None:
    assert exit_code_of_verdict(verdict, expected) == code


def test_the_exit_code_of_an_interrupted_command() -> None:
    assert ExitCode.INTERRUPTED == 130


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_reported_as_one(number: int) -> None:
    error = storage_error(Path("/run"), OSError(number, "full"), "Make room")
    assert isinstance(error, DiskFull)
    assert str(error) == "/run: the disk is full. Make room"


def test_any_other_failed_write_names_its_file() -> None:
    error = storage_error(Path("/run"), PermissionError(errno.EACCES, "denied", "/run/plan.json"))
    assert type(error) is StorageError
    assert str(error) == "/run/plan.json: cannot be written (denied)"


@pytest.mark.parametrize(
    ("raised", "code", "message"),
    [
        (UsageError("a file is wrong"), 2, "lab: a file is wrong\n"),
        (MeasurementError("the driver died"), 4, "lab: the driver died\n"),
        (OSError(errno.ENOSPC, "full"), 4, "the disk is full"),
        (FileNotFoundError(2, "gone", "/x"), 4, "lab: /x: cannot be used (gone)\n"),
    ],
)
def test_a_foreseen_error_is_one_message(
    raised: Exception,
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        raise raised

    monkeypatch.setattr(main, "app", fail)
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == code
    stderr = capsys.readouterr().err
    assert message in stderr and len(stderr.splitlines()) == 1


@pytest.mark.parametrize("defect", [ConnectionResetError(104, "reset"), ValueError("no")])
def test_a_defect_shows_its_traceback_and_has_no_code_of_a_verdict(
    defect: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise defect

    monkeypatch.setattr(main, "app", fail)
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == ExitCode.INVALID
    stderr = capsys.readouterr().err
    assert stderr.startswith("Traceback") and type(defect).__name__ in stderr
