"""The wasi:http gates under attack: what goes up, and when; what comes down, and what becomes of both when one end breaks off.

A provider that does as a test tells it stands behind; it keeps every byte that it receives.
"""

import concurrent.futures
import json
import socket
import struct
import time

import pytest

from lab import hosts, paths, upstream, web

from .conftest import ADDRESS, CHALLENGE, ZONES
from .test_faults import LISTING, Provider
from .test_lookups import KNOWN, REPLACE
from .test_protocol import BODY_BYTES_MAX, head, padded

ZONE = f"{ZONES}/example.com."
"""What most requests are about."""

WRITTEN = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
"""The answer to a write."""

GOES_UP = {b"host", b"accept", b"user-agent", b"content-type", b"content-length", b"x-api-key"}
"""The headers that may reach the provider, and no others."""


def serve(connection, request: bytes) -> None:
    """A provider as it should be: it has one zone, and takes every write."""
    if request.startswith(b"GET " + ZONES.encode() + b" "):
        connection.sendall(upstream.answer("200 OK", LISTING))
    elif request.startswith(b"GET "):
        connection.sendall(upstream.answer("200 OK", json.dumps(KNOWN).encode()))
    else:
        connection.sendall(WRITTEN)


@pytest.fixture(scope="module", params=["wasi-http", "middleware"])
def running(request, folder, component_built):
    """Each gate with its provider."""
    provider = Provider(serve)
    gate = hosts.Gate(request.param, provider, folder / f"attacked-{request.param}")
    yield gate, provider
    gate.stop()
    provider.stop()


@pytest.fixture
def pair(running):
    """The same, with nothing received."""
    running[1].requests[:], running[1].behave = [], serve
    return running


@pytest.fixture
def middleware(pair, request):
    """The same, where the test is about WASI 0.3 alone."""
    if "middleware" not in request.node.name:
        pytest.skip("WASI 0.2 has no such thing")
    return pair


def fields(request: bytes) -> list:
    """The headers of a received request: lower-case names, and values."""
    lines = request.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    return [(name.lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)]


def test_exactly_the_grant_goes_up(pair, keys):
    """Whatever else a client says stays behind; the credential goes up once, and the key never."""
    gate, provider = pair
    more = {"Cookie": "a=b", "X-Forwarded-For": "192.0.2.66", "X-Real-IP": "192.0.2.66", "Accept-Encoding": "gzip",
            "Range": "bytes=0-1", "If-None-Match": "*", "X-HTTP-Method-Override": "DELETE", "Prefer": "x",
            "X-Request-Id": "mine", "X-Envoy-Original-Path": "/api", "Content-Encoding": "identity", "TE": "trailers"}
    answer = gate.ask("PATCH", ZONE, keys["demoacmehost"], CHALLENGE, more)
    assert answer.status == 204, answer.text
    [received] = provider.requests
    sent = fields(received)
    assert {name for name, _ in sent} <= GOES_UP, sent
    assert len(sent) == len({name for name, _ in sent}), sent
    assert dict(sent)[b"x-api-key"] == provider.key.encode()
    assert dict(sent)[b"host"] == f"127.0.0.1:{provider.port}".encode()
    assert keys["demoacmehost"].encode() not in received
    assert received.startswith(f"PATCH {ZONE} HTTP/1.1\r\n".encode())
    assert json.loads(received.partition(b"\r\n\r\n")[2]) == CHALLENGE


def test_nothing_goes_up_without_a_grant(pair, keys):
    """Wrong keys, two of them, what no policy allows, and what is not understood."""
    gate, provider = pair
    key = keys["demoacmehost"]
    twice = head("GET", ZONE, key, f"X-API-Key: {key}", "Connection: close")
    assert web.ask_raw(gate.port, twice).status == 401
    assert web.ask_raw(gate.port, head("GET", ZONE, provider.key, f"X-API-Key: {key}", "Connection: close")).status == 401
    assert gate.ask("GET", ZONE).status == 401
    assert gate.ask("GET", ZONE, provider.key).status == 401
    assert gate.ask("GET", ZONE, key[:-1] + "x").status == 401
    assert gate.ask("PATCH", ZONE, key, ADDRESS).status == 403
    assert gate.ask("PATCH", ZONE, key, {"rrsets": [*CHALLENGE["rrsets"], *ADDRESS["rrsets"]]}).status == 403
    assert gate.ask("DELETE", ZONE, key).status == 403
    for method in ("OPTIONS", "TRACE", "PROPFIND", "get"):
        assert gate.ask(method, ZONE, key).status >= 400
    for path in (f"{ZONE}/../example.net.", f"{ZONES}//example.com.", f"{ZONE}%00", "*", "//evil/api"):
        assert web.ask_raw(gate.port, head("GET", path, key, "Connection: close")).status >= 400
    assert provider.requests == []


def test_a_body_is_judged_whole(pair, keys):
    """At the cap it goes up, over it nothing does; in single bytes, in chunks, with trailers it is the same."""
    gate, provider = pair
    key = keys["demoacmehost"]
    assert gate.ask("PATCH", ZONE, key, padded(CHALLENGE, BODY_BYTES_MAX)).status == 204
    assert gate.ask("PATCH", ZONE, key, padded(CHALLENGE, BODY_BYTES_MAX + 1)).status == 413
    body = json.dumps(CHALLENGE).encode()
    single = [head("PATCH", ZONE, key, f"Content-Length: {len(body)}", "Connection: close"), *(bytes([each]) for each in body)]
    assert web.ask_raw(gate.port, single).status == 204
    start = head("PATCH", ZONE, key, "Transfer-Encoding: chunked", "Connection: close")
    trailers = b"0\r\nX-Trailer: a\r\nX-API-Key: other\r\n\r\n"
    assert web.ask_raw(gate.port, [start, b"%x\r\n%s\r\n" % (len(body), body), trailers]).status == 204
    assert len(provider.requests) == 3
    for received in provider.requests:
        assert {name for name, _ in fields(received)} <= GOES_UP
        assert json.loads(received.partition(b"\r\n\r\n")[2]) == CHALLENGE


@pytest.mark.parametrize("by", ["length", "chunks"])
def test_half_a_body_is_none(pair, keys, by):
    """What was sent before the client broke off makes sense by itself, and is not judged."""
    gate, provider = pair
    body = json.dumps(CHALLENGE).encode()
    if by == "length":
        data = head("PATCH", ZONE, keys["demoacmehost"], f"Content-Length: {len(body) + 1}") + body
    else:
        data = head("PATCH", ZONE, keys["demoacmehost"], "Transfer-Encoding: chunked") + b"%x\r\n%s\r\n" % (len(body), body)
    before = len(gate.records())
    for at_once in (False, True):
        with socket.create_connection(("127.0.0.1", gate.port)) as client:
            client.sendall(data)
            if at_once:   # a reset, in the place of an end
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    time.sleep(1)
    assert provider.requests == [] and len(gate.records()) == before
    assert gate.ask("PATCH", ZONE, keys["demoacmehost"], CHALLENGE).status == 204


def test_a_lookup_comes_first(pair, keys):
    """The provider is asked, with its own credential and none of the client's headers, and only then written to."""
    gate, provider = pair
    assert gate.ask("PATCH", ZONE, keys["demoverify01"], REPLACE, {"Cookie": "a=b"}).status == 204
    asked, wrote = provider.requests
    assert asked.startswith(b"GET ") and wrote.startswith(b"PATCH ")
    assert dict(fields(asked))[b"x-api-key"] == provider.key.encode()
    assert {name for name, _ in fields(asked)} <= GOES_UP and b"a=b" not in asked


@pytest.mark.parametrize("how", ["other", "silent", "half", "error", "large"])
def test_a_lookup_without_an_answer_denies(pair, keys, how):
    """What the provider says otherwise denies; nothing, half an answer, an error or too much of it is 503."""
    gate, provider = pair
    other = json.dumps(KNOWN).replace("MS=ms12345678", "v=spf1 mx -all").encode()
    answers = {"other": upstream.answer("200 OK", other), "silent": b"", "half": upstream.answer("200 OK", other)[:-9],
               "error": upstream.answer("500 Oops", b"{}"), "large": upstream.answer("200 OK", b" " * (17 << 20) + other)}
    provider.behave = lambda connection, _: connection.sendall(answers[how])
    answer = gate.ask("PATCH", ZONE, keys["demoverify01"], REPLACE)
    assert answer.status == (403 if how == "other" else 503), answer.text
    assert [each[:4] for each in provider.requests] == [b"GET "]


@pytest.mark.parametrize("data", [
    b"",
    upstream.answer("200 OK", LISTING)[:-60],
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(LISTING), LISTING),
    upstream.answer("200 OK", LISTING, extra="Content-Encoding: gzip\r\n"),
    upstream.answer("206 Partial Content", LISTING),
    upstream.answer("302 Found", LISTING, extra="Location: http://hidden.org/\r\n"),
    upstream.answer("500 Oops", b"hidden.org"),
    upstream.answer("200 OK", b"<html>hidden.org.</html>", "text/html"),
    upstream.answer("200 OK", LISTING[:-1] + b" " * (16 << 20) + b"]"),
    b"hidden.org",
], ids=["nothing", "half", "no-last-chunk", "compressed", "partial", "redirect", "error", "html", "large", "no-http"])
def test_no_response_is_seen_unfiltered(pair, keys, data):
    """What breaks off, or cannot be judged, is replaced as a whole."""
    gate, provider = pair
    provider.behave = lambda connection, _: connection.sendall(data)
    answer = gate.ask("GET", ZONES, keys["demoacmehost"])
    assert answer.status >= 500, answer.text
    assert "hidden.org" not in answer.text + str(answer.headers)


def test_a_response_is_cut_down(pair, keys):
    """In single bytes, in chunks and with trailers: the key's zone, and no header of the provider."""
    gate, provider = pair

    def slowly(connection, _):
        """In chunks of one byte, and trailers."""
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: PowerDNS/hidden.org\r\n"
                           b"Set-Cookie: hidden.org\r\nETag: hidden.org\r\nTrailer: X-Zone\r\nTransfer-Encoding: chunked\r\n\r\n")
        for each in LISTING:
            connection.sendall(b"1\r\n%c\r\n" % each)
        connection.sendall(b"0\r\nX-Zone: hidden.org\r\n\r\n")

    provider.behave = slowly
    answer = gate.ask("GET", ZONES, keys["demoacmehost"])
    assert answer.status == 200 and [zone["name"] for zone in answer.json] == ["example.com."]
    assert "hidden.org" not in answer.text + str(answer.headers)
    raw = socket.create_connection(("127.0.0.1", gate.port), timeout=20)
    with raw, raw.makefile("rb") as stream:
        raw.sendall(head("GET", ZONES, keys["demoacmehost"], "TE: trailers", "Connection: close"))
        assert b"hidden.org" not in stream.read()


def test_an_answer_to_head_has_no_body(pair, keys):
    """Whatever its length says, and the connection lives on."""
    gate, _ = pair
    for key in (keys["demoacmehost"], "zgk_nobody"):
        answer = gate.ask("HEAD", ZONES, key)
        assert answer.status >= 200 and answer.body == b"", answer
    assert gate.ask("GET", ZONES, keys["demoacmehost"]).status == 200


def test_a_large_response_comes_whole(pair, keys):
    """A zone of two megabytes, in many pieces, of which every record is the key's to see."""
    gate, provider = pair
    texts = [{"content": f'"{number} {"x" * 180}"', "disabled": False} for number in range(10_000)]
    large = {**KNOWN, "rrsets": [{**KNOWN["rrsets"][0], "name": "_acme-challenge.www.example.com.", "records": texts}]}
    provider.behave = lambda connection, _: connection.sendall(upstream.answer("200 OK", json.dumps(large).encode()))
    answer = gate.ask("GET", ZONE, keys["demoacmehost"])
    assert answer.status == 200 and answer.json["rrsets"][0]["records"] == texts


def test_who_is_silent_is_given_up(middleware, keys):
    """A provider before its answer and in the middle of it, a client in the middle of its body: answered in time."""
    gate, provider = middleware
    body = json.dumps(CHALLENGE).encode()
    client = socket.create_connection(("127.0.0.1", gate.port), timeout=40)
    client.sendall(head("PATCH", ZONE, keys["demoacmehost"], f"Content-Length: {len(body)}") + body[:-1])

    def part(connection, _):
        """The beginning of an answer, then a byte now and then, which no timeout between bytes ends."""
        data = upstream.answer("200 OK", LISTING)
        connection.sendall(data[:-20])
        for each in data[-20:]:
            time.sleep(2)
            connection.sendall(bytes([each]))

    for behave in (lambda connection, _: time.sleep(30), part):
        provider.behave = behave
        began = time.monotonic()
        answer = gate.ask("GET", ZONES, keys["demoacmehost"])
        assert answer.status in (502, 503), answer.text
        assert time.monotonic() - began < 15
    provider.behave = serve
    assert gate.ask("GET", ZONES, keys["demoacmehost"]).status == 200
    with client:
        assert client.recv(100).startswith(b"HTTP/1.1 408 ")
    assert not any(each.startswith(b"PATCH") for each in provider.requests)


def test_requests_at_the_same_time_stay_apart(pair, keys):
    """Allowed, denied and listing clients, some of them slow: each gets its own answer."""
    gate, provider = pair
    body = json.dumps(CHALLENGE).encode()
    slow = [head("PATCH", ZONE, keys["demoacmehost"], f"Content-Length: {len(body)}", "Connection: close"), body[:40]]
    waiting = [socket.create_connection(("127.0.0.1", gate.port), timeout=30) for _ in range(8)]
    for client in waiting:
        client.sendall(b"".join(slow))
    asks = [lambda: gate.ask("PATCH", ZONE, keys["demoacmehost"], CHALLENGE).status,
            lambda: gate.ask("PATCH", ZONE, keys["demoacmehost"], ADDRESS).status,
            lambda: len(gate.ask("GET", ZONES, keys["demoacmehost"]).json),
            lambda: gate.ask("GET", ZONES, "zgk_nobody").status,
            lambda: gate.ask("PATCH", ZONE, keys["demoverify01"], REPLACE).status]
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        came = [pool.submit(asks[each % len(asks)]) for each in range(100)]
        assert [each.result() for each in came] == [204, 403, 1, 401, 204] * 20
    for client in waiting:
        client.sendall(body[40:])
        assert client.recv(100).startswith(b"HTTP/1.1 204")
        client.close()
    writes = [each for each in provider.requests if each.startswith(b"PATCH ")]
    assert len(writes) == 48
    assert all(b"192.0.2.66" not in each for each in writes)


def test_who_goes_away_is_in_the_log(pair, keys):
    """A client that does not wait for its answer has still asked: what was allowed is on record."""
    gate, provider = pair

    def late(connection, request):
        """Takes the write, and answers when the client is gone."""
        time.sleep(1.5)
        serve(connection, request)

    provider.behave = late
    before = len(gate.records())
    body = json.dumps(CHALLENGE).encode()
    with socket.create_connection(("127.0.0.1", gate.port)) as client:
        client.sendall(head("PATCH", ZONE, keys["demoacmehost"], f"Content-Length: {len(body)}") + body)
        time.sleep(0.5)
    time.sleep(3)
    assert len(provider.requests) == 1
    [record] = gate.records()[before:]
    record = json.loads(record[record.index("{"):])
    assert (record["decision"], record["key"]) == ("allow", "demoacmehost")


@pytest.mark.parametrize("kind", ["wasi-http", "middleware"])
def test_a_client_does_not_say_that_it_is_encrypted(folder, component_built, policies, keys, kind):
    """A request line with a scheme is the client's word, and no reason to believe it."""
    (policies / "encrypted.cedar").write_text('@id("encrypted-only")\n@doc("Not in the clear.")\n'
                                              "forbid (principal, action, resource)\nunless { context.tls };\n")
    manifest = policies / "manifest.toml"
    manifest.write_text(manifest.read_text().replace("files = [", 'files = [\n  "encrypted.cedar",', 1))
    provider = Provider(serve)
    gate = hosts.Gate(kind, provider, folder / f"encrypted-{kind}", policies)
    try:
        for target in (ZONES, f"http://gate{ZONES}", f"https://gate{ZONES}", f"HTTPS://gate:443{ZONES}"):
            more = ("X-Forwarded-Proto: https", "Forwarded: proto=https", "Connection: close")
            answer = web.ask_raw(gate.port, head("GET", target, keys["demoacmehost"], *more))
            assert answer.status >= 400, target
        assert provider.requests == []
    finally:
        gate.stop()
        provider.stop()


def test_the_middleware_has_no_network():
    """It imports the handler behind it, and neither a client nor sockets."""
    code = paths.MIDDLEWARE.read_bytes()
    assert b"wasi:http/handler@0.3" in code
    for other in (b"wasi:http/client", b"wasi:http/outgoing-handler", b"wasi:sockets"):
        assert other not in code, other


def test_either_adds_the_credential(folder, component_built, keys):
    """Where both do there is still one; where none does nothing goes up."""
    provider = Provider(serve)
    for name, settings, status in (("both", {"GATE_CREDENTIAL": "X-API-Key: gate"}, 200), ("none", {"CREDENTIAL": ""}, 502)):
        gate = hosts.Gate("middleware", provider, folder / f"credential-{name}", **settings)
        try:
            assert gate.ask("GET", ZONES, keys["demoacmehost"]).status == status
        finally:
            gate.stop()
    [received] = provider.requests
    assert [value for name, value in fields(received) if name == b"x-api-key"] == [provider.key.encode()]
    provider.stop()


def test_without_settings_nothing_is_served(folder, component_built, keys):
    """Two sayings of where the client's address stands are one too many: 503 for everything, and nothing goes up."""
    provider = Provider(serve)
    both = {"CLIENT_HEADER": "x-real-ip", "CLIENT": "127.0.0.1"}
    gate = hosts.Gate("middleware", provider, folder / "unconfigured", ready=503, **both)
    try:
        assert gate.ask("GET", ZONES, keys["demoacmehost"]).status == 503
        assert gate.ask("PATCH", ZONE, keys["demoacmehost"], CHALLENGE).status == 503
        assert provider.requests == []
        assert "CLIENT and CLIENT_HEADER are both set" in gate.program.output()
    finally:
        gate.stop()
        provider.stop()


def test_an_address_from_a_proxy_in_front(folder, component_built, keys):
    """It decides; two of them are none, and it does not go up."""
    provider = Provider(serve)
    gate = hosts.Gate("middleware", provider, folder / "proxied", CLIENT_HEADER="X-Real-IP")
    key, body = keys["demoddns0001"], {"rrsets": [{"name": "home.example.com.", "type": "A", "ttl": 60, "changetype": "REPLACE",
                                                   "records": [{"content": "192.0.2.9", "disabled": False}]}]}
    try:
        assert gate.ask("PATCH", ZONE, key, body, {"X-Real-IP": "192.0.2.9"}).status == 204
        assert gate.ask("PATCH", ZONE, key, body, {"X-Real-IP": "192.0.2.8"}).status == 403
        assert gate.ask("PATCH", ZONE, key, body).status >= 400
        text = json.dumps(body).encode()
        data = head("PATCH", ZONE, key, "X-Real-IP: 192.0.2.9", "X-Real-IP: 192.0.2.9", f"Content-Length: {len(text)}",
                    "Connection: close") + text
        assert web.ask_raw(gate.port, data).status >= 400
        assert len([each for each in provider.requests if each.startswith(b"PATCH ")]) == 1
        assert all(b"x-real-ip" not in each.lower() for each in provider.requests)
    finally:
        gate.stop()
        provider.stop()
