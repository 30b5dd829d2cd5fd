from __future__ import annotations

from pathlib import Path

from lab.machine.conditions import (
    CODE,
    code_invariants,
    differences,
    invariants,
    machine_name,
    marked_commit,
    measured_commit,
    observe,
    share_noise,
    target_conditions,
    this_machine,
)


def test_a_machine_is_its_processor_and_its_cores() -> None:
    assert machine_name({"processor": "A", "cores": 2, "kernel": "6"}) == "A, 2 cores"
    assert machine_name({"processor": "A", "cores": 1}) == "A, 1 core"
    assert machine_name({}) == "unknown machine"


def test_this_machine_is_known_by_what_is_recorded_of_it(tmp_path: Path) -> None:
    here = observe(tmp_path)
    assert share_noise(here, this_machine())
    assert not share_noise(here, {**here, "cores": here["cores"] + 1})
    assert not share_noise(here, {})


def test_other_cores_and_another_database_server_have_another_noise() -> None:
    def conditions(**target: object) -> dict[str, object]:
        return {"processor": "A", "cores": 8, "target": target}

    on_three = conditions(cores=[1, 2, 3], postgresql_is="embedded")
    elsewhere = conditions(cores=[4, 5, 6], postgresql_is="embedded")
    assert share_noise(on_three, elsewhere), "which cores is chance"
    apart = [
        on_three,
        conditions(cores=[1], postgresql_is="embedded"),
        conditions(cores=[1, 2, 3], postgresql_is="the user's server"),
        conditions(
            cores=[1, 2, 3], postgresql_is="the user's server", postgresql_server="sha256:1"
        ),
        conditions(
            cores=[1, 2, 3], postgresql_is="the user's server", postgresql_server="sha256:2"
        ),
        conditions(cores=[1, 2, 3]),
        conditions(),
    ]
    assert len({target_conditions(each) for each in apart}) == len(apart)
    assert target_conditions(conditions(cores=[1], url="http://a")) == (None, None)
    assert target_conditions({}) == (None, None)


def test_a_run_goes_on_with_its_own_database_server_alone() -> None:
    def conditions(**server: str) -> dict[str, object]:
        return {"target": {"postgresql_is": "the user's server", **server}}

    a, b = (conditions(postgresql_server=f"sha256:{digest}") for digest in "ab")
    assert differences(a, b) == ["target postgresql_server was 'sha256:a', is 'sha256:b'"]
    assert differences(a, a) == []
    assert differences(conditions(), b) == [], "of an earlier version"


def test_runs_of_other_commits_differ_and_edits_of_the_working_tree_do_not_matter() -> None:
    before = {"commit": "a", "dirty": False, "service": "1", "cores": 2}
    edited = {"commit": "b", "dirty": True, "service": "2", "cores": 2}
    assert len(differences(before, edited)) == 3
    revisions = {"revisions": {"before": {"commit": "c"}, "after": {"commit": "d"}}}
    assert differences({**before, **revisions}, {**edited, **revisions}) == []
    [found] = differences({**before, **revisions}, {**before, "revisions": {}})
    assert found.startswith("revisions was")
    toml = {"lab.toml": "sha256:1"}, {"lab.toml": "sha256:2"}
    [found] = differences({**before, **revisions, **toml[0]}, {**before, **revisions, **toml[1]})
    assert found == "lab.toml was 'sha256:1', is 'sha256:2'"


def test_runs_of_revisions_with_other_packages_differ() -> None:
    def conditions(**more: str) -> dict[str, object]:
        return {"revisions": {"before": {"commit": "c", **more}}}

    assert differences(conditions(packages="1"), conditions(packages="1")) == []
    [found] = differences(conditions(packages="1"), conditions(packages="2"))
    assert found.startswith("revisions was") and "'packages': '2'" in found
    assert differences(conditions(), conditions(packages="2")) == [], "of an earlier version"
    assert differences(conditions(packages="2"), conditions()) == []


def test_what_was_measured_is_a_commit_or_those_of_the_arms() -> None:
    revisions = {"revisions": {"before": {"commit": "c" * 40}, "after": {"commit": "d" * 40}}}
    assert measured_commit({"commit": "a" * 40}) == "a" * 40
    assert measured_commit({"commit": "a" * 40, **revisions}, 3) == "ccc..ddd"
    assert measured_commit({"commit": None}) == measured_commit({}) == "unknown"


def test_a_commit_that_files_differed_from_is_marked_and_a_revision_is_not() -> None:
    edited = {"commit": "a" * 40, "dirty": True}
    revisions = {"before": {"commit": "c" * 40}, "after": {"commit": "d" * 40}}
    assert marked_commit(edited) == f"{'a' * 40}*"
    assert marked_commit({**edited, "dirty": False}, 3) == "aaa"
    assert marked_commit({**edited, "revisions": revisions}, 3) == "ccc..ddd"


def test_the_code_of_revisions_is_watched_and_not_that_of_the_project(tmp_path: Path) -> None:
    project, old, new = (tmp_path / name for name in ("project", "old", "new"))
    for folder in (project, old, new):
        folder.mkdir()
        (folder / "app.py").write_text("1\n")
    seen = [invariants(project, 0, (), (old, new))]
    (project / "app.py").write_text("edited\n")
    seen.append(invariants(project, 0, (), (old, new)))
    (new / "app.py").write_text("edited\n")
    seen.append(invariants(project, 0, (), (old, new)))
    assert seen[0] == seen[1] != seen[2]
    assert code_invariants(project, (), (old, new))[CODE] == seen[2][CODE]
