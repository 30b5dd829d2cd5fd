"""The modules of the lab that tests can import beside others."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import lab

_LAB = Path(lab.__file__).parent


def importable_modules() -> Iterator[ModuleType]:
    """All but the driver's, which import Locust: it patches the sockets of the whole process.

    They are found as files: `pkgutil.walk_packages` imports each package that it walks through.
    """
    for path in sorted(_LAB.rglob("*.py")):
        parts = path.relative_to(_LAB.parent).with_suffix("").parts
        if parts[1:2] != ("driver",) and parts[-1] != "__main__":
            name = ".".join(part for part in parts if part != "__init__")
            yield importlib.import_module(name)
