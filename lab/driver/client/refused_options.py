"""Arguments of a request that `requests` knows and the lean client does not."""

from __future__ import annotations

from typing import Any, NoReturn

_REMEDIES = {
    "stream": "answers are read whole; leave it out",
    "proxies": "proxies are not supported; leave it out",
    "cert": "set ssl_context_factory of the user class, with a context that has loaded it",
    "hooks": "listen to the event `request` of Locust",
}


def refuse(**given: Any) -> NoReturn:
    """Refuse the first of them that is not empty.

    Raises:
        TypeError: With its name, and what to do instead.
    """
    name = next(name for name, value in given.items() if value)
    raise TypeError(f"LeanHttpUser does not support {name}=: {_REMEDIES[name]}")
