"""Questions to the provider before a decision: answered, late, in the middle of a reload, and abandoned."""

import json
import threading
import time

import pytest

from lab import gate as whole, packed, upstream

from .conftest import ZONES, change

KNOWN = {"id": "example.com.", "name": "example.com.", "kind": "Native", "rrsets": [
    {"name": "example.com.", "type": "TXT", "ttl": 60, "comments": [],
     "records": [{"content": '"MS=ms12345678"', "disabled": False}]}]}
"""The zone as the provider has it: one proof for a web service, which the key may replace by another one."""

REPLACE = change("example.com.", "TXT", '"MS=ms87654321"')
"""A write that can only be decided by who knows what it replaces."""


class Provider(upstream.FaultyUpstream):
    """Answers reads after a delay and accepts writes."""

    host, key = "127.0.0.1", "the-real-one"

    def __init__(self):
        """Without a delay at first, and with the zone as it is known."""
        super().__init__(self.serve)
        self.delay_seconds, self.zone = 0.0, json.dumps(KNOWN).encode()

    @property
    def api_port(self) -> int:
        """Where it listens."""
        return self.port

    def serve(self, connection, request: bytes) -> None:
        """One request."""
        if request.startswith(b"GET "):
            time.sleep(self.delay_seconds)
            connection.sendall(upstream.answer("200 OK", self.zone))
        else:
            connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

    def writes(self) -> int:
        """How many writes it has received."""
        return sum(request.startswith(b"PATCH ") for request in self.requests)


@pytest.fixture(scope="module")
def pair(folder, built):
    """One gate and its provider."""
    provider = Provider()
    gate = whole.start(provider, folder / "lookups")
    yield gate, provider
    gate.stop()
    provider.stop()


@pytest.fixture
def behind(pair):
    """The same, as at the start."""
    gate, provider = pair
    provider.delay_seconds, provider.zone, provider.requests[:] = 0.0, json.dumps(KNOWN).encode(), []
    return gate, provider


def write(gate, keys, **options):
    """The write of a key that may replace proofs and no other text."""
    return gate.ask("PATCH", f"{ZONES}/example.com.", key=keys["demoverify01"], body=REPLACE, **options)


def test_the_answer_decides(behind, keys):
    """Asked once with the real credential, then written; with another text in the rrset nothing is written."""
    gate, provider = behind
    assert write(gate, keys).status == 204 and provider.writes() == 1
    assert b"x-api-key: the-real-one" in provider.requests[0].lower() and keys["demoverify01"].encode() not in provider.requests[0]
    provider.zone = provider.zone.replace(b"MS=ms12345678", b"v=spf1 mx -all")
    assert write(gate, keys).status == 403 and provider.writes() == 1


@pytest.mark.parametrize("zone", [b"{}", b"[]", b"nonsense", json.dumps(KNOWN).encode().replace(b"example.com", b"example.org"),
                                  b'{"id":"example.com.",' + json.dumps(KNOWN).encode()[1:]],
                         ids=["empty", "a-list", "no-json", "another-zone", "a-key-twice"])
def test_a_strange_answer_denies(behind, keys, zone):
    """503, and nothing is written."""
    gate, provider = behind
    provider.zone = zone
    answer = write(gate, keys)
    assert answer.status == 503 and answer.reason == "lookup-not-understood", answer.text
    assert provider.writes() == 0


def test_a_late_answer_denies(behind, keys):
    """503 after the time that a lookup has; counted as failed."""
    gate, provider = behind
    provider.delay_seconds = 7
    failed = lambda: gate.counter(r"wasmcustom\.zonegate_lookups=\.=failed;\.;_total")
    before, began = failed(), time.monotonic()
    answer = write(gate, keys)
    assert answer.status == 503 and answer.reason == "lookup-failed"
    assert 4 < time.monotonic() - began < 7 and provider.writes() == 0
    assert failed() == before + 1


def test_a_reload_while_a_lookup_is_under_way(behind, keys):
    """The request ends by the bundle that it began with; the new one serves what comes after."""
    gate, provider = behind
    provider.delay_seconds = 1.5
    answers = []
    waiting = [threading.Thread(target=lambda: answers.append(write(gate, keys).status)) for _ in range(3)]
    for each in waiting:
        each.start()
    time.sleep(0.5)
    gate.write_bundle(packed.later(gate.bundle.read_text()))
    for each in waiting:
        each.join()
    assert answers == [204, 204, 204]
    provider.delay_seconds = 0
    assert write(gate, keys).status == 204
    assert gate.counter("wasm.zonegate.vm_reload_success") == 0


def test_clients_that_go_away_while_a_lookup_is_under_way(behind, keys):
    """Nothing of theirs is written, and the gate goes on."""
    gate, provider = behind
    provider.delay_seconds = 1
    for _ in range(5):
        with pytest.raises(OSError):
            write(gate, keys, timeout=0.2)
    time.sleep(2)
    assert provider.writes() == 0
    provider.delay_seconds = 0
    assert write(gate, keys).status == 204
    assert gate.program.runs() and gate.counter("wasm.zonegate.vm_reload_success") == 0


def test_a_disabled_record_is_not_overlooked(zones, gate, keys):
    """PowerDNS deletes disabled records with the others, so a key limited by value must be judged on them too."""
    name = "disabled.example.com."
    proof, spf = '"MS=ms12345678"', '"v=spf1 -all"'
    change_of = lambda *values: {"rrsets": [{"name": name, "type": "TXT", "ttl": 60, "changetype": "REPLACE", "records": [
        {"content": value, "disabled": value == spf} for value in values]}]}
    delete = {"rrsets": [{"name": name, "type": "TXT", "changetype": "DELETE"}]}
    assert zones.api("PATCH", "/zones/example.com.", change_of(proof, spf)).status == 204
    assert gate.ask("PATCH", f"{ZONES}/example.com.", key=keys["demoverify01"], body=delete).status == 403
    assert sorted(zones.values("example.com", name.rstrip("."), "TXT")) == sorted([proof, spf])
    assert zones.api("PATCH", "/zones/example.com.", change_of(proof)).status == 204
    assert gate.ask("PATCH", f"{ZONES}/example.com.", key=keys["demoverify01"], body=delete).status == 204
