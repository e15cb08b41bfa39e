"""A short form of `python3 -m lab soak`: reloads under load, with no request lost and memory flat."""

import time

import pytest

from lab import paths
from lab.bench import fast, gates, probe, soak
from lab.bench.folders import Folder, Size, answers


@pytest.fixture(scope="module")
def large(folder, built):
    """A folder of a thousand keys, packed twice."""
    return Folder(folder / "soak", Size(1000, 100), paths.COMMAND)


@pytest.fixture(scope="module")
def upstream(folder, large):
    """What answers for its zones."""
    running = fast.Fast(folder / "soak-upstream", answers(large.zones))
    yield running
    running.stop()


@pytest.fixture
def gate(folder, large, upstream):
    """A gate with two workers that serves it."""
    running = gates.zonegate(folder / "soak-gate", upstream, large.bundles[0].file, workers=2)
    yield running
    running.stop()


def test_thirty_reloads_lose_nothing_and_leave_nothing_behind(gate, large):
    """Readers, writers, and in each reload a write whose body is on its way."""
    found = soak.soak(gate, large, 30)
    assert not found.failures, found.failures[:3]
    assert found.requests > 30 * 3
    assert found.is_flat(), (found.resident_mib, found.linear_mib)
    assert gate.counter("wasm.zonegate.vm_reload_success") == 0


def test_a_probe_counts_what_fails(gate, large):
    """Otherwise a soak would show nothing: a wrong key is a failure, and its answer is told."""
    key = large.speaking[0]
    request = probe.request_bytes("GET", f"{gates.ZONES}{key.team.zone}.", "wrong")
    running = probe.Probe(gate.port, [request])
    time.sleep(0.3)
    running.stop()
    refused = [each for each in running.failures if each.startswith("401 ")]
    assert refused and len(refused) == len(running.latencies)
    # Answers that need nobody's help come so fast that Envoy may take them for a flood (`http1.response_flood`): it closes
    # the connection then, which is a failure too.
    others = set(running.failures) - set(refused)
    assert all("reset" in each or "closed" in each for each in others), others
