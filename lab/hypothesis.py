"""The frozen claim: one Markdown file in `hypotheses/`, loaded, validated and sealed."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from lab import frontmatter
from lab.frontmatter import Flaw, Node, shown, suggestion

FOLDER = "hypotheses"
SCENARIOS = "scenarios"
LEAST_BLOCKS = 4  # no verdict is reached on fewer
MOST_USERS = 10_000
MOST_ENTRIES = 64  # arms, settings or measures
MOST_STATEMENTS = 8  # predictions or rivals: refuting one of k is tested at alpha / k
LEAST_WINDOW_S = 1.0
LONGEST_S = 7 * 24 * 3600.0


class HypothesisError(Exception):
    """A hypothesis file that cannot be used: what is wrong, where, and what would be right."""

    def __init__(self, path: Path, line: int | None, problem: str, remedy: str) -> None:
        self.path, self.line, self.problem, self.remedy = path, line, problem, remedy
        place = f"{path}:{line}" if line else str(path)
        super().__init__(f"{place}: {problem}. {remedy}")


class Span(NamedTuple):
    """The values from `low` to `high`; no measure yields a negative one."""

    low: float
    high: float

    def inverse(self) -> Span:
        """The same of 1/x: what a bound on a / b says of b / a."""
        return Span(1 / self.high, 1 / self.low if self.low else math.inf)

    def inside(self, other: Span) -> bool:
        """Whether every value of this one is one of the other."""
        return _reaches(self.low, other.low) and _reaches(other.high, self.high)

    def apart(self, other: Span) -> bool:
        """Whether the two share no more than an end."""
        if self.inside(other) or other.inside(self):
            return False
        return _reaches(self.low, other.high) or _reaches(other.low, self.high)

    def overlap(self, other: Span) -> Span:
        """The values that both hold."""
        return Span(max(self.low, other.low), min(self.high, other.high))


def _reaches(a: float, b: float) -> bool:
    return a >= b or math.isclose(a, b, rel_tol=1e-9)  # 1/x of 1/x is not quite x


@dataclass(frozen=True)
class Bound:
    """What a prediction's measure must meet; exactly one of the three is set."""

    at_least: float | None = None
    at_most: float | None = None
    within: tuple[float, float] | None = None

    @property
    def span(self) -> Span:
        """The values that meet it."""
        if self.within is not None:
            return Span(*self.within)
        return Span(
            0.0 if self.at_least is None else self.at_least,
            math.inf if self.at_most is None else self.at_most,
        )

    def __str__(self) -> str:
        if self.at_least is not None:
            return f"at least {self.at_least:g}"
        if self.at_most is not None:
            return f"at most {self.at_most:g}"
        assert self.within is not None
        return f"within {self.within[0]:g} to {self.within[1]:g}"


@dataclass(frozen=True)
class Comparison:
    """`compare: numerator / denominator`, both names of arms."""

    numerator: str
    denominator: str

    def __str__(self) -> str:
        return f"{self.numerator} / {self.denominator}"


@dataclass(frozen=True)
class Prediction:
    """One checkable statement; exactly one of `arm` (a level) and `compare` (a ratio) is set."""

    says: str
    measure: str
    bound: Bound
    arm: str | None = None
    compare: Comparison | None = None

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms whose trials this prediction is judged on."""
        if self.compare is not None:
            return (self.compare.numerator, self.compare.denominator)
        assert self.arm is not None
        return (self.arm,)


@dataclass(frozen=True)
class Rival:
    """Another explanation, and what would be seen if it were the true one."""

    claim: str
    prediction: Prediction


@dataclass(frozen=True)
class ClosedLoad:
    """A fixed number of users, each waiting for its answer before it goes on."""

    users: int


@dataclass(frozen=True)
class TrialTimes:
    """Seconds of a trial that are cut (warm-up) and measured (window)."""

    warmup_s: float
    window_s: float


@dataclass(frozen=True)
class MetricRatio:
    """Delta of one Prometheus counter over the delta of another, selectors allowed in both."""

    numerator: str
    denominator: str


@dataclass(frozen=True)
class MetricRate:
    """Delta of a Prometheus counter per second of the window."""

    metric: str


Metric = MetricRatio | MetricRate


@dataclass(frozen=True)
class Allow:
    """What is expected and does not make the run invalid."""

    error_rate: float = 0.0


@dataclass(frozen=True)
class Limits:
    """Further conditions without which a trial is not to be trusted; None is not checked."""

    target_cpu: float | None = None  # service, database and downstream together, of one core


@dataclass(frozen=True)
class Hypothesis:
    """A claim about a bottleneck with all that a run needs, as written down before the data."""

    name: str
    question: str
    claim: str
    kind: str
    scenario: str  # relative to the project folder, forward slashes
    load: ClosedLoad
    trial: TrialTimes
    settings: Mapping[str, str]  # of the service, in every arm
    arms: Mapping[str, Mapping[str, str]]  # `settings` included
    control: str
    measures: Mapping[str, Metric]
    allow: Allow
    limits: Limits
    predictions: tuple[Prediction, ...]
    rivals: tuple[Rival, ...]
    budget_s: float
    prose: str
    text: str  # the file as read
    digest: str  # seal of the whole file: "sha256:..."
    claim_digest: str  # seal of what is claimed (predictions, rivals, bounds), prose aside


# --- the words of measures -----------------------------------------------------------------

PER_REQUEST = ("throughput", "error_rate", "latency_mean")
PER_PROCESS = ("cpu", "rss_bytes", "descriptors", "throttled")
SHARES = ("error_rate", "throttled")  # between 0 and 1, both included
_QUANTILE = re.compile(r"latency_p((?:0|[1-9][0-9]?)(?:\.[0-9]*[1-9])?)")
_QUOTED = r'"((?:[^"\\\n]|\\[\\"n])*)"'
_LABEL = re.compile(rf"([a-zA-Z_][a-zA-Z0-9_]*)={_QUOTED}(?:, *(?=[a-zA-Z_])|\Z)")
_MEASURE = re.compile(rf"([a-z][a-z0-9_.]*)(?:\{{name={_QUOTED}\}})?")
_METRIC = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?")


class Measure(NamedTuple):
    """What a prediction names: a measure, and the one request that it is taken of, if so."""

    base: str
    request: str | None = None

    @property
    def quantile(self) -> float | None:
        """99.9 of `latency_p99.9`; None where the measure is no quantile."""
        match = _QUANTILE.fullmatch(self.base)
        return (float(match[1]) or None) if match else None

    @property
    def of_requests(self) -> bool:
        """Whether it is built in and can be taken of one request name."""
        return self.base in PER_REQUEST or self.quantile is not None

    @property
    def is_share(self) -> bool:
        """Whether it is built in and lies between 0 and 1."""
        return self.base in SHARES

    @property
    def built_in(self) -> bool:
        """Whether every trial yields it, so that no file has to define it."""
        return self.of_requests or self.base in PER_PROCESS


class Selector(NamedTuple):
    """A Prometheus metric, and the labels that its samples must carry."""

    metric: str
    labels: dict[str, str]


def parse_measure(text: str) -> Measure:
    """Reads `name` or `name{name="request"}`; ValueError if it is neither."""
    match = _MEASURE.fullmatch(text)
    if not match:
        raise ValueError(f"{shown(text)} is not the name of a measure")
    return Measure(match[1], None if match[2] is None else _unescaped(match[2]))


def parse_selector(text: str) -> Selector:
    """Reads `metric` or `metric{label="value", ...}`; ValueError if it is neither."""
    match = _METRIC.fullmatch(text)
    if not match:
        raise ValueError(f"{shown(text)} is not the name of a metric")
    labels: dict[str, str] = {}
    inner, place = match[2] or "", 0
    while place < len(inner):
        label = _LABEL.match(inner, place)
        if not label or label[1] in labels:
            raise ValueError(f'the labels of {shown(text)} are not of the form label="value"')
        labels[label[1]] = _unescaped(label[2])
        place = label.end()
    return Selector(match[1], labels)


def _unescaped(quoted: str) -> str:
    return re.sub(r"\\(.)", lambda escape: {"n": "\n"}.get(escape[1], escape[1]), quoted)


# --- finding and loading -------------------------------------------------------------------

_FILE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def names(project: Path) -> list[str]:
    """The names of all hypotheses of a project."""
    files = (project / FOLDER).glob("*.md")
    return sorted(path.stem for path in files if _FILE_NAME.fullmatch(path.stem))


def find(name: str, project: Path) -> Path:
    """The file of the hypothesis of this name."""
    known = names(project)
    if name in known:
        return project / FOLDER / f"{name}.md"
    folder = project / FOLDER
    if not known:
        raise HypothesisError(folder, None, "there is no hypothesis here", "Write NAME.md into it.")
    plain = PurePosixPath(name).stem
    remedy = f"Did you mean `{plain}`?" if plain in known else suggestion(plain, known)
    if not _FILE_NAME.fullmatch(name):
        problem = f"{shown(name)} is not a plain name (a-z, 0-9, - and _)"
        raise HypothesisError(folder, None, problem, remedy)
    raise HypothesisError(folder / f"{name}.md", None, "there is no such hypothesis", remedy)


def headline(path: Path) -> str:
    """The question that a file asks; the rest of its front matter may be wrong."""
    with _located(path):
        root = frontmatter.parse(frontmatter.read(path)).root
        if "question" not in root.mapping():
            raise root.flaw("there is no `question`", "Add `question:` to the front matter.")
        return root.at("question").text()


def load(path: Path, project: Path) -> Hypothesis:
    """Reads, checks and seals a hypothesis file; HypothesisError says what is wrong with it."""
    with _located(path):
        text = frontmatter.read(path)
    return loads(text, path, project)


def loads(
    text: str, path: Path, project: Path, *, name: str | None = None, sealed: bool = False
) -> Hypothesis:
    """The same of a text, as if it stood at `path`.

    Args:
        text: The whole file.
        path: Where messages say that it stands.
        project: The folder that the scenario's path starts from.
        name: The hypothesis' name, where it is not that of the file (the copy of a run).
        sealed: It was checked when it was run; its scenario may have gone since.
    """
    name = name or path.stem
    with _located(path):
        if not _FILE_NAME.fullmatch(name) or path.suffix != ".md":
            raise Flaw(None, "the file's name is not plain", "Name it as in pool-exhaustion.md.")
        text = frontmatter.normalised(text)
        document = frontmatter.parse(text)
        values = document.root.fields(_fields(None if sealed else project), _OPTIONAL)
        settings = values.pop("settings", {})
        unsealed = Hypothesis(
            name=name,
            settings=settings,
            arms={arm: {**settings, **own} for arm, own in values.pop("arms").items()},
            measures=values.pop("measures", {}),
            allow=values.pop("allow", Allow()),
            limits=values.pop("limits", Limits()),
            prose=document.prose,
            text=text,
            digest=_seal(text),
            claim_digest="",
            budget_s=values.pop("budget"),
            **values,
        )
        for flaw in sorted(_contradictions(unsealed, document.root), key=lambda f: f.line or 0):
            raise flaw
    return replace(unsealed, claim_digest=_claim_digest(unsealed, project))


@contextmanager
def _located(path: Path) -> Iterator[None]:
    try:
        yield
    except Flaw as flaw:
        raise HypothesisError(path, flaw.line, flaw.problem, flaw.remedy) from None


# --- the seals -----------------------------------------------------------------------------

_NOT_DECIDING = (
    *("name", "question", "claim", "prose", "budget_s"),
    *("text", "digest", "claim_digest"),
    *("settings", "predictions", "rivals"),  # settings are in the arms; the others see below
)


def _seal(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _claim_digest(hypothesis: Hypothesis, project: Path) -> str:
    """Seals all that decides the verdict, the scenario's code included, and no wording."""
    claimed = {key: value for key, value in asdict(hypothesis).items() if key not in _NOT_DECIDING}
    claimed["predictions"] = [asdict(replace(p, says="")) for p in hypothesis.predictions]
    claimed["rivals"] = [asdict(replace(r.prediction, says="")) for r in hypothesis.rivals]
    scenario = project / hypothesis.scenario  # gone, perhaps, where an old run is read
    claimed["load_code"] = _seal(scenario.read_text("utf-8")) if scenario.is_file() else None
    return _seal(json.dumps(claimed, sort_keys=True))


# --- reading the keys ----------------------------------------------------------------------

_OPTIONAL = ("settings", "measures", "allow", "limits")
_ARM = re.compile(r"[a-z][a-z0-9-]*")
_CUSTOM = re.compile(r"[a-z][a-z0-9_]*")
_SETTING = re.compile(r"[A-Z][A-Z0-9_]*")
_LOADING = re.compile(  # what changes how a process is loaded, found or run
    r"(LD_|DYLD_|PYTHON|MALLOC_|GLIBC_|PERL5).*"
    r"|PATH|HOME|SHELL|ENV|BASH_ENV|IFS|GCONV_PATH|LOCPATH|NLSPATH|OPENSSL_CONF"
    r"|NODE_OPTIONS|NODE_PATH|RUBYLIB|RUBYOPT|JAVA_TOOL_OPTIONS|JDK_JAVA_OPTIONS"
)
_OF_THE_LAB = ("DATABASE_URL", "PRICING_URL", "DB_MIGRATE_ON_START")
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(ms|s|m|h)")
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_COMPARE = re.compile(r"([^\s/]+) ?/ ?([^\s/]+)")

Reader = Callable[[Node], Any]


def _fields(project: Path | None) -> dict[str, Reader]:
    return {
        "question": Node.text,
        "claim": Node.text,
        "kind": _kind,
        "scenario": lambda node: _scenario(node, project),
        "load": lambda node: ClosedLoad(**node.fields({"users": lambda n: n.whole(1, MOST_USERS)})),
        "trial": _trial,
        "settings": _settings,
        "arms": _arms,
        "control": Node.exact,
        "measures": _measures,
        "allow": lambda node: Allow(**node.fields({"error_rate": _share}, ("error_rate",))),
        "limits": lambda node: Limits(**node.fields({"target_cpu": _share}, ("target_cpu",))),
        "predictions": lambda node: _predictions(node, _prediction),
        "rivals": lambda node: _predictions(node, _rival),
        "budget": _duration,
    }


def _kind(node: Node) -> str:
    kind = node.text()
    if kind in ("benchmark", "soak"):
        raise node.flaw(f"`kind: {kind}` is not available in this version", "Write `kind: load`.")
    if kind != "load":
        raise node.flaw(f"unknown kind {shown(kind)}", "Write `kind: load`.")
    return kind


def _scenario(node: Node, project: Path | None) -> str:
    text = node.exact()
    path = PurePosixPath(text)
    inside = path.parts[:1] == (SCENARIOS,) and ".." not in path.parts and "\\" not in text
    if not inside or path.suffix != ".py" or str(path) != text:
        raise node.flaw(
            f"the scenario {shown(text)} is not a Python file under {SCENARIOS}/",
            f"Write its path from the project folder, as in {SCENARIOS}/checkout.py.",
        )
    if project is not None:
        _refuse_elsewhere(node, project)
    return text


def _refuse_elsewhere(node: Node, project: Path) -> None:
    """A scenario that is missing, or that is a link to a place outside the project."""
    file = project / node.written
    if not _is_file(file):
        known = [f"{SCENARIOS}/{other.name}" for other in (project / SCENARIOS).glob("*.py")]
        remedy = suggestion(node.written, known) if known else f"Put a file into {SCENARIOS}/."
        raise node.flaw(f"there is no scenario {shown(node.written)}", remedy)
    if not file.resolve().is_relative_to(project.resolve()):
        raise node.flaw(
            f"the scenario {shown(node.written)} is a link that leaves the project",
            f"Put the file itself into {SCENARIOS}/.",
        )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the file system
        return False


def _duration(node: Node) -> float:
    match = _DURATION.fullmatch(node.written)
    if not match:
        raise node.misfit("a duration", "a number and its unit (ms, s, m or h), as in 4s")
    seconds = float(match[1]) * _UNITS_S[match[2]]
    if seconds > LONGEST_S:
        raise node.flaw(f"{node.title} is longer than seven days", "Write a shorter time.")
    return seconds


def _trial(node: Node) -> TrialTimes:
    values = node.fields({"warmup": _duration, "window": _duration})
    if values["window"] < LEAST_WINDOW_S:
        raise node.at("window").flaw("the `window` is shorter than a second", "Write 1s or more.")
    return TrialTimes(warmup_s=values["warmup"], window_s=values["window"])


def _settings(node: Node) -> dict[str, str]:
    return {name: _setting(child) for name, child in node.mapping().items()}


def _setting(node: Node) -> str:
    if not _SETTING.fullmatch(node.name):
        raise node.flaw(
            f"{shown(node.name)} is not the name of a setting",
            "Write it in capitals, digits and _, as in DB_POOL_SIZE.",
        )
    if _LOADING.fullmatch(node.name):
        raise node.flaw(
            f"{node.title} changes how a process is loaded",
            "Remove it: an arm may only set what the service itself reads.",
        )
    if node.name in _OF_THE_LAB:
        raise node.flaw(f"{node.title} is set by the lab itself, per arm", "Remove it.")
    if isinstance(node.value, bool):
        return str(node.value).lower()
    if node.value is None or isinstance(node.value, dict | list) or "\n" in node.written:
        raise node.flaw(
            f"{node.title} is not a single value",
            "Write one number, true, false or text on one line ('' for an empty one).",
        )
    return node.written


def _entries(node: Node, pattern: re.Pattern[str], what: str, example: str) -> dict[str, Node]:
    """A mapping whose keys are names of the file's own making."""
    entries = node.mapping()
    for name, child in entries.items():
        if not pattern.fullmatch(name):
            raise child.flaw(
                f"{shown(name)} is not the name of {what}", f"Write it like {example}."
            )
    _not_too_many(node, len(entries))
    return entries


def _not_too_many(node: Node, count: int, most: int = MOST_ENTRIES) -> None:
    if count > most:
        raise node.flaw(f"{node.title} has {count} entries", f"Keep to {most}.")


def _arms(node: Node) -> dict[str, dict[str, str]]:
    entries = _entries(node, _ARM, "an arm", "wide or short-hold (a-z, 0-9 and -)")
    if len(entries) < 2:
        raise node.flaw("there are fewer than two arms", "Add an arm to compare with.")
    return {arm: _settings(child) for arm, child in entries.items()}


def _measures(node: Node) -> dict[str, Metric]:
    entries = _entries(node, _CUSTOM, "a measure", "pool_wait_share (a-z, 0-9 and _)")
    return {name: _metric(child) for name, child in entries.items()}


def _metric(node: Node) -> Metric:
    if Measure(node.name).built_in:
        raise node.flaw(f"{node.title} is a built-in measure", "Choose another name.")
    found = node.fields({"ratio": _metric_ratio, "rate": _metric_rate}, ("ratio", "rate"))
    metric: Metric = found[_only_one(node, "ratio", "rate")]
    return metric


def _metric_ratio(node: Node) -> MetricRatio:
    items = node.sequence()
    if len(items) != 2:
        raise node.flaw(f"`ratio` needs two metrics, not {len(items)}", "Write ['above', 'below'].")
    return MetricRatio(*map(_selector, items))


def _metric_rate(node: Node) -> MetricRate:
    return MetricRate(_selector(node))


def _selector(node: Node) -> str:
    text = node.exact()
    try:
        parse_selector(text)
    except ValueError as error:
        raise node.flaw(
            str(error), "Write a Prometheus metric, as in 'requests_total{route=\"/orders\"}'."
        ) from None
    return text


def _share(node: Node) -> float:
    share = node.number()
    if not 0 <= share <= 1:
        raise node.flaw(f"{node.title} is {share:g}, not a share", "Write a number from 0 to 1.")
    return share


_BOUNDS = ("at_least", "at_most", "within")
_PREDICTION: Mapping[str, Reader] = {
    "says": Node.text,
    "measure": lambda node: _measure(node),
    "arm": Node.exact,
    "compare": lambda node: _comparison(node),
    "at_least": Node.number,
    "at_most": Node.number,
    "within": lambda node: _within(node),
}
_ALTERNATIVES = ("arm", "compare", *_BOUNDS)


def _predictions(node: Node, read: Callable[[Node], Any]) -> tuple[Any, ...]:
    items = node.sequence()
    _not_too_many(node, len(items), MOST_STATEMENTS)
    if not items:
        raise node.flaw(
            f"{node.title} is empty", "A hypothesis needs a prediction and a rival: add one."
        )
    return tuple(map(read, items))


def _prediction(node: Node) -> Prediction:
    return _predicted(node, node.fields(_PREDICTION, _ALTERNATIVES))


def _rival(node: Node) -> Rival:
    values = node.fields({"claim": Node.text, **_PREDICTION}, _ALTERNATIVES)
    return Rival(values.pop("claim"), _predicted(node, values))


def _predicted(node: Node, values: dict[str, Any]) -> Prediction:
    _only_one(node, "arm", "compare")
    bound = _only_one(node, *_BOUNDS)
    return Prediction(bound=Bound(**{bound: values.pop(bound)}), **values)


def _only_one(node: Node, *keys: str) -> str:
    """Which of these keys the mapping has; it must be exactly one."""
    found = [key for key in node.mapping() if key in keys]
    if not found:
        raise node.flaw(f"{node.title} has none of {', '.join(keys)}", "Add one of them.")
    if len(found) > 1:
        raise node.at(found[1]).flaw(
            f"`{found[1]}` stands beside `{found[0]}`", "Keep one of the two."
        )
    return found[0]


def _measure(node: Node) -> str:
    text = node.exact()
    try:
        parse_measure(text)
    except ValueError as error:
        raise node.flaw(
            str(error), 'Write one as in throughput or latency_p99{name="/orders"}.'
        ) from None
    return text


def _comparison(node: Node) -> Comparison:
    match = _COMPARE.fullmatch(node.exact())
    if not match:
        raise node.flaw(
            f"{shown(node.written)} does not compare two arms", "Write it as in wide / narrow."
        )
    return Comparison(match[1], match[2])


def _within(node: Node) -> tuple[float, float]:
    items = node.sequence()
    if len(items) != 2:
        raise node.flaw(f"`within` needs two numbers, not {len(items)}", "Write [low, high].")
    low, high = (item.number() for item in items)
    if low >= high:
        raise node.flaw(
            f"nothing lies within {low:g} to {high:g}", "Write the lower number first: [low, high]."
        )
    return low, high


# --- what the keys say together ------------------------------------------------------------


@dataclass(frozen=True)
class _Statement:
    """A prediction, whether of the claim or of a rival, and where it stands."""

    prediction: Prediction
    node: Node

    @property
    def subject(self) -> str:
        """What is measured, in words."""
        of = self.prediction.compare or self.prediction.arm
        return f"{self.prediction.measure} of {of}"

    @property
    def quantity(self) -> tuple[str, ...]:
        """What is measured: the same for a / b and b / a."""
        return (self.prediction.measure, *sorted(self.prediction.arms))

    @property
    def span(self) -> Span:
        """The values foreseen, of the ratio in the arms' alphabetical order."""
        compare, span = self.prediction.compare, self.prediction.bound.span
        mirrored = compare is not None and compare.numerator > compare.denominator
        return span.inverse() if mirrored else span


def _contradictions(hypothesis: Hypothesis, root: Node) -> Iterator[Flaw]:
    claimed = [
        _Statement(prediction, root.at("predictions", i))
        for i, prediction in enumerate(hypothesis.predictions)
    ]
    rivals = [
        _Statement(rival.prediction, root.at("rivals", i))
        for i, rival in enumerate(hypothesis.rivals)
    ]
    yield from _wrong_arms(hypothesis, root, claimed + rivals)
    yield from _short_budget(hypothesis, root)
    unsound = [
        flaw
        for statement in claimed + rivals
        for flaw in (*_wrong_measure(statement, hypothesis.measures), *_idle_bound(statement))
    ]
    yield from unsound
    if not unsound:  # bounds can be set against each other only where each makes sense
        yield from _clashes(claimed)
        yield from _decided(rivals, claimed)


def _wrong_arms(hypothesis: Hypothesis, root: Node, statements: list[_Statement]) -> Iterator[Flaw]:
    arms = hypothesis.arms
    if hypothesis.control not in arms:
        problem = f"the control {shown(hypothesis.control)} is not an arm"
        yield root.at("control").flaw(problem, suggestion(hypothesis.control, arms))
    used = set()
    for statement in statements:
        prediction = statement.prediction
        place = statement.node.at("compare" if prediction.compare else "arm")
        for arm in prediction.arms:
            used.add(arm)
            if arm not in arms:
                yield place.flaw(f"there is no arm {shown(arm)}", suggestion(arm, arms))
        if prediction.compare and len(set(prediction.arms)) == 1:
            yield place.flaw("an arm is compared with itself", "Name two different arms.")
    for arm in arms:
        if arm not in used and used <= set(arms):  # a misspelt arm is no unused one
            yield root.at("arms", arm).flaw(
                f"no prediction and no rival uses the arm `{arm}`",
                "Remove the arm, or predict something of it.",
            )


def _wrong_measure(statement: _Statement, custom: Mapping[str, Metric]) -> Iterator[Flaw]:
    measure = parse_measure(statement.prediction.measure)
    place = statement.node.at("measure")
    if not measure.built_in and measure.base not in custom:
        known = [*PER_REQUEST, "latency_p50", "latency_p95", "latency_p99", *PER_PROCESS, *custom]
        yield place.flaw(f"unknown measure {shown(measure.base)}", suggestion(measure.base, known))
    elif measure.request is not None and not measure.of_requests:
        yield place.flaw(
            f"`{measure.base}` cannot be taken of one request", f"Write `{measure.base}` alone."
        )
    elif measure.is_share and statement.prediction.compare:
        name = measure.base.replace("_", " ")
        yield place.flaw(
            f"shares ({name}) cannot be compared as a ratio, since they may be 0",
            f"Name one `arm:` instead of `compare:`, and bound its {name}.",
        )


def _idle_bound(statement: _Statement) -> Iterator[Flaw]:
    """A bound that nothing could miss, or that nothing could meet."""
    domain = _domain(statement.prediction)
    bound, span = statement.prediction.bound, statement.prediction.bound.span
    place = statement.node.at(next(key for key in _BOUNDS if getattr(bound, key) is not None))
    if domain.high < math.inf:
        possible = f"from {domain.low:g} to {domain.high:g}"
    else:
        possible = "more than 0" if domain.low else "0 or more"
    remedy = f"Choose a bound that can turn out either way: {statement.subject} is {possible}."
    if span.low > domain.high or span.high < domain.low:
        yield place.flaw(f"no {statement.subject} can be {bound}", remedy)
    elif bound.within and (span.low < domain.low or span.high > domain.high):
        yield place.flaw(f"a bound {bound} goes beyond what {statement.subject} can be", remedy)
    elif span.low <= domain.low and span.high >= domain.high:
        yield place.flaw(f"every {statement.subject} is {bound}", remedy)


def _domain(prediction: Prediction) -> Span:
    """Where a measure can lie at all."""
    measure = parse_measure(prediction.measure)
    if measure.is_share:
        return Span(0, 1)
    may_be_zero = not (measure.built_in or prediction.compare)
    return Span(0 if may_be_zero else math.nextafter(0, 1), math.inf)


def _clashes(claimed: list[_Statement]) -> Iterator[Flaw]:
    for i, later in enumerate(claimed):
        for earlier in claimed[:i]:
            if earlier.quantity != later.quantity:
                continue
            line = earlier.node.line
            if earlier.span.inside(later.span) and later.span.inside(earlier.span):
                yield later.node.flaw(
                    f"this predicts the same as line {line}", "Remove one of the two."
                )
            elif earlier.span.apart(later.span):
                yield later.node.flaw(
                    f"this can never hold together with line {line} ({later.subject})",
                    "Mend one of the two bounds.",
                )


def _decided(rivals: list[_Statement], claimed: list[_Statement]) -> Iterator[Flaw]:
    for rival in rivals:
        foreseen = [c.span for c in claimed if c.quantity == rival.quantity]
        if not foreseen:
            continue
        together = foreseen[0]
        for span in foreseen[1:]:
            together = together.overlap(span)
        fate = (
            "supported" if together.inside(rival.span)
            else "contradicted" if together.apart(rival.span)
            else None
        )  # fmt: skip
        if fate:
            yield rival.node.flaw(
                f"the predictions of {rival.subject} already decide this rival: "
                f"if they hold, it is {fate}",
                "Let the rival predict what the claim does not: another arm or measure.",
            )


def _short_budget(hypothesis: Hypothesis, root: Node) -> Iterator[Flaw]:
    trial, arms = hypothesis.trial, len(hypothesis.arms)
    least_s = LEAST_BLOCKS * arms * (trial.warmup_s + trial.window_s)
    if hypothesis.budget_s < least_s:
        yield root.at("budget").flaw(
            f"the budget is {root.at('budget').written}, but {LEAST_BLOCKS} blocks "
            f"of {arms} arms take {least_s:g}s",
            f"Write {math.ceil(least_s)}s or more.",
        )
