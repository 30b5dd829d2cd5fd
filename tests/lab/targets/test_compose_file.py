"""A resolved Compose file, as version 1 and version 2 print it: its flaws and what is added."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from lab.system import ComposeSpec
from lab.targets.compose_file import COMPLETED, HEALTHY, ComposeFile

SPEC = ComposeSpec("docker-compose.yml", "service", 8000, {"pricing": 8001}, "database")
SOUND: dict[str, Any] = {
    "services": {"service": {}, "pricing": {}, "database": {"volumes": ["data:/var/lib"]}},
    "volumes": {"data": {}},
}

BOUND = {"type": "none", "o": "bind", "device": "/srv/pgdata"}
NFS = {"type": "nfs", "o": "addr=192.0.2.1,rw", "device": ":/srv"}


def read(**changes: Any) -> ComposeFile:
    data = copy.deepcopy(SOUND)
    data["services"]["database"].update(changes.pop("database", {}))
    data["services"].update(changes.pop("services", {}))
    return ComposeFile("me", data | changes, SPEC)


@pytest.mark.parametrize(
    "sound",
    [
        {},
        {"volumes": {"data": None}},
        {"volumes": {"data": {"name": "me_data"}}, "networks": {"default": {"name": "me_default"}}},
        {"volumes": {"data": {"driver": "local", "driver_opts": {"type": "tmpfs", "device": "x"}}}},
        {"database": {"volumes": ["/var/lib/postgresql"]}},
        {"database": {"volumes": ["./init:/docker-entrypoint-initdb.d:ro"]}},
        {"database": {"volumes": [{"type": "bind", "source": "/a", "read_only": True}]}},
        {"database": {"volumes": [{"type": "volume", "target": "/b"}]}},
        {"database": {"volumes": [{"type": "tmpfs", "source": "x", "target": "/b"}]}},
        {"services": {"load": {"profiles": ["load"], "network_mode": "host"}}},
        {"database": {"scale": 1, "deploy": {"replicas": 1}}},
        {"services": {"idle": {"scale": 4, "ports": ["80:80"]}}},
        {"services": {"service": {"ports": [{"host_ip": "127.0.0.1", "target": 8000}]}}},
        {"database": {"ports": ["127.0.0.1::5432/tcp", "[::1]::5432", "127.0.0.1:5000-5009:5432"]}},
    ],
)  # fmt: skip
def test_a_file_whose_arms_share_nothing_is_accepted(sound: dict[str, Any]) -> None:
    assert read(**sound).flaw() is None


@pytest.mark.parametrize(
    ("flawed", "message"),
    [
        ({"volumes": {"data": {"name": "one"}}}, "the volume data of service database"),
        ({"volumes": {"data": {"external": True}}}, "the volume data of service database"),
        ({"volumes": {"data": {"external": {"name": "x"}}}}, "the volume data"),
        ({"volumes": {"data": {"driver_opts": BOUND}}}, "keeps its data at /srv/pgdata, which all"),
        ({"volumes": {"data": {"driver": "local", "driver_opts": NFS}}}, "keeps its data at :/srv"),
        ({"volumes": {"data": {"driver": "rexray"}}}, "where its driver rexray decides"),
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
        ({"database": {"profiles": ["load"], "network_mode": "host"}}, "network_mode host"),
    ],
)
def test_what_arms_would_share_is_refused(flawed: dict[str, Any], message: str) -> None:
    assert message in (read(**flawed).flaw() or "")


@pytest.mark.parametrize(
    "flawed",
    [
        {"database": {"scale": 3}},
        {"database": {"deploy": {"replicas": 3}}},
        {"services": {"service": {"depends_on": ["cache"]}, "cache": {"scale": 2}}},
    ],
)
def test_replicas_of_which_only_one_would_be_watched_are_refused(flawed: dict[str, Any]) -> None:
    assert "containers, and the lab watches one of each" in (read(**flawed).flaw() or "")


@pytest.mark.parametrize(
    ("flawed", "message"),
    [
        (
            {"services": {"service": {"ports": ["127.0.0.1:80:8000/tcp"]}}},
            'which only one arm can have. Write "127.0.0.1:${SERVICE_PORT-80}:8000"',
        ),
        (
            {"database": {"ports": [{"host_ip": "::1", "target": 5432, "published": "5432"}]}},
            "database publishes port 5432 as 5432, which only one arm can have. Publish none, or",
        ),
        (
            {"services": {"service": {"depends_on": ["mail"]}, "mail": {"ports": ["1080:1080"]}}},
            "mail publishes port 1080 on all addresses, which other machines can reach",
        ),
        ({"database": {"ports": ["192.0.2.1::5432"]}}, "port 5432 on 192.0.2.1, which other"),
        ({"database": {"ports": [{"target": 5432}]}}, "on all addresses"),
    ],
)
def test_ports_that_arms_cannot_have_or_others_can_reach_are_refused(
    flawed: dict[str, Any], message: str
) -> None:
    assert message in (read(**flawed).flaw() or "")


def test_a_missing_role_is_named() -> None:
    found = ComposeFile("me", {"services": {"service": {}, "database": {}}}, SPEC).flaw()
    assert found is not None and "there is no service pricing" in found
    assert "no service database and no pricing" in (ComposeFile("me", {}, SPEC).flaw() or "")


def test_a_file_needs_only_what_lab_toml_names() -> None:
    spec = ComposeSpec("compose.yml", "web", 80)
    file = ComposeFile("me", {"services": {"web": {"depends_on": ["redis"]}, "redis": {}}}, spec)
    assert file.flaw() is None
    assert file.layers() == [("redis",), ("web",)]
    others = {"worker": {}, "load": {"profiles": ["load"]}}
    assert file.left_out() == []
    assert replace(file, data={"services": {**file.data["services"], **others}}).left_out() == [
        "worker"
    ]
    added = file.additions({"A": "1"}, {"fsync": "off"}, str)["services"]
    assert added == {"web": {"environment": {"A": "1"}, "healthcheck": {"interval": "24h"}}}


def test_dependencies_are_found_directly_and_indirectly() -> None:
    services = {
        "service": {"depends_on": ["database", "cache"]},
        "cache": {"depends_on": {"disk": {"condition": "service_started"}}},
        "disk": {},
        "idle": {},
    }
    file = read(services=services)
    started = {name for layer in file.layers() for name in layer}
    assert {"cache", "disk"} <= started and "idle" not in started
    assert file.left_out() == ["idle"]


def test_services_start_after_those_that_they_depend_on() -> None:
    services = {
        "service": {"depends_on": {"seed": {"condition": COMPLETED}}},
        "seed": {"depends_on": {"database": {"condition": HEALTHY}, "cache": None}},
        "pricing": {"depends_on": ["cache"]},
        "cache": {},
    }
    file = read(services=services)
    assert file.layers() == [("cache", "database"), ("pricing", "seed"), ("service",)]
    assert file.conditions("seed") == {COMPLETED}
    assert file.conditions("database") == {HEALTHY}
    assert file.conditions("cache") == {"service_started"}
    assert file.conditions("service") == set()


def test_one_of_lab_toml_that_depends_on_the_loaded_service_starts_after_it() -> None:
    file = read(services={"pricing": {"depends_on": ["service"]}})
    assert file.layers() == [("database",), ("service",), ("pricing",)]


def test_services_that_depend_on_each_other_are_refused() -> None:
    services = {"service": {"depends_on": ["pricing"]}, "pricing": {"depends_on": ["service"]}}
    assert "depend on each other in a circle" in (read(services=services).flaw() or "")


def test_services_with_an_image_of_their_own_are_listed_as_built() -> None:
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
def test_the_database_url_follows_the_variables_of_the_image(environment: object, url: str) -> None:
    assert read(database={"environment": environment}).database_url(5) == url


def test_a_run_adds_settings_ports_on_loopback_and_images() -> None:
    services = {"service": {"build": ".", "depends_on": ["cache"]}, "cache": {"build": "."}}
    added = read(services=services).additions(
        {"PRICE": "$5"}, {"fsync": "off"}, lambda name: f"made:{name}"
    )["services"]
    unchecked = {"interval": "24h"}
    assert added == {
        "service": {
            "environment": {"PRICE": "$$5"},
            "healthcheck": unchecked,
            "image": "made:service",
        },
        "pricing": {
            "environment": {"PRICE": "$$5"},
            "healthcheck": unchecked,
            "ports": ["127.0.0.1::8001"],
        },
        "database": {
            "command": ["postgres", "-c", "fsync=off"],
            "healthcheck": unchecked,
            "ports": ["127.0.0.1::5432"],
        },
        "cache": {"image": "made:cache"},
    }


@pytest.mark.parametrize(
    "command",
    [
        "postgres -c max_connections=20 -c 'work_mem=256 MB'",
        ["postgres", "-c", "max_connections=20", "-c", "work_mem=256 MB"],
        ["-c", "max_connections=20", "-c", "work_mem=256 MB"],
    ],
)
def test_the_databases_own_settings_come_after_those_of_the_lab(command: object) -> None:
    file = read(database={"command": command})
    assert file.flaw() is None
    own = ["-c", "max_connections=20", "-c", "work_mem=256 MB"]
    expected = ["postgres", "-c", "max_connections=400", *own]
    settings = {"max_connections": "400"}
    assert file.database_command(settings) == expected
    assert file.additions({}, settings, str)["services"]["database"]["command"] == expected


@pytest.mark.parametrize("command", ["sh -c 'exec postgres'", ["/start.sh"]])
def test_a_command_of_the_database_that_the_lab_would_replace_is_refused(command: object) -> None:
    flaw = read(database={"command": command}).flaw() or ""
    assert flaw.startswith("service database has the command `") and "cannot add settings" in flaw
