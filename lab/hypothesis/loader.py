"""Hypothesis files: found by name, read, checked and sealed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from lab.errors import UsageError
from lab.hypothesis.front_matter import parse_document
from lab.hypothesis.model import Benchmark, Hypothesis, LoadTest
from lab.hypothesis.parser import parse_hypothesis
from lab.hypothesis.parser.scenario import SCENARIOS
from lab.hypothesis.scenario_files import scenario_files
from lab.hypothesis.seal import claim_digest, scenario_digest, text_digest
from lab.hypothesis.validation import flaws
from lab.input_files import Flaw, shown, suggestion
from lab.input_files.text_file import normalised, read_text

FOLDER = "hypotheses"
_FILE = "a Markdown file"
NAME_NOT_ALLOWED = "the file name is not allowed"
_NAME_REMEDY = "Write it with a-z, 0-9, - and _, ending in .md, as in pool-exhaustion.md."


class HypothesisError(UsageError):
    """A hypothesis file that cannot be used: what is wrong, where, and what would be right."""

    def __init__(self, path: Path, line: int | None, problem: str, remedy: str) -> None:
        self.path, self.line, self.problem, self.remedy = path, line, problem, remedy
        place = f"{path}:{line}" if line else str(path)
        super().__init__(f"{place}: {problem}. {remedy}")


FILE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def hypothesis_names(project: Path) -> list[str]:
    """The names of all hypotheses of a project."""
    files = (project / FOLDER).glob("*.md")
    return sorted(path.stem for path in files if FILE_NAME.fullmatch(path.stem))


def misnamed_files(project: Path) -> list[Path]:
    """The Markdown files beside the hypotheses whose names none may have; a README is none."""
    files = (project / FOLDER).glob("*.md")
    return sorted(
        path for path in files if not FILE_NAME.fullmatch(path.stem) and path.name != "README.md"
    )


def refuse_misnamed(project: Path) -> None:
    """HypothesisError if a file could be meant as a hypothesis and can never be run."""
    for path in misnamed_files(project):
        raise HypothesisError(path, None, NAME_NOT_ALLOWED, _NAME_REMEDY)


def find_hypothesis(name: str, project: Path) -> Path:
    """The path of the hypothesis of this name; HypothesisError if there is none."""
    known = hypothesis_names(project)
    if name in known:
        return project / FOLDER / f"{name}.md"
    folder = project / FOLDER
    path = folder / f"{name}.md"
    if path in misnamed_files(project):
        raise HypothesisError(path, None, NAME_NOT_ALLOWED, _NAME_REMEDY)
    if not known:
        raise HypothesisError(folder, None, "there is no hypothesis here", "Add a file NAME.md.")
    plain = PurePosixPath(name).stem
    remedy = f"Did you mean `{plain}`?" if plain in known else suggestion(plain, known)
    if not FILE_NAME.fullmatch(name):
        problem = f"{shown(name)} is not a valid name (a-z, 0-9, - and _)"
        raise HypothesisError(folder, None, problem, remedy)
    raise HypothesisError(path, None, "there is no such hypothesis", remedy)


class Headline(NamedTuple):
    """What lists show of a hypothesis."""

    question: str
    kind: str  # as written: it may be none that exists


def read_headline(path: Path) -> Headline:
    """Question and kind of a file, whose front matter may be wrong otherwise."""
    with _located(path):
        root = parse_document(read_text(path, _FILE)).root
        if "question" not in root.mapping():
            raise root.flaw("there is no `question`", "Add `question:` to the front matter.")
        kind = root.at("kind").text() if "kind" in root.mapping() else LoadTest.name
        return Headline(root.at("question").text(), kind)


def load(path: Path, project: Path) -> Hypothesis:
    """Reads, checks and seals a hypothesis file; raises HypothesisError at its first flaw."""
    with _located(path):
        text = read_text(path, _FILE)
    return loads(text, path, project)


def loads(
    text: str, path: Path, project: Path, *, name: str | None = None, sealed: bool = False
) -> Hypothesis:
    """Reads, checks and seals the text of a hypothesis file.

    Args:
        text: The whole file.
        path: The file that messages name.
        project: The folder that the scenario's path starts from.
        name: The name of the hypothesis if it is not that of the file, as for the copy in a run.
        sealed: Whether it was checked before its run; the scenario may be gone since.

    Raises:
        HypothesisError: At the first flaw by line.
    """
    name = name or path.stem
    with _located(path):
        if not FILE_NAME.fullmatch(name) or path.suffix != ".md":
            raise Flaw(None, NAME_NOT_ALLOWED, _NAME_REMEDY)
        text = normalised(text)
        document = parse_document(text)
        unsealed = parse_hypothesis(
            document.root,
            None if sealed else project,
            name=name,
            prose=document.prose,
            text=text,
            digest=text_digest(text),
        )
        found = flaws(unsealed, document.root, sealed=sealed)
        for flaw in sorted(found, key=lambda f: f.line or 0):
            raise flaw
    code = _code(unsealed, project)
    if code is None:
        return replace(unsealed, claim_digest=claim_digest(unsealed, None))
    files = _files(unsealed, project)
    return replace(
        unsealed,
        claim_digest=claim_digest(unsealed, code, files),
        scenario_digest=scenario_digest(code, _not_measured(unsealed, files)),
    )


def _code(hypothesis: Hypothesis, project: Path) -> str | None:
    """The source of the scenario; None if it is gone, as for an old run."""
    scenario = project / hypothesis.scenario
    try:
        return scenario.read_text("utf-8") if scenario.is_file() else None
    except OSError as error:
        problem = f"the file cannot be read ({error.strerror})"
        raise HypothesisError(scenario, None, problem, "Check its permissions.") from None
    except UnicodeDecodeError as error:
        raise HypothesisError(
            scenario, None, f"this is not UTF-8 ({error.reason})", "Save it as UTF-8."
        ) from None


def _files(hypothesis: Hypothesis, project: Path) -> Mapping[str, str]:
    """The digests of what else the scenario uses of the project.

    A benchmark of revisions uses the code of those: of the working tree only what is below
    `scenarios/`.
    """
    is_benchmark = isinstance(hypothesis.kind, Benchmark)
    only = SCENARIOS if is_benchmark and hypothesis.revisions else ""
    try:
        return scenario_files(project, hypothesis.scenario, is_benchmark=is_benchmark, only=only)
    except OSError as error:
        path = Path(error.filename or project / hypothesis.scenario)
        problem = f"the scenario uses this file, which cannot be read ({error.strerror})"
        raise HypothesisError(path, None, problem, "Check its permissions.") from None


def _not_measured(hypothesis: Hypothesis, files: Mapping[str, str]) -> Mapping[str, str]:
    """The files without the code that a benchmark measures: that is no part of its scenario."""
    if not isinstance(hypothesis.kind, Benchmark):
        return files
    return {
        path: found
        for path, found in files.items()
        if PurePosixPath(path).is_relative_to(SCENARIOS)
    }


@contextmanager
def _located(path: Path) -> Iterator[None]:
    try:
        yield
    except Flaw as flaw:
        raise HypothesisError(path, flaw.line, flaw.problem, flaw.remedy) from None
