"""The keys of the front matter, read one by one; every flaw with its line and remedy."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from lab.hypothesis.front_matter import Node, shown, suggestion
from lab.hypothesis.measure_names import Measure, parse_measure, parse_selector
from lab.hypothesis.model import (
    DEFAULT_MAX_USERS,
    GROWTHS,
    MAX_CONSTANT_FACTOR,
    Allow,
    Benchmark,
    Bound,
    ClosedLoad,
    Comparison,
    Exhaustion,
    Hypothesis,
    Limits,
    Load,
    LoadTest,
    Metric,
    MetricRate,
    MetricRatio,
    OpenLoad,
    Parameter,
    Prediction,
    Rival,
    SoakTest,
    Stage,
    Sweep,
)

SCENARIOS = "scenarios"
MOST_USERS = 10_000
LEAST_RATE = 0.01
MOST_RATE = 10_000.0  # arrivals a second
ARRIVALS = ("poisson", "constant")
MOST_ENTRIES = 64  # arms, settings or measures
MOST_STATEMENTS = 8  # predictions or rivals: refuting one of k is tested at alpha / k
LEAST_LEVELS = 4  # a curve that bends has three parameters; the fourth level tells whether it fits
LEAST_WINDOW_S = 1.0
LEAST_ROUNDS_S = 0.02  # of one process of a benchmark
MOST_ROUNDS_S = 60.0
LEAST_BLOCKS = 4  # no verdict is reached on fewer
LONGEST_S = 7 * 24 * 3600.0

OPTIONAL = (
    *("settings", "measures", "allow", "limits"),
    *("params", "database"),
    *("length", "soak", "exhaustion"),
)
_ARM = re.compile(r"[a-z][a-z0-9-]*")
_CUSTOM = re.compile(r"[a-z][a-z0-9_]*")
_SETTING = re.compile(r"[A-Z][A-Z0-9_]*")
_LOADING = re.compile(  # what changes how a process is loaded, found or run
    r"(LD_|DYLD_|PYTHON|PYTEST_|MALLOC_|GLIBC_|PERL5).*"
    r"|PATH|HOME|SHELL|ENV|BASH_ENV|IFS|GCONV_PATH|LOCPATH|NLSPATH|OPENSSL_CONF"
    r"|NODE_OPTIONS|NODE_PATH|RUBYLIB|RUBYOPT|JAVA_TOOL_OPTIONS|JDK_JAVA_OPTIONS"
)
_OF_THE_LAB = ("DATABASE_URL", "PRICING_URL", "DB_MIGRATE_ON_START")
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(ms|s|m|h)")
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_FUNCTION = re.compile(r"test[A-Za-z0-9_]*")
_PARAMETER = re.compile(r"[a-z][a-z0-9_]*")
_COMPARE = re.compile(r"([^\s/]+?)(?: ?(/) ?| (-) )([^\s/]+)")
_QUANTITY = re.compile(r"([-+]?[0-9]+(?:\.[0-9]+)?) ?(B|KB|MB|GB|ms|s|)")
_GROWTH = re.compile(rf"{_QUANTITY.pattern} ?/ ?(h|min)")
_UNITS = {"": 1.0, "B": 1.0, "KB": 1e3, "MB": 1e6, "GB": 1e9, "ms": 1e-3, "s": 1.0}
_NAMED = {  # what a series in such a unit has in its name
    **dict.fromkeys(("B", "KB", "MB", "GB"), ("rss_bytes", "bytes", "memory", "heap")),
    **dict.fromkeys(("ms", "s"), ("latency_p99", "latency", "seconds")),
}
_PER_HOUR = {"h": 1.0, "min": 60.0}
MOST_PAIRS = 12

Reader = Callable[[Node], Any]


def hypothesis_of(root: Node, project: Path | None, **of_file: str) -> Hypothesis:
    """What the keys of a file say, each by itself; its `claim_digest` is still empty.

    Args:
        root: The front matter.
        project: The folder that must hold the scenario; None if that is not checked.
        of_file: The fields of a hypothesis that are not in its front matter.
    """
    kind = _kind(root.at("kind")) if "kind" in root.mapping() else LoadTest.name
    values = root.fields(_keys(kind, project), OPTIONAL)
    settings = values.get("settings", {})
    scenario = values["scenario"]
    return Hypothesis(
        question=values["question"],
        claim=values["claim"],
        kind=_KINDS[kind](values),
        scenario=scenario[0] if isinstance(scenario, tuple) else scenario,
        settings=settings,
        arms={arm: {**settings, **own} for arm, own in values["arms"].items()},
        control=values["control"],
        measures=values.get("measures", {}),
        allow=values.get("allow", Allow()),
        limits=values.get("limits", Limits()),
        predictions=values["predictions"],
        rivals=values["rivals"],
        claim_digest="",
        **of_file,
    )


def _load_test(values: Mapping[str, Any]) -> LoadTest:
    warmup_s, window_s = values["trial"]
    return LoadTest(values["load"], warmup_s, window_s, values["budget"])


def _benchmark(values: Mapping[str, Any]) -> Benchmark:
    return Benchmark(
        statistic=values["statistic"],
        window_s=values["trial"],
        budget_s=values["budget"],
        function=values["scenario"][1],
        parameter=values.get("params"),
        database=values.get("database", False),
    )


def _soak_test(values: Mapping[str, Any]) -> SoakTest:
    """Arms that are compared need several blocks; one arm alone needs the whole time."""
    predictions = [*values["predictions"], *(rival.prediction for rival in values["rivals"])]
    compared = any(prediction.compare for prediction in predictions)
    return SoakTest(
        load=values["load"],
        pairs=values.get("soak", LEAST_BLOCKS if compared else 1),
        length_s=values.get("length"),
        exhaustion=values.get("exhaustion"),
    )


_KINDS: Mapping[str, Callable[[Mapping[str, Any]], LoadTest | Benchmark | SoakTest]] = {
    LoadTest.name: _load_test,
    Benchmark.name: _benchmark,
    SoakTest.name: _soak_test,
}


def _keys(kind: str, project: Path | None) -> dict[str, Reader]:
    """The keys of a hypothesis of this kind, each with what reads it."""
    own: dict[str, Reader]
    if kind == Benchmark.name:
        own = {
            "scenario": lambda node: _benchmark_file(node, project),
            "params": _params,
            "statistic": _statistic,
            "database": _truth,
            "trial": _rounds,
            "budget": _duration,
        }
    else:
        own = {
            "scenario": lambda node: _scenario(node, project),
            "load": _load,
            "measures": _measures,
            "allow": lambda node: _allow(node, kind),
            "limits": lambda node: Limits(**node.fields({"target_cpu": _share}, ("target_cpu",))),
        }
    if kind == LoadTest.name:
        own |= {"trial": _trial, "budget": _duration}
    if kind == SoakTest.name:
        own |= {
            "load": _soak_load,
            "length": _duration,
            "soak": lambda node: node.fields({"pairs": lambda n: n.whole(1, MOST_PAIRS)})["pairs"],
            "exhaustion": lambda node: Exhaustion(**node.fields({"of": _series, "limit": _limit})),
        }
    return {
        "question": Node.text,
        "claim": Node.text,
        "kind": _kind,
        **own,
        "settings": _settings,
        "arms": _arms,
        "control": Node.exact,
        "predictions": lambda node: _predictions(node, _prediction),
        "rivals": lambda node: _predictions(node, _rival),
    }


def _allow(node: Node, kind: str) -> Allow:
    readers: dict[str, Reader] = {"error_rate": _share, "unsent": _share}
    if kind == SoakTest.name:
        readers["crash"] = _truth
    return Allow(**node.fields(readers, readers))


def _kind(node: Node) -> str:
    kind = node.text()
    if kind not in _KINDS:
        raise node.flaw(f"unknown kind {shown(kind)}", suggestion(kind, _KINDS))
    return kind


def _benchmark_file(node: Node, project: Path | None) -> tuple[str, str | None]:
    """The file, and the function behind `::`."""
    path, colons, function = node.exact().partition("::")
    if colons and not _FUNCTION.fullmatch(function):
        raise node.flaw(
            f"{shown(function)} is not the name of a benchmark",
            "Write it as in scenarios/bench_pagination.py::test_page.",
        )
    if not PurePosixPath(path).name.startswith("bench_"):
        raise node.flaw(
            f"the scenario {shown(path)} is not a benchmark file",
            f"Name it as in {SCENARIOS}/bench_pagination.py.",
        )
    return _scenario_path(node, path, project), function or None


def _params(node: Node) -> Parameter:
    entries = node.mapping()
    if len(entries) != 1:
        raise node.flaw(
            f"`params` has {len(entries)} entries", "Vary one parameter: {depth: [0, 1000]}."
        )
    ((name, values),) = entries.items()
    if not _PARAMETER.fullmatch(name):
        raise values.flaw(f"{shown(name)} is not the name of a parameter", "Write it like depth.")
    items = values.sequence()
    _not_too_many(values, len(items))
    if len(items) < 2:
        raise values.flaw(f"{values.title} has fewer than two values", "Add another one.")
    levels = tuple(item.number() for item in items)
    for item, before, level in zip(items[1:], levels, levels[1:], strict=False):
        if level <= before:
            raise item.flaw(
                f"{level:.12g} comes after {before:.12g}", "Order the values, each greater."
            )
    if levels[0] < 0:
        raise items[0].flaw(f"{levels[0]:g} is no size", "Begin with 0 or more.")
    return Parameter(name, levels)


def _statistic(node: Node) -> str:
    text = node.exact()
    if text not in ("min", "median"):
        raise node.flaw(
            f"unknown statistic {shown(text)}",
            "Write min for code that always does the same, median where variation is behaviour.",
        )
    return text


def _rounds(node: Node) -> float:
    if "warmup" in node.mapping():
        raise node.at("warmup").flaw(
            "a benchmark has no `warmup`", "Remove it: each process calibrates before it measures."
        )
    window_s: float = node.fields({"window": _duration})["window"]
    if not LEAST_ROUNDS_S <= window_s <= MOST_ROUNDS_S:
        raise node.at("window").flaw(
            f"the `window` of a benchmark's process is {window_s:g}s",
            f"Write {LEAST_ROUNDS_S * 1000:g}ms to {MOST_ROUNDS_S:g}s.",
        )
    return window_s


def _scenario(node: Node, project: Path | None) -> str:
    return _scenario_path(node, node.exact(), project)


def _scenario_path(node: Node, text: str, project: Path | None) -> str:
    path = PurePosixPath(text)
    inside = path.parts[:1] == (SCENARIOS,) and ".." not in path.parts and "\\" not in text
    if not inside or path.suffix != ".py" or str(path) != text:
        raise node.flaw(
            f"the scenario {shown(text)} is not a Python file under {SCENARIOS}/",
            f"Write its path from the project folder, as in {SCENARIOS}/checkout.py.",
        )
    if project is not None:
        _refuse_elsewhere(node, text, project)
    return text


def _refuse_elsewhere(node: Node, path: str, project: Path) -> None:
    """A scenario that is missing, or that is a link to a place outside the project."""
    file = project / path
    if not _is_file(file):
        known = [f"{SCENARIOS}/{other.name}" for other in (project / SCENARIOS).glob("*.py")]
        remedy = suggestion(path, known) if known else f"Put a file into {SCENARIOS}/."
        raise node.flaw(f"there is no scenario {shown(path)}", remedy)
    if not file.resolve().is_relative_to(project.resolve()):
        raise node.flaw(
            f"the scenario {shown(path)} is a link that leaves the project",
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


def _trial(node: Node) -> tuple[float, float]:
    values = node.fields({"warmup": _duration, "window": _duration})
    if values["window"] < LEAST_WINDOW_S:
        raise node.at("window").flaw("the `window` is shorter than a second", "Write 1s or more.")
    return values["warmup"], values["window"]


def _load(node: Node) -> Load:
    found = _only_one(node, "users", "rate", "stages")
    if found == "users":
        return _users(node)
    keys = {
        "arrivals": _arrivals,
        "rate": lambda n: n,
        "stages": _stages,
        "most_users": lambda n: n.whole(1, MOST_USERS),
    }
    values = node.fields(keys, ("rate", "stages", "most_users"))
    most_users = values.get("most_users")
    if found == "stages":
        return OpenLoad(values["arrivals"], values["stages"], most_users or DEFAULT_MAX_USERS)
    rate = values["rate"]
    if isinstance(rate.value, list):
        return Sweep("rate", _levels(rate, _some_rate), values["arrivals"], most_users)
    steady = _rate(rate, least=LEAST_RATE)
    return OpenLoad(
        values["arrivals"], (Stage(None, steady, steady, None),), most_users or DEFAULT_MAX_USERS
    )


def _soak_load(node: Node) -> OpenLoad:
    load = _load(node)
    if not isinstance(load, OpenLoad) or load.stages[0].duration_s is not None:
        raise node.flaw(
            "a soak loads its arms at one rate from begin to end",
            "Write it as in {rate: 20, arrivals: constant}.",
        )
    return load


def _users(node: Node) -> ClosedLoad | Sweep:
    users = node.fields({"users": lambda n: n})["users"]
    if isinstance(users.value, list):
        return Sweep("users", _levels(users, lambda n: n.whole(1, MOST_USERS)))
    return ClosedLoad(users.whole(1, MOST_USERS))


def _levels(node: Node, read: Callable[[Node], float]) -> tuple[float, ...]:
    items = node.sequence()
    _not_too_many(node, len(items))
    levels = tuple(float(read(item)) for item in items)
    for item, level, before in zip(items[1:], levels[1:], levels, strict=False):
        if level <= before:
            raise item.flaw(
                f"the level {level:g} does not lie above the one before it, {before:g}",
                "Write the levels of a sweep from the lowest to the highest, each once.",
            )
    if len(levels) < LEAST_LEVELS:
        raise node.flaw(
            f"a sweep over {len(levels)} level{'s' * (len(levels) != 1)} shows no curve",
            f"Name {LEAST_LEVELS} or more: one that bends has three parameters, "
            "and one level more tells whether it fits.",
        )
    return levels


def _arrivals(node: Node) -> str:
    text = node.exact()
    if text not in ARRIVALS:
        raise node.flaw(f"unknown arrivals {shown(text)}", f"Write {' or '.join(ARRIVALS)}.")
    return text


def _rate(node: Node, least: float) -> float:
    rate = node.number()
    if not least <= rate <= MOST_RATE:
        raise node.flaw(
            f"{node.title} is {rate:g} a second", f"Keep it between {least:g} and {MOST_RATE:g}."
        )
    return rate


def _some_rate(node: Node) -> float:
    rate = _rate(node, least=0)
    if not rate:
        raise node.flaw("a level of the sweep is 0", "Write what is above 0: nothing is measured.")
    return rate


def _stages(node: Node) -> tuple[Stage, ...]:
    items = node.sequence()
    _not_too_many(node, len(items))
    stages = tuple(map(_stage, items))
    if not any(stage.from_rate or stage.to_rate for stage in stages):
        raise node.flaw("the `stages` bring no arrival at all", "Give one of them a rate above 0.")
    named: dict[str, Node] = {}
    for stage, item in zip(stages, items, strict=True):
        if stage.name in named:
            line = named[stage.name].line
            raise item.flaw(
                f"the stage `{stage.name}` stands here a second time",
                f"Give it another name; the first is in line {line}.",
            )
        if stage.name is not None:
            named[stage.name] = item
    return stages


def _stage(node: Node) -> Stage:
    keys = {"name": _stage_name, "rate": _ramp, "for": _duration}
    values = node.fields(keys, ("name",))
    if values["for"] < LEAST_WINDOW_S:
        raise node.at("for").flaw("the stage is shorter than a second", "Write 1s or more.")
    from_rate, to_rate = values["rate"]
    return Stage(values.get("name"), from_rate, to_rate, values["for"])


def _stage_name(node: Node) -> str:
    if not _ARM.fullmatch(node.exact()):
        raise node.flaw(
            f"{shown(node.written)} is not the name of a stage",
            "Write it like spike or calm-again (a-z, 0-9 and -).",
        )
    return node.written


def _ramp(node: Node) -> tuple[float, float]:
    """One rate, or `[from, to]`."""
    if not isinstance(node.value, list):
        steady = _rate(node, least=0)
        return steady, steady
    items = node.sequence()
    if len(items) != 2:
        raise node.flaw(f"`rate` needs two ends, not {len(items)}", "Write [from, to].")
    return _rate(items[0], least=0), _rate(items[1], least=0)


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
    if not entries:
        raise node.flaw("there is no arm", "Add one.")
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


def _truth(node: Node) -> bool:
    if not isinstance(node.value, bool):
        raise node.misfit("true or false", f"{node.name}: true")
    return node.value


def _share(node: Node) -> float:
    share = node.number()
    if not 0 <= share <= 1:
        raise node.flaw(f"{node.title} is {share:g}, not a share", "Write a number from 0 to 1.")
    return share


BOUNDS = ("at_least", "at_most", "within")
_PREDICTION: Mapping[str, Reader] = {
    "says": Node.text,
    "measure": lambda node: _measure(node),
    "count": lambda node: _count(node),
    "grows": lambda node: _grows(node),
    "slope": lambda node: _series(node),
    "arm": Node.exact,
    "compare": lambda node: _comparison(node),
    "at": Node.number,
    "during": Node.exact,
    "at_least": lambda node: _edge(node),
    "at_most": lambda node: _edge(node),
    "within": lambda node: _within(node),
}
_ALTERNATIVES = (
    *("measure", "count", "slope", "arm", "compare", "at", "during", "grows"),
    *BOUNDS,
)


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
    of = _only_one(node, "measure", "count", "slope")
    _only_one(node, "arm", "compare")
    if of == "count":
        values["measure"] = values["count"]
    values.setdefault("measure", "")
    bound = _only_one(node, *BOUNDS, "grows")
    if bound == "grows":
        grows = values["grows"]
        span = (
            Bound(at_most=MAX_CONSTANT_FACTOR)
            if grows == "constant"
            else Bound(within=GROWTHS[grows])
        )
        return Prediction(bound=span, **values)
    _in_unit(node.at(bound), values[bound], values.get("slope"))
    return Prediction(bound=Bound(**{bound: values.pop(bound)}), **values)


def _count(node: Node) -> str:
    text = node.exact()
    if not _CUSTOM.fullmatch(text):
        raise node.flaw(f"{shown(text)} is not the name of a count", "Write sql_statements.")
    if Measure(text).built_in:
        raise node.flaw(f"{shown(text)} is a measure, not a count", f"Write `measure: {text}`.")
    return text


def _grows(node: Node) -> str:
    text = node.exact()
    if text not in GROWTHS:
        raise node.flaw(f"unknown growth {shown(text)}", f"Write {', '.join(GROWTHS)}.")
    return text


class _Growth(float):
    """A number per hour."""

    unit = ""  # as it was written


def _edge(node: Node) -> float:
    if not isinstance(node.value, str):
        return node.number()
    match = _GROWTH.fullmatch(node.exact())
    if not match:
        raise node.misfit("a number, or a growth with its unit", "0.5, or of a slope 5 MB/h")
    growth = _Growth(float(match[1]) * _UNITS[match[2]] * _PER_HOUR[match[3]])
    growth.unit = match[2]
    return growth


def _in_unit(node: Node, bound: float | tuple[float, float], series: str | None) -> None:
    """A slope's bound is a growth in the unit of its series, and no other is."""
    edges = bound if isinstance(bound, tuple) else (bound,)
    for edge in edges:
        unit = edge.unit if isinstance(edge, _Growth) else ""
        if series and unit and not any(word in series for word in _NAMED[unit]):
            raise node.flaw(
                f"{shown(series)} is not counted in {unit}",
                f"Write a growth such as 60/min, or a series such as {_NAMED[unit][0]}.",
            )
        if series and not isinstance(edge, _Growth):
            raise node.flaw(
                "the bound of a slope has no unit",
                "Write a growth per hour or minute, as in 5 MB/h or 30/min.",
            )
        if not series and isinstance(edge, _Growth):
            raise node.flaw(
                "a growth bounds a slope, not a measure", "Write `slope:` instead of `measure:`."
            )


def _limit(node: Node) -> float:
    """A quantity with its unit, if it has one."""
    match = _QUANTITY.fullmatch(node.written)
    if not match or float(match[1]) <= 0:
        raise node.misfit("an amount above 0", "512 MB, or 1000")
    return float(match[1]) * _UNITS[match[2]]


def _series(node: Node) -> str:
    """The name of a series: of the lab's own, or a Prometheus gauge."""
    text = node.exact()
    try:
        parse_selector(text)
    except ValueError as error:
        raise node.flaw(
            str(error), "Write a series such as rss_bytes, or a gauge such as rooms."
        ) from None
    return text


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
            f"{shown(node.written)} does not compare two arms",
            "Write it as in wide / narrow (of slopes: with - without).",
        )
    return Comparison(match[1], match[4], "/" if match[2] else "-")


def _within(node: Node) -> tuple[float, float]:
    items = node.sequence()
    if len(items) != 2:
        raise node.flaw(f"`within` needs two numbers, not {len(items)}", "Write [low, high].")
    low, high = map(_edge, items)
    if low >= high:
        raise node.flaw(
            f"nothing lies within {low:g} to {high:g}", "Write the lower number first: [low, high]."
        )
    return low, high
