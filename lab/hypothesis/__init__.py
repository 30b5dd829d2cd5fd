"""The claim: one Markdown file in `hypotheses/`, read, validated, frozen and sealed."""

from lab.hypothesis.environment_reads import EnvironmentRead, environment_reads
from lab.hypothesis.load_shape import (
    ClosedLoad,
    Load,
    OpenLoad,
    Stage,
    Sweep,
)
from lab.hypothesis.loader import (
    HypothesisError,
    find_hypothesis,
    hypothesis_names,
    load,
    loads,
    read_question,
)
from lab.hypothesis.measure_names import (
    Measure,
    parse_measure,
)
from lab.hypothesis.model import (
    SLICE_S,
    Allow,
    Benchmark,
    Exhaustion,
    Hypothesis,
    Kind,
    Limits,
    LoadTest,
    Metric,
    MetricRate,
    MetricRatio,
    Parameter,
    ProcessLifetime,
    SoakTest,
    Statistic,
    Step,
)
from lab.hypothesis.parser.passed_variables import is_set_by_the_lab, why_not_passed
from lab.hypothesis.prediction import (
    Bound,
    Comparison,
    Complexity,
    Prediction,
    Rival,
    ValueRange,
)
from lab.hypothesis.scenario_files import scenario_files

__all__ = [
    "SLICE_S",
    "Allow",
    "Benchmark",
    "Bound",
    "ClosedLoad",
    "Comparison",
    "Complexity",
    "EnvironmentRead",
    "Exhaustion",
    "Hypothesis",
    "HypothesisError",
    "Kind",
    "Limits",
    "Load",
    "LoadTest",
    "Measure",
    "Metric",
    "MetricRate",
    "MetricRatio",
    "OpenLoad",
    "Parameter",
    "Prediction",
    "ProcessLifetime",
    "Rival",
    "SoakTest",
    "Stage",
    "Statistic",
    "Step",
    "Sweep",
    "ValueRange",
    "environment_reads",
    "find_hypothesis",
    "hypothesis_names",
    "is_set_by_the_lab",
    "load",
    "loads",
    "parse_measure",
    "read_question",
    "scenario_files",
    "why_not_passed",
]
