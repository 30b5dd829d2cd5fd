from __future__ import annotations

from pathlib import Path

from lab.machine_conditions import is_this_machine, machine_name, observe


def test_a_machine_is_its_processor_and_its_cores() -> None:
    assert machine_name({"processor": "A", "cores": 2, "kernel": "6"}) == "A, 2 cores"
    assert machine_name({"processor": "A", "cores": 1}) == "A, 1 core"
    assert machine_name({}) == "unknown machine"


def test_this_machine_is_known_by_what_is_recorded_of_it(tmp_path: Path) -> None:
    here = observe(tmp_path)
    assert is_this_machine(here)
    assert not is_this_machine({**here, "cores": here["cores"] + 1})
    assert not is_this_machine({})
