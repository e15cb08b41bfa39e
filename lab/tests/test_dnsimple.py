"""Real clients of DNSimple through the gate: their work inside their scope, and nothing outside."""

import base64
import json

import pytest

from . import registrars
from .unmodified import Unmodified


@pytest.fixture
def dnsimple(many):
    """DNSimple's stand-in as at the start."""
    return many.fresh("dnsimple")


@pytest.fixture
def client(many, dnsimple, folder, request) -> Unmodified:
    """Clients in a folder of this test."""
    return Unmodified(many, folder / request.node.name)


def values(stand_in, name: str, kind: str) -> list:
    """What stands at a name of example.com."""
    return [record["content"] for record in stand_in.zones["example.com"]["records"].values()
            if (record["name"], record["type"]) == (name, kind)]


def state(stand_in) -> str:
    """All records of all zones."""
    return json.dumps({zone: made["records"] for zone, made in stand_in.zones.items()})


def test_acme_sh_writes_and_removes_its_challenge(dnsimple, client, keys):
    """dns_dnsimple asks who it is, walks the labels of the name, adds a value and takes it away again."""
    go = lambda action: registrars.acme_sh(client, "dns_dnsimple", {"DNSimple_OAUTH_TOKEN": keys["demoanyacme1"]}, action,
                                           "_acme-challenge.shop.example.com", "first")
    registrars.succeeded(go("add"))
    assert values(dnsimple, "_acme-challenge.shop", "TXT") == ["first"]
    registrars.succeeded(go("rm"))
    assert values(dnsimple, "_acme-challenge.shop", "TXT") == []
    assert values(dnsimple, "www", "A") == ["192.0.2.80", "192.0.2.81"]
    registrars.only_the_real_credential(dnsimple, keys["demoanyacme1"])


def test_acme_sh_may_not_write_for_another_host(dnsimple, client, keys):
    """A key for one host: the client ends with an error, and nothing has changed."""
    before = state(dnsimple)
    registrars.failed(registrars.acme_sh(client, "dns_dnsimple", {"DNSimple_OAUTH_TOKEN": keys["demoanyhost1"]}, "add",
                                         "_acme-challenge.shop.example.com", "x"))
    assert state(dnsimple) == before


def test_lexicon_lists_creates_renames_and_deletes(dnsimple, client, keys):
    """A key for all records of the zone."""
    go = lambda action, kind="", *rest: client.lexicon("dnsimple", keys["demoanyrecs1"], "example.com", action, kind, *rest)
    registrars.succeeded(go("create", "TXT", "new.example.com", "hello"))
    assert values(dnsimple, "new", "TXT") == ["hello"]
    assert "192.0.2.80" in registrars.succeeded(go("list", "A"))
    (found,) = [number for number, record in dnsimple.zones["example.com"]["records"].items() if record["name"] == "new"]
    registrars.succeeded(go("update", "TXT", "newer.example.com", "hello", str(found)))
    assert values(dnsimple, "new", "TXT") == [] and values(dnsimple, "newer", "TXT") == ["hello"]
    registrars.succeeded(go("delete", "TXT", "newer.example.com"))
    assert values(dnsimple, "newer", "TXT") == []


def test_lexicon_sees_and_writes_no_more_than_its_key_may(dnsimple, client, keys):
    """An ACME key: the listing has the challenges only; a write elsewhere, and a rename out of scope, are forbidden."""
    go = lambda action, kind="", *rest: client.lexicon("dnsimple", keys["demoanyacme1"], "example.com", action, kind, *rest)
    before = state(dnsimple)
    listed = registrars.succeeded(go("list"))
    assert "left-over" in listed and "192.0.2" not in listed and "spf1" not in listed
    assert "403" in registrars.failed(go("create", "A", "www.example.com", "203.0.113.66"))
    assert "403" in registrars.failed(go("update", "TXT", "www.example.com", "x", "14"))
    registrars.failed(go("update", "TXT", "_acme-challenge.example.com", "x", "8"))
    registrars.failed(go("delete", "A", "", "", "8"))
    assert state(dnsimple) == before


def test_a_key_as_the_password(many, dnsimple, keys):
    """The older scheme: anybody's address, and the key as the password."""
    pair = base64.b64encode(f"somebody@example.org:{keys['demoanynone1']}".encode()).decode()
    answer = many.ask("dnsimple", "GET", "/v2/whoami", headers={"authorization": f"Basic {pair}"})
    assert answer.status == 200, answer
    registrars.only_the_real_credential(dnsimple, keys["demoanynone1"])


def desired() -> dict:
    """customer.nl as its editor wants it, in octoDNS's form."""
    return {"": [{"type": "A", "value": "192.0.2.1"}, {"type": "MX", "value": {"preference": 10, "exchange": "mail.customer.nl."}}],
            "www": {"type": "A", "values": ["192.0.2.80", "192.0.2.82"]}, "new": {"type": "TXT", "value": "hello"}}


def test_octodns_plans_and_applies_a_zone(many, dnsimple, client, keys):
    """A trusted tool: plan, apply, and then nothing is left to do."""
    provider = {"class": "octodns_dnsimple.DnsimpleProvider", "token": "env/TOKEN", "account": 1010}
    go = lambda apply: client.octodns(provider, "customer.nl", desired(), apply, TOKEN=keys["demoanyall01"])
    assert "Creates=2, Updates=2" in registrars.succeeded(go(False))
    registrars.succeeded(go(True))
    found = {(each["name"], each["type"], each["content"]) for each in dnsimple.zones["customer.nl"]["records"].values()}
    assert {content for name, kind, content in found if name == "www"} == {"192.0.2.80", "192.0.2.82"}
    assert "No changes were planned" in registrars.succeeded(go(False))


def test_octodns_outside_its_zones(dnsimple, client, keys):
    """A key for another zone cannot even read this one."""
    before = state(dnsimple)
    provider = {"class": "octodns_dnsimple.DnsimpleProvider", "token": "env/TOKEN", "account": 1010}
    registrars.failed(client.octodns(provider, "customer.nl", desired(), True, TOKEN=keys["demoanyrecs1"]))
    assert state(dnsimple) == before
