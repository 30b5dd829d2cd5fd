"""What a single request says for itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from lab.driver.client.cookie_jar import Cookies


class Options(NamedTuple):
    """What a single request says for itself, as the arguments of `requests`."""

    params: Any = None
    data: Any = None
    json: Any = None
    headers: Mapping[Any, Any] | None = None
    cookies: Cookies | None = None
    files: Any = None
    auth: Any = None
    verify: bool | str | None = None


PLAIN = Options()
