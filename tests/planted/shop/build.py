"""Lets an environment find the packages of the Python that runs this: nothing is downloaded."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
packages = Path(".venv", "lib", version, "site-packages")
(packages / "installed.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n", encoding="utf-8")
