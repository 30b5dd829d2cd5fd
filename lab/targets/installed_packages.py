"""Which interpreters and packages a revision has, and how those of two arms differ."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

_ENVIRONMENTS = (".venv", "venv")  # of Python
_VERSION = re.compile(r"^version(?:_info)? *= *(\d+(?:\.\d+)*)", re.MULTILINE)
_NODE = Path("node_modules", ".package-lock.json")  # which npm keeps of what it has installed
_NODE_FOLDER = "node_modules/"
_SHOWN = 5  # packages in a message
_DIGITS = 12  # of a digest


def packages_of(code: Path) -> dict[str, str]:
    """The version of each package in the environments of a folder of code.

    A package that was installed from a folder is left out: it is the code itself.

    Args:
        code: The folder of the project, or of a revision of it.
    """
    return dict(sorted((*_of_python(code), *_of_node(code))))


def interpreters_of(code: Path) -> dict[str, str]:
    """The version of Python in each of its environments in a folder of code, as far as it is known.

    Args:
        code: The folder of the project, or of a revision of it.
    """
    found: dict[str, str] = {}
    for environment in _ENVIRONMENTS:
        with contextlib.suppress(OSError):
            text = (code / environment / "pyvenv.cfg").read_text("utf-8", "replace")
            if match := _VERSION.search(text):
                found[f"Python of {environment}"] = match[1]
    return found


def packages_digest(packages: Mapping[str, str]) -> str:
    """What names these packages in these versions."""
    return hashlib.sha256(json.dumps(packages).encode()).hexdigest()[:_DIGITS]


def differing_versions(installed: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What has another version in some arm, in words; the first five of them.

    Args:
        installed: Of each arm, as `packages_of` or `interpreters_of` returns it.
    """
    names = sorted({name for own in installed.values() for name in own})
    found = []
    for name in names:
        versions = {arm: own.get(name, "none") for arm, own in installed.items()}
        if len(set(versions.values())) > 1:
            each = ", ".join(f"{version} in {arm}" for arm, version in versions.items())
            found.append(f"{name} {each}")
    left = len(found) - _SHOWN
    return found[:_SHOWN] + ([f"and {left} more"] if left > 0 else [])


def _of_python(code: Path) -> Iterator[tuple[str, str]]:
    for environment in _ENVIRONMENTS:
        for info in code.glob(f"{environment}/lib/python*/site-packages/*.dist-info"):
            name, _, version = info.stem.rpartition("-")
            if not _is_of_a_folder(info):
                yield name, version


def _is_of_a_folder(info: Path) -> bool:
    with contextlib.suppress(OSError, ValueError, TypeError):
        return "dir_info" in json.loads((info / "direct_url.json").read_text(encoding="utf-8"))
    return False


def _of_node(code: Path) -> Iterator[tuple[str, str]]:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        installed = json.loads((code / _NODE).read_text(encoding="utf-8"))["packages"]
        for path, package in installed.items():
            if "version" in package:  # a link into the project has none
                yield f"{path.removeprefix(_NODE_FOLDER)} (npm)", str(package["version"])
