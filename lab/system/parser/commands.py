"""Commands and texts with placeholders."""

from __future__ import annotations

import re
import shlex
from pathlib import PurePosixPath

from lab.input_files import Node, shown
from lab.system.placeholders import Command, Template

_OF_A_SHELL = ("&&", "||", "|", ";", "&", ">", ">>", "<", "2>", "2>&1", "&>")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*")
_SHELLS = frozenset({"sh", "bash", "dash", "zsh"})
_SCRIPT = re.compile(r"-[A-Za-z]*c")  # the option of a shell that a script follows
_DOUBLE = r'"(?:\\.|[^"\\])*"'
_LITERAL = re.compile(rf"({_DOUBLE})|'[^']*'|\\.", re.DOTALL)  # to a shell, but for the group
_ESCAPED = re.compile(r"\\[$`\"\\]")  # within double quotes
_EXPANDED = re.compile(r"\$\{*([A-Za-z_]\w*)(?:[^\s{}]*\}+)?|\$[({]|`[^`]*`?")
_FILES = re.compile(r"(?<!\S)(?:~/\S*|\*(?!\S))")
_DOLLAR = re.compile(r"\$\{(?!\{)([^{}]*)\}")  # before a placeholder


def read_command(node: Node) -> Command:
    """A command: a text that is split as a shell would, or a list of its words."""
    if isinstance(node.value, list):
        words = [item.exact() for item in node.sequence()]
        if not words:
            raise node.flaw(f"{node.title} is empty", f"Write {_example(node)}.")
        written = shlex.join(words)
    else:
        written = node.text()  # on one line, for messages
        words = _split(node)
        _refuse_shell(node, words)
    return Command(written, tuple(_template(node, word) for word in words), node.line)


def read_template(node: Node) -> Template:
    """The value of an environment variable: text, a number, true or false."""
    if isinstance(node.value, bool):
        return Template(str(node.value).lower())
    if isinstance(node.value, int | float):
        return Template(node.written)
    if isinstance(node.value, str):
        return _template(node, node.value)
    raise node.wrong_type("a single value", node.entry(node.name, '"text"'))


def _split(node: Node) -> list[str]:
    try:
        words = shlex.split(node.exact())  # white space in quotes is part of a word
    except ValueError:
        raise node.flaw(
            f"{node.title} has a quote or a backslash that is not closed",
            "Close it, or write a list of words.",
        ) from None
    if not words[0]:
        raise node.flaw(f"{node.title} is empty", f"Write {_example(node)}.")
    return words


def _refuse_shell(node: Node, words: list[str]) -> None:
    """No shell runs a command, and nothing of it would mean what it means there."""
    if _ASSIGNMENT.fullmatch(words[0]):
        name, _, value = words[0].partition("=")
        instead = node.entry("env", f'{{{name} = "{value}"}}')
        if node.name != "command":  # there is no env beside it
            instead = f"`env {words[0]}` before the program"
        raise node.flaw(
            f"{node.title} sets {name} before the program, as only a shell does",
            f"Write {instead} instead.",
        )
    found = next((word for word in words if word in _OF_A_SHELL), None)
    if found is not None:
        raise node.flaw(
            f"{node.title} has {shown(found)}, and no shell runs it",
            "Write one program with its arguments, or a shell of your own: sh -c '...'.",
        )
    has_shell = any(PurePosixPath(word).name in _SHELLS for word in words)
    if not (has_shell and any(map(_SCRIPT.fullmatch, words))):
        _refuse_expansion(node)


def _refuse_expansion(node: Node) -> None:
    """Nothing replaces what a shell would; what it would take as itself is left alone."""
    text = _LITERAL.sub(lambda each: _ESCAPED.sub("", each[1] or ""), node.exact())
    found = _EXPANDED.search(text) or _FILES.search(re.sub(_DOUBLE, "", text, flags=re.DOTALL))
    if found is not None:
        name = found.re is _EXPANDED and found[1]
        instead = f"the placeholder {{{name}}}, " if name else ""
        raise node.flaw(
            f"{node.title} has {shown(found[0])}, and no shell replaces it",
            f"Write {instead}a shell of your own: sh -c '...', or single quotes around what is "
            "meant as itself.",
        )


def _template(node: Node, text: str) -> Template:
    if found := _DOLLAR.search(text):
        raise node.flaw(
            f"{node.title} has {shown(found[0])}, and the $ would stay before the value",
            f"Write the placeholder as {{{found[1]}}}, and braces that are meant as themselves as "
            f"${{{{{found[1]}}}}}.",
        )
    try:
        return Template.parse(text)
    except ValueError as error:
        brace = str(error)
        raise node.flaw(
            f"{node.title} has a {shown(brace)} that belongs to no placeholder",
            f"Write a placeholder as {{port}}, and a brace that is meant as itself as {brace * 2}.",
        ) from None


def _example(node: Node) -> str:
    starts = '"python app.py --port {port}"'
    return node.entry(node.name, starts if node.name == "command" else '"python script.py"')
