"""Logs that are too long are cut to their end, while they are written."""

from __future__ import annotations

import subprocess
from pathlib import Path

from lab.processes.log_cap import trim


def test_a_short_log_stays_as_it_is(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"x" * 100)
    assert not trim(log, 100, 10)
    assert log.read_bytes() == b"x" * 100
    assert not trim(tmp_path / "none.log")


def test_of_a_long_log_the_end_is_kept_and_writing_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    with log.open("ab") as sink:
        writer = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=sink)
    assert writer.stdin is not None
    writer.stdin.write(b"a" * 5000 + b"end\n")
    writer.stdin.flush()
    while log.stat().st_size < 5004:
        pass
    assert trim(log, 1000, 10)
    writer.communicate(b"more\n")
    assert log.read_text() == "[4,994 bytes before this are left out]\naaaaaaend\nmore\n"
