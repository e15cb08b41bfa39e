"""Several workers: each has its own copy of the filter, and all decide alike, also with many requests at once."""

import collections
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab import powerdns

from lab import gate as whole

from .conftest import ADDRESS, CHALLENGE, ZONES


@pytest.fixture(scope="module")
def busy_server(folder, built):
    """A PowerDNS on LMDB, which unlike SQLite stands many writers at once."""
    server = powerdns.PowerDNS(folder / "pdns-lmdb", backend="lmdb")
    whole.fill(server)
    yield server
    server.stop()


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_all_workers_decide_alike(another_gate, busy_server, keys, workers):
    """A mix of six kinds of request, 600 in all, from 16 clients: each kind has one answer only."""
    gate = another_gate(upstream=busy_server, workers=workers)
    zone, acme = f"{ZONES}/example.com.", keys["demoacmezone"]
    kinds = {
        "allowed write": (("PATCH", zone), {"key": acme, "body": CHALLENGE}, 204),
        "denied write": (("PATCH", zone), {"key": acme, "body": ADDRESS}, 403),
        "filtered read": (("GET", zone), {"key": acme}, 200),
        "wrong key": (("GET", zone), {"key": "wrong"}, 401),
        "unknown zone": (("GET", f"{ZONES}/unknown.example."), {"key": acme}, 404),
        "whoami": (("GET", "/.zonegate/whoami"), {"key": acme}, 200),
    }
    seen = collections.defaultdict(collections.Counter)

    def ask(number: int) -> None:
        """One request."""
        kind = list(kinds)[number % len(kinds)]
        arguments, options, _ = kinds[kind]
        seen[kind][gate.ask(*arguments, **options).status] += 1

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(ask, range(600)))
    assert {kind: set(found) for kind, found in seen.items()} == {kind: {status} for kind, (_, _, status) in kinds.items()}
    assert busy_server.values("example.com", "www.example.com", "A") == ["192.0.2.80", "192.0.2.81"]
    assert gate.counter("wasm.zonegate.vm_reload_success") == 0
