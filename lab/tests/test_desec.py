"""Real clients of deSEC, unchanged, through the gate to a stand-in of its API."""

import pytest

from .unmodified import Unmodified, credulous


@pytest.fixture(scope="module")
def believing(server, folder):
    """An ACME authority that believes every challenge."""
    running = credulous(folder / "desec", server.dns_port)
    yield running
    running.stop()


@pytest.fixture
def client(many, server, believing, folder, request) -> Unmodified:
    """Clients in a folder of this test."""
    many.fresh("desec")
    return Unmodified(many, folder / f"desec-{request.node.name}", believing, server.dns_port)


def records(many, subname: str, kind: str, zone: str = "example.com") -> list:
    """What the stand-in has."""
    return many.stand_in("desec").zones[zone].get((subname, kind), {"records": []})["records"]


def wrote(many, subname: str) -> bool:
    """Whether a client has written at a name, even if nothing is left of it."""
    return any(each.method in ("PUT", "PATCH", "POST") and subname in each.path + each.body.decode() for each in many.stand_in("desec").log)


def certificates(client: Unmodified) -> list:
    """What a client has got."""
    return [each for ending in ("*.crt", "*.cer", "cert*.pem") for each in client.folder.rglob(ending) if each != client.trusted]


def test_lego(many, client, keys):
    """A certificate; it looks for the responsible domain, and cleans up with an empty list of records."""
    done = client.lego("desec", "www.example.com", DESEC_TOKEN=keys["demoanyhost1"], DESEC_POLLING_INTERVAL="1")
    assert done.returncode == 0, done.stdout[-3000:]
    assert certificates(client) and wrote(many, "_acme-challenge.www")
    assert records(many, "_acme-challenge.www", "TXT") == ['"left-over"']


def test_lego_outside_its_scope(many, client, keys):
    """Another host of the same domain."""
    done = client.lego("desec", "mail.example.com", DESEC_TOKEN=keys["demoanyhost1"], DESEC_POLLING_INTERVAL="1")
    assert done.returncode != 0 and "this key may not do this" in done.stdout, done.stdout[-3000:]
    assert not wrote(many, "_acme-challenge.mail")


def test_certbot(many, client, keys):
    """A certificate; it asks for `_acme-challenge.cb.../TXT/` and writes lists."""
    done = client.certbot("dns-desec", f"dns_desec_token = {keys['demoanyacme1']}\n", "cb.example.com")
    assert done.returncode == 0, done.stdout[-3000:]
    assert certificates(client) and records(many, "_acme-challenge.cb", "TXT") == []
    assert any("/rrsets/_acme-challenge.cb.../TXT/" in each.path for each in many.stand_in("desec").log)


def test_certbot_outside_its_scope(many, client, keys):
    """A domain that the key does not know looks like none."""
    done = client.certbot("dns-desec", f"dns_desec_token = {keys['demoanyacme1']}\n", "www.example.org")
    assert done.returncode != 0 and "Could not find suitable domain in your account" in done.stdout, done.stdout[-3000:]


def test_acme_sh(many, client, keys):
    """A certificate; it reads JSON with sed."""
    done = client.acme_sh("dns_desec", "as.example.com", DEDYN_TOKEN=keys["demoanyacme1"])
    assert done.returncode == 0, done.stdout[-3000:]
    assert wrote(many, "_acme-challenge.as") and records(many, "_acme-challenge.as", "TXT") == []


def test_acme_sh_outside_its_scope(many, client, keys):
    """A domain that the key does not know is not in the list."""
    done = client.acme_sh("dns_desec", "www.example.org", DEDYN_TOKEN=keys["demoanyacme1"])
    assert done.returncode != 0 and "invalid domain" in done.stdout, done.stdout[-3000:]


def test_lexicon(many, client, keys):
    """Adds, changes, lists and deletes; with two slashes, a TTL as a text, and fields that nobody reads."""
    go = lambda *call: client.lexicon("desec", keys["demoanyacme1"], "example.com", *call)
    done = go("create", "TXT", "_acme-challenge.lex", "one")
    assert done.returncode == 0 and done.stdout.strip() == "true", done.stdout[-2000:]
    assert records(many, "_acme-challenge.lex", "TXT") == ['"one"']
    done = go("update", "TXT", "_acme-challenge.lex", "two")
    assert done.returncode == 0, done.stdout[-2000:]
    assert records(many, "_acme-challenge.lex", "TXT") == ['"two"']
    done = go("list", "TXT", "_acme-challenge.lex")
    assert done.returncode == 0 and '"two"' in done.stdout and "left-over" not in done.stdout, done.stdout[-2000:]
    done = go("delete", "TXT", "_acme-challenge.lex")
    assert done.returncode == 0, done.stdout[-2000:]
    assert records(many, "_acme-challenge.lex", "TXT") == []


def test_lexicon_outside_its_scope(many, client, keys):
    """Changes no other name, and finds no other domain."""
    done = client.lexicon("desec", keys["demoanyacme1"], "example.com", "create", "A", "www", "192.0.2.66")
    assert done.returncode != 0 and "403" in done.stdout, done.stdout[-2000:]
    other = client.lexicon("desec", keys["demoanyacme1"], "example.net", "list", "A")
    assert other.returncode != 0 and "'example.net' not found" in other.stdout, other.stdout[-2000:]
    assert records(many, "www", "A") == ["192.0.2.80", "192.0.2.81"]


def desec(client: Unmodified, key: str, *arguments: str):
    """The `desec` command."""
    token = client.folder / "token"
    token.write_text(key)
    token.chmod(0o600)
    return client.tool("desec", "--token-file", token, *arguments)


def test_the_desec_command(many, client, keys):
    """Adds, lists and deletes, with three dots in the paths."""
    done = desec(client, keys["demoanyacme1"], "add-record", "example.com", "-t", "TXT", "-s", "_acme-challenge.cli", "-r", "tok", "--ttl", "3600")
    assert done.returncode == 0, done.stdout[-2000:]
    assert records(many, "_acme-challenge.cli", "TXT") == ['"tok"']
    done = desec(client, keys["demoanyacme1"], "get-records", "example.com", "-t", "TXT")
    assert done.returncode == 0 and "_acme-challenge.cli" in done.stdout and "v=spf1" not in done.stdout, done.stdout[-2000:]
    done = desec(client, keys["demoanyacme1"], "delete-record", "example.com", "-t", "TXT", "-s", "_acme-challenge.cli")
    assert done.returncode == 0 and records(many, "_acme-challenge.cli", "TXT") == [], done.stdout[-2000:]
    done = desec(client, keys["demoanyacme1"], "delete-record", "example.com", "-t", "A", "-s", "www")
    assert done.returncode != 0 and records(many, "www", "A"), done.stdout[-2000:]


def test_the_desec_command_where_a_list_needs_pages(many, client, keys):
    """The server refuses a long list without a cursor, and names the first page in a header: through the gate too."""
    many.stand_in("desec").page_size = 3
    done = desec(client, keys["demoanyrecs1"], "get-records", "example.com")
    assert done.returncode == 0, done.stdout[-2000:]
    assert all(name in done.stdout for name in ("v=spf1", "192.0.2.81", "10.0.0.5", "ns1.desec.io")), done.stdout[-2000:]
    few = desec(client, keys["demoanyacme1"], "get-records", "example.com")
    assert few.returncode == 0 and "left-over" in few.stdout and "192.0.2" not in few.stdout, few.stdout[-2000:]


def test_octodns_plans_and_applies_a_zone(many, client, keys):
    """A key of all zones: plan, apply, and then nothing is left to do, also where the list comes in pages."""
    many.stand_in("desec").page_size = 2
    provider = {"class": "octodns_desec.DesecProvider", "token": "env/DESEC_TOKEN"}
    desired = {"": [{"type": "A", "value": "192.0.2.1"}], "www": {"type": "A", "values": ["192.0.2.80", "192.0.2.82"]},
               "new": {"type": "TXT", "value": "hello"}}
    go = lambda apply: client.octodns(provider, "customer.nl", desired, apply, DESEC_TOKEN=keys["demoanyall01"])
    planned = go(False)
    assert planned.returncode == 0 and "Creates=1, Updates=2" in planned.stdout, planned.stdout[-3000:]
    applied = go(True)
    assert applied.returncode == 0, applied.stdout[-3000:]
    assert records(many, "www", "A", "customer.nl") == ["192.0.2.80", "192.0.2.82"]
    assert records(many, "new", "TXT", "customer.nl") == ['"hello"']
    again = go(False)
    assert again.returncode == 0 and "No changes were planned" in again.stdout, again.stdout[-3000:]


def update(client: Unmodified, key: str, **query: str):
    """An update of addresses as routers send it: the key is the password, the name stands in the query."""
    words = "&".join(f"{name}={value}" for name, value in query.items())
    return client.run("curl", "-sS", "--fail-with-body", "--user", f"home.example.com:{key}",
                      f"https://desec.io/api/v1/dyndns/update?{words}")


def test_a_router_updates_its_own_address(many, client, keys):
    """To the address that it asks from; the other family stays, or goes, as it says."""
    key = keys["demoanyddns1"]
    many.stand_in("desec")._store("example.com", "home", "AAAA", ["2001:db8::1"], 3600)
    done = update(client, key, hostname="home.example.com", myip="127.0.0.1", myipv6="preserve")
    assert done.returncode == 0 and done.stdout == "good", done.stdout
    assert records(many, "home", "A") == ["127.0.0.1"] and records(many, "home", "AAAA") == ["2001:db8::1"]
    done = update(client, key, hostname="home.example.com", myipv4="127.0.0.1", myipv6="")
    assert done.returncode == 0 and records(many, "home", "AAAA") == [], done.stdout
    updates = [each for each in many.stand_in("desec").log if "/dyndns/" in each.path]
    assert [each.path.split("?")[1] for each in updates] == ["hostname=home.example.com&myip=127.0.0.1&myipv6=preserve",
                                                             "hostname=home.example.com&myipv4=127.0.0.1&myipv6="]
    assert all(key not in each.raw() for each in many.stand_in("desec").log)


@pytest.mark.parametrize("query", [
    {"hostname": "home.example.com", "myip": "203.0.113.66", "myipv6": "preserve"},
    {"hostname": "www.example.com", "myip": "127.0.0.1", "myipv6": "preserve"},
    {"hostname": "home.example.net", "myip": "127.0.0.1", "myipv6": "preserve"},
    {"hostname": "home.example.com,www.example.com", "myip": "127.0.0.1", "myipv6": "preserve"},
    {"hostname": "home.example.com", "myip": "127.0.0.1"},
    {"hostname": "home.example.com"},
    {"myip": "127.0.0.1", "myipv6": "preserve"},
])
def test_a_router_updates_nothing_else(many, client, keys, query):
    """Not another address or name, and nothing that the server would make up: its caller is the gate."""
    before = {zone: dict(rrsets) for zone, rrsets in many.stand_in("desec").zones.items()}
    done = update(client, keys["demoanyddns1"], **query)
    assert done.returncode != 0, done.stdout
    assert many.stand_in("desec").zones == before
    assert not [each for each in many.stand_in("desec").log if "/dyndns/" in each.path]
