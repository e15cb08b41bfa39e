"""Real clients of Vultr through the gate: their work inside their scope, and nothing outside."""

import pytest

from . import registrars
from .unmodified import Unmodified, credulous


@pytest.fixture(scope="module")
def believing(server, folder):
    """An ACME authority that believes every challenge."""
    running = credulous(folder / "vultr", server.dns_port)
    yield running
    running.stop()


@pytest.fixture
def client(many, server, believing, folder, request) -> Unmodified:
    """Clients in a folder of this test."""
    return Unmodified(many, folder / request.node.name, believing, server.dns_port)


@pytest.fixture
def vultr(many):
    """Vultr's stand-in as at the start."""
    return many.fresh("vultr")


def values(stand_in, name: str, kind: str) -> list:
    """What stands at a name of example.com."""
    return [record["data"] for record in stand_in.zones["example.com"]["records"] if (record["name"], record["type"]) == (name, kind)]


def test_acme_sh_writes_and_removes_its_challenge(client, vultr, keys):
    """dns_vultr finds its zone, adds a record, finds it again by its value and deletes it by its id."""
    auth = lambda name: {"VULTR_API_KEY": keys[name]}
    go = lambda action: registrars.acme_sh(client, "dns_vultr", auth("demoanyacme1"), action, "_acme-challenge.shop.example.com", "token-1")
    registrars.succeeded(go("add"))
    assert [value.strip('"') for value in values(vultr, "_acme-challenge.shop", "TXT")] == ["token-1"]
    registrars.succeeded(go("rm"))
    assert values(vultr, "_acme-challenge.shop", "TXT") == []
    registrars.only_the_real_credential(vultr, keys["demoanyacme1"])


def test_acme_sh_may_not_write_for_another_host(client, vultr, keys):
    """A key for one host: nothing has changed. The client does not look at what it is answered."""
    auth = lambda name: {"VULTR_API_KEY": keys[name]}
    registrars.acme_sh(client, "dns_vultr", auth("demoanyhost1"), "add", "_acme-challenge.shop.example.com", "x")
    assert values(vultr, "_acme-challenge.shop", "TXT") == []


def test_lexicon_lists_creates_renames_and_deletes(client, vultr, keys):
    """A key for all records of the zone."""
    auth = lambda name: {"auth_token": keys[name]}
    go = lambda action, **options: registrars.lexicon(client, "vultr", auth("demoanyrecs1"), action, **options)
    registrars.succeeded(go("create", rtype="TXT", name="new.example.com", content="hello"))
    assert [value.strip('"') for value in values(vultr, "new", "TXT")] == ["hello"]
    assert "192.0.2.80" in registrars.succeeded(go("list", rtype="A"))
    identifier = next(record["id"] for record in vultr.zones["example.com"]["records"] if record["name"] == "new")
    registrars.succeeded(go("update", identifier=identifier, rtype="TXT", name="newer.example.com", content="hello again"))
    assert [value.strip('"') for value in values(vultr, "newer", "TXT")] == ["hello again"] and values(vultr, "new", "TXT") == []
    registrars.succeeded(go("delete", rtype="TXT", name="newer.example.com", content="hello again"))
    assert values(vultr, "newer", "TXT") == []


def test_lexicon_sees_and_writes_no_more_than_its_key_may(client, vultr, keys):
    """An ACME key: the listing has the challenges only; a foreign record is not there, and a rename out of the scope is refused."""
    auth = lambda name: {"auth_token": keys[name]}
    go = lambda action, **options: registrars.lexicon(client, "vultr", auth("demoanyacme1"), action, **options)
    listed = registrars.succeeded(go("list"))
    assert "left-over" in listed and "192.0.2" not in listed
    assert "403" in registrars.failed(go("create", rtype="A", name="www.example.com", content="203.0.113.66"))
    foreign = next(record["id"] for record in vultr.zones["example.com"]["records"] if (record["name"], record["type"]) == ("www", "A"))
    registrars.succeeded(go("delete", identifier=foreign))   # Lexicon takes a 404 for "gone already"
    own = next(record["id"] for record in vultr.zones["example.com"]["records"] if record["name"] == "_acme-challenge.www")
    assert "403" in registrars.failed(go("update", identifier=own, rtype="TXT", name="www.example.com", content="left-over"))
    assert values(vultr, "www", "A") == ["192.0.2.80", "192.0.2.81"] and values(vultr, "www", "TXT") == []


def test_lego_gets_a_certificate_for_its_host(client, vultr, keys):
    """A key for one host name is enough for that host; lego removes every text at the name afterwards."""
    name = "demoanyhost1"
    registrars.succeeded(client.lego("vultr", "www.example.com", VULTR_API_KEY=keys[name]))
    assert any(each.method in ("POST", "PUT", "PATCH") and "_acme-challenge.www" in each.path + each.body.decode() for each in vultr.log)
    assert values(vultr, "_acme-challenge.www", "TXT") == [] and values(vultr, "", "TXT") == ['"v=spf1 mx -all"']
    registrars.only_the_real_credential(vultr, keys[name])


def test_lego_gets_none_for_another_host(client, vultr, keys):
    """A host beside the key's own: nothing is written for it, and the client says why."""
    name = "demoanyhost1"
    assert "this key may not do this" in registrars.failed(client.lego("vultr", "mail.example.com", VULTR_API_KEY=keys[name]))
    assert values(vultr, "_acme-challenge.mail", "TXT") == []
