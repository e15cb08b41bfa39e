"""A provider that is down, slow, or talks nonsense: the client gets an answer in time, and never what it may not see."""

import contextlib
import json
import select
import socket
import threading
import time

import pytest

from lab import gate as whole, process, upstream

from . import two
from .conftest import CHALLENGE, ZONES
from .test_secrets import wait_for

LISTING = (b'[{"id":"example.com.","name":"example.com.","kind":"Native","url":"/api/v1/servers/localhost/zones/'
           b'example.com."},{"id":"hidden.org.","name":"hidden.org.","kind":"Native"}]')
"""A listing with one zone that the key may see, and one that it may not."""


class Provider(upstream.FaultyUpstream):
    """A faulty provider in the place of PowerDNS."""

    host, key = "127.0.0.1", "the-real-credential-of-a-faulty-one"

    @property
    def api_port(self) -> int:
        """Where it listens."""
        return self.port


@pytest.fixture(scope="module")
def faulty(folder, built):
    """One gate and one provider for all these tests: starting a gate takes seconds."""
    provider = Provider(None)
    gate = whole.start(provider, folder / "faulty")
    yield gate, provider
    gate.stop()
    provider.stop()


@pytest.fixture
def behind(faulty):
    """The gate, in front of a provider that behaves so from now on."""
    def change(behave):
        """The gate and the provider."""
        faulty[1].behave = behave
        return faulty

    return change


def test_the_provider_is_down(another_gate, keys):
    """Nobody listens: 503 in no time, and the gate itself stays ready."""
    class Nobody:
        """An address where nothing is."""
        host, api_port, key = "127.0.0.1", process.free_port(), "any"

    gate = another_gate(upstream=Nobody)
    began = time.monotonic()
    for method, path, body in (("GET", ZONES, None), ("PATCH", f"{ZONES}/example.com.", CHALLENGE)):
        answer = gate.ask(method, path, key=keys["demoacmezone"], body=body)
        assert answer.status in (502, 503), answer.text
    assert time.monotonic() - began < 10
    assert gate.ask("GET", ZONES, key="wrong").status == 401
    assert gate.ready()


def test_a_slow_provider_is_given_up(another_gate, keys):
    """No answer within the route's timeout: 504, not a hang."""
    provider = Provider(lambda connection, _: time.sleep(8))
    gate = another_gate(upstream=provider, changes={"timeout: 30s ": "timeout: 2s "})
    began = time.monotonic()
    answer = gate.ask("GET", ZONES, key=keys["demoacmezone"])
    assert answer.status in (502, 503, 504), answer.text
    assert 1.5 < time.monotonic() - began < 7
    provider.stop()


def test_a_provider_that_takes_its_time_is_waited_for(behind, keys):
    """Two seconds of silence, and a body in slow pieces, are no fault."""
    def slowly(connection, _):
        """Answers late and bit by bit."""
        data = upstream.answer("200 OK", LISTING)
        time.sleep(2)
        for at in range(0, len(data), 40):
            connection.sendall(data[at:at + 40])
            time.sleep(0.05)

    gate, _ = behind(slowly)
    answer = gate.ask("GET", ZONES, key=keys["demoacmezone"])
    assert answer.status == 200 and b"example.com." in answer.body and b"hidden.org" not in answer.body


def test_a_provider_that_closes_in_the_middle(behind, keys):
    """Half a listing is never passed on as if it were one."""
    def half(connection, _):
        """Announces more than it sends."""
        connection.sendall(upstream.answer("200 OK", LISTING)[:-60])

    gate, _ = behind(half)
    try:
        answer = gate.ask("GET", ZONES, key=keys["demoacmezone"])
    except OSError:
        return   # the connection was cut: also clear to the client
    assert answer.status in (502, 503), answer.text
    assert b"hidden.org" not in answer.body


@pytest.mark.parametrize("data", [
    upstream.answer("200 OK", b"<html>hidden.org.</html>", "text/html"),
    upstream.answer("200 OK", LISTING[:-1]),
    upstream.answer("200 OK", LISTING + b"hidden.org"),
    upstream.answer("200 OK", b'{"name":"hidden.org."}'),
    upstream.answer("200 OK", b"\x1f\x8bhidden.org", extra="Content-Encoding: gzip\r\n"),
    upstream.answer("206 Partial Content", LISTING, extra="Content-Range: bytes 0-1/2\r\n"),
    upstream.answer("203 Non-Authoritative Information", LISTING),
    upstream.answer("302 Found", b"hidden.org", extra="Location: http://hidden.org/\r\n"),
    upstream.answer("500 Internal Server Error", b'{"error":"hidden.org. is locked"}'),
    upstream.answer("200 OK", b'["' + b"hidden.org." * 1_600_000 + b'"]'),
    b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[{\"na\r\nzz\r\n",
    b"nonsense\r\n\r\n",
    upstream.answer("200 OK", b""),
    upstream.answer("200 OK", LISTING, extra="Content-Encoding: identity\r\nContent-Encoding: gzip\r\n"),
    b"HTTP/1.1 304 Not Modified\r\nETag: hidden.org\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nX-Zone: hidden.org\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\nX-Zone: hidden.org\r\n\r\nhidden.org",
    b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n",
], ids=["html", "cut", "trailing", "another-shape", "compressed", "partial", "another-success", "redirect", "error-text",
        "over-the-cap", "broken-chunks", "not-http", "empty", "two-encodings", "not-modified", "no-content", "switching",
        "two-lengths"])
def test_what_cannot_be_filtered_is_not_passed(behind, keys, data):
    """Whatever the provider answers where a listing was expected, nothing unfiltered comes through."""
    gate, provider = behind(lambda connection, _: connection.sendall(data))
    answer = gate.ask("GET", ZONES, key=keys["demoacmezone"])
    assert answer.status >= 500, (answer.status, answer.text[:300])
    assert b"hidden.org" not in answer.body and "hidden.org" not in str(answer.headers)
    assert provider.key not in answer.text + str(answer.headers)
    assert gate.ready()


@pytest.mark.parametrize("status", ["100 Continue", "102 Processing", "103 Early Hints", "199 Whatever"])
def test_interim_answers_stay_behind(behind, keys, status):
    """What the provider says before its answer is not the answer, and no client sees its headers."""
    interim = f"HTTP/1.1 {status}\r\nLink: <https://hidden.org/>\r\nX-Zone: hidden.org\r\n\r\n".encode()
    gate, _ = behind(lambda connection, _: connection.sendall(interim + upstream.answer("200 OK", LISTING)))
    for answer in (gate.ask("GET", ZONES, key=keys["demoacmezone"]),
                   two.ask(gate.port, "GET", ZONES, [("x-api-key", keys["demoacmezone"])])):
        assert answer.status == 200 and b"example.com." in answer.body
        assert b"hidden.org" not in answer.body and "hidden.org" not in str(answer.headers)


@pytest.mark.parametrize("data", [b"", upstream.answer("503 Service Unavailable", b""), upstream.answer("409 Conflict", b"")],
                         ids=["closed", "unavailable", "conflict"])
def test_a_write_is_sent_once_whatever_the_client_asks(behind, keys, data):
    """Envoy would repeat and hedge what headers of its own ask for; none of them gets as far as its router."""
    gate, provider = behind(lambda connection, _: connection.sendall(data))
    provider.requests[:] = []
    headers = [("x-api-key", keys["demoacmezone"]), ("x-envoy-retry-on", "5xx,reset,retriable-4xx"), ("x-envoy-max-retries", "5"),
               ("x-envoy-upstream-rq-per-try-timeout-ms", "100"), ("x-envoy-hedge-on-per-try-timeout", "true"),
               ("x-envoy-upstream-rq-timeout-ms", "1"), ("x-envoy-original-path", "/x"), ("te", "trailers")]
    answer = two.ask(gate.port, "PATCH", f"{ZONES}/example.com.", headers, [json.dumps(CHALLENGE).encode()])
    assert answer.status in (409, 502, 503), answer.text
    assert len(provider.requests) == 1
    assert b"x-envoy" not in provider.requests[0].lower() and b"\r\nte:" not in provider.requests[0].lower()


def test_a_set_cookie_of_the_provider_stays_behind(behind, keys):
    """Nor do the headers go on that speak of the unfiltered body."""
    extra = "Set-Cookie: a=b\r\nETag: \"x\"\r\nLast-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
    gate, _ = behind(lambda connection, _: connection.sendall(upstream.answer("200 OK", LISTING, extra=extra)))
    answer = gate.ask("GET", ZONES, key=keys["demoacmezone"])
    assert answer.status == 200
    assert not {"set-cookie", "etag", "last-modified"} & set(answer.headers)
    assert int(answer.headers.get("content-length", len(answer.body))) == len(answer.body)


def test_clients_that_go_away_do_no_harm(behind, keys):
    """Forty clients hang up while the provider still thinks; the gate goes on."""
    gate, _ = behind(lambda connection, _: (time.sleep(1), connection.sendall(upstream.answer("200 OK", LISTING))))

    def impatient():
        """Asks and hangs up."""
        try:
            gate.ask("GET", ZONES, key=keys["demoacmezone"], timeout=0.3)
        except OSError:
            pass

    threads = [threading.Thread(target=impatient) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert gate.ready() and gate.program.runs()
    assert gate.ask("GET", ZONES, key=keys["demoacmezone"]).status == 200


def test_bodies_that_never_end_do_not_fill_a_worker(another_gate, keys):
    """Beyond 128 MiB of what is held the next request is refused, until something is given back."""
    gate = another_gate()
    size = 2 << 20
    head = (f"PATCH {ZONES}/example.com. HTTP/1.1\r\nHost: gate\r\nX-API-Key: {keys['demoacmezone']}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {size}\r\n\r\n").encode()
    writes = lambda: gate.ask("PATCH", f"{ZONES}/example.com.", key=keys["demoacmezone"], body=CHALLENGE)
    with contextlib.ExitStack() as stack:
        waiting = []
        for _ in range(64):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", gate.port), timeout=20))
            connection.sendall(head + b" " * (size - 1))
            waiting.append(connection)
        assert wait_for(lambda: writes().reason == "too-busy", 20), writes().text
        assert writes().status == 503 and gate.ready(), "what needs no room is not refused"
        waiting.pop().close()
        assert wait_for(lambda: writes().status == 204, 10)
        readable, _, _ = select.select(waiting, [], [], 0)
        assert not readable, "who was there first still waits"
    assert writes().status == 204
