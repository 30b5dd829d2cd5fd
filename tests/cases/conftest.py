"""The folders below those of an area hold inputs: no tests, and conftest.py files of their own."""

collect_ignore_glob = ["*/*"]
