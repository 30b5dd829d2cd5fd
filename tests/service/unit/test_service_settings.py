from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from service.settings import PricingSettings, ServiceSettings, check


def test_values_are_canonical_and_secrets_redacted() -> None:
    checked = check(
        {
            "DATABASE_URL": "postgresql://me:secret@/orders?host=/run/sockets",
            "DB_POOL_SIZE": "05",
            "DB_POOL_TIMEOUT_S": "2.50",
            "PRICING_INSIDE_TRANSACTION": "Yes",
            "PRICING_LATENCY_MS": "7",
        }
    )

    assert checked.errors == []
    assert checked.settings["DATABASE_URL"] == "***"
    assert checked.settings["DB_POOL_SIZE"] == "5"
    assert checked.settings["DB_POOL_TIMEOUT_S"] == "2.5"
    assert checked.settings["PRICING_INSIDE_TRANSACTION"] == "true"
    assert checked.settings["PRICING_LATENCY_MS"] == "7"
    assert set(checked.settings) == {*ServiceSettings.names(), *PricingSettings.names()}


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("DB_POOL_SIZ", "5", "did you mean DB_POOL_SIZE?"),
        ("db_pool_size", "5", "did you mean DB_POOL_SIZE?"),
        ("XYZZY", "5", "unknown setting"),
        ("DB_POOL_SIZE", "0", "greater than or equal to 1"),
        ("DB_POOL_TIMEOUT_S", "nan", "finite"),
        ("PRICING_CALL", "sometimes", "'awaited' or 'blocking'"),
        ("PRICING_CAPACITY", "many", "valid integer"),
        ("PRICING_URL", "http://me:secret@host/", "must not carry credentials"),
        ("DATABASE_URL", "mysql://me:secret@host/db", "must start with postgresql://"),
        ("DATABASE_URL", "postgresql://me:secret@host", "must name a database"),
        ("DATABASE_URL", "postgresql://me:secret@host:x/db", "must be a valid URL"),
    ],
)
def test_what_is_wrong_is_named(name: str, value: str, says: str) -> None:
    checked = check({name: value})

    assert checked.settings == {}
    [error] = checked.errors
    assert error.setting == name
    assert says in error.message
    assert "secret" not in error.message


def test_the_environment_is_read_by_the_processes_and_not_by_the_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DB_POOL_SIZE", "7")

    assert ServiceSettings().db_pool_size == 7
    assert check({}).settings["DB_POOL_SIZE"] == "10"


def test_every_setting_is_described() -> None:
    for kind in (ServiceSettings, PricingSettings):
        assert all(field.description for field in kind.model_fields.values())


def test_the_command_checks_many_configurations_at_once() -> None:
    arms = {"good": {"DB_POOL_SIZE": "5"}, "bad": {"EVENT_LOOP": "other", "NONE": "1"}}
    command = [sys.executable, "-m", "service.settings"]
    environment = os.environ | {"DB_POOL_OVERFLOW": "3"}

    ran = subprocess.run(
        command, input=json.dumps(arms), capture_output=True, text=True, env=environment, check=True
    )

    printed = json.loads(ran.stdout)
    assert printed["good"]["settings"]["DB_POOL_SIZE"] == "5"
    assert printed["good"]["settings"]["DB_POOL_OVERFLOW"] == "0"
    assert [error["setting"] for error in printed["bad"]["errors"]] == ["NONE", "EVENT_LOOP"]


def test_the_command_says_what_it_expects() -> None:
    command = [sys.executable, "-m", "service.settings"]

    ran = subprocess.run(command, input="[1]", capture_output=True, text=True, check=False)

    assert ran.returncode == 2
    assert "expected JSON" in ran.stderr
