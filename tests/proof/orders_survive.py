"""Orders placed while the service is killed: none is lost, none is doubled."""

from __future__ import annotations

from tests.proof.record import Steps, publish
from tests.service.soak_orders import holds, survived, table

ORDERS, KILLS = 1_000, 10


def prove() -> bool:
    """A thousand orders through ten kills: each exists once, and its event was consumed once."""
    steps = Steps("orders-survive")
    figures = steps.do(f"{ORDERS} orders, {KILLS} kills", lambda: survived(ORDERS, KILLS))
    publish("orders-survive", "Orders placed while the service is killed", table(figures), steps)
    return holds(figures, ORDERS)
