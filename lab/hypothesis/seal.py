"""The digests of a hypothesis: of the whole file, and of what decides the verdict.

Both are kept in every plan, so the form that is digested must never change. It is therefore
written out here, key by key, and does not follow the names of the model.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

from lab.hypothesis.load_shape import ClosedLoad, OpenLoad, Sweep
from lab.hypothesis.model import (
    Benchmark,
    Exhaustion,
    Hypothesis,
    LoadTest,
    Metric,
    MetricGauge,
    MetricQuantile,
    MetricRatio,
    Parameter,
    SoakTest,
)
from lab.hypothesis.prediction import Comparison, Prediction


def text_digest(text: str) -> str:
    """SHA-256 of a text, as `sha256:...`."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def claim_digest(
    hypothesis: Hypothesis,
    scenario_code: str | None,
    files: Mapping[str, str] | None = None,
) -> str:
    """The digest of all that decides the verdict, without any wording and without the budget.

    Args:
        hypothesis: What is claimed.
        scenario_code: The scenario's source; None if it no longer exists.
        files: The digests of the other files of the project that the scenario uses, by path.
    """
    sealed = {
        **_kind(hypothesis.kind),
        "scenario": hypothesis.scenario,
        "arms": hypothesis.arms,
        "revisions": hypothesis.revisions,
        "control": hypothesis.control,
        "measures": {name: _metric(metric) for name, metric in hypothesis.measures.items()},
        "allow": {
            "error_rate": hypothesis.allow.error_rate,
            "unsent": hypothesis.allow.unsent,
            "crash": hypothesis.allow.crash,
        },
        "limits": {"target_cpu": hypothesis.limits.target_cpu},
        "predictions": [_prediction(each) for each in hypothesis.predictions],
        "rivals": [_prediction(rival.prediction) for rival in hypothesis.rivals],
        "load_code": None if scenario_code is None else text_digest(scenario_code),
        "files": files,
        "pass": tuple(sorted(hypothesis.passed)),
    }
    return text_digest(json.dumps(without_defaults(sealed), sort_keys=True))


def scenario_digest(scenario_code: str, files: Mapping[str, str]) -> str:
    """The digest of a scenario with the files of the project that it uses.

    Args:
        scenario_code: Its source.
        files: The digests of the other files, by path.
    """
    return text_digest(json.dumps([text_digest(scenario_code), files], sort_keys=True))


def without_defaults(data: Any) -> Any:
    """The data without what a file leaves out, so that a new key changes no earlier digest."""
    if isinstance(data, Mapping):
        given = {k: v for k, v in data.items() if v is not False and v not in (None, {}, ())}
        return {key: without_defaults(value) for key, value in given.items()}
    if isinstance(data, list | tuple):
        return [without_defaults(item) for item in data]
    return data


def _kind(kind: LoadTest | Benchmark | SoakTest) -> dict[str, Any]:
    own: dict[str, Any]
    match kind:
        case LoadTest():
            own = {
                "load": _load(kind.load),
                "trial": _times(kind.warmup_s, kind.window_s),
                "processes": kind.processes,
            }
        case Benchmark():
            own = {"benchmark": _benchmark(kind), "trial": _times(0.0, kind.window_s)}
        case SoakTest():
            own = {"load": _load(kind.load), "soak": _soak(kind), "trial": _times(0.0, 0.0)}
    return {"kind": kind.name, **own}


def _times(warmup_s: float, window_s: float) -> dict[str, float]:
    return {"warmup_s": warmup_s, "window_s": window_s}


def _load(load: ClosedLoad | OpenLoad | Sweep) -> dict[str, Any]:
    match load:
        case ClosedLoad():
            return {
                "users": load.users,
                "slices": _slices(load.slice_s),
                "workers": _workers(load),
            }
        case Sweep():
            return {
                "axis": load.axis,
                "levels": load.levels,
                "arrivals": load.arrivals,
                "most_users": load.max_users,
                "workers": _workers(load),
            }
        case OpenLoad():
            stages = [
                {
                    "name": stage.name,
                    "from_rate": stage.from_rate,
                    "to_rate": stage.to_rate,
                    "duration_s": stage.duration_s,
                }
                for stage in load.stages
            ]
            return {
                "arrivals": load.arrivals,
                "stages": stages,
                "most_users": load.max_users,
                "workers": _workers(load),
            }


def _workers(load: ClosedLoad | OpenLoad | Sweep) -> int | None:
    """None for a single process, as of files that do not know the key."""
    return None if load.workers == 1 else load.workers


def _slices(slice_s: float | None) -> float | str | None:
    return "off" if slice_s == math.inf else slice_s


def _benchmark(benchmark: Benchmark) -> dict[str, Any]:
    return {
        "statistic": benchmark.statistic,
        "function": benchmark.function,
        "parameter": _parameter(benchmark.parameter),
        "fixed_parameters": benchmark.fixed_parameters,
        "database": benchmark.database,
    }


def _parameter(parameter: Parameter | None) -> dict[str, Any] | None:
    return None if parameter is None else {"name": parameter.name, "levels": parameter.levels}


def _soak(soak: SoakTest) -> dict[str, Any]:
    return {
        "pairs": soak.pairs,
        "length_s": soak.length_s,
        "exhaustion": _exhaustion(soak.exhaustion),
    }


def _exhaustion(exhaustion: Exhaustion | None) -> dict[str, Any] | None:
    return None if exhaustion is None else {"of": exhaustion.series, "limit": exhaustion.limit}


def _metric(metric: Metric) -> dict[str, str | float]:
    if isinstance(metric, MetricRatio):
        return {"numerator": metric.numerator, "denominator": metric.denominator}
    if isinstance(metric, MetricGauge):
        return {"gauge": metric.metric, "take": metric.take}
    if isinstance(metric, MetricQuantile):
        return {"histogram": metric.histogram, "quantile": metric.quantile}
    return {"metric": metric.metric}


def _prediction(prediction: Prediction) -> dict[str, Any]:
    bound = prediction.bound
    return {
        "says": "",
        "measure": prediction.measure,
        "bound": {"at_least": bound.at_least, "at_most": bound.at_most, "within": bound.within},
        "arm": prediction.arm,
        "compare": _comparison(prediction.compare),
        "at": prediction.at,
        "during": prediction.during,
        "grows": prediction.grows,
        "count": prediction.count,
        "slope": prediction.slope,
    }


def _comparison(comparison: Comparison | None) -> dict[str, str] | None:
    """The operator is not part of it: only slopes are subtracted, and they are always."""
    if comparison is None:
        return None
    return {"numerator": comparison.left, "denominator": comparison.right}
