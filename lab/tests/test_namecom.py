"""Real clients of Name.com through the gate: their work inside their scope, and nothing outside."""

import pytest

from . import registrars
from .unmodified import Unmodified


@pytest.fixture
def client(many, folder, request) -> Unmodified:
    """Clients in a folder of this test."""
    return Unmodified(many, folder / request.node.name)


@pytest.fixture
def namecom(many):
    """Name.com's stand-in as at the start."""
    return many.fresh("namecom")


def values(stand_in, name: str, kind: str) -> list:
    """What stands at a name of example.com."""
    return [record["answer"] for record in stand_in.zones["example.com"] if (record["host"], record["type"]) == (name, kind)]


def test_acme_sh_writes_and_removes_its_challenge(client, namecom, keys):
    """dns_namecom finds its zone, adds a record, finds it again by its value and deletes it by its id."""
    auth = lambda name: {"Namecom_Username": namecom.secret.split(":")[0], "Namecom_Token": keys[name]}
    go = lambda action: registrars.acme_sh(client, "dns_namecom", auth("demoanyacme1"), action, "_acme-challenge.shop.example.com", "token-1")
    registrars.succeeded(go("add"))
    assert [value.strip('"') for value in values(namecom, "_acme-challenge.shop", "TXT")] == ["token-1"]
    registrars.succeeded(go("rm"))
    assert values(namecom, "_acme-challenge.shop", "TXT") == []
    registrars.only_the_real_credential(namecom, keys["demoanyacme1"])


def test_acme_sh_may_not_write_for_another_host(client, namecom, keys):
    """A key for one host: the client ends with an error, and nothing has changed."""
    auth = lambda name: {"Namecom_Username": namecom.secret.split(":")[0], "Namecom_Token": keys[name]}
    registrars.failed(registrars.acme_sh(client, "dns_namecom", auth("demoanyhost1"), "add", "_acme-challenge.shop.example.com", "x"))
    assert values(namecom, "_acme-challenge.shop", "TXT") == []


def test_lexicon_lists_creates_renames_and_deletes(client, namecom, keys):
    """A key for all records of the zone."""
    auth = lambda name: {"auth_username": "scoped", "auth_token": keys[name]}
    go = lambda action, **options: registrars.lexicon(client, "namecom", auth("demoanyrecs1"), action, **options)
    registrars.succeeded(go("create", rtype="TXT", name="new.example.com", content="hello"))
    assert [value.strip('"') for value in values(namecom, "new", "TXT")] == ["hello"]
    assert "192.0.2.80" in registrars.succeeded(go("list", rtype="A"))
    identifier = next(record["id"] for record in namecom.zones["example.com"] if record["host"] == "new")
    registrars.succeeded(go("update", identifier=identifier, rtype="TXT", name="newer.example.com", content="hello again"))
    assert [value.strip('"') for value in values(namecom, "newer", "TXT")] == ["hello again"] and values(namecom, "new", "TXT") == []
    registrars.succeeded(go("delete", rtype="TXT", name="newer.example.com", content="hello again"))
    assert values(namecom, "newer", "TXT") == []


def test_lexicon_sees_and_writes_no_more_than_its_key_may(client, namecom, keys):
    """An ACME key: the listing has the challenges only; a foreign record is not there, and a rename out of the scope is refused."""
    auth = lambda name: {"auth_username": "scoped", "auth_token": keys[name]}
    go = lambda action, **options: registrars.lexicon(client, "namecom", auth("demoanyacme1"), action, **options)
    listed = registrars.succeeded(go("list"))
    assert "left-over" in listed and "192.0.2" not in listed
    assert "403" in registrars.failed(go("create", rtype="A", name="www.example.com", content="203.0.113.66"))
    foreign = next(record["id"] for record in namecom.zones["example.com"] if (record["host"], record["type"]) == ("www", "A"))
    assert "404" in registrars.failed(go("delete", identifier=foreign))
    own = next(record["id"] for record in namecom.zones["example.com"] if record["host"] == "_acme-challenge.www")
    assert "403" in registrars.failed(go("update", identifier=own, rtype="TXT", name="www.example.com", content="left-over"))
    assert values(namecom, "www", "A") == ["192.0.2.80", "192.0.2.81"] and values(namecom, "www", "TXT") == []
