"""`lab worker` before any run is there: what it refuses, and that the remedy is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runs import copy_project, lab

NOWHERE = "127.0.0.1:1"  # where nothing listens


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.mark.parametrize("address", ["127.0.0.1:99999", "::1:80", "host:", "127.0.0.1:0"])
def test_an_address_that_is_none_is_refused(project: Path, address: str) -> None:
    done = lab("worker", address, "--once", project=project)
    assert done.returncode == 2
    assert f"{address}: write the address and the port" in done.stderr
    assert "192.0.2.10:5557" in done.stderr


def test_a_variable_that_is_not_set_is_refused(project: Path) -> None:
    done = lab("worker", NOWHERE, "--once", "--pass", "SHOP_TOKEN", project=project)
    assert done.returncode == 2
    assert "--pass SHOP_TOKEN: this variable is not set" in done.stderr
