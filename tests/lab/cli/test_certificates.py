"""What a certificate says, how it is kept, and that the forecast uses it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.cli.certificates import Certificate, certificate_of, certify, keep, workload_of
from lab.cli.commands.certify import command
from lab.cli.comparison_text import Workload, hypothesis_text, statements
from lab.cli.run_forecast import UNKNOWN, forecast_lines
from lab.cli.run_preparation import PreparedRun
from lab.errors import MeasurementError
from lab.hypothesis import Benchmark, ClosedLoad, Hypothesis, LoadTest, loads
from lab.machine.conditions import observe, this_machine
from lab.runs.run_folder import RunFolder
from lab.system import (
    Command,
    ComposeSpec,
    PostgresSpec,
    ProcessSpec,
    Stop,
    System,
    Template,
    UrlSpec,
)
from lab.trials.plan import Plan, PlannedWorkers, draw
from tests.lab.builders import trial
from tests.runs import ROOT, copy_project

RATES = [100.0, 104.0, 98.0, 101.0, 97.0, 103.0]
OTHER = [101.0, 102.0, 99.0, 100.0, 99.0, 102.0]
WORKLOAD = Workload("scenarios/checkout.py", False)
SYSTEM = System()
HERE = this_machine()


def equal_arms(users: int = 4, bound: float = 1.0) -> Hypothesis:
    text = hypothesis_text(
        replace(WORKLOAD, users=users),
        "?",
        "!",
        {"one": "{}", "other": "{}"},
        statements(WORKLOAD, bound, 1 / bound),
        prose="",
        rivals=[
            "{claim: not alike, says: so, measure: rss_bytes, compare: other / one, at_least: 2}"
        ],
    )
    return loads(text, Path("certify-checkout.md"), ROOT)


def measured(reports: Path, hypothesis: Hypothesis, plan: Plan, blocks: int = 6) -> RunFolder:
    run_folder = RunFolder.create(reports, hypothesis.name)
    run_folder.write_plan(plan, hypothesis.text)
    run_folder.write_json("conditions.json", observe(ROOT))
    run_folder.add_journal("session began", elapsed_s=0.0)
    for block in range(1, blocks + 1):
        run_folder.add_trial(trial("one", RATES[block - 1], block))
        run_folder.add_trial(trial("other", OTHER[block - 1], block))
        run_folder.add_journal("block", block=block, elapsed_s=5.0 + 20.0 * block)
    return run_folder


def certified(reports: Path, blocks: int = 6) -> Certificate:
    hypothesis = equal_arms()
    plan = draw(hypothesis, 1, "local")
    return certify(measured(reports, hypothesis, plan, blocks), hypothesis, plan, SYSTEM)


def planned(hypothesis: Hypothesis, **changes: Any) -> Plan:
    return replace(draw(hypothesis, 1, "local"), **changes)


def workload(
    hypothesis: Hypothesis, system: System = SYSTEM, cores: int | None = None, **changes: Any
) -> str:
    conditions = {} if cores is None else {"target": {"cores": list(range(cores))}}
    return workload_of(hypothesis, planned(hypothesis, **changes), system, conditions)


def test_it_has_noise_false_alarms_and_the_smallest_effect_of_each_measure(tmp_path: Path) -> None:
    found = certified(tmp_path)
    assert list(found.measures) == ["latency_mean", "throughput"]
    throughput = found.measures["throughput"]
    assert throughput.noise.blocks == 6
    assert 0.01 < throughput.noise.deviation < 0.03
    assert throughput.noise.deviation < throughput.smallest < 4 * throughput.noise.deviation
    assert 0 <= throughput.false_alarms < 0.1
    assert found.last == 12, "600 s hold more blocks of 20 s"
    assert "throughput: standard deviation from block to block" in found.lines()[1]


def test_too_short_a_run_certifies_nothing(tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match=r"3 blocks were measured, and 4 .*--budget"):
        certified(tmp_path, blocks=3)


def test_it_is_kept_for_its_machine_and_its_workload(tmp_path: Path) -> None:
    found = certified(tmp_path / "reports")
    here = observe(ROOT)

    def kept(
        hypothesis: Hypothesis, machine: dict[str, Any] = here, **changes: Any
    ) -> Certificate | None:
        plan = planned(hypothesis, **changes)
        return certificate_of(tmp_path, hypothesis, plan, SYSTEM, machine)

    assert kept(equal_arms()) is None
    assert not (tmp_path / ".lab").exists(), "looking leaves nothing"
    keep(found, tmp_path)
    assert kept(equal_arms(bound=1.2)) == found
    assert kept(equal_arms(users=5)) is None
    assert kept(equal_arms(bound=2.0)) is None, "the processes are kept"
    assert kept(equal_arms(), workers=PlannedWorkers(2)) is None
    assert kept(equal_arms(), {**here, "cores": 99}) is None
    assert kept(equal_arms(), {**here, "target": {"cores": [1]}}) is None
    assert workload(equal_arms()) == found.workload


def test_what_noise_depends_on_makes_another_workload(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAB_DATABASE_URL", raising=False)
    equal = equal_arms()
    assert isinstance(equal.kind, LoadTest)
    whole = replace(equal.kind, load=ClosedLoad(4, slice_s=math.inf))
    benchmark = replace(equal, kind=Benchmark("median", 1.0, 60.0))
    with_database = replace(equal, kind=Benchmark("median", 1.0, 60.0, database=True))
    staging, production = (System(url=UrlSpec(f"http://{host}")) for host in ("a", "b"))
    web = ProcessSpec("web", Command("python app.py", (), 2))
    service = System((web,), "web")
    found = [
        workload(equal),
        workload(replace(equal, kind=whole)),
        workload(replace(equal, scenario_digest="sha256:edited")),
        workload(replace(equal, passed=("TENANT",))),
        workload(replace(equal, arms={"one": {"SIZE": "5"}, "other": {"SIZE": "5"}})),
        workload(replace(equal, arms={"one": {"SIZE": "5"}, "other": {"SIZE": "9"}})),
        workload(equal, processes="kept"),
        workload(equal, target="compose"),
        workload(equal, cores=1),
        workload(equal, cores=3),
        workload(equal, staging, target="url"),
        workload(equal, production, target="url"),
        workload(benchmark),
        workload(with_database),
        workload(with_database, databases="kept"),
        *(
            workload(equal, each)
            for each in (
                service,
                replace(service, processes=(web, replace(web, name="other"))),
                replace(service, processes=(replace(web, command=Command("./serve", (), 2)),)),
                replace(service, processes=(replace(web, env={"MODE": Template("fast")}),)),
                replace(service, loaded="other"),
                replace(service, postgres=PostgresSpec()),
                replace(service, postgres=PostgresSpec(prepare=Command("./fill", (), 9))),
                replace(service, postgres=PostgresSpec(reset="reset.sql")),
            )
        ),
        *(
            workload(equal, System(compose=ComposeSpec(*each)), target="compose")
            for each in (("a.yml", "web", 80), ("b.yml", "web", 80), ("a.yml", "api", 80))
        ),
    ]
    for url in ("postgresql://a/x", "postgresql://b/x", "postgresql:///x?host=a&port=9"):
        monkeypatch.setenv("LAB_DATABASE_URL", url)
        found += [
            workload(with_database),
            workload(equal, replace(service, postgres=PostgresSpec())),
        ]
    assert len(set(found)) == len(found)


def test_a_service_is_that_of_lab_toml_whatever_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_DATABASE_URL", "postgresql://one:secret@db/shop")
    equal = equal_arms()
    web = ProcessSpec("web", Command("python app.py", (), 2))
    system = System((web,), "web", PostgresSpec())
    first = workload(equal, system)
    moved = replace(web, command=replace(web.command, line=9), stop=Stop(patience_s=9.0))
    assert workload(equal, replace(system, processes=(moved,))) == first
    monkeypatch.setenv("LAB_DATABASE_URL", "postgresql://other@db/shop")
    assert workload(equal, system) == first
    assert "secret" not in first and "app.py" not in first


def test_a_report_says_with_how_many_blocks_the_smallest_effect_was_found(tmp_path: Path) -> None:
    found = certified(tmp_path).conditions()
    assert found["smallest effect with"] == "12 blocks (about 4.1 min)"


def test_revisions_without_settings_are_the_workload_of_equal_arms() -> None:
    equal = equal_arms()
    compared = replace(
        equal,
        arms={"before": {}, "after": {}},
        revisions={"before": "main", "after": "HEAD"},
    )
    assert workload(compared) == workload(equal)


def test_other_numbers_of_launches_are_another_workload() -> None:
    equal = equal_arms()
    once, twice = ([n * order for order in planned(equal).orders] for n in (1, 2))
    assert workload(equal, orders=tuple(once)) == workload(equal)
    assert workload(equal, orders=tuple(twice)) != workload(equal)


def test_a_torn_certificate_is_none(tmp_path: Path) -> None:
    file = keep(certified(tmp_path / "reports"), tmp_path)
    file.write_text("{")
    hypothesis = equal_arms()
    plan = planned(hypothesis)
    assert certificate_of(tmp_path, hypothesis, plan, SYSTEM, observe(ROOT)) is None


def test_the_forecast_uses_it_if_there_is_no_earlier_run(tmp_path: Path) -> None:
    found = certified(tmp_path / "reports")
    hypothesis = equal_arms(bound=1.05)
    plan = draw(hypothesis, 1, "local")
    assert forecast_lines(hypothesis, plan, tmp_path, HERE) == [UNKNOWN]
    latency, throughput = forecast_lines(hypothesis, plan, tmp_path, HERE, found)[:2]
    assert f"(6 blocks of lab certify, run {found.run})" in latency
    assert throughput.startswith("throughput other / one, predicted")


def test_a_block_of_more_arms_takes_longer_than_that_of_two(tmp_path: Path) -> None:
    found = certified(tmp_path / "reports")  # a start of 5 s, and 20 s for each block
    two = equal_arms(bound=1.05)
    three = replace(two, arms={"one": {}, "other": {}, "third": {}})
    for hypothesis, minutes in ((two, "4.1"), (three, "6.1")):
        line, *_ = forecast_lines(hypothesis, planned(hypothesis), tmp_path, HERE, found)
        assert f"12 blocks (about {minutes} min), as many as plan and budget" in line


@pytest.mark.parametrize("verdict", ["INCONCLUSIVE", "CONFIRMED", "REFUTED"])
def test_a_run_that_calls_equal_arms_different_is_not_kept(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    verdict: str,
) -> None:
    def execute(prepared: PreparedRun, *_: object) -> tuple[SimpleNamespace, RunFolder]:
        reports = prepared.project.reports
        return SimpleNamespace(verdict=verdict), measured(
            reports, prepared.hypothesis, prepared.plan
        )

    project = copy_project(tmp_path)
    monkeypatch.chdir(project)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.setattr("lab.cli.run_execution.execute", execute)
    if verdict == "INCONCLUSIVE":
        command(scenario=WORKLOAD.file)
    else:
        with pytest.raises(MeasurementError, match=r"too little, and is not kept. Start lab cert"):
            command(scenario=WORKLOAD.file)
    assert "throughput: standard deviation from block to block" in capsys.readouterr().out
    kept = list((project / ".lab").glob("certificates/*.json"))
    assert len(kept) == (verdict == "INCONCLUSIVE")
