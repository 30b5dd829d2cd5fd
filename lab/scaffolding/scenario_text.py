"""The text of a first scenario: a locustfile that sends GET requests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pprint import pformat
from urllib.parse import quote, urlencode

from lab.scaffolding.openapi import Operation

_MOST_TASKS = 5
_MOST_OPERATIONS = 50
_QUIET = re.compile(
    r"^/(metrics|health\w*|ready|readyz|livez|ping|status|docs|redoc|openapi\.json|favicon\.ico"
    r"|static|logout)\b"
)
_HEALTH = re.compile(r"^/(health\w*|ready|readyz|livez|ping|status)/?$")


def health_path(paths: tuple[str, ...]) -> str | None:
    """The path that answers when a service is ready; None if none is named like one."""
    return next((path for path in paths if _HEALTH.match(path)), None)


def locustfile(paths: tuple[str, ...]) -> str:
    """A scenario that asks for these paths.

    Args:
        paths: With parameters in braces; none: "/".
    """
    chosen = [path for path in paths if not _QUIET.match(path)][:_MOST_TASKS] or ["/"]
    needs_random = any("{" in path for path in chosen)
    tasks = "\n".join(_task(number, path) for number, path in enumerate(chosen, 1))
    imports = "import random\n\n" if needs_random else ""
    found = "They were found in the sources." if paths else "No source showed any, so it is `/`."
    return f'''"""Users who ask for one path after the other. {found}

An ordinary locustfile: `locust -f FILE --host http://127.0.0.1:8000` runs it without the lab.
"""

{imports}from locust import FastHttpUser, constant, task


class Reader(FastHttpUser):
    """One user: asks, waits for the answer, asks again."""

    wait_time = constant(0)  # seconds between two tasks; 0 loads the service as much as it can
{tasks}'''


def _task(number: int, path: str) -> str:
    parameters = re.findall(r"\{(\w+)[^}]*\}", path)
    if not parameters:
        call = f'self.client.get("{path}")'
    else:
        filled = re.sub(r"\{(\w+)[^}]*\}", "{random.randint(1, 100)}", path)
        call = f'self.client.get(f"{filled}", name="{path}")  # a value that exists?'
    return f'''
    @task
    def ask_{number}(self) -> None:
        """Anything but 2xx and 3xx is an error."""
        {call}
'''


def locustfile_of(operations: Sequence[Operation], *, with_writes: bool) -> str:
    """A scenario that asks for the operations of an OpenAPI document.

    Args:
        operations: All of them; those that write, or that cannot be asked, are named at most.
        with_writes: Whether those that write are sent as well.
    """
    asked, left_out = chosen(operations, with_writes=with_writes)
    tasks = "\n".join(_operation(number, each) for number, each in enumerate(asked, 1))
    named = "".join(f"\n    {in_docstring(text)}" for text in left_out)
    more = f"\n\nLeft out:\n{named}\n" if named else "\n"
    random_values = any("random." in _path(each) for each in asked)
    imports = "import random\n\n" if random_values else ""
    return f'''"""Users who ask for the operations of an OpenAPI document.{more}"""

{imports}from locust import FastHttpUser, constant, task


class Reader(FastHttpUser):
    """One user: asks, waits for the answer, asks again.

    What every request needs, such as a log-in, belongs into `on_start`.
    """

    wait_time = constant(0)  # seconds between two tasks; 0 loads the service as much as it can
{tasks}'''


def chosen(
    operations: Sequence[Operation], *, with_writes: bool
) -> tuple[list[Operation], list[str]]:
    """Return the operations that are asked, at most 50, and in words those that are not."""
    asked, left_out = [], []
    for each in operations:
        if each.cannot:
            left_out.append(f"{each}: {each.cannot}")
        elif each.writes and not with_writes:
            left_out.append(f"{each}: it writes")
        else:
            asked.append(each)
    if more := len(asked[_MOST_OPERATIONS:]):
        rest = "1 more operation" if more == 1 else f"{more} more operations"
        left_out.append(f"{rest}: only the first {_MOST_OPERATIONS} are written")
    return asked[:_MOST_OPERATIONS], left_out


def _operation(number: int, each: Operation) -> str:
    query = f"?{urlencode(each.query, doseq=True)}" if each.query else ""
    has_values = "{" in each.path
    arguments = [f'{"f" * has_values}"{_path(each)}{query}"']
    if has_values or query:
        arguments.append(f'name="{each.path}"')
    if each.headers:
        arguments.append(f"headers={_literal(each.headers)}")
    if each.body is not None:
        arguments.append(f"json={_literal(each.body)}")
    inner = "".join(f"            {argument},\n" for argument in arguments)
    return f'''
    @task
    def ask_{number}(self) -> None:
        """Anything but 2xx and 3xx is an error."""
        self.client.{each.method.lower()}(
{inner}        )
'''


def _path(each: Operation) -> str:
    """The path for an f-string, with random values where any whole number will do."""

    def filled(name: str) -> str:
        value = each.parameters.get(name)
        return "{random.randint(1, 100)}" if value is None else quote(value, safe=",")

    texts = re.split(r"\{([^{}]+)\}", each.path)  # every second one is a parameter
    texts[::2] = (quote(text, safe="/:@!$&()*+,;=~-._%") for text in texts[::2])
    texts[1::2] = map(filled, texts[1::2])
    return "".join(texts)


def in_docstring(text: str) -> str:
    """Text of a document that cannot end the docstring that it stands in."""
    return " ".join(text.replace("\\", "/").replace('"', "'").split())


def _literal(value: object) -> str:
    return pformat(value, width=80, sort_dicts=False).replace("\n", "\n            ")
