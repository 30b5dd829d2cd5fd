"""Reads the keys of `lab.toml`, each by itself, and then checks what they say together."""

from lab.system.parser.top_level import parse_system

__all__ = ["parse_system"]
