"""Places in the files of a project."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

import lab
from lab.instruments.project_files import NOWHERE, ProjectFiles


@pytest.mark.parametrize(
    ("file", "place"),
    [
        ("scenarios/bench_a.py", ("scenarios/bench_a.py", 3)),
        ("{folder}/service/work.py", ("service/work.py", 3)),
        ("{folder}/.venv/lib/python3.11/site-packages/x.py", NOWHERE),
        ("/usr/lib/python3/os.py", NOWHERE),
        ("<string>", NOWHERE),
        ("<frozen os>", NOWHERE),
        ("../beside.py", NOWHERE),
    ],
)
def test_a_file_is_of_the_project_or_not(
    tmp_path: Path, file: str, place: tuple[str | None, int | None]
) -> None:
    assert ProjectFiles(tmp_path).place(file.format(folder=tmp_path), 3) == place


def test_the_lab_is_not_of_the_project_even_if_it_lies_there() -> None:
    folder = Path(lab.__file__).parents[1]
    assert ProjectFiles(folder).place("lab/trials/trial.py", 1) == NOWHERE
    assert ProjectFiles(folder).place("service/app.py", 1) == ("service/app.py", 1)


def test_an_error_has_the_last_line_of_the_project_that_it_passed(tmp_path: Path) -> None:
    file = tmp_path / "bench_a.py"
    file.write_text("import json\n\ndef read():\n    return json.loads('{')\n")
    names: dict[str, object] = {}
    exec(compile(file.read_text(), str(file), "exec"), names)
    with pytest.raises(ValueError) as caught:
        names["read"]()  # type: ignore[operator]
    assert ProjectFiles(tmp_path).of_error(caught.value) == ("bench_a.py", 4)


def test_a_syntax_error_has_its_own_line(tmp_path: Path) -> None:
    with pytest.raises(SyntaxError) as caught:
        compile("x = 1\ndef f()\n", str(tmp_path / "bench_a.py"), "exec")
    assert ProjectFiles(tmp_path).of_error(caught.value) == ("bench_a.py", 2)


def test_the_caller_is_the_innermost_line_of_the_project(tmp_path: Path) -> None:
    here = ProjectFiles(Path(__file__).parent)
    assert here.of_caller()[0] == Path(__file__).name
    assert ProjectFiles(tmp_path).of_caller() == NOWHERE


def test_dumps_begin_and_tracebacks_end_with_the_place(tmp_path: Path) -> None:
    files = ProjectFiles(tmp_path)
    dump = textwrap.dedent(f"""\
        Current thread 0x00007f (most recent call first):
          File "/usr/lib/python3.11/socket.py", line 706 in readinto
          File "{tmp_path}/service/client.py", line 12 in ask
          File "{tmp_path}/scenarios/bench_a.py", line 4 in test_a
        """)
    assert files.of_dump(dump) == ("service/client.py", 12)
    printed = textwrap.dedent(f"""\
        ImportError while loading conftest '{tmp_path}/scenarios/conftest.py'.
        scenarios/conftest.py:3: in <module>
            import nowhere
        E   ModuleNotFoundError: No module named 'nowhere'
        """)
    assert files.of_output(printed) == ("scenarios/conftest.py", 3)
    assert files.of_output(dump) == ("scenarios/bench_a.py", 4)
    assert files.of_output("no place at all") == NOWHERE
