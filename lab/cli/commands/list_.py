"""`lab list`: the hypotheses with their questions and latest verdicts."""

from __future__ import annotations

import json
from pathlib import Path

from lab.files.project_folder import Project
from lab.hypothesis import (
    NAME_NOT_ALLOWED,
    HypothesisError,
    hypothesis_names,
    misnamed_files,
    read_headline,
)


def command() -> None:
    """List the hypotheses with their questions and latest verdicts."""
    project = Project.find()
    found = hypothesis_names(project.root)
    width = max(map(len, found), default=0)
    for name in found:
        try:
            question = read_headline(project.hypotheses / f"{name}.md").question
        except HypothesisError as error:
            question = f"broken: {error.problem}"
        print(f"{name:<{width}}  {_latest(project.reports / name):<12}  {question}")
    for file in misnamed_files(project.root):
        print(f"{file.name:<{width}}  {'-':<12}  broken: {NAME_NOT_ALLOWED}")


def _latest(folder: Path) -> str:
    try:
        return str(json.loads((folder / "latest" / "verdict.json").read_text())["verdict"])
    except (OSError, ValueError, KeyError):
        return "-"
