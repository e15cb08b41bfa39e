"""New policies under load: live within two seconds, no request dropped, a bad edit refused, a key revoked in between."""

import collections
import os
import threading
import time
from pathlib import Path

import pytest

from lab import gate as whole, packed, paths, process

from .conftest import ZONES

LIVE_SECONDS_MAX = 2.0
"""From the end of an edit to the first request that it decides, packing included."""

FREEZE = '''

@id("test-freeze")
@doc("For everybody, while something is being repaired: nothing is written.")
forbid (principal, action in Action::"write", resource);
'''
"""A guardrail that an operator adds in a hurry."""


class Load:
    """Clients that ask without a pause, in threads; counts statuses and failures until it is stopped."""

    def __init__(self, gate, key: str, clients: int = 4):
        """Begins at once."""
        self.statuses, self.failures, self._over = collections.Counter(), [], threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(gate, key)) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _ask(self, gate, key: str) -> None:
        """One client."""
        while not self._over.is_set():
            try:
                self.statuses[gate.ask("GET", "/.zonegate/whoami", key=key).status] += 1
                self.statuses[gate.ask("GET", f"{ZONES}/example.com.", key=key).status] += 1
            except OSError as error:
                self.failures.append(repr(error))

    def stop(self) -> None:
        """Ends and waits for all clients."""
        self._over.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def load(keys):
    """Starts load that ends with the test at the latest."""
    running = []

    def start(gate, **options) -> Load:
        """Load with the ACME key, which may read example.com."""
        running.append(Load(gate, keys["demoacmezone"], **options))
        return running[-1]

    yield start
    for each in running:
        each.stop()


def writes(gate, keys, token: str = "x") -> int:
    """The status of a write by the ACME key."""
    body = {"rrsets": [{"name": "_acme-challenge.www.example.com.", "type": "TXT", "ttl": 60, "changetype": "REPLACE",
                        "records": [{"content": f'"{token}"', "disabled": False}]}]}
    return gate.ask("PATCH", f"{ZONES}/example.com.", key=keys["demoacmezone"], body=body).status


def seconds_until(condition, limit: float = 10) -> float:
    """How long it takes until it is true; far more than the limit if never."""
    began = time.monotonic()
    while time.monotonic() - began < limit:
        if condition():
            return time.monotonic() - began
        time.sleep(0.02)
    return 999.0


def guardrail(policies):
    """The policy file that the tests edit: the first of the guardrails."""
    return sorted(policies.rglob("guardrails/*.cedar"))[0]


@pytest.fixture(scope="module")
def shared(server, folder, built):
    """One gate with two workers for most of these tests: starting one takes seconds."""
    running = whole.start(server, folder / "reload", workers=2)
    yield running
    running.stop()


@pytest.fixture
def gate(shared, keys):
    """The shared gate with the shipped policies."""
    packed = whole.pack(shared.bundle)
    assert packed.returncode == 0, packed.stdout + packed.stderr
    assert seconds_until(lambda: {writes(shared, keys) for _ in range(4)} == {204}) < 10
    return shared


def test_an_edit_is_live_within_two_seconds_under_load(gate, policies, keys, load):
    """Back and forth, with no request lost and none answered 500."""
    go_back_and_forth(gate, policies, keys, load)


def test_an_edit_is_live_on_four_workers(another_gate, policies, keys, load):
    """Likewise."""
    go_back_and_forth(another_gate(policies, workers=4), policies, keys, load)


def go_back_and_forth(gate, policies, keys, load) -> None:
    """Adds and removes a guardrail four times under load."""
    busy = load(gate)
    file = guardrail(policies)
    original = file.read_text()
    for text, expected in ((original + FREEZE, 403), (original, 204), (original + FREEZE, 403), (original, 204)):
        began = time.monotonic()
        file.write_text(text)
        packed = whole.pack(gate.bundle, policies)
        assert packed.returncode == 0, packed.stdout + packed.stderr
        assert seconds_until(lambda: writes(gate, keys) == expected) < 900
        took = time.monotonic() - began
        assert took < LIVE_SECONDS_MAX, f"{took:.1f} s until the edit was live"
        # Every worker has it, not only the first one that was asked.
        time.sleep(0.5)
        assert {writes(gate, keys, f"{number}") for number in range(12)} == {expected}
    busy.stop()
    assert not busy.failures
    assert set(busy.statuses) == {200} and sum(busy.statuses.values()) > 50, busy.statuses


@pytest.mark.parametrize("damage", ["syntax", "unknown-role", "missing-file", "duplicate-id"])
def test_a_bad_edit_is_refused_and_the_old_policies_stay(gate, policies, keys, load, damage):
    """Refused by the command with file and line (or the missing file's name); the gate goes on as before."""
    busy = load(gate, clients=2)
    before, file = gate.bundle.read_bytes(), guardrail(policies)
    text = file.read_text()
    if damage == "missing-file":
        file.unlink()
    else:
        file.write_text(text + {
            "syntax": '\n@id("test-bad")\npermit (principal, action resource);\n',
            "unknown-role": '\n@id("test-bad")\npermit (principal in Role::"nobody", action, resource)\n'
                            "when { principal.nonsense == 1 };\n",
            "duplicate-id": FREEZE + FREEZE,
        }[damage])
    packed = whole.pack(gate.bundle, policies)
    message = packed.stdout + packed.stderr
    assert packed.returncode != 0, message
    assert file.name in message
    if damage != "missing-file":
        assert any(f"{file.name}:{line}" in message for line in range(1, 999)), message
    assert gate.bundle.read_bytes() == before
    assert writes(gate, keys) == 204
    busy.stop()
    assert not busy.failures and set(busy.statuses) == {200}


def test_envoy_refuses_what_the_command_never_wrote(gate, keys, load):
    """A damaged discovery file, from whatever hand: the running bundle stays and the refusal is counted."""
    busy = load(gate, clients=2)
    good = gate.bundle.read_text()
    refused = lambda: gate.counter(r"extension_config_discovery\.http_filter\.zonegate\.(config_fail|update_rejected)")
    for bad in (good.replace("FAIL_RELOAD", "FAIL_RELOADX"), good[: len(good) // 2], "{}", "",
                packed.broken(good)):
        gate.write_bundle(bad)
        time.sleep(0.7)
        assert writes(gate, keys) == 204
        assert gate.ready()
    assert refused() >= 1
    gate.write_bundle(good)
    busy.stop()
    assert not busy.failures and set(busy.statuses) == {200}


def test_a_key_is_revoked_while_another_edit_is_broken(gate, policies, keys):
    """Revoking repacks the last good bundle with that one change."""
    assert gate.ask("GET", ZONES, key=keys["demoacmezone"]).status == 200
    guardrail(policies).write_text("this is being edited {")
    assert whole.pack(gate.bundle, policies).returncode != 0
    revoked = whole.zonegate("key", "revoke", "demoacmezone", "--bundle", gate.bundle)
    assert revoked.returncode == 0, revoked.stdout + revoked.stderr
    assert seconds_until(lambda: gate.ask("GET", ZONES, key=keys["demoacmezone"]).status == 401) < LIVE_SECONDS_MAX
    assert gate.ask("GET", ZONES, key=keys["demozoneedit"]).status == 200


def test_a_gate_without_a_good_first_bundle_is_not_ready(gate, keys):
    """Envoy says LIVE, the gate does not say ready, nothing goes through; the first good bundle mends it."""
    good = gate.bundle.read_text()
    gate.stop()
    gate.write_bundle('{"version_info":"0","resources":[]}')
    closed = lambda: {gate.ask("GET", path, key=keys["demoacmezone"]).status >= 500
                      for path in ("/.zonegate/ready", ZONES, "/")} == {True}
    try:
        gate.start()
        assert gate.live() and closed()
        gate.write_bundle(packed.broken(good))
        assert seconds_until(lambda: "update rejected" in gate.program.output(), 30) < 30
        assert gate.live() and closed()
    finally:
        gate.write_bundle(good)
    assert seconds_until(gate.ready, 30) < 30
    assert gate.ask("GET", ZONES, key=keys["demoacmezone"]).status == 200


def test_bundle_wait_says_whether_envoy_took_it(gate, policies, keys):
    """`zonegate bundle --wait` ends well only when the gate answers with this very bundle."""
    file = guardrail(policies)
    file.write_text(file.read_text() + FREEZE)
    done = whole.zonegate("bundle", policies, "--demo", "--wasm", paths.FILTER, "--output", gate.bundle,
                          "--wait", f"http://127.0.0.1:{gate.port}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert writes(gate, keys) == 403


def test_watch_publishes_good_edits_and_reports_bad_ones(gate, policies, keys, folder):
    """`zonegate watch`: saving is enough; a bad edit is reported with file and line and changes nothing."""
    watch = process.Program("zonegate watch", [paths.COMMAND, "watch", policies, "--demo", "--wasm", paths.FILTER,
                                               "--output", gate.bundle], folder / "watch.log", {"NO_COLOR": "1"})
    try:
        file = guardrail(policies)
        original = file.read_text()
        time.sleep(1)
        for text, expected in ((original + FREEZE, 403), (original, 204)):
            file.write_text(text)
            assert seconds_until(lambda: writes(gate, keys) == expected) < LIVE_SECONDS_MAX, watch.output()
        file.write_text(original + "this is no policy")
        assert seconds_until(lambda: f"{file.name}:" in watch.output()) < 5, watch.output()
        # An editor that removes a file while it saves: never published as absent.
        file.unlink()
        time.sleep(1)
        assert writes(gate, keys) == 204
        file.write_text(original + FREEZE)
        assert seconds_until(lambda: writes(gate, keys) == 403) < LIVE_SECONDS_MAX, watch.output()
        assert watch.runs()
    finally:
        watch.stop()


def test_memory_does_not_grow_with_reloads(gate):
    """Forty bundles later Envoy is as large as after the first few."""
    def resident_mib() -> float:
        """Envoy's resident memory."""
        pages = int(Path(f"/proc/{gate.program.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024

    def reload(times: int) -> None:
        """Loads so many bundles that differ in the time of their packing."""
        for _ in range(times):
            before = loads()
            gate.write_bundle(packed.later(gate.bundle.read_text()))
            assert seconds_until(lambda: loads() > before) < 10

    loads = lambda: gate.counter(r"extension_config_discovery\.http_filter\.zonegate\.config_reload")
    reload(6)
    before = resident_mib()
    reload(40)
    assert resident_mib() - before < 40
