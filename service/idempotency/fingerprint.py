"""A fingerprint that distinguishes two payloads."""

import hashlib
import json


def fingerprint(payload: object) -> bytes:
    """A digest of JSON data that changes with every value, and not with the order of keys."""
    canonical = json.dumps(payload, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).digest()
