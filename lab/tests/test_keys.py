"""Keys at the door: wrong, missing, doubled and misplaced ones, and what the provider gets to see of a right one."""

import base64
import re

import pytest

from lab import upstream, web

from .conftest import ADDRESS, CHALLENGE, ZONES

REQUEST_ID = re.compile(rb'"request_id":"[^"]*"')
"""The only part of a 401 that may differ from another one."""


def same(answer: web.Answer) -> tuple:
    """What of a denial must not depend on why the key was refused."""
    kept = {name: value for name, value in answer.headers.items() if name not in ("date", "content-length")}
    return answer.status, REQUEST_ID.sub(b"", answer.body), tuple(sorted(kept.items()))


def test_a_right_key_writes(gate, keys, zones):
    """The ACME key writes its challenge, and DNS has it."""
    answer = gate.ask("PATCH", f"{ZONES}/example.com.", key=keys["demoacmezone"], body=CHALLENGE)
    assert answer.status == 204, answer.text
    assert zones.values("example.com", "_acme-challenge.www.example.com", "TXT") == ['"token"']


def test_a_right_key_outside_its_scope_is_403_and_changes_nothing(gate, keys, zones):
    """The same key may not touch an address."""
    before = zones.values("example.com", "www.example.com", "A")
    answer = gate.ask("PATCH", f"{ZONES}/example.com.", key=keys["demoacmezone"], body=ADDRESS)
    assert answer.status == 403 and answer.reason and len(answer.json["error"]) > 10, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert zones.values("example.com", "www.example.com", "A") == before


def test_all_refused_keys_get_the_same_answer(gate, keys):
    """Missing, malformed, mistyped and unknown keys, the real credential too, get one and the same 401."""
    right = keys["demoacmezone"]
    mistyped = right[:-1] + ("a" if right[-1] != "a" else "b")
    refused = [None, "", "x", "x" * 64, "x" * 5000, mistyped, right.swapcase(), right + right, "changeme",
               "the-real-credential-of-the-lab", f"Bearer {right}"]
    answers = [gate.ask("GET", ZONES, key=key) for key in refused]
    assert {answer.status for answer in answers} == {401}
    assert len({same(answer) for answer in answers}) == 1
    ids = [answer.json["request_id"] for answer in answers]
    assert len(set(ids)) == len(ids) and all(ids)


@pytest.mark.parametrize("headers", [
    "X-API-Key: {key}\r\nX-API-Key: {key}\r\n",
    "X-API-Key: {key}\r\nX-API-Key: wrong\r\n",
    "X-API-Key: wrong\r\nX-API-Key: {key}\r\n",
    "X-API-Key: {key}\r\nAuthorization: Basic {basic}\r\n",
    "X-API-Key: {key}\r\nProxy-Authorization: Basic {basic}\r\n",
    "X-API-Key: {key}\r\nX-Auth-Key: {key}\r\n",
    "X-API-Key: {key},{key}\r\n",
    "Authorization: Basic {basic}\r\nAuthorization: Basic {basic}\r\n",
])
def test_more_than_one_key_is_refused(gate, keys, headers):
    """Even the same key twice: another parser might take the other one."""
    key = keys["demoacmezone"]
    basic = base64.b64encode(f"any:{key}".encode()).decode()
    head = f"GET {ZONES} HTTP/1.1\r\nHost: gate\r\n{headers.format(key=key, basic=basic)}\r\n"
    answer = web.ask_raw(gate.port, head.encode())
    assert answer.status in (400, 401), answer.text
    assert answer.reason


def test_the_key_as_basic_password(gate, keys):
    """Clients that only know HTTP Basic send the key as the password."""
    basic = base64.b64encode(f"any:{keys['demoacmezone']}".encode()).decode()
    assert gate.ask("GET", ZONES, headers={"Authorization": f"Basic {basic}"}).status == 200


@pytest.mark.parametrize("query", ["api-key={key}", "X-API-Key={key}", "rrsets=false&api-key={key}", "api%2Dkey={key}",
                                   "api-key=the-real-credential-of-the-lab"])
def test_a_credential_in_the_query_is_refused(gate, keys, query):
    """PowerDNS 4 accepts it there; it would end up in every log."""
    right = keys["demoacmezone"]
    path = f"{ZONES}/example.com.?{query.format(key=right)}"
    for key in (None, right):
        answer = gate.ask("GET", path, key=key)
        assert answer.status in (400, 401, 403, 404, 422), answer.text
        assert answer.reason


def test_header_bytes_of_0x80_and_above_trap_nothing(gate, keys):
    """In keys they are refused; in other headers they do not matter; the filter lives on."""
    key = keys["demoacmezone"].encode()
    reloads = gate.counter("wasm.zonegate.vm_reload_success")
    for value in (b"\x80", b"\xff\xfe", "é".encode(), key[:-1] + b"\xe9", b"caf\xe9 \xc3\x28"):
        head = b"GET %s HTTP/1.1\r\nHost: gate\r\n" % ZONES.encode()
        assert web.ask_raw(gate.port, head + b"X-API-Key: " + value + b"\r\n\r\n").status in (400, 401)
        answer = web.ask_raw(gate.port, head + b"X-API-Key: " + key + b"\r\nX-Other: " + value + b"\r\n\r\n")
        assert answer.status in (200, 400), answer.text
        basic = b"Authorization: Basic " + value + b"\r\n\r\n"
        assert web.ask_raw(gate.port, head + basic).status in (400, 401)
    assert gate.ask("GET", ZONES, key=keys["demoacmezone"]).status == 200
    assert gate.counter("wasm.zonegate.vm_reload_success") == reloads


def test_the_provider_sees_the_real_credential_and_none_of_the_client(another_gate, keys):
    """Only what is on the list goes up: no scoped key, cookie, forwarding or override header."""
    class Provider(upstream.FaultyUpstream):
        """A provider that answers an empty list of zones."""
        host, key = "127.0.0.1", "the-real-one"

        @property
        def api_port(self) -> int:
            """Where it listens."""
            return self.port

    provider = Provider(lambda connection, _: connection.sendall(upstream.answer("200 OK", b"[]")))
    gate = another_gate(upstream=provider)
    key = keys["demoacmezone"]
    basic = base64.b64encode(f"u:{key}".encode()).decode()
    unwanted = {"Cookie": "a=b", "X-Forwarded-For": "10.9.8.7", "X-Forwarded-Host": "other", "Forwarded": "for=10.9.8.7",
                "X-HTTP-Method-Override": "DELETE", "X-Original-URL": "/", "X-Forwarded-Proto": "https",
                "X-Envoy-Retry-On": "5xx", "X-Envoy-Upstream-Rq-Timeout-Ms": "1", "X-Real-IP": "10.9.8.7",
                "If-None-Match": "*", "Range": "bytes=0-1", "X-Request-Id": "mine"}
    for credential in ({"X-API-Key": key}, {"Authorization": f"Basic {basic}"}):
        assert gate.ask("GET", ZONES, headers={**unwanted, **credential}).status == 200
    provider.stop()
    assert len(provider.requests) == 2
    for request in provider.requests:
        names = {line.split(b":")[0].lower().decode() for line in request.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]}
        assert b"x-api-key: the-real-one" in request.lower() and request.lower().count(b"x-api-key") == 1
        assert key.encode() not in request and basic.encode() not in request
        assert not names & {name.lower() for name in unwanted}, names
        assert names <= {"host", "x-api-key", "accept", "accept-encoding", "user-agent", "content-length",
                         "content-type"}, names


def test_whoami_and_ready(gate, keys):
    """Whoami needs a key and tells of it; ready needs none and names the bundle."""
    ready = gate.ask("GET", "/.zonegate/ready")
    assert ready.status == 200 and ready.json
    assert gate.ask("GET", "/.zonegate/whoami").status == 401
    answer = gate.ask("GET", "/.zonegate/whoami", key=keys["demoacmezone"])
    assert answer.status == 200, answer.text
    assert "demoacmezone" in answer.text and keys["demoacmezone"] not in answer.text
