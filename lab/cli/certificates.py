"""What `lab certify` found of a workload on a machine: its noise, and what can be decided there."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.cli.run_forecast import Timing, block_timing, ends_of_blocks, smallest_effect, tails
from lab.errors import MeasurementError
from lab.files.json_files import write_whole
from lab.files.project_folder import KEPT, kept_folder
from lab.hypothesis import Benchmark, Hypothesis, LoadTest
from lab.machine.conditions import machine_name, target_conditions
from lab.measures.number_format import percentage
from lab.targets.postgres_databases import server_address, users_server_url
from lab.trials.block_grouping import group_trials
from lab.trials.process_lifetime import URL

if TYPE_CHECKING:
    from lab.analysis.block_noise import BlockNoise
    from lab.runs.run_folder import RunFolder
    from lab.system import ComposeSpec, System
    from lab.trials.plan import Plan

_FOLDER = "certificates"
_ARMS = 2  # that a certificate compares, equal ones


@dataclass(frozen=True)
class Certified:
    """What was found of one measure.

    Attributes:
        noise: Of the log ratio of two equal arms, from block to block.
        smallest: The effect that as many blocks as fit likely decide, beyond a bound.
        false_alarms: The share of exchanges of labels that yield a difference at bound 1.00.
    """

    noise: BlockNoise
    smallest: float
    false_alarms: float


@dataclass(frozen=True)
class Certificate:
    """The noise of a workload on a machine.

    Attributes:
        machine: Its name.
        workload: See `workload_of`.
        run: The folder of the run that measured it, NAME/RUN.
        timing: How long a start and a block of its arms take.
        last: As many blocks as plan and budget allowed.
        measures: By the names of measures.
    """

    machine: str
    workload: str
    run: str
    timing: Timing
    last: int
    measures: Mapping[str, Certified]

    @property
    def source(self) -> str:
        """Where its figures are from, in words."""
        return f"lab certify, run {self.run}"

    def timing_of(self, hypothesis: Hypothesis) -> Timing:
        """How long a start and a block take of a hypothesis of this workload, with all its arms."""
        steps = len(hypothesis.steps)
        return Timing(self.timing.start_s, self.timing.block_s * steps / _ARMS)

    def lines(self) -> list[str]:
        """It in words."""
        return [
            f"{measure}: standard deviation from block to block "
            f"{percentage(each.noise.deviation)} ({each.noise.blocks} blocks); {self.last} blocks "
            f"(about {self.timing.minutes(self.last)}) likely decide an effect "
            f"{percentage(each.smallest)} or more from the bound; with labels exchanged, "
            f"{percentage(each.false_alarms)} of the runs find a difference at bound 1.00"
            for measure, each in self.measures.items()
        ]

    def conditions(self) -> dict[str, Any]:
        """It as a report cites it."""
        return {
            "run": self.run,
            "smallest effect with": f"{self.last} blocks (about {self.timing.minutes(self.last)})",
            "smallest effect": {name: percentage(m.smallest) for name, m in self.measures.items()},
            "false alarms": {name: percentage(m.false_alarms) for name, m in self.measures.items()},
        }


def workload_of(
    hypothesis: Hypothesis, plan: Plan, system: System, conditions: Mapping[str, Any]
) -> str:
    """What noise depends on beside the machine, as JSON.

    Scenario, load and workers, the settings of the arms (those of equal arms once), where they run,
    on how many cores by the conditions of the run, what is started there, what they get anew
    before each block, and how often a benchmark is launched in one.
    """
    of_the_run = ("budget_s", "processes")  # the plan says whether processes are fresh
    kind = {key: value for key, value in asdict(hypothesis.kind).items() if key not in of_the_run}
    settings = {json.dumps(dict(each), sort_keys=True) for each in hypothesis.arms.values()}
    url = system.url.base if plan.target == URL and system.url else None
    measured = {
        "scenario": hypothesis.scenario,
        "digest": hypothesis.scenario_digest,
        "pass": sorted(hypothesis.passed),
        "kind": hypothesis.kind.name,
        **kind,
        "launches": plan.trials_of_each_step,
        "workers": None if plan.workers is None else asdict(plan.workers),
        "settings": sorted(settings),
        "target": plan.target,
        "url": url,
        "target cores": target_conditions(conditions).cores,
        "processes": plan.processes,
        "databases": plan.databases,
        **_started(hypothesis, plan, system),
    }
    return json.dumps(measured, sort_keys=True)


def _started(hypothesis: Hypothesis, plan: Plan, system: System) -> dict[str, Any]:
    """What is started for a workload, by `lab.toml`, and the user's own server that it uses.

    As a digest, since values of environment variables may be secrets.
    """
    if plan.target == URL:
        reset = None if system.url is None else system.url.reset
        return {} if reset is None else {"system": _digest(reset.written)}
    if plan.target == "compose":
        return {"system": _digest(system.compose and _in_containers(system.compose))}
    server = users_server_url()
    used: dict[str, Any] = {} if server is None else {"database server": server_address(server)}
    if isinstance(hypothesis.kind, Benchmark):
        return used if hypothesis.kind.database else {}
    postgres = system.postgres
    prepare = None if postgres is None else postgres.prepare
    described = {
        "loaded": system.loaded,
        "processes": [
            [each.name, each.command.written, {name: env.written for name, env in each.env.items()}]
            for each in system.processes
        ],
        "postgres": postgres and [prepare and prepare.written, postgres.reset],
    }
    if system.reset is not None:
        described["reset"] = system.reset.written
    return {"system": _digest(described), **({} if postgres is None else used)}


def _in_containers(compose: ComposeSpec) -> dict[str, Any]:
    described = asdict(replace(compose, reset=None))
    del described["reset"]
    return described | ({} if compose.reset is None else {"reset": compose.reset.written})


def _digest(described: Any) -> str:
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def certify(
    run_folder: RunFolder, hypothesis: Hypothesis, plan: Plan, system: System
) -> Certificate:
    """Compute the certificate of a finished run of two equal arms of a system.

    Raises:
        MeasurementError: It has too few blocks, or a measure has no value.
    """
    from lab.analysis.block_noise import block_log_ratios, pool_noise
    from lab.stats.relabelling import false_alarm_rate
    from lab.stats.sequential_looks import nominal_level

    assert isinstance(hypothesis.kind, LoadTest | Benchmark)
    blocks = group_trials(run_folder.trials(), plan).complete[: plan.last_look]
    timing = block_timing([ends_of_blocks(run_folder.journal())])
    if len(blocks) < plan.first_look or timing is None:
        raise MeasurementError(
            f"{run_folder.folder}: {len(blocks)} blocks were measured, and {plan.first_look} are "
            "needed to know the noise. Give it more time with --budget"
        )
    last = max(plan.first_look, min(plan.last_look, timing.blocks_within(hypothesis.kind.budget_s)))
    level = nominal_level(plan.alpha, plan.first_look, plan.last_look)
    found = {}
    for prediction in hypothesis.predictions:
        ratios = block_log_ratios(hypothesis, prediction, blocks, plan.margins)
        noise = pool_noise([ratios])
        if noise is None:
            raise MeasurementError(
                f"{run_folder.folder}: {prediction.measure} has no value in some block"
            )
        refute_tail = tails(hypothesis, plan, prediction)[1]
        found[prediction.measure] = Certified(
            noise,
            smallest_effect(plan, last, refute_tail, noise),
            false_alarm_rate(ratios, plan.first_look, level),
        )
    conditions = run_folder.conditions()
    return Certificate(
        machine_name(conditions),
        workload_of(hypothesis, plan, system, conditions),
        f"{plan.hypothesis}/{run_folder.run}",
        timing,
        last,
        found,
    )


def keep(certificate: Certificate, project: Path) -> Path:
    """Write a certificate in the place of an earlier one of this workload and machine."""
    kept_folder(project, _FOLDER)
    file = _file(project, certificate.machine, certificate.workload)
    write_whole(file, json.dumps(asdict(certificate), indent=2) + "\n")
    return file


def certificate_of(
    project: Path,
    hypothesis: Hypothesis,
    plan: Plan,
    system: System,
    conditions: Mapping[str, Any],
) -> Certificate | None:
    """The certificate of what a plan measures under these conditions, if any."""
    from lab.analysis.block_noise import BlockNoise

    workload = workload_of(hypothesis, plan, system, conditions)
    file = _file(project, machine_name(conditions), workload)
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        data = json.loads(file.read_text(encoding="utf-8"))
        measures = {
            name: Certified(BlockNoise(**each["noise"]), each["smallest"], each["false_alarms"])
            for name, each in data["measures"].items()
            if math.isfinite(each["smallest"])
        }
        return Certificate(
            data["machine"],
            data["workload"],
            data["run"],
            Timing(*data["timing"]),
            data["last"],
            measures,
        )
    return None


def _file(project: Path, machine: str, workload: str) -> Path:
    name = hashlib.sha256(f"{machine}\0{workload}".encode()).hexdigest()[:16]
    return project / KEPT / _FOLDER / f"{name}.json"
