"""What a worker says of the code that it runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import sys
from pathlib import Path
from lab.driver import worker_identity
worker_identity._LAB = Path(sys.argv[1])
print(worker_identity._code_digest())
"""


def test_digest_of_the_code_covers_the_client(tmp_path: Path) -> None:
    client = tmp_path / "driver" / "client"
    client.mkdir(parents=True)
    (client / "session.py").write_text("a = 1")
    before = _digest(tmp_path)
    (client / "session.py").write_text("a = 2")
    assert _digest(tmp_path) != before


def _digest(folder: Path) -> str:
    """In a process of its own: importing Locust patches sockets."""
    command = [sys.executable, "-c", _PROGRAM, str(folder)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
