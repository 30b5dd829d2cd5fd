"""TLS, addresses of IPv6, and names."""

from __future__ import annotations

from tests.conformance.case import Answer, Ask, Case, Failure, ask_all
from tests.conformance.steps import (
    Close,
    HalfClose,
    Read,
    Reset,
    Send,
    SendAndNotify,
    SendInPieces,
    Wait,
    answer,
    message,
)

OK = Answer()
_NEXT = (Read(), Send(answer()))
LARGE = bytes(range(256)) * 8192  # 2 MiB: many records
NO_LENGTH = message("HTTP/1.1 200 OK") + b"ok"
CUT_OFF = "^AnswerCutOffError: "
NOT_TRUSTED = "^TlsError: .*certificate"

CASES = (
    Case("TLS", ((Read(), Send(answer()), *_NEXT),), ask_all(OK, OK), tls="good"),
    Case("TLS by name", (_NEXT,), tls="good", named="localhost"),
    Case("TLS, byte by byte", ((Read(), SendInPieces(answer())),), tls="good"),
    Case(
        "TLS: many records",
        ((Read(), Send(answer(LARGE)), *_NEXT),),
        ask_all(Answer(content=LARGE), OK),
        tls="good",
    ),
    Case(
        "TLS: a large upload",
        ((Read(), Send(answer())),),
        (Ask(method="POST", options={"data": LARGE}),),
        tls="good",
    ),
    Case(
        "a certificate for another name",
        ((),),
        (Ask(Failure("^TlsError: .*(name|match|address)")),),
        tls="other-name",
        requests=0,
    ),
    Case(
        "a certificate that nobody has signed",
        ((),),
        (Ask(Failure(NOT_TRUSTED)),),
        tls="self-signed",
        requests=0,
    ),
    Case(
        "a certificate that has expired",
        ((),),
        (Ask(Failure("^TlsError: .*expired")),),
        tls="expired",
        requests=0,
    ),
    Case(
        "any certificate where that is wanted", (_NEXT,), tls="self-signed", user={"insecure": True}
    ),
    Case("another name where that is wanted", (_NEXT,), tls="other-name", user={"insecure": True}),
    Case(
        "TLS: closed with notice in the segment of the answer",
        ((Read(), SendAndNotify(answer())), _NEXT),
        ask_all(OK, OK, pause_s=0.05),
        tls="good",
    ),
    Case(
        "TLS: closed while the scenario computes",
        ((Read(), Send(answer()), Wait(0.02), Close()), _NEXT),
        (Ask(), Ask(computes_s=0.15)),
        tls="good",
    ),
    Case(
        "TLS: a second answer while the scenario computes",
        ((Read(), Send(answer()), Wait(0.02), Send(answer(b"evil"))), _NEXT),
        (Ask(), Ask(computes_s=0.15)),
        tls="good",
    ),
    Case(
        "TLS: a body up to the close, with notice",
        ((Read(), SendAndNotify(NO_LENGTH)), _NEXT),
        ask_all(OK, OK),
        tls="good",
    ),
    Case(
        "TLS: a body up to the close, without notice, is cut off",
        ((Read(), Send(NO_LENGTH), Close()), _NEXT),
        ask_all(Failure(CUT_OFF), OK),
        tls="good",
    ),
    Case(
        "TLS: a body up to a half-close, without notice, is cut off",
        ((Read(), Send(NO_LENGTH), Wait(0.05), HalfClose()), _NEXT),
        ask_all(Failure(CUT_OFF), OK),
        tls="good",
    ),
    Case(
        "TLS: a whole body, without notice, is whole",
        ((Read(), Send(answer()), Close()), _NEXT),
        ask_all(OK, OK, pause_s=0.05),
        tls="good",
    ),
    Case(
        "TLS: closed with notice in the body",
        ((Read(), SendAndNotify(answer(b"x" * 1000)[:-500])), _NEXT),
        ask_all(Failure(CUT_OFF), OK),
        tls="good",
    ),
    Case(
        "TLS: reset in the body",
        ((Read(), Send(answer(LARGE)[:-9]), Wait(0.05), Reset()), _NEXT),
        ask_all(Failure(f"{CUT_OFF}.*reset"), OK),
        tls="good",
    ),
    Case(
        "TLS: closed with notice after the request",
        ((Read(), SendAndNotify(b"")), _NEXT),
        ask_all(Failure("^NoAnswerError: .*clos"), OK),
        tls="good",
    ),
    Case(
        "TLS to a server that speaks none",
        ((Send(b"HTTP/1.1 400 No\r\n\r\n"),),),
        (Ask(Failure("^TlsError: "), url="https://127.0.0.1:{port}/"),),
        requests=0,
    ),
    Case(
        "TLS: no handshake in time",
        ((Wait(1.2), Close()),),
        (
            Ask(
                Failure("Timeout: ", within_s=(0.25, 0.95)),
                url="https://127.0.0.1:{port}/",
                options={"timeout": 0.3},
            ),
        ),
        requests=0,
    ),
    Case(
        "IPv6",
        ((Read(), Send(answer()), *_NEXT),),
        ask_all(OK, OK),
        host="::1",
        sent=(r"Host: \[::1\]:\d+\r\n",),
    ),
    Case("IPv6 with TLS", (_NEXT,), host="::1", tls="good"),
    Case(
        "a name that has two addresses, one of which listens",
        (_NEXT,),
        named="localhost",
        sent=(r"Host: localhost:\d+\r\n",),
    ),
)
