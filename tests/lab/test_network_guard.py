"""Other hosts are not reached, in whatever way they are asked for: an address of this machine that
is no loopback stands for them, and something listens there."""

from __future__ import annotations

import ipaddress
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lab import network_guard
from lab.network_guard import NetworkGuard
from tests.pages import Page, served
from tests.runs import ROOT

INTERNET, INTERNET_6 = socket.AF_INET, socket.AF_INET6


class Elsewhere:
    """Listens at an address that is not loopback, and counts what arrives."""

    def __init__(self, address: str, address_6: str | None) -> None:
        self.address, self.address_6 = address, address_6
        self.arrived: list[str] = []
        self._tcp = socket.create_server((address, 0))
        self.port = self._tcp.getsockname()[1]
        self._udp = socket.socket(INTERNET, socket.SOCK_DGRAM)
        self._udp.bind((address, self.port))
        self._sockets = [self._tcp, self._udp]
        if address_6:
            server = socket.create_server((address_6, self.port), family=INTERNET_6)
            self._sockets.append(server)
        for each in self._sockets:
            threading.Thread(target=self._listen, args=(each,), daemon=True).start()

    def _listen(self, server: socket.socket) -> None:
        while True:
            try:
                if server.type == socket.SOCK_DGRAM:
                    server.recvfrom(100)
                else:
                    server.accept()[0].close()
            except OSError:
                return
            self.arrived.append(str(server.type))

    def close(self) -> None:
        for each in self._sockets:
            each.close()


def own_addresses(family: int) -> list[str]:
    found = [
        each.address.partition("%")[0]
        for name, addresses in psutil.net_if_addrs().items()
        for each in addresses
        if each.family == family and psutil.net_if_stats()[name].isup
    ]
    parsed = [ipaddress.ip_address(each) for each in found]
    return [str(each) for each in parsed if not (each.is_loopback or each.is_link_local)]


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    addresses = own_addresses(INTERNET)
    if not addresses:
        pytest.skip("this machine has no address but loopback")
    made = Elsewhere(addresses[0], next(iter(own_addresses(INTERNET_6)), None))
    yield made
    made.close()


@pytest.fixture(scope="module")
def redirecting(elsewhere: Elsewhere) -> Iterator[str]:
    """The URL of a server on loopback that sends everybody elsewhere."""

    class Handler(Page):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("location", f"http://{elsewhere.address}:{elsewhere.port}/")
            self.send_header("content-length", "0")
            self.end_headers()

    with served(Handler) as url:
        yield url


HEAD = """\
import asyncio, http.client, ipaddress, os, socket, sys, urllib.request
HOST, PORT, HOST6, REDIRECTS = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
number = int(ipaddress.ip_address(HOST))
parts = HOST.split(".")

def tcp(host, family=socket.AF_INET):
    with socket.socket(family) as made:
        made.settimeout(2)
        made.connect((host, PORT))

def udp():
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

"""
WAYS = {
    "an address": "tcp(HOST)",
    "connect_ex": "socket.socket().connect_ex((HOST, PORT))",
    "create_connection": "socket.create_connection((HOST, PORT))",
    "a decimal address": "tcp(str(number))",
    "an octal address": "tcp('.'.join(f'0{int(p):o}' for p in parts))",
    "a hexadecimal address": "tcp(hex(number))",
    "a short address": "tcp(f'{parts[0]}.{number & 0xFFFFFF}')",
    "an IPv6 address": "tcp(HOST6, socket.AF_INET6)",
    "an IPv4-mapped address": "tcp(f'::ffff:{HOST}', socket.AF_INET6)",
    "an IPv4-mapped address in hexadecimal digits": (
        "tcp(f'::ffff:{number >> 16:x}:{number & 0xFFFF:x}', socket.AF_INET6)"
    ),
    "an address as bytes": "tcp(HOST.encode())",
    "urllib": "urllib.request.urlopen(f'http://{HOST}:{PORT}/', timeout=2)",
    "userinfo in the URL": (
        "import requests\nrequests.get(f'http://127.0.0.1:{PORT}@{HOST}:{PORT}/', timeout=2)"
    ),
    "a redirect": "urllib.request.urlopen(REDIRECTS, timeout=2)",
    "a redirect of requests": "import requests; requests.get(REDIRECTS, timeout=2)",
    "http.client": "http.client.HTTPConnection(HOST, PORT, timeout=2).request('GET', '/')",
    "a proxy": (
        "os.environ['http_proxy'] = f'http://{HOST}:{PORT}'\n"
        "urllib.request.urlopen('http://127.0.0.1:9/', timeout=2)"
    ),
    "UDP, sendto": "udp().sendto(b'x', (HOST, PORT))",
    "UDP, sendmsg": "udp().sendmsg([b'x'], [], 0, (HOST, PORT))",
    "UDP, connect": "made = udp(); made.connect((HOST, PORT)); made.send(b'x')",
    "TCP Fast Open": "socket.socket().sendto(b'x', socket.MSG_FASTOPEN, (HOST, PORT))",
    "a raw socket": "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)",
    "asyncio": "asyncio.run(asyncio.open_connection(HOST, PORT))",
    "gevent": "import gevent.socket; gevent.socket.create_connection((HOST, PORT), 2)",
    "a fork": (
        "if (pid := os.fork()) == 0:\n"
        "    try:\n        tcp(HOST)\n    except OSError as error:\n"
        "        print(type(error).__name__, error, file=sys.stderr, flush=True)\n"
        "    os._exit(1)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    ),
    "a thread": (
        "import concurrent.futures\n"
        "concurrent.futures.ThreadPoolExecutor().submit(tcp, HOST).result()"
    ),
}


def run(
    code: str, folder: Path, *arguments: str, allowed: str = ""
) -> subprocess.CompletedProcess[str]:
    file = folder / "soak_it.py"
    file.write_text(HEAD + code + "\n")
    return subprocess.run(
        [sys.executable, "-m", "lab.network_guard", str(file), *arguments],
        cwd=ROOT,
        env={**os.environ, network_guard.VARIABLE: allowed},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("way", WAYS)
def test_no_way_leads_elsewhere(
    way: str, elsewhere: Elsewhere, redirecting: str, tmp_path: Path
) -> None:
    if way == "an IPv6 address" and elsewhere.address_6 is None:
        pytest.skip("this machine has no address of IPv6 but loopback")
    arguments = (elsewhere.address, str(elsewhere.port), elsewhere.address_6 or "-", redirecting)
    done = run(WAYS[way], tmp_path, *arguments)
    assert done.returncode, done.stdout
    assert "is refused: only this machine and `allow_hosts` of lab.toml may be loaded" in (
        done.stderr
    )
    assert elsewhere.arrived == []


@pytest.mark.parametrize(
    ("host", "is_own"),
    [
        *(("localhost", True), ("LOCALHOST.", True), ("shop.localhost", True)),
        *(("127.0.0.1", True), ("127.8.0.1", True), ("::1", True)),
        *(("10.0.0.1", False), ("localhost.example.org", False), ("", False), ("::2", False)),
    ],
)
def test_this_machine_is_known_by_its_names_and_addresses(host: str, is_own: bool) -> None:
    assert network_guard.is_loopback(host) == is_own


def test_a_host_that_is_allowed_and_this_machine_are_reached(
    elsewhere: Elsewhere, redirecting: str, tmp_path: Path
) -> None:
    code = (
        "tcp(HOST); udp().sendto(b'x', (HOST, PORT))\n"
        "where = REDIRECTS.rpartition(':')[2]\n"
        "PORT = int(where)\n"
        "tcp('127.0.0.1'); tcp('localhost'); tcp('127.1'); tcp('0.0.0.0'); tcp('')"
    )
    arguments = (elsewhere.address, str(elsewhere.port), "-", redirecting)
    done = run(code, tmp_path, *arguments, allowed=elsewhere.address)
    assert done.returncode == 0, done.stderr
    assert elsewhere.arrived
    elsewhere.arrived.clear()


# -- decisions -------------------------------------------------------------------------------


def resolves(monkeypatch: pytest.MonkeyPatch, table: dict[str, list[str]]) -> None:
    def resolved(host: str) -> list[object]:
        return [ipaddress.ip_address(each) for each in table.get(host, [])]

    monkeypatch.setattr(network_guard, "_resolved", resolved)


def test_a_name_is_judged_by_all_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    resolves(
        monkeypatch,
        {"here": ["127.0.0.1", "::1"], "there": ["203.0.113.7"], "both": ["127.0.0.1", "10.0.0.1"]},
    )
    guard = NetworkGuard()
    assert guard.objection(INTERNET, ("here", 80)) is None
    for name in ("there", "both", "nowhere"):
        text = guard.objection(INTERNET, (name, 80))
        assert text is not None and text.startswith(f"a connection to {name}:80 is refused")


def test_an_allowed_name_allows_its_addresses_and_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolves(monkeypatch, {"staging.example.org": ["203.0.113.7", "2001:db8::7"]})
    guard = NetworkGuard(["Staging.example.org", "198.51.100.4"])
    assert guard.objection(INTERNET, ("staging.example.org.", 443)) is None
    assert guard.objection(INTERNET, ("203.0.113.7", 443)) is None
    assert guard.objection(INTERNET_6, ("2001:db8::7", 443, 0, 0)) is None
    assert guard.objection(INTERNET_6, ("::ffff:203.0.113.7", 443, 0, 0)) is None
    assert guard.objection(INTERNET, ("198.51.100.4", 443)) is None
    assert guard.objection(INTERNET, ("203.0.113.8", 443)) is not None


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", True),
        ("10.0.0.1", False),
        ("169.254.169.254", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("fe80::1%eth0", False),
        ("255.255.255.255", False),
    ],
)
def test_addresses(host: str, reached: bool) -> None:
    assert (NetworkGuard().objection(INTERNET_6, (host, 80, 0, 0)) is None) == reached


def test_other_families_are_refused_but_for_the_kernel() -> None:
    guard = NetworkGuard()
    assert guard.objection(socket.AF_NETLINK, (0, 0)) is None
    assert "address family" in (guard.objection(socket.AF_VSOCK, (2, 80)) or "")
    assert guard.objection(INTERNET, "no tuple") is None  # the system refuses it


def test_sockets_of_others_and_of_container_engines_are_refused(tmp_path: Path) -> None:
    def objection(path: Path, *allowed: Path) -> str:
        return NetworkGuard(map(str, allowed)).objection(socket.AF_UNIX, str(path)) or ""

    own, engine = tmp_path / "own.sock", tmp_path / "docker.sock"
    for path in (own, engine):
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    (tmp_path / "link").symlink_to(engine)
    assert objection(own) == "" and objection(tmp_path / "none") == ""
    assert "is not the scenario's own" in objection(engine)
    assert "is not the scenario's own" in objection(tmp_path / "link")
    assert NetworkGuard().objection(socket.AF_UNIX, b"\0name") is None
    if os.geteuid() == 0:
        os.chown(own, 12345, 12345)
        assert "is not the scenario's own" in objection(own)
        assert objection(own, tmp_path) == ""  # a folder of the run
