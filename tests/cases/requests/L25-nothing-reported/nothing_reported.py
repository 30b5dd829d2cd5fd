"""A task that talks over a socket of its own and reports nothing at all."""
import socket
from urllib.parse import urlsplit

from locust import HttpUser, constant, task


class Sensor(HttpUser):
    wait_time = constant(0.2)

    @task
    def read(self):
        parts = urlsplit(self.host)
        with socket.create_connection((parts.hostname, parts.port), timeout=2) as line:
            line.sendall(b"GET /reading HTTP/1.0\r\nHost: shop\r\n\r\n")
            while line.recv(4096):
                pass
