"""Paths to visit, from a file beside this one."""

import csv
from pathlib import Path

FILE = Path(__file__).resolve().parent / "data" / "paths.csv"


def paths():
    with FILE.open(newline="") as file:
        return [row["path"] for row in csv.DictReader(file)]
