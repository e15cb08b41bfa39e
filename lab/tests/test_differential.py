"""The gate against PowerDNS itself: nasty requests by weak keys, and PowerDNS's own database before and after each.

The oracle knows nothing of the engine: for each key it says, in a line of Python, which rows of the database the key
may change and which it may read. A row changed outside is a wrong allow, however the request was spelled; a value in
an answer that the key may not read is a leak. Requests follow from a fixed seed; `ZONEGATE_DIFFERENTIAL_SEED` and
`ZONEGATE_DIFFERENTIAL_SECONDS` choose other and longer runs.
"""

import json
import os
import random
import re
import sqlite3
import time
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import pytest

from lab import gate as whole, powerdns, web

from . import nasty

SECONDS = float(os.environ.get("ZONEGATE_DIFFERENTIAL_SECONDS", "45"))
"""How long a run takes at most."""

REQUESTS_MAX = int(os.environ.get("ZONEGATE_DIFFERENTIAL_REQUESTS", "6000"))
"""How many requests a run sends at most."""

SEED = int(os.environ.get("ZONEGATE_DIFFERENTIAL_SEED", "20261120"))
"""What the requests follow from."""

TABLES = ("domains", "records", "supermasters", "comments", "domainmetadata", "cryptokeys", "tsigkeys")
"""All tables of PowerDNS's SQLite backend."""

SECRETS = ("cryptokeys", "tsigkeys", "supermasters")
"""Tables that none of these keys may add to."""

GUARDED = {"NS", "SOA", "DS", "DNAME", "DNSKEY", "CDS", "CDNSKEY", "CSYNC", "DLV", "TA", "CAA", "LUA"}
"""Types that need a role of their own."""


class Row(NamedTuple):
    """One row of the database, without what PowerDNS counts up by itself."""

    table: str
    zone: str
    name: str
    kind: str
    content: str
    rest: tuple = ()


def is_record(row: Row) -> bool:
    """Whether the row is a record or a comment of an rrset."""
    return row.table in ("records", "comments")


def below(name: str, domain: str) -> bool:
    """Whether a name is a domain or below it."""
    return name == domain or name.endswith(f".{domain}")


def is_challenge(row: Row) -> bool:
    """Whether the row is of a TXT rrset at some challenge name."""
    return is_record(row) and row.kind == "TXT" and row.name.startswith("_acme-challenge.")


def is_proof(row: Row) -> bool:
    """Whether the row is a text that a web service asks for, or a comment beside such a text."""
    return row.zone == "example.com" and row.kind == "TXT" and (row.table == "comments" or row.table == "records" and bool(
        re.fullmatch(r'"(google-site-verification=[A-Za-z0-9_-]{20,80}|MS=ms[0-9]{5,12})"', row.content)))


def is_plain(row: Row) -> bool:
    """Whether the row is a record that no guardrail is about."""
    return is_record(row) and row.kind not in GUARDED and not row.kind.startswith("TYPE") and "*" not in row.name


def is_edited(row: Row) -> bool:
    """Whether the row is in a zone of the zone editors."""
    return row.zone.endswith(".nl") or "prod" in row.zone


def is_new(row: Row) -> bool:
    """Whether the row is in a zone that takes no name from one of the demo zones."""
    return row.zone != "" and not any(below(row.zone, zone) for zone in whole.demo_zones())


@dataclass(frozen=True)
class Reach:
    """What one key may do."""

    changes: callable
    """Whether it may remove a row."""

    adds: callable = None
    """Whether it may add a row, where that is another question."""

    reads: callable = None
    """Whether it may see a row's value, where that is another question."""

    names: tuple = ()
    """Names that are its own, for requests that come close to being allowed."""

    kinds: tuple = ("TXT",)
    """Types that are its own."""

    values: tuple = ('"token"', '"LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM"')
    """Values that are its own."""

    zones: tuple = ("example.com",)
    """Zones that are its own."""


def nothing(_row: Row) -> bool:
    """For keys that may do nothing to anything."""
    return False


REACHES = {
    "demoacmehost": Reach(lambda row: is_challenge(row) and row.name == "_acme-challenge.www.example.com",
                          names=("_acme-challenge.www.example.com",)),
    "demoacmezone": Reach(lambda row: is_challenge(row) and row.zone == "example.com",
                          names=("_acme-challenge.www.example.com", "_acme-challenge.example.com")),
    "demostrict01": Reach(lambda row: is_challenge(row) and row.zone == "example.com",
                          adds=lambda row: is_challenge(row) and row.zone == "example.com" and (
                              row.table == "comments" or bool(re.fullmatch(r'[" ]*([A-Za-z0-9_-][" ]*){43}', row.content))),
                          names=("_acme-challenge.www.example.com", "_acme-challenge.example.com")),
    "demoregex001": Reach(is_challenge, names=("_acme-challenge.www.customer.nl", "_acme-challenge.example.net"),
                          zones=("customer.nl", "example.net", "child.example.com")),
    "demoddns0001": Reach(lambda row: is_record(row) and row.name == "home.example.com" and row.kind in ("A", "AAAA"),
                          adds=lambda row: row.name == "home.example.com" and (
                              row.table == "comments" or (row.kind, row.content) == ("A", "127.0.0.1")),
                          names=("home.example.com",), kinds=("A", "AAAA"), values=("127.0.0.1", "::ffff:127.0.0.1")),
    "demosubtree1": Reach(lambda row: is_plain(row) and below(row.name, "apps.example.com")
                          and row.kind in ("A", "AAAA", "CNAME", "MX", "SRV", "TXT"),
                          names=("apps.example.com", "a.apps.example.com"), kinds=("A", "CNAME", "MX", "TXT"),
                          values=("192.0.2.7", '"x"', "10 mail.example.com.")),
    "demoverify01": Reach(is_proof, names=("proof.example.com", "proof.example.com", "example.com"),
                          values=('"MS=ms12345"', '"google-site-verification=0123456789abcdefghij"')),
    "demopreviews": Reach(lambda row: is_record(row) and row.zone == "example.com" and row.kind in ("A", "AAAA", "CNAME")
                          and bool(re.fullmatch(r"pr-[1-9][0-9]{0,5}\.preview\.example\.com", row.name)),
                          names=("pr-1.preview.example.com",), kinds=("A", "CNAME"),
                          values=("192.0.2.7", "www.example.com.")),
    "demozoneedit": Reach(lambda row: is_edited(row) and is_plain(row), reads=is_edited,
                          names=("www.customer.nl", "customer.nl", "prod-shop.nl", "x.shop-prod.com"),
                          kinds=("A", "TXT", "MX", "CNAME"), values=("192.0.2.7", '"x"', "10 www.customer.nl."),
                          zones=("customer.nl", "prod-shop.nl", "shop-prod.com")),
    "democreator1": Reach(nothing, reads=is_record, names=("www.new.example", "new.example"), kinds=("A", "TXT", "NS"),
                          adds=lambda row: is_new(row) and row.table not in SECRETS and (
                              row.table != "records" or is_plain(row) or (row.name, row.kind) in ((row.zone, "SOA"), (row.zone, "NS"))),
                          values=("192.0.2.7", "ns1.new.example.", '"x"'), zones=("new.example",)),
    "demoallzones": Reach(is_plain, reads=lambda row: is_record(row) or row.table == "domainmetadata",
                          names=("www.example.com", "www.example.net"), kinds=("A", "TXT", "MX"),
                          values=("192.0.2.7", '"x"', "10 mail.example.com.")),
    "demonothing1": Reach(nothing, names=("www.example.com",), kinds=("A",), values=("192.0.2.7",)),
    "demoprevnone": Reach(nothing, names=("pr-1.preview.example.com",), kinds=("A",), values=("192.0.2.7",)),
    "demoauditor1": Reach(nothing, names=("www.example.com",), kinds=("A",), values=("192.0.2.7",)),
    "demootheracc": Reach(nothing, names=("www.example.com",), kinds=("A",), values=("192.0.2.7",)),
}
"""The keys, and how far each of them reaches."""


class Database:
    """PowerDNS's database, read and put back behind its back."""

    def __init__(self, server: powerdns.PowerDNS):
        """Opens it and remembers what is in it."""
        self.connection = sqlite3.connect(server.folder / "pdns.sqlite3", timeout=20, isolation_level=None)
        self.start = {table: self.connection.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}
        self.version = None
        self.seen: Counter = Counter()

    def rows(self) -> Counter:
        """All rows; read again only where somebody wrote since."""
        version = self.connection.execute("PRAGMA data_version").fetchone()
        if version != self.version:
            self.version, self.seen = version, Counter(self._read())
        return self.seen

    def _read(self):
        """Each row, without serials, times and what follows from other rows."""
        ask = self.connection.execute
        zones = dict(ask("SELECT id, name FROM domains"))
        for name, kind, *rest in ask("SELECT name, type, master, account, options, catalog FROM domains"):
            yield Row("domains", name, name, kind, "", tuple(rest))
        for domain, name, kind, content, ttl, disabled in ask(
                "SELECT domain_id, name, type, content, ttl, disabled FROM records WHERE type IS NOT NULL"):
            shown = re.sub(r" \d+(?= \d+ \d+ \d+ \d+$)", " serial", content) if kind == "SOA" else content
            yield Row("records", zones.get(domain, ""), name.lower(), kind, shown, (ttl, disabled))
        for domain, name, kind, content, account in ask("SELECT domain_id, name, type, comment, account FROM comments"):
            yield Row("comments", zones.get(domain, ""), name.lower(), kind, content, (account,))
        for domain, kind, content in ask("SELECT domain_id, kind, content FROM domainmetadata"):
            yield Row("domainmetadata", zones.get(domain, ""), "", kind, content)
        for domain, content, *rest in ask("SELECT domain_id, content, flags, active, published FROM cryptokeys"):
            yield Row("cryptokeys", zones.get(domain, ""), "", "", content, tuple(rest))
        for name, algorithm, secret in ask("SELECT name, algorithm, secret FROM tsigkeys"):
            yield Row("tsigkeys", "", name, algorithm, secret)
        for address, nameserver, account in ask("SELECT ip, nameserver, account FROM supermasters"):
            yield Row("supermasters", "", address, nameserver, account or "")

    def restore(self) -> None:
        """Puts back what was there at the start."""
        self.connection.execute("BEGIN IMMEDIATE")
        for table, rows in self.start.items():
            self.connection.execute(f"DELETE FROM {table}")
            if rows:
                marks = ",".join("?" * len(rows[0]))
                self.connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        self.connection.execute("COMMIT")
        self.version = None


def outside(reach: Reach, before: Counter, after: Counter) -> list:
    """The rows that changed although the key may not change them."""
    adds = reach.adds or reach.changes
    return [f"removed {row}" for row in before - after if not reach.changes(row)] \
        + [f"added {row}" for row in after - before if not adds(row)]


def leaked(reach: Reach, rows: Counter, sent: nasty.Sent, answer: web.Answer) -> list:
    """The values and owner names in an answer that the key may not read and did not send itself."""
    reads = reach.reads or reach.changes
    text = answer.text
    asked = sent.path + re.sub(r"\\u00([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), sent.body.decode(errors="replace"))
    hidden, shown = set(), set()
    for row in rows:
        # A value that is a host name may stand inside any other name.
        values = [] if row.kind in ("SOA", "CNAME", "NS", "MX") or len(row.content) < 8 else [json.dumps(row.content)[1:-1]]
        names = [] if row.name in ("", row.zone) else [f'"name": "{row.name}.']
        (shown if reads(row) else hidden).update(values + names)
    return [one for one in hidden - shown if one in text and one not in asked and one.strip('"\\') not in asked]


@pytest.fixture(scope="module")
def target(folder, built):
    """A PowerDNS of its own, with secrets that nobody here may see, and a gate in front of it."""
    server = powerdns.PowerDNS(folder / "differential-pdns")
    whole.fill(server)
    for path, body in (
            ("/tsigkeys", {"name": "transfer", "algorithm": "hmac-sha256", "key": "c2VjcmV0LW9mLXRoZS10cmFuc2ZlcnM="}),
            ("/zones/example.net./cryptokeys", {"keytype": "csk", "active": True}),
            ("/zones/example.com./metadata", {"kind": "ALLOW-AXFR-FROM", "metadata": ["203.0.113.99"]})):
        answer = server.api("POST", path, body)
        assert answer.status == 201, answer.text
    for name, kind, records in (("hidden.example.com.", "TXT", ['"hidden-text-of-nobody"']),
                                ("proof.example.com.", "TXT", ['"MS=ms77777"']),
                                ("example.com.", "TXT", ['"v=spf1 mx -all"', '"MS=ms99999"'])):
        answer = server.api("PATCH", "/zones/example.com.", {"rrsets": [{
            "name": name, "type": kind, "ttl": 60, "changetype": "REPLACE",
            "records": [{"content": value, "disabled": False} for value in records],
            "comments": [{"content": "comment-of-nobody", "account": "nobody"}]}]})
        assert answer.status == 204, answer.text
    gate = whole.start(server, folder / "differential-gate")
    yield server, gate
    gate.stop()
    server.stop()


def test_the_oracle_sees_what_is_written_past_the_gate(target):
    """A test that cannot fail is none: the same write past the gate is outside of every key but one."""
    server, _ = target
    database = Database(server)
    before = database.rows()
    answer = server.api("PATCH", "/zones/example.com.", {"rrsets": [
        {"name": "www.example.com.", "type": "A", "ttl": 60, "changetype": "DELETE"}]})
    assert answer.status == 204, answer.text
    after = database.rows()
    database.restore()
    blind = [key for key, reach in REACHES.items() if not outside(reach, before, after)]
    assert blind == ["demoallzones"]
    answer = server.api("GET", "/zones/example.com.")
    sent = nasty.Sent("GET", "/", {}, b"")
    assert "comment-of-nobody" in leaked(REACHES["demoacmehost"], database.rows(), sent, answer)


def test_nothing_changes_and_nothing_shows_outside_a_key_s_reach(target, keys):
    """Requests of all keys, spelled in every way that PowerDNS or the gate may read differently."""
    server, gate = target
    database, chance = Database(server), random.Random(SEED)
    until, allowed, changed, found = time.monotonic() + SECONDS, Counter(), Counter(), []
    for number in range(REQUESTS_MAX):
        if time.monotonic() > until or len(found) > 20:
            break
        key = chance.choice(sorted(REACHES))
        reach = REACHES[key]
        sent = nasty.request(chance, reach, keys[key])
        before = database.rows()
        answer = nasty.send(gate.port, sent)
        after = database.rows()
        wrong = outside(reach, before, after)
        if answer is not None:
            wrong += [f"shown {value}" for value in leaked(reach, before + after, sent, answer)]
            wrong += ["the real credential"] * (powerdns.API_KEY in answer.text)
            wrong += [f"status {answer.status}"] * (answer.status in (500, 504))
            allowed[key] += answer.status < 300
        if wrong:
            found.append(f"{number} {key} {sent.method} {sent.path} {sent.headers} {sent.body!r}\n  -> "
                         f"{answer and (answer.status, answer.text[:300])}\n  {wrong[:5]}")
        if after is not before and after != before:
            changed[key] += 1
            database.restore()
    print(f"\n{number + 1} requests, seed {SEED}; answered below 300: {dict(allowed)}; wrote: {dict(changed)}")
    assert not found, "\n".join(found)
    writers = {key for key, reach in REACHES.items() if reach.changes is not nothing}
    assert number < 3000 or writers <= set(changed), f"never wrote: {writers - set(changed)}"
