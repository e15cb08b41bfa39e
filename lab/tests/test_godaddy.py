"""Real clients of GoDaddy through the gate: their work inside their scope, and nothing outside."""

import pytest

from . import registrars
from .unmodified import Unmodified, credulous


@pytest.fixture(scope="module")
def believing(server, folder):
    """An ACME authority that believes every challenge."""
    running = credulous(folder / "godaddy", server.dns_port)
    yield running
    running.stop()


@pytest.fixture
def client(many, server, believing, folder, request) -> Unmodified:
    """Clients in a folder of this test."""
    return Unmodified(many, folder / request.node.name, believing, server.dns_port)


@pytest.fixture
def godaddy(many):
    """GoDaddy's stand-in as at the start."""
    return many.fresh("godaddy")


def values(stand_in, name: str, kind: str) -> list:
    """What stands at a name of example.com."""
    return [record["data"] for record in stand_in.zones["example.com"] if (record["name"], record["type"]) == (name, kind)]


def test_acme_sh_writes_and_removes_its_challenge(client, godaddy, keys):
    """dns_gd walks up the labels of the name to its zone, and replaces one name and type."""
    auth = {"GD_Key": "scoped", "GD_Secret": keys["demoanyacme1"]}
    go = lambda action: registrars.acme_sh(client, "dns_gd", auth, action, "_acme-challenge.shop.example.com", "token-1")
    registrars.succeeded(go("add"))
    assert values(godaddy, "_acme-challenge.shop", "TXT") == ["token-1"]
    registrars.succeeded(go("rm"))
    assert values(godaddy, "_acme-challenge.shop", "TXT") == [] and values(godaddy, "@", "TXT") == ["v=spf1 mx -all"]
    registrars.only_the_real_credential(godaddy, keys["demoanyacme1"])


def test_acme_sh_may_not_write_for_another_host(client, godaddy, keys):
    """A key for one host: the client ends with an error, and nothing has changed."""
    before = [dict(record) for record in godaddy.zones["example.com"]]
    auth = {"GD_Key": "scoped", "GD_Secret": keys["demoanyhost1"]}
    registrars.failed(registrars.acme_sh(client, "dns_gd", auth, "add", "_acme-challenge.shop.example.com", "x"))
    assert godaddy.zones["example.com"] == before


def test_lexicon_lists_creates_and_deletes(client, godaddy, keys):
    """A key for all records of the zone; Lexicon deletes by replacing all records of the type."""
    auth = {"auth_key": "scoped", "auth_secret": keys["demoanyrecs1"]}
    go = lambda action, **options: registrars.lexicon(client, "godaddy", auth, action, **options)
    registrars.succeeded(go("create", rtype="TXT", name="new.example.com", content="hello"))
    assert values(godaddy, "new", "TXT") == ["hello"]
    assert "192.0.2.80" in registrars.succeeded(go("list", rtype="A"))
    registrars.succeeded(go("delete", rtype="TXT", name="new.example.com", content="hello"))
    assert values(godaddy, "new", "TXT") == [] and values(godaddy, "@", "TXT") == ["v=spf1 mx -all"]


def test_lexicon_cannot_delete_what_it_does_not_see(client, godaddy, keys):
    """An ACME key sees the challenges only, so Lexicon's replacement of the type would take the SPF away: it is refused."""
    auth = {"auth_key": "scoped", "auth_secret": keys["demoanyacme1"]}
    go = lambda action, **options: registrars.lexicon(client, "godaddy", auth, action, **options)
    listed = registrars.succeeded(go("list"))
    assert "left-over" in listed and "192.0.2" not in listed
    registrars.succeeded(go("create", rtype="TXT", name="_acme-challenge.new.example.com", content="token"))
    assert "403" in registrars.failed(go("delete", rtype="TXT", name="_acme-challenge.new.example.com", content="token"))
    assert values(godaddy, "@", "TXT") == ["v=spf1 mx -all"]
    assert "403" in registrars.failed(go("create", rtype="A", name="www.example.com", content="203.0.113.66"))
    assert values(godaddy, "www", "A") == ["192.0.2.80", "192.0.2.81"]


def test_lego_gets_a_certificate_for_its_host(client, godaddy, keys):
    """A key for one host name is enough for that host. lego cleans up by replacing all texts of the zone by those that it
    sees, which would take the others away: that is refused, and its challenge stays."""
    name = "demoanyhost1"
    registrars.succeeded(client.lego("godaddy", "www.example.com", GODADDY_API_KEY="scoped", GODADDY_API_SECRET=keys[name]))
    assert any(each.method in ("POST", "PUT", "PATCH") and "_acme-challenge.www" in each.path + each.body.decode() for each in godaddy.log)
    assert len(values(godaddy, "_acme-challenge.www", "TXT")) == 2 and values(godaddy, "@", "TXT") == ["v=spf1 mx -all"]
    registrars.only_the_real_credential(godaddy, keys[name])


def test_lego_gets_none_for_another_host(client, godaddy, keys):
    """A host beside the key's own: nothing is written for it, and the client says why."""
    name = "demoanyhost1"
    assert "this key may not do this" in registrars.failed(client.lego("godaddy", "mail.example.com", GODADDY_API_KEY="scoped", GODADDY_API_SECRET=keys[name]))
    assert values(godaddy, "_acme-challenge.mail", "TXT") == []
