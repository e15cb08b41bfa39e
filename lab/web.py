"""A small HTTP/1.1 client: ordinary requests, requests over a unix socket, and raw bytes for what no client would send."""

import contextlib
import http.client
import json
import os
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Answer:
    """One HTTP answer."""

    status: int
    headers: dict = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self):
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")

    @property
    def reason(self) -> str | None:
        """The reason code of a denial, if the body has one."""
        try:
            return self.json.get("reason")
        except (ValueError, AttributeError):
            return None


def _read(stream: socket.socket, method: str = "GET") -> Answer:
    """Reads one answer from a socket."""
    answer = http.client.HTTPResponse(stream, method=method)
    answer.begin()
    headers = {name.lower(): value for name, value in answer.getheaders()}
    return Answer(answer.status, headers, answer.read())


def ask(port: int, method: str, path: str, key: str | None = None, body=None, headers: dict | None = None,
        timeout: float = 20, host: str = "127.0.0.1") -> Answer:
    """One request, by default to 127.0.0.1; a body that is not bytes is sent as JSON; the key goes into X-API-Key."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    sent = dict(headers or {})
    if key is not None:
        sent["X-API-Key"] = key
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        sent.setdefault("Content-Type", "application/json")
    # An answer may come before the whole body was sent (413, 401); then sending fails and the answer is to be read.
    try:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request(method, path, body=body, headers=sent)
        return _read(connection.sock, method)
    finally:
        connection.close()


def ask_tls(port: int, host: str, context: ssl.SSLContext, method: str, path: str, body=None, headers: dict | None = None,
            timeout: float = 20) -> Answer:
    """One request by TLS to 127.0.0.1 as if this host were there: its name is asked for, and verified as `context` says."""
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=timeout)
    connection.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=timeout), server_hostname=host)
    try:
        connection.request(method, path, body=None if body is None else json.dumps(body), headers={"Host": host, **(headers or {})})
        return _read(connection.sock, method)
    finally:
        connection.close()


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path):
        """To the socket at this path, which may be longer than a socket's address can be."""
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self) -> None:
        """Connects by way of the folder's descriptor, which is always short."""
        folder = os.open(self.path.parent, os.O_PATH)
        try:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(10)
            self.sock.connect(f"/proc/self/fd/{folder}/{self.path.name}")
        finally:
            os.close(folder)


def ask_unix(path: Path, method: str, target: str) -> Answer:
    """One request over a unix socket, such as Envoy's admin interface."""
    connection = _UnixConnection(path)
    try:
        connection.request(method, target)
        return _read(connection.sock, method)
    finally:
        connection.close()


def ask_raw(port: int, data: bytes | list, timeout: float = 20) -> Answer:
    """Sends exactly these bytes (a list: piece by piece, each in a segment of its own) and reads one answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for piece in [data] if isinstance(data, bytes) else data:
                connection.sendall(piece)
        return _read(connection)
