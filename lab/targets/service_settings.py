"""The settings of the sample service, and the script that restores its seeded state."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from lab.targets.target_interface import SettingError, TargetFailure, TargetUsageError

_ANSWER_S = 60.0


def validated_settings(
    project: Path, arms: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, str]]:
    """The settings of each arm as the service spells them.

    Raises:
        SettingError: The service does not know a setting, or does not accept its value.
        TargetFailure: The service does not answer.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", "service.settings"],
            input=json.dumps({arm: dict(settings) for arm, settings in arms.items()}),
            capture_output=True,
            text=True,
            cwd=project,
            timeout=_ANSWER_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TargetFailure(
            f"python -m service.settings does not answer within {_ANSWER_S:g} s"
        ) from None
    if done.returncode:
        raise TargetFailure(f"the service's settings cannot be read:\n{done.stderr.strip()}")
    validated = {}
    for arm, answer in json.loads(done.stdout).items():
        for error in answer["errors"]:
            raise SettingError(arm, error["setting"], error["message"])
        validated[arm] = {key: answer["settings"][key] for key in arms[arm]}
    return validated


def reset_script(project: Path) -> str:
    """The SQL that brings a database back to its seeded state."""
    path = project / "service" / "reset.sql"
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise TargetUsageError(f"{path}: cannot be read ({error.strerror})") from error
