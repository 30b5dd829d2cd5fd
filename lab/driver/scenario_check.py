"""A rehearsal of the scenario before anything starts: `init` and one user of each class.

It runs in a process of its own, of which nothing is left. No service runs yet: an error after an
attempt to reach the address that stands for it decides nothing, and the first trial will show it.
"""

from __future__ import annotations

import sys
from typing import Any

from lab.driver.locust_environment import limit_listeners, new_environment, new_runner
from lab.driver.scenario_faults import ENDS, ScenarioFaults
from lab.driver.scenario_import import Scenario
from lab.driver.source_location import of_function
from lab.driver.stage_watch import StageWatch

CONSTRUCTOR_S = 10.0  # limit for making one user
_PORT = 9  # "discard": nothing answers
_HOST = f"http://127.0.0.1:{_PORT}"


def rehearse(scenario: Scenario, faults: ScenarioFaults, watch: StageWatch) -> None:
    """Note every fault of the scenario that shows before a trial; raises what ends the process."""
    limit_listeners(watch)
    environment = new_environment(
        scenario.path, scenario.classes, _HOST, users=None if scenario.open_load else 1
    )
    runner = new_runner(environment, faults)
    runner.target_user_count = 0 if scenario.open_load else 1
    environment.events.init.fire(environment=environment, runner=runner, web_ui=None)
    for user_class in scenario.classes:
        if faults.any:
            break
        user_class.host = _HOST
        with watch.stage(f"making a user of class {user_class.__name__}", CONSTRUCTOR_S):
            try:
                user = user_class(environment)
                if not hasattr(user, "environment"):
                    faults.no_user(user_class.__name__, of_function(user_class.__init__))
            except ENDS:
                raise
            except BaseException as error:  # whatever a scenario takes for an exception
                faults.raised(error)


def note_connections() -> list[Any]:
    """Gets the address of every attempt to reach the service that does not run yet."""
    reached: list[Any] = []

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            address = arguments[1]
            if isinstance(address, tuple) and address[1:2] == (_PORT,):
                reached.append(address)

    sys.addaudithook(hook)
    return reached
