"""`python3 -m lab tables`: Envoys and providers for the runner of decision tables in host-tests/tests/envoy_tables.rs.

The runner sits between the two: an Envoy's provider is a port of the runner, which hands on what it gets to PowerDNS,
or to the stand-in of a provider in the cloud.
"""

import json
import os
import shutil
import sys
from pathlib import Path

from . import envoy, gate, many, paths, powerdns, standins, term

LOG_FLUSH_MS = 5
"""How often Envoy writes its audit log: the runner reads one record for each row before it goes on."""

MARK = "x-lab-forwarded"
"""A header by which the runner knows what goes on from the filter's own lookups: both name the same host."""

_LOG_FIELDS = {
    '"protocol":"%PROTOCOL%"':
        '"protocol":"%PROTOCOL%","peer":"%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%","upstream":"%UPSTREAM_HOST%"',
    'protocol: "%PROTOCOL%"':
        'protocol: "%PROTOCOL%"\n                  peer: "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%"'
        '\n                  upstream: "%UPSTREAM_HOST%"',
}
"""What the two audit records say besides: the peer's port tells which connection, and so which row, a record is of."""


def serve(provider_port: int, bundle: Path, routes: dict) -> int:
    """Starts all on free ports, prints one line of JSON, then obeys lines of stdin (`reset`) until it closes.

    `routes` has the runner's port for each (provider, account) in the cloud; they share an Envoy.
    """
    for program in (paths.envoy_binary(), paths.powerdns_binary(), paths.CLOCK_SHIM):
        if not program.exists():
            raise term.fail(f"{program} is missing: run `make setup` first")
    folder = _folder()
    running = []
    try:
        running.append(server := powerdns.PowerDNS(folder / "pdns"))
        gate.fill(server)
        running.append(plain := envoy.Envoy(folder / "envoy", provider_port, server.key, clock=True, trusted_hops=1,
                                            changes=_LOG_FIELDS, log_flush_ms=LOG_FLUSH_MS))
        plain.write_bundle(bundle.read_text())
        plain.start(wait=False)
        cloud = _Cloud(folder / "cloud", routes, plain.clock_file)
        running.append(cloud)
        cloud.start(bundle)
        plain.program.wait_until(plain.live, "waiting for its admin socket to say LIVE", 60)
        plain.wait_ready()
        print(json.dumps({"gate_port": plain.port, "api_port": server.api_port, "api_key": server.key,
                          "audit_log": str(plain.audit), "clock_file": str(plain.clock_file), "mark": MARK,
                          "cloud_audit_log": str(cloud.audit), "cloud": cloud.facts()}), flush=True)
        for line in sys.stdin:
            if line.strip() != "reset":
                raise term.fail(f"the runner of tables says `{line.strip()}`, which is no command")
            reset(server)
            print("reset", flush=True)
    finally:
        for each in reversed(running):
            each.stop()
    return 0


class _Cloud:
    """The Envoy of the providers in the cloud, and a stand-in for each account; nothing where no table needs one."""

    def __init__(self, folder: Path, routes: dict, clock_file: Path):
        """Makes them; those that there is no stand-in of are left out."""
        self.stand_ins = {(provider, account): standins.make(provider) for provider, account in routes
                          if provider in standins.names()}
        self.accounts = [many.Account(provider, account, port, f"real-{provider}-key:real-{provider}-secret")
                         for (provider, account), port in routes.items()]
        self.audit, self.gate = folder / "audit.log", None
        if self.accounts:
            self.gate = many.Many(folder, self.accounts, None, clock_file=clock_file, trusted_hops=1, mark=MARK,
                                  log_fields=_LOG_FIELDS, log_flush_ms=LOG_FLUSH_MS)

    def start(self, bundle: Path) -> None:
        """Starts all of it."""
        for each in self.stand_ins.values():
            each.start()
        if self.gate:
            self.gate.write_bundle(bundle.read_text())
            self.gate.start().wait_ready()

    def facts(self) -> list:
        """What the runner must know of each account."""
        found = []
        for each in self.accounts:
            stand_in = self.stand_ins.get((each.provider, each.account))
            found.append({"provider": each.provider, "account": each.account,
                          "gate_port": self.gate.ports[each.provider, each.account],
                          "host": many.facts_of(each.provider).host, "is_known": each.provider in many.PROVIDERS,
                          "headers": dict(each.secrets().values()),
                          "port": stand_in.port if stand_in else 0,
                          "control_port": stand_in.control_port if stand_in else 0})
        return found

    def stop(self) -> None:
        """Stops all of it."""
        if self.gate:
            self.gate.stop()
        for each in self.stand_ins.values():
            each.stop()


def reset(server: powerdns.PowerDNS) -> None:
    """The demo zones as lab/zones.toml has them, and no others."""
    wanted = gate.demo_zones()
    for zone in server.api("GET", "/zones").json:
        if zone["name"].rstrip(".") not in wanted:
            server.api("DELETE", f"/zones/{zone['id']}")
    gate.fill(server)


def _folder() -> Path:
    """A folder of this run in .lab, where its logs stay until a next run finds it ended."""
    base = paths.LAB / "tables"
    base.mkdir(parents=True, exist_ok=True)
    for old in base.iterdir():
        if not Path(f"/proc/{old.name}").exists():
            shutil.rmtree(old, ignore_errors=True)
    mine = base / str(os.getpid())
    mine.mkdir(exist_ok=True)
    return mine
