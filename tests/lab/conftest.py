from __future__ import annotations

from collections.abc import Callable

import pytest

from lab.reporting import render
from tests.lab.reporting.made_up_runs import BLOCKS, Run, build


@pytest.fixture(scope="session")
def make_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    """Builds a run in a folder of its own."""

    def built(name: str, *, bare: bool = False) -> Run:
        return build(tmp_path_factory.mktemp("reports"), name, bare=bare)

    return built


@pytest.fixture(scope="session")
def rendered(make_run: Callable[..., Run]) -> dict[str, Run]:
    """A rendered run for each verdict."""
    made = {name: make_run(name) for name in BLOCKS}
    for run in made.values():
        render(run.run_folder, run.hypothesis, run.plan, run.verdict)
    return made
