"""Clients that know no other address than their provider's own: they reach the gate as their HTTPS proxy, and trust its authority."""

import json
import os
import subprocess
from pathlib import Path

from lab import clients, many as several, paths, pebble, tls


class Unmodified:
    """Runs clients behind the gate `many`, each test in a folder of its own."""

    def __init__(self, many: several.WithStandIns, folder: Path, authority: pebble.Pebble | None = None, dns_port: int = 0):
        """`authority`: an ACME authority that believes everybody; `dns_port`: where clients find which zone a name is in."""
        self.folder, self.authority, self.dns_port = folder, authority, dns_port
        folder.mkdir(parents=True, exist_ok=True)
        trusted = [Path(many.authority.certificate)] + ([Path(authority.certificates.authority)] if authority else [])
        self.trusted = folder / "trusted.crt"
        self.trusted.write_text("".join(each.read_text() for each in trusted))
        self.environment = dict(many.environment(), **dict.fromkeys(
            ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "LEGO_CA_CERTIFICATES"), str(self.trusted)))

    def run(self, *argv, **environment: str) -> subprocess.CompletedProcess:
        """A client, with its output merged."""
        return clients._run(list(argv), self.folder, {**self.environment, **environment})

    def python(self, script: str, *arguments: str, folder: Path | None = None, **environment: str) -> subprocess.CompletedProcess:
        """A few lines of Python with a provider's library."""
        return self.run(paths.VENV / "bin" / "python", "-c", script, *arguments,
                        PYTHONPATH=str(folder or paths.PROVIDER_CLIENTS), **environment)

    def tool(self, name: str, *arguments, **environment: str) -> subprocess.CompletedProcess:
        """A command of the installed packages."""
        return self.run(paths.VENV / "bin" / "python", paths.PROVIDER_CLIENTS / "bin" / name, *arguments,
                        PYTHONPATH=str(paths.PROVIDER_CLIENTS), **environment)

    def lexicon(self, provider: str, key: str, zone: str, action: str, kind: str, name: str = "", content: str = "",
                identifier: str = "") -> subprocess.CompletedProcess:
        """Lexicon, as a library; prints its result as JSON."""
        return self.python(_LEXICON, provider, key, zone, action, kind, name, content, identifier, folder=paths.LEXICON,
                           LEXICON_TLDEXTRACT_CACHE=str(self.folder / "suffixes"))

    def octodns(self, provider: dict, zone: str, desired: dict, apply: bool, **environment: str) -> subprocess.CompletedProcess:
        """octoDNS: plans, and with `apply` makes, the zone as desired."""
        (self.folder / "zones").mkdir(exist_ok=True)
        (self.folder / "zones" / f"{zone}.yaml").write_text(json.dumps(desired))
        (self.folder / "octodns.yaml").write_text(json.dumps({
            "providers": {"files": {"class": "octodns.provider.yaml.YamlProvider", "directory": str(self.folder / "zones"),
                                    "default_ttl": 3600, "enforce_order": False}, "target": provider},
            "zones": {f"{zone}.": {"sources": ["files"], "targets": ["target"]}}}))
        return self.tool("octodns-sync", "--config-file", self.folder / "octodns.yaml",
                         *(["--doit", "--force"] if apply else []), **environment)

    def lego(self, provider: str, name: str, **environment: str) -> subprocess.CompletedProcess:
        """A certificate by lego."""
        return self.run("lego", "--path", self.folder / "lego", "--server", self.authority.url, "--accept-tos",
                        "--email", clients.ACCOUNT, "--dns", provider, "--dns.resolvers", f"127.0.0.1:{self.dns_port}",
                        "--dns.disable-cp", "-d", name, "run", **environment)

    def acme_sh(self, hook: str, name: str, **environment: str) -> subprocess.CompletedProcess:
        """A certificate by acme.sh."""
        home = self.folder / "acme.sh"
        home.mkdir(exist_ok=True)
        return self.run("sh", paths.ACME_SH, "--home", home, "--config-home", home, "--issue", "--server", self.authority.url,
                        "--ca-bundle", self.trusted, "--dns", hook, "--dnssleep", "1", "-m", clients.ACCOUNT, "-d", name, **environment)

    def certbot(self, plugin: str, credentials: str, name: str) -> subprocess.CompletedProcess:
        """A certificate by certbot with a plugin."""
        secret = self.folder / "certbot.ini"
        secret.write_text(credentials)
        secret.chmod(0o600)
        folders = [word for part in ("config", "work", "logs") for word in (f"--{part}-dir", self.folder / f"certbot-{part}")]
        return self.tool("certbot", "certonly", "-n", "--agree-tos", "-m", clients.ACCOUNT, "--server", self.authority.url,
                         "--authenticator", plugin, f"--{plugin}-credentials", secret, f"--{plugin}-propagation-seconds", "1",
                         *folders, "-d", name)


def credulous(folder: Path, dns_port: int) -> pebble.Pebble:
    """An ACME authority that believes every challenge: stand-ins have an API, and no DNS."""
    os.environ["PEBBLE_VA_ALWAYS_VALID"] = "1"
    try:
        return pebble.Pebble(folder / "pebble", dns_port, tls.Certificates(folder / "pebble-tls"))
    finally:
        del os.environ["PEBBLE_VA_ALWAYS_VALID"]


_LEXICON = """
import json, logging, sys
logging.disable(logging.WARNING)   # it would like to get the list of public suffixes, and does without
from lexicon.client import Client
from lexicon.config import ConfigResolver
provider, key, zone, action, kind, name, content, identifier = sys.argv[1:]
config = {"provider_name": provider, "domain": zone, "delegated": zone, "action": action, "type": kind, "name": name,
          "content": content, "ttl": 3600, provider: {"auth_token": key, "retry_wait_time": 20}}
with Client(ConfigResolver().with_dict(config)) as do:
    if action == "create":
        done = do.create_record(kind, name, content)
    elif action == "update":
        done = do.update_record(identifier or None, kind, name, content)
    elif action == "delete":
        done = do.delete_record(identifier or None, kind, name, content or None)
    else:
        done = do.list_records(kind, name or None)
print(json.dumps(done))
"""
