"""examples/unmodified-clients, as its README says: its script, its configuration, its wrapper around a client."""

import json
import os
import re
import subprocess

import pytest

from lab import envoy, gate as whole, many as several, paths, process, standins
from lab.authority import Authority

from .test_many import is_clean
from .test_secrets import wait_for

EXAMPLE = paths.ROOT / "examples" / "unmodified-clients"
"""Where it is."""


class Running(envoy.Envoy):
    """The example's Envoy, with stand-ins where its four providers would be."""

    def __init__(self, folder):
        """Does what the README says to do on the gate's machine."""
        self.folder, self.workers, self.log_flush_ms, self.clock_file = folder, 1, 100, None
        self.audit, self.admin = folder / "audit.log", folder / "admin.sock"
        self.bundle = folder / "envoy.d" / "zonegate.json"
        for part in ("envoy.d", "secrets"):
            (folder / part).mkdir(parents=True)
        assert self.script("certificates.sh", folder / "tls").returncode == 0
        self.stand_ins, authority = {}, Authority(folder / "providers")
        text = (EXAMPLE / "envoy.yaml").read_text()
        changes = {"address: 127.0.0.1, port_value: 8080": f"address: 127.0.0.1, port_value: {process.free_port()}",
                   "/etc/ssl/certs/ca-certificates.crt": str(authority.certificate),
                   "/etc/zonegate": str(folder), "/run/zonegate": str(folder), "/dev/stdout": str(self.audit)}
        self.port = int(changes["address: 127.0.0.1, port_value: 8080"].rsplit(" ", 1)[1])
        for provider in re.findall(r"^  - name: (\w+)-main$", text, re.MULTILINE):
            host = several.PROVIDERS[provider].host
            made = standins.make(provider).start(tls=authority.issue(provider, [host]))
            self.stand_ins[provider] = made
            changes[f"address: {host}, port_value: 443"] = f"address: 127.0.0.1, port_value: {made.port}"
            self.write_secrets(provider, made.secret, text)
        assert len(self.stand_ins) == 4
        (folder / "envoy.yaml").write_text(envoy.adapt(text, changes))
        self.configuration = folder / "envoy.yaml"
        self.program = None
        assert whole.pack(self.bundle).returncode == 0

    def write_secrets(self, provider: str, secret: str, text: str) -> None:
        """The secret files that the configuration names for a provider, each with the header's whole value."""
        files = re.findall(rf"header: (\S+)\n.*\n +name: ({provider}-main\S*)\n", text)
        values = several.PROVIDERS[provider].real(secret)
        assert {header for header, _ in files} == set(values)
        for header, name in files:
            file = self.folder / "secrets" / f"{name}.yaml"
            file.write_text(several.SECRET % (name, json.dumps(values[header])))
            file.chmod(0o600)

    def script(self, name: str, *arguments, **environment) -> subprocess.CompletedProcess:
        """One of the example's scripts, with its output merged."""
        return subprocess.run([EXAMPLE / name, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False, timeout=60, env={"PATH": os.environ["PATH"], "HOME": str(self.folder), **environment})

    def client(self, *command, **environment) -> subprocess.CompletedProcess:
        """A client, by the wrapper."""
        return self.script("client.sh", *command, PROXY=f"http://127.0.0.1:{self.port}",
                           TRUSTED=str(self.folder / "tls" / "trusted.crt"), **environment)

    def curl(self, provider: str, path: str, key: str | None = None, *options) -> tuple:
        """Status and body of what curl gets from the provider's own address."""
        facts = several.PROVIDERS[provider]
        headers = [word for name, value in (facts.scoped(key) if key else {}).items() for word in ("--header", f"{name}: {value}")]
        done = self.client("curl", "--silent", "--show-error", "--max-time", "10", "--write-out", "\n%{http_code}", *headers, *options,
                           f"https://{facts.host}{path}")
        body, _, status = done.stdout.rpartition("\n")
        return (int(status) if status.isdecimal() else 0), body

    def ready(self) -> bool:
        """Whether the gate answers, by way of the proxy."""
        return self.curl("bunny", "/.zonegate/ready")[0] == 200

    def stop(self) -> None:
        """Stops all of it."""
        super().stop()
        for each in self.stand_ins.values():
            each.stop()


@pytest.fixture(scope="module")
def running(folder, built):
    """The example, started."""
    made = Running(folder / "unmodified")
    try:
        yield made.start().wait_ready()
    finally:
        made.stop()


LISTS = {"bunny": "/dnszone", "cloudflare": "/client/v4/zones", "hetzner": "/v1/zones", "porkbun": "/api/json/v3/domain/listAll"}
"""Where each of the four lists zones."""


@pytest.mark.parametrize("provider", LISTS)
def test_a_client_with_the_providers_own_address(running, keys, provider):
    """It is served inside its scope, by the real credential, which it never sees."""
    stand_in = running.stand_ins[provider]
    stand_in.reset()
    status, body = running.curl(provider, LISTS[provider], keys["demoanyacme1"])
    assert status == 200 and "example.com" in body and "example.net" not in body, body
    assert stand_in.log
    for logged in stand_in.log:
        is_clean(logged, provider, stand_in.secret, keys["demoanyacme1"])
    assert running.curl(provider, LISTS[provider])[0] in (401, 403)


def test_a_client_that_does_not_trust_the_authority_says_nothing(running, keys):
    """Without `trusted.crt` there is no connection, so the key stays at home."""
    stand_in = running.stand_ins["bunny"]
    stand_in.reset()
    done = running.script("client.sh", "curl", "--silent", "https://api.bunny.net/dnszone", "--header", f"AccessKey: {keys['demoanyacme1']}",
                          PROXY=f"http://127.0.0.1:{running.port}", TRUSTED="/etc/ssl/certs/ca-certificates.crt")
    assert done.returncode == 60 and stand_in.log == []


def test_the_client_is_known_by_its_own_address(running, keys):
    """Not by the proxy's, so that policies about addresses hold."""
    assert running.curl("bunny", "/dnszone", keys["demoanyacme1"], "--interface", "127.0.0.3")[0] == 200
    clients = lambda: [each["zonegate"]["client"] for each in running.audit_records() if each.get("zonegate")]
    assert wait_for(lambda: clients()[-1] == "127.0.0.3", 5)


def test_only_the_four_hosts(running):
    """Neither the proxy nor the authority is good for others."""
    done = running.client("curl", "--silent", "--show-error", "https://www.example.com/")
    assert done.returncode == 56 and "404" in done.stdout
    more = running.script("certificates.sh", running.folder / "tls", "api.bunny.net", "www.example.com")
    assert more.returncode != 0 and "made for fewer hosts" in more.stdout


def test_an_impostor_of_a_provider_gets_nothing(running, keys):
    """The shipped clusters verify: another name, or an authority that nobody trusts, is a 503, and no request goes up."""
    stand_in = running.stand_ins["hetzner"]
    host, right = several.PROVIDERS["hetzner"].host, Authority(running.folder / "providers")
    wrong = (right.issue("other", ["api.hetzner.example"]), Authority(running.folder / "stranger").issue("hetzner", [host]))
    for shown, statuses in ((wrong[0], {503}), (wrong[1], {503}), (right.issue("hetzner", [host]), {200})):
        port = stand_in.port
        stand_in.stop()
        stand_in.reset()
        stand_in.start(port, shown)
        assert running.curl("hetzner", LISTS["hetzner"], keys["demoanyall01"])[0] in statuses
        assert bool(stand_in.log) == (statuses == {200})


def test_renewal(running, keys):
    """The script run again: a new certificate by the same authority, served without a restart."""
    folder = running.folder / "tls"
    before, authority = (folder / "gate.crt").read_bytes(), (folder / "ca.crt").read_bytes()
    assert running.script("certificates.sh", folder).returncode == 0
    assert (folder / "gate.crt").read_bytes() != before and (folder / "ca.crt").read_bytes() == authority
    shown = lambda: running.client("curl", "--silent", "--output", "/dev/null", "--write-out", "%{certs}",
                                   "https://api.bunny.net/.zonegate/ready").stdout
    assert wait_for(lambda: (folder / "gate.crt").read_text().split("\n")[1] in shown(), 10), shown()
    assert (folder / "ca.key").stat().st_mode & 0o777 == (folder / "gate.key").stat().st_mode & 0o777 == 0o600
