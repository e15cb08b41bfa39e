"""`python3 -m lab soak`: a large bundle is replaced again and again, under load, and nothing may fail or grow.

Two bundles that differ take turns. Beside it run steady readers and writers, and in each reload one request whose body
is still on its way: it must be decided, by the bundle that it began with, after the new one is served.
"""

import shutil
import socket
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from .. import envoy, paths, term
from . import author, fast, gates, memory, probe, reload
from .folders import Folder, Size, answers, body

FIRST = 50
"""After so many reloads memory has its size; a shorter run takes a third of its own."""

GROWTH_MIB_MAX = 24
"""How much more resident memory the end may have than the beginning: an allocator is not exact, and a bundle is larger."""

EVERY_SECONDS = 0.01
"""How often readers and writers ask, each."""

KEYS_SPEAKING = 20
"""How many keys they use."""


@dataclass
class Soaked:
    """What came of it."""

    requests: int = 0
    failures: list = field(default_factory=list)
    resident_mib: list = field(default_factory=list)   # after each reload
    linear_mib: list = field(default_factory=list)     # likewise, of the largest copy of the filter
    live_ms: list = field(default_factory=list)
    longest_ms: float = 0.0

    @property
    def first(self) -> int:
        """The reload after which memory counts."""
        return min(FIRST, max(1, len(self.resident_mib) // 3))

    def grown(self) -> tuple:
        """How much resident and linear memory grew since then: the median of the last tenth above that around the beginning."""
        last = max(1, len(self.resident_mib) // 10)

        def median(values: list) -> float:
            """The one in the middle."""
            return sorted(values)[len(values) // 2]

        return tuple(median(values[-last:]) - median(values[self.first - 1:self.first - 1 + last])
                     for values in (self.resident_mib, self.linear_mib))

    def is_flat(self) -> bool:
        """Whether memory stayed as it was."""
        resident, linear = self.grown()
        return resident <= GROWTH_MIB_MAX and linear <= GROWTH_MIB_MAX / 2


class _Held:
    """A write of which half has been sent, so that it lasts across a reload."""

    def __init__(self, port: int, request: bytes):
        """Sends the first half."""
        self._connection = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._rest = request[-40:]
        self._connection.sendall(request[:-40])

    def finish(self) -> str | None:
        """Sends the rest; what went wrong, if anything did."""
        with self._connection:
            try:
                self._connection.sendall(self._rest)
                status = self._connection.recv(4096).split(b" ", 2)[1]
            except (OSError, IndexError) as error:
                return f"a request that was held across a reload: {error!r}"
        return None if status == b"204" else f"a request that was held across a reload: {status.decode()}"


def soak(gate: envoy.Envoy, folder: Folder, reloads: int, say=lambda number, found: None) -> Soaked:
    """Reloads so many times; `say` is told of each."""
    speaking = folder.speaking[:KEYS_SPEAKING]
    path = lambda key: f"{gates.ZONES}{key.team.zone}."
    reads = [probe.request_bytes("GET", path(key), key.text) for key in speaking]
    writes = [probe.request_bytes("PATCH", path(key), key.text, body(key.team.zone, 1)) for key in speaking]
    found, pid = Soaked(), gate.program.pid
    load = [probe.Probe(gate.port, each, EVERY_SECONDS) for each in (reads, writes)]
    try:
        for number in range(reloads):
            held = _Held(gate.port, writes[number % len(writes)])
            renamed, served = reload.replace(gate, folder.bundles[(number + 1) % 2])
            trouble = held.finish()
            found.failures += [trouble] if trouble else []
            found.live_ms.append((served - renamed) * 1e3)
            found.resident_mib.append(memory.resident_mib(pid))
            found.linear_mib.append(max(memory.linear_mib(pid), default=0.0))
            say(number + 1, found)
    finally:
        for each in load:
            each.stop()
            found.failures += each.failures
    found.requests = reloads + sum(len(each.latencies) for each in load)
    found.longest_ms = max(each.longest_ms() for each in load)
    return found


def _say_progress(number: int, found: Soaked) -> None:
    """A line now and then."""
    if number % 50 == 0:
        term.say(f"  {number:5} reloads   RSS {found.resident_mib[-1]:7.0f} MiB   linear memory {found.linear_mib[-1]:6.1f} MiB")


def run(reloads: int, keys: int, policies: int, workers: int) -> int:
    """Soaks and prints; 1 where something failed or grew."""
    author.command()
    place = Path(tempfile.mkdtemp(prefix="soak-", dir=paths.RUN if paths.RUN.exists() else paths.LAB))
    running = []
    try:
        folder = Folder(place, Size(keys, policies))
        running.append(fast.Fast(place / "upstream", answers(folder.zones)))
        running.append(gates.zonegate(place / "gate", running[0], folder.bundles[0].file, workers))
        term.say(f"{reloads} reloads of {folder.size}, {folder.bundle_mib:.1f} MiB, {workers} worker{'s' if workers > 1 else ''}")
        began = time.monotonic()
        found = soak(running[1], folder, reloads, _say_progress)
        return _say(found, time.monotonic() - began)
    finally:
        for each in reversed(running):
            each.stop()
        shutil.rmtree(place, ignore_errors=True)


def _say(found: Soaked, seconds: float) -> int:
    """Prints what came of it."""
    live, (resident, linear) = sorted(found.live_ms), found.grown()
    first = found.first - 1

    def line(what: str, values: list, grown: float) -> None:
        """One kind of memory."""
        late = values[first:]
        term.say(f"  {what:14} first {values[0]:6.1f} MiB   after {first + 1} {values[first]:6.1f}   "
                 f"at the end {values[-1]:6.1f}   least {min(late):6.1f}   most {max(late):6.1f}   grown by {grown:.1f}")

    term.say(f"\n  {found.requests:,} requests in {seconds:.0f} s, {len(found.failures)} failed"
             + (f", the first: {found.failures[0]}" if found.failures else ""))
    line("RSS", found.resident_mib, resident)
    line("linear memory", found.linear_mib, linear)
    term.say(f"  served after   {live[len(live) // 2]:.0f} ms ({live[0]:.0f}–{live[-1]:.0f}), "
             f"longest wait of a request {found.longest_ms:.0f} ms")
    term.say(f"  memory is flat: {'yes' if found.is_flat() else 'no'}")
    return 0 if found.is_flat() and not found.failures else 1
