"""What the gate costs Envoy with the demo policies, beside no filter, a no-op filter and `ext_authz`.

The measure is CPU time of Envoy per request (of Envoy and the authorisation server together for `ext_authz`), against
a fast local upstream, because rates on a shared machine say little and PowerDNS's own cost would hide the rest.
Rounds are interleaved and the median is reported.
"""

import json
import shutil
import statistics
import tempfile
from pathlib import Path

from .. import gate, many, paths, term
from . import author, fast, gates
from .load import Measure, script

ROUNDS, SECONDS, CONNECTIONS = 5, 4, 8
"""How often and how long each pair is measured, and with how many connections."""

ZONE_PATH = "/api/v1/servers/localhost/zones/example.com."
"""What is asked for."""

CHANGE = {"rrsets": [{"name": "www.example.com.", "type": "A", "ttl": 60, "changetype": "REPLACE",
                      "records": [{"content": "192.0.2.80", "disabled": False}]}]}
"""What is changed there."""

BY_ID = "/v2/domains/example.com/records/28448439"
"""A record that only a lookup can name."""

PATCH, GET = "PATCH one record", "GET a zone of 20 records, filtered"
CREATE, DELETE_BY_NAME = "create an rrset (Gandi), no lookup", "delete an rrset (Gandi), no lookup"
DELETE_BY_ID = "delete by id (DigitalOcean), 1 lookup"
DELETE = "delete, nothing decided"
"""What is measured."""


def _zone(name: str, records: int) -> dict:
    """A zone as PowerDNS shows it, with so many records."""
    rrsets = [{"comments": [], "name": f"host{number}.{name}", "records": [{"content": f"192.0.2.{number}", "disabled": False}],
               "ttl": 300, "type": "A"} for number in range(records)]
    return {"account": "", "id": name, "kind": "Native", "name": name, "rrsets": rrsets, "serial": 1,
            "url": f"/api/v1/servers/localhost/zones/{name}"}


def _start_variants(folder: Path, upstream: fast.Fast, authz: fast.Fast) -> dict:
    """The four gates, by name."""
    return {
        "no filter": gates.none(folder / "none", upstream),
        "no-op filter": gates.noop(folder / "noop", upstream),
        "Zonegate": gates.zonegate(folder / "zonegate", upstream),
        "ext_authz": gates.ext_authz(folder / "authz", upstream, authz.port),
    }


def _of_powerdns(folder: Path, variants: dict, authz: fast.Fast) -> list:
    """The two requests of PowerDNS, through each of the gates."""
    key = {"X-API-Key": gate.demo_keys()["demoallzones"]}
    change = json.dumps(CHANGE, separators=(",", ":"))
    works = {PATCH: script(folder, "patch", key, "PATCH", change), GET: script(folder, "get", key)}
    return [Measure(work, name, (variant.program, authz.program) if name == "ext_authz" else (variant.program,),
                    variant.port, each, ZONE_PATH, SECONDS, CONNECTIONS)
            for work, each in works.items() for name, variant in variants.items()]


def _of_providers(folder: Path, providers: many.Many) -> list:
    """Requests of other providers, through the gate: without a lookup, and with one."""
    key = {"Authorization": f"Bearer {gate.demo_keys()['demoanyall01']}"}
    rrset = json.dumps({"rrset_values": ["192.0.2.80"], "rrset_ttl": 300}, separators=(",", ":"))
    by_name = "/v5/livedns/domains/example.com/records/www/A"
    asked = [(CREATE, "gandi", by_name, "POST", rrset), (DELETE_BY_NAME, "gandi", by_name, "DELETE", None),
             (DELETE_BY_ID, "digitalocean", BY_ID, "DELETE", None)]
    return [Measure(work, "Zonegate", (providers.program,), providers.ports[provider, "main"],
                    script(folder, f"{provider}-{method.lower()}", key, method, body), path, SECONDS, CONNECTIONS)
            for work, provider, path, method, body in asked]


def _of_noop(folder: Path, noops: dict) -> list:
    """A deletion through the no-op filter, without a lookup and with one: Envoy's own part of it."""
    key = {"Authorization": f"Bearer {gate.demo_keys()['demoanyall01']}"}
    one = script(folder, "noop-delete", key, "DELETE")
    return [Measure(DELETE, name, (each.program,), each.port, one, BY_ID, SECONDS, CONNECTIONS) for name, each in noops.items()]


def _start_providers(folder: Path) -> tuple:
    """The gate in front of two providers in the cloud, no-op filters in front of one, and what answers in their place."""
    record = {"id": 28448439, "type": "A", "name": "www", "data": "192.0.2.80", "priority": None, "port": None, "ttl": 300,
              "weight": None, "flags": None, "tag": None}
    upstreams = {
        "gandi": fast.Fast(folder / "gandi", {
            "POST": (201, '{"message":"DNS Record Created"}'), "DELETE": (204, None), "GET": (200, "{}")}),
        "digitalocean": fast.Fast(folder / "digitalocean", {
            "DELETE": (204, None), "GET": (200, json.dumps({"domain_record": record}))}),
    }
    accounts = [many.Account(name, "main", each.port, "any") for name, each in upstreams.items()]
    made = many.Many(folder / "providers", accounts, None)
    gates.packed(made.bundle, paths.ROOT / "policies")
    made.start().wait_ready()
    noops = {"no lookup": gates.noop(folder / "no-lookup", upstreams["digitalocean"]),
             "1 lookup": gates.noop(folder / "lookup", upstreams["digitalocean"], "--cfg", "lookups")}
    return made, noops, list(upstreams.values())


def run() -> int:
    """Measures and prints."""
    author.command()
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=paths.RUN if paths.RUN.exists() else paths.LAB))
    upstream = fast.Fast(folder / "upstream", {"PATCH": (204, None), "GET": (200, json.dumps(_zone("example.com.", 20)))})
    authz = fast.Fast(folder / "authorisation", {each: (200, "ok") for each in ("PATCH", "GET")})
    variants = _start_variants(folder, upstream, authz)
    providers, noops, others = _start_providers(folder)
    measures = _of_powerdns(folder, variants, authz) + _of_providers(folder, providers) + _of_noop(folder, noops)
    found: dict = {}
    try:
        for round_number in range(ROUNDS):
            for each in measures:
                found.setdefault((each.work, each.name), []).append(each.take())
            term.say(f"round {round_number + 1} of {ROUNDS}")
    finally:
        for each in (*variants.values(), providers, *noops.values(), upstream, authz, *others):
            each.stop()
        shutil.rmtree(folder, ignore_errors=True)   # a million audit records
    medians = {key: _median(taken) for key, taken in found.items()}
    _say(medians, list(variants))
    return 0


def _median(taken: list) -> tuple:
    """CPU time per request in microseconds, requests per second, 99th percentile in ms."""
    columns = zip(*((each.cpu_us, each.rate, each.p99_us / 1e3) for each in taken))
    return tuple(statistics.median(column) for column in columns)


def _say(medians: dict, variants: list) -> None:
    """Prints the medians and how they stand to the goals."""
    term.say(f"\n1 worker, {CONNECTIONS} connections, median of {ROUNDS} rounds of {SECONDS} s")
    for work in (PATCH, GET):
        term.say(f"\n{work}\n  {'':14}{'CPU/request':>14}{'ratio':>8}{'requests/s':>12}{'p99':>10}")
        base = medians[work, "no-op filter"][0]
        for name in variants:
            cpu, rate, latency = medians[work, name]
            term.say(f"  {name:14}{cpu:11.1f} us{cpu / base:8.2f}{rate:12.0f}{latency:7.2f} ms")
        ours, other = medians[work, "Zonegate"][0], medians[work, "ext_authz"][0]
        term.say(f"  Zonegate is {ours / base:.2f} times the no-op filter (goal: at most 2) and {ours / other:.2f} times "
                 "ext_authz with its server (goal: at most 0.5)")
    patch = medians[PATCH, "Zonegate"][0]
    term.say(f"\nOther providers, through the gate\n  {'':36}{'CPU/request':>14}{'to the PATCH':>14}{'requests/s':>12}{'p99':>10}")
    for work in (CREATE, DELETE_BY_NAME, DELETE_BY_ID):
        cpu, rate, latency = medians[work, "Zonegate"]
        term.say(f"  {work:36}{cpu:11.1f} us{cpu / patch:14.2f}{rate:12.0f}{latency:7.2f} ms")
    create, lookup = (medians[work, "Zonegate"][0] for work in (CREATE, DELETE_BY_ID))
    without = medians[DELETE_BY_NAME, "Zonegate"][0]
    of_envoy = medians[DELETE, "1 lookup"][0] - medians[DELETE, "no lookup"][0]
    term.say(f"  a request without lookups costs {create / patch:.2f} times the PATCH of PowerDNS (goal: at most 1.1)\n"
             f"  a lookup costs {lookup - without:.0f} us: {of_envoy:.0f} us for Envoy's round trip, which a filter that decides nothing "
             f"needs too, and {lookup - without - of_envoy:.0f} us besides (goal: at most 100)")
