"""The operations of an OpenAPI document, with values that fit their schemas. Swagger 2 is read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import yaml

_METHODS = ("get", "head", "options", "post", "put", "patch", "delete")
SAFE_METHODS = ("get", "head", "options")  # that change nothing
_MOST_DEPTH = 8  # of schemas that name each other
_OF_ANOTHER_SHAPE = (TypeError, AttributeError, LookupError, ArithmeticError, RecursionError)
_OF_A_PATH = "/{}:@!$&()*+,;=~-._%"  # all else is escaped, above all what ends text in Python
_TEXTS = {  # by format
    "date": "2025-01-31",
    "date-time": "2025-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "uuid": "11111111-1111-4111-8111-111111111111",
    "email": "user@example.org",
    "uri": "https://example.org/",
    "ipv4": "192.0.2.1",
    "byte": "dGV4dA==",
}


class _Loader(yaml.SafeLoader):
    """Reads YAML 1.2, as OpenAPI is written in: `on`, dates and `12:30` are text."""


def _integer(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node)
    return int(text, 0) if text.startswith(("0o", "0x")) else int(text)


_OLDER = ("bool", "float", "int", "timestamp")  # types that YAML 1.1 writes otherwise
_Loader.yaml_implicit_resolvers = {
    first: [entry for entry in entries if entry[0].rpartition(":")[2] not in _OLDER]
    for first, entries in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile("(true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"[-+]?[0-9]+$|0o[0-7]+$|0x[0-9a-fA-F]+$"),
    list("-+0123456789"),
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"
        r"|[-+]?\.(inf|Inf|INF)$|\.(nan|NaN|NAN)$"
    ),
    list("-+.0123456789"),
)
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)


@dataclass(frozen=True)
class Operation:
    """A request that a service answers.

    Attributes:
        method: In capitals.
        path: With parameters in braces.
        parameters: Texts of the parameters in the path, by name; None: any whole number.
        query: Texts of required parameters, and of those with an example; of a list, one for
            each item. One without a value is left out.
        headers: Likewise; the items of a list separated by commas.
        body: Of JSON; None for none.
        cannot: Why it cannot be asked as it is, as a clause; empty if it can.
    """

    method: str
    path: str
    parameters: Mapping[str, str | None] = field(default_factory=dict)
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    cannot: str = ""

    @property
    def writes(self) -> bool:
        """Whether it may change something."""
        return self.method.lower() not in SAFE_METHODS

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def operations(text: str) -> list[Operation]:
    """Return the operations of a document, in its order.

    Raises:
        ValueError: It is no OpenAPI document, with a clause why.
    """
    try:
        try:
            document = json.loads(text)
        except ValueError:
            document = yaml.load(text, _Loader)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"it is neither JSON nor YAML ({str(error).splitlines()[0]})") from None
    if not isinstance(document, dict) or not ({"openapi", "swagger"} & document.keys()):
        raise ValueError("it has no key `openapi`, as OpenAPI documents have")
    if not isinstance(document.get("paths"), dict) or not document["paths"]:
        raise ValueError("it has no `paths`")
    return list(_Reader(document).operations())


class _Reader:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def operations(self) -> Iterator[Operation]:
        for path, item in self._document["paths"].items():
            item = self._resolved(item)
            if not isinstance(item, dict) or not str(path).startswith("/"):
                continue
            for method in _METHODS:
                if isinstance(described := item.get(method), dict):
                    shared = item.get("parameters") or ()
                    full = quote(f"{self._prefix()}{path}", safe=_OF_A_PATH)
                    try:
                        yield self._operation(method, full, described, shared)
                    except _OF_ANOTHER_SHAPE as error:
                        raise ValueError(
                            f"{method.upper()} {path} is not as OpenAPI has it ({error})"
                        ) from error

    def _prefix(self) -> str:
        """The path that all others follow."""
        if "swagger" in self._document:
            return str(self._document.get("basePath") or "").rstrip("/")
        servers = self._document.get("servers")
        first = servers[0] if isinstance(servers, list) and servers else {}
        url = str(first.get("url") or "") if isinstance(first, dict) else ""
        return "" if "{" in url else urlsplit(url).path.rstrip("/")

    def _operation(
        self, method: str, path: str, described: Mapping[str, Any], shared: Any
    ) -> Operation:
        found: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "header": {}, "cookie": {}}
        body, cannot = self._body(described.get("requestBody"))
        given: dict[tuple[str, str], Mapping[str, Any]] = {}
        for each in (*shared, *(described.get("parameters") or ())):  # the latter win
            parameter = self._resolved(each)
            if isinstance(parameter, dict):
                given[str(parameter.get("in")), str(parameter.get("name"))] = parameter
        for (place, name), parameter in given.items():
            if place == "body":
                body = self._example(parameter.get("schema"))
            elif place == "formData":
                cannot = "it takes a form"
            elif place == "path" and self._is_any_number(parameter):
                found[place][name] = None
            elif place == "path" or parameter.get("required") or "example" in parameter:
                found.setdefault(place, {})[name] = self._value(parameter)
        headers = _in_one_text(found["header"])
        if cookies := _in_one_text(found["cookie"]):
            headers["Cookie"] = "; ".join(f"{name}={text}" for name, text in cookies.items())
        query: dict[str, Sequence[str]] = {}
        for name, value in found["query"].items():
            fields = value if isinstance(value, dict) else {name: value}
            query |= {str(k): texts for k, v in fields.items() if (texts := _value_texts(v))}
        return Operation(
            method=method.upper(),
            path=path,
            parameters=dict.fromkeys(found["path"]) | _in_one_text(found["path"]),
            query=query,
            headers=headers,
            body=body,
            cannot=cannot,
        )

    def _is_any_number(self, parameter: Mapping[str, Any]) -> bool:
        """Whether nothing is known of it but that it is a whole number."""
        schema = self._resolved(parameter.get("schema", parameter))
        if not isinstance(schema, dict) or schema.get("type") != "integer":
            return False
        known = {"example", "examples", "default", "const", "enum", "minimum", "maximum"}
        return not known & (parameter.keys() | schema.keys())

    def _body(self, described: Any) -> tuple[Any, str]:
        """An example of a body of JSON, or why there is none."""
        content = self._resolved(described)
        content = content.get("content") if isinstance(content, dict) else None
        if not isinstance(content, dict):
            return None, ""
        for kind, media in content.items():
            if "json" in str(kind) and isinstance(media, dict):
                return self._value(media), ""
        return None, f"its body is {next(iter(content), 'unknown')}"

    def _value(self, described: Mapping[str, Any]) -> Any:
        """Of a parameter or a body: its own example, or one of its schema."""
        if "example" in described:
            return described["example"]
        examples = described.get("examples")
        if isinstance(examples, dict) and examples:
            first = self._resolved(next(iter(examples.values())))
            if isinstance(first, dict) and "value" in first:
                return first["value"]
        return self._example(described.get("schema", described))

    def _example(self, schema: Any, depth: int = 0) -> Any:
        """A value that a schema permits, as small as that is simple."""
        schema = self._resolved(schema)
        if not isinstance(schema, dict) or depth > _MOST_DEPTH:
            return None
        for key in ("example", "default", "const"):
            if key in schema:
                return schema[key]
        for key in ("examples", "enum"):
            if isinstance(schema.get(key), list) and schema[key]:
                return schema[key][0]
        for key in ("oneOf", "anyOf"):
            if isinstance(schema.get(key), list):
                choices = [self._resolved(each) for each in schema[key]]
                choices = [c for c in choices if isinstance(c, dict) and c.get("type") != "null"]
                if choices:
                    return self._example(choices[0], depth + 1)
        if isinstance(schema.get("allOf"), list):
            parts = [self._example(each, depth + 1) for each in schema["allOf"]]
            merged = [each for each in parts if isinstance(each, dict)]
            return {k: v for each in merged for k, v in each.items()} if merged else parts[0]
        return self._by_type(schema, depth)

    def _by_type(self, schema: Mapping[str, Any], depth: int) -> Any:
        kinds = schema.get("type")
        kind = next((k for k in kinds if k != "null"), None) if isinstance(kinds, list) else kinds
        match kind:
            case "string":
                return _text(schema)
            case "integer" | "number":
                return _number(schema, is_whole=kind == "integer")
            case "boolean":
                return True
            case "array":
                count = max(1, int(schema.get("minItems") or 0))
                return [self._example(schema.get("items"), depth + 1) for _ in range(count)]
            case _ if kind == "object" or "properties" in schema:
                properties = schema.get("properties") or {}
                required = schema.get("required") or ()
                return {
                    name: self._example(each, depth + 1)
                    for name, each in properties.items()
                    if name in required or (isinstance(each, dict) and "example" in each)
                }
        return None

    def _resolved(self, value: Any) -> Any:
        """What a reference within the document stands for."""
        for _ in range(_MOST_DEPTH):
            if not isinstance(value, dict) or not isinstance(value.get("$ref"), str):
                return value
            found: Any = self._document
            reference = value["$ref"]
            if not reference.startswith("#"):
                raise ValueError(f"it refers to another file, {reference}: bundle it first")
            for part in reference.removeprefix("#/").split("/"):
                name = part.replace("~1", "/").replace("~0", "~")
                found = found.get(name) if isinstance(found, dict) else None
            value = found
        return None


def _value_texts(value: Any) -> list[str]:
    """What a value is in a query, a path or a header: a text for each item, none for None."""
    if isinstance(value, dict):
        value = [each for pair in value.items() for each in pair]
    if isinstance(value, list):
        return [text for each in value for text in _value_texts(each)]
    if value is None:
        return []
    return [str(value).lower() if isinstance(value, bool) else str(value)]


def _in_one_text(values: Mapping[str, Any]) -> dict[str, str]:
    """Those that have a value, the items of a list separated by commas."""
    found = {name: _value_texts(value) for name, value in values.items()}
    return {name: ",".join(texts) for name, texts in found.items() if texts}


def _text(schema: Mapping[str, Any]) -> str:
    text = _TEXTS.get(str(schema.get("format")), "text")
    shortest, longest = int(schema.get("minLength") or 0), schema.get("maxLength")
    text = text.ljust(shortest, "x")
    return text[: int(longest)] if isinstance(longest, int) else text


def _number(schema: Mapping[str, Any], *, is_whole: bool) -> float:
    low, high = schema.get("minimum"), schema.get("maximum")
    step = 1 if is_whole else 0.5
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if isinstance(above, int | float) and not isinstance(above, bool):
        low = above + step
    elif above is True and low is not None:
        low += step
    if isinstance(below, int | float) and not isinstance(below, bool):
        high = below - step
    value = 1 if low is None else max(1, low)
    if high is not None and value > high:
        value = high
    return int(value) if is_whole else float(value)
