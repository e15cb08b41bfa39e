"""`python3 -m lab bench --matrix`: what the gate costs with few and many keys and policies, beside what could stand in its place.

Everything runs at once and is asked in turn, in rounds, so that whatever else the machine does meets all alike.
A server's part of an `ext_authz` counts as the gate's cost.
"""

import json
import shutil
import tempfile
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from .. import paths, term
from . import author, fast, gates, memory, probe, reload, report
from .folders import Folder, Size, answers, body
from .load import Measure
from .names import (ALLOWS, INDEXED, LUA, MATCHER, NONE, NOOP, ONE_KEY, OURS, PATCH, PATCH_MANY, PLAIN, RBAC, WORKS)

KEYS, POLICIES = (10, 1_000, 10_000, 100_000), (10, 100, 1_000, 5_000)
"""Sizes that are measured: these keys with the usual number of policies, these policies with the largest number of keys."""

USUAL_POLICIES = 1_000
"""How many policies there are where keys are what is counted."""

RBAC_KEYS_MAX = 10_000
"""Envoy's RBAC filter takes some kilobytes for each key; more of them are not tried."""


@dataclass(frozen=True)
class Options:
    """How much is measured."""

    rounds: int = 3
    seconds: int = 1
    reloads: int = 6
    keys_max: int = KEYS[-1]
    policies_max: int = POLICIES[-1]


@dataclass
class Found:
    """All that was measured, as it is kept in a file."""

    date: str
    options: dict
    base: list
    sizes: list
    cost: dict = field(default_factory=dict)      # name of a point -> [cpu_us, rate, p50_us, p99_us] for each round
    latency: dict = field(default_factory=dict)   # likewise with one connection
    gates: dict = field(default_factory=dict)     # keys/policies -> what a gate of this size takes

    @staticmethod
    def file() -> Path:
        """Where the last run's figures lie."""
        return paths.LAB / "bench-matrix.json"

    def save(self) -> None:
        """Keeps it for `--again`."""
        self.file().write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def last(cls) -> "Found":
        """What the last run has found."""
        if not cls.file().exists():
            raise term.fail("nothing was measured yet: run `python3 -m lab bench --matrix`")
        return cls(**json.loads(cls.file().read_text()))


def point(name: str, size: Size | None, work: str) -> str:
    """The name of one thing that is measured; without a size where it does not matter."""
    return f"{name}|{size.keys}/{size.policies}|{work}" if size else f"{name}||{work}"


def sizes(options: Options) -> tuple:
    """The usual size with the most keys, and all sizes."""
    keys = [each for each in KEYS if each <= options.keys_max]
    policies = [each for each in POLICIES if each <= options.policies_max]
    usual = min(USUAL_POLICIES, policies[-1])
    made = [Size(10, 10), *(Size(each, usual) for each in keys), *(Size(keys[-1], each) for each in policies)]
    return Size(keys[-1], usual), list(dict.fromkeys(made))


class Matrix:
    """All that runs during one run of the benchmark."""

    def __init__(self, place: Path, options: Options):
        """Nothing runs yet."""
        self.place, self.options = place, options
        self.base, self.sizes = sizes(options)
        self.running: list = []
        self.gates: dict = {}
        self.points: dict = {}
        self.slow: dict = {}     # with one connection, for latencies
        self.found = Found(time.strftime("%Y-%m-%d"), asdict(options), [self.base.keys, self.base.policies],
                           [[each.keys, each.policies] for each in self.sizes])

    def run(self) -> Found:
        """Measures everything."""
        try:
            with term.Steps(4).step("building the command and the policy server"):
                author.command()
                gates.build_server()
            self._prepare()
            self._start_gates()
            self._start_others()
            self._rounds()
            self._reload()
        finally:
            for each in reversed(self.running):
                each.stop()
        self.found.save()
        return self.found

    def _keep(self, started):
        """Remembers what is to be stopped."""
        self.running.append(started)
        return started

    def _prepare(self) -> None:
        """Writes and packs the folders and starts the upstream, which knows their zones."""
        self.folders = {}
        for size in self.sizes:
            began = time.monotonic()
            self.folders[size] = made = Folder(self.place / f"{size.keys}-{size.policies}", size)
            term.say(f"  packed twice: {size}, {made.bundle_mib:.1f} MiB, {time.monotonic() - began:.1f} s")
        zones = set().union(*(each.zones for each in self.folders.values()))
        self.upstream = self._keep(fast.Fast(self.place / "upstream", answers(zones)))

    def _start_gates(self) -> None:
        """Starts a gate of each size, one after the other, and looks at its memory with one worker and with three."""
        for size, folder in self.folders.items():
            seen = {"bundle_mib": folder.bundle_mib}
            for workers in (3, 1):
                began = time.monotonic()
                gate = gates.zonegate(folder.place / f"gate-{workers}", self.upstream, folder.bundles[0].file, workers)
                try:
                    seen[f"ready_s_{workers}"] = time.monotonic() - began
                    seen["linear_start_mib"] = max(memory.linear_mib(gate.program.pid), default=0.0)
                    Measure("warming up", OURS, (), gate.port, folder.script(PATCH), seconds=1).take()
                    seen[f"resident_mib_{workers}"] = memory.resident_mib(gate.program.pid)
                    seen["linear_mib"] = max(memory.linear_mib(gate.program.pid), default=0.0)
                finally:
                    if workers == 1:
                        self.gates[size] = self._keep(gate)
                    else:
                        gate.stop()
            self.found.gates[f"{size.keys}/{size.policies}"] = seen
            self._add(OURS, size, gate, (), WORKS)
            term.say(f"  started: {size}, ready after {seen['ready_s_1']:.1f} s, linear memory "
                     f"{seen['linear_start_mib']:.1f} MiB")
        self._add(ONE_KEY, self.base, self.gates[self.base], (), WORKS)

    def _add(self, name: str, size: Size | None, gate, servers: tuple, works: tuple) -> None:
        """Measures these works of this gate in every round; at the usual size, latencies too."""
        folder = self.folders[size or self.base]
        self._hold_back(name, gate, folder)
        is_base = size in (None, self.base) or (name in (RBAC, MATCHER) and size == self._largest_of_rbac())
        for work in works:
            programs = (gate.program, *(each.program for each in servers))
            script = folder.script(work, one_key=name == ONE_KEY)
            # A request that takes a quarter of a second is counted as a whole or not at all.
            is_slow = name == PLAIN and work == PATCH_MANY
            made = Measure(work, name, programs, gate.port, script, "/", max(self.options.seconds, 3 if is_slow else 1),
                           1 if is_slow else 8)
            self.points[point(name, size, work)] = made
            if is_base and name != ONE_KEY:
                self.slow[point(name, None, work)] = replace(made, programs=(), connections=1)

    def _hold_back(self, name: str, gate, folder: Folder) -> None:
        """Sees that it refuses what it can: one that lets everything through would be quick and worth nothing."""
        key = folder.speaking[0]
        zone = f"{gates.ZONES}{key.team.zone}."
        asked = {"a wrong key": ("GET", "wrong", None), "a forbidden record type": ("PATCH", key.text, "CAA")}
        if name in (NONE, NOOP, ALLOWS):
            return
        if name in (RBAC, MATCHER):   # they do not look at bodies
            del asked["a forbidden record type"]
        for what, (method, text, kind) in asked.items():
            change = json.loads(body(key.team.zone, 1).replace('"A"', f'"{kind}"')) if kind else None
            status = gate.ask(method, zone, key=text, body=change).status
            if status not in (401, 403):
                raise term.fail(f"{name}, {folder.size}: answers {status} to {what}; see {gate.program.log}")

    def _largest_of_rbac(self) -> Size:
        """The largest size that RBAC is tried with."""
        fitting = [each for each in self.sizes if each.policies == self.base.policies and each.keys <= RBAC_KEYS_MAX]
        return max(fitting, key=lambda each: each.keys)

    def _works(self, size: Size, largest: Size) -> tuple:
        """All works at the usual size; elsewhere the one that is drawn."""
        return WORKS if size == largest else (PATCH,)

    def _start_others(self) -> None:
        """Starts everything else."""
        place, upstream = self.place, self.upstream
        allows = self._keep(fast.Fast(place / "allows", {"PATCH": (200, "ok"), "GET": (200, "ok")}))
        self._add(NONE, None, self._keep(gates.none(place / "none", upstream)), (), WORKS)
        self._add(NOOP, None, self._keep(gates.noop(place / "noop", upstream)), (), WORKS)
        self._add(ALLOWS, None, self._keep(gates.ext_authz(place / "allowing", upstream, allows.port)), (allows,), WORKS)
        for size, folder in self.folders.items():
            for name, kind, at in ((PLAIN, "plain", folder.policies), (INDEXED, "indexed", folder.bare())):
                server = self._keep(gates.PolicyServer(folder.place, kind, at))
                gate = self._keep(gates.ext_authz(folder.place / kind, upstream, server.port))
                self._add(name, size, gate, (server,), self._works(size, self.base))
            if size.policies != self.base.policies:
                continue
            for name, start in ((LUA, gates.lua), (RBAC, gates.rbac), (MATCHER, gates.rbac_matcher)):
                largest = self.base if name == LUA else self._largest_of_rbac()
                if size.keys <= largest.keys:
                    gate = self._keep(start(folder.place / start.__name__, upstream, folder.keys))
                    self._add(name, size, gate, (), self._works(size, largest))

    def _rounds(self) -> None:
        """Takes every measure once in each round."""
        for number in range(self.options.rounds):
            began = time.monotonic()
            for into, measures in ((self.found.cost, self.points), (self.found.latency, self.slow)):
                for name, each in measures.items():
                    taken = each.take()
                    into.setdefault(name, []).append([taken.cpu_us, taken.rate, taken.p50_us, taken.p99_us])
            term.say(f"  round {number + 1} of {self.options.rounds}: {time.monotonic() - began:.0f} s")

    def _reload(self) -> None:
        """Reloads each gate, with all the others idle."""
        for size, folder in self.folders.items():
            key = folder.speaking[0]
            request = probe.request_bytes("GET", f"{gates.ZONES}{key.team.zone}.", key.text)
            seen = reload.measure(self.gates[size], folder.bundles, request, self.options.reloads)
            gate = self.found.gates[f"{size.keys}/{size.policies}"]
            gate.update({f"reload_{name}": each for name, each in asdict(seen).items()})
            term.say(f"  reloaded: {size}, longest wait of others {max(seen.stall_ms):.0f} ms")


def run(options: Options, again: bool = False, write: bool = False) -> int:
    """Measures (or takes what was measured last), prints, and with `write` puts it into the documentation."""
    if again:
        found = Found.last()
    else:
        folder = Path(tempfile.mkdtemp(prefix="bench-", dir=paths.RUN if paths.RUN.exists() else paths.LAB))
        try:
            found = Matrix(folder, options).run()
        finally:
            shutil.rmtree(folder, ignore_errors=True)   # a million audit records
    report.say(found)
    if write:
        report.write(found)
    return 0
