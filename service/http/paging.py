"""How a listing continues."""

from dataclasses import dataclass
from typing import Literal

from service.http.dto import PageRequest
from service.orders.model import Page
from service.unit_of_work import Orders


@dataclass(frozen=True, slots=True)
class Paging:
    """Reads pages of orders; a listing continues in the way in which it was begun."""

    unless_asked: Literal["keyset", "offset"]

    async def read(self, orders: Orders, asked: PageRequest) -> tuple[Page, str | None]:
        """The page asked for, and the relative URL of the next one."""
        if asked.before is not None:
            page = await orders.page_before(asked.limit, asked.before)
        else:
            page = await orders.page(asked.limit, asked.offset or 0)
        return page, self._next(asked, page) if page.more else None

    def _next(self, asked: PageRequest, page: Page) -> str:
        started = asked.offset is not None or asked.before is not None
        if asked.offset is not None or (not started and self.unless_asked == "offset"):
            position = f"offset={(asked.offset or 0) + asked.limit}"
        else:
            position = f"before={page.orders[-1].id}"
        return f"/orders?limit={asked.limit}&{position}"
