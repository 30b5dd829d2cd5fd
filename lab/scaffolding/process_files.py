"""What a `Procfile` and a Compose file say of how a system is started."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from lab.scaffolding.found import FoundCompose, FoundProcess

_COMPOSE = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_PORT = re.compile(r"\$\{?PORT(?::?-\d+)?\}?")
_SHELL = re.compile(r"[|&;<>`$]")


def procfile_process(root: Path) -> FoundProcess | None:
    """The process `web` of a Procfile; None if there is none, or if it needs a shell."""
    try:
        text = (root / "Procfile").read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        return None
    for number, line in enumerate(text.splitlines(), 1):
        name, colon, command = line.partition(":")
        if colon and name.strip() == "web":
            pieces = _PORT.split(command.strip())
            filled = "{port}".join(each.replace("{", "{{").replace("}", "}}") for each in pieces)
            if not filled or _SHELL.search(filled):
                return None
            env = {} if "{port}" in filled else {"PORT": "{port}"}
            return FoundProcess("Procfile", f"`web` in Procfile, line {number}", filled, env)
    return None


def compose_service(root: Path) -> FoundCompose | None:
    """The service of a Compose file that publishes a port, one that is built before others."""
    for name in _COMPOSE:
        try:
            data = yaml.safe_load((root / name).read_text(encoding="utf-8"))
            services = {key: dict(value) for key, value in data["services"].items()}
        except (OSError, UnicodeError, yaml.YAMLError, TypeError, ValueError, LookupError):
            continue
        database = next((key for key, each in services.items() if _is_postgres(each)), None)
        published = [
            (key, port)
            for key, each in sorted(services.items(), key=lambda item: "build" not in item[1])
            if key != database and (port := _container_port(each.get("ports"))) is not None
        ]
        if published:
            return FoundCompose(name, *published[0], database)
    return None


def _is_postgres(service: dict[str, Any]) -> bool:
    image = str(service.get("image", ""))
    return image.rpartition("/")[2].partition(":")[0] in ("postgres", "postgis", "pgvector")


def _container_port(ports: Any) -> int | None:
    """The port in the container of the first that is published."""
    for port in ports if isinstance(ports, list) else ():
        text = str(port.get("target", "") if isinstance(port, dict) else port)
        last = re.sub(r"\$\{[^}]*\}", "", text).rpartition(":")[2].partition("/")[0]
        if last.isdecimal():
            return int(last)
    return None
