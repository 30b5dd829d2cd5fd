"""What a run is likely to decide, from the noise of earlier runs."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lab.analysis.block_noise import BlockNoise
from lab.cli.run_forecast import UNKNOWN, distance_from, forecast_lines
from lab.decision_margins import DecisionMargins, GateLimits
from lab.hypothesis import Bound, Hypothesis, LoadTest, Rival, load
from lab.machine.conditions import observe, this_machine
from lab.runs.run_folder import RunFolder
from lab.stats.decision_forecast import LIKELY, blocks_to_decide
from lab.stats.sequential_looks import nominal_level
from lab.trials.plan import ALPHA
from tests.lab.builders import PROJECT, SHIPPED, blocks, claim, plan, ratio
from tests.oracles.simulation import decision_rates, normal

CLAIM = claim(ratio(2.0), rivals=[Rival("x", ratio(1.2, "more-pricing / narrow"))])
LINE = re.compile(
    r"(?P<what>.*): standard deviation from block to block (?P<deviation>[0-9.]+)% "
    r"\((?P<of>.*?)\); (?P<seen>.*?)(?: \(about (?P<minutes>[0-9.]+) min\))?; "
    r"(?P<last>[0-9]+) blocks \(about (?P<of_last>[0-9.]+) min\), as many as plan and budget "
    r"allow, likely decide an effect (?P<smallest>[0-9.]+)% or more from the bound"
)
HERE = {
    **this_machine(),
    "target": {
        "cores": [1, 2, 3],
        "postgresql_is": "the user's server",
        "postgresql_server": "sha256:1",
    },
}
NARROW = [100.0, 104.0, 98.0, 101.0, 97.0, 103.0]
WIDE = [300.0, 296.0, 303.0, 301.0, 299.0, 298.0]


def recorded(reports: Path, hypothesis: Hypothesis = CLAIM, wide: list[float] = WIDE) -> RunFolder:
    """An earlier run: a start of 5 s, and 20 s for each block."""
    run_folder = RunFolder.create(reports, hypothesis.name)
    run_folder.write_plan(plan(hypothesis), hypothesis.text)
    run_folder.write_json("conditions.json", {**observe(PROJECT), "target": HERE["target"]})
    run_folder.add_journal("session began", elapsed_s=0.0)
    for trial in blocks({"narrow": NARROW, "wide": wide}):
        run_folder.add_trial(trial)
    for block in range(1, len(NARROW) + 1):
        run_folder.add_journal("block", block=block, elapsed_s=5.0 + 20.0 * block)
    return run_folder


def lines(reports: Path, hypothesis: Hypothesis = CLAIM) -> list[str]:
    return forecast_lines(hypothesis, plan(hypothesis), reports, HERE)


def test_without_a_recorded_run_one_line_says_so(tmp_path: Path) -> None:
    assert lines(tmp_path) == [UNKNOWN]


def test_blocks_minutes_and_the_smallest_effect_are_those_of_the_recorded_noise(
    tmp_path: Path,
) -> None:
    """The expected figures come from NumPy and from the simulated rule of the oracle."""
    recorded(tmp_path)
    recorded(tmp_path)
    logs = np.log(np.array(WIDE) / np.array(NARROW))
    deviation, effect = float(logs.std(ddof=1)), float(np.exp(logs.mean()))
    found = LINE.fullmatch(lines(tmp_path)[0])
    assert found is not None
    assert found["what"] == "throughput wide / narrow, predicted at least 2"
    assert float(found["deviation"]) == pytest.approx(100 * deviation, rel=0.005)
    assert found["of"] == "12 blocks of 2 earlier runs"
    assert found["seen"] == f"an effect of {effect:.3g}×, as measured there, likely takes 4 blocks"
    # 5 s until the first block, and 20 s for each: 85 s and 245 s
    assert (found["minutes"], found["last"], found["of_last"]) == ("1.4", "12", "4.1")
    # nine of ten runs are decided at the smallest distance
    distance = math.log1p(float(found["smallest"]) / 100)
    values = normal(np.random.default_rng(5), 20_000, 12, sd=deviation) + distance
    rates = decision_rates(values, 0.0, nominal_level(ALPHA, 4, 12), 4, 12)
    assert rates.supported == pytest.approx(LIKELY, abs=0.015)


def test_a_rival_has_a_line_of_its_own(tmp_path: Path) -> None:
    recorded(tmp_path)
    _, line = lines(tmp_path)
    found = LINE.fullmatch(line)
    assert found is not None
    assert found["what"] == "throughput more-pricing / narrow, predicted at least 1.2"
    assert found["of"] == "6 blocks of 1 earlier run"


def test_a_refutation_among_several_predictions_takes_more(tmp_path: Path) -> None:
    """Each of k predictions is contradicted at alpha / k: the smallest distance grows."""
    alone = claim(ratio(2.0))
    several = claim(ratio(2.0), *(ratio(low) for low in (1.3, 1.35, 1.4, 1.45, 1.5)))
    recorded(tmp_path, alone)
    one, *_ = lines(tmp_path, alone)
    first, *_ = lines(tmp_path, several)
    found = [match["smallest"] for match in map(LINE.fullmatch, (one, first)) if match]
    assert float(found[0]) < float(found[1])


@pytest.mark.parametrize("other", [[201.0, 197.0, 203.0, 202.0, 199.0, 200.0], [200.0] * 6])
def test_an_effect_at_the_bound_is_not_likely_decided(tmp_path: Path, other: list[float]) -> None:
    recorded(tmp_path, wide=other)
    found = LINE.fullmatch(lines(tmp_path)[0])
    assert found is not None
    assert found["seen"].endswith("×, as measured there, is not likely to be decided")
    assert found["minutes"] is None


def test_what_lies_within_buckets_is_not_likely_decided(tmp_path: Path) -> None:
    """The medians are equal in every block, and known to a percent."""
    near = replace(ratio(2.0), measure="latency_p50", bound=Bound(at_most=1.005))
    recorded(tmp_path, claim(near), NARROW)
    found = LINE.fullmatch(lines(tmp_path, claim(near))[0])
    assert found is not None and found["seen"].endswith("is not likely to be decided")
    assert float(found["smallest"]) == pytest.approx(1.0, abs=0.02)


def test_an_effect_between_two_edges_has_to_be_told_from_both(tmp_path: Path) -> None:
    logs = np.log(np.array(WIDE) / np.array(NARROW))
    mean, deviation = float(logs.mean()), float(logs.std(ddof=1))
    bound = Bound(within=(math.exp(mean - 2.0 * deviation), math.exp(mean + 2.1 * deviation)))
    between = claim(replace(ratio(2.0), bound=bound))
    recorded(tmp_path, between)
    blocks_wanted = blocks_to_decide(2.0, 4, 12, nominal_level(ALPHA, 4, 12), 2.1)
    [line] = lines(tmp_path, between)
    assert f"likely takes {blocks_wanted} blocks" in line


def test_equal_blocks_take_as_many_as_are_equal_by_more_than_chance(tmp_path: Path) -> None:
    recorded(tmp_path, wide=NARROW)
    assert "likely takes 9 blocks" in lines(tmp_path)[0]


def test_the_budget_limits_the_blocks(tmp_path: Path) -> None:
    recorded(tmp_path)
    assert isinstance(CLAIM.kind, LoadTest)
    short = replace(CLAIM, kind=replace(CLAIM.kind, budget_s=130.0))
    found = LINE.fullmatch(lines(tmp_path, short)[0])
    assert found is not None
    assert (found["last"], found["of_last"]) == ("6", "2.1")  # 125 s
    shorter = replace(CLAIM, kind=replace(CLAIM.kind, budget_s=60.0))
    assert lines(tmp_path, shorter)[0].endswith("; the budget ends before the first decision")


def test_equal_blocks_decide_whatever_is_not_at_the_bound() -> None:
    noise = BlockNoise(mean=0.0, deviation=0.0, blocks=8, runs=2)
    assert distance_from(noise, Bound(at_least=1.1)) == math.inf
    assert distance_from(noise, Bound(at_least=1.0)) == 0.0
    assert distance_from(noise, Bound(at_least=0.0)) == math.inf
    assert distance_from(replace(noise, deviation=0.1), Bound(within=(math.exp(-0.2), 9.0))) == (
        pytest.approx(2.0)
    )


@pytest.mark.parametrize(
    "what",
    [
        *("claim", "target", "margins", "machine", "version"),
        *("target cores", "database server", "no server recorded", "no target recorded"),
    ],
)
def test_only_comparable_runs_count(tmp_path: Path, what: str) -> None:
    run_folder = recorded(tmp_path)
    sealed = run_folder.plan()
    other = DecisionMargins(gates=GateLimits(max_steal=0.5))
    target = HERE["target"]
    users = {"cores": target["cores"], "postgresql_is": target["postgresql_is"]}
    of_target: dict[str, dict[str, Any]] = {
        "target cores": {**target, "cores": [1]},
        "database server": {**target, "postgresql_server": "sha256:2"},
        "no server recorded": users,
        "no target recorded": {},
    }
    match what:
        case "claim":
            run_folder.write_json("plan.json", replace(sealed, claim_digest="x").as_dict())
        case "target":
            run_folder.write_json("plan.json", replace(sealed, target="compose").as_dict())
        case "margins":
            run_folder.write_json("plan.json", replace(sealed, margins=other).as_dict())
        case "machine":
            run_folder.write_json("conditions.json", run_folder.conditions() | {"cores": 1000})
        case "version":
            run_folder.write_json("plan.json", sealed.as_dict() | {"schema": "lab.plan/99"})
        case _:
            changed = run_folder.conditions() | {"target": of_target[what]}
            run_folder.write_json("conditions.json", changed)
    assert lines(tmp_path) == [UNKNOWN]


def test_what_compares_no_ratio_has_no_forecast(tmp_path: Path) -> None:
    soak = load(PROJECT / "hypotheses" / "memory-leak.md", PROJECT)
    assert forecast_lines(soak, plan(SHIPPED), tmp_path, HERE) == []


def test_runs_whose_processes_were_kept_say_nothing_of_fresh_ones(tmp_path: Path) -> None:
    """Their blocks are shorter, as no arm is restarted, and their noise is another one."""
    recorded(tmp_path, claim(ratio(2.0)))
    assert lines(tmp_path, claim(ratio(2.0))) != [UNKNOWN]
    assert lines(tmp_path, claim(ratio(1.1))) == [UNKNOWN]
