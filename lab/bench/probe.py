"""Open-loop load: a request every few milliseconds, whether or not the last one was answered, so that a stall is seen whole."""

import select
import socket
import threading
import time


def request_bytes(method: str, path: str, key: str, body: str = "") -> bytes:
    """One request as it goes over the wire."""
    return (f"{method} {path} HTTP/1.1\r\nHost: gate\r\nX-API-Key: {key}\r\n"
            + (f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else "") + f"\r\n{body}").encode()


class Probe:
    """Sends these requests in turn over one connection, from a thread, until it is stopped."""

    def __init__(self, port: int, requests: list, every: float = 0.002, expected: tuple = (200, 204)):
        """Begins at once."""
        self.latencies: list = []   # (when it was due, seconds until its answer was there)
        self.failures: list = []
        self._waiting: list = []    # when each was due that is not answered yet
        self._every, self._requests, self._expected = every, requests, expected
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(port,), daemon=True)
        self._thread.start()

    def stop(self) -> "Probe":
        """Ends it when what was sent is answered."""
        self._over.set()
        self._thread.join()
        return self

    def longest_ms(self, since: float = 0.0, until: float = float("inf")) -> float:
        """The longest latency of requests that were due in this time, in milliseconds."""
        now, waiting = time.monotonic(), list(self._waiting)
        taken = list(self.latencies) + [(due, now - due) for due in waiting]
        return max((took for due, took in taken if since <= due <= until), default=0.0) * 1e3

    def catch_up(self, seconds: float = 30, behind: float = 0.02) -> None:
        """Waits until nothing is older than a moment: what a stall has held up is answered one by one."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit and any(due < time.monotonic() - behind for due in self._waiting[:1]):
            time.sleep(0.01)

    def _run(self, port: int) -> None:
        """Sends and receives, and begins anew when a connection ends, which counts as a failure."""
        while not self._over.is_set():
            with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.setblocking(False)
                try:
                    self._converse(connection)
                except OSError as error:
                    self.failures.append(repr(error))
                    time.sleep(0.05)

    def _converse(self, connection: socket.socket) -> None:
        """One connection's requests and answers."""
        waiting, out, incoming, sent, due = self._waiting, b"", b"", 0, time.monotonic()
        waiting.clear()
        limit = None
        while True:
            now = time.monotonic()
            while due <= now and not self._over.is_set():
                waiting.append(due)
                out += self._requests[sent % len(self._requests)]
                sent, due = sent + 1, due + self._every
            if self._over.is_set():
                limit = limit or now + 10
                if not waiting or now > limit:
                    self.failures += ["no answer"] * len(waiting)
                    return
            readable, writable, _ = select.select([connection], [connection] if out else [], [], max(0.0, min(due - now, 0.05)))
            if writable:
                out = out[connection.send(out):]
            if readable:
                piece = connection.recv(262144)
                if not piece:
                    raise ConnectionError(f"closed with {len(waiting)} requests unanswered")
                incoming = self._answers(incoming + piece, waiting)

    def _answers(self, incoming: bytes, waiting: list) -> bytes:
        """Takes whole answers from what has arrived; returns what is left of it."""
        while True:
            head, found, rest = incoming.partition(b"\r\n\r\n")
            if not found:
                return incoming
            fields = head.lower().split(b"\r\n")
            length = next((int(each[15:]) for each in fields if each.startswith(b"content-length:")), 0)
            if len(rest) < length:
                return incoming
            incoming, due = rest[length:], waiting.pop(0)
            self.latencies.append((due, time.monotonic() - due))
            status = int(fields[0].split()[1])
            if status not in self._expected:
                self.failures.append(f"{status} {rest[:length][:200]!r}")
