"""Small services as people write them, well and badly, and the `lab.toml` of each."""

from __future__ import annotations

from pathlib import Path

SERVER = '''\
"""Answers with its environment. Arguments: what it does besides."""

import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import time

PORT = int(os.environ.get("PORT") or next((a for a in sys.argv if a.isdigit()), 0))
print("starting", os.getpid(), flush=True)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        settings = {name: value for name, value in os.environ.items() if name.isupper()}
        if "--other-arm" in sys.argv:
            settings["COLOUR"] = "green"
        status = 503 if "--never-ready" in sys.argv else 200
        if self.path == "/moved":
            status = 302
        said = {"pid": os.getpid(), "config": settings, "args": sys.argv[1:]}
        body = json.dumps({**said, "own": {"colour": settings.get("COLOUR")}}).encode()
        self.send_response(status)
        self.send_header("Location", "https://elsewhere.example.org/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if "--exits" in sys.argv:
    sys.exit("no configuration")
if "--stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "--forks" in sys.argv:  # a child, a grandchild in a session of its own
    code = "import os, subprocess, sys, time; os.setsid(); " \\
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); time.sleep(600)"
    subprocess.Popen([sys.executable, "-c", code])
if "--daemon" in sys.argv:  # its parent ends at once
    code = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', " \\
        "'import time; time.sleep(600)'], start_new_session=True)"
    subprocess.run([sys.executable, "-c", code], check=True)
if "--hides" in sys.argv:  # a child in a session of its own, without any environment
    code = "import time; time.sleep(600)"
    hidden = subprocess.Popen([sys.executable, "-c", code], env={}, start_new_session=True)
    with open("hidden", "w") as file:
        file.write(str(hidden.pid))
if "--fd" in sys.argv:
    listening = socket.socket(fileno=int(sys.argv[sys.argv.index("--fd") + 1]))
    server = http.server.ThreadingHTTPServer(("", 0), Handler, bind_and_activate=False)
    server.socket = listening
    listening.listen(64)
elif "--ipv6" in sys.argv:
    http.server.ThreadingHTTPServer.address_family = socket.AF_INET6
    server = http.server.ThreadingHTTPServer(("::1", PORT), Handler)
else:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
if "--writes" in sys.argv:
    written = open(sys.argv[sys.argv.index("--writes") + 1], "a")
if "--floods" in sys.argv:
    for _ in range(40):
        print("x" * 1_000_000, flush=True)
print("listening", flush=True)
server.serve_forever()
'''

LISTENING = """\
[[process]]
name = "web"
command = "python server.py {port} OPTIONS"
ready = "/"
"""


def project_of(folder: Path, toml: str) -> Path:
    """A project with the server and this `lab.toml`."""
    folder.mkdir(exist_ok=True)
    (folder / "server.py").write_text(SERVER)
    (folder / "lab.toml").write_text(toml)
    return folder


def listening(options: str = "", more: str = "") -> str:
    """The `lab.toml` of a server with these options, and more keys of its process."""
    return LISTENING.replace("OPTIONS", options) + more
