"""Real clients of DNS.services through the gate: acme.sh, which sends the password itself, and lexicon, which logs in with it."""

import json

import pytest

from . import registrars
from .unmodified import Unmodified

CHALLENGE = "_acme-challenge.shop.example.com"
"""What an ACME key of example.com may write."""

FORM = {"content-type": "application/x-www-form-urlencoded"}
"""The header of a form."""


@pytest.fixture
def client(many, folder, request) -> Unmodified:
    """Clients in a folder of this test."""
    return Unmodified(many, folder / request.node.name)


@pytest.fixture
def dnsservices(many):
    """DNS.services' stand-in as at the start."""
    return many.fresh("dnsservices")


def values(stand_in, name: str, zone: str = "example.com") -> list:
    """What stands at a name."""
    return [record["content"] for each in stand_in.zones.values() if each["name"] == zone
            for record in each["records"] if record["name"] == name]


def acme_sh(client, key: str, action: str, name: str):
    """acme.sh's dns_dnsservices: user and password by HTTP Basic."""
    return registrars.acme_sh(client, "dns_dnsservices", {"DnsServices_Username": "me@example.com", "DnsServices_Password": key},
                              action, name, "token-1")


def lexicon(client, key: str, action: str, **options):
    """Lexicon's provider `dnsservices`."""
    return registrars.lexicon(client, "dnsservices", {"auth_username": "me@example.com", "auth_password": key}, action, **options)


def test_acme_sh_writes_its_challenge(client, dnsservices, keys):
    """With an ACME key in the place of the password. Its clean-up reads a list of records, as the API's description has it; of
    the object that the API was seen to answer it takes `id` for an id, and says that all is well."""
    registrars.succeeded(acme_sh(client, keys["demoanyacme1"], "add", CHALLENGE))
    assert values(dnsservices, CHALLENGE) == ['"token-1"']
    before = sum(len(each["records"]) for each in dnsservices.zones.values())
    registrars.succeeded(acme_sh(client, keys["demoanyacme1"], "rm", CHALLENGE))
    assert sum(len(each["records"]) for each in dnsservices.zones.values()) == before
    registrars.only_the_real_credential(dnsservices, keys["demoanyacme1"])


def test_acme_sh_may_not_write_for_another_host(client, dnsservices, keys):
    """A name beside the key's own; the client shows the gate's own sentence."""
    said = registrars.failed(acme_sh(client, keys["demoanyhost1"], "add", "_acme-challenge.mail.example.com"))
    assert "this key may not do this" in said, said
    assert values(dnsservices, "_acme-challenge.mail.example.com") == []


def test_lexicon_logs_in_lists_creates_renames_and_deletes(client, dnsservices, keys):
    """The real password stays where it is, and the provider sees no login."""
    key = keys["demoanyrecs1"]
    registrars.succeeded(lexicon(client, key, "create", rtype="TXT", name="note.example.com", content="hello"))
    assert values(dnsservices, "note.example.com") == ['"hello"']
    found = json.loads(registrars.succeeded(lexicon(client, key, "list", rtype="TXT", name="note.example.com")).splitlines()[-1])
    assert [each["content"] for each in found] == ["hello"]
    registrars.succeeded(lexicon(client, key, "update", identifier=found[0]["id"], rtype="TXT", name="renamed.example.com",
                                 content="changed"))
    assert values(dnsservices, "renamed.example.com") == ['"changed"'] and values(dnsservices, "note.example.com") == []
    registrars.succeeded(lexicon(client, key, "delete", rtype="TXT", name="renamed.example.com"))
    assert values(dnsservices, "renamed.example.com") == []
    registrars.only_the_real_credential(dnsservices, key)
    assert all(not each.path.startswith("/api/login") for each in dnsservices.log)


def test_lexicon_is_told_no(client, dnsservices, keys):
    """A name outside the key's scope is refused with its reason."""
    said = registrars.failed(lexicon(client, keys["demoanyacme1"], "create", rtype="A", name="www.example.com", content="203.0.113.66"))
    assert "403" in said, said
    assert "203.0.113.66" not in values(dnsservices, "www.example.com")


def test_lexicon_with_a_password_that_is_no_key(client, dnsservices):
    """The real account's password opens nothing here."""
    assert "401" in registrars.failed(lexicon(client, dnsservices.secret, "list", rtype="TXT"))
    assert dnsservices.log == []


def test_the_token_of_a_login_is_the_key_and_no_more(many, dnsservices, keys):
    """The gate answers the login itself, and a wrong one gets nothing."""
    ask = lambda password: many.ask("dnsservices", "POST", "/api/login", headers=FORM,
                                    body=f"username=me%40example.com&password={password}".encode())
    answer = ask(keys["demoanyacme1"])
    assert answer.status == 200 and json.loads(answer.text)["token"] == keys["demoanyacme1"], answer.text
    for wrong in ("password", dnsservices.secret, keys["demoanyacme1"][:-1] + "x"):
        refused = ask(wrong)
        assert refused.status == 401 and "token" not in refused.text, refused.text
    assert dnsservices.log == []
