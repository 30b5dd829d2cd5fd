"""Checks of the lean client, run in a process of their own: its import patches sockets."""
