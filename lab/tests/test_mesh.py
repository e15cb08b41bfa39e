"""envoy/istio.yaml and envoy/envoy-gateway.yaml end to end: what their control planes make of them (see lab/mesh.py and
lab/envoy_gateway.py), in a real Envoy, in a pod as the kubelet keeps one."""

import threading
import time

import pytest

from lab import envoy_gateway, many as several, mesh, mesh_gate

from .test_cloudflare import RECORDS
from .test_many import SENT_ON_IN_LOOKUPS, is_clean
from .test_reload import FREEZE, guardrail
from .test_secrets import wait_for

ZONES = "/client/v4/zones"
"""Where Cloudflare has its zones."""

BLOCKED = {"name": "envoy.filters.http.rbac", "typed_config": {
    "@type": f"{mesh.TYPES}.extensions.filters.http.rbac.v3.RBAC",
    "rules": {"action": "DENY", "policies": {"blocked": {
        "permissions": [{"header": {"name": "x-blocked", "present_match": True}}], "principals": [{"any": True}]}}}}}
"""What an AuthorizationPolicy of the mesh becomes."""

UNFRIENDLY = mesh.Mesh(trusted_proxies=2, normalization="DECODE_AND_MERGE_SLASHES", policies=[BLOCKED])
"""A mesh whose settings for all gateways are not what the gate needs."""


PLANES = {"istio": mesh, "envoy-gateway": envoy_gateway}
"""What can follow the two control planes."""

LEFT_OUT = [(mesh, 0, {200, 401}), (mesh, 1, {0}), (mesh, 2, {0}), (mesh, 3, {200, 401, 503}),
            (envoy_gateway, 0, {200, 401}), (envoy_gateway, 1, {404}), (envoy_gateway, 2, {200, 401, 503})]
"""What is answered without one of the patches; the last of each plane is another account's cluster, like the one before."""


# The pod, in a mesh whose settings are not what the gate needs.

@pytest.fixture(scope="module", params=PLANES.values(), ids=PLANES)
def running(folder, built, request):
    """A pod with a bundle and a credential for each account."""
    made = mesh_gate.Pod(folder / f"mesh-of-{request.param.__name__}", UNFRIENDLY, plane=request.param)
    try:
        yield made.start().wait_ready()
    finally:
        made.stop()


@pytest.fixture
def pod(running):
    """The same, its stand-ins as at the start."""
    for each in running.stand_ins.values():
        each.reset()
    return running


@pytest.fixture
def another(folder, built, request):
    """Makes further pods that end with the test: started or not."""
    made = []

    def make(**options) -> mesh_gate.Pod:
        """One more pod, not started."""
        made.append(mesh_gate.Pod(folder / f"mesh-{request.node.name.replace('[', '-').strip(']')}-{len(made)}", **options))
        return made[-1]

    yield make
    for each in made:
        each.stop()


def logged(pod) -> list:
    """Everything that came to any provider."""
    return [each for stand_in in pod.stand_ins.values() for each in stand_in.log]


@pytest.mark.parametrize(("name", "path"), [("cloudflare-main", ZONES), ("bunny-main", "/dnszone")])
def test_the_provider_gets_its_name_and_the_real_credential(pod, keys, name, path):
    """Allowed; an unknown key is a 401 and no key likewise; the other account's stand-in hears nothing."""
    answer = pod.ask_account(name, "GET", path, keys["demoanyacme1"])
    assert answer.status == 200 and "example.com" in answer.text and "example.net" not in answer.text
    one, = logged(pod)
    is_clean(one, pod.accounts[name]["provider"], pod.stand_ins[name].secret, keys["demoanyacme1"])
    for key in ("zgk_nobody_x", keys["wrong-secret"], None, pod.stand_ins[name].secret):
        assert pod.ask_account(name, "GET", path, key).status == 401
    assert len(logged(pod)) == 1


def test_a_lookup_and_a_denial(pod, keys):
    """Cloudflare deletes by id: the gate asks what the record is, by the same cluster, and then decides."""
    stand_in = pod.stand_ins["cloudflare-main"]
    records = {(each["name"], each["type"]): number for number, each in
               next(zone for zone in stand_in.zones.values() if zone["name"] == "example.com")["records"].items()}
    challenge, address = records["_acme-challenge.www.example.com", "TXT"], records["www.example.com", "A"]
    # A record that the key may not read is to it one that is not there.
    assert pod.ask_account("cloudflare-main", "DELETE", f"{RECORDS}/{address}", keys["demoanyhost1"]).status == 404
    assert {each.method for each in stand_in.log} == {"GET"}
    for each in stand_in.log:
        is_clean(each, "cloudflare", stand_in.secret, keys["demoanyhost1"], SENT_ON_IN_LOOKUPS)
    stand_in.log.clear()
    assert pod.ask_account("cloudflare-main", "DELETE", f"{RECORDS}/{challenge}", keys["demoanyhost1"]).status == 200
    assert stand_in.log[-1].method == "DELETE"
    body = {"type": "TXT", "name": "_acme-challenge.www.example.com", "content": "new", "ttl": 60}
    assert pod.ask_account("cloudflare-main", "POST", RECORDS, keys["demoanyhost1"], body=body).status == 200
    assert pod.ask_account("cloudflare-main", "POST", RECORDS, keys["demoanyhost1"], body={**body, "name": "www.example.com"}).status == 403


def test_the_kubelet_can_ask_whether_the_gate_is_ready(pod):
    """The probe says its Host, and no name in TLS."""
    probe, listener = pod.plane.probe(pod.manifest), pod.document["static_resources"]["listeners"][0]
    assert probe["scheme"] == "HTTPS" and probe["port"] == listener["address"]["socket_address"]["port_value"]
    host, = (each["value"] for each in probe["httpHeaders"])
    assert pod.ask("GET", probe["path"], host=host, sni=None).status == 200


def test_hosts_and_paths(pod, keys):
    """Other hosts have no account, a port in the host makes no other host; a path that could be read in two ways is refused."""
    sent = several.PROVIDERS["cloudflare"].scoped(keys["demoanyall01"])
    ask = lambda host, path=ZONES, **more: pod.ask("GET", path, host=host, sni="cloudflare.gate.example.com", headers={**sent, **more}).status
    assert ask("cloudflare.gate.example.com:443") == 200
    before = len(logged(pod))
    assert ask("api.cloudflare.com") == ask("gate.example.com") == 503
    for path in ("/client/v4%2fzones", "/client%5cv4/zones", "/client/v4/zones%00"):
        assert ask("cloudflare.gate.example.com", path) == 400
    assert ask("cloudflare.gate.example.com", x_api_key="x") == 400
    assert ask("cloudflare.gate.example.com", Upgrade="websocket", Connection="Upgrade") == 403
    if pod.plane is mesh:
        assert ask("cloudflare.gate.example.com", **{"X-Blocked": "1"}) == 403, "an AuthorizationPolicy of the mesh holds before the gate"
    assert len(logged(pod)) == before


def test_nothing_is_tried_twice(pod, keys):
    """Neither by itself nor because a client says so."""
    stand_in = pod.stand_ins["cloudflare-main"]
    wishes = {"x-envoy-retry-on": "5xx,reset", "x-envoy-max-retries": "3", "x-envoy-hedge-on-per-try-timeout": "true"}
    body = {"type": "TXT", "name": "new.example.com", "content": "x", "ttl": 60}
    for fault in ({"status": 503, "body": {}}, {"close": True}):
        stand_in.log.clear()
        stand_in.fail(count=9, method="POST", **fault)
        assert pod.ask_account("cloudflare-main", "POST", RECORDS, keys["demoanyrecs1"], headers=wishes, body=body).status >= 500
        stand_in.faults.clear()
        assert [each.method for each in stand_in.log].count("POST") == 1


def test_the_audit_record(pod, keys):
    """One for each request, on standard output alone; the client's address is the peer's, whatever it or the mesh says."""
    secrets = [each.secret for each in pod.stand_ins.values()] + [keys["demoanyall01"]]
    headers = {"x-forwarded-for": "203.0.113.1, 203.0.113.2, 203.0.113.3", "user-agent": "only-here"}
    assert pod.ask_account("cloudflare-main", "GET", f"{ZONES}?name=example.com", keys["demoanyall01"], headers=headers).status == 200
    assert pod.ask_account("cloudflare-main", "GET", "/client/v4%2fzones", headers=headers).status == 400
    mine = lambda: [each for each in pod.audit_records() if each.get("zonegate", {}).get("key") == "demoanyall01"]
    assert wait_for(lambda: mine() and "details" in pod.audit_records()[-1])
    assert mine()[-1]["zonegate"]["client"] == "127.0.0.1" and mine()[-1]["zonegate"]["decision"] == "allow"
    text = pod.audit.read_text()
    assert not [each for each in secrets if each in text] and "only-here" not in text
    assert "203.0.113" not in "".join(each.raw() for each in logged(pod))


def test_new_policies_and_a_new_credential_without_a_restart(pod, keys, policies):
    """Both by the kubelet's swap of `..data`; and back again."""
    body = {"type": "TXT", "name": "_acme-challenge.www.example.com", "content": "x", "ttl": 60}
    write = lambda: pod.ask_account("cloudflare-main", "POST", RECORDS, keys["demoanyrecs1"], body={**body, "content": str(time.time())}).status
    process_id, bundle = pod.program.pid, pod.volumes["zonegate-bundle"]
    assert write() == 200
    good, file = bundle.read(), guardrail(policies)
    file.write_text(file.read_text() + FREEZE)
    bundle.write({"zonegate.json": pod.packed(policies)})
    assert wait_for(lambda: write() == 403)
    bundle.write(good)
    assert wait_for(lambda: write() == 200)
    stand_in, secret = pod.stand_ins["cloudflare-main"], pod.volumes["zonegate-credentials"]
    before, stand_in.secret = stand_in.secret, "real-rotated-key"
    assert write() in (500, 502, 503)
    secret.write(pod.credentials())
    assert wait_for(lambda: write() == 200)
    stand_in.secret = before
    secret.write(pod.credentials())
    assert wait_for(lambda: write() == 200)
    assert pod.program.runs() and pod.program.pid == process_id


# What is missing or wrong.

def test_a_wrong_certificate_or_no_credential(another, keys, folder):
    """A 503 for that account alone: the one provider sees no request at all, the other account's credential comes later."""
    wrong = mesh_gate.Authority(folder / "mesh-wrong" / "authority").issue("wrong", ["api.bunny.net"])
    pod = another(certificates={"bunny-main": wrong})
    secret = pod.volumes["zonegate-credentials"]
    secret.write({**pod.credentials(), "cloudflare-main.yaml": "resources: []\n"})
    pod.start().wait_ready()
    assert pod.ask_account("bunny-main", "GET", "/dnszone", keys["demoanyall01"]).status == 503
    assert pod.ask_account("cloudflare-main", "GET", ZONES, keys["demoanyall01"]).status == 503
    assert logged(pod) == []
    secret.write(pod.credentials())
    assert wait_for(lambda: pod.ask_account("cloudflare-main", "GET", ZONES, keys["demoanyall01"]).status == 200, 15)


def statuses(pod, key: str) -> set:
    """What both accounts answer, to a right key and to a wrong one; nothing at all is 0."""
    found = set()
    for name, path in (("cloudflare-main", ZONES), ("bunny-main", "/dnszone")):
        for each in (key, "zgk_nobody_x"):
            try:
                found.add(pod.ask_account(name, "GET", path, each, timeout=5).status)
            except OSError:
                found.add(0)
    return found


def test_an_incomplete_bundle_or_secret_lets_nothing_through(another, keys):
    """A ConfigMap or a Secret without the entry: no listener, or no cluster, and not ready."""
    for volume, gone in (("zonegate-bundle", "zonegate.json"), ("zonegate-credentials", "cloudflare-main.yaml")):
        pod = another()
        files = pod.volumes[volume].read()
        pod.volumes[volume].write({"other": "x", **{name: text for name, text in files.items() if name != gone}})
        pod.start()
        time.sleep(1)
        if volume == "zonegate-bundle":
            assert statuses(pod, keys["demoanyall01"]) == {0} and not pod.ready()
        else:
            assert pod.ask_account("cloudflare-main", "GET", ZONES, keys["demoanyall01"]).status == 503
        assert pod.stand_ins["cloudflare-main"].log == []
        pod.stop()


def test_a_bundle_that_is_none_is_mended_by_the_first_good_one(another, keys):
    """Envoy is live, the gate is not ready and answers 500; then it is, without a restart."""
    pod = another()
    good = pod.volumes["zonegate-bundle"].read()
    pod.volumes["zonegate-bundle"].write({"zonegate.json": '{"version_info":"0","resources":[]}'})
    pod.start()
    assert wait_for(lambda: statuses(pod, keys["demoanyall01"]) == {500}, 15) and not pod.ready()
    assert logged(pod) == []
    pod.volumes["zonegate-bundle"].write(good)
    assert wait_for(pod.ready, 30) and statuses(pod, keys["demoanyall01"]) == {200, 401}


@pytest.mark.parametrize(("plane", "number", "expected"), LEFT_OUT)
def test_no_patch_can_be_missing_and_the_gate_open(another, keys, plane, number, expected):
    """Without any one of them, an unknown key sends nothing to a provider: there is no listener, no route, or the gate."""
    pod = another(plane=plane)
    assert len(plane.patches(pod.manifest)) == len([each for each in LEFT_OUT if each[0] is plane]) + 1
    pod.send(plane.configuration(pod.manifest, pod.mesh, without=number))
    pod.start()
    assert wait_for(lambda: statuses(pod, "zgk_nobody_y") in ({401}, {404}, {0}), 15)
    assert logged(pod) == []
    assert statuses(pod, keys["demoanyall01"]) == expected


def test_these_tests_would_notice_an_open_gate(another):
    """A route and a credential without the gate between them: an unknown key is the real one. This is what no order of events may bring."""
    pod = another()
    open_gate = mesh.configuration(pod.manifest, pod.mesh)
    manager, = (each["typed_config"] for each in open_gate["static_resources"]["listeners"][0]["filter_chains"][0]["filters"])
    manager["http_filters"] = [each for each in manager["http_filters"] if each["name"] != "zonegate"]
    pod.send(open_gate)
    pod.start()
    assert wait_for(lambda: statuses(pod, "zgk_nobody_y") == {200})
    assert "real-cloudflare-main-key" in "".join(each.raw() for each in logged(pod))


@pytest.mark.parametrize("plane", PLANES.values(), ids=PLANES)
def test_the_gate_is_closed_while_it_comes_and_goes(another, keys, plane):
    """The patches are made while the pod runs, clusters first as control planes send them, then taken away: never a moment without the gate."""
    pod = another(plane=plane)
    bare = plane.generated(pod.manifest, pod.mesh)
    pod.send(bare)
    pod.start()
    assert wait_for(lambda: statuses(pod, keys["demoanyall01"]) == {404})
    seen, over = set(), threading.Event()

    def knock() -> None:
        """A client without a good key that never stops."""
        while not over.is_set():
            seen.update(statuses(pod, "zgk_nobody_y"))

    knocking = threading.Thread(target=knock)
    knocking.start()
    try:
        pod.send(pod.document, ("clusters",))
        time.sleep(1)
        assert statuses(pod, keys["demoanyall01"]) == {404}, "the credential is there, a route to it is not"
        pod.send(pod.document, ("listeners",))
        assert wait_for(lambda: statuses(pod, keys["demoanyall01"]) == {200, 401}, 20)
        pod.send(bare, ("clusters",))
        time.sleep(0.5)
        pod.send(bare, ("listeners",))
        assert wait_for(lambda: statuses(pod, keys["demoanyall01"]) == {404}, 20)
    finally:
        over.set()
        knocking.join()
    assert seen <= {0, 401, 404, 500}, seen
    assert all(each.header("authorization") != ["Bearer zgk_nobody_y"] for each in logged(pod))
    assert "zgk_nobody" not in "".join(each.raw() for each in logged(pod))
