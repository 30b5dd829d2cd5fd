"""The driver process: JSON lines in on standard input, JSON lines out on standard output.

`{"op": "load", "scenario": PATH, "open_load": BOOL}` answers `loaded` or `failed`;
`{"op": "trial", ...}` answers `opened`, `frame`s and `closed`, or `failed`. At the end
of its input the driver leaves at once, in the middle of a trial too.
"""

from __future__ import annotations

import json
import os
import traceback
from pathlib import Path
from typing import Any

# Locust patches sockets and threads on import: before anything else does network work
import gevent
import gevent.os
import gevent.queue
from locust import User
from locust.util.load_locustfile import load_locustfile

from lab.driver import run_trial
from lab.driver.user import OpenHttpUser


class MessagePipe:
    """Standard output for messages alone: whatever a scenario prints goes to the log."""

    def __init__(self) -> None:
        self._fd = os.dup(1)
        os.dup2(2, 1)

    def send(self, message: dict[str, Any]) -> None:
        """Write one message."""
        data = (json.dumps(message, separators=(",", ":")) + "\n").encode()
        while data:
            data = data[os.write(self._fd, data) :]


def main() -> None:
    """Serve until the input ends."""
    pipe = MessagePipe()
    requests: gevent.queue.Queue = gevent.queue.Queue()
    gevent.spawn(_listen, requests)
    users: list[type[User]] = []
    pipe.send({"event": "up"})
    while True:
        request = requests.get()
        try:
            if request["op"] == "load":
                users = _load(Path(request["scenario"]), request["open_load"])
                pipe.send({"event": "loaded", "users": [user.__name__ for user in users]})
            else:
                run_trial.run(users, **request["trial"], send=pipe.send)
        except (Exception, SystemExit) as error:
            traceback.print_exc()
            pipe.send({"event": "failed", **_place(error, request)})


def _listen(requests: gevent.queue.Queue) -> None:
    gevent.os.make_nonblocking(0)
    pending = b""
    while chunk := gevent.os.nb_read(0, 65536):
        pending += chunk
        *lines, pending = pending.split(b"\n")
        for line in lines:
            requests.put(json.loads(line))
    os._exit(0)  # the lab is gone or done


def _load(scenario: Path, open_load: bool) -> list[type[User]]:
    users, shapes = load_locustfile(str(scenario))
    if shapes:
        raise ValueError("a LoadTestShape would override the hypothesis's load; remove it")
    if not users:
        raise ValueError("no user class: define a class that derives from locust.HttpUser")
    for name, user in users.items():
        if open_load:
            _refuse_users_of_closed_loads(name, user)
        elif issubclass(user, OpenHttpUser):
            raise ValueError(
                f"{name} is an OpenHttpUser, a source of arrivals, and the load is of `users`, who "
                "wait for their answers: derive it from FastHttpUser, or give the load a `rate`"
            )
    run_trial.remember_scenario_handlers()
    return list(users.values())


def _refuse_users_of_closed_loads(name: str, user: type[User]) -> None:
    if user.fixed_count:
        raise ValueError(
            f"{name} has a fixed_count, a number of users; an open load has arrivals, which "
            "classes share by their weight"
        )
    nested = next((task for task in user.tasks if isinstance(task, type)), None)
    if nested is not None:
        raise ValueError(
            f"{name} has the task set {nested.__name__}, in which a user goes on and on; an "
            "arrival of an open load is one task: make it a method of the user with @task"
        )


def _place(error: BaseException, request: dict[str, Any]) -> dict[str, Any]:
    """The message and, where the scenario is in the traceback, its line."""
    scenario = request.get("scenario")
    line = None
    if isinstance(error, SyntaxError):
        line = error.lineno if error.filename == scenario else None
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == scenario:
            line = frame.lineno
    name = type(error).__name__
    text = str(error).splitlines()[0][:300] if str(error).strip() else ""
    return {"message": f"{name}: {text}" if text else name, "line": line}


if __name__ == "__main__":
    main()
