"""What is found in the files of projects of several kinds, and of none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from lab.scaffolding import Detected, detect

FASTAPI = """\
import os
from fastapi import FastAPI

app = FastAPI()
POOL = int(os.environ.get("POOL_SIZE", "5"))
SECRET = os.environ["API_TOKEN"]


@app.get("/health")
def health(): ...


@app.get("/orders/{order}")
async def order(order: int): ...


@app.post("/orders")
async def place(): ...


@other.get("/elsewhere")
def elsewhere(): ...
"""
FACTORY = """\
from flask import Flask


def create_app():
    app = Flask(__name__)

    @app.route("/users/<int:user>")
    def user(user): ...

    @app.route("/users", methods=["POST"])
    def make(): ...

    return app
"""
NODE = """\
const express = require('express')
const app = express()
app.get('/items/:id', (req, res) => res.json({}))
app.get("/items", (req, res) => res.json([]))
app.listen(process.env.PORT, process.env.CACHE_SIZE)
"""


def found(root: Path, files: Mapping[str, str], programs: tuple[str, ...] = ()) -> Detected:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return detect(root, lambda program: program in programs)


def command_of(detected: Detected) -> str:
    assert detected.process is not None
    return detected.process.command


def test_an_application_of_fastapi(tmp_path: Path) -> None:
    detected = found(tmp_path, {"shop/main.py": FASTAPI, "tests/test_app.py": FASTAPI})
    assert command_of(detected) == ("uvicorn shop.main:app --port {port} --workers {WORKERS}")
    assert detected.process is not None
    assert detected.process.evidence == "FastAPI in shop/main.py, line 4"
    assert detected.paths == ("/health", "/orders/{order}")
    assert detected.settings == ("POOL_SIZE",)  # no secret
    assert detected.others == ()


def test_a_factory_of_flask(tmp_path: Path) -> None:
    detected = found(tmp_path, {"src/web/__init__.py": FACTORY}, ("gunicorn",))
    assert command_of(detected) == (
        "gunicorn 'web:create_app()' --chdir src --bind 127.0.0.1:{port} --workers {WORKERS}"
    )
    assert detected.paths == ("/users/{user}",)


def test_flask_without_gunicorn_has_its_own_server(tmp_path: Path) -> None:
    detected = found(tmp_path, {"app.py": "import flask\napp = flask.Flask('x')\n"})
    assert command_of(detected) == "flask --app app:app run --port {port}"
    assert detected.process is not None and not detected.process.has_workers


@pytest.mark.parametrize(
    ("programs", "command"),
    [
        ((), "python manage.py runserver --noreload 127.0.0.1:{port}"),
        (("gunicorn",), "gunicorn site.wsgi --bind 127.0.0.1:{port} --workers {WORKERS}"),
    ],
)
def test_django(tmp_path: Path, programs: tuple[str, ...], command: str) -> None:
    files = {"manage.py": "", "site/wsgi.py": "application = get_wsgi_application()\n"}
    assert command_of(found(tmp_path, files, programs)) == command


@pytest.mark.parametrize(
    ("package", "command"),
    [
        ({"scripts": {"start": "node server.js --quiet"}}, "node server.js --quiet"),
        ({"scripts": {"start": "NODE_ENV=production node server.js"}}, "npm start"),
        ({"main": "server.js"}, "node server.js"),
        ({}, "node server.js"),
    ],
)
def test_node(tmp_path: Path, package: dict[str, object], command: str) -> None:
    detected = found(tmp_path, {"package.json": json.dumps(package), "server.js": NODE})
    assert command_of(detected) == command
    assert detected.process is not None and detected.process.env == {"PORT": "{port}"}
    assert detected.paths == ("/items/{id}", "/items")
    assert detected.settings == ("CACHE_SIZE",)


def test_a_procfile_is_taken_first_and_the_sources_show_the_paths(tmp_path: Path) -> None:
    procfile = "release: python migrate.py\nweb: gunicorn -b :${PORT:-80} 'shop.main:app'\n"
    detected = found(tmp_path, {"Procfile": procfile, "shop/main.py": FASTAPI})
    assert command_of(detected) == "gunicorn -b :{port} 'shop.main:app'"
    assert detected.paths == ("/health", "/orders/{order}")
    assert detected.others == (
        "FastAPI in shop/main.py, line 4: uvicorn shop.main:app --port {port} --workers {WORKERS}",
    )


@pytest.mark.parametrize("web", ["serve | tee log", "serve > log", "cd x && serve", ""])
def test_a_procfile_that_needs_a_shell_is_not_taken(tmp_path: Path, web: str) -> None:
    assert found(tmp_path, {"Procfile": f"web: {web}\n"}).process is None


def test_a_compose_file(tmp_path: Path) -> None:
    compose = """\
services:
  db: {image: "docker.io/library/postgres:16", ports: ["5432:5432"]}
  proxy: {image: nginx, ports: ["80:80"]}
  web: {build: ., ports: ["127.0.0.1:${WEB_PORT-8000}:8000"]}
"""
    compose_found = found(tmp_path, {"compose.yaml": compose}).compose
    assert compose_found is not None
    assert (compose_found.service, compose_found.port, compose_found.database) == (
        "web",
        8000,
        "db",
    )


@pytest.mark.parametrize("text", ["services: [", "services:\n  web: {build: .}\n", "x: 1\n", ""])
def test_a_compose_file_without_a_port_is_none(tmp_path: Path, text: str) -> None:
    assert found(tmp_path, {"compose.yml": text}).compose is None


def test_a_database_and_metrics_are_seen(tmp_path: Path) -> None:
    app = FASTAPI + "import asyncpg\nurl = os.environ['DATABASE_URL']\nmetrics = '/metrics'\n"
    detected = found(tmp_path, {"app.py": app})
    assert detected.database == {"DATABASE_URL": "{postgres.url}"}
    assert detected.metrics == "/metrics"
    assert "DATABASE_URL" not in detected.settings


def test_the_parts_of_a_database_are_seen(tmp_path: Path) -> None:
    names = ("DB_HOST", "DB_PORT", "DB_USER", "DB_PASSWORD", "DB_NAME", "DB_POOL")
    app = FASTAPI + "import psycopg\n" + "".join(f"os.environ['{name}']\n" for name in names)
    detected = found(tmp_path, {"app.py": app})
    parts = ("host", "port", "user", "password", "database")
    assert detected.database == {
        name: f"{{postgres.{part}}}" for name, part in sorted(zip(names, parts, strict=False))
    }
    assert detected.settings == ("DB_POOL", "POOL_SIZE")
    other = found(tmp_path, {"app.py": app.replace("psycopg", "pymysql")})
    assert other.database == {} and "DB_HOST" in other.settings


def test_of_two_databases_the_one_of_postgresql_is_taken(tmp_path: Path) -> None:
    app = FASTAPI + "import psycopg\nos.environ['DB_HOST']\nos.environ['PGHOST']\n"
    assert found(tmp_path, {"app.py": app}).database == {"PGHOST": "{postgres.host}"}
    unclear = app.replace("PGHOST", "DATABASE_HOST")
    assert found(tmp_path, {"app.py": unclear}).database == {}


def test_a_port_without_a_host_is_no_database(tmp_path: Path) -> None:
    app = FASTAPI + "import psycopg\nos.environ['DB_PORT']\n"
    assert found(tmp_path, {"app.py": app}).database == {}


def test_a_redis_server_is_seen(tmp_path: Path) -> None:
    app = FASTAPI + "import redis\nredis.from_url(os.environ['REDIS_URL'])\n"
    detected = found(tmp_path, {"app.py": app})
    assert detected.redis == ("REDIS_URL",) and "REDIS_URL" not in detected.settings
    other = found(tmp_path, {"app.py": app.replace("redis", "memo")})
    assert other.redis == () and "REDIS_URL" in other.settings


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    files = {"broken.py": "app = FastAPI(", "package.json": "[", "README.md": "FastAPI"}
    assert found(tmp_path, files) == Detected()
