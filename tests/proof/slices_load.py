"""Loads of equal arms: how far a block scatters in slices, and in whole windows as before."""

from __future__ import annotations

import math
import random
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.planted_services import SLICES, sample, without_database
from tests.proof.record import Steps, at_most, publish
from tests.proof.recorded_blocks import (
    counting_noise,
    log_ratios,
    outcome,
    run_text,
    standard_deviation,
    times_smaller,
)

BLOCKS, RUNS = 40, 4  # of each way; a run that nothing decides has 12 blocks
MOST_RUNS = 8
WINDOWS, IN_SLICES = "windows", "slices"
WAYS = {WINDOWS: ", slices: off", IN_SLICES: ""}


@dataclass(frozen=True)
class Subject:
    """A service under load."""

    make_project: Callable[[Path], Path]
    scenario: str
    users: int
    settings: str
    times_smaller: float  # that is promised


_SAMPLE = "{PRICING_LATENCY_MS: 0, SEED_INVOICES: 1000}"
SUBJECTS: Mapping[str, Subject] = {
    "a service without a database": Subject(without_database, "work.py", 4, "{}", 8.0),
    "checkout": Subject(sample, "busy_checkout.py", 4, _SAMPLE, 3.0),
    "listing": Subject(sample, "busy_listing.py", 4, _SAMPLE, 3.0),
}


def prove() -> bool:
    """The scatter of blocks of equal arms in both ways, and what counting alone would make."""
    steps = Steps("slices-load")
    lines = [
        "Equal arms whose processor binds: users who do not pause. Runs in whole windows "
        "(`slices: off`) and runs in slices are taken in turn; each arm is measured for 4 s in a "
        "block of either way. Standard deviation of the log ratio of the throughputs of a block, "
        "within its run; times smaller with the 95 % interval by resampling the blocks. "
        "*Counting* is the floor: what the number of requests alone would leave, if answers came "
        "at random (Poisson), and if the cycles of a user differed as the response times within a "
        "slice do, independently of each other (renewal). *Between slices* is what the "
        "differences between the slices of a block leave of their median. The service without "
        "a database is a planted one: 20,000 steps a request in place of the sample's routes, "
        "beside a PostgreSQL that it never asks. Checkout and listing are the sample service as it "
        "is.",
        "",
        "| subject | blocks in windows | sd in windows | blocks in slices | slices | sd in slices "
        "| times smaller | promised | requests | Poisson | renewal | between slices "
        "| means of the runs in slices |",
        "| --- " * 13 + "|",
    ]
    holds, fewest = True, BLOCKS
    for name, subject in SUBJECTS.items():
        found = recorded(steps, name)
        before, after = (logs(found[way]) for way in WAYS)
        fewest = min(fewest, *(sum(map(len, runs)) for runs in (before, after)))
        ratio, low, high = times_smaller(before, after)
        floor = floors(found[IN_SLICES])
        holds &= ratio >= subject.times_smaller
        lines.append(
            f"| {name} | {sum(map(len, before))} | {standard_deviation(before):.4f} "
            f"| {sum(map(len, after))} | {floor['slices']:.0f} | {standard_deviation(after):.4f} "
            f"| {ratio:.1f} [{low:.1f} to {high:.1f}] | {subject.times_smaller:g} "
            f"| {floor['requests']:,.0f} | {floor['poisson']:.4f} | {floor['renewal']:.4f} "
            f"| {floor['between']:.4f} "
            f"| {', '.join(f'{statistics.fmean(run):+.4f}' for run in after)} |"
        )
    lines += shortfall(fewest)
    publish("slices-load", "Loads: how far blocks of equal arms scatter", lines, steps)
    return holds


def shortfall(fewest: int) -> list[str]:
    """What to say if there are too few blocks of a way."""
    if fewest >= BLOCKS:
        return []
    return ["", f"Not whole yet: {fewest} of the {BLOCKS} blocks of each way that it takes."]


def recorded(steps: Steps, name: str) -> dict[str, list[dict[str, Any]]]:
    """The runs of a subject by way: as many as make up the blocks, in random order in each pair."""
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    wanted = at_most(RUNS)
    for seed in range(1, MOST_RUNS + 1):
        for way in random.Random(f"{name} {seed}").sample(sorted(WAYS), 2):
            if _suffices(found[way], wanted):
                continue
            run = steps.do(f"{name} in {way} {seed}", partial(record, SUBJECTS[name], way, seed))
            found[way].append(run)
    return found


def _suffices(runs: Sequence[Mapping[str, Any]], wanted: int) -> bool:
    """Whether there are as many blocks as RUNS runs should have, or as many runs as asked for."""
    if wanted < RUNS:
        return len(runs) >= wanted
    return sum(len(run["logs"]) for run in runs) >= BLOCKS


def record(subject: Subject, way: str, seed: int) -> dict[str, Any]:
    """One whole run of the real command: its blocks, and its verdict."""
    with tempfile.TemporaryDirectory() as folder:
        project = subject.make_project(Path(folder))
        run_folder, hypothesis = run_text(project, "equal-load", text_of(subject, way), seed)
        found = outcome(run_folder)
        return {
            "logs": [round(each, 6) for each in log_ratios(run_folder, hypothesis)],
            "noise": counting_noise(run_folder),
            "outcome": next(iter(found["estimates"].values()))[3],
            **{key: found[key] for key in ("verdict", "voided", "elapsed_s", "measuring_s")},
        }


def text_of(subject: Subject, way: str) -> str:
    """The hypothesis that two equal arms differ."""
    load = f"{{users: {subject.users}{WAYS[way]}}}"
    text = (SLICES / "equal-load.md").read_text()
    text = text.replace("SCENARIO", subject.scenario).replace("LOAD", load)
    if subject.settings == "{}":
        return text.replace("settings: SETTINGS\n", "")
    return text.replace("SETTINGS", subject.settings)


def logs(runs: Sequence[Mapping[str, Any]]) -> list[list[float]]:
    """The log ratios of each run that has any."""
    return [run["logs"] for run in runs if run["logs"]]


def floors(runs: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The mean number of requests and of slices, and the standard deviations of counting."""
    blocks = [block for run in runs for block in run["noise"]]
    mean = {key: statistics.fmean(block[key] for block in blocks) for key in blocks[0]}
    return {
        key: mean[key] if key in ("requests", "slices") else math.sqrt(mean[key]) for key in mean
    }
