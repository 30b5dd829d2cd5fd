"""Lets an environment find the packages of the Python that runs this: nothing is downloaded."""

from __future__ import annotations

import sys
from pathlib import Path

version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
folder = Path(".venv", "lib", version, "site-packages")
packages = [path for path in sys.path if path.endswith("-packages")]
(folder / "installed.pth").write_text("\n".join(packages) + "\n", encoding="utf-8")
