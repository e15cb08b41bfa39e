"""Real clients of Cloudflare through the gate: their work inside their scope, and nothing outside."""

import json

import pytest

from . import registrars
from .unmodified import Unmodified, credulous

ZONE = f"{'a' * 24}00000001"
"""The stand-in's id of example.com."""

RECORDS = f"/client/v4/zones/{ZONE}/dns_records"
"""Where its records are."""


SDK = """
import json, sys
from cloudflare import APIStatusError, Cloudflare
address, key, name, value = sys.argv[1:]
client = Cloudflare(api_token=key, base_url=address + "/client/v4", max_retries=0)
try:
    (zone,) = [each for each in client.zones.list(name="example.com")]
    made = client.dns.records.create(zone_id=zone.id, name=name, type="TXT", content=value, ttl=60)
    client.dns.records.edit(made.id, zone_id=zone.id, name=name, type="TXT", content=value + "-2", ttl=60)
    client.dns.records.update(made.id, zone_id=zone.id, name=name, type="TXT", content=value + "-3", ttl=60)
    seen = [[each.name, each.type, each.content] for each in client.dns.records.list(zone_id=zone.id)]
    client.dns.records.batch(zone_id=zone.id, deletes=[{"id": made.id}],
                             posts=[{"name": name, "type": "TXT", "content": value + "-4", "ttl": 60}])
    (last,) = [each for each in client.dns.records.list(zone_id=zone.id, type="TXT", name={"exact": name})]
    client.dns.records.delete(last.id, zone_id=zone.id)
    print(json.dumps({"zones": [each.name for each in client.zones.list()], "seen": seen, "last": last.content}))
except APIStatusError as error:
    sys.exit(f"{error.status_code} {error.body['errors'][0]['message']}")
"""
"""Cloudflare's own library: every way to write a record once."""

IMPORT = """
import sys
from cloudflare import APIStatusError, Cloudflare
address, key, zone = sys.argv[1:]
client = Cloudflare(api_token=key, base_url=address + "/client/v4", max_retries=0)
try:
    client.dns.records.import_(zone_id=zone, file="imported.example.com. 300 IN A 192.0.2.77\\n")
    print(client.dns.records.export(zone_id=zone))
except APIStatusError as error:
    sys.exit(f"{error.status_code} {error.body['errors'][0]['message']}")
"""
"""The same library: a zone file in, and the whole zone out."""


def record_id(number: int) -> str:
    """The stand-in's id of a record."""
    return f"{'b' * 24}{number:08x}"


@pytest.fixture
def cloudflare(many):
    """Cloudflare's stand-in as at the start."""
    return many.fresh("cloudflare")


@pytest.fixture(scope="module")
def believing(server, folder):
    """An ACME authority that believes every challenge."""
    running = credulous(folder / "cloudflare", server.dns_port)
    yield running
    running.stop()


@pytest.fixture
def client(many, cloudflare, server, believing, folder, request) -> Unmodified:
    """Clients in a folder of this test."""
    return Unmodified(many, folder / request.node.name, believing, server.dns_port)


def values(stand_in, name: str, kind: str) -> list:
    """What stands at a name of example.com."""
    return [record["content"] for record in stand_in.zones[ZONE]["records"].values() if (record["name"], record["type"]) == (name, kind)]


def state(stand_in) -> str:
    """All records of all zones."""
    return json.dumps({zone: made["records"] for zone, made in stand_in.zones.items()})


@pytest.mark.parametrize("scheme", ["token", "key"])
def test_acme_sh_writes_and_removes_its_challenge(cloudflare, client, keys, scheme):
    """dns_cf walks the labels of the name, adds two values and takes one away again; by token, and by key and address."""
    key = keys["demoanyacme1"]
    settings = {"CF_Token": key} if scheme == "token" else {"CF_Key": key, "CF_Email": "somebody@example.org"}
    go = lambda action, value: registrars.acme_sh(client, "dns_cf", settings, action, "_acme-challenge.shop.example.com", value)
    registrars.succeeded(go("add", "first"))
    registrars.succeeded(go("add", "second"))
    assert values(cloudflare, "_acme-challenge.shop.example.com", "TXT") == ["first", "second"]
    registrars.succeeded(go("rm", "first"))
    assert values(cloudflare, "_acme-challenge.shop.example.com", "TXT") == ["second"]
    assert values(cloudflare, "www.example.com", "A") == ["192.0.2.80", "192.0.2.81"]
    registrars.only_the_real_credential(cloudflare, key)


def test_acme_sh_may_not_write_for_another_host(cloudflare, client, keys):
    """A key for one host, and a key in another zone: the client ends with an error, and nothing has changed."""
    before = state(cloudflare)
    go = lambda name: registrars.acme_sh(client, "dns_cf", {"CF_Token": keys["demoanyhost1"]}, "add", name, "x")
    registrars.failed(go("_acme-challenge.shop.example.com"))
    registrars.failed(go("_acme-challenge.www.example.net"))
    assert state(cloudflare) == before


def test_lexicon_lists_creates_renames_and_deletes(cloudflare, client, keys):
    """A key for all records of the zone."""
    go = lambda action, kind="", *rest: client.lexicon("cloudflare", keys["demoanyrecs1"], "example.com", action, kind, *rest)
    registrars.succeeded(go("create", "TXT", "new.example.com", "hello"))
    assert values(cloudflare, "new.example.com", "TXT") == ["hello"]
    assert "192.0.2.80" in registrars.succeeded(go("list", "A"))
    (found,) = [record["id"] for record in cloudflare.zones[ZONE]["records"].values() if record["name"] == "new.example.com"]
    registrars.succeeded(go("update", "TXT", "newer.example.com", "hello", found))
    assert values(cloudflare, "new.example.com", "TXT") == [] and values(cloudflare, "newer.example.com", "TXT") == ["hello"]
    registrars.succeeded(go("delete", "TXT", "newer.example.com"))
    assert values(cloudflare, "newer.example.com", "TXT") == []
    registrars.succeeded(go("create", "SRV", "_sip._tcp.example.com", "10 5 5060 sip.example.com"))
    assert values(cloudflare, "_sip._tcp.example.com", "SRV") == ["10 5 5060 sip.example.com"]


def test_lexicon_sees_and_writes_no_more_than_its_key_may(cloudflare, client, keys):
    """An ACME key: the listing has the challenges only; a write elsewhere, and a rename out of scope, are forbidden."""
    go = lambda action, kind="", *rest: client.lexicon("cloudflare", keys["demoanyacme1"], "example.com", action, kind, *rest)
    before = state(cloudflare)
    listed = registrars.succeeded(go("list"))
    assert "left-over" in listed and "192.0.2" not in listed and "spf1" not in listed
    assert "403" in registrars.failed(go("create", "A", "www.example.com", "203.0.113.66"))
    challenge = record_id(14)
    assert "403" in registrars.failed(go("update", "TXT", "www.example.com", "x", challenge))
    registrars.failed(go("update", "TXT", "_acme-challenge.example.com", "x", record_id(8)))
    registrars.failed(go("delete", "A", "", "", record_id(8)))
    assert state(cloudflare) == before
    registrars.succeeded(go("update", "TXT", "_acme-challenge.shop.example.com", "x", challenge))
    assert values(cloudflare, "_acme-challenge.shop.example.com", "TXT") == ["x"]


def test_the_sdk(many, cloudflare, client, keys):
    """Creates, edits, overwrites, lists, changes in a batch and deletes, and sees only its own zone and challenges."""
    done = client.python(SDK, many.url("cloudflare"), keys["demoanyacme1"], "_acme-challenge.sdk.example.com", "token")
    told = json.loads(registrars.succeeded(done))
    assert told == {"zones": ["example.com"], "last": "token-4", "seen": [
        ["_acme-challenge.www.example.com", "TXT", '"left-over"'], ["_acme-challenge.sdk.example.com", "TXT", "token-3"]]}
    assert values(cloudflare, "_acme-challenge.sdk.example.com", "TXT") == []


def test_the_sdk_outside_its_scope(many, cloudflare, client, keys):
    """Cloudflare's own library shows the gate's sentence."""
    before = state(cloudflare)
    done = client.python(SDK, many.url("cloudflare"), keys["demoanyacme1"], "www.example.com", "token")
    assert "403 this key may not do this" in registrars.failed(done)
    assert state(cloudflare) == before


def test_the_sdk_imports_and_exports(many, cloudflare, client, keys):
    """A zone file in a form goes through as it is, for those who may; for others it does not."""
    go = lambda key: client.python(IMPORT, many.url("cloudflare"), keys[key], ZONE)
    registrars.failed(go("demoanyrecs1"))
    assert values(cloudflare, "imported.example.com", "A") == []
    assert "imported.example.com." in registrars.succeeded(go("demoanytrans"))
    assert values(cloudflare, "imported.example.com", "A") == ["192.0.2.77"]


def test_certbot(cloudflare, client, keys):
    """A certificate; it finds its zone by guessing names, and cleans up after itself."""
    registrars.succeeded(client.certbot("dns-cloudflare", f"dns_cloudflare_api_token = {keys['demoanyacme1']}\n", "cb.example.com"))
    assert list(client.folder.rglob("cert*.pem"))
    assert any("_acme-challenge.cb.example.com" in each.body.decode() for each in cloudflare.log if each.method == "POST")
    assert values(cloudflare, "_acme-challenge.cb.example.com", "TXT") == []


def test_certbot_outside_its_scope(cloudflare, client, keys):
    """A zone that the key does not know."""
    registrars.failed(client.certbot("dns-cloudflare", f"dns_cloudflare_api_token = {keys['demoanyacme1']}\n", "www.example.org"))
    assert not [each for each in cloudflare.log if each.method == "POST"]


def desired() -> dict:
    """customer.nl as its editor wants it, in octoDNS's form."""
    return {"": [{"type": "A", "value": "192.0.2.1"}, {"type": "MX", "value": {"preference": 10, "exchange": "mail.customer.nl."}}],
            "www": {"type": "A", "values": ["192.0.2.80", "192.0.2.82"]},
            "_sip._tcp": {"type": "SRV", "value": {"priority": 10, "weight": 5, "port": 5060, "target": "sip.customer.nl."}},
            "svc": {"type": "HTTPS", "value": {"svcpriority": 1, "targetname": ".", "svcparams": {"alpn": ["h3", "h2"]}}},
            "new": {"type": "TXT", "value": "hello world; v=1".replace(";", "\\;")}}


def test_octodns_plans_and_applies_a_zone(many, cloudflare, client, keys):
    """A trusted tool: plan, apply, and then nothing is left to do."""
    provider = {"class": "octodns_cloudflare.CloudflareProvider", "token": "env/CF_TOKEN", "min_ttl": 60, "pagerules": False}
    go = lambda apply: client.octodns(provider, "customer.nl", desired(), apply, CF_TOKEN=keys["demoanyall01"])
    planned = registrars.succeeded(go(False))
    assert "Creates=4, Updates=2" in planned, planned[-3000:]
    registrars.succeeded(go(True))
    (zone,) = [each for each in cloudflare.zones.values() if each["name"] == "customer.nl"]
    found = {(each["name"], each["type"], each["content"]) for each in zone["records"].values()}
    assert ("_sip._tcp.customer.nl", "SRV", "10 5 5060 sip.customer.nl") in found
    assert {content for name, kind, content in found if name == "www.customer.nl"} == {"192.0.2.80", "192.0.2.82"}
    assert "No changes were planned" in registrars.succeeded(go(False))


def test_octodns_outside_its_zones(cloudflare, client, keys):
    """A key for another zone does not even see this one."""
    before = state(cloudflare)
    provider = {"class": "octodns_cloudflare.CloudflareProvider", "token": "env/CF_TOKEN", "min_ttl": 60, "pagerules": False}
    registrars.failed(client.octodns(provider, "customer.nl", desired(), True, CF_TOKEN=keys["demoanyrecs1"]))
    assert state(cloudflare) == before


def batch(many, key: str, body: dict):
    """A batch as external-dns sends it."""
    return many.ask("cloudflare", "POST", f"{RECORDS}/batch", key, body=json.dumps(body).encode(),
                    headers={"content-type": "application/json"})


def post(name: str, kind: str, content: str) -> dict:
    """A record of `posts`, with all that external-dns says of it."""
    return {"name": name, "ttl": 1, "type": kind, "content": content, "proxied": False, "priority": 0, "comment": ""}


def test_a_batch_of_external_dns(many, cloudflare, keys):
    """Deletes, puts and posts at once; one foreign id among two hundred, and all of it stays undone."""
    go = lambda body: batch(many, keys["demoanyrecs1"], body)
    body = {"deletes": [{"id": record_id(9)}],
            "puts": [{"id": record_id(8), "name": "www.example.com", "ttl": 1, "type": "A", "content": "192.0.2.90", "proxied": True,
                      "comment": "", "tags": []}],
            "posts": [post("a-www.example.com", "TXT", '"heritage=external-dns,external-dns/owner=default"'), post("two.example.com", "A", "192.0.2.2")]}
    answer = go(body)
    assert answer.status == 200, answer
    assert values(cloudflare, "www.example.com", "A") == ["192.0.2.90"]
    assert values(cloudflare, "two.example.com", "A") == ["192.0.2.2"]
    asked = [each.path for each in cloudflare.log if each.method == "GET"]
    assert len(asked) <= 2, f"one listing answers for all ids: {asked}"


def test_a_batch_with_one_bad_item(many, cloudflare, keys):
    """Nothing of it happens: a delegation, a foreign id, the same id twice."""
    before = state(cloudflare)
    good = post("two.example.com", "A", "192.0.2.2")
    for bad in ({"posts": [good, post("sub2.example.com", "NS", "ns.example.net")]},
                {"posts": [good], "deletes": [{"id": record_id(17)}]},
                {"posts": [good], "patches": [{"id": record_id(8), "name": "x.example.com"}], "deletes": [{"id": record_id(8)}]}):
        answer = batch(many, keys["demoanyrecs1"], bad)
        assert answer.status in (403, 422), answer
    assert state(cloudflare) == before


def test_two_hundred_deletions_take_one_listing(many, cloudflare, keys):
    """The whole of a free plan's batch, found by one question."""
    zone = cloudflare.zones[ZONE]
    made = [cloudflare._add(zone, {"type": "TXT", "name": f"_acme-challenge.h{number}.example.com", "content": "x"})["id"]
            for number in range(200)]
    answer = batch(many, keys["demoanyacme1"], {"deletes": [{"id": each} for each in made]})
    assert answer.status == 200, answer
    assert not set(made) & set(zone["records"])
    assert len([each for each in cloudflare.log if each.method == "GET"]) <= 2


def test_a_transfer_is_set_up_for_the_zone_of_the_path(many, cloudflare, keys):
    """The body names the zone once more: another one is refused, with and without its dot, and the right one has it."""
    def set_up(way: str, name: str, key: str = "demoanytrans") -> int:
        """The status of setting a transfer up."""
        body = {"name": name, "peers": ["d" * 32], "auto_refresh_seconds": 3600} if way == "incoming" else {"name": name, "peers": ["d" * 32]}
        path = f"{RECORDS.removesuffix('/dns_records')}/secondary_dns/{way}"
        return many.ask("cloudflare", "POST", path, keys[key], body=json.dumps(body).encode(), headers={"content-type": "application/json"}).status
    zone = next(zone for zone in cloudflare.zones.values() if zone["name"] == "example.com")
    for way in ("incoming", "outgoing"):
        assert [set_up(way, name) for name in ("example.net", "example.net.", "www.example.com.", "")] == [404] * 4
        assert set_up(way, "example.com.", "demoanyrecs1") in (403, 404)
        assert way not in zone.get("transfers", {})
        assert set_up(way, "Example.com") == 200 and zone["transfers"][way]["name"] == "example.com."
