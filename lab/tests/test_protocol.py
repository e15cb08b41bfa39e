"""HTTP itself: both versions, bodies in every shape, trailers, caps, and paths that two parsers could read differently."""

import json

import pytest

from lab import web

from . import two
from .conftest import ADDRESS, CHALLENGE, ZONES
from .test_secrets import wait_for

BODY_BYTES_MAX = 2 * 1024 * 1024
"""The filter's cap for a request body."""


def padded(change: dict, size: int) -> bytes:
    """A change as JSON, filled up with blanks to so many bytes: the same meaning at any size."""
    text = json.dumps(change).encode()
    return text[:-1] + b" " * (size - len(text)) + text[-1:]


def head(method: str, path: str, key: str, *fields: str) -> bytes:
    """The head of a raw HTTP/1.1 request."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: gate", f"X-API-Key: {key}", *fields, "", ""]).encode()


@pytest.mark.parametrize("change,status", [(CHALLENGE, 204), (ADDRESS, 403)], ids=["allowed", "denied"])
class TestOneDecision:
    """The decision does not depend on how the request travels."""

    def test_http1_byte_by_byte(self, gate, keys, zones, change, status):
        """Each byte of the body in a segment of its own."""
        body = json.dumps(change).encode()
        start = head("PATCH", f"{ZONES}/example.com.", keys["demoacmezone"], f"Content-Length: {len(body)}")
        assert web.ask_raw(gate.port, [start, *(bytes([each]) for each in body)]).status == status

    def test_http1_chunked(self, gate, keys, zones, change, status):
        """A body without a length."""
        body = json.dumps(change).encode()
        start = head("PATCH", f"{ZONES}/example.com.", keys["demoacmezone"], "Transfer-Encoding: chunked")
        chunks = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (body[:1], body[1:50], body[50:])]
        assert web.ask_raw(gate.port, [start, *chunks, b"0\r\n\r\n"]).status == status

    def test_http1_chunked_with_trailers(self, gate, keys, zones, change, status):
        """Trailers behind the last chunk, one of which tries to be a credential."""
        body = json.dumps(change).encode()
        start = head("PATCH", f"{ZONES}/example.com.", keys["demoacmezone"], "Transfer-Encoding: chunked")
        end = b"0\r\nX-Trailer: a\r\nX-API-Key: other\r\n\r\n"
        assert web.ask_raw(gate.port, [start, b"%x\r\n%s\r\n" % (len(body), body), end]).status == status

    def test_http2(self, gate, keys, zones, change, status):
        """The whole body in one frame."""
        answer = two.ask(gate.port, "PATCH", f"{ZONES}/example.com.", [("x-api-key", keys["demoacmezone"])],
                         [json.dumps(change).encode()])
        assert answer.status == status

    def test_http2_byte_by_byte(self, gate, keys, zones, change, status):
        """Each byte in a frame of its own."""
        body = [bytes([each]) for each in json.dumps(change).encode()]
        answer = two.ask(gate.port, "PATCH", f"{ZONES}/example.com.", [("x-api-key", keys["demoacmezone"])], body)
        assert answer.status == status

    def test_http2_with_trailers(self, gate, keys, zones, change, status):
        """With trailers the body callback never sees the end of the stream: a classic way past a filter."""
        answer = two.ask(gate.port, "PATCH", f"{ZONES}/example.com.", [("x-api-key", keys["demoacmezone"])],
                         [json.dumps(change).encode()], [("x-trailer", "a"), ("x-api-key", "other")])
        assert answer.status == status
        expected = ['"token"'] if status == 204 else ['"left-over"']
        assert zones.values("example.com", "_acme-challenge.www.example.com", "TXT") == expected
        assert zones.values("example.com", "www.example.com", "A") == ["192.0.2.80", "192.0.2.81"]

    def test_lying_content_types(self, gate, keys, zones, change, status):
        """PowerDNS reads JSON whatever the type says, so the gate does too."""
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8", "nonsense"):
            answer = gate.ask("PATCH", f"{ZONES}/example.com.", key=keys["demoacmezone"], headers={"Content-Type": kind},
                              body=json.dumps(change).encode())
            assert answer.status == status, kind


def test_http2_request_of_headers_and_trailers_only(gate, keys):
    """A read without a body but with trailers is decided all the same."""
    right = two.ask(gate.port, "GET", ZONES, [("x-api-key", keys["demoacmezone"])], [], [("x-trailer", "a")])
    wrong = two.ask(gate.port, "GET", ZONES, [("x-api-key", "wrong")], [], [("x-trailer", "a")])
    assert (right.status, wrong.status) == (200, 401)


def test_a_body_on_a_read_is_dropped(gate, keys):
    """Several clients send `{}` with each GET."""
    assert gate.ask("GET", ZONES, key=keys["demoacmezone"], body={}).status == 200
    answer = two.ask(gate.port, "GET", ZONES, [("x-api-key", keys["demoacmezone"])], [b"{}"])
    assert answer.status == 200


def test_bodies_up_to_the_cap(gate, keys, zones):
    """Exactly 2 MiB is read and decided; one byte more is 413 with a reason, sent with a length or without."""
    key, path = keys["demoacmezone"], f"{ZONES}/example.com."
    # PowerDNS itself refuses more than 2,000,000 bytes, so at the cap the gate's own denial shows that it was read.
    assert gate.ask("PATCH", path, key=key, body=padded(ADDRESS, BODY_BYTES_MAX)).status == 403
    assert gate.ask("PATCH", path, key=key, body=padded(CHALLENGE, 1_900_000)).status == 204
    over = padded(CHALLENGE, BODY_BYTES_MAX + 1)
    by_length = gate.ask("PATCH", path, key=key, body=over)
    assert by_length.status == 413 and by_length.reason, by_length.text
    start = head("PATCH", path, key, "Transfer-Encoding: chunked")
    by_size = web.ask_raw(gate.port, [start, b"%x\r\n%s\r\n0\r\n\r\n" % (len(over), over)])
    assert by_size.status == 413 and by_size.reason, by_size.text
    pieces = [over[at:at + 16384] for at in range(0, len(over), 16384)]
    by_frames = two.ask(gate.port, "PATCH", path, [("x-api-key", key)], pieces)
    assert by_frames.status == 413, by_frames.text


def test_a_huge_announced_length_is_refused_at_once(gate, keys):
    """Nobody has to send 10 GB to learn that it is too much."""
    start = head("PATCH", f"{ZONES}/example.com.", keys["demoacmezone"], "Content-Length: 10000000000")
    answer = web.ask_raw(gate.port, start, timeout=5)
    assert answer.status == 413, answer.text


@pytest.mark.parametrize("path", [
    f"{ZONES}/example.com%2f", f"{ZONES}/..%2fexample.net.", f"{ZONES}/example.com%5c..%5cexample.net.",
    f"{ZONES}/example.com.;x=1", f"{ZONES}/example.com%00", f"{ZONES}/example.com%252f", f"{ZONES}/example=2fcom.",
    "/api/v1/servers/localhost/zones;/example.com.", f"{ZONES}/example.com./../../config",
    "/api/v1/servers/localhost/config", "/api/v1/servers/localhost/tsigkeys", "/metrics", "/",
    f"{ZONES}/example.net.", f"{ZONES}/example.com./cryptokeys", f"{ZONES}//../../statistics",
])
def test_paths_outside_the_scope_never_get_through(gate, keys, path):
    """Traversals, encoded separators, double encodings, parameters, and what is simply not this key's."""
    answer = gate.ask("GET", path, key=keys["demoacmehost"])
    assert answer.status in (400, 403, 404, 422), (path, answer.status, answer.text[:200])
    assert "the-real-credential" not in answer.text and "192.0.2" not in answer.text


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "POST", "PUT", "DELETE"])
def test_methods_outside_the_scope_never_get_through(gate, keys, zones, method):
    """On a zone that the key may read."""
    request = head(method, f"{ZONES}/example.com.", keys["demoacmezone"], "Content-Length: 2") + b"{}"
    answer = web.ask_raw(gate.port, request)
    assert answer.status >= 400
    assert zones.api("GET", "/zones/example.com.").status == 200


def test_a_denial_in_the_form_of_grpc_is_one(gate, keys, zones):
    """Envoy writes its replies as gRPC for who speaks of it, with the status 200: the record says what it was, and nothing goes on."""
    headers = [("x-api-key", keys["demoacmezone"]), ("content-type", "application/grpc"), ("te", "trailers")]
    answer = two.ask(gate.port, "PATCH", f"{ZONES}/example.com.", headers, [json.dumps(ADDRESS).encode()])
    assert (answer.status, answer.headers.get("grpc-status"), answer.body) == (200, "7", b"")
    assert zones.values("example.com", "www.example.com", "A") == ["192.0.2.80", "192.0.2.81"]
    number = json.loads(answer.headers["grpc-message"])["request_id"]
    mine = lambda: [each for each in gate.audit_records() if each.get("zonegate", {}).get("request_id") == number]
    assert wait_for(mine, 12)
    assert mine()[0]["zonegate"]["decision"] == "deny"
    listing = two.ask(gate.port, "GET", ZONES, headers)
    assert listing.status == 200 and [each["name"] for each in listing.json] == ["example.com."]


def test_names_with_underscores_do_not_pass_for_credentials(gate, keys):
    """x_api_key is refused by Envoy."""
    assert gate.ask("GET", ZONES, headers={"X_API_Key": keys["demoacmezone"]}).status in (400, 401)


def test_the_client_address_is_the_peer(gate, keys):
    """X-Forwarded-For does not make anybody somebody else: the audit record has the peer."""
    for headers in ({}, {"X-Forwarded-For": "192.0.2.1"}, {"X-Forwarded-For": "192.0.2.1, 192.0.2.2"}):
        gate.ask("GET", "/.zonegate/whoami", key=keys["demoddns0001"], headers=headers)
    assert wait_for(lambda: len(gate.audit_records()) >= 3, 10)
    records = [each["zonegate"] for each in gate.audit_records() if "zonegate" in each]
    assert records and {each["client"] for each in records} == {"127.0.0.1"}
