"""Connections that end, and answers that do not come in time."""

from __future__ import annotations

from tests.conformance.case import Answer, Ask, Case, CutOff, Failure, ask_all
from tests.conformance.steps import (
    Close,
    HalfClose,
    Read,
    ReadSome,
    Reset,
    Send,
    SendInPieces,
    Step,
    Wait,
    answer,
    chunked,
    message,
)

OK = Answer()
_NEXT = (Read(), Send(answer()))
# before the answer began, and within it
NO_ANSWER, CUT_OFF = "^NoAnswerError: .*clos", "^AnswerCutOffError: .*clos"
NO_ANSWER_RESET, CUT_OFF_RESET = "^NoAnswerError: .*reset", "^AnswerCutOffError: .*reset"
LATE = "^ReadTimeout: "
HALF = answer(b"x" * 1000)[:-500]
HALF_CHUNK = chunked(b"10", b"half")
NO_LENGTH = message("HTTP/1.1 200 OK") + b"half"
COMPUTED = Ask(computes_s=0.15)
SOON = (0.25, 0.95)  # after a timeout of 0.3 s
IMPATIENT = {"timeout": 0.3}


def _fails(name: str, *script: Step, error: str) -> Case:
    """The first request fails, is not sent again, and the second has a new connection."""
    scripts = ((Read(), *script), _NEXT)
    return Case(name, scripts, ask_all(Failure(error), OK))


def _late(name: str, *script: Step) -> Case:
    """The first request fails when its time is up; what comes later answers nothing."""
    scripts = ((Read(), *script), _NEXT)
    asks = (Ask(Failure(LATE, within_s=SOON), options=IMPATIENT), Ask(pause_s=1.0))
    return Case(name, scripts, asks)


CASES = (
    _fails("closed after the request", Close(), error=NO_ANSWER),
    _fails("half-closed after the request", HalfClose(), error=NO_ANSWER),
    _fails("closed in the status line", Send(b"HTTP/1.1 20"), Close(), error=CUT_OFF),
    _fails("closed in the head", Send(answer()[:25]), Close(), error=CUT_OFF),
    _fails(
        "closed after an interim answer",
        Send(message("HTTP/1.1 100 Continue")),
        Close(),
        error=NO_ANSWER,
    ),
    _fails("closed in the body", Send(HALF), Close(), error=CUT_OFF),
    _fails("half-closed in the body", Send(HALF), HalfClose(), error=CUT_OFF),
    _fails("closed in a chunk", Send(HALF_CHUNK), Close(), error=CUT_OFF),
    _fails("closed between chunks", Send(chunked(b"2", b"ok")), Close(), error=CUT_OFF),
    _fails(
        "closed in the trailers", Send(chunked(b"2", b"ok", b"0", b"X: 1")), Close(), error=CUT_OFF
    ),
    _fails("reset after the request", Reset(), error=NO_ANSWER_RESET),
    _fails("reset in the head", Send(answer()[:25]), Wait(0.05), Reset(), error=CUT_OFF_RESET),
    _fails("reset in the body", Send(HALF), Wait(0.05), Reset(), error=CUT_OFF_RESET),
    _fails(
        "reset in a body without a length",
        Send(NO_LENGTH),
        Wait(0.05),
        Reset(),
        error=CUT_OFF_RESET,
    ),
    Case(
        "reset before the request is read",
        ((Wait(0.1), Reset()), _NEXT),
        ask_all(Failure(NO_ANSWER_RESET), OK),
        requests=1,
    ),
    Case(
        "reset in the middle of a request",
        ((ReadSome(5000), Reset()), _NEXT),
        (
            Ask(
                Failure("^NoAnswerError: .*(reset|pipe)"),
                method="POST",
                options={"data": b"x" * 20_000_000},
            ),
            Ask(),
        ),
        requests=1,
    ),
    Case(
        "closed while idle",
        ((Read(), Send(answer()), Close()), _NEXT),
        ask_all(OK, OK, pause_s=0.05),
    ),
    Case(
        "closed while the scenario computes",
        ((Read(), Send(answer()), Wait(0.02), Close()), _NEXT),
        (Ask(), COMPUTED),
    ),
    Case(
        "reset while the scenario computes",
        ((Read(), Send(answer()), Wait(0.02), Reset()), _NEXT),
        (Ask(), COMPUTED),
    ),
    Case(
        "a second answer while the scenario computes",
        ((Read(), Send(answer()), Wait(0.02), Send(answer(b"evil"))), _NEXT),
        (Ask(), COMPUTED),
    ),
    Case(
        "a POST after the connection was closed while the scenario computed",
        ((Read(), Send(answer()), Wait(0.02), Close()), _NEXT),
        (Ask(), Ask(method="POST", options={"data": b"pay"}, computes_s=0.15)),
    ),
    Case(
        "half-closed while idle",
        ((Read(), Send(answer()), HalfClose()), _NEXT),
        ask_all(OK, OK, pause_s=0.05),
    ),
    Case(
        "reset while idle",
        ((Read(), Send(answer()), Wait(0.02), Reset()), _NEXT),
        ask_all(OK, OK, pause_s=0.1),
    ),
    Case(
        "the end of the connection in the segment of the answer",
        ((Read(), Send(answer()), Close()), _NEXT),
        ask_all(OK, OK, pause_s=0.02),
    ),
    Case(
        "a kept connection that closes on the next request",
        ((Read(), Send(answer()), Read(), Close()), _NEXT),
        ask_all(OK, Failure(NO_ANSWER), OK),
    ),
    Case(
        "a kept connection that is reset on the next request",
        ((Read(), Send(answer()), Read(), Reset()), _NEXT),
        ask_all(OK, Failure(NO_ANSWER_RESET), OK),
    ),
    Case(
        "a POST on a kept connection that closes",
        ((Read(), Send(answer()), Read(), Close()), _NEXT),
        (Ask(), Ask(Failure(NO_ANSWER), method="POST", options={"data": b"pay"}), Ask()),
    ),
    Case(
        "a hundred requests on one connection",
        ((Read(), Send(answer())) * 100,),
        ask_all(*[OK] * 100),
    ),
    # the other end is not there
    Case(
        "nothing listens",
        (),
        (Ask(Failure("^NotConnectedError: .*refused"), url="http://127.0.0.1:1/"),),
        requests=0,
        connections=0,
    ),
    # deadlines
    _late("no answer in time", Wait(1.0), Send(answer())),
    _late("no end of the head in time", Send(answer()[:20]), Wait(1.0), Send(answer()[20:])),
    _late("no end of the body in time", Send(HALF), Wait(1.0), Send(b"x" * 500)),
    _late("a body that trickles longer than the time", SendInPieces(answer(b"x" * 100), 1, 0.02)),
    _late(
        "chunks that trickle longer than the time",
        SendInPieces(chunked(*[b"1", b"x"] * 100, b"0", b""), 6, 0.02),
    ),
    _late(
        "interim answers longer than the time",
        SendInPieces(message("HTTP/1.1 102 Processing") * 40, 27, 0.02),
    ),
    Case(
        "a slow answer within its time",
        ((Read(), Send(answer()[:-1]), Wait(0.3), Send(b"k")),),
        (Ask(Answer(within_s=(0.28, 1.5)), options={"timeout": 2.0}),),
    ),
    Case(
        "an upload that is not read in time",
        ((Wait(1.2), Reset()), _NEXT),
        (
            Ask(
                Failure(LATE, within_s=SOON),
                method="POST",
                options={"data": b"x" * 20_000_000, **IMPATIENT},
            ),
            Ask(),
        ),
        requests=1,
    ),
    Case(
        "a timeout of the scenario's own",
        ((Read(), Wait(1.0), Send(answer())), _NEXT),
        (Ask(CutOff(), cut_off_s=0.2), Ask(pause_s=1.0)),
    ),
    Case(
        "a timeout of the scenario's own in the body",
        ((Read(), Send(HALF), Wait(1.0), Send(b"x" * 500)), _NEXT),
        (Ask(CutOff(), cut_off_s=0.2), Ask(pause_s=1.0)),
    ),
)
