"""Whether a trial can be trusted. Gates never look at the measures that are compared."""

from lab.gates.evidence_gate import why_no_series
from lab.gates.limits import GATES, Gate, describe
from lab.gates.trial_inspection import inspect

__all__ = ["GATES", "Gate", "describe", "inspect", "why_no_series"]
