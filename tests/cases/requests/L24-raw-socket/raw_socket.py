"""A client of one's own on a bare socket, which reports each exchange itself."""
import socket
import time
from urllib.parse import urlsplit

from locust import User, constant, task


class Wire:
    def __init__(self, host, requests):
        parts = urlsplit(host)
        self.where, self.requests = (parts.hostname, parts.port), requests

    def ask(self, path):
        began, problem, got = time.perf_counter(), None, b""
        try:
            with socket.create_connection(self.where, timeout=2) as line:
                line.sendall(f"GET {path} HTTP/1.0\r\nHost: shop\r\nConnection: close\r\n\r\n".encode())
                while piece := line.recv(4096):
                    got += piece
        except OSError as error:
            problem = error
        self.requests.fire(
            request_type="WIRE",
            name=path,
            response_time=(time.perf_counter() - began) * 1000,
            response_length=len(got),
            exception=problem,
            context={},
        )


class Sensor(User):
    wait_time = constant(0.2)

    def on_start(self):
        self.client = Wire(self.host, self.environment.events.request)

    @task
    def read(self):
        self.client.ask("/reading")
