"""nginx, with a configuration that answers what the generated requests ask."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
from pathlib import Path

from tests.conformance.real.application import numbered
from tests.conformance.real.generated_requests import MOST_HOPS, REDIRECTS, SIZES, STATUSES

_HEAD = """\
daemon off;
{user}
worker_processes 1;
pid {folder}/pid;
error_log stderr error;
worker_rlimit_nofile 10000;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  default_type "text/plain";
  charset utf-8;
  server_tokens off;
  keepalive_requests 1000000000;
  {http}
  server {{
    listen 127.0.0.1:{port} {listen};
    root {folder}/files;
    {server}
  }}
}}
"""

_ANSWERS = r"""
    location /echo/ {
      return 200 "$request_method|$uri|$args|$http_x_one|$http_x_two|$http_cookie|$content_type\n";
    }
    location /gzip/ { gzip on; gzip_min_length 0; gzip_types *; }
    location = /latin { charset iso-8859-1; }
    location = /empty/204 { add_header X-Empty yes; return 204; }
    location ~ ^/cookies/([a-z]+)/([A-Za-z0-9]+)$ {
      add_header Set-Cookie "$1=$2; Path=/"; add_header Set-Cookie "z=1; Path=/"; return 200 "set";
    }
"""


def find_nginx() -> str | None:
    """The path of the program; it is not on every user's PATH."""
    return shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")


def command(folder: Path, port: int) -> list[str]:
    """Write files and configuration for the generated requests; how nginx is started with them."""
    files = folder / "files"
    for kind in ("bytes", "gzip"):
        (files / kind).mkdir(parents=True)
        for size in SIZES:
            (files / kind / str(size)).write_bytes(numbered(size))
    (files / "latin").write_bytes("déjà".encode("latin-1"))
    locations = [_ANSWERS]
    for status in STATUSES:
        locations.append(f'location = /status/{status} {{ return {status} "status {status}"; }}')
    for status in REDIRECTS:
        for hops in range(1, MOST_HOPS + 1):
            to = f"/redirect/{status}/{hops - 1}" if hops > 1 else "/echo/end?of=redirects"
            location = f"location = /redirect/{status}/{hops} {{ return {status} {to}; }}"
            locations.append(location)
    return configured(folder, port, server="\n    ".join(locations))


def configured(
    folder: Path, port: int, *, server: str, http: str = "", listen: str = ""
) -> list[str]:
    """Write a configuration; how nginx is started with it.

    Raises:
        FileNotFoundError: If nginx is not installed.
    """
    program = find_nginx()
    if program is None:
        raise FileNotFoundError("nginx is not installed")
    # root's worker would be another user, who cannot read the files of a test
    user = "" if os.getuid() else f"user {pwd.getpwuid(0).pw_name} {grp.getgrgid(0).gr_name};"
    file = folder / "nginx.conf"
    file.write_text(
        _HEAD.format(folder=folder, port=port, http=http, listen=listen, server=server, user=user)
    )
    return [program, "-p", str(folder), "-c", str(file), "-e", "stderr"]
