"""Arguments of a request that `requests` knows and the lean client does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_REMEDIES = {
    "stream": "answers are read whole; leave it out",
    "proxies": "proxies are not supported; leave it out",
    "cert": "set ssl_context_factory of the user class, with a context that has loaded it",
    "hooks": "listen to the event `request` of Locust",
}


def refuse(others: Mapping[str, Any]) -> None:
    """Refuse arguments by name, unless they change nothing.

    Raises:
        TypeError: With the name, and what to do instead.
    """
    for name, value in others.items():
        if name not in _REMEDIES:
            raise TypeError(f"LeanHttpUser knows no argument {name}= of a request")
        if value:
            raise TypeError(f"LeanHttpUser does not support {name}=: {_REMEDIES[name]}")
