"""Real clients of Linode through the gate: their work inside their scope, and nothing outside. The gate itself obeys `X-Filter`."""

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


def test_lexicon_takes_the_zone_that_it_asked_for(client, linode, keys):
    """It takes the first domain of the list for its own; the key sees all of them."""
    assert list(linode.zones.values())[0]["domain"]["domain"] != "example.net"
    done = client.lexicon("linode", keys["demoanyall01"], "example.net", "create", "TXT", "note.example.net", "hello")
    registrars.succeeded(done)
    assert values(linode, "note", "example.net") == ["hello"] and values(linode, "note") == []
    asked_alone(linode)


def test_what_lego_and_terraform_ask_for_comes_alone(many, linode, keys):
    """One domain by its name, several in `+or`, and the texts of a domain: their requests, for a key that sees everything."""
    def names(path, wanted, field):
        answer = many.ask("linode", "GET", path, keys["demoanyall01"], headers={"x-filter": json.dumps(wanted)})
        assert answer.status == 200, answer.text
        assert answer.json["results"] == len(answer.json["data"]) and answer.json["pages"] == 1
        return [each[field] for each in answer.json["data"]]

    assert names("/v4/domains", {"domain": "example.net"}, "domain") == ["example.net"]
    both = {"+and": [{"+or": [{"domain": "example.net"}, {"domain": "example.com"}]}], "+order": "desc"}
    assert sorted(names("/v4beta/domains", both, "domain")) == ["example.com", "example.net"]
    number, = (each["domain"]["id"] for each in linode.zones.values() if each["domain"]["domain"] == "example.com")
    assert set(names(f"/v4/domains/{number}/records", {"type": "TXT"}, "type")) == {"TXT"}
    asked_alone(linode)


def test_a_filter_over_what_is_hidden_finds_nothing(many, linode, keys):
    """Whether a zone or a value that the key may not read is there, the answer is the same."""
    def ask(path, wanted):
        answer = many.ask("linode", "GET", path, keys["demoanyacme1"], headers={"x-filter": json.dumps(wanted)})
        return answer.status, answer.body

    there, nowhere = (ask("/v4/domains", {"domain": name}) for name in ("example.net", "example.test"))
    assert there == nowhere and there[0] == 200 and json.loads(there[1])["results"] == 0, (there, nowhere)
    number = list(linode.zones)[0]
    there, nowhere = (ask(f"/v4/domains/{number}/records", {"target": value}) for value in ("192.0.2.80", "192.0.2.99"))
    assert there == nowhere and there[0] == 200 and json.loads(there[1])["results"] == 0, (there, nowhere)


def asked_alone(stand_in) -> None:
    """No filter came to the provider."""
    assert all(not each.header("x-filter") for each in stand_in.log)
