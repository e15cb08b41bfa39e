"""The examples, run as their READMEs say, against a gate of the lab."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
import yaml

from lab import gate as whole, paths, process, web

from .test_kubernetes import FILTER_IN_IMAGE
from .test_secrets import wait_for

EXAMPLES = paths.ROOT / "examples"
"""Where they are."""


def run(script: str, *arguments, **environment) -> subprocess.CompletedProcess:
    """Runs an example's script with its output merged."""
    return subprocess.run([EXAMPLES / script, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, timeout=120,
                          env=dict(os.environ, **{name: str(value) for name, value in environment.items()}))


@pytest.mark.parametrize("client", ["lego", "certbot", "acme-sh"])
def test_certificate(gate, zones, authority, folder, client):
    """A certificate inside the key's scope; none outside."""
    options = {"GATE": f"http://127.0.0.1:{gate.port}", "ACME_SERVER": authority.url,
               "ACME_CA": authority.certificates.authority, "RESOLVER": f"127.0.0.1:{zones.dns_port}", "WAIT": 1,
               "STATE": folder / f"example-{client}", "CERTBOT": paths.VENV / "bin" / "certbot", "ACME_SH": paths.ACME_SH,
               "HOME": folder}
    done = run(f"certificate/{client}.sh", "www.example.com", **options)
    assert done.returncode == 0, done.stdout[-3000:]
    assert run(f"certificate/{client}.sh", "mail.example.com", **options).returncode != 0


def test_dynamic_address(gate, zones):
    """The client's own address goes through, another one is refused."""
    address = f"http://127.0.0.1:{gate.port}"
    own = run("dynamic-address/update.sh", "home.example.com", "127.0.0.1", GATE=address)
    assert own.returncode == 0 and "home.example.com is 127.0.0.1" in own.stdout, own.stdout
    other = run("dynamic-address/update.sh", "home.example.com", "192.0.2.66", GATE=address)
    assert other.returncode != 0 and '"error"' in other.stdout, other.stdout
    assert zones.values("example.com", "home.example.com", "A") == ["127.0.0.1"]


def test_zone_as_code(gate, server):
    """Plan, apply, nothing left to do."""
    whole.fill(server, only="customer.nl")
    options = {"GATE_PORT": gate.port, "OCTODNS_SYNC": paths.VENV / "bin" / "octodns-sync"}
    planned = run("zone-as-code/apply.sh", **options)
    assert planned.returncode == 0 and "Create" in planned.stdout, planned.stdout[-2000:]
    applied = run("zone-as-code/apply.sh", "--doit", "--force", **options)
    assert applied.returncode == 0, applied.stdout[-2000:]
    assert server.values("customer.nl", "www.customer.nl", "A") == ["192.0.2.111", "192.0.2.113"]
    assert "No changes were planned" in run("zone-as-code/apply.sh", **options).stdout


def test_service(folder, built):
    """The installer puts down what its README lists, and installing again keeps what was changed."""
    root = folder / "service"
    assert run("service/install.sh", "--root", root).returncode == 0
    secret = root / "etc/zonegate/secrets/powerdns-main.yaml"
    assert secret.stat().st_mode & 0o777 == 0o600 and secret.parent.stat().st_mode & 0o777 == 0o700
    for part in ("usr/lib/zonegate/zonegate_filter.wasm", "usr/bin/zonegate", "etc/zonegate/envoy.yaml",
                 "etc/zonegate/policies/manifest.toml", "etc/systemd/system/zonegate.service"):
        assert (root / part).exists(), part
    secret.write_text("mine")
    assert run("service/install.sh", "--root", root).returncode == 0
    assert secret.read_text() == "mine"


class Composed:
    """The services of a compose file as programs: the same commands, their volumes as folders, the image's files as built."""

    def __init__(self, folder: Path, address: str):
        """Reads the file. `address` is what its Envoy shall listen on instead of what its configuration says."""
        self.folder = folder
        self.services = yaml.safe_load((EXAMPLES / "containers" / "compose.yaml").read_text())["services"]
        self.run = Path(tempfile.mkdtemp(prefix="zonegate-"))   # short, for the admin socket
        self.moved = {FILTER_IN_IMAGE: str(paths.FILTER), "/run/zonegate": str(self.run), "/dev/stdout": str(folder / "audit.log")}
        for each in self.services.values():
            for source, target, *_ in (volume.split(":") for volume in each["volumes"]):
                self.moved[target] = str(folder / source)
        (folder / "bundle").mkdir()
        configuration = folder / "envoy.yaml"
        configuration.write_text(self.relocated(configuration.read_text()).replace("address: 127.0.0.1, port_value: 8053", address))
        self.programs = []

    def relocated(self, text: str) -> str:
        """A text with what lies elsewhere here; longer paths first."""
        for documented in sorted(self.moved, key=len, reverse=True):
            text = text.replace(documented, self.moved[documented])
        return text

    def start(self, name: str) -> process.Program:
        """Runs a service's command."""
        service = self.services[name]
        program, = service["entrypoint"]
        binary = {"zonegate": paths.COMMAND, "envoy": paths.envoy_binary()}[program]
        words = [self.relocated(word) for word in service["command"]]
        self.programs.append(process.Program(name, [binary, *words], self.folder / f"{name}.log"))
        return self.programs[-1]

    def healthy(self, name: str) -> bool:
        """What a service's health check says."""
        kind, *words = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        return subprocess.run([self.relocated(word) for word in words], check=False).returncode == 0

    def stop(self) -> None:
        """Stops all of it."""
        for each in self.programs:
            each.stop()
        shutil.rmtree(self.run, ignore_errors=True)


def test_containers(server, folder, built):
    """A folder of one's own, a key of one's own: allowed and denied, and revoked by an edit that is saved."""
    mine = folder / "containers"
    mine.mkdir()
    shutil.copy(paths.ROOT / "envoy" / "envoy.yaml", mine)
    configuration = mine / "envoy.yaml"
    configuration.write_text(configuration.read_text().replace(
        "address: 127.0.0.1, port_value: 8081", f"address: {server.host}, port_value: {server.api_port}"))
    (mine / "secrets").mkdir()
    secret = (paths.ROOT / "envoy" / "secret.example.yaml").read_text()
    (mine / "secrets" / "powerdns-main.yaml").write_text(secret.replace("the-api-key-of-your-powerdns", server.key))
    assert whole.zonegate("new", "folder", mine / "policies").returncode == 0
    made = whole.zonegate("new", "key", "--dir", mine / "policies", "--description", "certificates of www", "--may", "acme-host",
                          "--zone", "example.com", "--name", "_acme-challenge.www.example.com", "--account", "powerdns/main",
                          "--expires", "never")
    assert made.returncode == 0, made.stderr
    key, port = made.stdout.strip(), process.free_port()
    composed = Composed(mine, f"address: 127.0.0.1, port_value: {port}")

    def zones() -> int:
        """What the key is answered."""
        try:
            return web.ask(port, "GET", "/api/v1/servers/localhost/zones/example.com.", key=key).status
        except OSError:
            return 0

    try:
        packing = composed.start("policies")
        assert wait_for(lambda: composed.healthy("policies"), 30), packing.output()
        gate = composed.start("gate")
        assert wait_for(lambda: zones() == 200, 30), gate.output()
        assert web.ask(port, "GET", "/api/v1/servers/localhost/zones/example.net.", key=key).status == 404
        keys = mine / "policies" / "keys.toml"
        keys.write_text(keys.read_text().replace("[[key]]\n", "[[key]]\ndisabled = true\n"))
        assert wait_for(lambda: zones() == 401, 10), packing.output()
    finally:
        composed.stop()
