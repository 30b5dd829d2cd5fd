"""The text of a first scenario: a locustfile that sends GET requests."""

from __future__ import annotations

import re

_MOST_TASKS = 5
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
