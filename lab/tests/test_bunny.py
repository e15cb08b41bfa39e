"""Real clients of bunny.net through the gate: their work inside their scope, and nothing outside."""

import json

import pytest

from . import registrars
from .unmodified import Unmodified, credulous

PROVIDER = {"class": "octodns_bunny.BunnyProvider", "api_key": "env/BUNNY_KEY"}
"""octoDNS's provider."""


@pytest.fixture(scope="module")
def believing(server, folder):
    """An ACME authority that believes every challenge."""
    running = credulous(folder / "bunny", server.dns_port)
    yield running
    running.stop()


@pytest.fixture
def client(many, server, believing, folder, request) -> Unmodified:
    """Clients in a folder of this test."""
    return Unmodified(many, folder / request.node.name.replace("[", "-").strip("]"), believing, server.dns_port)


@pytest.fixture
def bunny(many):
    """bunny.net's stand-in as at the start."""
    return many.fresh("bunny")


def values(stand_in, name: str, zone: str = "example.com") -> list:
    """What stands at a relative name."""
    return [record["Value"] for each in stand_in.zones.values() if each["Domain"] == zone
            for record in each["Records"] if record["Name"] == name]


def acme_sh(client, key: str, action: str, name: str):
    """acme.sh's dns_bunny."""
    return registrars.acme_sh(client, "dns_bunny", {"BUNNY_API_KEY": key}, action, name, "token-1")


@pytest.mark.parametrize("key", ["demoanyacme1", "demoanyall01"])
def test_acme_sh_writes_and_removes_its_challenge(client, bunny, keys, key):
    """It finds its zone and its record with `grep` in the cut answers."""
    registrars.succeeded(acme_sh(client, keys[key], "add", "_acme-challenge.shop.example.com"))
    assert values(bunny, "_acme-challenge.shop") == ["token-1"]
    registrars.succeeded(acme_sh(client, keys[key], "rm", "_acme-challenge.shop.example.com"))
    assert values(bunny, "_acme-challenge.shop") == []
    registrars.only_the_real_credential(bunny, keys[key])


def test_acme_sh_does_not_find_another_zone(client, bunny, keys):
    """A zone that the key may not read is not in its list."""
    assert "domain not found" in registrars.failed(acme_sh(client, keys["demoanyhost1"], "add", "_acme-challenge.www.example.net"))
    assert values(bunny, "_acme-challenge.www", "example.net") == []


def test_acme_sh_writes_nothing_beside_its_host(client, bunny, keys):
    """The script does not look at the status of an addition; the provider's side tells."""
    acme_sh(client, keys["demoanyhost1"], "add", "_acme-challenge.mail.example.com")
    assert values(bunny, "_acme-challenge.mail") == []


def test_certbot_gets_a_certificate(client, bunny, keys):
    """certbot-dns-bunny: list of zones, addition, the zone again, and the deletion by its id."""
    credentials = f"dns_bunny_api_key = {keys['demoanyacme1']}\n"
    registrars.succeeded(client.certbot("dns-bunny", credentials, "shop.example.com"))
    assert values(bunny, "_acme-challenge.shop") == []
    assert {"PUT", "DELETE"} <= {each.method for each in bunny.log}
    registrars.only_the_real_credential(bunny, keys["demoanyacme1"])


def test_certbot_is_told_no(client, bunny, keys):
    """Another host than the key's: the plugin shows the gate's own sentence."""
    credentials = f"dns_bunny_api_key = {keys['demoanyhost1']}\n"
    said = registrars.failed(client.certbot("dns-bunny", credentials, "shop.example.com"))
    assert "this key may not do this" in said, said
    assert values(bunny, "_acme-challenge.shop") == []


def test_octodns_plans_and_applies_a_zone(client, bunny, keys):
    """A key for all records: what octoDNS reads through the gate is the whole zone, so nothing but the wish is planned."""
    desired = {"": [{"type": "A", "ttl": 300, "value": "203.0.113.10"}],
               "www": {"type": "A", "ttl": 300, "value": "203.0.113.81"},
               "new": {"type": "TXT", "ttl": 300, "value": "hello there"}}
    planned = registrars.succeeded(client.octodns(PROVIDER, "example.org", desired, False, BUNNY_KEY=keys["demoanyall01"]))
    assert "Creates=1, Updates=1" in planned, planned
    registrars.succeeded(client.octodns(PROVIDER, "example.org", desired, True, BUNNY_KEY=keys["demoanyall01"]))
    assert values(bunny, "new", "example.org") == ["hello there"] and values(bunny, "www", "example.org") == ["203.0.113.81"]
    again = registrars.succeeded(client.octodns(PROVIDER, "example.org", desired, False, BUNNY_KEY=keys["demoanyall01"]))
    assert "No changes were planned" in again, again


def test_octodns_is_told_no(client, bunny, keys):
    """A key for another zone does not find this one."""
    desired = {"www": {"type": "A", "ttl": 300, "value": "203.0.113.81"}}
    registrars.failed(client.octodns(PROVIDER, "example.org", desired, True, BUNNY_KEY=keys["demoanyrecs1"]))
    assert values(bunny, "www", "example.org") == ["203.0.113.80"]


def test_an_addition_and_the_update_after_it(many, bunny, keys):
    """As Terraform's provider does: it puts a record, posts all of it again as the answer had it, renames and deletes it."""
    key = keys["demoanyrecs1"]
    zone = next(each["Id"] for each in bunny.zones.values() if each["Domain"] == "example.com")
    sent = {"Type": 0, "Ttl": 300, "Value": "192.0.2.7", "Name": "tf", "Priority": 0, "Port": 0, "Flags": 0, "Tag": "",
            "Accelerated": False, "AcceleratedPullZoneId": 0, "MonitorType": 0, "GeolocationLatitude": 0,
            "GeolocationLongitude": 0, "LatencyZone": "", "SmartRoutingType": 0, "Disabled": False, "Comment": ""}
    added = many.ask("bunny", "PUT", f"/dnszone/{zone}/records", key, body=sent)
    assert added.status == 201, added.text
    made = json.loads(added.text)
    again = {name: made[name] for name in ["Id", *sent]}
    path = f"/dnszone/{zone}/records/{made['Id']}"
    updated = many.ask("bunny", "POST", path, key, body=again)
    assert updated.status == 204, updated.text
    moved = many.ask("bunny", "POST", path, key, body={**again, "Name": "moved"})
    assert moved.status == 204 and values(bunny, "moved") == ["192.0.2.7"], moved.text
    gone = many.ask("bunny", "DELETE", path, key)
    assert gone.status == 204 and values(bunny, "moved") == [], gone.text


def test_a_foreign_record_does_not_come_into_the_scope(many, bunny, keys):
    """An ACME key cannot turn an address into a challenge, nor see that there is one; nothing of it changes."""
    zone, record = next((each["Id"], record["Id"]) for each in bunny.zones.values() if each["Domain"] == "example.com"
                        for record in each["Records"] if record["Name"] == "www")
    for body in ({"Type": 0, "Name": "_acme-challenge.www", "Value": "x"}, {"Name": "_acme-challenge.www", "Value": "x"}):
        answer = many.ask("bunny", "POST", f"/dnszone/{zone}/records/{record}", keys["demoanyacme1"], body=body)
        assert answer.status == 404, answer.text
    answer = many.ask("bunny", "POST", f"/dnszone/{zone}/records/{record}", keys["demoanyacme1"],
                      body={"Type": 3, "Name": "_acme-challenge.www", "Value": "x"})
    assert answer.status in (404, 422), answer.text
    assert values(bunny, "www") == ["192.0.2.80", "192.0.2.81", "2001:db8::80"]


def test_without_a_type_nothing_becomes_an_address(many, bunny, keys):
    """The API takes an absent type for an A record; the gate takes it for nothing."""
    zone = next(each["Id"] for each in bunny.zones.values() if each["Domain"] == "example.com")
    answer = many.ask("bunny", "PUT", f"/dnszone/{zone}/records", keys["demoanyrecs1"], body={"Name": "x", "Value": "192.0.2.1"})
    assert answer.status == 422 and values(bunny, "x") == [], answer.text
