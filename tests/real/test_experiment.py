"""A run from hypothesis to verdict, and what is left when it is cut short."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.disturbances import Impostor, kill
from tests.runs import QUICK, ROOT, Running, copy_project, gone, lab, started
from tests.undisturbed import undisturbed

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def finished(project: Path) -> Path:
    """A whole run, decided otherwise than expected; its folder."""
    done = undisturbed(lab("run", "quick", "--seed", "1", "--expect", "REFUTED", project=project))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "CONFIRMED" in done.stdout
    return (project / "reports" / "quick" / "latest").resolve()


def test_the_run_folder_is_complete(finished: Path) -> None:
    names = {path.name for path in finished.iterdir()}
    assert names >= {
        "hypothesis.md", "plan.json", "conditions.json", "trials.jsonl", "journal.jsonl",
        "series", "profiles", "verdict.json", "report.html", "report.md",
    }  # fmt: skip
    assert {p.stem for p in (finished / "profiles").iterdir()} == {"narrow", "wide", "more-pricing"}
    for profile in (finished / "profiles").iterdir():
        assert "uvicorn" in profile.read_text()
    trials = [json.loads(line) for line in (finished / "trials.jsonl").read_text().splitlines()]
    plan = json.loads((finished / "plan.json").read_text())
    for trial in trials:
        assert plan["orders"][trial["block"] - 1][trial["position"] - 1] == trial["arm"]
        assert (finished / "series" / f"{trial['block']:02d}-{trial['arm']}.jsonl").exists()
    assert (finished / "plan.json").stat().st_mtime <= trials[0]["started_at"]


def test_the_verdict_is_what_queueing_theory_says(finished: Path) -> None:
    verdict = json.loads((finished / "verdict.json").read_text())
    wide, pricing = verdict["predictions"][0], verdict["rivals"][0]
    # pool 2 held for .1 s: 20 a second; 20 users with a quarter second of thought: at most 57
    assert wide["estimate"] == pytest.approx(57 / 20, rel=0.15)
    assert pricing["estimate"] == pytest.approx(1.0, rel=0.15)
    assert verdict["elapsed_s"] > verdict["measuring_s"] > 0


def test_conditions_tell_who_ran_where(finished: Path) -> None:
    conditions = json.loads((finished / "conditions.json").read_text())
    assert conditions["target"]["postgresql"].startswith("18")
    assert conditions["cores"] == os.cpu_count()
    assert set(conditions["target"]["arms"]) == {"narrow", "wide", "more-pricing"}


def test_no_secret_and_no_connection_string_is_kept(finished: Path) -> None:
    for path in finished.rglob("*"):
        if path.is_file():
            assert b"postgresql://" not in path.read_bytes(), path


def test_judging_again_gives_the_same_bytes(finished: Path, project: Path) -> None:
    before = (finished / "verdict.json").read_bytes()
    (finished / "verdict.json").unlink()
    done = lab("judge", "quick", project=project)
    assert done.returncode == 0, done.stderr
    assert (finished / "verdict.json").read_bytes() == before


def test_rendering_again_needs_nothing_but_the_disk(finished: Path, project: Path) -> None:
    (finished / "report.html").unlink()
    assert lab("report", f"quick/{finished.name}", project=project).returncode == 0
    first = (finished / "report.html").read_bytes()
    assert lab("report", str(finished), project=project).returncode == 0
    assert (finished / "report.html").read_bytes() == first


def test_new_bounds_are_never_applied_to_old_data(finished: Path, project: Path) -> None:
    sealed = finished / "hypothesis.md"
    text = sealed.read_text()
    sealed.write_text(text.replace("at_least: 2\n", "at_least: 9\n"))
    done = lab("judge", "quick", project=project)
    sealed.write_text(text)
    assert done.returncode == 2
    assert "edited since the run was sealed" in done.stderr


def test_resuming_a_finished_run_is_refused(finished: Path, project: Path) -> None:
    done = lab("run", "quick", "--resume", project=project)
    assert done.returncode == 2
    assert "has its verdict" in done.stderr


def test_interrupted_waiting_killed_and_resumed(tmp_path: Path) -> None:
    """A runs, B waits for it, A is interrupted, B runs, is killed and resumed."""
    project = copy_project(tmp_path)
    longer = QUICK.read_text().replace("window: 1s", "window: 3s")  # A must not end by itself
    (project / "hypotheses" / "longer.md").write_text(longer)
    with started("longer", "--seed=3", project=project) as a:
        a.wait_for_trials(1)
        refused = lab("run", "quick", "--no-wait", project=project)
        assert refused.returncode == 2 and str(a.process.pid) in refused.stderr
        with started("quick", "--seed=4", project=project) as b:
            time.sleep(2)
            assert b.process.poll() is None and not b.family(), "B must wait, with nothing up"
            a.wait_for_trial_begun()
            _interrupt(a, signal.SIGINT)
            assert a.trials() >= 1
            b.wait_for_trials(4)
            b.wait_for_trial_begun()
            family, kept = b.family(), b.trials()
            assert len(family) > 6
            kill(b.process.pid)
            assert gone(family, 10), "processes are left after kill -9"
            said = b.process.communicate()[0]
            assert "waiting: another run is measuring" in said
    assert b.trials() >= kept, "a finished trial is lost"
    kept = b.trials()
    with started("quick", "--resume", project=project) as resumed:
        resumed.wait_for(lambda: b.trials() > kept + 1)
        _interrupt(resumed, signal.SIGTERM)
    folder = (project / "reports" / "quick" / "latest").resolve()
    assert folder == b.folder.resolve()
    trials = [json.loads(line) for line in (folder / "trials.jsonl").read_text().splitlines()]
    assert len({(trial["block"], trial["arm"]) for trial in trials}) == len(trials)
    assert len({trial["block"] for trial in trials}) >= 2


def test_sigterm_leaves_nothing_on_a_server_of_the_users_own(tmp_path: Path, postgres: str) -> None:
    import psycopg

    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute("CREATE DATABASE precious")
        project = copy_project(tmp_path)
        env = {"LAB_DATABASE_URL": postgres.replace("lab@", "lab:s3cret@")}
        with started("quick", "--seed=5", project=project, env=env) as run:
            run.wait_for_trial_begun()
            assert run.conditions()["target"]["postgresql_is"] == "the user's server"
            created = _databases(admin)
            assert len([name for name in created if name.startswith("lab_")]) == 3
            _interrupt(run, signal.SIGTERM)
        kept = [path for path in run.folder.rglob("*") if path.is_file()]
        assert any(path.parent.name == "logs" for path in kept)
        assert not [path for path in kept if b"s3cret" in path.read_bytes()]
        left = _databases(admin)
        assert "precious" in left
        assert not [name for name in left if name.startswith("lab_")]
        admin.execute("DROP DATABASE precious")


def test_a_service_killed_in_the_middle_of_a_trial(tmp_path: Path) -> None:
    with started("quick", "--seed=6", project=copy_project(tmp_path)) as run:
        arms = run.conditions()["target"]["arms"].values()
        run.wait_for_trial_begun()
        for arm in arms:
            kill(arm["service"]["pid"])
        ended = run.end()
    assert (ended["code"], ended["verdict"]) == (4, "INVALID")
    assert "ended by SIGKILL" in ended["reasons"][0]


def test_a_service_that_comes_back_as_another_arm(tmp_path: Path) -> None:
    with started("quick", "--seed=7", project=copy_project(tmp_path)) as run:
        arms = run.conditions()["target"]["arms"].items()
        impostors = {
            name: Impostor(arm["service"]["pid"], arm["service"]["url"], DB_POOL_SIZE="3")
            for name, arm in arms
        }
        try:
            loaded = run.wait_for_trial_begun()
            for name in impostors.keys() - {loaded}:
                impostors[name].take_over()
            ended = run.end()
        finally:
            for impostor in impostors.values():
                impostor.close()
    assert (ended["code"], ended["verdict"]) == (4, "INVALID")
    assert "answers with other settings: DB_POOL_SIZE is 3" in ended["reasons"][0]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("DB_POOL_SIZE: 8", "DB_POOL_SIZ: 8", "DB_POOL_SIZ"),
        ("DB_POOL_SIZE: 8", "DB_POOL_SIZE: banana", "DB_POOL_SIZE"),
        ("scenarios/checkout.py", "scenarios/raises.py", "raises.py:3"),
    ],
)
def test_what_only_the_service_or_the_driver_can_tell_is_told_before_anything_starts(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    project = copy_project(tmp_path)
    (project / "scenarios" / "raises.py").write_text("import locust\n\nraise OSError('no')\n")
    file = project / "hypotheses" / "quick.md"
    file.write_text(file.read_text().replace(old, new))
    done = lab("run", "quick", project=project)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (project / "reports").exists()


def _interrupt(run: Running, number: signal.Signals) -> None:
    family = run.family()
    assert len(family) > 6
    run.process.send_signal(number)
    assert run.process.wait(30) == 130
    assert gone(family, 5), "processes are left"


def _databases(admin: object) -> list[str]:
    rows = admin.execute("SELECT datname FROM pg_database").fetchall()  # type: ignore[attr-defined]
    return [row[0] for row in rows]


def test_the_shipped_hypotheses_pass_the_check() -> None:
    done = lab("check", project=ROOT)
    assert done.returncode == 0, done.stderr
    assert "pool-exhaustion: ok" in done.stdout
