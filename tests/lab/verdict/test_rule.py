from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from lab.decision_margins import BEFORE_SEALED, DecisionMargins
from lab.hypothesis import Bound, Prediction, Rival, load
from lab.reporting.sections.predictions import prediction_results
from lab.stats.confidence_interval import t_interval
from lab.stats.latency_histogram import Histogram
from lab.stats.sequential_looks import nominal_level
from lab.trials.trial import ArrivalSecond, Fault, LoadEvidence, Requests, StageRecord, Trial
from lab.verdict.record import Verdict
from lab.verdict.rule import judge
from tests.lab.builders import ORDERS, PROJECT, SHIPPED, altered, blocks, claim, plan, ratio
from tests.oracles.simulation import decision_rates

RIVAL = Rival("pricing is too narrow", ratio(1.2, "more-pricing / narrow", "pricing helps"))
KNEE = load(PROJECT / "hypotheses" / "pool-knee.md", PROJECT)
QUIET = [100.0, 101.0, 99.0, 100.0]
FOUR = [400.0, 402.0, 398.0, 401.0]


def test_confirmed_if_predictions_hold_and_the_rival_is_contradicted() -> None:
    hypothesis = claim(ratio(2.5), rivals=[RIVAL])
    verdict = judge(hypothesis, plan(), blocks({"narrow": QUIET, "wide": FOUR}))
    assert verdict.verdict == "CONFIRMED"
    assert verdict.predictions[0].outcome == "supported"
    assert verdict.predictions[0].estimate == pytest.approx(4.0, rel=0.02)
    assert verdict.rivals[0].outcome == "contradicted"
    assert verdict.predictions[0].decided_at == 4


def test_refuted_names_the_prediction_that_failed() -> None:
    hypothesis = claim(ratio(2.5, says="wide helps"), rivals=[RIVAL])
    verdict = judge(hypothesis, plan(), blocks({"narrow": QUIET, "wide": QUIET[::-1]}))
    assert verdict.verdict == "REFUTED"
    assert "wide helps" in verdict.reasons[0]


def test_no_decision_before_the_first_look() -> None:
    hypothesis = claim(ratio(2.5), rivals=[RIVAL])
    verdict = judge(hypothesis, plan(), blocks({"narrow": QUIET[:3], "wide": FOUR[:3]}))
    assert verdict.verdict is None
    assert verdict.predictions[0].outcome == "undecided"
    assert verdict.predictions[0].estimate is not None


def test_noise_is_inconclusive_and_states_how_many_blocks_it_would_take() -> None:
    wild = [100.0, 400.0, 150.0, 700.0] * 3
    hypothesis = claim(ratio(1.8), rivals=[RIVAL])
    verdict = judge(hypothesis, plan(), blocks({"narrow": QUIET * 3, "wide": wild}))
    assert verdict.verdict == "INCONCLUSIVE"
    assert "All blocks were used after 12 blocks" in verdict.reasons[0]
    assert (verdict.predictions[0].blocks_wanted or 0) > 12


def test_a_run_without_time_left_is_inconclusive() -> None:
    hypothesis = claim(ratio(2.5), rivals=[RIVAL])
    trials = blocks({"narrow": QUIET[:3], "wide": FOUR[:3]})
    verdict = judge(hypothesis, plan(), trials, out_of_time=True)
    assert verdict.verdict == "INCONCLUSIVE"
    assert verdict.reasons[0].startswith("The budget ended after 3 blocks")


def test_a_supported_rival_forbids_confirmation() -> None:
    hypothesis = claim(ratio(2.5), rivals=[RIVAL])
    rates = {"narrow": QUIET, "wide": FOUR, "more-pricing": [150.0, 151.0, 149.0, 150.0]}
    verdict = judge(hypothesis, plan(), blocks(rates))
    assert verdict.verdict == "INCONCLUSIVE"
    assert "pricing is too narrow" in verdict.reasons[0]


def test_what_is_decided_stays_decided() -> None:
    later = [*FOUR, 10.0, 2000.0, 10.0, 2000.0]
    hypothesis = claim(ratio(2.5), rivals=[RIVAL])
    verdict = judge(hypothesis, plan(), blocks({"narrow": QUIET * 2, "wide": later}))
    assert verdict.predictions[0].outcome == "supported"
    assert verdict.predictions[0].decided_at == 4


def test_refuting_one_of_several_takes_more_evidence_than_refuting_the_only_one() -> None:
    # Holm's first step: alpha / k. The same data, k = 1 and k = 3.
    near = [104.0, 92.0, 101.0, 94.0]
    logs = [math.log(b / a) for b, a in zip(near, QUIET, strict=True)]
    highs = [math.exp(t_interval(logs, nominal_level(a, 4, 12)).high) for a in (0.01, 0.01 / 3)]
    assert highs[0] < highs[1]
    failing = ratio(sum(highs) / 2, says="wide helps")
    easy = Prediction("waits", "pool_wait_share", Bound(at_least=0.1), arm="narrow")
    more = replace(easy, says="waits much", bound=Bound(at_least=0.2))
    alone = judge(claim(failing, rivals=[RIVAL]), plan(), blocks({"narrow": QUIET, "wide": near}))
    among = judge(
        claim(failing, easy, more, rivals=[RIVAL]), plan(), blocks({"narrow": QUIET, "wide": near})
    )
    assert (alone.verdict, among.verdict) == ("REFUTED", None)


def test_a_faulty_trial_voids_its_block_and_only_that() -> None:
    trials = blocks({"narrow": [*QUIET, 100.0], "wide": [*FOUR, 400.0]})
    trials[4] = replace(trials[4], faults=(Fault("other_cpu", "busy"),))
    hypothesis = claim(ratio(2.5), rivals=[RIVAL])
    verdict = judge(hypothesis, plan(), trials)
    assert (verdict.blocks, verdict.voided, verdict.verdict) == (4, 1, "CONFIRMED")


def test_too_many_voided_blocks_make_the_run_invalid_most_common_reason_first() -> None:
    trials = blocks({"narrow": QUIET * 2, "wide": FOUR * 2})
    gates = ["errors", "other_cpu", "other_cpu", "other_cpu", "steal"]
    for index, gate in enumerate(gates):
        place = index * len(SHIPPED.arms)
        trials[place] = replace(trials[place], faults=(Fault(gate, f"because of {gate}"),))
    verdict = judge(claim(ratio(2.5), rivals=[RIVAL]), plan(), trials)
    assert verdict.verdict == "INVALID"
    assert verdict.reasons[0] == "because of other_cpu"


def test_a_final_fault_makes_the_run_invalid_at_once() -> None:
    trials = blocks({"narrow": QUIET, "wide": FOUR})
    trials[0] = replace(trials[0], faults=(Fault("alive", "it died", retryable=False),))
    verdict = judge(claim(ratio(2.5), rivals=[RIVAL]), plan(), trials)
    assert (verdict.verdict, verdict.reasons) == ("INVALID", ("it died",))


def test_an_unfinished_block_does_not_count() -> None:
    trials = blocks({"narrow": QUIET, "wide": FOUR})[:-1]
    verdict = judge(claim(ratio(2.5), rivals=[RIVAL]), plan(), trials)
    assert (verdict.blocks, verdict.voided, verdict.verdict) == (3, 0, None)


def test_no_evidence_is_neither_a_pass_nor_a_finding() -> None:
    missing = Prediction("too few", "latency_p99.9", Bound(at_most=10.0), arm="narrow")
    verdict = judge(claim(missing, rivals=[RIVAL]), plan(), blocks({"narrow": QUIET}))
    assert verdict.predictions[0].outcome == "undecided"
    assert verdict.predictions[0].estimate is None
    assert verdict.verdict is None


def test_a_value_missing_later_does_not_undo_a_decision() -> None:
    trials = blocks({"narrow": [*QUIET, 100.0], "wide": [*FOUR, 400.0]})
    trials = [altered(t, requests={}) if (t.block, t.arm) == (5, "wide") else t for t in trials]
    verdict = judge(claim(ratio(2.5), rivals=[RIVAL]), plan(), trials)
    assert (verdict.predictions[0].outcome, verdict.predictions[0].decided_at) == ("supported", 4)


def test_equal_blocks_decide_once_they_are_equal_by_more_than_chance() -> None:
    hypothesis = claim(ratio(2.5), rivals=[RIVAL])

    def judged(count: int) -> Verdict:
        trials = blocks({"narrow": [100.0] * count, "wide": [400.0] * count})
        return judge(hypothesis, plan(), trials, out_of_time=True)

    few = judged(4)
    assert few.verdict == "INCONCLUSIVE"
    assert few.reasons[0] == ("The budget ended after 4 blocks; about 5 more would likely decide.")
    for each in (*few.predictions, *few.rivals):
        assert (each.outcome, each.low, each.high, each.blocks_wanted) == (
            "undecided", None, None, 9
        )  # fmt: skip
    assert few.predictions[0].estimate == pytest.approx(4.0)
    enough = judged(9)
    assert enough.verdict == "CONFIRMED"
    assert [each.decided_at for each in (*enough.predictions, *enough.rivals)] == [9, 9]


def test_equal_blocks_contradict_one_of_eight_predictions_at_the_last_look() -> None:
    others = [replace(ratio(2.5), says=f"claim {number}") for number in range(7)]
    false = replace(ratio(9.0), says="nine times")

    def judged(count: int) -> Verdict:
        trials = blocks({"narrow": [100.0] * count, "wide": [400.0] * count})
        hypothesis = claim(false, *others, rivals=[RIVAL])
        return judge(hypothesis, plan(), trials, out_of_time=True)

    assert judged(4).predictions[0].blocks_wanted == 12
    assert judged(12).verdict == "REFUTED"
    assert judged(12).predictions[0].decided_at == 12


def test_no_error_in_a_few_requests_does_not_support_a_low_error_rate() -> None:
    """Each block has 400 requests: the upper end of none in n blocks is 6.1 / (400 n)."""
    few = Prediction("few fail", "error_rate", Bound(at_most=0.002), arm="wide")
    trials = blocks({"narrow": [100.0] * 12})
    found = judge(claim(few, rivals=[RIVAL]), plan(), trials).predictions[0]
    assert (found.outcome, found.decided_at) == ("supported", 8)
    assert found.low == 0 and found.high is not None and 0 < found.high < 0.002


def test_a_recovery_in_whole_seconds_is_not_equal_to_a_bound_of_whole_seconds() -> None:
    """All blocks recover in the second that begins at 5 s: some time before 6 s."""
    seen = Histogram()
    seen.add_many([0.01] * 100)
    requests = {ORDERS: Requests(100, 0, seen)}
    slow, calm = [ArrivalSecond(1.0, 0.5)] * 5, [ArrivalSecond(1.0, 0.01)] * 4
    stages = (
        StageRecord("calm", 1.0, requests, (ArrivalSecond(1.0, 0.01),)),
        StageRecord("spike", 1.0, requests, (ArrivalSecond(1.0, 0.5),)),
        StageRecord("after", 9.0, requests, (*slow, *calm)),
    )
    trials = [altered(trial, stages=stages) for trial in blocks({"wide": [400.0] * 12})]

    def judged(at_most: float) -> tuple[str, int | None]:
        bound = Bound(at_most=at_most)
        asked = Prediction("it recovers", "recovery", bound, arm="wide", during="spike")
        found = judge(claim(asked, rivals=[RIVAL]), plan(), trials).predictions[0]
        return found.outcome, found.decided_at

    assert judged(5.0) == ("undecided", None)
    assert judged(6.5) == ("supported", 9)


def test_the_published_error_rates_are_those_of_this_rule() -> None:
    """The vectorised rule of the simulations and the verdict decide alike, run by run."""
    generator = np.random.default_rng(4)
    level = nominal_level(0.01, 4, 12)
    for shift in (-0.1, 0.0, 0.1):
        for row in generator.normal(shift, 0.1, size=(10, 12)):
            rates = {"narrow": [1000.0] * 12, "wide": [round(4000 * math.exp(d)) / 4 for d in row]}
            exact = np.log(np.array(rates["wide"]) / 1000.0)
            verdict = judge(claim(ratio(1.0), rivals=[RIVAL]), plan(), blocks(rates))
            found = decision_rates(exact[np.newaxis], 0.0, level, 4, 12)
            outcome = {(1, 0): "supported", (0, 1): "contradicted", (0, 0): "undecided"}
            expected = outcome[int(found.supported), int(found.contradicted)]
            assert verdict.predictions[0].outcome == expected


def test_equivalence_is_supported_inside_and_contradicted_outside() -> None:
    same = replace(ratio(1.0), bound=Bound(within=(0.9, 1.1)))
    rates = {"narrow": QUIET, "wide": [100.0, 100.0, 101.0, 99.0]}
    supported = judge(claim(same, rivals=[RIVAL]), plan(), blocks(rates))
    assert supported.predictions[0].outcome == "supported"
    contradicted = judge(
        claim(same, rivals=[RIVAL]), plan(), blocks({"narrow": QUIET, "wide": FOUR})
    )
    assert contradicted.predictions[0].outcome == "contradicted"


POOL = {users: min(users / 0.41, 31.25) for users in (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)}
RISE_AND_FALL = {n: 2.44 * n / (1 + 0.05 * (n - 1) + 0.95 / 256 * n * (n - 1)) for n in POOL}


def swept(curve: dict[float, float], count: int) -> list[Trial]:
    """Blocks of a sweep of pool-knee's only arm; the closed law gives the latencies."""
    made = []
    for block in range(1, count + 1):
        for users, rate in curve.items():
            rate *= 1 + 0.01 * math.sin(7 * block + users)
            latency = Histogram()
            latency.add_many([max(users / rate - 0.25, 0.16)] * round(rate * 100))
            requests = {ORDERS: Requests(round(rate * 100), 0, latency)}
            held = {"db_pool_hold_seconds_sum": 490.0 + block}
            made.append(
                Trial(block, 1, "five", 0.0, 100.0, users, evidence=LoadEvidence(requests, held))
            )
    return made


def test_a_sweep_is_judged_as_a_whole_and_at_its_levels() -> None:
    verdict = judge(KNEE, plan(KNEE), swept(POOL, 5))
    assert verdict.verdict == "CONFIRMED"
    capacity, knee, held = verdict.predictions
    assert capacity.estimate == pytest.approx(31.25, rel=0.02)
    assert knee.estimate == pytest.approx(12.8, rel=0.03)
    assert (held.subject, held.estimate) == ("five at 64", pytest.approx(4.93))


def test_no_peak_contradicts_a_peak_once_enough_blocks_show_none() -> None:
    four = judge(KNEE, plan(KNEE), swept(POOL, 4))
    assert four.verdict is None
    assert [j.outcome for j in four.predictions] == ["supported"] * 3
    assert four.rivals[0].outcome == "undecided"
    (rival,) = judge(KNEE, plan(KNEE), swept(POOL, 5)).rivals
    assert (rival.outcome, rival.decided_at) == ("contradicted", 5)
    assert (rival.estimate, rival.low, rival.high) == (None, pytest.approx(64 / 1.5), None)


def test_a_slow_fall_behind_a_corner_leaves_a_peak_undecided() -> None:
    """It was taken for the absence of a peak, so that the claim was confirmed."""
    decline = POOL | {32.0: 30.0, 64.0: 28.75}
    verdict = judge(KNEE, plan(KNEE), swept(decline, 12))
    assert verdict.verdict == "INCONCLUSIVE"
    assert [j.outcome for j in verdict.predictions] == ["supported"] * 3
    assert verdict.rivals[0].outcome == "undecided"
    earlier = replace(plan(KNEE), margins=DecisionMargins(sweep=BEFORE_SEALED.sweep))
    (rival,) = judge(KNEE, earlier, swept(decline, 5)).rivals
    assert rival.outcome == "contradicted", "as it was judged"


def test_no_peak_supports_a_lower_bound_of_a_peak() -> None:
    beyond = Prediction("it never falls", "peak", Bound(at_least=40), arm="five")
    hypothesis = replace(KNEE, predictions=(beyond,), rivals=())
    found = judge(hypothesis, plan(hypothesis), swept(POOL, 5)).predictions[0]
    assert found.outcome == "supported"
    found = judge(hypothesis, plan(hypothesis), swept(RISE_AND_FALL, 5)).predictions[0]
    assert found.outcome == "contradicted"
    assert found.estimate == pytest.approx(16, rel=0.1)


def test_a_peak_supports_its_rival() -> None:
    verdict = judge(KNEE, plan(KNEE), swept(RISE_AND_FALL, 5))
    assert verdict.rivals[0].outcome == "supported"
    assert verdict.verdict == "REFUTED"


def test_a_sweep_that_never_levels_off_has_no_evidence_of_a_knee() -> None:
    linear = {users: users / 0.41 for users in POOL}
    verdict = judge(KNEE, plan(KNEE), swept(linear, 12))
    assert verdict.verdict == "INCONCLUSIVE"
    assert "no evidence (knee of five)" in " ".join(verdict.reasons)


def test_a_recovery_that_did_not_end_in_the_window_supports_no_upper_bound() -> None:
    seen = Histogram()
    seen.add_many([0.01] * 100)
    requests = {ORDERS: Requests(100, 0, seen)}

    def stages(*medians: float) -> tuple[StageRecord, ...]:
        return (
            StageRecord("calm", 1.0, requests, (ArrivalSecond(1.0, 0.01),)),
            StageRecord("spike", 1.0, requests, (ArrivalSecond(1.0, 0.5),)),
            StageRecord(
                "after", 9.0, requests, tuple(ArrivalSecond(1.0, median) for median in medians)
            ),
        )

    soon, never = stages(0.5, *[0.01] * 8), stages(*[0.5] * 9)
    recovery = Prediction("it recovers", "recovery", Bound(at_most=4.0), arm="wide", during="spike")

    asked = claim(recovery, rivals=[RIVAL])

    def verdict(*blocks_of: tuple[StageRecord, ...]) -> Verdict:
        trials = [
            altered(trial, stages=blocks_of[trial.block - 1])
            for trial in blocks({"wide": FOUR[:1] * len(blocks_of)})
        ]
        return judge(asked, plan(), trials)

    def judged(*blocks_of: tuple[StageRecord, ...]) -> tuple[str, float | None, float | None]:
        found = verdict(*blocks_of).predictions[0]
        return found.outcome, found.low, found.high

    assert judged(*[soon] * 12)[0] == "supported"
    # a mean with an unknown part has no upper end: four of twelve at nine seconds or more
    outcome, low, high = judged(*[soon, soon, never] * 4)
    assert outcome == "undecided" and low is not None and high is None
    assert judged(*[never] * 12)[0] == "contradicted"
    refuted = verdict(*[never] * 12)
    assert "recovery of wide during spike is at least 9, predicted" in refuted.reasons[0]
    ((result,), _) = prediction_results(asked, refuted)
    assert (
        result.sentence == "recovery of wide during spike is at least 9 s; predicted: at most 4 s"
    )
    ((result,), _) = prediction_results(asked, verdict(*[soon] * 12))
    assert result.observed == "recovery of wide during spike is 1 s (1 to 2 s)"
