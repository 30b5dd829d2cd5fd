"""What the documents name exists: commands, options, links, gates, exit codes, packages."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from lab.cli.main import app
from lab.driver_messages import DRAIN_S
from lab.exit_codes import ExitCode
from tests.default_margins import GATES, MARGINS
from tests.lab.documents import PAGES, blocks, names, rows, section
from tests.proof.__main__ import PARTS
from tests.runs import ROOT

DOCS = ROOT / "docs"
MAKEFILE = (ROOT / "Makefile").read_text()
FOREIGN = {"--host", "--port", "--help", "--fd", "--show-capture"}  # of other programs
DIALECT = re.compile(r"\b(told|tells|tell of|strangers?|lives|a life)\b", re.I)

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def verbs() -> dict[str, set[str]]:
    """Every verb of `lab` with its options."""
    command: Any = typer.main.get_command(app)
    return {
        name: {
            option
            for param in verb.params
            if param.param_type_name == "option"
            for option in (*param.opts, *param.secondary_opts)
        }
        for name, verb in command.commands.items()
    }


def typed(page: Path) -> Iterator[list[str]]:
    """Every command that a page shows, inline or in a block without a language, as words."""
    text = page.read_text()
    inline = re.findall(r"`((?:lab|make) [^`]+)`", text)
    lines = [
        line
        for block in blocks()
        if block.page == page and block.info in ("", "sh")
        for line in block.text.splitlines()
    ]
    for line in [*inline, *lines]:
        words = shlex.split(line.replace("...", ""), comments=True)
        words[:1] = [word.removeprefix(".venv/bin/") for word in words[:1]]
        if words[:1] in (["lab"], ["make"]):
            yield words


@each_page
def test_every_verb_and_option_that_is_named_exists(page: Path) -> None:
    known = verbs()
    for program, verb, *arguments in (words for words in typed(page) if len(words) > 1):
        if program != "lab" or verb.isupper():
            continue
        assert verb in known, f"{page.name}: lab {verb}"
        options = {word.partition("=")[0] for word in arguments if word.startswith("--")}
        assert options <= known[verb] | FOREIGN, f"{page.name}: lab {verb} {options - known[verb]}"
    every = set().union(*known.values()) | FOREIGN
    named = set(re.findall(r"`(--[a-z][a-z-]*)", page.read_text()))
    assert named <= every, f"{page.name}: {named - every}"


@each_page
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.M))
    for program, target, *arguments in (words for words in typed(page) if len(words) > 1):
        if program != "make":
            continue
        assert target in targets, f"{page.name}: make {target}"
        for argument in arguments:
            variable = argument.partition("=")[0]
            assert f"$({variable})" in MAKEFILE or f"{variable} ?=" in MAKEFILE, argument


def test_the_command_line_page_has_every_verb_and_option() -> None:
    page = DOCS / "cli.md"
    for verb, options in verbs().items():
        text = section(page, f"lab {verb}")
        described = {
            name.split()[0]
            for first, *_ in rows(text)
            for name in names(first)
            if name.startswith("--")
        }
        assert described == options, f"lab {verb}"
    listed = {name for first, *_ in rows(page.read_text()) for name in names(first)}
    assert {f"lab {verb}" for verb in verbs()} <= listed


def test_every_exit_code_is_described() -> None:
    described = [int(first) for first, *_ in rows(section(DOCS / "cli.md", "Exit codes"))]
    assert described == sorted(ExitCode)


def test_every_variable_of_the_environment_is_read() -> None:
    sources = [*(ROOT / "lab").rglob("*.py"), ROOT / "docker-compose.yml"]
    text = "\n".join(source.read_text() for source in sources)
    for first, *_ in rows(section(DOCS / "cli.md", "Environment variables")):
        for name in names(first):
            assert name.startswith("PG") or name in text, name


def test_every_gate_is_described_with_its_limit() -> None:
    described: dict[str, str] = {}
    for first, *cells in rows(section(DOCS / "verdicts.md", "Gates")):
        [name] = names(first)
        described[name] = described.get(name, "") + " | ".join(cells)
    assert set(described) == {gate.name for gate in GATES}
    limits = {
        "other_cpu": f"{MARGINS.gates.max_other_cpu:g} cores",
        "steal": f"{MARGINS.gates.max_steal:.0%}",
        "ticker_late": f"{MARGINS.gates.max_ticker_late_s * 1000:g} ms and "
        f"{MARGINS.gates.max_ticker_late_share:.0%}",
        "driver_cpu": f"{MARGINS.gates.max_driver_cpu:.0%}",
        "unsent": f"{MARGINS.gates.max_unsent:.0%}",
        "unanswered": f"{DRAIN_S} s after the window",
        "served": f"{MARGINS.gates.served_tolerance:.0%}",
        "littles_law": f"{MARGINS.gates.littles_law_tolerance:.0%}",
    }
    for name, limit in limits.items():
        assert limit in described[name].replace(" %", "%"), name
    of_soaks = f"{MARGINS.gates.max_soak_background:.0%} of"
    for name in ("other_cpu", "steal"):
        assert of_soaks in described[name].replace(" %", "%"), name


def anchors(page: Path) -> set[str]:
    """What can be linked to within a page, as GitHub spells it."""
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S), re.M
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT.resolve()), link
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), link


@each_page
def test_pages_are_in_plain_words(page: Path) -> None:
    found = [line for line in page.read_text().splitlines() if DIALECT.search(line)]
    assert not found, found


def test_every_package_named_in_the_architecture_exists() -> None:
    listed = re.findall(
        r"^\| ((?:`[a-z_./]+`,? ?)+) \|", (ROOT / "ARCHITECTURE.md").read_text(), re.M
    )
    assert len(listed) > 15
    named = set(re.findall(r"`([a-z_]+(?:\.py|/))`", " ".join(listed)))
    there = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in (ROOT / "lab").iterdir()
        if not path.name.startswith("__")
    }
    assert named == there


def test_the_proof_is_in_the_words_of_what_measures_it() -> None:
    """Without its figures: a piece of a text is what stands between two of them."""
    text = (DOCS / "proof.md").read_text()
    found = 0
    for file in sorted((ROOT / "tests" / "proof").glob("*.py")):
        for function in ast.walk(ast.parse(file.read_text())):
            if not isinstance(function, ast.FunctionDef) or not function.name.startswith("prove"):
                continue
            docstring = ast.get_docstring(function, clean=False)
            for node in ast.walk(function):
                if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
                    continue
                if len(re.findall(r"[a-z]{2,}", node.value)) < 5 or node.value == docstring:
                    continue
                found += 1
                assert node.value.strip() in text, f"{file.name}:{node.lineno}: {node.value}"
    assert found > 40
    for part in PARTS:
        assert f"<!-- {part} -->" in text, part


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 130


def test_the_glossary_is_in_order_and_has_every_word_of_the_method() -> None:
    words = [first for first, _ in rows((DOCS / "glossary.md").read_text())]
    assert words[1:] == sorted(words[1:], key=str.lower)
    method = {
        *("hypothesis", "system under test", "arm", "factor", "level", "prediction", "rival"),
        *("trial", "block", "launch", "measure", "estimate", "verdict", "target", "instrument"),
        *("run", "certificate", "window", "warm-up", "gate", "void", "sealed", "interim verdict"),
        *("scheduled send time", "due"),
    }
    assert method <= set(words)


def test_where_things_are_names_every_module_of_the_lab() -> None:
    table = rows(section(ROOT / "CONTRIBUTING.md", "Where things are"))
    places = [names(place) for _, place in table if place]
    assert len(places) >= 60
    assert all(len(named) == 1 for named in places), "one file to start in"
    named = {path for [path] in places}
    assert not [path for path in named if not (ROOT / path).is_file()]
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "lab").rglob("*.py")}
    unnamed = {path for path in modules - named if not path.endswith("__init__.py")}
    assert not unnamed
    for folder in ("service/", "tests/", "docs/", "scenarios/", "hypotheses/"):
        assert any(path.startswith(folder) for path in named), folder
