"""Whether the run can be trusted: gates, voided blocks, errors of all trials."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lab import gates
from lab.gates import Gate
from lab.hypothesis import SoakTest
from lab.instruments.metrics_scraper import NO_METRICS
from lab.measures.number_format import (
    NumberFormat,
    cores,
    low_to_high,
    percentage,
    plain,
    seconds,
)
from lab.prometheus.selector import Selector
from lab.prometheus.text_format import find_role
from lab.reporting.table import Table
from lab.reporting.trials_of_run import RunTrials
from lab.trials.trial import Fault, MetricsReading, Trial

_MIN_SCRAPES = 2  # of a trial, for growth
_MAX_NOTES = 20
_UNCHECKED = (
    "Little's law, and whether the arm served what was driven, are not checked without them"
)
_NO_PROOF = "nothing"
_NOT_CHECKED = "not checked"
_OPTIONAL = ("settings", "served", "littles_law")  # what they need may be missing


@dataclass(frozen=True)
class GatesSection:
    """What the gates found."""

    has_trials: bool
    voided_blocks: int
    faults: tuple[str, ...]  # which trials voided their block, and why
    notes: tuple[str, ...]  # where requests went, what was not read of metrics, or not checked
    table: Table
    errors: Table  # of all trials, trusted or not, most frequent first

    @property
    def sentence(self) -> str:
        """What the gates found, in a sentence."""
        if not self.voided_blocks:
            return "Every trial passed every gate." if self.has_trials else "No trial has ended."
        plural = "s were" if self.voided_blocks > 1 else " was"
        return f"{self.voided_blocks} block{plural} voided and did not count."


def gates_section(
    trials: RunTrials, voided_blocks: int, proof: Mapping[str, str] | None = None
) -> GatesSection:
    """The gates of a run.

    Args:
        trials: Of the run.
        voided_blocks: As the verdict counts them.
        proof: How it is known that each process ran with its arm's settings, by role; None for a
            run that did not record it.
    """
    return GatesSection(
        has_trials=bool(trials.all),
        voided_blocks=voided_blocks,
        faults=tuple(
            f"Block {trial.block}, {trial.step}: {fault.message}"
            for trial in trials.all
            for fault in trial.faults
        ),
        notes=(
            *_proof_notes(proof or {}),
            *gates.traffic_notes(trials.all),
            *_notes(trials.all),
        ),
        table=_gate_table(trials),
        errors=_errors(trials.all),
    )


def _notes(trials: Sequence[Trial]) -> tuple[str, ...]:
    """What is odd about the metrics of each arm, each once."""
    notes: dict[tuple[str, str], str] = {}  # by arm, and by what they are about
    for trial in trials:
        reading = trial.service.metrics
        if reading is not None and reading.problem == NO_METRICS:
            notes.setdefault(("", "page"), f"{NO_METRICS}: {_UNCHECKED}.")
            continue
        for about, note in () if reading is None else _metrics_notes(reading):
            notes.setdefault((trial.arm, about), f"Metrics of arm {trial.arm}: {note}.")
    shown = tuple(notes.values())[:_MAX_NOTES]
    more = len(notes) - len(shown)
    return (*shown, f"Of the metrics there are {more} more notes.") if more else shown


def _proof_notes(proof: Mapping[str, str]) -> Iterator[str]:
    """How far the proof goes that the arms differed as they were to."""
    if proof:
        known = "; ".join(f"{role} by {how}" for role, how in proof.items() if how != _NO_PROOF)
        unknown = ", ".join(role for role, how in proof.items() if how == _NO_PROOF)
        if known:
            yield f"That the arms ran with their settings is shown of {known}."
        if unknown:
            yield f"Nothing shows which settings {unknown} ran with."


def _metrics_notes(reading: MetricsReading) -> Iterator[tuple[str, str]]:
    if reading.problem and reading.scrapes < _MIN_SCRAPES:
        yield (
            "page",
            f"{reading.problem}. {_UNCHECKED}",
        )
    elif reading.problem:
        yield "page", f"some scrapes failed: {reading.problem}"
    for note in reading.notes:
        yield note, note
    for series, reason in reading.unread.items():
        # a series without a type that falls may be a gauge; a spoiled line has its note already
        typed = find_role(Selector.parse(series).metric, reading.types) != "untyped"
        if typed and reason not in reading.notes:
            yield series, f"{series} was not read: {reason}"


def _gate_table(trials: RunTrials) -> Table:
    """The worst figure of each gate, the limit of the plan, and the blocks that it voided."""
    is_soak = isinstance(trials.hypothesis.kind, SoakTest)
    known = {each.name: each for each in gates.gates_of(trials.margins.gates, is_soak=is_soak)}
    faults = [(trial, fault) for trial in trials.all for fault in trial.faults]
    checked = [gate for trial in trials.all for gate in trial.gates]
    if any(trial.service.requests for trial in trials.all):
        checked += [gate for gate in _OPTIONAL if not (is_soak and gate == "littles_law")]
    rows = []
    for name in dict.fromkeys([*checked, *(fault.gate for _, fault in faults)]):
        gate = known.get(name, Gate(name, name, "unknown"))
        form = _figure_format(gate)
        own = [(trial, fault) for trial, fault in faults if fault.gate == name]
        rows.append((name, gate.says, _worst_figure(name, form, trials.all), _voided(own, form)))
    return Table(("gate", "condition", "worst value", "blocks voided"), tuple(rows), "llll")


def _worst_figure(gate: str, form: NumberFormat, trials: Sequence[Trial]) -> str:
    seen = [(trial.gates[gate], trial) for trial in trials if gate in trial.gates]
    if not seen:
        return _NOT_CHECKED
    figure, trial = max(seen, key=lambda pair: pair[0])
    text = form(figure)
    return f"{text} (block {trial.block}, {trial.step})" if figure else text


def _voided(faults: Sequence[tuple[Trial, Fault]], form: NumberFormat) -> str:
    if not faults:
        return "none"
    text = f"{len({trial.block for trial, _ in faults})}"
    limits = [fault.limit for _, fault in faults if fault.limit is not None]
    return f"{text} (limit {low_to_high(form, limits)})" if limits else text


def _figure_format(gate: Gate) -> NumberFormat:
    formats: Mapping[str, NumberFormat] = {
        "s": seconds, "share": percentage, "cores": cores, "": _condition
    }  # fmt: skip
    return formats.get(gate.unit, plain)


def _condition(figure: float) -> str:
    """A gate without a unit is a condition that holds (0) or does not."""
    return "not met" if figure else "met"


def _errors(trials: Sequence[Trial]) -> Table:
    seen: Counter[tuple[str, str]] = Counter()
    for trial in trials:
        for text, count in trial.service.errors.items():
            seen[trial.arm, text] += count
    rows = tuple((arm, text, f"{count:,}") for (arm, text), count in seen.most_common())
    return Table(("arm", "error", "count"), rows, "llr")
