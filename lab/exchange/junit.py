"""A verdict as JUnit XML, for CI systems: a test case for each prediction and each rival."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping

from lab.verdict.record import Judgement, Verdict
from lab.verdict.wording import judgement_reason, outcome, rival_reason, why_immaterial

# not a character of XML 1.0: a file that holds one is read by no parser
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(verdict: Verdict, properties: Mapping[str, str]) -> str:
    """A test suite of a finished verdict.

    CONFIRMED: all cases pass. REFUTED: contradicted predictions fail; what is undecided and rivals
    that stand are skipped. INCONCLUSIVE: what left it open is skipped. INVALID: every case is an
    error, whatever was estimated.

    Args:
        verdict: Of a run that has one.
        properties: Facts of the run, which are listed with the suite.
    """
    suite = ET.Element("testsuite", name=verdict.hypothesis, time=f"{verdict.elapsed_s:.3f}")
    listed = ET.SubElement(suite, "properties")
    for name, value in {"verdict": str(verdict.verdict), **properties}.items():
        ET.SubElement(listed, "property", name=name, value=_printable(value))
    for judgement in (*verdict.predictions, *verdict.rivals):
        _add_case(suite, verdict, judgement)
    for count, tag in (
        ("tests", "testcase"),
        ("failures", "failure"),
        ("errors", "error"),
        ("skipped", "skipped"),
    ):
        suite.set(count, str(len(list(suite.iter(tag)))))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return f"{text.decode()}\n"


def _add_case(suite: ET.Element, verdict: Verdict, judgement: Judgement) -> None:
    is_rival = judgement.claim is not None
    case = ET.SubElement(
        suite,
        "testcase",
        classname=f"{verdict.hypothesis}.{'rivals' if is_rival else 'predictions'}",
        name=_printable(f"ruled out: {judgement.claim}" if is_rival else judgement.says),
    )
    tone, _ = outcome(judgement)
    if verdict.verdict == "INVALID":
        error = ET.SubElement(case, "error", type="INVALID", message=_printable(verdict.reasons[0]))
        error.text = _printable("\n".join(verdict.reasons))
        return
    if tone == "bad" and not is_rival:
        ET.SubElement(
            case, "failure", type="REFUTED", message=_printable(judgement_reason(judgement))
        )
    elif tone != "good":
        ET.SubElement(case, "skipped", message=_printable(_why_open(verdict, judgement)))
    seen = ET.SubElement(case, "system-out")
    seen.text = _printable(judgement_reason(judgement))


def _why_open(verdict: Verdict, judgement: Judgement) -> str:
    """Why a case neither passes nor fails."""
    if judgement.claim is not None and judgement.outcome == "supported":
        return rival_reason(judgement)
    if immaterial := why_immaterial(verdict, judgement):
        return f"not decided, and {immaterial}"
    ended = verdict.reasons[0] if verdict.verdict == "INCONCLUSIVE" else ""
    return f"{ended} {judgement_reason(judgement)}".strip()


def _printable(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
