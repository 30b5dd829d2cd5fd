from __future__ import annotations

import subprocess
import sys
import time

from lab.instruments.idle_time import children_cpu_s


def test_the_time_of_what_was_started_counts_whether_it_runs_or_has_ended() -> None:
    busy = "import time\nwhile time.process_time() < .3: pass\n"
    nested = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {busy!r}])\ninput()"
    before = children_cpu_s()
    with subprocess.Popen([sys.executable, "-c", nested], stdin=subprocess.PIPE) as child:
        deadline = time.monotonic() + 60
        while children_cpu_s() - before < 0.25 and time.monotonic() < deadline:
            time.sleep(0.02)
        running = children_cpu_s() - before
        child.communicate(b"\n")
    assert running >= 0.25
    assert children_cpu_s() - before >= running - 0.05
