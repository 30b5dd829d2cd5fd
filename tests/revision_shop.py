"""A repository of a small shop whose commits make one thing slower or faster by counted work."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from tests.repositories import commit, new_repository
from tests.runs import ROOT

_SHOP = ROOT / "tests" / "planted" / "shop"
_TOML = """\
code = ["shop"]

[[process]]
name = "shop"
command = "python -m uvicorn shop.app:app --host 127.0.0.1 --port {{port}} --no-access-log"
env = {{DATABASE_URL = "{{postgres.url}}"}}
ready = "/ready"

[postgres]
prepare = "python -m shop.schema"

[build]
commands = ["{python} -m venv --without-pip .venv", "{python} build.py"]
"""
KINDS = ("docs", "slower", "faster")


class Work(NamedTuple):
    """A number in a file that says how much is done: usually, and after a slow commit."""

    file: str
    name: str
    usual: int
    more: int


class Change(NamedTuple):
    """A commit, and what it does to its parent."""

    kind: str
    before: str
    after: str


def make_shop(folder: Path, work: Work, changes: int) -> list[Change]:
    """Make the repository, with so many commits of each kind.

    Args:
        folder: Where.
        work: What the commits change; a fast commit takes back what a slow one added.
        changes: Of each kind.
    """
    shutil.copytree(_SHOP, folder, dirs_exist_ok=True)
    new_repository(folder)
    (folder / "hypotheses").mkdir(exist_ok=True)
    last = commit(
        folder,
        {
            "lab.toml": _TOML.format(python=sys.executable),
            ".gitignore": "/reports/\n.venv/\n__pycache__/\n",
            work.file: _with(folder, work, work.usual),
        },
        "the shop",
    )
    made = []
    for number in range(changes):
        for kind in KINDS:
            after = commit(folder, _files(folder, work, kind, number), f"{kind} {number}")
            made.append(Change(kind, last, after))
            last = after
    return made


def _files(folder: Path, work: Work, kind: str, number: int) -> dict[str, str]:
    if kind == "docs":
        text = (folder / work.file).read_text(encoding="utf-8")
        comment = f"# remark {number}: nothing below depends on this line\n"
        return {"NOTES.md": f"Note {number}.\n" * (number + 1), work.file: text + comment}
    return {work.file: _with(folder, work, work.more if kind == "slower" else work.usual)}


def _with(folder: Path, work: Work, amount: int) -> str:
    text = (folder / work.file).read_text(encoding="utf-8")
    changed, count = re.subn(rf"(?m)^{work.name} = \d+", f"{work.name} = {amount}", text)
    assert count == 1
    return changed
