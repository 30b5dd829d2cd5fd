"""Projects with services whose cost is known by counting: variants of the sample service."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.runs import ROOT, copy_project

SLICES = ROOT / "tests" / "planted" / "slices"
ELSEWHERE = SLICES.parent / "elsewhere"
_LAST_SETTING = '    event_loop: Literal["uvloop", "asyncio"] = Field(\n'


def sample(folder: Path) -> Path:
    """The sample service as it is, and scenarios whose users do not pause."""
    project = copy_project(folder)
    for scenario in ("busy_checkout.py", "busy_listing.py", "work.py"):
        shutil.copy(SLICES / scenario, project / "scenarios")
    return project


def without_database(folder: Path) -> Path:
    """A service that computes and asks no database; see `work_service.py`.

    The lab starts a PostgreSQL and the stand-in for pricing as for every service; both stay idle.
    """
    project = sample(folder)
    shutil.copy(SLICES / "work_service.py", project / "service" / "app.py")
    (project / "service" / "reset.sql").write_text("SELECT 1;\n")
    _add_setting(project, "work_steps", 20_000)
    _add_setting(project, "deferred_steps", 0)
    _add_setting(project, "work_spread", 0.0)
    return project


def listing_twice(folder: Path) -> Path:
    """The sample service, which does some of its pages twice; see `twice.py`."""
    project = sample(folder)
    shutil.copy(SLICES / "twice.py", project / "service")
    _add_setting(project, "listed_twice_every", 0)
    _replace(
        project / "service" / "app.py",
        "    app.add_middleware(LimitBody",
        "    from service.twice import Twice\n\n"
        "    app.add_middleware(Twice, every=settings.listed_twice_every)\n"
        "    app.add_middleware(LimitBody",
    )
    return project


def elsewhere(folder: Path) -> Path:
    """A system that only its `lab.toml` describes: one process, no metrics, no word of settings."""
    shutil.copytree(ELSEWHERE, folder, dirs_exist_ok=True)
    (folder / "hypotheses").mkdir()
    (folder / "scenarios").mkdir()
    shutil.copy(SLICES / "work.py", folder / "scenarios")
    return folder


def _add_setting(project: Path, name: str, default: float) -> None:
    kind = type(default).__name__
    added = f'    {name}: {kind} = Field({default}, ge=0, le=10_000_000, description="Planted.")\n'
    _replace(project / "service" / "settings.py", _LAST_SETTING, added + _LAST_SETTING)


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    if text.count(old) != 1:
        raise ValueError(f"{file.name} has this not exactly once: {old!r}")
    file.write_text(text.replace(old, new))
