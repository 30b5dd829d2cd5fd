"""A copy of the project whose service has an endpoint of known cost, for `make proof`.

`GET /planted` takes PLANTED_STEPS steps. With a PLANTED_SPREAD above 0 each process draws once,
when it starts, how much slower or faster it is, as processes do that differ from launch to launch.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.runs import ROOT, copy_project

PLANTED = ROOT / "tests" / "planted"

_SETTINGS = """
    planted_steps: int = Field(60_000, ge=0, description="Steps of GET /planted.")
    planted_spread: float = Field(
        0, ge=0, lt=1, description="How much faster or slower a process may be, as a share."
    )
"""
_ROUTE = """
    drawn = random.SystemRandom().uniform(-settings.planted_spread, settings.planted_spread)
    planted_steps = round(settings.planted_steps * (1 + drawn))

    @app.get("/planted")
    async def planted() -> dict[str, int]:
        total = 0
        for number in range(planted_steps):
            total += number & 7
        return {"total": total}

    return app
"""


def planted_service(folder: Path) -> Path:
    """Make the project in an empty folder."""
    project = copy_project(folder)
    _insert(
        project / "service" / "settings.py",
        '    db_pool_size: int = Field(10, ge=1, le=500, description="Connections kept open.")\n',
        _SETTINGS,
    )
    app = project / "service" / "app.py"
    _insert(app, "import logging\n", "import random\n")
    text = app.read_text()
    before, after = "    return app\n\n\ndef _idempotency(", f"{_ROUTE}\n\ndef _idempotency("
    assert text.count(before) == 1
    app.write_text(text.replace(before, after))
    shutil.copy(PLANTED / "planted_requests.py", project / "scenarios")
    shutil.copy(PLANTED / "bench_planted.py", project / "scenarios")
    return project


def _insert(file: Path, place: str, text: str) -> None:
    """Insert a text after a place that the file has once."""
    before = file.read_text()
    assert before.count(place) == 1, file
    file.write_text(before.replace(place, place + text))
