"""The system under test as `lab.toml` describes it: read, checked and frozen."""

from lab.system.loader import SystemFileError, load_system
from lab.system.model import (
    DATABASE,
    DRIVER,
    FILE,
    Answer,
    BuildSpec,
    ComposeSpec,
    MetricNames,
    PostgresSpec,
    ProcessSpec,
    Ready,
    SafetySpec,
    Stop,
    System,
    UrlSpec,
)
from lab.system.placeholders import Command, Template, UnfilledPlaceholder

__all__ = [
    "DATABASE",
    "DRIVER",
    "FILE",
    "Answer",
    "BuildSpec",
    "Command",
    "ComposeSpec",
    "MetricNames",
    "PostgresSpec",
    "ProcessSpec",
    "Ready",
    "SafetySpec",
    "Stop",
    "System",
    "SystemFileError",
    "Template",
    "UnfilledPlaceholder",
    "UrlSpec",
    "load_system",
]
