"""All conformance cases."""

from __future__ import annotations

from tests.conformance import (
    connection_cases,
    content_cases,
    framing_cases,
    redirect_cases,
    refused_cases,
    tls_cases,
)

CASES = (
    *framing_cases.CASES,
    *refused_cases.CASES,
    *connection_cases.CASES,
    *redirect_cases.CASES,
    *content_cases.CASES,
    *tls_cases.CASES,
)
