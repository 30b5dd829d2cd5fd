"""Certificates for servers of the tests, made by `openssl`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_HERE = "subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost"
_SIGNED = {  # by the tests' authority: names, and for how many days
    "good": (_HERE, 30),
    "other-name": ("subjectAltName=DNS:other.example", 30),
    "expired": (_HERE, -1),
}
AUTHORITY = "authority.pem"


def make_certificates(folder: Path) -> bool:
    """Make NAME.pem and NAME.key of every kind, and `AUTHORITY`; False if there is no openssl."""
    if shutil.which("openssl") is None:
        return False
    _openssl(
        folder,
        *("req", "-x509", *_KEY, "-keyout", "authority.key", "-out", AUTHORITY),
        *("-subj", "/CN=authority of the tests", "-days", "30"),
    )
    _openssl(
        folder,
        *("req", "-x509", *_KEY, "-keyout", "self-signed.key", "-out", "self-signed.pem"),
        *("-subj", "/CN=nobody", "-days", "30", "-addext", _HERE),
    )
    for name, (names, days) in _SIGNED.items():
        (folder / "extensions").write_text(names)
        _openssl(
            folder,
            *("req", *_KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr"),
            *("-subj", f"/CN={name}"),
        )
        _openssl(
            folder,
            *("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem"),
            *("-CA", AUTHORITY, "-CAkey", "authority.key", "-CAcreateserial"),
            *("-days", str(days), "-extfile", "extensions"),
        )
    return True


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
