"""Finding, loading and sealing hypothesis files."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path, PurePosixPath
from typing import Any

from lab.errors import UsageError
from lab.hypothesis import front_matter
from lab.hypothesis.front_matter import Flaw, shown, suggestion
from lab.hypothesis.model import (
    Allow,
    Hypothesis,
    Limits,
    Prediction,
    Rival,
    Soak,
    TrialTimes,
)
from lab.hypothesis.parser import OF_SOAKS, OPTIONAL, benchmark_of, fields
from lab.hypothesis.validation import LEAST_BLOCKS, contradictions

FOLDER = "hypotheses"


class HypothesisError(UsageError):
    """A hypothesis file that cannot be used: what is wrong, where, and what would be right."""

    def __init__(self, path: Path, line: int | None, problem: str, remedy: str) -> None:
        self.path, self.line, self.problem, self.remedy = path, line, problem, remedy
        place = f"{path}:{line}" if line else str(path)
        super().__init__(f"{place}: {problem}. {remedy}")


_FILE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def names(project: Path) -> list[str]:
    """The names of all hypotheses of a project."""
    files = (project / FOLDER).glob("*.md")
    return sorted(path.stem for path in files if _FILE_NAME.fullmatch(path.stem))


def find(name: str, project: Path) -> Path:
    """The file of the hypothesis of this name."""
    known = names(project)
    if name in known:
        return project / FOLDER / f"{name}.md"
    folder = project / FOLDER
    if not known:
        raise HypothesisError(folder, None, "there is no hypothesis here", "Write NAME.md into it.")
    plain = PurePosixPath(name).stem
    remedy = f"Did you mean `{plain}`?" if plain in known else suggestion(plain, known)
    if not _FILE_NAME.fullmatch(name):
        problem = f"{shown(name)} is not a plain name (a-z, 0-9, - and _)"
        raise HypothesisError(folder, None, problem, remedy)
    raise HypothesisError(folder / f"{name}.md", None, "there is no such hypothesis", remedy)


def headline(path: Path) -> str:
    """The question that a file asks; the rest of its front matter may be wrong."""
    with _located(path):
        root = front_matter.parse(front_matter.read(path)).root
        if "question" not in root.mapping():
            raise root.flaw("there is no `question`", "Add `question:` to the front matter.")
        return root.at("question").text()


def load(path: Path, project: Path) -> Hypothesis:
    """Reads, checks and seals a hypothesis file; HypothesisError says what is wrong with it."""
    with _located(path):
        text = front_matter.read(path)
    return loads(text, path, project)


def loads(
    text: str, path: Path, project: Path, *, name: str | None = None, sealed: bool = False
) -> Hypothesis:
    """The same of a text, as if it stood at `path`.

    Args:
        text: The whole file.
        path: Where messages say that it stands.
        project: The folder that the scenario's path starts from.
        name: The hypothesis' name, where it is not that of the file (the copy of a run).
        sealed: It was checked when it was run; its scenario may have gone since.
    """
    name = name or path.stem
    with _located(path):
        if not _FILE_NAME.fullmatch(name) or path.suffix != ".md":
            raise Flaw(None, "the file's name is not plain", "Name it as in pool-exhaustion.md.")
        text = front_matter.normalised(text)
        document = front_matter.parse(text)
        values = document.root.fields(fields(document.root, None if sealed else project), OPTIONAL)
        scenario, benchmark = benchmark_of(values)
        settings = values.pop("settings", {})
        unsealed = Hypothesis(
            name=name,
            scenario=scenario,
            load=values.pop("load", None),
            benchmark=benchmark,
            settings=settings,
            arms={arm: {**settings, **own} for arm, own in values.pop("arms").items()},
            measures=values.pop("measures", {}),
            allow=values.pop("allow", Allow()),
            limits=values.pop("limits", Limits()),
            prose=document.prose,
            text=text,
            digest=_seal(text),
            claim_digest="",
            trial=values.pop("trial", TrialTimes(0.0, 0.0)),
            budget_s=values.pop("budget", math.inf),
            soak=_soak(values),
            **values,
        )
        for flaw in sorted(contradictions(unsealed, document.root), key=lambda f: f.line or 0):
            raise flaw
    return replace(unsealed, claim_digest=_claim_digest(unsealed, project))


def _soak(values: dict[str, Any]) -> Soak | None:
    """How a soak runs; arms that are compared need blocks, one arm alone needs the whole time."""
    length_s, pairs, exhaustion = (values.pop(key, None) for key in OF_SOAKS)
    if values["kind"] != "soak":
        return None
    predictions: tuple[Prediction, ...] = values["predictions"]
    rivals: tuple[Rival, ...] = values["rivals"]
    compared = any(p.compare for p in (*predictions, *(rival.prediction for rival in rivals)))
    return Soak(pairs or (LEAST_BLOCKS if compared else 1), length_s, exhaustion)


@contextmanager
def _located(path: Path) -> Iterator[None]:
    try:
        yield
    except Flaw as flaw:
        raise HypothesisError(path, flaw.line, flaw.problem, flaw.remedy) from None


# --- the seals -----------------------------------------------------------------------------

_NOT_DECIDING = (
    *("name", "question", "claim", "prose", "budget_s"),
    *("text", "digest", "claim_digest"),
    *("settings", "predictions", "rivals"),  # settings are in the arms; the others see below
)


def _seal(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _claim_digest(hypothesis: Hypothesis, project: Path) -> str:
    """Seals all that decides the verdict, the scenario's code included, and no wording."""
    claimed = {key: value for key, value in asdict(hypothesis).items() if key not in _NOT_DECIDING}
    claimed["predictions"] = [asdict(replace(p, says="")) for p in hypothesis.predictions]
    claimed["rivals"] = [asdict(replace(r.prediction, says="")) for r in hypothesis.rivals]
    scenario = project / hypothesis.scenario  # gone, perhaps, where an old run is read
    try:
        claimed["load_code"] = _seal(scenario.read_text("utf-8")) if scenario.is_file() else None
    except OSError as error:
        problem = f"the file cannot be read ({error.strerror})"
        raise HypothesisError(scenario, None, problem, "Check its permissions.") from None
    except UnicodeDecodeError as error:
        raise HypothesisError(
            scenario, None, f"this is not UTF-8 ({error.reason})", "Save it as UTF-8."
        ) from None
    return _seal(json.dumps(_said(claimed), sort_keys=True))


def _said(data: Any) -> Any:
    """Without what a file leaves out: a new kind of key changes no seal that lacks it."""
    if isinstance(data, Mapping):
        told = {k: v for k, v in data.items() if v is not False and v not in (None, {}, ())}
        return {key: _said(value) for key, value in told.items()}
    return [_said(item) for item in data] if isinstance(data, list | tuple) else data
