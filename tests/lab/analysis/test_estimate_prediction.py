"""Every kind of prediction is estimated by its own analysis."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from lab.analysis.arm_comparison import mean, mean_share, ratio
from lab.analysis.benchmark_scaling import FactorEstimate
from lab.analysis.block_values import BlockValues, values_together
from lab.analysis.estimate import Estimate, LimitedEstimate, SlopeEstimate
from lab.analysis.estimate_prediction import PredictionEstimator as Decided
from lab.decision_margins import DecisionMargins
from lab.hypothesis import (
    Benchmark,
    Bound,
    Comparison,
    Hypothesis,
    Kind,
    Metric,
    MetricQuantile,
    MetricRate,
    MetricRatio,
    OpenLoad,
    Parameter,
    Prediction,
    SoakTest,
    Stage,
    Step,
)
from lab.stats.binomial_interval import binomial_interval
from lab.stats.latency_histogram import Histogram
from lab.trials.block_grouping import Block
from lab.trials.trial import (
    BenchmarkEvidence,
    Dispatch,
    LoadEvidence,
    LoadSlice,
    Requests,
    Slice,
    SliceRequests,
    Timing,
    Trial,
)
from tests.default_margins import MARGINS, PredictionEstimator, block_values
from tests.lab.builders import ORDERS, SHIPPED, altered, trial
from tests.oracles.soaks import memory_series, soak_blocks

BOUND = Bound(at_least=1.0)
TAIL = 0.01
ENOUGH = 7  # equal blocks: .5 ** 7 < TAIL
SIZES = (1.0, 4.0, 16.0, 64.0)
RATES = [(100.0, 200.0), (110.0, 215.0), (95.0, 200.0)]
BLOCKS = [
    {Step("narrow"): (trial("narrow", narrow),), Step("wide"): (trial("wide", wide),)}
    for narrow, wide in RATES
]
NARROW = [narrow for narrow, _ in RATES]
WIDE = [wide for _, wide in RATES]


def estimated(
    hypothesis: Hypothesis, prediction: Prediction, blocks: Sequence[Block]
) -> Estimate | None:
    return PredictionEstimator(hypothesis, prediction, blocks).estimate(len(blocks), TAIL)


def test_two_arms_are_compared_by_their_ratio() -> None:
    prediction = Prediction("", "throughput", BOUND, compare=Comparison("wide", "narrow"))
    found = estimated(SHIPPED, prediction, BLOCKS)
    assert found == ratio(WIDE, NARROW, TAIL)


def test_one_arm_is_estimated_by_its_mean() -> None:
    prediction = Prediction("", "throughput", BOUND, arm="narrow")
    assert estimated(SHIPPED, prediction, BLOCKS) == mean(NARROW, TAIL)


def test_a_share_is_averaged_as_a_share() -> None:
    prediction = Prediction("", "pool_wait_share", BOUND, arm="narrow")
    found = estimated(SHIPPED, prediction, BLOCKS)
    assert found is not None
    assert found.estimate == pytest.approx(mean_share([0.9, 0.9, 0.9], TAIL).estimate)


RETRIES = (0.80, 0.90, 0.95, 0.99)  # a second, and for each request
RETRY_RATIO = MetricRatio("retries_total", "requests_total")


def estimated_retries(
    name: str, metric: Metric, bound: Bound, margins: DecisionMargins = MARGINS
) -> Estimate | None:
    counters = [{"retries_total": 4.0 * each, "requests_total": 4.0} for each in RETRIES]
    blocks = [{Step("narrow"): (trial("narrow", 100, counters=each),)} for each in counters]
    hypothesis = replace(SHIPPED, measures={name: metric})
    prediction = Prediction("", name, bound, arm="narrow")
    return Decided(hypothesis, prediction, blocks, margins).estimate(len(blocks), TAIL)


@pytest.mark.parametrize("metric", [MetricRate("retries_total"), RETRY_RATIO])
def test_what_may_be_more_than_1_is_averaged_as_it_is(metric: Metric) -> None:
    bound = Bound(at_most=1.0)
    found = estimated_retries("retries", metric, bound)
    assert found == mean(RETRIES, TAIL)
    assert found is not None and not found.meets(bound) and not found.misses(bound)


@pytest.mark.parametrize("metric", [MetricRate("retries_total"), RETRY_RATIO])
def test_a_run_that_was_planned_before_is_judged_as_it_was(metric: Metric) -> None:
    before = replace(DecisionMargins().measures, share_bound=0.0)
    assert estimated_retries(
        "retries", metric, Bound(at_most=1.0), DecisionMargins(measures=before)
    ) == mean_share(RETRIES, TAIL)


@pytest.mark.parametrize(
    ("name", "bound"), [("retries", Bound(at_most=0.5)), ("retry_share", Bound(within=(0.5, 1.0)))]
)
def test_a_ratio_of_one_unit_is_a_share_if_its_bound_or_its_name_says_so(
    name: str, bound: Bound
) -> None:
    assert estimated_retries(name, RETRY_RATIO, bound) == mean_share(RETRIES, TAIL)


def waits(arm: str) -> Trial:
    """A trial of whose waits 90 % are at most 0.1 s, and 99 % at most 0.2 s."""
    counts = {"0.1": 900.0, "0.2": 990.0, "0.5": 1000.0, "+Inf": 1000.0}
    counters = {f'wait_seconds_bucket{{le="{edge}"}}': count for edge, count in counts.items()}
    return altered(trial(arm, 100), counters=counters)


WAIT = replace(SHIPPED, measures={"wait": MetricQuantile("wait_seconds", 0.95)})
SOAK = SoakTest(OpenLoad("constant", (Stage(None, 20.0, 20.0, None),)), pairs=4, length_s=None)


@pytest.mark.parametrize(
    ("bound", "outcome"),
    [
        (Bound(at_most=0.2), "meets"),
        (Bound(at_least=0.2), None),  # it may be the edge itself
        (Bound(at_most=0.15), None),  # whatever is interpolated
        (Bound(at_least=0.19), None),
        (Bound(at_most=0.05), "misses"),
        (Bound(at_least=0.05), "meets"),
    ],
)
def test_a_quantile_of_buckets_may_lie_anywhere_in_its_bucket(
    bound: Bound, outcome: str | None
) -> None:
    blocks = [{Step("narrow"): (waits("narrow"),)} for _ in range(ENOUGH)]
    found = estimated(WAIT, Prediction("", "wait", bound, arm="narrow"), blocks)
    assert isinstance(found, LimitedEstimate)
    assert found.estimate == pytest.approx(0.1 + 0.1 * 50 / 90)
    assert (found.low, found.high) == pytest.approx((0.1, 0.2))
    assert found.meets(bound) == (outcome == "meets")
    assert found.misses(bound) == (outcome == "misses")
    assert not found.is_decidable(0.15) and found.is_decidable(0.21)


@pytest.mark.parametrize("kind", [SHIPPED.kind, SOAK])
def test_a_ratio_of_two_quantiles_of_one_bucket_tells_no_more_than_its_edges(kind: Kind) -> None:
    blocks = [{Step(arm): (waits(arm),) for arm in ("narrow", "wide")} for _ in range(ENOUGH)]
    compare = Comparison("wide", "narrow")
    hypothesis = replace(WAIT, kind=kind)
    found = estimated(hypothesis, Prediction("", "wait", BOUND, compare=compare), blocks)
    assert found is not None and found.estimate == pytest.approx(1.0)
    assert (found.low, found.high) == pytest.approx((0.5, 2.0))


def test_equal_buckets_of_a_few_blocks_may_be_equal_by_chance() -> None:
    """The bound is an edge of the bucket: every other block may have the quantile in the next."""
    block = {Step("narrow"): (waits("narrow"),)}
    asked = Prediction("", "wait", Bound(at_most=0.2), arm="narrow")
    few, enough = (estimated(WAIT, asked, [block] * count) for count in (ENOUGH - 1, ENOUGH))
    assert few is not None and not few.meets(asked.bound)
    assert (few.low, few.high, few.equal_until) == (-math.inf, math.inf, ENOUGH)
    assert few.gap(Bound(at_most=0.3)) is not None
    assert few.gap(Bound(at_most=0.15)) is None, "within its bucket no number of blocks decides"
    assert enough is not None and enough.meets(asked.bound)
    before = replace(DecisionMargins().measures, equal_values=0.0)
    sealed = Decided(WAIT, asked, [block] * 4, DecisionMargins(measures=before))
    old = sealed.estimate(4, TAIL)
    assert old is not None and old.meets(asked.bound), "as runs were judged that had it"


def test_a_soak_which_decides_once_takes_equal_blocks_as_they_are() -> None:
    block = {Step("narrow"): (trial("narrow", 20.0),)}
    asked = Prediction("", "throughput", Bound(at_least=19.0), arm="narrow")
    found = estimated(replace(SHIPPED, kind=SOAK), asked, [block] * 4)
    assert found is not None and found.meets(asked.bound)


def test_the_ratio_of_equal_counts_of_a_few_blocks_may_be_equal_by_chance() -> None:
    rates = {"narrow": 20.0, "wide": 60.0}
    block = {Step(arm): (trial(arm, rate),) for arm, rate in rates.items()}
    prediction = Prediction("", "throughput", Bound(at_least=2.9), compare=RATIO.compare)
    few, enough = (estimated(SHIPPED, prediction, [block] * n) for n in (ENOUGH - 1, ENOUGH))
    assert few is not None and few.estimate == pytest.approx(3.0)
    assert not few.meets(prediction.bound)
    assert enough is not None and enough.meets(prediction.bound)


def failing(errors: int, count: int = 120) -> Block:
    latency = Histogram()
    latency.add_many([0.1] * count)
    requests = {ORDERS: Requests(count, errors, latency)}
    return {Step("narrow"): (altered(trial("narrow", 30), requests=requests),)}


@pytest.mark.parametrize("errors", [0, 6])
def test_the_interval_of_an_error_rate_contains_the_exact_one_of_all_requests(errors: int) -> None:
    """With no error in 480 requests, .3 % are met in a quarter of the runs (0.997 ** 480)."""
    prediction = Prediction("", "error_rate", Bound(at_most=0.001), arm="narrow")
    blocks = [failing(errors)] * 4
    found = estimated(SHIPPED, prediction, blocks)
    exact = binomial_interval(4 * errors, 480, TAIL)
    assert found is not None and found.estimate == pytest.approx(errors / 120)
    assert (found.low, found.high) == (exact.low, exact.high)
    assert not found.meets(prediction.bound)
    before = replace(DecisionMargins().measures, counted_tail=0.0, equal_values=0.0)
    sealed = Decided(SHIPPED, prediction, blocks, DecisionMargins(measures=before))
    old = sealed.estimate(4, TAIL)
    assert old is not None and old.low == old.high, "as runs were judged that had it"


def unanswered(arm: str, errors: int, missing: int, waiting: int = 0) -> Trial:
    """An open load of 120 requests, and so many arrivals without an answer."""
    made = failing(errors)[Step("narrow")][0]
    sent = 120 + missing
    dispatch = Dispatch(sent + waiting, sent, waiting, 0, 0.0, 0.0, 20, unanswered=missing)
    return replace(altered(made, dispatch=dispatch), arm=arm)


def test_an_error_rate_reaches_to_where_all_arrivals_without_an_answer_have_failed() -> None:
    prediction = Prediction("", "error_rate", Bound(at_most=0.05), arm="narrow")
    blocks = [{Step("narrow"): (unanswered("narrow", 1, 6),)}] * 4
    found = estimated(SHIPPED, prediction, blocks)
    assert isinstance(found, LimitedEstimate)
    assert found.estimate == pytest.approx(1 / 120)
    assert found.low == binomial_interval(4, 4 * 126, TAIL).low
    assert found.high == binomial_interval(28, 4 * 126, TAIL).high
    assert not found.meets(prediction.bound)
    assert found.gap(prediction.bound) is None, "no number of blocks tells what became of them"


def test_the_widest_of_all_ends_counts_where_shares_change_their_scale() -> None:
    """One block of twelve has errors, and each one arrival without an answer."""
    prediction = Prediction("", "error_rate", Bound(at_most=0.1), arm="narrow")
    errors = [0] * 11 + [60]
    known, unknown = (
        estimated(
            SHIPPED,
            prediction,
            [{Step("narrow"): (unanswered("narrow", n, missing),)} for n in errors],
        )
        for missing in (0, 1)
    )
    assert known is not None and isinstance(unknown, LimitedEstimate)
    assert unknown.low <= known.low and unknown.high >= known.high
    assert unknown.unknown[0] <= unknown.estimate <= unknown.unknown[1]


def test_the_ratio_of_error_rates_reaches_as_far() -> None:
    blocks = [
        {
            Step("narrow"): (unanswered("narrow", 4, 4),),
            Step("wide"): (unanswered("wide", 8, 8),),
        }
    ] * ENOUGH
    compare = Comparison("wide", "narrow")
    found = estimated(SHIPPED, Prediction("", "error_rate", BOUND, compare=compare), blocks)
    assert isinstance(found, LimitedEstimate) and found.estimate == pytest.approx(2.0)
    least, most = (8 / 128) / (8 / 124), (16 / 128) / (4 / 124)
    assert (found.low, found.high) == pytest.approx((least, most))


@pytest.mark.parametrize(
    ("bound", "outcome"),
    [(Bound(at_most=0.2), None), (Bound(at_most=0.05), "misses"), (Bound(at_least=0.09), "meets")],
)
def test_a_quantile_of_arrivals_without_an_answer_is_known_from_below_only(
    bound: Bound, outcome: str | None
) -> None:
    blocks = [{Step("narrow"): (unanswered("narrow", 0, 0, waiting=20),)}] * ENOUGH
    found = estimated(SHIPPED, Prediction("", "latency_p90", bound, arm="narrow"), blocks)
    assert isinstance(found, LimitedEstimate)
    assert found.high == math.inf and found.low == pytest.approx(0.1)
    assert (found.meets(bound), found.misses(bound)) == (outcome == "meets", outcome == "misses")


@pytest.mark.parametrize("missing", ["narrow", "wide"])
def test_the_ratio_to_a_quantile_without_an_upper_limit_has_one_limit(missing: str) -> None:
    block = {
        Step(arm): (unanswered(arm, 0, 0, waiting=20 * (arm == missing)),)
        for arm in ("narrow", "wide")
    }
    compare = Comparison("wide", "narrow")
    asked = Prediction("", "latency_p90", BOUND, compare=compare)
    found = estimated(SHIPPED, asked, [block] * ENOUGH)
    assert found is not None and found.estimate == pytest.approx(1.0)
    expected = (0.0, 1.0) if missing == "narrow" else (1.0, math.inf)
    assert (found.low, found.high) == pytest.approx(expected)


def test_errors_that_differ_from_block_to_block_keep_the_wider_interval() -> None:
    prediction = Prediction("", "error_rate", Bound(at_most=0.5), arm="narrow")
    errors = (1, 40, 3, 60)
    found = estimated(SHIPPED, prediction, [failing(each) for each in errors])
    assert found == mean_share([each / 120 for each in errors], TAIL)


def test_a_share_that_is_no_count_of_events_is_equal_by_chance_in_a_few_blocks() -> None:
    block = {Step("narrow"): (trial("narrow", 100),)}
    prediction = Prediction("", "pool_wait_share", Bound(at_least=0.5), arm="narrow")
    few, enough = (estimated(SHIPPED, prediction, [block] * n) for n in (ENOUGH - 1, ENOUGH))
    assert few is not None and not few.meets(prediction.bound)
    assert enough is not None and enough.meets(prediction.bound)


def steady(arm: str, latency_s: float) -> Trial:
    """A trial of which nearly all latencies are equal."""
    seen = Histogram()
    seen.add_many([*[0.5 * latency_s] * 20, *[latency_s] * 100, *[2 * latency_s] * 20])
    return altered(trial(arm, 35), requests={ORDERS: Requests(seen.count, 0, seen)})


def test_medians_on_both_sides_of_the_edge_of_a_bucket_are_not_a_percent_apart() -> None:
    """They differ by 0.2 % in every block, and what stands for their buckets by 1 %."""
    edge = (1.005 / 0.995) ** -200
    arms = {"narrow": 0.999 * edge, "wide": 1.001 * edge}
    block = {Step(arm): (steady(arm, value),) for arm, value in arms.items()}
    blocks = [block] * ENOUGH
    compared = Prediction("", "latency_p50", BOUND, compare=Comparison("wide", "narrow"))
    found = estimated(SHIPPED, compared, blocks)
    assert found is not None and found.estimate == pytest.approx(1.005 / 0.995)
    assert not found.misses(Bound(at_most=1.005))
    assert found.low <= 1.002 <= found.high
    before = replace(DecisionMargins().measures, quantile_accuracy=0.0)
    sealed = Decided(SHIPPED, compared, blocks, DecisionMargins(measures=before))
    old = sealed.estimate(ENOUGH, TAIL)
    assert old is not None and old.misses(Bound(at_most=1.005)), "as runs were judged that had it"


def test_without_evidence_there_is_no_estimate() -> None:
    prediction = Prediction("", "latency_p99.9", BOUND, arm="narrow")
    assert estimated(SHIPPED, prediction, BLOCKS) is None


def test_a_slope_is_estimated_from_the_series_of_a_soak() -> None:
    rng = np.random.default_rng(3)
    blocks = soak_blocks(rng, 4, lambda: memory_series(rng, 60))
    difference = Comparison("with", "without", "-")
    prediction = Prediction("", "", BOUND, compare=difference, slope="rss_bytes")
    found = estimated(SHIPPED, prediction, blocks)
    assert isinstance(found, SlopeEstimate)
    assert found.low < 60e6 < found.high


def test_the_complexity_of_a_benchmark_is_a_factor_or_an_exponent() -> None:
    def process(size: float) -> Trial:
        timing = Timing("min", 5, 1, 0.1 + size, 0.1 + size)
        return Trial(1, 1, "narrow", 0.0, 1.0, level=size, evidence=BenchmarkEvidence(timing))

    benchmark = replace(SHIPPED, kind=Benchmark("min", 1.0, 60.0, parameter=Parameter("n", SIZES)))
    blocks = [{Step("narrow", size): (process(size),) for size in SIZES}] * 3
    linear = Prediction("", "time", Bound(within=(0.8, 1.25)), arm="narrow", grows="linear")
    found = estimated(benchmark, linear, blocks)
    assert found is not None
    assert (found.low, found.estimate, found.high) == pytest.approx((1, 1, 1), abs=0.01)
    constant = estimated(benchmark, replace(linear, grows="constant"), blocks)
    assert isinstance(constant, FactorEstimate)
    assert constant.estimate == pytest.approx(64.1 / 1.1)


def test_an_exact_count_has_the_range_of_the_blocks() -> None:
    def process(count: int) -> tuple[Trial, ...]:
        evidence = BenchmarkEvidence(Timing("min", 5, 1, 1.0, 1.0), {"statements": count})
        return (Trial(1, 1, "narrow", 0.0, 1.0, evidence=evidence),)

    prediction = Prediction("", "statements", BOUND, arm="narrow", count="statements")
    blocks = [{Step("narrow"): process(count)} for count in (3, 4, 3)]
    assert estimated(SHIPPED, prediction, blocks) == Estimate(3, 3, 4)


def test_each_estimate_is_of_the_first_blocks_alone() -> None:
    prediction = Prediction("", "throughput", BOUND, arm="narrow")
    estimator = PredictionEstimator(SHIPPED, prediction, BLOCKS)
    for count in (2, 3, 2):
        assert estimator.estimate(count, TAIL) == mean(NARROW[:count], TAIL)


def test_a_value_missing_in_a_later_block_does_not_change_an_earlier_estimate() -> None:
    blocks = [*BLOCKS, {Step("narrow"): (trial("narrow", 0.0),)}]
    prediction = Prediction("", "throughput", BOUND, arm="narrow")
    estimator = PredictionEstimator(SHIPPED, prediction, blocks)
    assert estimator.estimate(4, TAIL) is None
    assert estimator.estimate(3, TAIL) == mean(NARROW, TAIL)


def test_what_a_block_contributes_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[Block] = []

    def counting(
        hypothesis: Hypothesis, prediction: Prediction, block: Block, margins: DecisionMargins
    ) -> BlockValues:
        computed.append(block)
        return block_values(hypothesis, prediction, block, margins=margins)

    monkeypatch.setattr("lab.analysis.estimate_prediction.block_values", counting)
    prediction = Prediction("", "throughput", BOUND, arm="narrow")
    estimator = PredictionEstimator(SHIPPED, prediction, BLOCKS)
    for count in (2, 3):
        for tail in (TAIL, TAIL / 2):
            estimator.estimate(count, tail)
    assert computed == BLOCKS


# --- arms that were loaded in turn ------------------------------------------------------------

RATIO = Prediction("", "throughput", BOUND, compare=Comparison("wide", "narrow"))
ROUNDS = 80


def sliced_block(number: int, pause_every: int, speed: float = 1.0) -> Block:
    """Two arms that do 40 requests in slices of 50 ms; *wide* pauses for .2 s now and then."""
    generator = random.Random(number)
    members: dict[Step, tuple[Trial, ...]] = {}
    for arm in ("narrow", "wide"):
        slices = []
        for place in range(ROUNDS):
            seconds = 0.05 * generator.gauss(1.0, 0.05) / (speed if arm == "wide" else 1.0)
            pauses = arm == "wide" and pause_every and (place + number) % pause_every == 0
            seconds += 0.2 if pauses else 0.0
            requests = {ORDERS: SliceRequests(40, 0, seconds / 10)}
            slices.append(LoadSlice(place, seconds, seconds, 0.0, 0.06, 0.0, requests, {}, {}))
        latency = Histogram()
        latency.add_many([each.seconds / 10 for each in slices for _ in range(40)])
        evidence = LoadEvidence(
            requests={ORDERS: Requests(40 * ROUNDS, 0, latency)}, slices=tuple(slices)
        )
        window_s = sum(each.seconds for each in slices)
        members[Step(arm)] = (Trial(number, 1, arm, 0.0, window_s, evidence=evidence),)
    return members


def test_pauses_in_a_few_slices_are_no_part_of_the_pairs_but_of_the_estimate() -> None:
    """A pause in every 13th slice takes a quarter of the time; the median slice has none."""
    blocks = [sliced_block(number, 13) for number in range(1, 13)]
    for prediction in (RATIO, replace(RATIO, measure="latency_mean")):
        slower = prediction.measure == "latency_mean"
        for count in range(4, 13):
            found = PredictionEstimator(SHIPPED, prediction, blocks).estimate(count, 0.002)
            assert found is not None
            assert found.high > 1.2 if slower else found.low < 0.85
        assert found is not None  # with all blocks it is clear that the pairs are not the whole
        assert found.low > 1.2 if slower else found.high < 0.85


def test_the_interval_of_equal_slices_is_that_of_their_pairs() -> None:
    blocks = [sliced_block(number, 0, 1.1) for number in range(1, 7)]
    found = estimated(SHIPPED, RATIO, blocks)
    of_pairs = [block_values(SHIPPED, RATIO, block) for block in blocks]
    wide = [each["wide"] or 0.0 for each in of_pairs]
    narrow = [each["narrow"] or 0.0 for each in of_pairs]
    assert found == ratio(wide, narrow, TAIL)
    assert found is not None
    assert 1.07 < found.low < 1.1 < found.high < 1.12


# --- benchmarks of several launches -----------------------------------------------------------


def launched_block(number: int, launches: int, slow: Sequence[int], times: float) -> Block:
    """Two arms within half a per cent; launches of *wide* that are `slow` take so much longer."""
    generator = random.Random(number)
    members: dict[Step, tuple[Trial, ...]] = {}
    for arm in ("narrow", "wide"):
        processes = []
        for launch in range(1, launches + 1):
            value = generator.gauss(1.0, 0.005)
            value *= times if arm == "wide" and launch in slow else 1.0
            evidence = BenchmarkEvidence(
                Timing("median", 3, 1, value, value),
                slices=tuple(Slice(place, 1, value, value) for place in (1, 2, 3)),
            )
            processes.append(Trial(number, 1, arm, 0.0, 1.0, repeat=launch, evidence=evidence))
        members[Step(arm)] = tuple(processes)
    return members


ARMS = ("narrow", "wide")
SLOWER = Prediction("", "time", Bound(at_most=1.01), compare=Comparison("wide", "narrow"))
CALLS = replace(SHIPPED, kind=Benchmark("median", 5.0, 600.0))


def evidence(block: Block, arm: str) -> list[BenchmarkEvidence]:
    found = [trial.evidence for trial in block[Step(arm)]]
    return [each for each in found if isinstance(each, BenchmarkEvidence)]


def test_a_launch_of_one_arm_that_is_slow_in_each_block_is_not_left_out() -> None:
    """The median of five leaves it out; the mean of all is 5 % above."""
    blocks = [launched_block(number, 5, [number % 5 + 1], 1.28) for number in range(1, 7)]
    found = estimated(CALLS, SLOWER, blocks)
    assert found is not None
    assert found.low > 1.04


def test_slow_launches_that_are_few_widen_the_interval_to_the_mean_of_all() -> None:
    slow = {2: [1], 5: [3]}
    blocks = [launched_block(number, 5, slow.get(number, []), 1.3) for number in range(1, 7)]
    found = estimated(CALLS, SLOWER, blocks)
    assert found is not None
    mean_of_all = 1.3 ** (2 / 30)  # of 1.3 in 2 of 30
    assert found.low < 1.0
    assert found.estimate == pytest.approx(1.0, abs=0.005)
    assert found.high == pytest.approx(mean_of_all, abs=0.004)
    assert not found.meets(SLOWER.bound)


def test_two_launches_count_by_their_mean_to_the_last_bit() -> None:
    """As runs of before had it, whose verdicts must not change."""
    blocks = [launched_block(number, 2, [2], 1.02) for number in range(1, 40)]
    for block in blocks:
        values = block_values(CALLS, SLOWER, block)
        assert values == values_together(CALLS, SLOWER, block, MARGINS)
        narrow, wide = ([each.timing.value_s for each in evidence(block, arm)] for arm in ARMS)
        logs = [
            math.log(math.exp(math.log(b) - math.log(a))) for a, b in zip(narrow, wide, strict=True)
        ]
        level = math.exp(math.fsum(map(math.log, narrow)) / 2)
        assert values["wide"] == level * math.exp(math.fsum(logs) / 2)
