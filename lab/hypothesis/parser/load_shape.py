"""The load: users or arrivals, in stages or at several levels."""

from __future__ import annotations

import math
from collections.abc import Callable

from lab.hypothesis.load_shape import (
    ARRIVAL_PROCESSES,
    DEFAULT_MAX_USERS,
    ArrivalProcess,
    ClosedLoad,
    Load,
    OpenLoad,
    Stage,
    Sweep,
)
from lab.hypothesis.parser.arms import ARM_NAME as STAGE_NAME
from lab.hypothesis.worker_share import MAX_WORKERS
from lab.input_files import Node, shown
from lab.input_files.quantities import duration_s, rate_per_second

MAX_USERS = 200_000
MIN_RATE = 0.01  # arrivals a second
MAX_RATE = 1_000_000.0
MIN_LEVELS = 4  # a curve that bends has three parameters; the fourth level shows whether it fits
MIN_STAGE_S = 1.0
MIN_SLICE_S = 0.05


def read_load(node: Node) -> Load:
    """A closed load, an open load or a sweep."""
    if node.only_one("users", "rate", "stages") == "users":
        return _read_closed(node)
    keys = {
        "arrivals": _read_arrivals,
        "rate": lambda n: n,
        "stages": _read_stages,
        "most_users": lambda n: n.integer(1, MAX_USERS),
        "workers": _read_workers,
    }
    values = node.fields(keys, ("rate", "stages", "most_users", "workers"))
    arrivals, max_users = values["arrivals"], values.get("most_users")
    workers = values.get("workers", 1)
    if "stages" in values:
        return OpenLoad(arrivals, values["stages"], max_users or DEFAULT_MAX_USERS, workers)
    rate = values["rate"]
    if isinstance(rate.value, list):
        return Sweep("rate", _read_levels(rate, _read_level_rate), arrivals, max_users, workers)
    constant = _read_rate(rate, MIN_RATE)
    stage = Stage(None, constant, constant, None)
    return OpenLoad(arrivals, (stage,), max_users or DEFAULT_MAX_USERS, workers)


def _read_closed(node: Node) -> ClosedLoad | Sweep:
    keys = {"users": lambda n: n, "slices": _read_slices, "workers": _read_workers}
    values = node.fields(keys, ("slices", "workers"))
    users, slice_s, workers = values["users"], values.get("slices"), values.get("workers", 1)
    if isinstance(users.value, list):
        if slice_s is not None:
            raise node.at("slices").flaw(
                "the levels of a sweep are not cut into slices", "Remove `slices`."
            )
        levels = _read_levels(users, lambda n: n.integer(1, MAX_USERS))
        return Sweep("users", levels, workers=workers)
    return ClosedLoad(users.integer(1, MAX_USERS), slice_s, workers)


def _read_workers(node: Node) -> int:
    return node.integer(1, MAX_WORKERS)


def _read_slices(node: Node) -> float:
    """Seconds; infinite for `off`."""
    if node.written == "off":
        return math.inf
    if not node.written[:1].isdigit():
        raise node.wrong_type("a duration or `off`", "one such as 500ms, or off")
    seconds = duration_s(node)
    if seconds < MIN_SLICE_S:
        raise node.flaw(
            f"`slices` are shorter than {MIN_SLICE_S * 1000:g} ms",
            f"Write {MIN_SLICE_S * 1000:g}ms or more, or leave it out: the lab chooses a length "
            "that fits the users.",
        )
    return seconds


def _read_levels(node: Node, read: Callable[[Node], float]) -> tuple[float, ...]:
    items = node.sequence()
    levels = tuple(float(read(item)) for item in items)
    for item, level, before in zip(items[1:], levels[1:], levels, strict=False):
        if level <= before:
            raise item.flaw(
                f"the level {level:g} is not above the one before it, {before:g}",
                "Write the levels of a sweep from the lowest to the highest, each once.",
            )
    if len(levels) < MIN_LEVELS:
        raise node.flaw(
            f"a sweep over {len(levels)} level{'s' * (len(levels) != 1)} shows no curve",
            f"Write {MIN_LEVELS} or more: the curve has three parameters, and one more level shows "
            "whether it fits.",
        )
    return levels


def _read_arrivals(node: Node) -> ArrivalProcess:
    text = node.exact()
    for process in ARRIVAL_PROCESSES:
        if text == process:
            return process
    raise node.flaw(f"unknown arrivals {shown(text)}", f"Write {' or '.join(ARRIVAL_PROCESSES)}.")


def _read_rate(node: Node, minimum: float = 0.0) -> float:
    rate = rate_per_second(node)
    if not minimum <= rate <= MAX_RATE:
        raise node.flaw(
            f"{node.title} is {rate:g} a second", f"Keep it between {minimum:g} and {MAX_RATE:g}."
        )
    return rate


def _read_level_rate(node: Node) -> float:
    rate = _read_rate(node)
    if not rate:
        raise node.flaw(
            "a level of the sweep is 0",
            "Write rates above 0: without arrivals nothing is measured.",
        )
    return rate


def _read_stages(node: Node) -> tuple[Stage, ...]:
    items = node.sequence()
    stages = tuple(map(_read_stage, items))
    if not any(stage.from_rate or stage.to_rate for stage in stages):
        raise node.flaw("the `stages` have no arrivals", "Give one of them a rate above 0.")
    named: dict[str, Node] = {}
    for stage, item in zip(stages, items, strict=True):
        if stage.name in named:
            line = named[stage.name].line
            raise item.flaw(
                f"the stage name `{stage.name}` is used twice",
                f"Choose another one; the first is in line {line}.",
            )
        if stage.name is not None:
            named[stage.name] = item
    return stages


def _read_stage(node: Node) -> Stage:
    keys = {"name": _read_stage_name, "rate": _read_ramp, "for": duration_s}
    values = node.fields(keys, ("name",))
    if values["for"] < MIN_STAGE_S:
        raise node.at("for").flaw("the stage is shorter than a second", "Write 1s or more.")
    from_rate, to_rate = values["rate"]
    return Stage(values.get("name"), from_rate, to_rate, values["for"])


def _read_stage_name(node: Node) -> str:
    if not STAGE_NAME.fullmatch(node.exact()):
        raise node.flaw(
            f"{shown(node.written)} is not the name of a stage",
            "Write it like spike or calm-again (a-z, 0-9 and -).",
        )
    return node.written


def _read_ramp(node: Node) -> tuple[float, float]:
    """One rate, or `[from, to]`."""
    if not isinstance(node.value, list):
        constant = _read_rate(node)
        return constant, constant
    items = node.sequence()
    if len(items) != 2:
        raise node.flaw(f"`rate` needs two ends, not {len(items)}", "Write [from, to].")
    return _read_rate(items[0]), _read_rate(items[1])
