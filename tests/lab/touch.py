"""A module for the watchdog to run: it creates a file."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    Path(sys.argv[1]).touch()
