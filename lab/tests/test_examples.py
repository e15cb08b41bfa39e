"""The examples, run as their READMEs say, against a gate of the lab."""

import os
import subprocess

import pytest

from lab import gate as whole, paths

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
