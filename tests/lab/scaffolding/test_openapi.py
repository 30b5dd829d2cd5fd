"""Scenarios from OpenAPI documents: values of examples and schemas, and nothing that writes."""

from __future__ import annotations

import ast
import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.cli.commands import new
from lab.errors import UsageError
from lab.scaffolding.openapi import Operation, operations
from lab.scaffolding.scenario_text import chosen, locustfile_of
from tests.runs import lab

DOCUMENT = """\
openapi: 3.0.3
servers: [{url: "https://shop.example.org/api/v1/"}]
paths:
  /orders/{order}:
    parameters:
      - {name: order, in: path, required: true, schema: {type: integer}}
    get: {}
    delete: {}
  /items/{sku}:
    get:
      parameters:
        - {name: sku, in: path, required: true, schema: {type: string}, example: "A/1"}
        - {name: limit, in: query, required: true, schema: {$ref: "#/components/schemas/Limit"}}
        - {name: other, in: query, schema: {type: string}}
        - {name: X-Shop, in: header, required: true, schema: {type: string, enum: [north, south]}}
  /orders:
    post:
      requestBody: {$ref: "#/components/requestBodies/Order"}
  /avatar:
    post:
      requestBody: {content: {image/png: {}}}
components:
  schemas:
    Limit: {type: integer, minimum: 5}
    Line:
      type: object
      required: [sku, quantity, parent]
      properties:
        sku: {type: string, example: SKU-1}
        quantity: {type: integer}
        note: {type: string}
        parent: {$ref: "#/components/schemas/Line"}
  requestBodies:
    Order:
      content:
        application/json:
          schema:
            allOf:
              - {type: object, required: [on], properties: {on: {type: string, format: date}}}
              - type: object
                required: [lines]
                properties: {lines: {type: array, items: {$ref: "#/components/schemas/Line"}}}
"""


def by_name(text: str = DOCUMENT) -> dict[str, Operation]:
    return {str(each): each for each in operations(text)}


def test_parameters_have_the_values_of_examples_and_schemas() -> None:
    found = by_name()
    item = found["GET /api/v1/items/{sku}"]
    assert (item.parameters, item.query, item.headers) == (
        {"sku": "A/1"},
        {"limit": ["5"]},
        {"X-Shop": "north"},
    )
    assert found["GET /api/v1/orders/{order}"].parameters == {"order": None}


def test_bodies_are_put_together_and_end_where_schemas_name_themselves() -> None:
    body = by_name()["POST /api/v1/orders"].body
    assert body["on"] == "2025-01-31"
    line = body["lines"][0]
    assert (line["sku"], line["quantity"]) == ("SKU-1", 1)
    assert "note" not in line
    assert len(json.dumps(body)) < 1000


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "minLength": 6}, "textxx"),
        ({"type": "string", "maxLength": 2}, "te"),
        ({"type": "string", "format": "uuid"}, "11111111-1111-4111-8111-111111111111"),
        ({"type": ["null", "integer"], "exclusiveMinimum": 3}, 4),
        ({"type": "number", "maximum": 0.25}, 0.25),
        ({"type": "boolean"}, True),
        ({"type": "array", "minItems": 2, "items": {"const": 7}}, [7, 7]),
        ({"anyOf": [{"type": "null"}, {"type": "string", "default": "x"}]}, "x"),
        ({"type": "string", "example": "2025-02-03"}, "2025-02-03"),
        ({}, None),
    ],
)
def test_values_of_schemas(schema: dict[str, Any], value: object) -> None:
    media = {"content": {"application/json": {"schema": schema}}}
    document = {"openapi": "3.1.0", "paths": {"/x": {"post": {"requestBody": media}}}}
    [operation] = operations(yaml.safe_dump(document))
    assert operation.body == value


JSON_BODY = """\
{"openapi": "3.1.0", "paths": {"/x": {"post": {"requestBody": {"content": {
"application/json": {"schema": SCHEMA}}}}}}}
"""
YAML_BODY = """\
openapi: 3.1.0
paths: {/x: {post: {requestBody: {content: {application/json: {schema: SCHEMA}}}}}}
"""


@pytest.mark.parametrize(
    ("document", "schema", "value"),
    [
        (JSON_BODY, '{"type": "integer", "minimum": 2, "maximum": 1e+16}', 2),
        (JSON_BODY, '{"type": "integer", "minimum": 2, "maximum": 1E+9}', 2),
        (JSON_BODY, '{\n\t"const": 3}', 3),
        (YAML_BODY, "{type: integer, minimum: 2, maximum: 1E+9}", 2),
        (YAML_BODY, "{example: 1e+9}", 1e9),
        (YAML_BODY, "{example: 12:30}", "12:30"),
        (YAML_BODY, "{example: 1_000}", "1_000"),
        (YAML_BODY, "{example: 010}", 10),
        (YAML_BODY, "{example: -0x1f}", "-0x1f"),
        (YAML_BODY, "{example: 0o17}", 15),
        (YAML_BODY, "{example: -7}", -7),
        (YAML_BODY, "{example: true story}", "true story"),
    ],
)
def test_json_is_read_as_json_and_yaml_as_yaml_1_2(
    document: str, schema: str, value: object
) -> None:
    [operation] = operations(document.replace("SCHEMA", schema))
    assert operation.body == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param('{"openapi": ' + "[" * 100_000, "neither JSON nor YAML", id="deep"),
        ("openapi: 3.0.0\npaths: {/a: {parameters: 3, get: {}}}", "GET /a is not as OpenAPI has"),
        (JSON_BODY.replace("SCHEMA", '{"type": "number", "maximum": "x"}'), "POST /x is not as"),
        (JSON_BODY.replace("SCHEMA", '{"type": "integer", "minimum": 1e999}'), "POST /x is not"),
        (JSON_BODY.replace("SCHEMA", '{"properties": [1]}'), "POST /x is not as OpenAPI"),
    ],
)
def test_a_document_of_another_shape_is_refused_with_the_operation(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        operations(text)


def test_swagger_2() -> None:
    document = {
        "swagger": "2.0",
        "basePath": "/v2",
        "paths": {
            "/pet/{id}": {
                "get": {"parameters": [{"name": "id", "in": "path", "type": "string"}]},
                "post": {"parameters": [{"name": "file", "in": "formData", "type": "file"}]},
                "put": {
                    "parameters": [
                        {
                            "name": "b",
                            "in": "body",
                            "schema": {"type": "object", "example": {"a": 1}},
                        }
                    ]
                },
            }
        },
    }
    found = by_name(json.dumps(document))
    assert found["GET /v2/pet/{id}"].parameters == {"id": "text"}
    assert found["POST /v2/pet/{id}"].cannot == "it takes a form"
    assert found["PUT /v2/pet/{id}"].body == {"a": 1}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "neither JSON nor YAML"),
        ("[]", "no key `openapi`"),
        ("paths: {}", "no key `openapi`"),
        ("openapi: 3.0.0", "no `paths`"),
    ],
)
def test_what_is_no_document(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        operations(text)


def test_odd_documents_have_fewer_operations_and_no_errors() -> None:
    text = """\
openapi: 3.0.0
servers: none
paths:
  /a: {get: {parameters: [null, {$ref: "#/nowhere"}, 3], requestBody: 4}, put: 5, x-own: {}}
  /b: null
  no-slash: {get: {}}
  /c: {$ref: "#/paths/~1a"}
"""
    assert [str(each) for each in operations(text)] == ["GET /a", "GET /c"]


def test_what_writes_is_named_and_off() -> None:
    found = operations(DOCUMENT)
    asked, left_out = chosen(found, with_writes=False)
    assert [each.method for each in asked] == ["GET", "GET"]
    assert left_out == [
        "DELETE /api/v1/orders/{order}: it writes",
        "POST /api/v1/orders: it writes",
        "POST /api/v1/avatar: its body is image/png",
    ]
    text = locustfile_of(found, with_writes=False)
    assert "client.delete" not in text and "DELETE /api/v1/orders/{order}: it writes" in text


@pytest.mark.parametrize("writes", [False, True])
def test_the_scenario_is_python_that_asks_for_what_it_should(writes: bool) -> None:
    text = locustfile_of(operations(DOCUMENT), with_writes=writes)
    calls = [
        ast.unparse(node)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("self.client.")
    ]
    assert calls[0] == (
        "self.client.get(f'/api/v1/orders/{random.randint(1, 100)}', name='/api/v1/orders/{order}')"
    )
    assert (
        "self.client.get(f'/api/v1/items/A%2F1?limit=5', name='/api/v1/items/{sku}', "
        "headers={'X-Shop': 'north'})"
    ) in calls
    assert any("client.post" in call for call in calls) == writes


VALUES = """\
openapi: 3.0.3
paths:
  /pet/findByStatus:
    get:
      parameters:
        - name: status
          in: query
          required: true
          explode: true
          schema: {type: array, items: {type: string, enum: [available, pending, sold]}}
  /{on}/{tags}:
    get:
      parameters:
        - {name: "on", in: path, required: true, schema: {type: boolean}}
        - {name: tags, in: path, required: true, example: [a b, c]}
        - {name: all, in: query, required: true, schema: {type: boolean}}
        - {name: tag, in: query, example: [a b, c, null]}
        - {name: at, in: query, example: {x: 1, y: false}}
        - {name: filter, in: query, required: true}
        - {name: X-Debug, in: header, required: true, schema: {type: boolean}}
        - {name: X-Tags, in: header, example: [a, 1]}
        - {name: X-None, in: header, required: true}
        - {name: session, in: cookie, required: true}
  /nothing:
    get: {parameters: [{name: filter, in: query, required: true}]}
"""


def test_values_are_written_as_http_has_them() -> None:
    text = locustfile_of(operations(VALUES), with_writes=False)
    calls = [
        ast.unparse(node)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "self.client.get"
    ]
    assert calls == [
        "self.client.get('/pet/findByStatus?status=available', name='/pet/findByStatus')",
        "self.client.get(f'/true/a%20b,c?all=true&tag=a+b&tag=c&x=1&y=false', "
        "name='/{on}/{tags}', headers={'X-Debug': 'true', 'X-Tags': 'a,1'})",
        "self.client.get('/nothing')",
    ]


def test_operations_beyond_the_first_fifty_are_counted() -> None:
    def paths(count: int) -> str:
        nothing: dict[str, object] = {}
        described = {f"/{i}": {"post": nothing, "get": nothing} for i in range(count)}
        return json.dumps({"openapi": "3.1.0", "paths": described})

    asked, left_out = chosen(operations(paths(50)), with_writes=False)
    assert len(asked) == 50 and left_out[-1] == "POST /49: it writes"
    found = operations(paths(51))
    asked, left_out = chosen(found, with_writes=False)
    assert len(asked) == 50
    assert left_out[-1] == "1 more operation: only the first 50 are written"
    text = locustfile_of(found, with_writes=True)
    assert "52 more operations: only the first 50 are written" in text
    assert text.count("@task") == 50


@pytest.mark.parametrize(
    "operation",
    [
        {"parameters": [{"$ref": "./schemas.yaml#/X"}]},
        {"requestBody": {"$ref": "./schemas.yaml#/X"}},
        {"parameters": [{"name": "a", "in": "path", "schema": {"$ref": "./schemas.yaml#/X"}}]},
    ],
)
def test_a_document_in_several_files_is_refused(operation: dict[str, Any]) -> None:
    document = {"openapi": "3.1.0", "paths": {"/a": {"post": operation}}}
    with pytest.raises(ValueError, match=r"another file, \./schemas\.yaml#/X: bundle it first"):
        operations(json.dumps(document))


HOSTILE = """\
openapi: 3.0.0
paths:
  '/a",exit(1),"{x}': {get: {parameters: [{name: x, in: path, schema: {type: integer}}]}}
  '/b{__import__("os").getpid()}/\\': {get: {}}
  '/c/{': {get: {}}
  '/d QUOTES + exit(1) + QUOTES': {delete: {}}
  /e: {post: {requestBody: {content: {'QUOTES + exit(1) + QUOTES': {}}}}}
""".replace("QUOTES", '"' * 3)


def test_a_document_cannot_bring_code_into_the_scenario() -> None:
    text = locustfile_of(operations(HOSTILE), with_writes=False)
    tree = ast.walk(ast.parse(text))
    calls = [ast.unparse(node.func) for node in tree if isinstance(node, ast.Call)]
    assert calls.count("self.client.get") == 3
    assert set(calls) == {"self.client.get", "random.randint", "constant"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder."""
    (tmp_path / "lab.toml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path


@pytest.mark.usefixtures("project")
def test_a_url_that_speaks_no_http_is_one_message() -> None:
    with pytest.raises(UsageError, match=r"http://localhost:80a/x: cannot be read \(nonnumeric"):
        new.command("shop", openapi="http://localhost:80a/x")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with server.accept()[0] as connection:
                connection.recv(1 << 16)
                connection.sendall(b"\x15\x03\x01\x00\x02\x02\x50\n")

        threading.Thread(target=answer, daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(UsageError, match=f"{url}: cannot be read"):
            new.command("shop", openapi=url)


@pytest.mark.slow
def test_new_makes_a_scenario_of_a_document(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("from fastapi import FastAPI\napp = FastAPI()\n")
    (tmp_path / "openapi.yaml").write_text(DOCUMENT)
    assert lab("init", project=tmp_path).returncode == 0
    done = lab("new", "shop", "--openapi", "openapi.yaml", project=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "left out: POST /api/v1/orders: it writes" in done.stdout
    checked = lab("check", "shop", project=tmp_path)
    assert checked.returncode == 0, checked.stderr
    written = lab("new", "all", "--openapi", "openapi.yaml", "--writes", project=tmp_path)
    assert "it writes" not in written.stdout
    assert lab("check", "all", project=tmp_path).returncode == 0
