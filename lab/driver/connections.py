"""Connections of users: opened before the first request, and closed when a user has ended.

The clients of Locust offer no public way to open a connection without a request, which would
count: this is the only module that uses their private attributes (geventhttpclient, urllib3).
"""

from __future__ import annotations

import contextlib
from typing import Any

from locust import User
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession

from lab.driver.client import LeanHttpSession


def connect(user: User) -> None:
    """Open a user's connection and send nothing; what fails here fails at its first request."""
    client = getattr(user, "client", None)
    with contextlib.suppress(Exception):
        if isinstance(client, FastHttpSession):
            sockets = client.client.clientpool.get_client(str(client.base_url))._connection_pool
            sockets.return_socket(sockets.get_socket())
        elif isinstance(client, HttpSession):
            adapter: Any = client.get_adapter(client.base_url)
            connections = adapter.poolmanager.connection_from_url(client.base_url)
            connection = connections._get_conn()
            connection.connect()
            connections._put_conn(connection)
        elif isinstance(client, LeanHttpSession):
            client.connect()


def disconnect(user: User) -> None:
    """Close a user's connections, which would otherwise stay open until it is collected."""
    client = getattr(user, "client", None)
    for closer in (getattr(client, "client", None), client):
        close = getattr(closer, "close", None)
        if callable(close):
            with contextlib.suppress(Exception):
                close()
