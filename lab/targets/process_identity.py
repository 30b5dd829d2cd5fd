"""Which process of an arm answers, and with which settings: how the treatment is proved."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from lab.instruments.service_http_client import HttpClient, HttpError
from lab.processes.cleanup_watchdog import start_ticks
from lab.processes.process_tree import environment_of
from lab.system import Answer, ProcessSpec
from lab.targets.target_interface import Identity, TargetFailure

_TIMEOUT_S = 15.0


class Proof(Enum):
    """How it is known that a process runs with the settings of its arm, best first."""

    OWN_WORD = "its own word"
    ENVIRONMENT = "the environment of its process, read back"
    NOTHING = "nothing"


class WeakestProofs:
    """By role, the weakest proof that any arm gave."""

    def __init__(self) -> None:
        self._found: dict[str, Proof] = {}

    def add(self, proofs: Mapping[str, Proof]) -> None:
        """Take the proofs of an arm, by role, into account."""
        for role, proof in proofs.items():
            weaker = (self._found.get(role, proof), proof)
            self._found[role] = max(weaker, key=list(Proof).index)

    @property
    def prove_anything(self) -> bool:
        """Whether any process shows which settings it runs with."""
        return any(proof is not Proof.NOTHING for proof in self._found.values())

    def as_dict(self) -> dict[str, str]:
        """As conditions record them."""
        return {role: proof.value for role, proof in self._found.items()}


def identify(
    spec: ProcessSpec,
    arm: str,
    url: str | None,
    pid: int,
    settings: Mapping[str, str],
    answering: Sequence[int] | None = None,
) -> Identity:
    """The process that answers, by its own word as far as it gives it.

    Args:
        spec: Of the process.
        arm: For messages.
        url: Its URL; None if it has no port.
        pid: Of the process that was started.
        settings: Of the arm, which are looked for in its environment otherwise.
        answering: The processes that listen on its port, of those that it has started: they may
            have another environment, as after `npm start`. None if nothing listens; without any
            of its own, nothing is proved, since what answers is not known.

    Raises:
        TargetFailure: It does not answer, or with something else.
    """
    documents: dict[str, Any] = {}
    who = f"the {spec.name} of arm {arm}"

    def ask(answer: Answer) -> Any:
        assert url is not None
        if answer.path not in documents:
            documents[answer.path] = _document(who, url, answer.path)
        return _value(who, documents[answer.path], answer)

    instance = f"{pid}-{start_ticks(pid)}"
    if spec.instance is not None:
        instance = str(ask(spec.instance))
    if spec.settings is not None:
        reported = reported_settings(who, ask(spec.settings), spec.settings)
        of_command = {name: settings[name] for name in spec.command.settings if name in settings}
        # what its program makes of them, as a number of workers, it may not know itself
        return Identity(instance, {**(_from_environment([pid], of_command) or {}), **reported})
    pids = [pid] if answering is None else answering
    return Identity(instance, _from_environment(pids, settings))


def ask_settings(who: str, url: str, answer: Answer) -> dict[str, str]:
    """The settings that a service reports. TargetFailure if it does not answer, or none."""
    return reported_settings(who, _value(who, _document(who, url, answer.path), answer), answer)


def reported_settings(who: str, found: Any, answer: Answer) -> dict[str, str]:
    """The settings in an answer, as text. TargetFailure if they are no JSON object."""
    if not isinstance(found, dict):
        raise TargetFailure(f"{who} answers at {answer} with no JSON object of settings")
    return {str(name).upper(): _text(value) for name, value in found.items()}


def proof_of(spec: ProcessSpec, identity: Identity) -> Proof:
    """How far the proof of a process goes."""
    if spec.settings is not None:
        return Proof.OWN_WORD
    return Proof.NOTHING if identity.settings is None else Proof.ENVIRONMENT


def _from_environment(pids: Sequence[int], settings: Mapping[str, str]) -> dict[str, str] | None:
    """These settings as the processes were started with them.

    None if that cannot be read, or if there are no processes. A program that writes its title into
    the memory of its environment hides that. Of processes that differ, one whose settings are not
    those of the arm.
    """
    found = []
    for environment in map(environment_of, pids):
        if not all(name in environment for name in settings):
            return None
        found.append({name: environment[name] for name in settings})
    return next((each for each in found if each != dict(settings)), found[0] if found else None)


def _document(who: str, url: str, path: str) -> Any:
    client = HttpClient(url, _TIMEOUT_S)
    try:
        answer = client.get(path)
        if answer.status != 200:
            raise TargetFailure(f"{who} does not answer: GET {path}: status {answer.status}")
        return json.loads(answer.body)
    except HttpError as error:
        raise TargetFailure(f"{who} does not answer: {error}") from error
    except ValueError as error:
        raise TargetFailure(f"{who} answers GET {path} with no JSON") from error
    finally:
        client.close()


def _value(who: str, document: Any, answer: Answer) -> Any:
    for key in answer.keys:
        if not isinstance(document, dict) or key not in document:
            raise TargetFailure(f"{who} answers at {answer.path}, but without {answer}")
        document = document[key]
    return document


def _text(value: Any) -> str:
    """A JSON value as an environment variable writes it."""
    return value if isinstance(value, str) else json.dumps(value)
