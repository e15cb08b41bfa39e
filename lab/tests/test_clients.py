"""Real clients through the gate to a real PowerDNS: they get their work done inside their scope, and told no outside."""

import re

import pytest

from lab import clients

ACME_CLIENTS = ["lego", "certbot", "acme_sh"]
"""The ACME clients, by the names of their methods."""

UNDERSTANDABLE = re.compile(r"not allowed|denied|may not|outside|no permission|not permitted|forbidden|403|404|"
                            r"not found|unable to determine zone|invalid domain", re.IGNORECASE)
"""What tells a person, in the client's own output, that this is a matter of permission and not of a broken network."""


@pytest.fixture
def acme(gate, server, authority, folder, request):
    """ACME clients that go through the gate, with a folder of their own."""
    return clients.Acme(authority, gate.port, server.dns_port, folder / request.node.name.replace("[", "-").strip("]"))


@pytest.mark.parametrize("client", ACME_CLIENTS)
def test_a_certificate_with_an_acme_key(acme, zones, keys, client):
    """The whole way: order, TXT record through the gate, validation by DNS, clean-up, certificate."""
    done = getattr(acme, client)(keys["demoacmezone"], "shop.example.com")
    assert done.returncode == 0, done.stdout[-3000:]
    assert list(acme.folder.rglob("*.cer")) or list(acme.folder.rglob("*.crt")) or list(acme.folder.rglob("*.pem"))
    assert zones.values("example.com", "_acme-challenge.shop.example.com", "TXT") == [], "the challenge was not removed"
    assert zones.values("example.com", "www.example.com", "A") == ["192.0.2.80", "192.0.2.81"]


@pytest.mark.parametrize("client", ACME_CLIENTS)
def test_a_certificate_for_one_host(acme, zones, keys, client):
    """A key for one host name only is enough for that host."""
    done = getattr(acme, client)(keys["demoacmehost"], "www.example.com")
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize("client", ACME_CLIENTS)
def test_another_zone_is_refused(acme, zones, keys, client):
    """A zone that the key does not know: the client ends with an error that a person understands."""
    done = getattr(acme, client)(keys["demoacmehost"], "www.example.org")
    assert done.returncode != 0
    assert UNDERSTANDABLE.search(done.stdout), done.stdout[-3000:]
    assert zones.values("example.org", "_acme-challenge.www.example.org", "TXT") == []


@pytest.mark.parametrize("client", ACME_CLIENTS)
def test_another_host_in_the_same_zone_is_refused(acme, zones, keys, client):
    """A host beside the key's own."""
    done = getattr(acme, client)(keys["demoacmehost"], "mail.example.com")
    assert done.returncode != 0
    assert UNDERSTANDABLE.search(done.stdout), done.stdout[-3000:]
    assert zones.values("example.com", "_acme-challenge.mail.example.com", "TXT") == []


def test_lego_for_two_names_of_one_zone(acme, zones, keys):
    """lego merges values into the rrset that it reads, and finds its zone from the longest name."""
    done = acme.lego(keys["demoacmezone"], "www.example.com", "example.com")
    assert done.returncode == 0, done.stdout[-3000:]


def desired() -> dict:
    """customer.nl as its editor wants it, in octoDNS's form."""
    return {"": [{"type": "A", "value": "192.0.2.1"}],
            "www": {"type": "A", "values": ["192.0.2.80", "192.0.2.82"]},
            "new": {"type": "TXT", "value": "hello"}}


def test_octodns_plans_and_applies_a_zone(gate, server, folder, keys):
    """A zone editor: plan, apply, and then nothing is left to do."""
    from lab import gate as whole
    whole.fill(server, only="customer.nl")
    go = lambda apply: clients.octodns("customer.nl", desired(), keys["demozoneedit"], gate.port, folder / "octodns", apply)
    planned = go(False)
    assert planned.returncode == 0 and "Creates=1, Updates=2" in planned.stdout, planned.stdout[-3000:]
    assert server.values("customer.nl", "new.customer.nl", "TXT") == []
    applied = go(True)
    assert applied.returncode == 0, applied.stdout[-3000:]
    assert server.values("customer.nl", "www.customer.nl", "A") == ["192.0.2.80", "192.0.2.82"]
    assert "No changes were planned" in go(False).stdout


def test_octodns_outside_its_zones(gate, server, folder, keys):
    """The same key cannot even read another zone, and the whole of a plan is refused if one change of it is."""
    other = clients.octodns("example.com", desired(), keys["demozoneedit"], gate.port, folder / "octodns-other", True)
    assert other.returncode != 0, other.stdout[-2000:]
    assert server.values("example.com", "new.example.com", "TXT") == []
    wanted = {**desired(), "more": {"type": "TXT", "value": "more"}, "*": {"type": "A", "value": "192.0.2.9"}}
    wild = clients.octodns("customer.nl", wanted, keys["demozoneedit"], gate.port, folder / "octodns-wild", True)
    assert wild.returncode != 0 and UNDERSTANDABLE.search(wild.stdout), wild.stdout[-2000:]
    assert server.values("customer.nl", "more.customer.nl", "TXT") == []


def test_lexicon(gate, zones, folder, keys):
    """Lexicon creates, lists and deletes a challenge; another name is refused."""
    def call(action: str, kind: str, name: str, content: str = ""):
        """One call in example.com."""
        return clients.lexicon(keys["demoacmezone"], gate.port, folder, "example.com", action, kind, name, content)

    name = "_acme-challenge.lexicon.example.com"
    created = call("create", "TXT", name, "token")
    assert created.returncode == 0, created.stdout[-2000:]
    assert zones.values("example.com", name, "TXT") == ['"token"']
    listed = call("list", "TXT", name)
    assert listed.returncode == 0 and "token" in listed.stdout, listed.stdout[-2000:]
    deleted = call("delete", "TXT", name)
    assert deleted.returncode == 0, deleted.stdout[-2000:]
    assert zones.values("example.com", name, "TXT") == []
    refused = call("create", "A", "www2.example.com", "192.0.2.1")
    assert refused.returncode != 0 and "403" in refused.stdout, refused.stdout[-2000:]
    assert zones.values("example.com", "www2.example.com", "A") == []
