"""docs/hypothesis-files.md is the whole truth of the parser, and its examples are sound."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from lab.hypothesis import HypothesisError, loads
from lab.input_files import Node
from lab.measures.table import MEASURES, Scope
from tests.lab.documents import BASES, REFERENCE, Block, blocks, examples, names, rows, section
from tests.runs import ROOT, lab

KINDS = ("load", "benchmark", "soak")
ANY_KIND = (
    "`load`",
    "`predictions`",
    "`rivals`",
)  # read alike in every kind; what fits is decided later
EXAMPLES = examples()
Keys = dict[str, dict[str, set[str]]]  # mapping -> key -> "required", "optional"


def _load(text: str, name: str = "example") -> Any:
    return loads(text, ROOT / "hypotheses" / f"{name}.md", ROOT)


@pytest.mark.parametrize(("block", "text"), EXAMPLES, ids=[str(block) for block, _ in EXAMPLES])
def test_every_example_loads(block: Block, text: str) -> None:
    _load(text)


@pytest.mark.slow
def test_whole_examples_pass_lab_check(tmp_path: Path) -> None:
    files = []
    for block, text in EXAMPLES:
        if block.whole:
            file = tmp_path / f"{block.page.stem.lower()}-{block.line}.md"
            file.write_text(text)
            files.append(str(file))
    done = lab("check", *files)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": ok") == len(files) >= 3


def test_the_message_that_is_shown_is_the_one_that_comes() -> None:
    file = ROOT / "hypotheses" / "pool-exhaustion.md"
    wrong = file.read_text().replace("compare: wide / narrow", "compare: wid / narrow")
    with pytest.raises(HypothesisError) as raised:
        loads(wrong, Path("hypotheses/pool-exhaustion.md"), ROOT)
    assert f"\nlab: {raised.value}\n" in REFERENCE.read_text()


def test_every_yaml_block_is_checked() -> None:
    for block in blocks():
        language = block.info.partition(" ")[0]
        assert language != "yaml" or block.kind, f"{block}: write ```yaml KIND"
        is_file = " " in block.info  # of a project of its own
        assert language != "markdown" or block.whole or is_file, str(block)


@pytest.fixture(scope="module")
def parsed() -> dict[str, Keys]:
    """By kind, the keys of every mapping that the parser reads in all examples and files."""
    found: dict[str, Keys] = {kind: {} for kind in KINDS}
    texts = [text for _, text in EXAMPLES]
    texts += [f"---\n{text}---\n" for text in BASES.values()]
    texts += [file.read_text() for file in (ROOT / "hypotheses").glob("*.md")]
    fields = Node.fields
    for text in texts:
        [kind] = re.findall(r"^kind: (\w+)", text, re.M)

        def recorded(
            self: Node,
            readers: Mapping[str, Callable[[Node], Any]],
            optional: Iterable[str] = (),
            *,
            kind: str = kind,
        ) -> dict[str, Any]:
            optional = set(optional)
            keys = found[kind].setdefault(_mapping(self.name), {})
            for key in readers:
                keys.setdefault(key, set()).add("optional" if key in optional else "required")
            return fields(self, readers, optional)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Node, "fields", recorded)
            _load(text)
    return found


def _mapping(name: str) -> str:
    """The section that documents a mapping of the front matter."""
    if name == "the front matter":
        return "The front matter"
    plain = re.sub(r"^item \d+ of ", "", name)
    known = set(re.findall(r"^## `(\w+)`$", REFERENCE.read_text(), re.M))
    return f"`{plain}`" if plain in known else "`measures`"  # whose entries have names of their own


def documented() -> dict[str, dict[str, list[str]]]:
    """By section and key, the cells of its row."""
    text = REFERENCE.read_text()
    found: dict[str, dict[str, list[str]]] = {}
    for title in re.findall(r"^## (The front matter|`\w+`)$", text, re.M):
        keys = found.setdefault(title, {})
        for first, *cells in rows(section(REFERENCE, title)):
            for key in names(first):
                assert key not in keys, f"{title}: `{key}` has two rows"
                keys[key] = cells
    return found


def test_every_key_of_the_parser_is_documented_for_its_kinds(parsed: dict[str, Keys]) -> None:
    pages = documented()
    for kind, mappings in parsed.items():
        for title, keys in mappings.items():
            for key in keys:
                assert key in pages[title], f"{title} does not document `{key}` ({kind})"
                kinds = pages[title][key][0]
                if title not in ANY_KIND:
                    assert kinds == "all" or kind in kinds, f"{title}: `{key}` is of {kind}, too"


def test_no_key_is_documented_that_the_parser_does_not_know(parsed: dict[str, Keys]) -> None:
    for title, keys in documented().items():
        for key, (kinds, *_) in keys.items():
            for kind in KINDS if kinds == "all" else kinds.split(", "):
                known = parsed[kind].get(title, {})
                assert key in known, f"{title}: {kind} knows no `{key}`"


def test_required_keys_are_called_so(parsed: dict[str, Keys]) -> None:
    pages = documented()
    for mappings in parsed.values():
        for title, keys in mappings.items():
            for key, seen in keys.items():
                default = pages[title][key][1]
                if seen == {"required"} and title != "`rivals`":
                    assert "required" in default, f"{title}: `{key}` is required"
                elif title == "The front matter":
                    assert "required" not in default, f"{title}: `{key}` is optional"


def test_every_key_of_the_front_matter_has_an_example() -> None:
    shown = set()
    for block, text in EXAMPLES:
        own = block.text if block.kind else text
        shown |= set(re.findall(r"^(\w+):", own, re.M))
    assert set(documented()["The front matter"]) <= shown


def test_every_built_in_measure_is_documented() -> None:
    listed = {
        name for first, *_ in rows(section(REFERENCE, "Built-in measures")) for name in names(first)
    }
    quantiles = {name for name in listed if re.search(r"latency_p\d", name)}
    assert quantiles == {
        f"{prefix}latency_p{q}" for prefix in ("", "service_") for q in ("50", "99.9")
    }
    assert listed - quantiles == {
        *(name for name, row in MEASURES.items() if row.scope is not Scope.SERIES),
    }
