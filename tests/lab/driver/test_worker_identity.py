"""What a worker says of the code that it runs."""

from __future__ import annotations

import ast
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


_EDITED = """
import sys
from dataclasses import replace
from pathlib import Path
from lab.driver import worker_identity
worker_identity._LAB = folder = Path(sys.argv[1])
worker_identity.code_at_start()
before = worker_identity.identity("t", "")
(folder / "errors.py").write_text("edited")
after = worker_identity.identity("t", "")
other = replace(before, code="another")
print([
    worker_identity.objection(worker, before) or ""
    for worker in (before, after, other, replace(other, slot="worker 2"))
])
"""


def test_code_that_changes_after_the_start_is_refused(tmp_path: Path) -> None:
    same, edited, other, local = ast.literal_eval(_digest(tmp_path, _EDITED))
    assert same == ""
    assert "changed after the start" in edited
    assert "install the same commit there" in other
    assert "changed after the start" in local


_IMPORTED = """
import sys
from pathlib import Path
from types import SimpleNamespace
from lab.driver import worker_identity
from lab.driver.worker import Worker
from lab.driver.worker_messages import Report, read
from lab.driver_messages import Loaded, decode, encode
worker_identity._LAB = folder = Path(sys.argv[1])
(folder / "errors.py").write_text("as at the start")
worker_identity.code_at_start()
reports = []
runner = SimpleNamespace(register_message=lambda kind, listener: None, report=reports.append)
Worker(runner, folder)._on_line(encode(Loaded(("Reader",))))
(folder / "errors.py").write_text("edited")
Worker(runner, folder)._on_line(encode(Loaded(("Reader",))))
loaded, failed = [decode(read(Report, each).line) for each in reports]
print([loaded.user_classes, failed.message, failed.of_scenario])
"""


def test_code_that_changes_before_the_load_process_runs_it_is_refused(tmp_path: Path) -> None:
    classes, why, of_scenario = ast.literal_eval(_digest(tmp_path, _IMPORTED))
    assert classes == ("Reader",)
    assert why == "code of the lab was changed after the start of the worker: start again"
    assert not of_scenario


def _digest(folder: Path, program: str = _PROGRAM) -> str:
    """In a process of its own: importing Locust patches sockets."""
    command = [sys.executable, "-c", program, str(folder)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
