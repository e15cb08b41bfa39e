"""What every stand-in is made of: routes, state, a log of what came, faults on order.

A module `lab/standins/P.py` has `class Api(StandIn)`:

    class Api(StandIn):
        prefix = "/v1"

        def seed(self):
            self.zones = {}
            for zone, name, kind, value in demo_records():   # rows of lab/zones.toml, one a value
                ...self.take_id("record")...                 # 1, 2, 3: the same in every run

        def credential(self, headers, body):
            return headers.get("accesskey") == self.secret

        @route("GET", "/zones/{zone_id:int}/records")
        def records(self, request):
            return Response(200, {"records": [...]})

        def unauthorized(self, request): ...    # and not_found, wrong_method: the provider's own error shapes

Handlers run one at a time, so that they need no locks. Tests call `fail` to order faults, or say so over the control port.
"""

import json
import re
import socket
import socketserver
import ssl
import threading
import time
import tomllib
import traceback
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path

from .. import paths

ARGUMENTS = {"": "[^/]+", "int": "[0-9]+", "path": ".+"}
"""What a path argument of each type matches: `{name}` one segment, `{name:int}` a number, `{name:path}` all the rest."""

NO_ROUTE = "X-Stand-In-Has-No-Route"
"""A header of answers to what no route is for: the stand-in lacks something, or the gate let through what it should not."""

HEAD_BYTES_MAX = 1 << 20
"""The longest head of a request."""


@dataclass
class Request:
    """One request as a handler gets it; the path is without the prefix and the query."""

    method: str
    path: str
    query: dict
    headers: dict
    body: bytes
    path_args: dict = field(default_factory=dict)
    target: str = ""
    received: list = field(default_factory=list)

    def json(self):
        """The body as JSON; `None` where it is none (most providers then answer 400 or 422)."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def first(self, name: str, default=None):
        """The first value of a query parameter."""
        return self.query.get(name, [default])[0]

    def number(self, name: str, default: int) -> int:
        """The first value of a query parameter as a number; the default where it is none."""
        text = self.first(name, "")
        return int(text) if text.isdecimal() else default


@dataclass
class Response:
    """An answer: JSON of anything that is not text or bytes."""

    status: int
    content: object = b""
    headers: dict = field(default_factory=dict)

    def body(self) -> bytes:
        """The bytes of the content; JSON is compact and keeps the order of its keys."""
        if isinstance(self.content, bytes):
            return self.content
        if isinstance(self.content, str):
            return self.content.encode()
        return json.dumps(self.content, separators=(",", ":"), ensure_ascii=False).encode()

    def content_type(self) -> str:
        """JSON, or plain text for text."""
        return "text/plain" if isinstance(self.content, (bytes, str)) else "application/json"


@dataclass
class Logged:
    """One request as it came: headers in their order and spelling, so that nothing that came can hide."""

    method: str
    path: str
    headers: list
    body: bytes

    def header(self, name: str) -> list:
        """All values of a header."""
        return [value for have, value in self.headers if have.lower() == name.lower()]

    def raw(self) -> str:
        """All of it as one text, to be searched for what must not be there."""
        lines = [f"{self.method} {self.path}", *(f"{name}: {value}" for name, value in self.headers)]
        return "\n".join(lines) + "\n\n" + self.body.decode(errors="replace")


@dataclass
class Fault:
    """What the next matching requests get instead of, or around, their answer.

    `status` and `body`: answered so, the handler does not run. `delay`: seconds before the answer. `close`: the connection
    ends without one. `garbage`: bytes that are no HTTP. `cut`: the answer ends in the middle. `oversized`: the answer is
    padded with blanks to so many bytes. `swap`: a pair of texts, the first replaced by the second in the answer.
    `headers`: added to the answer. `method` and `prefix`: only these requests (the prefix with the stand-in's own).
    """

    count: int = 1
    status: int = 0
    body: object = ""
    delay: float = 0
    close: bool = False
    garbage: bool = False
    cut: bool = False
    oversized: int = 0
    swap: tuple = ()
    headers: dict = field(default_factory=dict)
    method: str = ""
    prefix: str = ""

    def matches(self, method: str, path: str) -> bool:
        """Whether it is for this request, now."""
        return self.count > 0 and self.method in ("", method) and path.startswith(self.prefix)


def route(method: str, path: str, open_to_all: bool = False):
    """Registers a handler; `open_to_all` routes are answered without a credential, as a login is."""
    def mark(handler):
        """Notes the route at the function; one function may have several."""
        handler.routes = [*getattr(handler, "routes", []), (method, path, open_to_all)]
        return handler
    return mark


class StandIn:
    """One provider's API. `zones` is its state, `log` what came, `secret` the one credential that it takes.

    A credential of two parts (key and secret, user and password) is one text with a colon between them.
    """

    prefix = ""

    def __init__(self, secret: str | None = None):
        """Makes the state; `start` listens."""
        self.name = type(self).__module__.rsplit(".", 1)[-1]
        self.secret = secret or f"real-{self.name}-key:real-{self.name}-secret"
        self.zones, self.log, self.faults, self._counters = {}, [], [], {}
        self._lock, self._servers = threading.RLock(), []
        self._routes = [(method, _pattern(self.prefix + path), open_to_all, handler)
                        for name in dir(type(self)) if callable(handler := getattr(self, name))
                        for method, path, open_to_all in getattr(handler, "routes", [])]
        # The route with the fewest arguments first: /zones/import before /zones/{id}.
        self._routes.sort(key=lambda each: (each[1].groups, -len(each[1].pattern)))
        self.reset()

    # What a provider's module overrides.

    def seed(self) -> None:
        """Fills `self.zones` with the demo zones."""

    def credential(self, headers: dict, body: bytes) -> bool:
        """Whether a request carries the one real credential."""
        raise NotImplementedError

    def unauthorized(self, request: Request) -> Response:
        """The answer without a credential, in the provider's shape."""
        return Response(401, {"message": "Unauthorized"})

    def not_found(self, request: Request) -> Response:
        """The answer where no route matches."""
        return Response(404, {"message": "Not Found"})

    def wrong_method(self, request: Request) -> Response:
        """The answer where only other methods match."""
        return Response(405, {"message": "Method Not Allowed"})

    # What handlers use.

    def take_id(self, kind: str = "", first: int = 1, step: int = 1) -> int:
        """The next number of this kind, the same in every run."""
        self._counters[kind] = self._counters.get(kind, first - step) + step
        return self._counters[kind]

    # What tests use.

    def reset(self) -> None:
        """The state as at the start; no log, no faults."""
        with self._lock:
            self.zones, self._counters = {}, {}
            self.log.clear()
            self.faults.clear()
            made = self.seed()
            if made is not None:
                self.zones = made

    def fail(self, **options) -> Fault:
        """Orders a fault (see `Fault`) for the next requests that it matches; the earliest order counts first."""
        fault = Fault(**options)
        with self._lock:
            self.faults.append(fault)
        return fault

    def start(self, port: int = 0, tls: tuple | None = None, control_port: int = 0) -> "StandIn":
        """Listens on 127.0.0.1, with TLS if there are (certificate, key); the control port is always plain HTTP."""
        context = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*map(str, tls))
        for wanted, answer, secured in ((port, self._serve, context), (control_port, self._control, None)):
            server = _Server(wanted, answer, secured)
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            self._servers.append(server)
        self.port, self.control_port = (server.server_address[1] for server in self._servers)
        return self

    def stop(self) -> None:
        """Stops listening."""
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._servers = []

    # How it answers.

    def handle(self, request: Request) -> Response:
        """The answer of the route that matches, to a request whose path still has the prefix."""
        path = request.path
        matching = [(route_method, match, open_to_all, handler) for route_method, pattern, open_to_all, handler in self._routes
                    if (match := pattern.fullmatch(path))]
        request.path = path.removeprefix(self.prefix)
        chosen = next((each for each in matching if each[0] == request.method), None)
        with self._lock:
            if not (chosen and chosen[2]) and not self.credential(request.headers, request.body):
                return self.unauthorized(request)
            if not chosen:
                answer = self.wrong_method(request) if matching else self.not_found(request)
                answer.headers = {**answer.headers, NO_ROUTE: "1"}
                return answer
            request.path_args = _arguments(chosen[1])
            try:
                return chosen[3](request)
            except Exception as error:   # a mistake in the stand-in: seen in the test's output, and no hang
                traceback.print_exc()
                return Response(500, {"message": f"the stand-in has a fault: {error!r}"})

    def _serve(self, connection: "_Connection", request: Request) -> bool:
        """Answers one request of a client; false ends the connection."""
        with self._lock:
            self.log.append(Logged(request.method, request.target, request.received, request.body))
            fault = next((each for each in self.faults if each.matches(request.method, request.path)), None)
            if fault:
                fault.count -= 1
        if fault is None:
            return connection.answer(request, self.handle(request))
        time.sleep(fault.delay)
        if fault.close:
            return False
        if fault.garbage:
            connection.send(b"\x00\x01 this is no HTTP\r\n\r\n")
            return False
        response = Response(fault.status, fault.body) if fault.status else self.handle(request)
        return connection.answer(request, _faulty(response, fault), fault.cut)

    def _control(self, connection: "_Connection", request: Request) -> bool:
        """Obeys a test: POST /fail (the fields of `Fault`), POST /reset, POST /clear (the log), GET /log."""
        order = (request.method, request.path)
        if order == ("POST", "/fail"):
            self.fail(**(request.json() or {}))
        elif order == ("POST", "/reset"):
            self.reset()
        elif order == ("POST", "/clear"):
            self.log.clear()
        elif order == ("GET", "/log"):
            with self._lock:
                shown = [{"method": each.method, "path": each.path, "headers": each.headers,
                          "body": each.body.decode(errors="replace")} for each in self.log]
            return connection.answer(request, Response(200, shown))
        else:
            return connection.answer(request, Response(404, {"message": "no such order"}))
        return connection.answer(request, Response(204))


def _pattern(path: str) -> re.Pattern:
    """A route's path as a pattern; each argument's type is the part of its group's name before `__`."""
    def argument(found: re.Match) -> str:
        """One argument as a group."""
        return f"(?P<{found[2] or 'text'}__{found[1]}>{ARGUMENTS[found[2] or '']})"
    return re.compile("".join(part if part.startswith("(?P<") else re.escape(part)
                              for part in re.split(r"(\(\?P<[^)]*\))", re.sub(r"\{(\w+):?(\w*)\}", argument, path))))


def _arguments(match: re.Match) -> dict:
    """The arguments of a match, percent-decoded, numbers as numbers."""
    found = {}
    for group, value in match.groupdict().items():
        kind, _, name = group.partition("__")
        found[name] = int(value) if kind == "int" else urllib.parse.unquote(value)
    return found


def _faulty(response: Response, fault: Fault) -> Response:
    """The answer with what a fault does to its body and headers."""
    body = response.body()
    if fault.swap:
        old, new = fault.swap
        body = body.replace(old.encode(), new.encode())
    headers = {"Content-Type": response.content_type(), **response.headers, **fault.headers}
    return Response(response.status, body.ljust(fault.oversized), headers)


class _Connection:
    """One connection of a client: reads requests, writes answers, keeps alive."""

    def __init__(self, stream: socket.socket):
        """Over this socket."""
        self.stream, self.file = stream, stream.makefile("rb")

    def requests(self):
        """The requests until the peer ends."""
        while True:
            words = self._line().split(" ")
            if len(words) != 3:
                return
            received = []
            while line := self._line():
                name, _, value = line.partition(":")
                received.append((name.strip(), value.strip()))
            headers = {}
            for name, value in received:
                key = name.lower()
                headers[key] = f"{headers[key]}, {value}" if key in headers else value
            if headers.get("expect", "").lower() == "100-continue":
                self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            path, _, query = words[1].partition("?")
            yield Request(words[0], path, urllib.parse.parse_qs(query, keep_blank_values=True), headers,
                          self._body(headers), target=words[1], received=received)

    def _line(self) -> str:
        """One line of a head, without its end."""
        return self.file.readline(HEAD_BYTES_MAX).decode("latin-1").rstrip("\r\n")

    def _body(self, headers: dict) -> bytes:
        """A request's body, by length or in chunks."""
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return self.file.read(int(headers.get("content-length") or 0))
        body = b""
        while size := int(self._line().split(";")[0] or "0", 16):
            body += self.file.read(size)
            self._line()
        while self._line():
            pass
        return body

    def answer(self, request: Request, response: Response, cut: bool = False) -> bool:
        """Writes an answer in one piece; whether the connection goes on."""
        body = response.body()
        bare = response.status in (204, 304)
        headers = {} if bare else {"Content-Type": response.content_type()}
        given = {name.lower() for name in response.headers}
        headers = {name: value for name, value in headers.items() if name.lower() not in given}
        headers.update(response.headers)
        if not bare:
            headers["Content-Length"] = str(len(body))
        head = f"HTTP/1.1 {response.status} {_reason(response.status)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
        sent = b"" if bare or request.method == "HEAD" else body
        self.send(head.encode("latin-1") + (sent[:len(sent) // 2] if cut else sent))
        return not cut and request.headers.get("connection", "").lower() != "close"

    def send(self, data: bytes) -> None:
        """Sends these bytes."""
        self.stream.sendall(data)


class _Server(socketserver.ThreadingTCPServer):
    """Takes connections of 127.0.0.1, each in a thread of its own."""

    daemon_threads, allow_reuse_address, request_queue_size, block_on_close = True, True, 256, False

    def __init__(self, port: int, answer, context: ssl.SSLContext | None):
        """`answer(connection, request)` answers each request."""
        self.answer, self.context, self._open = answer, context, set()
        super().__init__(("127.0.0.1", port), None)

    def finish_request(self, request, client_address) -> None:
        """Serves one connection; the handshake is in its thread, so that it holds nobody else up."""
        try:
            request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.context:
                request = self.context.wrap_socket(request, server_side=True)
            self._open.add(request)
            connection = _Connection(request)
            for each in connection.requests():
                if not self.answer(connection, each):
                    break
        except (OSError, ValueError):
            pass
        finally:
            self._open.discard(request)
            request.close()

    def server_close(self) -> None:
        """Stops listening and ends the connections."""
        super().server_close()
        for each in list(self._open):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


_REASONS = {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 400: "Bad Request", 401: "Unauthorized",
            403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 409: "Conflict", 422: "Unprocessable Entity",
            429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable"}
"""Reason phrases of the usual statuses."""


def _reason(status: int) -> str:
    """The reason phrase of a status."""
    return _REASONS.get(status, "Other")


def demo_zones() -> dict:
    """lab/zones.toml: zone to its rows [name relative to the zone ("@" is the zone itself), type, value, value...]."""
    return tomllib.loads((Path(paths.ROOT) / "lab" / "zones.toml").read_text())


def demo_records() -> list:
    """The same as (zone, name, type, value), one a value, in the file's order; values as in a zone file."""
    return [(zone, name, kind, value) for zone, rows in demo_zones().items() for name, kind, *values in rows for value in values]


def unquoted(value: str) -> str:
    """A TXT value without zone-file quoting, for providers that take it raw."""
    parts = re.findall(r'"((?:[^"\\]|\\.)*)"', value)
    return re.sub(r"\\(.)", r"\1", "".join(parts)) if parts else value


def relative(name: str, zone: str, apex: str = "@") -> str:
    """A full name as relative to its zone."""
    name, zone = name.rstrip(".").lower(), zone.rstrip(".").lower()
    return apex if name == zone else name.removesuffix(f".{zone}")


def absolute(name: str, zone: str) -> str:
    """A relative name as a full one, without the final dot."""
    return zone if name in ("", "@") else f"{name}.{zone}"
