"""The folders below those of an area hold inputs: no tests, and conftest.py files of their own."""

from tests.lab.cli.conftest import own_lock, signal_handlers

__all__ = ["own_lock", "signal_handlers"]

collect_ignore_glob = ["*/*"]
