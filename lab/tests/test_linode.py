"""Real clients of Linode through the gate: their work inside their scope, and nothing outside. `X-Filter` does not go on."""

import json

import pytest

from . import registrars
from .unmodified import Unmodified


@pytest.fixture
def client(many, folder, request) -> Unmodified:
    """Clients in a folder of this test."""
    return Unmodified(many, folder / request.node.name.replace("[", "-").strip("]"))


@pytest.fixture
def linode(many):
    """Linode's stand-in as at the start."""
    return many.fresh("linode")


def values(stand_in, name: str, zone: str = "example.com") -> list:
    """What stands at a relative name."""
    return [record["target"] for each in stand_in.zones.values() if each["domain"]["domain"] == zone
            for record in each["records"].values() if record["name"] == name]


def acme_sh(client, key: str, action: str, name: str):
    """acme.sh's dns_linode_v4."""
    return registrars.acme_sh(client, "dns_linode_v4", {"LINODE_V4_API_KEY": key}, action, name, "token-1")


@pytest.mark.parametrize("key", ["demoanyacme1", "demoanyall01"])
def test_acme_sh_writes_and_removes_its_challenge(client, linode, keys, key):
    """It looks for its zone in the list that it gets, also where that has more zones than it asked for."""
    registrars.succeeded(acme_sh(client, keys[key], "add", "_acme-challenge.shop.example.com"))
    assert values(linode, "_acme-challenge.shop") == ["token-1"]
    registrars.succeeded(acme_sh(client, keys[key], "rm", "_acme-challenge.shop.example.com"))
    assert values(linode, "_acme-challenge.shop") == []
    registrars.only_the_real_credential(linode, keys[key])
    assert all(not each.header("x-filter") for each in linode.log)


def test_acme_sh_may_not_write_for_another_host(client, linode, keys):
    """A name beside the key's own."""
    registrars.failed(acme_sh(client, keys["demoanyhost1"], "add", "_acme-challenge.mail.example.com"))
    assert values(linode, "_acme-challenge.mail") == []


def test_lexicon_lists_creates_renames_and_deletes(client, linode, keys):
    """A key for all records of one zone, which is the first and only one of its list."""
    go = lambda action, **options: registrars.lexicon(client, "linode", {"auth_token": keys["demoanyrecs1"]}, action, **options)
    registrars.succeeded(go("create", rtype="TXT", name="note.example.com", content="hello"))
    assert values(linode, "note") == ["hello"]
    found = json.loads(registrars.succeeded(go("list", rtype="TXT", name="note.example.com")).splitlines()[-1])
    assert [each["content"] for each in found] == ["hello"]
    registrars.succeeded(go("update", identifier=str(found[0]["id"]), rtype="TXT", name="renamed.example.com", content="changed"))
    assert values(linode, "renamed") == ["changed"] and values(linode, "note") == []
    registrars.succeeded(go("delete", rtype="TXT", name="renamed.example.com"))
    assert values(linode, "renamed") == []


def test_lexicon_is_told_no(client, linode, keys):
    """A name outside the key's scope is refused; a foreign record looks as if it were not there."""
    go = lambda action, **options: registrars.lexicon(client, "linode", {"auth_token": keys["demoanyacme1"]}, action, **options)
    assert "403" in registrars.failed(go("create", rtype="A", name="www.example.com", content="203.0.113.66"))
    registrars.failed(go("update", identifier="1008", rtype="TXT", name="_acme-challenge.www.example.com", content="x"))
    assert values(linode, "www") == ["192.0.2.80", "192.0.2.81", "2001:db8::80"]
