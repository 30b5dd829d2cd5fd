"""First files for a project that the lab does not know yet: what is there, and what to write."""

from lab.scaffolding.detection import detect
from lab.scaffolding.found import Detected
from lab.scaffolding.hypothesis_text import (
    benchmark_files,
    first_name,
    load_files,
    soak_files,
)
from lab.scaffolding.lab_toml_text import example, lab_toml

__all__ = [
    "Detected",
    "benchmark_files",
    "detect",
    "example",
    "first_name",
    "lab_toml",
    "load_files",
    "soak_files",
]
