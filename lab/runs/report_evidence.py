"""The data of a run inside its `report.html`: all that the verdict is computed from.

It is JSON, compressed (zlib) and written in base64 into a `<template>`, which no browser shows or
runs. A digest covers its text, so that a changed byte is noticed. It protects against accidents and
careless edits; it is no signature of who measured.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import re
import zlib
from pathlib import Path
from typing import Any

from lab.errors import UsageError
from lab.files.format_versions import Schema, unchanged
from lab.hypothesis import Hypothesis
from lab.runs.run_folder import RunFolder

SCHEMA = Schema("lab.evidence", 1, upgrade=unchanged)

MAX_PAGE_BYTES = 64_000_000
MAX_DATA_BYTES = 64_000_000  # unpacked

_OPENING = '<template id="evidence"'
_ELEMENT = re.compile(
    rb'<template id="evidence" data-sha256="([0-9a-f]{64})">([A-Za-z0-9+/=\n]+)</template>'
)
_RUN = re.compile(r"[\w-][\w.-]*")
_NOT_OF_RUN = re.compile(r"^\.|[^\w.-]")  # of a folder that was copied or renamed
_REMEDY = "Get it again from where the run was made"


class EvidenceError(UsageError):
    """A file that carries no data of a run, or not as the lab wrote them."""


def evidence_element(run_folder: RunFolder, hypothesis: Hypothesis) -> str:
    """The element with the data of a run; empty if nobody would read so many back."""
    slopes = [p.slope for p in hypothesis.all_predictions if p.slope is not None]
    content = {
        "schema": str(SCHEMA),
        "run": _NOT_OF_RUN.sub("_", run_folder.run),
        "files": run_folder.evidence(slopes),
    }
    data = json.dumps(content).encode()
    if len(data) >= MAX_DATA_BYTES:
        return ""
    text = base64.encodebytes(zlib.compress(data)).decode()
    return f'{_OPENING} data-sha256="{_digest(text)}">{text}</template>\n'


def unpack(page: Path, folder: Path) -> RunFolder:
    """Write the run folder of a report below an empty folder. Runs nothing of the report.

    Raises:
        EvidenceError: The page carries no data, they were changed, or they are too large.
    """
    content = _content(page)
    try:
        run, files = content["run"], dict(content["files"])
        if not _RUN.fullmatch(run) or not all(isinstance(text, str) for text in files.values()):
            raise ValueError("not the data of a run")
        return RunFolder.restore(folder / run, files)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise _damaged(page) from error
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(page) from error


def _content(page: Path) -> dict[str, Any]:
    """The JSON object that a page carries, of a version that is known."""
    packed = _packed(page)
    decompressor = zlib.decompressobj()
    try:
        data = decompressor.decompress(base64.b64decode(packed), MAX_DATA_BYTES)
        if not decompressor.eof:
            raise EvidenceError(
                f"{page}: its data are cut short, or larger than {MAX_DATA_BYTES / 1e6:.0f} MB. "
                f"{_REMEDY}"
            )
        content: dict[str, Any] = json.loads(data)
    except (zlib.error, ValueError, RecursionError) as error:
        raise _damaged(page) from error
    if not isinstance(content, dict):
        raise _damaged(page)
    return dict(SCHEMA.read(content, str(page)))


def _packed(page: Path) -> bytes:
    """The text of the element that holds the data, if it is as it was written."""
    try:
        with page.open("rb") as file:
            text = file.read(MAX_PAGE_BYTES + 1)
    except OSError as error:
        raise EvidenceError(
            f"{page}: cannot be read ({error.strerror}). Name a report.html that the lab wrote"
        ) from error
    if len(text) > MAX_PAGE_BYTES:
        raise EvidenceError(
            f"{page}: larger than {MAX_PAGE_BYTES / 1e6:.0f} MB. Name a report.html that the lab "
            "wrote"
        )
    if text.count(_OPENING.encode()) != 1:
        raise EvidenceError(
            f"{page}: carries no data of a run, as the report of an older version, or of a run "
            f"whose data or page take more than {MAX_DATA_BYTES / 1e6:.0f} MB. Name the folder of "
            "the run"
        )
    element = _ELEMENT.search(text)
    if element is None or _digest(element[2].decode()) != element[1].decode():
        raise EvidenceError(f"{page}: its data were changed since the lab wrote it. {_REMEDY}")
    return element[2]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _damaged(page: Path) -> EvidenceError:
    return EvidenceError(f"{page}: what it carries are not the data of a run. {_REMEDY}")
