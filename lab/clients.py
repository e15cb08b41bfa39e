"""Real DNS and ACME clients, unchanged: only their address of PowerDNS and their key point at the gate."""

import json
import os
import subprocess
from pathlib import Path

from . import paths, pebble

ACCOUNT = "lab@example.com"
"""The contact that ACME accounts are made with."""


def _run(argv: list, folder: Path, environment: dict | None = None) -> subprocess.CompletedProcess:
    """Runs a client with its output merged; a client that hangs is a failure."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return subprocess.run([str(word) for word in argv], env={**kept, "HOME": str(folder), **(environment or {})},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                          cwd=folder, timeout=120, check=False)


class Acme:
    """ACME clients that ask `authority` for a certificate and prove control through the API at 127.0.0.1:`port`."""

    def __init__(self, authority: pebble.Pebble, port: int, dns_port: int, folder: Path):
        """Keeps accounts and certificates in the folder."""
        self.authority, self.address, self.dns_port, self.folder = authority, f"http://127.0.0.1:{port}", dns_port, folder
        self.trusted = authority.certificates.authority
        folder.mkdir(parents=True, exist_ok=True)

    def lego(self, key: str, *names: str) -> subprocess.CompletedProcess:
        """lego, with its provider `pdns`."""
        argv = ["lego", "--path", self.folder / "lego", "--server", self.authority.url, "--accept-tos",
                "--email", ACCOUNT, "--dns", "pdns", "--dns.resolvers", f"127.0.0.1:{self.dns_port}", "--dns.disable-cp"]
        for name in names:
            argv += ["-d", name]
        return _run([*argv, "run"], self.folder, {
            "PDNS_API_URL": self.address, "PDNS_API_KEY": key, "LEGO_CA_CERTIFICATES": str(self.trusted)})

    def certbot(self, key: str, *names: str) -> subprocess.CompletedProcess:
        """certbot, with its plugin certbot-dns-powerdns."""
        credentials = self.folder / "certbot.ini"
        credentials.write_text(f"dns_powerdns_api_url = {self.address}\ndns_powerdns_api_key = {key}\n")
        credentials.chmod(0o600)
        argv = [paths.VENV / "bin" / "certbot", "certonly", "-n", "--agree-tos", "-m", ACCOUNT,
                "--server", self.authority.url, "--authenticator", "dns-powerdns",
                "--dns-powerdns-credentials", credentials, "--dns-powerdns-propagation-seconds", "1"]
        for part in ("config", "work", "logs"):
            argv += [f"--{part}-dir", self.folder / f"certbot-{part}"]
        for name in names:
            argv += ["-d", name]
        return _run(argv, self.folder, {"REQUESTS_CA_BUNDLE": str(self.trusted)})

    def acme_sh(self, key: str, *names: str) -> subprocess.CompletedProcess:
        """acme.sh, with its dns_pdns."""
        home = self.folder / "acme.sh"
        home.mkdir(exist_ok=True)
        argv = ["sh", paths.ACME_SH, "--home", home, "--config-home", home, "--issue", "--server", self.authority.url,
                "--ca-bundle", self.trusted, "--dns", "dns_pdns", "--dnssleep", "1", "-m", ACCOUNT]
        for name in names:
            argv += ["-d", name]
        return _run(argv, self.folder, {
            "PDNS_Url": self.address, "PDNS_ServerId": "localhost", "PDNS_Token": key, "PDNS_Ttl": "60"})


def octodns(zone: str, desired: dict, key: str, port: int, folder: Path, apply: bool) -> subprocess.CompletedProcess:
    """octoDNS: plans, and with `apply` makes, the zone as desired (octoDNS's own form: name to record)."""
    (folder / "zones").mkdir(parents=True, exist_ok=True)
    (folder / "zones" / f"{zone}.yaml").write_text(json.dumps(desired))
    (folder / "octodns.yaml").write_text(json.dumps({
        "providers": {
            "files": {"class": "octodns.provider.yaml.YamlProvider", "directory": str(folder / "zones"),
                      "default_ttl": 300, "enforce_order": False},
            "powerdns": {"class": "octodns_powerdns.PowerDnsProvider", "host": "127.0.0.1", "port": port,
                         "scheme": "http", "api_key": "env/PDNS_KEY", "ssl_verify": False,
                         "soa_edit_api": "default", "mode_of_operation": "native"}},
        "zones": {f"{zone}.": {"sources": ["files"], "targets": ["powerdns"]}}}))
    argv = [paths.VENV / "bin" / "octodns-sync", "--config-file", folder / "octodns.yaml"]
    return _run([*argv, *(["--doit", "--force"] if apply else [])], folder, {"PDNS_KEY": key})


_LEXICON = """
import json, sys
from lexicon.client import Client
from lexicon.config import ConfigResolver
address, key, zone, action, kind, name, content = sys.argv[1:]
config = {"provider_name": "powerdns", "domain": zone, "delegated": zone, "action": action, "type": kind, "name": name,
          "content": content, "ttl": 60,
          "powerdns": {"auth_token": key, "pdns_server": address, "pdns_server_id": "localhost"}}
with Client(ConfigResolver().with_dict(config)) as operations:
    call = {"list": operations.list_records, "create": operations.create_record, "delete": operations.delete_record}
    print(json.dumps(call[action](*([kind, name, content] if action == "create" else []), **(
        {} if action == "create" else {"rtype": kind, "name": name, "content": content or None}))))
"""


def lexicon(key: str, port: int, folder: Path, zone: str, action: str, kind: str, name: str,
            content: str = "") -> subprocess.CompletedProcess:
    """Lexicon, as the library that other programs use; prints its result as JSON."""
    return _run([paths.VENV / "bin" / "python", "-c", _LEXICON, f"http://127.0.0.1:{port}", key, zone, action, kind,
                 name, content], folder, {"PYTHONPATH": str(paths.LEXICON), "LEXICON_TLDEXTRACT_CACHE": str(folder / "suffixes")})
