"""Several providers and accounts behind one gate: each with its own credential, name and answers, all with one bundle."""

import http.client
import re
import shutil
import socket
import ssl
import subprocess
import time
import tomllib

import pytest

from lab import many as several, paths, standins

from .test_secrets import wait_for

SENT_ON = frozenset({"host", "user-agent", "accept", "content-type", "content-length", "transfer-encoding", "x-request-id"})
"""Headers that may go up besides the credential."""

SENT_ON_IN_LOOKUPS = SENT_ON | {"x-envoy-internal", "x-envoy-expected-rq-timeout-ms"}
"""Likewise of the gate's own questions: Envoy adds two that say nothing of the client."""


STOOD_IN = sorted(several.PROVIDERS.keys() & set(standins.names()))
"""The providers that there is a stand-in of."""


def zone_list(provider: str) -> str:
    """The path of a provider's list of zones, from its file."""
    facts = tomllib.loads((paths.ROOT / "engine" / "providers" / f"{provider}.toml").read_text())
    path = next(route["match"].split(" ", 1)[1] for route in facts["route"]
                if route["match"].startswith("GET ") and facts["response"][route["response"]]["shape"] == "zones")
    listed = {name: known["one_of"][0] for name, known in facts["parameter"].items() if known.get("one_of")}
    path = re.sub(r"\{(.*?)\}", lambda found: listed.get(found[1], "1010"), path)
    return path + ("/" if facts["trailing_slash"] == "required" and not path.endswith("/") else "")


def is_clean(logged, provider: str, secret: str, key: str, allowed: frozenset = SENT_ON) -> None:
    """What went up has the one real credential, the provider's name, and nothing of the client's key or of the gate."""
    facts = several.PROVIDERS[provider]
    for header, value in facts.real(secret).items():
        assert logged.header(header) == [value]
    assert logged.header("host") == [facts.host]
    assert key not in logged.raw() and "zgk_" not in logged.raw()
    left = {name.lower() for name, _ in logged.headers} - allowed - set(facts.real(secret))
    assert not left, f"these went up too: {left}"


def test_every_stand_in_is_a_providers(many):
    """All start, and each is of a provider that there is a file of; a new provider may have none yet."""
    assert set(standins.names()) == set(STOOD_IN) and len(STOOD_IN) >= 13
    assert many.broken == {}


@pytest.mark.parametrize("provider", STOOD_IN)
def test_the_real_credential_goes_up_and_the_key_does_not(many, keys, provider):
    """By the account's own listener."""
    stand_in = many.fresh(provider)
    answer = many.ask(provider, "GET", zone_list(provider), keys["demoanyall01"])
    assert answer.status == 200, answer.text
    logged, = stand_in.log
    is_clean(logged, provider, stand_in.secret, keys["demoanyall01"])
    assert stand_in.secret not in answer.text and "example.com" in answer.text


@pytest.mark.parametrize("provider", STOOD_IN)
def test_a_key_sees_its_zones_only(many, keys, provider):
    """The list of a key for example.com names no other zone, and a key without any grant sees none."""
    many.fresh(provider)
    seen = many.ask(provider, "GET", zone_list(provider), keys["demoanyacme1"]).text
    assert "example.com" in seen and "example.net" not in seen and "customer.nl" not in seen
    assert "example" not in many.ask(provider, "GET", zone_list(provider), keys["demoanynone1"]).text


@pytest.mark.parametrize("provider", STOOD_IN)
def test_without_a_key_nothing_goes_up(many, provider):
    """An error in the provider's own shape, with a sentence for people; the provider is not asked."""
    stand_in = many.fresh(provider)
    for key in (None, "zgk_nobody_x", stand_in.secret):
        answer = many.ask(provider, "GET", zone_list(provider), key)
        assert answer.status in (400, 401, 403) and "valid API key" in answer.text, answer.text
    assert stand_in.log == []


@pytest.mark.parametrize("provider", STOOD_IN)
def test_by_name_over_tls(many, keys, provider):
    """One listener for all: the name that the client says picks the route, with and without a port."""
    stand_in, facts = many.fresh(provider), several.PROVIDERS[provider]
    trusting = ssl.create_default_context(cafile=str(many.authority.certificate))
    for host in (facts.host, f"{facts.host}:{many.gate.tls_port}"):
        connection = http.client.HTTPSConnection("127.0.0.1", many.gate.tls_port, timeout=10, context=trusting)
        connection.sock = trusting.wrap_socket(_socket(many.gate.tls_port), server_hostname=facts.host)
        connection.request("GET", zone_list(provider), headers={"Host": host, **facts.scoped(keys["demoanyall01"])})
        assert connection.getresponse().status == 200
        connection.close()
    for logged in stand_in.log:
        is_clean(logged, provider, stand_in.secret, keys["demoanyall01"])
    assert len(stand_in.log) == 2


def _socket(port: int):
    """A connection to this port."""
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def curl(many, url: str, headers: dict, *options) -> subprocess.CompletedProcess:
    """curl, which knows only the provider's own address, through the proxy; prints the status last."""
    argv = ["curl", "--silent", "--show-error", "--max-time", "10", "--write-out", "\n%{http_code}", *options, url]
    for name, value in headers.items():
        argv += ["--header", f"{name}: {value}"]
    return subprocess.run(argv, env={"PATH": "/usr/bin:/bin", **many.environment()}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("provider", STOOD_IN)
def test_through_the_proxy(many, keys, provider):
    """A client that says `https://<host of the provider>` and has a proxy and an authority to trust."""
    stand_in, facts = many.fresh(provider), several.PROVIDERS[provider]
    done = curl(many, f"https://{facts.host}{zone_list(provider)}", facts.scoped(keys["demoanyall01"]))
    assert done.returncode == 0 and done.stdout.endswith("\n200"), done
    logged, = stand_in.log
    is_clean(logged, provider, stand_in.secret, keys["demoanyall01"])


def test_the_proxy_leads_nowhere_else(many):
    """Other hosts and other ports are 404, and it takes nothing but CONNECT."""
    for url in ("https://example.com/", "https://api.bunny.net:8443/", "https://127.0.0.1:443/"):
        done = curl(many, url, {}, "--noproxy", "")
        assert done.returncode == 56 and "404" in done.stderr, done
    assert several.web.ask(many.gate.proxy_port, "GET", "/dnszone", headers={"Host": "api.bunny.net:443"}).status == 404


def test_the_client_behind_the_proxy_is_who_it_is(many, keys):
    """The audit record names the client's address, not the proxy's own."""
    many.fresh("bunny")
    facts = several.PROVIDERS["bunny"]
    done = curl(many, f"https://{facts.host}/dnszone", {**facts.scoped(keys["demoanyall01"]), "X-Forwarded-For": "192.0.2.9"},
                "--interface", "127.0.0.2")
    assert done.stdout.endswith("\n200"), done
    clients = lambda: [record["zonegate"]["client"] for record in many.gate.audit_records() if record.get("zonegate")]
    assert wait_for(lambda: clients()[-1] == "127.0.0.2", 5)
    assert "192.0.2.9" not in clients()


@pytest.fixture(scope="module")
def bound(folder, built):
    """A gate of two accounts at one provider and one at another, where a key is for one account alone."""
    policies = shutil.copytree(paths.ROOT / "policies", folder / "many-bound-policies")
    text = (policies / "keys.toml").read_text()
    begin = text.index('id = "demoanyall01"')
    changed = text[begin:].replace('accounts = ["*"]', 'accounts = ["bunny/second"]', 1)
    (policies / "keys.toml").write_text(text[:begin] + changed)
    running = several.WithStandIns(folder / "many-bound", ["bunny", "cloudflare"], {"bunny": "second"}, policies=policies)
    yield running, policies
    running.stop()


def test_a_key_for_one_account_is_unknown_to_the_others(bound, keys):
    """Also under the other accounts' names; the second account's own credential goes to the second account's provider."""
    running, _ = bound
    first, second, other = (running.stand_in(*which) for which in (("bunny",), ("bunny", "second"), ("cloudflare",)))
    ask = lambda provider, account: running.ask(provider, "GET", zone_list(provider), keys["demoanyall01"], account=account)
    assert ask("bunny", "second").status == 200
    logged, = second.log
    is_clean(logged, "bunny", second.secret, keys["demoanyall01"])
    assert second.secret != first.secret
    for provider in ("bunny", "cloudflare"):
        answer = ask(provider, "main")
        assert answer.status == 401, answer.text
    # What a client says of itself picks no account on a listener of one account.
    for host in ("second.api.bunny.net", "bunny-second", "api.cloudflare.com"):
        answer = running.ask("bunny", "GET", "/dnszone", keys["demoanyall01"], headers={"Host": host})
        assert answer.status in (401, 403)
    assert first.log == [] and other.log == []


def test_one_bundle_for_all(bound, keys):
    """New policies are live on every listener, from the one file."""
    running, policies = bound
    reach = lambda provider, key: running.ask(provider, "GET", zone_list(provider), keys[key]).status
    assert reach("bunny", "demoanyacme1") == reach("cloudflare", "demoanyacme1") == 200
    text = (policies / "keys.toml").read_text()
    begin = text.index('id = "demoanyacme1"')
    changed = text[begin:].replace('accounts = ["*"]', 'accounts = ["powerdns/main"]', 1)
    (policies / "keys.toml").write_text(text[:begin] + changed)
    assert several.gate.pack(running.gate.bundle, policies).returncode == 0
    assert wait_for(lambda: reach("bunny", "demoanyacme1") != 200 and reach("cloudflare", "demoanyacme1") != 200, 10)


FAILED, NOT_UNDERSTOOD, NOT_THERE = (503, "lookup-failed"), (503, "lookup-not-understood"), (404, "not-found")
"""Status and reason of a denial."""

FAULTS = {
    "429": ({"status": 429, "body": {"Message": "slow down"}}, FAILED),
    "500": ({"status": 500, "body": "oops"}, FAILED),
    "404 for a zone that is there": ({"status": 404, "body": {"Message": "gone"}}, NOT_THERE),
    "no answer": ({"close": True}, FAILED),
    "no HTTP": ({"garbage": True}, FAILED),
    "half an answer": ({"cut": True}, FAILED),
    "no JSON": ({"status": 200, "body": "<html>"}, NOT_UNDERSTOOD),
    "another shape": ({"status": 200, "body": {"Items": []}}, NOT_UNDERSTOOD),
    "another id": ({"swap": ('"Id":101', '"Id":102')}, NOT_UNDERSTOOD),
    "another zone": ({"swap": ('"Domain":"example.com"', '"Domain":"example.net"')}, NOT_THERE),
    "too much": ({"oversized": 20_000_000}, FAILED),
    "late": ({"delay": 8}, FAILED),
}
"""What a provider may do instead of answering a lookup, and what the client gets then."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_provider_that_misbehaves_while_it_is_asked(bound, keys, fault):
    """A record is deleted by its id alone: without a good answer nothing is, and the client is told within the time."""
    running, _ = bound
    stand_in = running.fresh("bunny")
    options, (status, reason) = FAULTS[fault]
    record = next(each for each in stand_in.zones[101]["Records"] if each["Name"] == "_acme-challenge.www")
    delete = lambda: running.ask("bunny", "DELETE", f"/dnszone/101/records/{record['Id']}", keys["demoanyrecs1"])
    stand_in.fail(count=99, method="GET", **options)
    began = time.monotonic()
    answer = delete()
    assert time.monotonic() - began < 7
    assert answer.status == status and reason in answer.text, answer.text
    assert [each.method for each in stand_in.log if each.method != "GET"] == []
    stand_in.faults.clear()
    assert wait_for(lambda: delete().status in (200, 204), 10), delete().text
    assert record["Id"] not in [each["Id"] for each in stand_in.zones[101]["Records"]]


@pytest.mark.parametrize("provider", STOOD_IN)
def test_what_cannot_be_filtered_is_not_passed_on(many, keys, provider):
    """A list that is none, is cut short or is too long; an error that names what the key may not see."""
    stand_in = many.fresh(provider)
    leak = {"message": "secret.customer.nl", "errors": [{"message": "secret.customer.nl", "reason": "secret.customer.nl"}]}
    for fault, statuses in (({"status": 200, "body": "<p>customer.nl</p>"}, {502}), ({"oversized": 17_000_000}, {502}),
                            ({"status": 200, "body": {"elsewhere": [{"name": "customer.nl"}]}}, {502}), ({"cut": True}, {502, 503}),
                            ({"headers": {"Content-Encoding": "br"}}, {502}), ({"status": 500, "body": leak}, {500, 502}),
                            ({"status": 403, "body": leak}, {403, 502, 503}), ({"status": 429, "body": leak}, {429})):
        stand_in.fail(**fault)
        answer = many.ask(provider, "GET", zone_list(provider), keys["demoanyacme1"])
        assert answer.status in statuses and "customer.nl" not in answer.text, (fault, answer.status, answer.text[:300])
    assert not any("accept-encoding" in [name.lower() for name, _ in logged.headers] for logged in stand_in.log)
