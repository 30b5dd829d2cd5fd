"""What is made of a resolved Compose file, as version 1 and version 2 print it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from lab.targets.compose_file import ComposeFile

SOUND: dict[str, Any] = {
    "services": {"service": {}, "pricing": {}, "database": {"volumes": ["data:/var/lib"]}},
    "volumes": {"data": {}},
}


def read(**changes: Any) -> ComposeFile:
    data = copy.deepcopy(SOUND)
    data["services"]["database"].update(changes.pop("database", {}))
    data["services"].update(changes.pop("services", {}))
    return ComposeFile("me", data | changes)


@pytest.mark.parametrize(
    "sound",
    [
        {},
        {"volumes": {"data": None}},
        {"volumes": {"data": {"name": "me_data"}}, "networks": {"default": {"name": "me_default"}}},
        {"database": {"volumes": ["/var/lib/postgresql"]}},
        {"database": {"volumes": ["./init:/docker-entrypoint-initdb.d:ro"]}},
        {"database": {"volumes": [{"type": "bind", "source": "/a", "read_only": True}]}},
        {"database": {"volumes": [{"type": "volume", "target": "/b"}]}},
        {"database": {"volumes": [{"type": "tmpfs", "source": "x", "target": "/b"}]}},
    ],
)  # fmt: skip
def test_what_arms_do_not_share_is_sound(sound: dict[str, Any]) -> None:
    assert read(**sound).flaw() is None


@pytest.mark.parametrize(
    ("flawed", "said"),
    [
        ({"volumes": {"data": {"name": "one"}}}, "the volume data of service database"),
        ({"volumes": {"data": {"external": True}}}, "the volume data of service database"),
        ({"volumes": {"data": {"external": {"name": "x"}}}}, "the volume data"),
        ({"database": {"volumes": ["/srv/data:/var/lib:rw"]}}, "read-only: /srv/data:/var/lib:ro"),
        (
            {"database": {"volumes": [{"type": "bind", "source": "/a", "target": "/b"}]}},
            "can write to the folder /a",
        ),
        ({"networks": {"default": {"name": "corporate"}}}, "the network default"),
        ({"networks": {"back": {"external": True}}}, "the network back"),
        ({"database": {"container_name": "db"}}, "only one arm can have"),
        ({"database": {"network_mode": "host"}}, "network_mode host"),
        ({"services": {"cache": {"volumes": ["/a:/b"]}}}, "service cache"),
    ],
)
def test_what_arms_would_share_is_refused(flawed: dict[str, Any], said: str) -> None:
    assert said in (read(**flawed).flaw() or "")


def test_a_role_that_is_missing_is_named() -> None:
    found = ComposeFile("me", {"services": {"service": {}, "database": {}}}).flaw()
    assert found is not None and "there is no service pricing" in found
    assert "no service database and no pricing" in (ComposeFile("me", {}).flaw() or "")


def test_what_the_roles_depend_on_is_found_by_way_of_others_too() -> None:
    services = {
        "service": {"depends_on": ["database", "cache"]},
        "cache": {"depends_on": {"disk": {"condition": "service_started"}}},
        "disk": {},
        "idle": {},
    }
    assert read(services=services).further() == ["cache", "disk"]


def test_what_is_built_is_told_from_what_is_fetched() -> None:
    services = {
        "service": {"build": ".", "depends_on": ["cache"]},
        "cache": {"build": {"context": "cache"}},
        "idle": {"build": "."},
    }
    assert read(services=services).built() == ["service", "cache"]


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({"POSTGRES_PASSWORD": "p@ss/"}, "postgresql://postgres:p%40ss%2F@127.0.0.1:5/postgres"),
        (["POSTGRES_USER=shop", "POSTGRES_PASSWORD=x"], "postgresql://shop:x@127.0.0.1:5/shop"),
        (
            {"POSTGRES_USER": "shop", "POSTGRES_DB": "ours", "POSTGRES_PASSWORD": None},
            "postgresql://shop:@127.0.0.1:5/ours",
        ),
    ],
)
def test_the_database_is_reached_as_its_image_was_told(environment: object, url: str) -> None:
    assert read(database={"environment": environment}).database_url(5) == url
