"""The templates and roles of the policy library, each with the real client that it is for: inside its scope and outside."""

import pytest

from lab import clients, gate as whole, powerdns

CHALLENGE = "_acme-challenge.www.example.org"
"""A name that another client writes, in a zone that is kept as code."""


@pytest.fixture
def acme(gate, server, authority, folder, request):
    """ACME clients that go through the gate, with a folder of their own."""
    return clients.Acme(authority, gate.port, server.dns_port, folder / request.node.name)


@pytest.fixture
def call(gate, folder, keys):
    """Lexicon with a key, in a zone: `call(key, zone, action, type, name, content)`."""
    return lambda key, *words: clients.lexicon(keys[key], gate.port, folder, *words)


def test_lego_with_the_key_of_a_certificate_service(acme, zones, keys):
    """The role `certificate-clients`: any zone, and lego may notify after each change."""
    done = acme.lego(keys["demoregex001"], "www.example.net")
    assert done.returncode == 0, done.stdout[-3000:]
    assert zones.values("example.net", "_acme-challenge.www.example.net", "TXT") == [], "the challenge was not removed"


def test_lego_with_a_grant_for_each_of_two_zones(acme, server, zones, keys):
    """One certificate with names of both; a third zone is refused."""
    whole.fill(server, only="example.org")
    done = acme.lego(keys["demoacmemany"], "www.example.com", "www.example.org")
    assert done.returncode == 0, done.stdout[-3000:]
    refused = acme.lego(keys["demoacmemany"], "www.example.net")
    assert refused.returncode != 0, refused.stdout[-3000:]


def test_octodns_neither_deletes_nor_writes_a_challenge(gate, server, folder, keys):
    """The grant `zone-as-code`: octoDNS makes the zone as its files say, and leaves what it cannot see."""
    whole.fill(server, only="example.org")
    change = powerdns.rrset("example.org.", CHALLENGE.removesuffix(".example.org"), "TXT", '"somebody\'s"')
    assert server.api("PATCH", "/zones/example.org.", {"rrsets": [change]}).status == 204
    wanted = {"": [{"type": "A", "value": "203.0.113.10"}], "www": {"type": "A", "value": "203.0.113.81"}}
    go = lambda desired: clients.octodns("example.org", desired, keys["demoascode01"], gate.port, folder / "as-code", True)
    applied = go(wanted)
    assert applied.returncode == 0, applied.stdout[-3000:]
    assert server.values("example.org", "www.example.org", "A") == ["203.0.113.81"]
    assert server.values("example.org", CHALLENGE, "TXT") == ['"somebody\'s"'], "octoDNS deleted it"
    assert "No changes were planned" in go(wanted).stdout
    refused = go({**wanted, "_acme-challenge.www": {"type": "TXT", "value": "its own"}})
    assert refused.returncode != 0 and "403" in refused.stdout, refused.stdout[-3000:]
    assert server.values("example.org", CHALLENGE, "TXT") == ['"somebody\'s"']


def test_lexicon_keeps_the_mail_of_a_zone(call, zones):
    """The grant `mail`: DMARC and a DKIM key come and go; a host's address is refused."""
    for name, content in (("_dmarc.example.com", "v=DMARC1; p=none"), ("s2026._domainkey.example.com", "v=DKIM1; p=")):
        created = call("demomail0001", "example.com", "create", "TXT", name, content)
        assert created.returncode == 0, created.stdout[-2000:]
        assert zones.values("example.com", name, "TXT") == [f'"{content}"']
        deleted = call("demomail0001", "example.com", "delete", "TXT", name)
        assert deleted.returncode == 0, deleted.stdout[-2000:]
        assert zones.values("example.com", name, "TXT") == []
    refused = call("demomail0001", "example.com", "create", "A", "mail.example.com", "192.0.2.66")
    assert refused.returncode != 0 and "403" in refused.stdout, refused.stdout[-2000:]
    assert zones.values("example.com", "mail.example.com", "A") == ["192.0.2.25"]


def test_lexicon_points_a_preview(call, zones):
    """The grant `previews`: the host of a pull request, and no other."""
    created = call("demopreview1", "example.net", "create", "A", "pr-7.preview.example.net", "198.51.100.90")
    assert created.returncode == 0, created.stdout[-2000:]
    assert zones.values("example.net", "pr-7.preview.example.net", "A") == ["198.51.100.90"]
    refused = call("demopreview1", "example.net", "create", "A", "www2.example.net", "198.51.100.90")
    assert refused.returncode != 0 and "403" in refused.stdout, refused.stdout[-2000:]


def test_lexicon_with_a_reader(call, zones):
    """The grant `read-only`: it lists what there is and changes nothing."""
    listed = call("demoreadonly", "example.com", "list", "A", "www.example.com")
    assert listed.returncode == 0 and "192.0.2.80" in listed.stdout, listed.stdout[-2000:]
    refused = call("demoreadonly", "example.com", "create", "TXT", "www.example.com", "hello")
    assert refused.returncode != 0 and "403" in refused.stdout, refused.stdout[-2000:]
    assert zones.values("example.com", "www.example.com", "TXT") == []
