"""A small ordering service."""
