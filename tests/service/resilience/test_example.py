from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

EXPECTED = """\
1. An order under a key, sent twice, then with another payload
   placed       status 201, order 1 over 500 cents
   replayed     True, same bytes: True
   conflict     idempotency_key_reused
   orders       1
2. The event that was committed together with the order, and its delivery
   outbox       order.placed {"order_id": 1}
   progress     placed
   delivered    1
   outbox       0 waiting
   progress     placed confirmed packed shipped
3. A crash after the delivery, before it was noted
   crashed      1 waiting, though it was consumed
   delivered    1, for the second time
   duplicates   1 dropped
   progress     placed confirmed packed shipped
4. An event that nobody understands, with a good one behind it
   poisoned     event 3
   attempt 1    1 waiting
   attempt 2    1 waiting
   attempt 3    0 waiting
   progress     placed confirmed packed shipped
   dead letter  3 attempts, Undeliverable: not an order's event: order.lost {}
"""


def test_the_walk_through_idempotency_and_outbox(postgres: str, project: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "examples/idempotency_outbox_lab.py"],
        cwd=project,
        env=os.environ | {"DATABASE_URL": postgres, "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.returncode, ran.stdout) == (0, EXPECTED), ran.stderr
