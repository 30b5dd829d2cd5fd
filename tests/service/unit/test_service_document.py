"""The document's one table of settings tells what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from service.settings import PricingSettings, ServiceSettings

ROW = re.compile(r"^\| `([A-Z_0-9]+)` \| `([^`]*)` \| ([^|]*)\| (.+) \|$", re.M)


def test_every_setting_stands_in_the_table_with_its_default(project: Path) -> None:
    rows = ROW.findall((project / "docs" / "service.md").read_text())

    told = {name: (default, what) for name, default, _, what in rows}

    expected = {}
    for kind in (ServiceSettings, PricingSettings):
        defaults = kind.from_values({}).canonical()
        for field, info in kind.model_fields.items():
            expected[field.upper()] = (defaults[field.upper()], info.description)
    assert told == expected
    assert len(rows) == len(told)


def test_every_service_side_experiment_has_its_suspect(project: Path) -> None:
    suspects = {row[2].strip() for row in ROW.findall((project / "docs/service.md").read_text())}

    assert suspects >= {
        "pool-exhaustion",
        "blocking-call",
        "threadpool-starvation",
        "n-plus-one",
        "hot-row",
        "retry-storm",
        "backpressure",
        "slow-consumer",
        "uvloop",
        "serializer",
        "pagination",
        "memory-leak",
        "outbox-backlog",
        "reconnect-churn",
        "connection-leak",
    }
