"""The component in hosts that are not Envoy, in front of a real PowerDNS: in Python, in Node, twice under `wasmtime serve`."""

import json
import shutil

import pytest

from lab import clients, gate as whole, hosts, paths, powerdns, standins

from .conftest import ADDRESS, CHALLENGE, ZONES


@pytest.fixture(scope="session", params=hosts.KINDS)
def host_kind(request):
    """Each kind of gate."""
    return request.param


@pytest.fixture(scope="session")
def host(host_kind, server, folder, component_built):
    """A gate of each kind."""
    running = hosts.Gate(host_kind, server, folder / f"host-{host_kind}")
    yield running
    running.stop()


def test_a_key_does_what_it_may(host, zones, keys):
    """A challenge is written and removed; the record before was there, and others stay."""
    path = f"{ZONES}/example.com."
    assert host.ask("PATCH", path, keys["demoacmehost"], challenge()).status == 204
    assert zones.values("example.com", "_acme-challenge.www.example.com", "TXT") == ['"token"']
    assert host.ask("PATCH", path, keys["demoacmehost"], challenge("DELETE")).status == 204
    assert zones.values("example.com", "_acme-challenge.www.example.com", "TXT") == []


def challenge(changetype: str = "REPLACE") -> dict:
    """The body that writes the challenge, or removes it."""
    return {"rrsets": [dict(CHALLENGE["rrsets"][0], changetype=changetype)]}


def test_a_key_does_nothing_else(host, zones, keys):
    """Denied before the provider sees anything, with the reason in the record."""
    before = zones.values("example.com", "www.example.com", "A")
    answer = host.ask("PATCH", f"{ZONES}/example.com.", keys["demoacmehost"], ADDRESS)
    assert (answer.status, answer.reason) == (403, "no-policy-allows")
    assert zones.values("example.com", "www.example.com", "A") == before
    assert host.ask("GET", f"{ZONES}/example.net.", keys["demoacmehost"]).status == 404
    assert host.ask("GET", f"{ZONES}/example.com.", "zgk_nobody").status == 401
    assert host.ask("GET", f"{ZONES}/example.com.").status == 401
    assert host.ask("GET", "/api/v1/servers/localhost/config", keys["demoacmehost"]).status in (403, 404)
    record = json.loads(host.records()[-1][host.records()[-1].index("{"):])
    assert record["decision"] == "deny" and record["key"] == "demoacmehost"


def test_responses_are_cut_down(host, zones, keys):
    """A listing has the zones that the key may read, and no other."""
    listed = host.ask("GET", ZONES, keys["demoacmehost"])
    assert listed.status == 200
    assert [zone["name"] for zone in listed.json] == ["example.com."]
    zone = host.ask("GET", f"{ZONES}/example.com.", keys["demoacmehost"])
    assert zone.status == 200 and "192.0.2.80" not in zone.text
    assert "server" not in zone.headers or "PowerDNS" not in zone.headers["server"]


def test_the_real_credential_is_nowhere(host, zones, keys):
    """Neither in what clients get, nor in what the gate writes; nor are keys."""
    for path in (ZONES, "/.zonegate/whoami", "/.zonegate/ready", "/nothing"):
        assert powerdns.API_KEY not in host.ask("GET", path, keys["demoacmehost"]).text
    # A client that shows the real credential is nobody, and what it shows goes nowhere.
    assert host.ask("GET", ZONES, powerdns.API_KEY).status == 401
    written = host.program.output()
    assert powerdns.API_KEY not in written and keys["demoacmehost"] not in written


def test_what_is_not_canonical_is_refused(host, zones, keys):
    """Headers, paths and bodies that could be read in two ways, and too large ones."""
    key = keys["demoacmehost"]
    assert host.ask("GET", f"{ZONES}/example.com.%2f..%2fexample.net.", key).status in (400, 404)
    assert host.ask("GET", f"{ZONES}/example.com.", key, headers={"Authorization": f"Bearer {key}"}).status == 401
    large = host.ask("PATCH", f"{ZONES}/example.com.", key, b"x" * (3 << 20))
    assert large.status == 413, large.text
    assert host.ask("PATCH", f"{ZONES}/example.com.", key, b"{").status == 422


def test_addresses_are_the_connections_own(host, zones, keys):
    """A dynamic-address key writes where it is asked from; a header that says otherwise changes nothing."""
    path, key = f"{ZONES}/example.com.", keys["demoddns0001"]

    def body(address: str) -> dict:
        """What a router sends."""
        return {"rrsets": [{"name": "home.example.com.", "type": "A", "ttl": 60, "changetype": "REPLACE",
                            "records": [{"content": address, "disabled": False}]}]}

    forged = {"X-Forwarded-For": "192.0.2.66", "X-Real-IP": "192.0.2.66", "Forwarded": "for=192.0.2.66"}
    assert host.ask("PATCH", path, key, body("192.0.2.66"), forged).status == 403
    assert host.ask("PATCH", path, key, body("127.0.0.1"), forged).status == 204
    assert zones.values("example.com", "home.example.com", "A") == ["127.0.0.1"]


def test_a_log_is_asked_again(host, zones, keys, folder):
    """What a gate has written, by its own policies and by others: what changes is told, and nothing else."""
    for body in (challenge(), ADDRESS):
        host.ask("PATCH", f"{ZONES}/example.com.", keys["demoacmehost"], body)
    host.ask("GET", f"{ZONES}/example.com.", "zgk_nobody")
    log, old, new = folder / "replayed.log", folder / "replay-old", folder / "replay-new"
    # Two as they come, one as Envoy writes it, after its key had expired for good.
    allowed, *others = host.records()[-3:]
    around = {"time": "2026-06-03T10:00:00.000Z", "method": "PATCH", "zonegate": json.loads(allowed[allowed.index("{"):])}
    log.write_text("\n".join([*others, "gate-1  | " + json.dumps(around), json.dumps(around), "no record"]))
    same = replay(old, log, lambda grant: grant)
    assert same.returncode == 0, same.stdout + same.stderr
    assert same.stdout.splitlines() == [
        "0 of 3 requests would be decided otherwise.",
        "Not asked: 1, denied without asking policies: malformed-key.", "Not asked: 1, no record of the gate."]
    moved = replay(new, log, lambda grant: grant.replace("_acme-challenge.www.example.com", "www.example.com"))
    assert moved.returncode == 4, moved.stdout + moved.stderr
    told = moved.stdout.splitlines()
    what = 'demoacmehost: record.delete example.com _acme-challenge.www.example.com TXT and 1 more'
    assert told[:3] == [what, "    was allowed, would be denied (no-policy-allows), 2 times",
                        "2 of 3 requests would be decided otherwise."], moved.stdout


def replay(bundle, log, change):
    """Runs the example on a log, with the shipped policies as `change` makes them of the keys' file."""
    policies = bundle.with_suffix(".policies")
    shutil.copytree(paths.ROOT / "policies", policies, dirs_exist_ok=True)
    file = policies / "keys.toml"
    file.write_text(change(file.read_text()))
    hosts.pack(bundle, policies)
    return hosts.replay(bundle, log)


def test_what_must_be_asked_first_is_asked(host_kind, folder, component_built, keys):
    """Zones and records by ids, of a provider with a host of its own: looked up where requests go, by the credential."""
    stand_in = standins.make("linode").start()

    class Linode:
        """Where it listens."""

        host, key, api_port = "127.0.0.1", stand_in.secret, stand_in.port

    settings = {"PROVIDER": "linode", "CREDENTIAL": f"Authorization: Bearer {stand_in.secret}"}
    running = hosts.Gate(host_kind, Linode, folder / f"host-{host_kind}-linode", **settings)
    ask = lambda *request: running.ask(*request, headers={"Authorization": f"Bearer {keys['demoanyrecs1']}"})
    try:
        [mine] = ask("GET", "/v4/domains").json["data"]
        records = f"/v4/domains/{mine['id']}/records"
        listed = ask("GET", records)
        assert listed.status == 200, listed.text
        record = next(each for each in listed.json["data"] if each["name"] == "www")
        stand_in.log.clear()
        assert ask("PUT", f"{records}/{record['id']}", None, {"ttl_sec": 300}).status == 200
        assert [each.method for each in stand_in.log] == ["GET"] * (len(stand_in.log) - 1) + ["PUT"]
        assert len(stand_in.log) > 2, "both the zone and the record are asked for"
        other = next(number for number, zone in stand_in.zones.items() if zone["domain"]["domain"] != "example.com")
        stand_in.log.clear()
        assert ask("DELETE", f"/v4/domains/{other}/records/{record['id']}").status in (403, 404)
        assert all(each.method == "GET" for each in stand_in.log)
    finally:
        running.stop()
        stand_in.stop()


def test_a_provider_that_is_not_there(server, folder, component_built, keys):
    """No answer is an error of the gate, never a pass."""
    class Nowhere:
        """A provider where nobody listens."""

        host, key, api_port = "127.0.0.1", "secret", 1

    running = hosts.Gate("node", Nowhere, folder / "host-nowhere")
    try:
        assert running.ask("GET", ZONES, keys["demoacmehost"]).status == 502
    finally:
        running.stop()


@pytest.fixture(scope="session", params=["wasi-http", "middleware"])
def serving(request, server, folder, component_built):
    """The wasi:http gates."""
    running = hosts.Gate(request.param, server, folder / f"host-serving-{request.param}")
    yield running
    running.stop()


def test_lego_through_wasmtime_serve(serving, zones, authority, folder, keys):
    """A real ACME client gets its certificate, and none for a name that is not its key's."""
    acme = clients.Acme(authority, serving.port, zones.dns_port, folder / f"component-lego-{serving.port}")
    done = acme.lego(keys["demoacmezone"], "shop.example.com")
    assert done.returncode == 0, done.stdout[-3000:]
    assert acme.lego(keys["demoacmehost"], "mail.example.com").returncode != 0
    assert zones.values("example.com", "_acme-challenge.shop.example.com", "TXT") == []


def test_octodns_through_wasmtime_serve(serving, server, folder):
    """A zone kept in a file: plan, apply, nothing left to do."""
    from .test_examples import run
    whole.fill(server, only="customer.nl")
    options = {"GATE_PORT": serving.port, "OCTODNS_SYNC": paths.VENV / "bin" / "octodns-sync"}
    applied = run("zone-as-code/apply.sh", "--doit", "--force", **options)
    assert applied.returncode == 0, applied.stdout[-2000:]
    assert server.values("customer.nl", "www.customer.nl", "A") == ["192.0.2.111", "192.0.2.113"]
    assert "No changes were planned" in run("zone-as-code/apply.sh", **options).stdout
