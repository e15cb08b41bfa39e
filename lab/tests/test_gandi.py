"""Real clients of Gandi LiveDNS through the gate: their work inside their scope, and nothing outside."""

import pytest

from . import registrars, two
from .unmodified import Unmodified, credulous

OCTODNS = {"class": "octodns_gandi.GandiProvider", "token": "env/GANDI_TOKEN"}
"""octoDNS's provider; it knows Gandi's own address only."""


@pytest.fixture(scope="module")
def believing(server, folder):
    """An ACME authority that believes every challenge."""
    running = credulous(folder / "gandi", server.dns_port)
    yield running
    running.stop()


@pytest.fixture
def client(many, server, believing, folder, request) -> Unmodified:
    """Clients in a folder of this test."""
    return Unmodified(many, folder / request.node.name, believing, server.dns_port)


@pytest.fixture
def gandi(many):
    """Gandi's stand-in as at the start."""
    return many.fresh("gandi")


def values(stand_in, name: str, kind: str) -> list:
    """What stands at a name of example.com."""
    return stand_in.zones["example.com"].get((name, kind), {"values": []})["values"]


def test_acme_sh_writes_and_removes_its_challenge(client, gandi, keys):
    """dns_gandi_livedns finds its zone, adds a value beside the one that is there, and takes it away again."""
    key = {"GANDI_LIVEDNS_TOKEN": keys["demoanyacme1"]}
    go = lambda action, value: registrars.acme_sh(client, "dns_gandi_livedns", key, action, "_acme-challenge.shop.example.com", value)
    registrars.succeeded(go("add", "first"))
    registrars.succeeded(go("add", "second"))
    assert [value.strip('"') for value in values(gandi, "_acme-challenge.shop", "TXT")] == ["first", "second"]
    assert values(gandi, "www", "A") == ["192.0.2.80", "192.0.2.81"]
    registrars.only_the_real_credential(gandi, keys["demoanyacme1"])


def test_acme_sh_may_not_write_for_another_host(client, gandi, keys):
    """A key for one host: the client ends with an error, and nothing has changed."""
    before = {key: dict(rrset) for key, rrset in gandi.zones["example.com"].items()}
    registrars.failed(registrars.acme_sh(client, "dns_gandi_livedns", {"GANDI_LIVEDNS_TOKEN": keys["demoanyhost1"]},
                                         "add", "_acme-challenge.shop.example.com", "x"))
    assert gandi.zones["example.com"] == before


def test_lexicon_lists_creates_renames_and_deletes(client, gandi, keys):
    """A key for all records of the zone; the rename by the body is refused, whatever Gandi would make of it."""
    auth = {"auth_token": keys["demoanyrecs1"], "api_protocol": "rest"}
    go = lambda action, **options: registrars.lexicon(client, "gandi", auth, action, **options)
    registrars.succeeded(go("create", rtype="TXT", name="new.example.com", content="hello"))
    assert values(gandi, "new", "TXT") == ['"hello"']
    assert "192.0.2.80" in registrars.succeeded(go("list", rtype="A"))
    registrars.failed(go("update", identifier="new", rtype="TXT", name="newer.example.com", content="hello"))
    assert values(gandi, "newer", "TXT") == [] and values(gandi, "new", "TXT") == ['"hello"']
    registrars.succeeded(go("delete", rtype="TXT", name="new.example.com", content="hello"))
    assert values(gandi, "new", "TXT") == []


def test_lexicon_sees_and_writes_no_more_than_its_key_may(client, gandi, keys):
    """An ACME key: the listing has the challenges only, and a write elsewhere says that it is forbidden."""
    auth = {"auth_token": keys["demoanyacme1"], "api_protocol": "rest"}
    listed = registrars.succeeded(registrars.lexicon(client, "gandi", auth, "list"))
    assert "left-over" in listed and "192.0.2" not in listed
    refused = registrars.lexicon(client, "gandi", auth, "create", rtype="A", name="www.example.com", content="203.0.113.66")
    assert "403" in registrars.failed(refused)
    assert values(gandi, "www", "A") == ["192.0.2.80", "192.0.2.81"]


def test_certbot_gets_a_certificate_for_its_host(client, gandi, keys):
    """A key for one host name: the plugin reads the rrset, writes it with its value, and takes that out again."""
    credentials = f"dns_gandi_token = {keys['demoanyhost1']}\n"
    registrars.succeeded(client.certbot("dns-gandi", credentials, "www.example.com"))
    assert any(each.method == "PUT" and "_acme-challenge.www" in each.path for each in gandi.log)
    assert values(gandi, "_acme-challenge.www", "TXT") == ['"left-over"'] and values(gandi, "@", "TXT") == ['"v=spf1 mx -all"']
    registrars.only_the_real_credential(gandi, keys["demoanyhost1"])


def test_certbot_gets_none_for_another_host(client, gandi, keys):
    """A host beside the key's own: nothing is written, and the client says why."""
    credentials = f"dns_gandi_token = {keys['demoanyhost1']}\n"
    assert "this key may not do this" in registrars.failed(client.certbot("dns-gandi", credentials, "mail.example.com"))
    assert values(gandi, "_acme-challenge.mail", "TXT") == []


def test_octodns_plans_and_applies_a_zone(client, gandi, keys):
    """A key for all records: octoDNS reads every page, plans, applies, and has nothing left to do."""
    zone = {"": [{"type": "A", "ttl": 10800, "value": "192.0.2.10"}],
            "www": {"type": "A", "ttl": 10800, "values": ["192.0.2.80", "192.0.2.82"]},
            "new": {"type": "TXT", "value": "hello"}}
    gandi.zones["example.com"] = {key: rrset for key, rrset in gandi.zones["example.com"].items() if key in (("@", "A"), ("www", "A"), ("mail", "A"))}
    go = lambda apply: registrars.succeeded(client.octodns(OCTODNS, "example.com", zone, apply, GANDI_TOKEN=keys["demoanyrecs1"]))
    assert "Creates=1, Updates=1, Deletes=1" in go(False) and values(gandi, "new", "TXT") == []
    go(True)
    assert values(gandi, "new", "TXT") == ['"hello"'] and values(gandi, "www", "A") == ["192.0.2.80", "192.0.2.82"]
    assert values(gandi, "mail", "A") == [] and "No changes were planned" in go(False)


def test_octodns_cannot_touch_what_it_does_not_see(client, gandi, keys):
    """An ACME key sees an empty zone, and creates nothing in it."""
    before = {key: dict(rrset) for key, rrset in gandi.zones["example.com"].items()}
    zone = {"new": {"type": "A", "value": "203.0.113.66"}}
    done = client.octodns(OCTODNS, "example.com", zone, True, GANDI_TOKEN=keys["demoanyacme1"])
    assert "Forbidden" in registrars.failed(done) or "403" in done.stdout
    assert {key: rrset for key, rrset in gandi.zones["example.com"].items() if key[0] != "_acme-challenge.www"} == {
        key: rrset for key, rrset in before.items() if key[0] != "_acme-challenge.www"}


RECORDS = "/v5/livedns/domains/example.com/records"
"""All records of a zone: JSON, or a zone file."""

ZONE_FILE = b'www 300 IN A 192.0.2.90\n@ 300 IN TXT "v=spf1 -all"\n'
"""A zone of two records."""


def content_types(stand_in) -> list:
    """The content types of the writes that came."""
    return [kind for each in stand_in.log if each.method == "PUT" for kind in each.header("content-type")]


def test_a_zone_file_goes_in_and_out(many, gandi, keys):
    """Who imports and exports zones: the whole zone, as text."""
    ask = lambda method, headers, **more: many.ask("gandi", method, RECORDS, keys["demoanytrans"], headers=headers, **more)
    assert ask("PUT", {"content-type": "text/plain"}, body=ZONE_FILE).status == 201
    assert values(gandi, "www", "A") == ["192.0.2.90"] and values(gandi, "mail", "A") == [] and content_types(gandi) == ["text/plain"]
    answer = ask("GET", {"accept": "text/plain"})
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/plain") and "192.0.2.90" in answer.text


def test_a_zone_file_is_none_of_a_key_for_records(many, gandi, keys):
    """Neither as text nor as JSON that is called text; nothing comes to Gandi."""
    before = dict(gandi.zones["example.com"])
    for body in (ZONE_FILE, b'{"items":[{"rrset_name":"www","rrset_type":"A","rrset_values":["192.0.2.90"]}]}'):
        answer = many.ask("gandi", "PUT", RECORDS, keys["demoanyrecs1"], headers={"content-type": "text/plain"}, body=body)
        assert answer.status == 403, answer.text
    assert many.ask("gandi", "GET", RECORDS, keys["demoanyrecs1"], headers={"accept": "text/plain"}).status == 403
    assert gandi.zones["example.com"] == before and gandi.log == []


@pytest.mark.parametrize("kinds", [["text/plain", "application/json"], ["application/json", "text/plain"], ["text/plain", "text/plain"],
                                   ["text/plain; charset=utf-8"], ["text/plain, application/json"], []], ids=str)
def test_a_content_type_that_says_two_things_is_json(many, gandi, keys, kinds):
    """A zone file is then no JSON, and JSON goes on as nothing else, over HTTP/2 too."""
    headers = [("authorization", f"Bearer {keys['demoanytrans']}"), *(("content-type", kind) for kind in kinds)]
    port = many.gate.ports["gandi", "main"]
    assert two.ask(port, "PUT", RECORDS, headers, [ZONE_FILE]).status == 422 and gandi.log == []
    headers[0] = ("authorization", f"Bearer {keys['demoanyrecs1']}")
    gandi.zones["example.com"] = {("www", "A"): gandi.zones["example.com"]["www", "A"]}
    json = b'{"items":[{"rrset_name":"www","rrset_type":"A","rrset_values":["192.0.2.90"]}]}'
    assert two.ask(port, "PUT", RECORDS, headers, [json]).status == 201
    assert content_types(gandi) == ["application/json"] and values(gandi, "www", "A") == ["192.0.2.90"]
