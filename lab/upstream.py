"""A provider that misbehaves on demand: a small HTTP server in this process that stands where PowerDNS stands."""

import contextlib
import socket
import ssl
import threading

from . import process


class FaultyUpstream:
    """Answers each connection by `behave(connection, request bytes)`; keeps what it received in `requests`."""

    def __init__(self, behave, context: ssl.SSLContext | None = None):
        """Listens on a free port of 127.0.0.1, with TLS if there is a context."""
        self.context = context
        self.port, self.behave, self.requests = process.free_port(), behave, []
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        """Takes connections until the listener is closed."""
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        """Reads one whole request (with its body by length or in chunks) and misbehaves."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(connection)
            try:
                if self.context:
                    connection = stack.enter_context(self.context.wrap_socket(connection, server_side=True))
                request = read_request(connection)
                if request:
                    self.requests.append(request)
                    self.behave(connection, request)
            except OSError:
                pass

    def stop(self) -> None:
        """Stops listening."""
        self._listener.close()


def read_request(connection: socket.socket) -> bytes:
    """One HTTP/1.1 request as bytes; empty when the peer only connected."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    fields = {name.strip().lower(): value.strip()
              for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])}
    if fields.get(b"transfer-encoding") == b"chunked":
        while not body.endswith(b"0\r\n\r\n"):
            body += connection.recv(65536)
    while len(body) < int(fields.get(b"content-length", 0)):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def answer(status: str, body: bytes, content_type: str = "application/json", extra: str = "") -> bytes:
    """The bytes of an ordinary answer."""
    return (f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{extra}"
            "Connection: close\r\n\r\n").encode() + body
