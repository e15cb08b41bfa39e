"""A PowerDNS authoritative server of our own: its configuration, data and sockets in one folder of the lab."""

import os
import shutil
import sqlite3
from pathlib import Path
from urllib.parse import urlsplit

from . import paths, process, term, web

API_KEY = "the-real-credential-of-the-lab"
"""The powerful credential that no client may ever see."""

SCHEMAS = ("share/pdns-backend-sqlite3/schema/schema.sqlite3.sql", "share/doc/pdns/schema.sqlite3.sql",
           "share/doc/pdns-backend-sqlite3/schema.sqlite3.sql")
"""Where a PowerDNS installation may keep the schema of its SQLite backend, below its prefix."""

_COMMON = """\
local-address=127.0.0.1
local-port={dns_port}
socket-dir={folder}
daemon=no
guardian=no
disable-syslog=yes
write-pid=no
api=yes
api-key={key}
webserver=yes
webserver-address=127.0.0.1
webserver-port={api_port}
webserver-allow-from=127.0.0.0/8
webserver-loglevel=none
loglevel=4
# No cache: a test asks for what it has just written.
zone-cache-refresh-interval=0
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
# No question leaves the machine.
security-poll-suffix=
"""

_BACKENDS = {
    "sqlite": "launch=gsqlite3\ngsqlite3-database={folder}/pdns.sqlite3\n"
              "gsqlite3-pragma-synchronous=0\ngsqlite3-dnssec=yes\n",
    "lmdb": "launch=lmdb\nlmdb-filename={folder}/pdns.lmdb\nlmdb-shards=1\nlmdb-sync-mode=nosync\n",
}


class PowerDNS:
    """One running server; `api_port` and `dns_port` on 127.0.0.1."""

    def __init__(self, folder: Path, api_port: int = 0, dns_port: int = 0, backend: str = "sqlite"):
        """Starts it with an empty database. SQLite knows comments; LMDB stands many writers at once."""
        self.folder = folder
        self.api_port = api_port or process.free_port()
        self.dns_port = dns_port or process.free_port()
        self.host, self.key = "127.0.0.1", API_KEY
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        settings = (_COMMON + _BACKENDS[backend]).format(
            folder=folder, api_port=self.api_port, dns_port=self.dns_port, key=API_KEY)
        (folder / "pdns.conf").write_text(settings)
        if backend == "sqlite":
            with sqlite3.connect(folder / "pdns.sqlite3") as database:
                database.executescript(_schema().read_text())
            database.close()
        self.program = process.Program("PowerDNS", [paths.powerdns_binary(), f"--config-dir={folder}"],
                                       folder.parent / f"{folder.name}.log")
        self.program.wait_until(self._answers, "waiting for its API")

    def _answers(self) -> bool:
        """Whether the API answers."""
        try:
            return self.api("GET", "").status == 200
        except OSError:
            return False

    def api(self, method: str, path: str, body=None) -> web.Answer:
        """One request below /api/v1/servers/localhost with the real credential, past the gate."""
        return web.ask(self.api_port, method, f"/api/v1/servers/localhost{path}", key=self.key, body=body)

    def create_zone(self, name: str, records: list = ()) -> None:
        """Creates a zone, anew if it is there, with records as (name, type, value...) rows."""
        zone = name.rstrip(".") + "."
        self.api("DELETE", f"/zones/{zone}")
        body = {"name": zone, "kind": "Native", "nameservers": ["ns1.example.com.", "ns2.example.com."],
                "rrsets": [rrset(zone, *row) for row in records]}
        answer = self.api("POST", "/zones", body)
        if answer.status != 201:
            raise term.fail(f"PowerDNS did not create {zone}: {answer.status} {answer.text}")

    def values(self, zone: str, name: str, kind: str) -> list:
        """The values of one rrset, past the gate; empty when there is none."""
        answer = self.api("GET", f"/zones/{zone.rstrip('.')}.")
        return sorted(record["content"] for found in answer.json.get("rrsets", ())
                      if (found["name"], found["type"]) == (name.rstrip(".") + ".", kind)
                      for record in found["records"])

    def stop(self) -> None:
        """Stops the server."""
        self.program.stop()


class ExistingPowerDNS(PowerDNS):
    """A PowerDNS API that runs already: `UPSTREAM=http://host:port` with `UPSTREAM_KEY=`."""

    def __init__(self, address: str, key: str):
        """Reaches it, or says why not."""
        parts = urlsplit(address)
        if parts.scheme != "http" or not parts.hostname or not parts.port or not key:
            raise term.fail("UPSTREAM must be http://host:port, and UPSTREAM_KEY its API key.")
        self.host, self.api_port, self.key, self.dns_port = parts.hostname, parts.port, key, None
        try:
            status = self.api("GET", "").status
        except OSError as error:
            raise term.fail(f"UPSTREAM={address} cannot be reached: {error}.") from None
        if status != 200:
            raise term.fail(f"UPSTREAM={address} answers {status}: is UPSTREAM_KEY right?")

    def api(self, method: str, path: str, body=None) -> web.Answer:
        """One request past the gate."""
        return web.ask(self.api_port, method, f"/api/v1/servers/localhost{path}", key=self.key, body=body,
                        host=self.host)

    def stop(self) -> None:
        """Leaves it running."""


def from_environment(folder: Path, api_port: int = 0, dns_port: int = 0) -> PowerDNS:
    """The PowerDNS that the environment asks for: an existing one, or one of our own."""
    if os.environ.get("UPSTREAM"):
        return ExistingPowerDNS(os.environ["UPSTREAM"], os.environ.get("UPSTREAM_KEY", ""))
    return PowerDNS(folder, api_port, dns_port)


def rrset(zone: str, name: str, kind: str, *values: str) -> dict:
    """An rrset of the API from a name relative to the zone ("@" is the zone itself) and values."""
    full = zone if name == "@" else f"{name}.{zone}"
    return {"name": full, "type": kind, "ttl": 300, "changetype": "REPLACE",
            "records": [{"content": value, "disabled": False} for value in values]}


def _schema() -> Path:
    """The SQL that makes an empty database."""
    prefix = paths.powerdns_binary().resolve().parent.parent
    for base in (prefix, Path("/usr"), Path("/usr/local")):
        for schema in SCHEMAS:
            if (base / schema).exists():
                return base / schema
    raise term.fail("The schema of PowerDNS's SQLite backend is not there (Debian's package: pdns-backend-sqlite3).")
