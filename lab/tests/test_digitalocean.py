"""Real clients of DigitalOcean, unchanged, through the gate to a stand-in of its API."""

import pytest

from .unmodified import Unmodified, credulous

LIBRARY = """
import json, sys
import digitalocean
key, name, value = sys.argv[1:]
domains = [each.name for each in digitalocean.Manager(token=key).get_all_domains()]
domain = digitalocean.Manager(token=key).get_domain("example.com")
made = domain.create_new_domain_record(type="TXT", name=name, data=value, ttl=60)["domain_record"]["id"]
record = next(each for each in domain.get_records() if each.id == made)
record.data = value + "-2"
changed = record.save()["domain_record"]["data"]
seen = [[each.name, each.data] for each in domain.get_records()]
record.destroy()
print(json.dumps({"domains": domains, "zone_file": domain.zone_file, "changed": changed, "seen": seen}))
"""


@pytest.fixture(scope="module")
def believing(server, folder):
    """An ACME authority that believes every challenge."""
    running = credulous(folder / "digitalocean", server.dns_port)
    yield running
    running.stop()


@pytest.fixture
def client(many, server, believing, folder, request) -> Unmodified:
    """Clients in a folder of this test."""
    many.fresh("digitalocean")
    return Unmodified(many, folder / f"digitalocean-{request.node.name}", believing, server.dns_port)


def data(many, name: str, kind: str, zone: str = "example.com") -> list:
    """What the stand-in has."""
    return [each["data"] for each in many.stand_in("digitalocean").zones[zone] if (each["name"], each["type"]) == (name, kind)]


def number(many, name: str, kind: str, zone: str = "example.com") -> str:
    """The id of a record."""
    return str(next(each["id"] for each in many.stand_in("digitalocean").zones[zone] if (each["name"], each["type"]) == (name, kind)))


def certificates(client: Unmodified) -> list:
    """What a client has got."""
    return [each for ending in ("*.crt", "*.cer", "cert*.pem") for each in client.folder.rglob(ending) if each != client.trusted]


def wrote(many, method: str) -> list:
    """The bodies that came by a method."""
    return [each.body.decode() for each in many.stand_in("digitalocean").log if each.method == method]


def test_lego(many, client, keys):
    """A certificate; lego writes absolute names and deletes by the id that it was told."""
    done = client.lego("digitalocean", "www.example.com", DO_AUTH_TOKEN=keys["demoanyhost1"], DO_POLLING_INTERVAL="1")
    assert done.returncode == 0, done.stdout[-3000:]
    created, = wrote(many, "POST")
    assert certificates(client) and '"name":"_acme-challenge.www"' in created
    assert data(many, "_acme-challenge.www", "TXT") == ["left-over"]


def test_lego_outside_its_scope(many, client, keys):
    """Another host of the same domain."""
    done = client.lego("digitalocean", "mail.example.com", DO_AUTH_TOKEN=keys["demoanyhost1"], DO_POLLING_INTERVAL="1")
    assert done.returncode != 0 and "this key may not do this" in done.stdout, done.stdout[-3000:]
    assert wrote(many, "POST") == []


def test_acme_sh(many, client, keys):
    """A certificate; it reads JSON with grep, and follows absolute addresses of pages."""
    done = client.acme_sh("dns_dgon", "as.example.com", DO_API_KEY=keys["demoanyacme1"])
    assert done.returncode == 0, done.stdout[-3000:]
    assert len(wrote(many, "POST")) == 1 and data(many, "_acme-challenge.as", "TXT") == []


def test_acme_sh_outside_its_scope(many, client, keys):
    """A domain that the key does not know is not in the list."""
    done = client.acme_sh("dns_dgon", "www.example.org", DO_API_KEY=keys["demoanyacme1"])
    assert done.returncode != 0 and wrote(many, "POST") == [], done.stdout[-3000:]


def test_certbot(many, client, keys):
    """A certificate; its library asks for `/v2/domains/?per_page=200`."""
    done = client.certbot("dns-digitalocean", f"dns_digitalocean_token = {keys['demoanyacme1']}\n", "cb.example.com")
    assert done.returncode == 0, done.stdout[-3000:]
    assert certificates(client) and data(many, "_acme-challenge.cb", "TXT") == []


def test_certbot_outside_its_scope(many, client, keys):
    """A domain that the key does not know."""
    done = client.certbot("dns-digitalocean", f"dns_digitalocean_token = {keys['demoanyacme1']}\n", "www.example.org")
    assert done.returncode != 0 and "Unable to determine base domain" in done.stdout, done.stdout[-3000:]


def test_the_library(many, client, keys):
    """python-digitalocean by its own setting of the address: creates, changes by id, lists, deletes by id."""
    done = client.python(LIBRARY, keys["demoanyacme1"], "_acme-challenge.lib", "tok", DIGITALOCEAN_END_POINT=many.url("digitalocean") + "/v2/")
    assert done.returncode == 0, done.stdout[-2000:]
    assert '"domains": ["example.com"], "zone_file": null, "changed": "tok-2"' in done.stdout, done.stdout
    assert '["_acme-challenge.lib", "tok-2"]' in done.stdout and "192.0.2" not in done.stdout, done.stdout
    assert data(many, "_acme-challenge.lib", "TXT") == []
    refused = client.python(LIBRARY, keys["demoanyacme1"], "www", "tok", DIGITALOCEAN_END_POINT=many.url("digitalocean") + "/v2/")
    assert refused.returncode != 0 and "this key may not do this" in refused.stdout, refused.stdout[-2000:]


def test_lexicon(many, client, keys):
    """Adds, renames, lists and deletes."""
    go = lambda *call: client.lexicon("digitalocean", keys["demoanyacme1"], "example.com", *call)
    done = go("create", "TXT", "_acme-challenge.lex", "one")
    assert done.returncode == 0 and done.stdout.strip() == "true", done.stdout[-2000:]
    mine = number(many, "_acme-challenge.lex", "TXT")
    done = go("update", "TXT", "_acme-challenge.new", "two", mine)
    assert done.returncode == 0 and data(many, "_acme-challenge.new", "TXT") == ["two"], done.stdout[-2000:]
    done = go("list", "TXT")
    assert done.returncode == 0 and '"two"' in done.stdout and "spf1" not in done.stdout, done.stdout[-2000:]
    done = go("delete", "TXT", "_acme-challenge.new", "two")
    assert done.returncode == 0 and data(many, "_acme-challenge.new", "TXT") == [], done.stdout[-2000:]


def test_lexicon_outside_its_scope(many, client, keys):
    """Neither by name nor by id, neither out of its names nor into them."""
    go = lambda *call: client.lexicon("digitalocean", keys["demoanyacme1"], "example.com", *call)
    theirs, mine = number(many, "www", "A"), number(many, "_acme-challenge.www", "TXT")
    for call in (("create", "A", "www", "192.0.2.66"), ("delete", "A", "www", "192.0.2.80", theirs),
                 ("update", "TXT", "_acme-challenge.www", "x", theirs), ("update", "TXT", "www", "x", mine)):
        done = go(*call)
        assert done.returncode != 0 and ("403" in done.stdout or "404" in done.stdout), (call, done.stdout[-2000:])
    assert data(many, "www", "A") == ["192.0.2.80", "192.0.2.81"] and data(many, "_acme-challenge.www", "TXT") == ["left-over"]
    assert {each.method for each in many.stand_in("digitalocean").log} == {"GET"}, "something went up"


def test_octodns_plans_and_applies_a_zone(many, client, keys):
    """A key of all zones: plan, apply, and then nothing is left to do."""
    provider = {"class": "octodns_digitalocean.DigitalOceanProvider", "token": "env/DO_TOKEN"}
    desired = {"": [{"type": "A", "value": "192.0.2.1"}], "www": {"type": "A", "values": ["192.0.2.80", "192.0.2.82"]},
               "new": {"type": "TXT", "value": "hello"}}
    go = lambda apply: client.octodns(provider, "customer.nl", desired, apply, DO_TOKEN=keys["demoanyall01"])
    planned = go(False)
    assert planned.returncode == 0 and "Creates=1, Updates=2" in planned.stdout, planned.stdout[-3000:]
    applied = go(True)
    assert applied.returncode == 0, applied.stdout[-3000:]
    assert data(many, "www", "A", "customer.nl") == ["192.0.2.80", "192.0.2.82"] and data(many, "new", "TXT", "customer.nl") == ["hello"]
    again = go(False)
    assert again.returncode == 0 and "No changes were planned" in again.stdout, again.stdout[-3000:]
