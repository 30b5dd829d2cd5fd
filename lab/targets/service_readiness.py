"""What the sample service tells of itself, wherever it runs: its settings and who it is."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from lab.instruments.http_client import HttpClient, HttpError
from lab.targets.interface import Identity, SettingError, TargetFailure

READY_S = 60.0


def known_settings(
    project: Path, arms: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, str]]:
    """The arms' settings as the service spells them; SettingError for one that it refuses."""
    try:
        asked = subprocess.run(
            [sys.executable, "-m", "service.settings"],
            input=json.dumps({arm: dict(settings) for arm, settings in arms.items()}),
            capture_output=True,
            text=True,
            cwd=project,
            timeout=READY_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TargetFailure("the service does not tell its settings") from None
    if asked.returncode:
        raise TargetFailure(f"the service's settings cannot be read:\n{asked.stderr.strip()}")
    spelled = {}
    for arm, answer in json.loads(asked.stdout).items():
        for error in answer["errors"]:
            raise SettingError(arm, error["setting"], error["message"])
        spelled[arm] = {key: answer["settings"][key] for key in arms[arm]}
    return spelled


def identify(role: str, arm: str, url: str) -> Identity:
    """Who answers at `/ready`; TargetFailure where nobody does, or is not ready."""
    client = HttpClient(url)
    try:
        data = client.get_json("/ready")
    except HttpError as error:
        raise TargetFailure(f"the {role} of arm {arm} is not ready: {error}") from error
    finally:
        client.close()
    return Identity(str(data.get("instance")), data.get("settings", {}))


def await_ready(
    ask: Callable[[], object], dead: Callable[[], str | None], tail: Callable[[], str]
) -> None:
    """Ask until there is an answer; TargetFailure with the log's end if one dies or time is up."""
    deadline = time.monotonic() + READY_S
    problem = ""
    while time.monotonic() < deadline:
        if how := dead():
            raise TargetFailure(f"{how} while starting:\n{tail()}")
        try:
            ask()
        except TargetFailure as error:  # no waiting corrects a usage error
            problem = str(error)
            time.sleep(0.05)
        else:
            return
    raise TargetFailure(f"{problem} (waited {READY_S:g} s):\n{tail()}")
