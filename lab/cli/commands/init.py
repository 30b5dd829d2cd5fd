"""`lab init`: first files for a project that the lab does not know yet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.scaffolding import Detected


def command() -> None:
    """Write a first lab.toml, scenario and hypothesis for the project in this folder."""
    from lab.cli.new_files import detected_in, has_workers, ignore_reports, write_new
    from lab.scaffolding import example, first_name, lab_toml, load_files
    from lab.system import FILE, load_system

    root = Path.cwd()
    detected = detected_in(root)
    workers = has_workers(root, detected)
    name = first_name(has_workers=workers)
    text = lab_toml(detected)
    files = {FILE: text or example(), **load_files(name, detected, has_workers=workers)}
    written, left = write_new(root, files)
    for each in written:
        print(f"wrote {each}")
    for each in left:
        print(f"left {each} as it is")
    if ignore_reports(root):
        print("added /reports/ to .gitignore")
    if FILE in written and text is None:
        print(f"nothing here seems to serve HTTP: say in {FILE} how it is started")
        print(f"next: edit {FILE}, then lab check {name}")
        return
    if FILE in written:
        _print_guesses(detected)
        load_system(root)
    print(f"next: lab check {name}, then lab run {name}")


def _print_guesses(detected: Detected) -> None:
    """What was found, and what could have been taken instead."""
    from lab.system import FILE

    process, compose = detected.process, detected.compose
    if process is not None:
        print(f"guessed from {process.evidence}: {process.command}")
    for other in detected.others:
        print(f"not taken: {other}")
    if compose is not None:
        print(f"guessed from {compose.file}: service {compose.service}, port {compose.port}")
    if process is not None and not detected.paths:
        print("no source shows a path: the scenario asks for /")
    if detected.database:
        print(f"PostgreSQL by {', '.join(detected.database)}: every arm has a database of its own")
    for name in detected.redis:
        print(f"Redis by {name}: all arms share it until you complete {FILE}")
    if detected.settings:
        print(f"settings that the sources read: {', '.join(detected.settings)}")
