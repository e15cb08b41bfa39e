"""Real clients of Cloudflare through the gate: their work inside their scope, and nothing outside."""

import json

import pytest

from . import registrars

ZONE = f"{'a' * 24}00000001"
"""The stand-in's id of example.com."""

RECORDS = f"/client/v4/zones/{ZONE}/dns_records"
"""Where its records are."""


def record_id(number: int) -> str:
    """The stand-in's id of a record."""
    return f"{'b' * 24}{number:08x}"


@pytest.fixture
def cloudflare(many):
    """Cloudflare's stand-in as at the start."""
    return many.fresh("cloudflare")


def values(stand_in, name: str, kind: str) -> list:
    """What stands at a name of example.com."""
    return [record["content"] for record in stand_in.zones[ZONE]["records"].values() if (record["name"], record["type"]) == (name, kind)]


def state(stand_in) -> str:
    """All records of all zones."""
    return json.dumps({zone: made["records"] for zone, made in stand_in.zones.items()})


@pytest.mark.parametrize("scheme", ["token", "key"])
def test_acme_sh_writes_and_removes_its_challenge(many, cloudflare, keys, folder, scheme):
    """dns_cf walks the labels of the name, adds two values and takes one away again; by token, and by key and address."""
    key = keys["demoanyacme1"]
    settings = {"CF_Token": key} if scheme == "token" else {"CF_Key": key, "CF_Email": "somebody@example.org"}
    go = lambda action, value: registrars.acme_sh(
        many, folder / scheme, "dns_cf", settings, action, "_acme-challenge.shop.example.com", value)
    registrars.succeeded(go("add", "first"))
    registrars.succeeded(go("add", "second"))
    assert values(cloudflare, "_acme-challenge.shop.example.com", "TXT") == ["first", "second"]
    registrars.succeeded(go("rm", "first"))
    assert values(cloudflare, "_acme-challenge.shop.example.com", "TXT") == ["second"]
    assert values(cloudflare, "www.example.com", "A") == ["192.0.2.80", "192.0.2.81"]
    registrars.only_the_real_credential(cloudflare, key)


def test_acme_sh_may_not_write_for_another_host(many, cloudflare, keys, folder):
    """A key for one host, and a key in another zone: the client ends with an error, and nothing has changed."""
    before = state(cloudflare)
    go = lambda name: registrars.acme_sh(many, folder, "dns_cf", {"CF_Token": keys["demoanyhost1"]}, "add", name, "x")
    registrars.failed(go("_acme-challenge.shop.example.com"))
    registrars.failed(go("_acme-challenge.www.example.net"))
    assert state(cloudflare) == before


def test_lexicon_lists_creates_renames_and_deletes(many, cloudflare, keys, folder):
    """A key for all records of the zone."""
    go = lambda action, **options: registrars.lexicon(
        many, folder, "cloudflare", "cloudflare", {"auth_token": keys["demoanyrecs1"]}, action, **options)
    registrars.succeeded(go("create", rtype="TXT", name="new.example.com", content="hello"))
    assert values(cloudflare, "new.example.com", "TXT") == ["hello"]
    assert "192.0.2.80" in registrars.succeeded(go("list", rtype="A"))
    (found,) = [record["id"] for record in cloudflare.zones[ZONE]["records"].values() if record["name"] == "new.example.com"]
    registrars.succeeded(go("update", identifier=found, rtype="TXT", name="newer.example.com", content="hello"))
    assert values(cloudflare, "new.example.com", "TXT") == [] and values(cloudflare, "newer.example.com", "TXT") == ["hello"]
    registrars.succeeded(go("delete", rtype="TXT", name="newer.example.com"))
    assert values(cloudflare, "newer.example.com", "TXT") == []
    registrars.succeeded(go("create", rtype="SRV", name="_sip._tcp.example.com", content="10 5 5060 sip.example.com"))
    assert values(cloudflare, "_sip._tcp.example.com", "SRV") == ["10 5 5060 sip.example.com"]


def test_lexicon_sees_and_writes_no_more_than_its_key_may(many, cloudflare, keys, folder):
    """An ACME key: the listing has the challenges only; a write elsewhere, and a rename out of scope, are forbidden."""
    go = lambda action, **options: registrars.lexicon(
        many, folder, "cloudflare", "cloudflare", {"auth_token": keys["demoanyacme1"]}, action, **options)
    before = state(cloudflare)
    listed = registrars.succeeded(go("list"))
    assert "left-over" in listed and "192.0.2" not in listed and "spf1" not in listed
    assert "403" in registrars.failed(go("create", rtype="A", name="www.example.com", content="203.0.113.66"))
    challenge = record_id(14)
    assert "403" in registrars.failed(go("update", identifier=challenge, rtype="TXT", name="www.example.com", content="x"))
    registrars.failed(go("update", identifier=record_id(8), rtype="TXT", name="_acme-challenge.example.com", content="x"))
    registrars.failed(go("delete", identifier=record_id(8)))
    assert state(cloudflare) == before
    registrars.succeeded(go("update", identifier=challenge, rtype="TXT", name="_acme-challenge.shop.example.com", content="x"))
    assert values(cloudflare, "_acme-challenge.shop.example.com", "TXT") == ["x"]


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
