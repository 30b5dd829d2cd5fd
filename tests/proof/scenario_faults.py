"""Scenarios with one fault each: none is measured as if nothing had happened."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from lab.processes.child_processes import Children
from tests.cases.arm import serving
from tests.mutated_scenarios import CLOSED, OPEN, TASK_SET, Mutant, clean, mutants
from tests.mutated_trials import MEASURED, REFUSED, VOID, Outcome, outcome_of
from tests.proof.record import Steps, publish

AT_ONCE = 12  # most of them wait
LIMIT_S = 30.0
Row = dict[str, Any]


def prove() -> bool:
    """Each is a refusal or a void that names file and line, within 30 s; the clean ones are not."""
    steps = Steps("scenario-faults")
    by_place: dict[str, list[Mutant]] = {}
    for mutant in mutants():
        by_place.setdefault(mutant.place, []).append(mutant)
    with _runner() as run:
        loads = (CLOSED, OPEN, TASK_SET)
        begun = [] if steps.has("clean") else [run(clean(load), load) for load in loads]
        base = steps.do("clean", lambda: [each.result().outcome for each in begun])
        # all are begun now: while those of one place wait, the next ones run
        futures = {
            place: [run(mutant.text, mutant.load) for mutant in of_place]
            for place, of_place in by_place.items()
            if not steps.has(place)
        }
        found: dict[str, list[Row]] = {}
        for place, of_place in by_place.items():
            work = partial(_results, of_place, futures.get(place, []))
            found[place] = steps.do(place, work)
    rows = [row for of_place in found.values() for row in of_place]
    wrong = [row for row in rows if not _holds(row)]
    lines = [
        "A fault at one place of a clean scenario, each in a driver of its own with the time "
        f"limits of a run, up to {AT_ONCE} at once. Seconds are from the start of the driver to "
        "the outcome.",
        "",
        "| place | scenarios | refused | void | measured | without file and line | slowest s |",
        "| --- " * 7 + "|",
        *(_line(place, of_place) for place, of_place in found.items()),
        _line("all", rows),
        "",
        f"Scenarios without a fault ({', '.join(loads)}): {', '.join(base)}.",
    ]
    lines += [f"- does not hold: {row['key']}: {row['outcome']} {row['message']}" for row in wrong]
    publish("scenario-faults", "Faults of scenarios: none is measured in silence", lines, steps)
    return not wrong and set(base) == {MEASURED}


def _holds(row: Row) -> bool:
    return row["outcome"] != MEASURED and bool(row["named"]) and bool(row["seconds"] <= LIMIT_S)


def _line(place: str, rows: list[Row]) -> str:
    counts = [sum(row["outcome"] == each for row in rows) for each in (REFUSED, VOID, MEASURED)]
    unnamed = sum(not row["named"] for row in rows)
    slowest = max(row["seconds"] for row in rows)
    cells = [place, len(rows), *counts, unnamed, f"{slowest:.1f}"]
    return f"| {' | '.join(map(str, cells))} |"


def _results(of_place: list[Mutant], futures: list[Future[Outcome]]) -> list[Row]:
    rows = []
    for mutant, future in zip(of_place, futures, strict=True):
        seen = future.result()
        row = asdict(seen) | {"key": mutant.key, "named": seen.names(mutant.lines)}
        row["seconds"] = round(seen.seconds, 1)
        rows.append(row)
        if not _holds(row):
            print(f"    {row}", flush=True)
    return rows


@contextmanager
def _runner() -> Iterator[Any]:
    """Gets the text of a scenario and its load; answers with the future of its outcome."""
    with (
        serving() as arm,
        serving() as other,
        Children() as children,
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):

        def begin(text: str, load: str) -> Future[Outcome]:
            file = Path(tempfile.mkdtemp(dir=folder)) / "shop.py"
            text = text.replace("{other}", other.url)
            return pool.submit(outcome_of, text, load, arm.url, file, children)

        yield begin
        pool.shutdown(cancel_futures=True)
