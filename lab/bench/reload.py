"""What a reload costs: how long until the new bundle is served, and how long others wait meanwhile."""

import os
import shutil
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from .. import envoy, term
from . import memory, probe

CALM_SECONDS = 2.0
"""How long requests are watched without a reload, for comparison."""

SETTLE_SECONDS = 0.4
"""How long they are watched after the new bundle is served."""


@dataclass(frozen=True)
class Bundle:
    """One packed bundle."""

    file: Path
    digest: str


@dataclass(frozen=True)
class Reloads:
    """What some reloads of one gate have shown."""

    live_ms: list
    """From the rename of the file until the gate says that it serves the new one."""

    stall_ms: list
    """The longest wait of any other request, for each reload."""

    configure_ms: list
    """How long `on_configure` took in the worker, for each reload."""

    calm_ms: float
    """The longest wait without a reload."""

    resident_mib: float
    linear_mib: float
    """Memory after them all."""


def serves(gate: envoy.Envoy) -> str:
    """The digest of the bundle that the gate serves."""
    return gate.ask("GET", "/.zonegate/ready").json["bundle"]


def replace(gate: envoy.Envoy, bundle: Bundle, seconds: float = 60) -> tuple:
    """Puts this bundle into the place of the one there is; when it was renamed, and when it was served."""
    fresh = gate.folder / "fresh.json"   # beside the watched folder, on the same file system
    shutil.copyfile(bundle.file, fresh)
    renamed = time.monotonic()
    os.replace(fresh, gate.bundle)
    while serves(gate) != bundle.digest:
        if time.monotonic() - renamed > seconds:
            raise term.fail(f"the gate does not serve {bundle.file} after {seconds:.0f} s; see {gate.program.log}")
        time.sleep(0.005)
    return renamed, time.monotonic()


def measure(gate: envoy.Envoy, bundles: tuple, request: bytes, times: int) -> Reloads:
    """Reloads so many times, one bundle and the other in turn, with steady requests beside."""
    beside = probe.Probe(gate.port, [request])
    try:
        began = time.monotonic()
        time.sleep(CALM_SECONDS)
        calm = beside.longest_ms(began)
        live, stalls, configured = [], [], []
        for number in range(times):
            renamed, served = replace(gate, bundles[(number + 1) % 2])
            time.sleep(SETTLE_SECONDS)
            beside.catch_up()
            live.append((served - renamed) * 1e3)
            stalls.append(beside.longest_ms(renamed))
            configured.append(gate.counter("wasmcustom.zonegate_bundle_load_microseconds") / 1e3)
    finally:
        beside.stop()
    if 0 in configured:
        raise term.fail(f"the gate does not say how long it took to load a bundle; see {gate.program.log}")
    if beside.failures:
        raise term.fail(f"{len(beside.failures)} requests failed while bundles were reloaded, the first: {beside.failures[0]}")
    pid = gate.program.pid
    return Reloads(live, stalls, configured, calm, memory.resident_mib(pid), max(memory.linear_mib(pid), default=0.0))


def spread(values: list) -> tuple:
    """Median, least and most."""
    return statistics.median(values), min(values), max(values)
