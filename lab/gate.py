"""The whole: builds the filter and the command, fills PowerDNS, packs policies into a bundle, starts Envoy."""

import os
import subprocess
import tomllib
from pathlib import Path

from . import envoy, paths, powerdns, term


def build() -> None:
    """Builds the filter and the `zonegate` command with Cargo, which shows its own progress."""
    quiet = [] if term.ON_TERMINAL else ["--quiet"]
    for arguments in (["--release", "--target", "wasm32-wasip1", "-p", "zonegate-filter"], ["-p", "zonegate-cli"]):
        if subprocess.call(["cargo", "build", "--locked", *quiet, *arguments], cwd=paths.ROOT):
            raise term.fail(f"cargo build {' '.join(arguments)} failed; its message is above.")


def demo_zones() -> dict:
    """The demo zones as rows, by name."""
    return tomllib.loads((paths.ROOT / "lab" / "zones.toml").read_text())


def fill(server: powerdns.PowerDNS, only: str | None = None) -> None:
    """Creates the demo zones (or one of them) as lab/zones.toml has them; in an existing PowerDNS only missing ones."""
    for name, rows in demo_zones().items():
        if only not in (None, name):
            continue
        if isinstance(server, powerdns.ExistingPowerDNS) and server.api("GET", f"/zones/{name}.").status == 200:
            continue
        server.create_zone(name, rows)


def demo_keys(policies: Path = paths.ROOT / "policies") -> dict:
    """The public demonstration keys: id to plaintext."""
    return tomllib.loads((policies / "cases" / "demo-keys.toml").read_text())


def pack(output: Path, policies: Path = paths.ROOT / "policies", command: Path = paths.COMMAND) -> subprocess.CompletedProcess:
    """Packs a folder of policies into the discovery file that Envoy watches; the result says whether it was accepted."""
    return zonegate("bundle", policies, "--demo", "--wasm", paths.FILTER, "--output", output, command=command)


def zonegate(*arguments, command: Path = paths.COMMAND, **options) -> subprocess.CompletedProcess:
    """Runs the `zonegate` command (or another build of it) and returns its output as text."""
    return subprocess.run([str(command), *map(str, arguments)], capture_output=True, text=True, check=False,
                          cwd=paths.ROOT, env=dict(os.environ, NO_COLOR="1"), **options)


def prepare(server: powerdns.PowerDNS, folder: Path, policies: Path = paths.ROOT / "policies", **options) -> envoy.Envoy:
    """A gate in front of this server, with these policies, that is not started yet."""
    gate = envoy.Envoy(folder, server.api_port, server.key, host=server.host, **options)
    packed = pack(gate.bundle, policies)
    if packed.returncode:
        raise term.fail(f"The policies in {policies} cannot be packed:\n{packed.stdout}{packed.stderr}")
    return gate


def start(server: powerdns.PowerDNS, folder: Path, policies: Path = paths.ROOT / "policies", **options) -> envoy.Envoy:
    """Likewise, started and ready."""
    gate = prepare(server, folder, policies, **options)
    try:
        return gate.start().wait_ready()
    except BaseException:
        gate.stop()
        raise
