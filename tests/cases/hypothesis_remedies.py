"""What a reader of a message does to a hypothesis file, if he follows its remedy to the letter.

For each file of `tests/lab/hypothesis/broken/`: pieces of its text, and what is written in their
place. The file has to be accepted then.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.lab.documents import BASES
from tests.lab.hypothesis.examples import BROKEN, GOOD

FIRST_LINE = "---\n"
QUESTION = GOOD.splitlines(keepends=True)[1]
RIVALS = GOOD[GOOD.index("rivals:\n") : GOOD.index("budget:")]
PREDICTIONS = GOOD[GOOD.index("predictions:\n") : GOOD.index("rivals:\n")]
ORDERS = 'http_request_duration_seconds_sum{route="/orders"}'
RATIO = f"['db_pool_wait_seconds_sum', '{ORDERS}']"
SHARE = f"pool_wait_share: {{ratio: {RATIO}}}"

Edit = tuple[str, str]


def _piece(name: str, begin: str, end: str) -> str:
    """What stands in a file from a word to another, too long to be written here."""
    text = (BROKEN / f"{name}.md").read_text(encoding="utf-8")
    return text[text.index(begin) : text.index(end)]


EDITS: dict[str, list[Edit]] = {
    "revision-missing": [("before: {}", "before: {git: worktree}")],
    "revision-range": [("main..HEAD", "HEAD")],
    "revision-list": [("[main]", "main")],
    "revision-kept": [("processes: kept\n", "")],
    "no-front-matter": [("question:", "---\nquestion:")],
    "unclosed-front-matter": [("## Mechanism", "---\n## Mechanism")],
    "empty-front-matter": [("---\n---\nOnly prose.", GOOD)],
    "list-front-matter": [("- question\n- claim\n---\n", GOOD.removeprefix(FIRST_LINE))],
    "second-document": [("--- # another\n", "")],
    "unclosed-quote": [("kind: 'load", "kind: 'load'")],
    "unclosed-group": [("load: {users: 50\n", "load: {users: 50}\n")],
    "unclosed-list": [("""{route="/orders"}'}""", """{route="/orders"}']}""")],
    "colon-in-text": [
        ("claim: The pool: requests wait for a database connection, held open while pricing is "
         "asked.", 'claim: "The pool: requests wait for a connection."')
    ],
    "tab-indent": [("\tnarrow", "  narrow")],
    "wrong-indent": [("   measure: throughput", "    measure: throughput")],
    "no-colon": [("budget 5m", "budget: 5m")],
    "backtick-value": [("control: `narrow`", 'control: "narrow"')],
    "stray-bracket": [("budget: ]", "budget: 5m")],
    "duplicate-key": [("budget: 5m\nkind: load\n", "budget: 5m\n")],
    "duplicate-arm": [("narrow: {DB_POOL_SIZE: 20}", "wide: {DB_POOL_SIZE: 20}")],
    "key-on": [("on: always\n", "")],
    "key-yes": [("yes:", "wide:")],
    "key-number": [("  20:", "  wide:")],
    "complex-key": [("? [control]\n: narrow", "control: narrow")],
    "doubtful-truth": [("off}", "false}")],
    "anchor": [("&base ", "")],
    "merge-key": [("{<<: {DB_POOL_SIZE: 20}}", "{DB_POOL_SIZE: 20}")],
    "tag": [("!!python/object/apply:os.system ", "")],
    "unknown-key": [("contrl:", "control:")],
    "unknown-key-in-prediction": [("atleast:", "at_least:")],
    "missing-question": [(FIRST_LINE, FIRST_LINE + QUESTION)],
    "missing-rivals": [("budget:", f"{RIVALS}budget:")],
    "missing-window": [("{warmup: 1s}", "{warmup: 1s, window: 4s}")],
    "missing-measure": [
        ("connection\n    arm: narrow", "connection\n    measure: pool_wait_share\n    arm: narrow")
    ],
    "empty-claim": [("claim:\n", "claim: Requests wait.\n")],
    "blank-says": [("says: '  '", "says: most of a request is spent waiting")],
    "number-for-text": [("claim: 42", 'claim: "42"')],
    "no-rival": [("rivals: []\n", RIVALS)],
    "no-prediction": [("predictions: []\n", PREDICTIONS)],
    "predictions-not-a-list": [("predictions: {throughput: 2.5}\n", PREDICTIONS)],
    "slope-without-unit": [("at_least: 100\n", "at_least: 5 MB/h\n")],
    "slope-wrong-unit": [("100 MiB/h", "104.8576 MB/h")],
    "measure-per-hour": [("measure:", "slope:")],
    "slope-and-measure": [("    measure: cpu\n", "")],
    "slopes-as-ratio": [("with / without", "with - without")],
    "soak-of-users": [("{users: 20}", "{rate: 20, arrivals: constant}")],
    "soak-of-stages": [
        ("{arrivals: constant, stages: [{rate: 20, for: 60s}]}", "{rate: 20, arrivals: constant}")
    ],
    "soak-few-pairs": [("pairs: 2", "pairs: 4")],
    "soak-gauge": [
        (
            "measure: depth\n    compare: with / without\n    at_least: 2",
            "slope: rooms\n    compare: with - without\n    at_least: 60/h",
        ),
        ("measures:\n  depth: {gauge: rooms}\n", ""),
    ],
    "soak-at": [("    at: 3\n", "")],
    "exhaustion-limit": [("limit: 0 MB", "limit: 512 MB")],
    "slope-of-none": [("at_most: 0 MB/h", "at_most: 5 MB/h")],
    "slope-other-unit": [("600 MB/h", "60/min")],
    "crash-in-load": [(", crash: true", "")],
    "crash-not-truth": [("crash: 1", "crash: true")],
    "soak-processes": [("processes: fresh\n", "")],
    "soak-budget": [("budget: 8h\n", "")],
    "slope-in-load": [
        ("slope: throughput", "measure: throughput"), ("wide - narrow", "wide / narrow"),
        ("2.5/h", "2.5"),
    ],
    "difference-of-measures": [("wide - narrow", "wide / narrow")],
    "length-in-load": [("length: 8h\n", "")],
    "soak-trial": [
        ("trial: {warmup: 1s, window: 4s}\n", ""), ("budget: 5m\n", ""),
        ("allow:", "soak: {pairs: 4}\nallow:"),
    ],
    "kind-unknown": [("laod", "load")],
    "processes-unknown": [("processes: new", "processes: fresh")],
    "slices-long": [("slices: 3s", "slices: 2s")],
    "slices-number": [("slices: 0.5", "slices: 500ms")],
    # its predictions are of no level, which is the next thing to correct
    "slices-of-sweep": [("users: [1, 2, 4, 8], slices: 500ms", "users: 8")],
    "slices-open": [(", slices: 500ms", "")],
    "slices-short": [("slices: 40ms", "slices: 200ms")],
    "slices-text": [("slices: short", "slices: off")],
    "users-zero": [("users: 0", "users: 1")],
    "users-many": [("200001", "200000")],
    "users-text": [("fifty", "2")],
    "users-truth": [("users: true", "users: 2")],
    "users-fraction": [("50.5", "2")],
    "arrivals-unknown": [("bursty", "poisson")],
    "stage-rates": [("5000000", "10000")],
    "stage-twice": [("name: calm, rate: 200", "name: spike, rate: 200")],
    "stage-name": [("Spike 1", "spike")],
    "stage-short": [("500ms", "1s"), ("window: 10s", "window: 9s")],
    "stages-empty": [("stages: []", "stages: [{rate: 5, for: 10s}]")],
    "stages-silent": [("rate: 0,", "rate: 1,")],
    "stages-window": [("window: 8s", "window: 10s")],
    "ramp-three": [("[200, 100, 50]", "[200, 50]")],
    "arrivals-missing": [("{rate: 200}", "{rate: 200, arrivals: poisson}")],
    "workers-zero": [("workers: 0", "workers: 2")],
    "workers-text": [("workers: two", "workers: 2")],
    "workers-many": [("257", "256")],
    "workers-of-users": [("workers: 4", "workers: 3")],
    "workers-most-users": [("workers: 3", "workers: 2")],
    "workers-idle": [("workers: 4", "workers: 3")],
    "workers-slices": [("slices: 500ms, ", "")],
    "workers-of-sweep": [(", workers: 2", "")],
    "workers-soak-script": [(", workers: 2", "")],
    "arrivals-soak-script": [("poisson", "constant")],
    "most-users-soak-script": [(", most_users: 100", "")],
    "latency-soak-script": [("latency_p99", "throughput")],
    "requests-soak-script": [("error_rate{name=\"/orders\"}", "error_rate")],
    "most-users-none": [("most_users: 0", "most_users: 1")],
    "rate-zero": [("{rate: 0,", "{rate: 0.01,")],
    "unsent-share": [("unsent: 2", "unsent: 2%")],
    "unsent-closed": [("{unsent: 0.2}", "{}")],
    "during-thin": [("rate: 200, for: 2s", "rate: 600, for: 2s")],
    "during-silent": [("rate: 0, for: 2s", "rate: 20, for: 2s")],
    "recovery-thin": [("rate: 5, for: 3s", "rate: 20, for: 3s")],
    "recovery-silent": [("at_most: 3\n", "at_most: 3.5\n")],
    "during-unknown": [("during: spikes", "during: spike")],
    "during-closed": [("    during: spike\n", "")],
    "during-process": [("measure: cpu", "measure: throughput")],
    "recovery-first": [("during: calm", "during: spike")],
    "recovery-unseen": [("at_most: 5\n", "at_most: 4\n")],
    "recovery-compared": [("compare: wide / narrow\n    during", "arm: wide\n    during")],
    "load-both": [("users: 50, ", "")],
    "window-short": [("500ms", "1s")],
    "duration-without-unit": [("warmup: 1,", "warmup: 1s,")],
    "duration-unknown-unit": [("5 minutes", "5m")],
    "budget-short": [("79s", "80s")],
    "budget-endless": [("1000h", "100h")],
    "scenario-missing": [("chekout", "checkout")],
    "scenario-absolute": [("/etc/scenarios", "scenarios")],
    "scenario-outside": [("scenarios/../../", "scenarios/")],
    "scenario-elsewhere": [("lab/checkout", "scenarios/checkout")],
    "scenario-not-python": [("checkout.sh", "checkout.py")],
    "arm-name": [("Short_Hold", "short-hold")],
    "arm-empty": [("  wide:\n", "  wide: {DB_POOL_SIZE: 20}\n")],
    "arm-unused": [("  wider: {DB_POOL_SIZE: 40}\n", "")],
    "control-unknown": [("narow", "narrow")],
    "setting-name": [("db_pool_size", "DB_POOL_SIZE")],
    "setting-list": [("[20, 40]", "20")],
    "setting-empty": [("DB_POOL_SIZE: }", "DB_POOL_SIZE: ''}")],
    "setting-preload": [(", LD_PRELOAD: /tmp/x", "")],
    "setting-pythonpath": [(", PYTHONPATH: /tmp/x", "")],
    "setting-path": [(", PATH: /tmp/x", "")],
    "setting-gconv": [(", GCONV_PATH: /tmp/x", "")],
    "setting-malloc": [(", MALLOC_CONF: /tmp/x", "")],
    "setting-of-the-lab": [("settings: {DATABASE_URL: postgresql://elsewhere/}\n", "")],
    "measure-built-in": [("  throughput: {ratio", "  pool_wait_share: {ratio")],
    "measure-name": [("Pool-Wait", "pool_wait_share")],
    "measure-both": [("rate: db_pool_waits_total, ", "")],
    "measure-neither": [("pool_wait_share: {}", SHARE)],
    "gauge-take": [('take: median', 'take: max')],
    "gauge-quantile": [(', quantile: 0.9', '')],
    "rate-take": [(', take: max', '')],
    "histogram-without-quantile": [('_seconds}', '_seconds, quantile: 0.99}')],
    "histogram-part": [('_seconds_bucket', '_seconds')],
    "histogram-bucket": [('\'db_pool_wait_seconds{le="1"}\'', 'db_pool_wait_seconds')],
    "histogram-quantile": [('quantile: 99', 'quantile: 0.99')],
    "ratio-of-one": [("ratio: ['http", "ratio: ['db_pool_wait_seconds_sum', 'http")],
    "metric-name": [("db-pool-wait", "db_pool_wait_seconds_sum")],
    "metric-labels": [("route=/orders", 'route="/orders"')],
    "allow-share": [("error_rate: 5", "error_rate: 5%")],
    "limit-share": [("target_cpu: 90", "target_cpu: 90%")],
    "measure-unknown": [("thruput", "throughput")],
    "quantile-100": [("latency_p100", "latency_p50")],
    "measure-words": [("measure: the throughput", "measure: throughput")],
    "cpu-of-request": [("cpu{name=\"/orders\"}", "cpu")],
    "arm-unknown": [("wyde", "wide")],
    "compare-itself": [("wide / wide", "wide / narrow")],
    "compare-three": [(" / narrow / short-hold", " / narrow")],
    "arm-and-compare": [("    arm: narrow\n    compare: wide / narrow\n", "    arm: narrow\n")],
    "neither-arm-nor-compare": [
        ("measure: pool_wait_share\n", "measure: pool_wait_share\n    arm: narrow\n")
    ],
    "two-bounds": [("    at_most: 0.9\n", "")],
    "no-bound": [("arm: narrow\n", "arm: narrow\n    at_least: 0.7\n")],
    "bound-text": [("at_least: most", "at_least: 0.5")],
    "bound-nan": [(".nan", "0.5")],
    "bound-infinite": [("1e999", "0.5")],
    "bound-negative": [("-0.7", "0.7")],
    "within-reversed": [("[0.9, 0.7]", "[0.7, 0.9]")],
    "within-one": [("within: [0.7]", "within: [0.7, 0.9]")],
    "ratio-zero": [("at_least: 0\n", "at_least: 0.5\n")],
    "ratio-never": [("at_most: 0\n", "at_most: 0.5\n")],
    "ratio-within-zero": [("[0, 1.5]", "[0.1, 1.5]")],
    "latency-never": [("at_most: 0\n", "at_most: 0.5\n")],
    "errors-always": [("at_most: 1\n", "at_most: 1%\n")],
    "errors-never": [("at_least: 5\n", "at_least: 5%\n")],
    "errors-compared": [
        ("compare: wide / narrow\n    at_least: 2.5", "arm: wide\n    at_most: 1%")
    ],
    "throttled-compared": [
        ("compare: wide / narrow\n    at_least: 2.5", "arm: wide\n    at_most: 1%")
    ],
    "predictions-clash": [("at_most: 1.1", "at_most: 4")],
    "sweep-too-short": [("[1, 8, 64]", "[1, 8, 16, 64]")],
    "sweep-not-rising": [("[1, 2, 8, 4, 16, 64]", "[1, 2, 4, 8, 16, 64]")],
    "sweep-twice": [("[1, 2, 4, 4, 16, 64]", "[1, 2, 4, 16, 64]")],
    "sweep-rate-zero": [("[0, 10,", "[5, 10,")],
    "sweep-without-at": [("measure: throughput\n", "measure: throughput\n    at: 64\n")],
    "sweep-budget": [("budget: 170s", "budget: 175s")],
    "at-unknown-level": [("at: 48", "at: 64")],
    "at-without-sweep": [("    at: 50\n", "")],
    "knee-at": [("    at: 64\n    within", "    within")],
    "peak-beyond-sweep": [("at_most: 60", "at_most: 40")],
    "bench-load": [("load: {users: 5}\n", "")],
    "bench-file": [("scenarios/checkout.py", "scenarios/bench_pagination.py")],
    "bench-function": [("::page", "::test_page")],
    "bench-params-order": [("[0, 1000, 100,", "[0, 100, 1000,")],
    "bench-params-negative": [("[-1,", "[0,")],
    "bench-statistic": [("statistic: mean", "statistic: median")],
    "bench-database": [("database: postgres", "database: true")],
    "bench-processes": [("processes: kept\n", "")],
    "bench-warmup": [("warmup: 1s, ", "")],
    "bench-window": [("window: 5ms", "window: 20ms")],
    "bench-measure": [
        ("measure: throughput", "measure: time"), ("at_least: 5\n", "at_least: 5ms\n")
    ],
    "bench-growth": [("cubic", "quadratic")],
    "bench-growth-bound": [("    at_most: 5\n", "")],
    "bench-growth-compare": [("compare: offset / keyset\n    grows", "arm: offset\n    grows")],
    "bench-growth-count": [("grows: linear", "at: 0\n    at_most: 2")],
    "bench-growth-at": [("grows: linear\n    at: 1000\n", "grows: linear\n")],
    "bench-growth-sizes": [("[0, 1000, 100000]", "[0, 100, 1000, 100000]")],
    "bench-growth-span": [("[0, 1000, 2000, 10000]", "[0, 1000, 2000, 64000]")],
    "bench-count-compare": [("count: sql_statements\n    compare: offset / keyset",
                             "count: sql_statements\n    arm: offset")],
    "bench-count-name": [("SQL statements", "sql_statements")],
    "bench-count-measure": [("count: time", "measure: time"), ("at_most: 2\n", "at_most: 2ms\n")],
    "bench-count-and-measure": [
        ("    measure: time\n    arm: offset\n    at: 1000", "    arm: offset\n    at: 1000")
    ],
    "bench-level": [("at: 5000", "at: 1000")],
    "bench-level-missing": [
        ("arm: offset\n    at_most: 2", "arm: offset\n    at: 0\n    at_most: 2")
    ],
    "bench-budget": [("budget: 10s", "budget: 18s")],
    "bench-pytest": [("PYTEST_PLUGINS", "PAGING")],
    "load-grows": [("grows: linear", "at_least: 5")],
    "load-count": [("count: statements", "measure: throughput")],
    "load-time": [("measure: time", "measure: latency_p99")],
    "prediction-twice": [
        ("  - says: so does giving the connection back before pricing is asked\n"
         "    measure: throughput\n    compare: wide / narrow\n    at_least: 2.5\n", "")
    ],
    "prediction-twice-mirrored": [
        ("  - says: so does giving the connection back before pricing is asked\n"
         "    measure: throughput\n    compare: narrow / wide\n    at_most: 0.4\n", "")
    ],
    "recovery-of-nothing": [
        ("measure: recovery\n    arm: narrow\n    at_least: 0.7",
         "measure: recovery\n    arm: narrow\n    during: spike\n    at_least: 0.7")
    ],
    "one-arm": [
        ("narrow: {DB_POOL_SIZE: 5}\n", "narrow: {DB_POOL_SIZE: 5}\n  wide: {DB_POOL_SIZE: 20}\n"),
        ("compare: short-hold / narrow", "compare: wide / narrow"),
        ("at_least: 2.5\n  - says: most", "at_most: 9\n  - says: most"),
        ("throughput\n    compare: more-pricing", "cpu\n    compare: wide"),
    ],
    "rival-supported": [
        ("compare: wide / narrow\n    at_least: 1.2",
         "compare: short-hold / wide\n    at_least: 1.2")
    ],
    "rival-contradicted": [
        ("compare: wide / narrow\n    at_most: 1.2", "compare: short-hold / wide\n    at_most: 1.2")
    ],
    "rival-mirrored": [
        ("measure: throughput\n    compare: narrow / wide",
         "measure: latency_p99\n    compare: narrow / wide")
    ],
    "rival-between": [
        ("measure: throughput\n    compare: wide / narrow\n    within",
         "measure: latency_p99\n    compare: wide / narrow\n    within")
    ],
    "bench-params-two": [("limit: [1, 2]", "limit: 10"), ("[0, 1000]", "[0, 10, 100, 1000]")],
    "bench-params-one": [("[1000]", "[1000, 10000]"), ("[1000, 10000]", "[0, 100, 1000, 10000]")],
    "knee-without-sweep": [("{users: 64}", "{users: [1, 2, 4, 8, 16, 32, 64]}"),
                            ("measure: throughput\n", "measure: throughput\n    at: 64\n"),
                            ("budget: 5m", "budget: 6m")],
    "scenario-link-outside": [("link.py", "checkout.py")],
    "too-deep": [(_piece("too-deep", "load:", "trial:"), "load: {users: 50}\n")],
    "bomb": [(_piece("bomb", "bomb:", "budget:"), "")],
}  # fmt: skip


@dataclass(frozen=True)
class Refused:
    """A file that is refused: what is wrong, the remedy, and what its reader does."""

    base: str
    broken: Edit
    problem: str
    remedy: str
    edits: list[Edit]

    @property
    def text(self) -> str:
        old, new = self.broken
        assert old in BASES[self.base]
        return f"---\n{BASES[self.base].replace(old, new, 1)}---\n"

    def __str__(self) -> str:
        return f"{self.base}: {self.problem[:50]}"


LOAD, BENCHMARK, SOAK = "load", "benchmark", "soak"
CONTROL = "control: narrow\n"
EXHAUSTION = ("control: without\n", "control: without\nexhaustion: {of: %s, limit: %s}\n")
THROUGHPUT = "measure: throughput, compare: wide / narrow, at_least: 2.5"
CPU_LIMIT = (
    f"{THROUGHPUT}}}\n",
    "measure: cpu, arm: wide, at_least: 80%}\nlimits: {target_cpu: 75%}\n",
)
GROWTH = "measure: time, arm: whole, grows: linear"
ROOMS = "slope: rooms, compare: with - without, at_least: 600/min"
MANY = ", ".join(map(str, [*range(64), 1024]))


def _passing(names: str) -> Edit:
    return CONTROL, f"{CONTROL}pass: {names}\n"


def _bound(measure: str, bound: str) -> Edit:
    return THROUGHPUT, f"measure: {measure}, arm: wide, {bound}"


def _exhausted(series: str, limit: str) -> Edit:
    return EXHAUSTION[0], EXHAUSTION[1] % (series, limit)


MORE = [
    Refused(LOAD, ("  narrow: {DB_POOL_SIZE: 5}\n  wide: {DB_POOL_SIZE: 20}\n", "  {}\n"),
            "there is no arm", "Add one.",
            [("  {}\n", "  narrow: {DB_POOL_SIZE: 5}\n  wide: {DB_POOL_SIZE: 20}\n")]),
    Refused(BENCHMARK, ("[1, 4, 16, 64, 256, 1024]", f"[{MANY}]"), "`lines` has 65 entries",
            "Write at most 64.",
            [(" 63,", ""), ("budget: 5m", "budget: 5h"), ("at: 1024", "at: 1024")]),
    Refused(LOAD, _passing("[]"), "`pass` names no variable", "Remove it, or name one: pass: [API",
            [("pass: []", "pass: [API_TOKEN]")]),
    Refused(LOAD, _passing("API_TOKEN"), "not a list", "as in `- item`",
            [("pass: API_TOKEN", "pass:\n- API_TOKEN")]),
    Refused(LOAD, _passing("[API-TOKEN]"), "is not the name of an environment variable",
            "in letters, digits and _", [("API-TOKEN", "API_TOKEN")]),
    Refused(LOAD, _passing("[AB, CD, AB]"), "`pass` names AB twice", "Keep one of the two.",
            [(", AB]", "]")]),
    Refused(LOAD, _passing("[HOME, AB]"), "which every process of the lab gets", "Remove it.",
            [("HOME, ", "")]),
    Refused(LOAD, _passing("[LOCUST_HOST, AB]"), "is an option of Locust", "a variable of another",
            [("LOCUST_HOST", "SHOP_HOST")]),
    Refused(BENCHMARK, ("control: whole\n", "control: whole\npass: [PART, AB]\n"),
            "PART is passed, and set by arm whole as well", "Keep one of the two.",
            [("PART, AB", "AB")]),
    Refused(BENCHMARK, ("bench_fingerprint.py", "bench_fingerprint.py::test_digest[1]"),
            "names the values of parameters", "Name the function alone, and the values under",
            [("[1]\n", "\n")]),
    Refused(BENCHMARK, ("{lines: [1, 4, 16, 64, 256, 1024]}", "{}"), "`params` has no entries",
            "Name a parameter: {depth: [0, 1000]}.",
            [("params: {}", "params: {lines: [1, 4, 16, 64, 256, 1024]}")]),
    Refused(BENCHMARK, ("{lines: [1, 4,", "{how: , lines: [1, 4,"), "not a value",
            "Write a value: how: 10", [("how: ,", "how: 10,")]),
    Refused(BENCHMARK, ("[1, 4,", "[one, 4,"), "not a number", "Write a number:",
            [("one, 4", "0.5, 4")]),
    Refused(BENCHMARK, ("{lines: [1, 4, 16, 64, 256, 1024]}", "{lines: 10}"), "sizes are too few",
            "Give `params:` at least 4", [("lines: 10", "lines: [1, 4, 16, 1024]")]),
    Refused(LOAD, _bound("latency_p95", "within: [500, 900ms]"), "`within` has a unit at one end",
            "Write both ends with a unit: 500ms.", [("[500,", "[500ms,")]),
    Refused(LOAD, _bound("latency_p95", "at_most: 500"), "would be 500 s",
            "Write 500ms if milliseconds are meant", [("at_most: 500", "at_most: 500ms")]),
    Refused(LOAD, _bound("latency_p95", "at_most: 100s"), "no latency_p95 of wide can reach 100s",
            "or less, or lengthen the trial", [("at_most: 100s", "at_most: 35s")]),
    Refused(LOAD, _bound("latency_p95", "at_most: 100s"), "no latency_p95 of wide can reach 100s",
            "or less, or lengthen the trial",
            [("window: 4s", "window: 80s"), ("budget: 5m", "budget: 2h")]),
    Refused(LOAD, _bound("cpu", "at_most: 5000"), "no cpu of wide can be 5000", "",
            [("at_most: 5000", "at_most: 50%")]),
    Refused(LOAD, _bound("error_rate", "at_most: 1%"), "a bound at most 0.01 decides nothing",
            "Write `allow: {error_rate: 100%}`",
            [("budget:", "allow: {error_rate: 100%}\nbudget:")]),
    Refused(LOAD, _bound("error_rate", "at_most: 1%"), "a bound at most 0.01 decides nothing",
            "or another share above the bound", [("budget:", "allow: {error_rate: 2%}\nbudget:")]),
    Refused(LOAD, _bound("error_rate", "at_most: 0"), "an error_rate is at most 0",
            "Choose a bound above 0",
            [("at_most: 0", "at_most: 0.1%"), ("budget:", "allow: {error_rate: 1%}\nbudget:")]),
    Refused(LOAD, _bound("error_rate", "at_least: 100%"), "an error_rate is at least 1",
            "Choose a bound below 100%",
            [("at_least: 100%", "at_least: 90%"),
             ("budget:", "allow: {error_rate: 100%}\nbudget:")]),
    Refused(LOAD, CPU_LIMIT, "a bound at least 0.8 decides nothing",
            "Remove `target_cpu` from `limits`", [("limits: {target_cpu: 75%}\n", "")]),
    Refused(LOAD, CPU_LIMIT, "a bound at least 0.8 decides nothing",
            "or set it above the bound", [("75%", "90%")]),
    Refused(LOAD, _bound("rss_bytes", "at_most: 512"), "no rss_bytes of wide", "512MB",
            [("at_most: 512", "at_most: 512MB")]),
    Refused(LOAD, _bound("throughput", "at_least: 5MB"), "not measured in MB", "Write it as in",
            [("5MB", "30/s")]),
    Refused(LOAD, (THROUGHPUT, "measure: throughput, compare: wide / narrow, at_least: 20%"),
            "takes the ratio of two arms", "Write 0.2 for 0.2 times as much, or 1.2 for",
            [("at_least: 20%", "at_least: 1.2")]),
    Refused(LOAD, (THROUGHPUT, "measure: throughput, compare: wide / narrow, at_least: 5ms"),
            "takes the ratio of two arms", "Write how many times as much it is",
            [("at_least: 5ms", "at_least: 0.8")]),
    Refused(BENCHMARK, (GROWTH, "count: queries, arm: whole, at: 1, at_most: 5ms"),
            "a count has no unit", "Write the number alone: 5.", [("5ms", "5")]),
    Refused(LOAD, _bound("latency_p95", 'at_most: ".5s"'), "not written like a number",
            "Write 0.5s, without quotes", [('".5s"', "0.5s")]),
    Refused(LOAD, ("load: {users: 50}", "load: {rate: 20MB, arrivals: poisson}"), "is a rate",
            "as in 20 or 20/s", [("20MB", "20/s")]),
    Refused(LOAD, ("budget:", "allow: {error_rate: 5MB}\nbudget:"), "is a share, not measured in",
            "as in 5%", [("5MB", "5%")]),
    Refused(LOAD, ("Why is it slow?", '"Why\\x01?"'), "`question` holds an unprintable",
            "Remove it.", [("\\x01", "")]),
    Refused(LOAD, ("question: Why", "question: Why\x01"), "unprintable character (U+0001)",
            "Remove it", [("\x01", "")]),
    Refused(LOAD, (THROUGHPUT, "measure: recovery, arm: wide, at_most: 2"), "needs the stage",
            "Give the load named `stages`, and name one of them with `during:`", [
                ("{users: 50}", "{arrivals: constant, stages: [{name: a, rate: 50, for: 4s}, "
                 "{name: b, rate: 90, for: 4s}, {rate: 50, for: 4s}]}"),
                ("window: 4s", "window: 12s"), ("recovery, arm", "recovery, during: b, arm")]),
    Refused(SOAK, (ROOMS, "measure: recovery, arm: with, at_most: 2"), "needs the stage",
            "Choose another measure: a soak has no stages.", [("recovery", "latency_p95")]),
    Refused(SOAK, (ROOMS, "measure: latency_p95, during: a, arm: with, at_most: 2"),
            "the load has no named stages", "Remove `during`.", [("during: a, ", "")]),
    Refused(SOAK, (ROOMS, "measure: peak_throughput, arm: with, at_least: 2"), "needs a sweep",
            "Choose another measure: a soak has one rate.", [("peak_throughput", "throughput")]),
    Refused(LOAD, _bound("rss_bytes", "at_most: 5 MB/h"), "for a slope, not for a measure",
            "or the bound without the time", [("5 MB/h", "5 MB")]),
    Refused(LOAD, ("budget: 5m", "budget: 5m\nstatistic: min"), "unknown key `statistic`",
            "Remove it: it belongs to benchmark, not to load.", [("statistic: min\n", "")]),
    Refused(SOAK, _exhausted("rss_bytes", "80%"), "is not measured in %",
            "in the unit of the series, or without one", [("80%", "512 MB")]),
    Refused(SOAK, _exhausted("rss_bytes", "512"), "512", "512MB", [("limit: 512", "limit: 512MB")]),
    Refused(SOAK, _exhausted("latency_p95", "500"), "would be 500 s", "Write 500ms if",
            [("limit: 500", "limit: 500ms")]),
    Refused(SOAK, _exhausted("error_rate", "5"), "no share is above 1", "Write a share up to 100%",
            [("limit: 5}", "limit: 5%}")]),
    Refused(SOAK, _exhausted("cpu", "5000"), "and this machine has", "",
            [("limit: 5000", "limit: 50%")]),
]  # fmt: skip
