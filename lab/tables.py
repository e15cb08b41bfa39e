"""`python3 -m lab tables`: PowerDNS and Envoy for the runner of decision tables in host-tests/tests/envoy_tables.rs.

The runner sits between the two: Envoy's provider is a port of the runner, which hands on what it gets to PowerDNS.
"""

import json
import os
import shutil
import sys
from pathlib import Path

from . import envoy, gate, paths, powerdns, term

LOG_FLUSH_MS = 5
"""How often Envoy writes its audit log: the runner reads one record for each row before it goes on."""

_LOG_FIELDS = {
    '"protocol":"%PROTOCOL%"':
        '"protocol":"%PROTOCOL%","peer":"%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%","upstream":"%UPSTREAM_HOST%"',
    'protocol: "%PROTOCOL%"':
        'protocol: "%PROTOCOL%"\n                  peer: "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%"'
        '\n                  upstream: "%UPSTREAM_HOST%"',
}
"""What the two audit records say besides: the peer's port tells which connection, and so which row, a record is of."""


def serve(provider_port: int, bundle: Path) -> int:
    """Starts both on free ports, prints one line of JSON, then obeys lines of stdin (`reset`) until it closes."""
    for program in (paths.envoy_binary(), paths.powerdns_binary(), paths.CLOCK_SHIM):
        if not program.exists():
            raise term.fail(f"{program} is missing: run `make setup` first")
    folder = _folder()
    server = powerdns.PowerDNS(folder / "pdns")
    try:
        gate.fill(server)
        running = envoy.Envoy(folder / "envoy", provider_port, server.key, clock=True, trusted_hops=1,
                              changes=_LOG_FIELDS, log_flush_ms=LOG_FLUSH_MS)
        running.write_bundle(bundle.read_text())
        try:
            running.start().wait_ready()
            print(json.dumps({"gate_port": running.port, "api_port": server.api_port, "api_key": server.key,
                              "audit_log": str(running.audit), "clock_file": str(running.clock_file)}), flush=True)
            for line in sys.stdin:
                if line.strip() != "reset":
                    raise term.fail(f"the runner of tables says `{line.strip()}`, which is no command")
                reset(server)
                print("reset", flush=True)
        finally:
            running.stop()
    finally:
        server.stop()
    return 0


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
