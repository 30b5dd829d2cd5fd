"""Whether a trial can be trusted. Gates compare no arms."""

from lab.gates.evidence_gate import lacking_limits, may_come, why_no_counters, why_no_series
from lab.gates.limits import Gate, gates_of
from lab.gates.traffic_gates import traffic_notes
from lab.gates.trial_inspection import inspect

__all__ = [
    "Gate",
    "gates_of",
    "inspect",
    "lacking_limits",
    "may_come",
    "traffic_notes",
    "why_no_counters",
    "why_no_series",
]
