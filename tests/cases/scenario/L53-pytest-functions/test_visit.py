"""No user class at all: functions in the manner of pytest, which Locust makes users of."""
import time


def test_visit(fastsession):
    answer = fastsession.get("/item")
    answer.raise_for_status()
    with fastsession.get("/basket", catch_response=True) as answer:
        if "total" not in answer.text:
            answer.failure("no total")
    time.sleep(0.1)
