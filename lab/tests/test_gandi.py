"""Real clients of Gandi LiveDNS through the gate: their work inside their scope, and nothing outside."""

import pytest

from . import registrars
from .unmodified import Unmodified


@pytest.fixture
def client(many, folder, request) -> Unmodified:
    """Clients in a folder of this test."""
    return Unmodified(many, folder / request.node.name)


@pytest.fixture
def gandi(many):
    """Gandi's stand-in as at the start."""
    return many.fresh("gandi")


def values(stand_in, name: str, kind: str) -> list:
    """What stands at a name of example.com."""
    return stand_in.zones["example.com"].get((name, kind), {"values": []})["values"]


def test_acme_sh_writes_and_removes_its_challenge(client, gandi, keys):
    """dns_gandi_livedns finds its zone, adds a value beside the one that is there, and takes it away again."""
    key = {"GANDI_LIVEDNS_TOKEN": keys["demoanyacme1"]}
    go = lambda action, value: registrars.acme_sh(client, "dns_gandi_livedns", key, action, "_acme-challenge.shop.example.com", value)
    registrars.succeeded(go("add", "first"))
    registrars.succeeded(go("add", "second"))
    assert [value.strip('"') for value in values(gandi, "_acme-challenge.shop", "TXT")] == ["first", "second"]
    assert values(gandi, "www", "A") == ["192.0.2.80", "192.0.2.81"]
    registrars.only_the_real_credential(gandi, keys["demoanyacme1"])


def test_acme_sh_may_not_write_for_another_host(client, gandi, keys):
    """A key for one host: the client ends with an error, and nothing has changed."""
    before = {key: dict(rrset) for key, rrset in gandi.zones["example.com"].items()}
    registrars.failed(registrars.acme_sh(client, "dns_gandi_livedns", {"GANDI_LIVEDNS_TOKEN": keys["demoanyhost1"]},
                                         "add", "_acme-challenge.shop.example.com", "x"))
    assert gandi.zones["example.com"] == before


def test_lexicon_lists_creates_renames_and_deletes(client, gandi, keys):
    """A key for all records of the zone; the rename by the body is refused, whatever Gandi would make of it."""
    auth = {"auth_token": keys["demoanyrecs1"], "api_protocol": "rest"}
    go = lambda action, **options: registrars.lexicon(client, "gandi", auth, action, **options)
    registrars.succeeded(go("create", rtype="TXT", name="new.example.com", content="hello"))
    assert values(gandi, "new", "TXT") == ['"hello"']
    assert "192.0.2.80" in registrars.succeeded(go("list", rtype="A"))
    registrars.failed(go("update", identifier="new", rtype="TXT", name="newer.example.com", content="hello"))
    assert values(gandi, "newer", "TXT") == [] and values(gandi, "new", "TXT") == ['"hello"']
    registrars.succeeded(go("delete", rtype="TXT", name="new.example.com", content="hello"))
    assert values(gandi, "new", "TXT") == []


def test_lexicon_sees_and_writes_no_more_than_its_key_may(client, gandi, keys):
    """An ACME key: the listing has the challenges only, and a write elsewhere says that it is forbidden."""
    auth = {"auth_token": keys["demoanyacme1"], "api_protocol": "rest"}
    listed = registrars.succeeded(registrars.lexicon(client, "gandi", auth, "list"))
    assert "left-over" in listed and "192.0.2" not in listed
    refused = registrars.lexicon(client, "gandi", auth, "create", rtype="A", name="www.example.com", content="203.0.113.66")
    assert "403" in registrars.failed(refused)
    assert values(gandi, "www", "A") == ["192.0.2.80", "192.0.2.81"]
