"""Real clients of Hetzner Cloud, unchanged, through the gate to a stand-in of its API."""

import pytest

from .unmodified import Unmodified

HCLOUD = """
import json, sys
from hcloud import APIException, Client
from hcloud.zones import ZoneRecord
address, key, name, value = sys.argv[1:]
client = Client(key, api_endpoint=address + "/v1", poll_interval=0.02, poll_max_retries=20)
zone = client.zones.get("example.com")
try:
    made = zone.create_rrset(name=name, type="TXT", ttl=60, records=[ZoneRecord(value=f'"{value}"', comment="by a test")])
    made.action.wait_until_finished()
    rrset = zone.get_rrset(name, "TXT")
    zone.set_rrset_records(rrset, [ZoneRecord(value=f'"{value}-2"')]).wait_until_finished()
    zone.change_rrset_ttl(rrset, None).wait_until_finished()
    zone.add_rrset_records(rrset, [ZoneRecord(value=f'"{value}-3"')]).wait_until_finished()
    zone.remove_rrset_records(rrset, [ZoneRecord(value=f'"{value}-3"')]).wait_until_finished()
    seen = [[each.name, each.type, [record.value for record in each.records]] for each in zone.get_rrset_all()]
    zone.delete_rrset(rrset).action.wait_until_finished()
    print(json.dumps({"zones": [each.name for each in client.zones.get_all()], "seen": seen}))
except APIException as error:
    sys.exit(f"{error.code}: {error.message}")
"""


@pytest.fixture
def client(many, folder, request) -> Unmodified:
    """Clients in a folder of this test."""
    many.fresh("hetzner")
    return Unmodified(many, folder / f"hetzner-{request.node.name}")


def values(many, name: str, kind: str) -> list:
    """What the stand-in has."""
    rrset = many.stand_in("hetzner").zones["example.com"]["rrsets"].get((name, kind), {"records": []})
    return [record["value"] for record in rrset["records"]]


def test_lexicon_inside_its_scope(many, client, keys):
    """Adds, changes, lists and deletes a challenge: it takes the zone's id, and waits for each action."""
    go = lambda *call: client.lexicon("hetzner", keys["demoanyacme1"], "example.com", *call)
    done = go("create", "TXT", "_acme-challenge.lex", "one")
    assert done.returncode == 0 and done.stdout.strip() == "true", done.stdout[-2000:]
    assert values(many, "_acme-challenge.lex", "TXT") == ['"one"']
    done = go("update", "TXT", "_acme-challenge.lex", "two")
    assert done.returncode == 0, done.stdout[-2000:]
    assert values(many, "_acme-challenge.lex", "TXT") == ['"two"']
    done = go("list", "TXT", "_acme-challenge.lex")
    assert done.returncode == 0 and '"two"' in done.stdout, done.stdout[-2000:]
    done = go("delete", "TXT", "_acme-challenge.lex", "two")
    assert done.returncode == 0, done.stdout[-2000:]
    assert values(many, "_acme-challenge.lex", "TXT") == []
    paths = [each.path for each in many.stand_in("hetzner").log]
    assert any(path.startswith("/v1/zones/42/rrsets/_acme-challenge.lex/TXT/actions/") for path in paths)


def test_lexicon_outside_its_scope(many, client, keys):
    """Sees nothing of other names, and changes none."""
    go = lambda *call: client.lexicon("hetzner", keys["demoanyacme1"], "example.com", *call)
    listed = go("list", "A")
    assert listed.returncode == 0 and listed.stdout.strip() == "[]", listed.stdout[-2000:]
    done = go("create", "A", "www", "192.0.2.66")
    assert done.returncode != 0 and "403" in done.stdout, done.stdout[-2000:]
    assert values(many, "www", "A") == ["192.0.2.80", "192.0.2.81"]
    other = client.lexicon("hetzner", keys["demoanyacme1"], "example.net", "create", "TXT", "_acme-challenge", "x")
    assert other.returncode != 0 and "There is no zone for example.net" in other.stdout, other.stdout[-2000:]


def test_hcloud_inside_its_scope(many, client, keys):
    """The provider's own library: creates, replaces, adds, removes, lists and deletes, and waits each time."""
    done = client.python(HCLOUD, many.url("hetzner"), keys["demoanyacme1"], "_acme-challenge.hc", "tok")
    assert done.returncode == 0, done.stdout[-2000:]
    assert '"zones": ["example.com"]' in done.stdout, done.stdout
    assert '["_acme-challenge.hc", "TXT", ["\\"tok-2\\""]]' in done.stdout, done.stdout
    assert "192.0.2" not in done.stdout, "it saw what it may not read"
    assert values(many, "_acme-challenge.hc", "TXT") == []


def test_hcloud_outside_its_scope(many, client, keys):
    """The library shows the gate's sentence."""
    done = client.python(HCLOUD, many.url("hetzner"), keys["demoanyacme1"], "www", "tok")
    assert done.returncode != 0 and "this key may not do this" in done.stdout, done.stdout[-2000:]
    assert values(many, "www", "TXT") == []


def test_octodns_plans_and_applies_a_zone(many, client, keys):
    """A key of all zones: plan, apply, and then nothing is left to do."""
    provider = {"class": "octodns_hetzner.HetznerProvider", "token": "env/HETZNER_TOKEN", "backend": "hcloud"}
    desired = {"": [{"type": "A", "value": "192.0.2.1"}], "www": {"type": "A", "values": ["192.0.2.80", "192.0.2.82"]},
               "new": {"type": "TXT", "value": "hello"}}
    go = lambda apply: client.octodns(provider, "customer.nl", desired, apply, HETZNER_TOKEN=keys["demoanyall01"])
    planned = go(False)
    assert planned.returncode == 0 and "Creates=1, Updates=2" in planned.stdout, planned.stdout[-3000:]
    applied = go(True)
    assert applied.returncode == 0, applied.stdout[-3000:]
    rrsets = many.stand_in("hetzner").zones["customer.nl"]["rrsets"]
    assert [record["value"] for record in rrsets["www", "A"]["records"]] == ["192.0.2.80", "192.0.2.82"]
    assert [record["value"] for record in rrsets["new", "TXT"]["records"]] == ['"hello"']
    again = go(False)
    assert again.returncode == 0 and "No changes were planned" in again.stdout, again.stdout[-3000:]
