"""Generated requests, and what every answer must meet: for the short check and for the proof."""

from __future__ import annotations

import random
from typing import Any

import httpx
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import APIOperation, Case, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
Operation = APIOperation[Any, Any, Any, Any]
ORDERS = 3  # shipped at once, so that the streams of their progress end


def document(url: str) -> list[Operation]:
    """The operations of a service that has a few orders."""
    for _ in range(ORDERS):
        order = {"customer_id": 1, "lines": [{"sku": "SKU-1", "quantity": 1}]}
        httpx.post(f"{url}/orders", json=order).raise_for_status()
    loaded = openapi.from_url(f"{url}/openapi.json")
    return [found.ok() for found in loaded.get_all_operations() if isinstance(found, Ok)]


def examine(operation: Operation, cases: int, seeded: int = 1) -> int:
    """Check so many answers of an operation, half to valid and half to broken requests."""
    examined = 0
    chance = random.Random(seeded)

    def check(case: Case[Any]) -> None:
        nonlocal examined
        _aim(case, chance)
        case.call_and_validate(checks=CHECKS)
        examined += 1

    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        if mode is GenerationMode.NEGATIVE and not _can_be_broken(operation):
            continue
        quietly = settings(
            max_examples=cases // 2,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        seed(seeded)(quietly(given(operation.as_strategy(generation_mode=mode))(check)))()
    return examined


def _can_be_broken(operation: Operation) -> bool:
    return bool(operation.body) or any(operation.iter_parameters())


def _aim(case: Case[Any], chance: random.Random) -> None:
    """Let half of the valid ids be of orders that exist: else there would be nothing but 404."""
    order_id = (case.path_parameters or {}).get("order_id")
    if isinstance(order_id, int) and 1 <= order_id < 2**62 and chance.random() < 0.5:
        case.path_parameters["order_id"] = order_id % ORDERS + 1
