"""Thousands of generated requests to every operation of the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from lab.processes.child_processes import Children
from lab.targets.embedded_postgres import EmbeddedPostgres
from lab.targets.postgres_databases import Databases
from service.pricing.app import create_app as create_pricing
from service.settings import PricingSettings
from tests.proof.record import Steps, publish
from tests.service.conftest import few_rows, served
from tests.service.documented import Operation, document, examine
from tests.service.process import service_process

CASES = 2_000
SEEDS = range(1, 4)
EACH = 120  # of an operation, with each seed


def prove() -> bool:
    """At least 2,000 cases: no undocumented 5xx, no answer outside the document."""
    steps = Steps("schemathesis")
    found = {seed: steps.do(f"seed {seed}", partial(_examined, seed)) for seed in SEEDS}
    lines = ["| operation | cases | outside the document |", "| --- " * 3 + "|"]
    cases, problems = 0, 0
    for label in found[SEEDS[0]]:
        results = [examined[label] for examined in found.values()]
        done = sum(result["cases"] for result in results)
        outside = [result["problem"] for result in results if result["problem"]]
        cases, problems = cases + done, problems + len(outside)
        lines.append(f"| {label} | {done} | {'; '.join(outside) or 'none'} |")
    lines += ["", f"{cases:,} cases with {len(SEEDS)} seeds; {problems} operations failed."]
    publish("schemathesis", "Every answer is documented: generated requests", lines, steps)
    return cases >= CASES and problems == 0


def _examined(seed: int) -> dict[str, dict[str, object]]:
    with _service() as url:
        return {each.label: _outcome(each, seed) for each in document(url)}


def _outcome(operation: Operation, seed: int) -> dict[str, object]:
    try:
        return {"cases": examine(operation, EACH, seed), "problem": ""}
    except Exception as problem:  # any failed check; its message names the request
        print(problem)
        return {"cases": 0, "problem": type(problem).__name__}


@contextmanager
def _service() -> Iterator[str]:
    with Children() as children:
        postgres = EmbeddedPostgres(children)
        postgres.start()
        databases = Databases(postgres.url, prefix="schemathesis")
        quick = PricingSettings.from_values({"PRICING_LATENCY_MS": "0"})
        with served(create_pricing(quick)) as pricing_url:
            settings = few_rows(databases.create("db"), pricing_url)
            with service_process(**settings) as process:
                yield process.url
        databases.close(drop=True)
