"""Finished steps of a part on disk, and the document with the figures."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from lab.machine.conditions import observe
from tests.runs import ROOT

STATE = ROOT / ".proof"
DOCUMENT = ROOT / "docs" / "proof.md"
HEAD = (
    "# Proof\n\nFigures that `make proof` measured, each part by itself with "
    "`make proof PART=...`.\nEvery part states when, where and at which commit it was measured.\n"
)


class Steps:
    """The steps of a part, each done once."""

    def __init__(self, part: str) -> None:
        STATE.mkdir(exist_ok=True)
        self._began = time.monotonic()
        self._file = STATE / f"{part}.jsonl"
        lines = self._file.read_text().splitlines() if self._file.exists() else []
        steps = [json.loads(line) for line in lines]
        self._done = {step["key"]: step["result"] for step in steps}
        self.where: list[str] = [step["where"] for step in steps]  # of every step, in order

    def has(self, key: str) -> bool:
        """Whether a step is done."""
        return key in self._done

    def do(self, key: str, work: Callable[[], Any]) -> Any:
        """The result of a step: from disk, or from doing it now."""
        if key not in self._done:
            print(f"  {key} ...", flush=True)
            result = work()
            step = {"key": key, "result": result, "where": _where()}
            with self._file.open("a") as file:
                file.write(json.dumps(step) + "\n")
            self._done[key] = result
            self.where.append(step["where"])
        elapsed_s = time.monotonic() - self._began
        print(f"  [{elapsed_s:.0f} s] {key}: {_short(self._done[key])}", flush=True)
        return self._done[key]


def at_most(runs: int) -> int:
    """How many runs of each kind: all, or PROOF_RUNS, for a part that is to be seen at work."""
    return min(runs, int(os.environ.get("PROOF_RUNS", runs)))


def publish(part: str, title: str, lines: list[str], steps: Steps) -> None:
    """Write a part's figures into the document, in place of its earlier ones."""
    where = f"*{'; '.join(dict.fromkeys(steps.where))}*"
    section = "\n".join([f"<!-- {part} -->", f"## {title}", "", where, "", *lines, ""])
    text = DOCUMENT.read_text() if DOCUMENT.exists() else HEAD
    pattern = re.compile(rf"<!-- {re.escape(part)} -->.*?(?=<!-- |\Z)", re.S)
    if pattern.search(text):
        text = pattern.sub(lambda _: section + "\n", text)
    else:
        text = f"{text.rstrip()}\n\n{section}"
    DOCUMENT.write_text(text.rstrip() + "\n")
    print("\n".join(lines))


def _short(result: Any) -> str:
    text = json.dumps(result)
    return text if len(text) < 200 else text[:197] + "..."


def _where() -> str:
    """Date, machine and commit of a step."""
    seen = observe(ROOT)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {seen['processor']}, {seen['cores']} cores, "
        f"Python {seen['python']}, commit {str(seen['commit'])[:12]}"
        f"{' with changes' if seen['dirty'] else ''}"
    )
