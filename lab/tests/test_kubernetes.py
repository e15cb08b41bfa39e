"""envoy/kubernetes.yaml: read as data, checked by Kubernetes' own schemas, and run as the kubelet would run it."""

import contextlib
import json
import re
import shutil
import socket
import ssl
import subprocess
import threading

import pytest
import yaml

from lab import cluster, gate as whole, many as several, paths, process, standins, web
from lab.authority import Authority

from .test_configuration import HCM, walk
from .test_secrets import wait_for

MANIFEST = paths.ROOT / "envoy" / "kubernetes.yaml"
PROVIDERS = paths.ROOT / "envoy" / "providers.yaml"
CONTAINERFILE = paths.ROOT / "envoy" / "Containerfile"

FILTER_IN_IMAGE = "/usr/lib/zonegate/zonegate_filter.wasm"
"""Where the image has the filter."""

CLOUDFLARE = "cloudflare.gate.example.com"
"""Where clients of the Cloudflare account reach the gate."""


def documents() -> list:
    """The documents of the manifest."""
    return list(yaml.safe_load_all(MANIFEST.read_text()))


def of_kind(kind: str) -> dict:
    """The only document of a kind."""
    found, = (each for each in documents() if each["kind"] == kind)
    return found


def pod_spec() -> dict:
    """What the deployment runs."""
    return of_kind("Deployment")["spec"]["template"]["spec"]


def extra_configuration() -> dict:
    """What the container's arguments add to Envoy's configuration."""
    args = pod_spec()["containers"][0]["args"]
    return yaml.safe_load(args[args.index("--config-yaml") + 1])


@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_kubernetes_knows_every_field(version):
    """Strictly: a field that Kubernetes does not know would be dropped there without a word."""
    import kubernetes_validate
    for each in documents():
        kubernetes_validate.validate(each, version, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**of_kind("Service"), "spek": {}}, version, strict=True)


def test_every_file_that_envoy_reads_is_in_a_volume_or_in_the_image():
    """The configuration's paths, the manifest's mounts and the image agree; whole folders, so that changes are seen."""
    container, = pod_spec()["containers"]
    mounts = [each["mountPath"] for each in container["volumeMounts"]]
    assert not any("subPath" in each for each in container["volumeMounts"])
    named = set(re.findall(r"/(?:etc|run|usr)/zonegate[\w./-]*", f"{PROVIDERS.read_text()}{container}"))
    assert {"/etc/zonegate/envoy.d/zonegate.json", "/run/zonegate/admin.sock", "/etc/zonegate/tls/gate.yaml"} <= named
    assert not [path for path in named if not any(path == mount or path.startswith(f"{mount}/") for mount in mounts)]
    assert f"{FILTER_IN_IMAGE}\n" in CONTAINERFILE.read_text() and "ca-certificates curl" in CONTAINERFILE.read_text()
    # What is mounted is made of what the head of the manifest tells the operator to make.
    text = MANIFEST.read_text()
    for kind, name in {pair for each in pod_spec()["volumes"] for pair in cluster.sources(each)}:
        assert re.search(rf"^#   {kind.lower()} +{name} ", text, re.MULTILINE), name


def test_the_pod_can_do_no_more_than_it_must():
    """No root, no token, no capabilities, nothing writable but the folder of the admin socket; secrets are its user's."""
    spec = pod_spec()
    container, = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True and spec["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert [each["name"] for each in container["volumeMounts"] if not each.get("readOnly")] == ["run"]
    for each in spec["volumes"]:
        if any(kind == "Secret" for kind, _ in cluster.sources(each)):
            assert (each.get("secret") or each["projected"])["defaultMode"] == 0o440


def test_ports_labels_and_hosts_agree():
    """The Service leads to the listener, the probe asks for a host that there is, selectors select."""
    listener, = yaml.safe_load(PROVIDERS.read_text())["static_resources"]["listeners"]
    container, = pod_spec()["containers"]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert listener["address"]["socket_address"]["port_value"] == ports["gate"]
    assert [each["targetPort"] for each in of_kind("Service")["spec"]["ports"]] == ["gate"]
    probe = container["readinessProbe"]["httpGet"]
    assert probe["httpHeaders"][0]["value"] in re.findall(r"domains: \[ (\S+) \]", PROVIDERS.read_text())
    labels = of_kind("Deployment")["spec"]["template"]["metadata"]["labels"]
    for selector in (of_kind("Service")["spec"]["selector"], of_kind("Deployment")["spec"]["selector"]["matchLabels"],
                     of_kind("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
                     of_kind("NetworkPolicy")["spec"]["podSelector"]["matchLabels"]):
        assert selector.items() <= labels.items() and selector


def test_the_metrics_listener_leads_to_one_path_of_the_admin_socket():
    """It adds that to the configuration, and neither a provider nor a way around the gate."""
    added = extra_configuration()
    assert set(added) == {"static_resources"}
    manager, = (each for each in walk(added) if each.get("@type") == HCM)
    route, = (route for host in manager["route_config"]["virtual_hosts"] for route in host["routes"])
    assert route["match"] == {"path": "/stats/prometheus", "headers": [{"name": ":method", "string_match": {"exact": "GET"}}]}
    clusters = {each["name"] for each in added["static_resources"]["clusters"]}
    assert clusters == {"admin"} == {route["route"]["cluster"]}
    assert not clusters & {each["name"] for each in yaml.safe_load(PROVIDERS.read_text())["static_resources"]["clusters"]}


REFUSED = {"zonegate.json": b'{"version_info": "x", "resources": [{}]}'}
"""A bundle that Envoy does not take."""


class Running:
    """A pod with stand-ins of the providers behind it."""

    def __init__(self, folder, bundle: bool = True):
        """Starts it, by default with the demo policies."""
        self.folder, self.authority = folder, Authority(folder / "authority")
        hosts = re.findall(r"host_rewrite_literal: (\S+) \}", PROVIDERS.read_text())
        certificate = self.authority.issue("providers", sorted(set(hosts)))
        self.providers = {each: standins.make(each).start(tls=certificate) for each in ("cloudflare", "bunny")}
        moved = {f"address: {several.PROVIDERS[name].host}, port_value: 443": f"address: 127.0.0.1, port_value: {made.port}"
                 for name, made in self.providers.items()}
        for documented in (8443, 9090):
            moved[f"address: 0.0.0.0, port_value: {documented}"] = f"address: 127.0.0.1, port_value: {process.free_port()}"
        image = {FILTER_IN_IMAGE: paths.FILTER, "/etc/ssl/certs/ca-certificates.crt": self.authority.certificate,
                 "/dev/stdout": folder / "audit.log"}
        self.objects = {
            ("ConfigMap", "zonegate-envoy"): {
                "envoy.yaml": PROVIDERS.read_bytes(),
                "gate.yaml": (paths.ROOT / "envoy" / "tls-certificate.example.yaml").read_bytes()},
            ("ConfigMap", "zonegate-bundle"): self.bundle() if bundle else REFUSED,
            ("Secret", "zonegate-credentials"): {f"{name}.yaml": content for name, content in self.credentials().items()},
            ("Secret", "zonegate-tls"): self.certificate("first"),
        }
        self.pod = cluster.Pod(folder, documents(), self.objects, cluster.Elsewhere(image, moved)).start()
        self.trusting = ssl.create_default_context(cafile=str(self.authority.certificate))

    def bundle(self, policies=paths.ROOT / "policies") -> dict:
        """The ConfigMap of these policies, packed for the path that the image has the filter at."""
        file = self.folder / "zonegate.json"
        packed = whole.zonegate("bundle", policies, "--demo", "--wasm", FILTER_IN_IMAGE, "--output", file)
        assert packed.returncode == 0, packed.stdout + packed.stderr
        return {"zonegate.json": file.read_bytes()}

    def credentials(self, changed: str = "") -> dict:
        """A secret file for every account, because Envoy does not start without; true ones where there is a stand-in."""
        secrets = {name: (several.SECRET % (name, "none")).encode()
                   for name in re.findall(r"/etc/zonegate/secrets/(\S+)\.yaml\n", PROVIDERS.read_text())}
        for name, made in self.providers.items():
            for file, (_, value) in several.Account(name, "main", made.port, changed or made.secret).secrets().items():
                secrets[file] = (several.SECRET % (file, json.dumps(value))).encode()
        return secrets

    def certificate(self, name: str) -> dict:
        """The Secret of a certificate of the gate's own, as cert-manager writes it."""
        certificate, key = self.authority.issue(name, re.findall(r"domains: \[ (\S+) \]", PROVIDERS.read_text()))
        return {"tls.crt": certificate.read_bytes(), "tls.key": key.read_bytes()}

    def ask(self, method: str, path: str, key: str, host: str = CLOUDFLARE, **options) -> web.Answer:
        """One request as a client in the cluster sends it."""
        header = {"AccessKey": key} if host.startswith("bunny") else {"Authorization": f"Bearer {key}"}
        return web.ask_tls(self.pod.port("gate"), host, self.trusting, method, path, headers=header, **options)

    def audit(self) -> list:
        """The audit records so far."""
        file = self.folder / "audit.log"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def stop(self) -> None:
        """Stops all of it."""
        self.pod.stop()
        for each in self.providers.values():
            each.stop()


@contextlib.contextmanager
def running(folder, **options):
    """A pod that is stopped in the end."""
    made = Running(folder, **options)
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def pod(folder, built):
    """A pod with the demo policies that is ready."""
    with running(folder / "kubernetes") as made:
        assert wait_for(lambda: made.pod.probe() == 200, 30), made.pod.program.output()
        yield made


def record(pod: Running, name: str) -> tuple:
    """The zone and the id of a record at Cloudflare's stand-in."""
    for zone, each in pod.providers["cloudflare"].zones.items():
        for identity, found in each["records"].items():
            if found["name"] == name:
                return zone, identity
    raise AssertionError(f"no record {name}")


def test_requests_are_decided_looked_up_and_sent_with_the_real_credential(pod, keys):
    """Allowed, denied and unknown; by name and by id; nothing of the scoped key goes up."""
    zones = pod.ask("GET", "/client/v4/zones", keys["demoanyhost1"])
    assert [each["name"] for each in zones.json["result"]] == ["example.com"]
    assert pod.ask("GET", "/client/v4/zones", "zg_unknown").status in (400, 401, 403)
    created = pod.ask("POST", f"/client/v4/zones/{zones.json['result'][0]['id']}/dns_records", keys["demoanyall01"],
                      body={"type": "TXT", "name": "pod.example.com", "content": "\"one\"", "ttl": 60})
    assert created.status == 200, created.text
    zone, identity = record(pod, "pod.example.com")
    path = f"/client/v4/zones/{zone}/dns_records/{identity}"
    assert pod.ask("DELETE", path, keys["demoanyhost1"]).status in (403, 404), "it may only write its host's challenge"
    assert pod.ask("DELETE", path, keys["demoanyall01"]).status == 200
    assert pod.ask("GET", "/dnszone", keys["demoanyall01"], host="bunny.gate.example.com").status == 200
    for made in pod.providers.values():
        assert made.log
        assert not [each for each in made.log if keys["demoanyall01"] in each.raw() or keys["demoanyhost1"] in each.raw()]
    assert wait_for(lambda: len(pod.audit()) >= 6)
    assert keys["demoanyall01"] not in str(pod.audit()) and pod.providers["bunny"].secret not in str(pod.audit())


def test_metrics_and_nothing_else_of_the_admin_interface(pod):
    """Prometheus gets its numbers; nobody stops the gate or reads its configuration."""
    port = pod.pod.port("metrics")
    shown = web.ask(port, "GET", "/stats/prometheus")
    assert shown.status == 200 and "zonegate_bundle_version" in shown.text
    for path in ("/quitquitquit", "/config_dump", "/stats", "/stats/prometheus/", "//stats/prometheus/../../quitquitquit",
                 "/stats/prometheus/..%2f..%2fquitquitquit", "/stats%2fprometheus"):
        assert web.ask(port, "GET", path).status in (400, 404), path
        assert web.ask(port, "POST", path).status in (400, 404), path
    assert web.ask(port, "POST", "/stats/prometheus").status == 404
    assert pod.pod.program.runs()


def test_a_new_configmap_is_live_without_a_restart(pod, keys, folder):
    """Policies without a key: it is unknown as soon as the kubelet has swapped the link. A bad bundle changes nothing."""
    policies = folder / "kubernetes" / "policies"
    shutil.copytree(paths.ROOT / "policies", policies)
    zones = lambda: pod.ask("GET", "/client/v4/zones", keys["demoanyhost1"]).status
    assert zones() == 200
    revoked = whole.zonegate("key", "revoke", "demoanyhost1", policies)
    assert revoked.returncode == 0, revoked.stdout + revoked.stderr
    before = pod.pod.program.pid
    pod.pod.replace("ConfigMap", "zonegate-bundle", pod.bundle(policies))
    assert wait_for(lambda: zones() != 200, 10)
    pod.pod.replace("ConfigMap", "zonegate-bundle", REFUSED)
    assert not wait_for(lambda: zones() == 200, 2)
    pod.pod.replace("ConfigMap", "zonegate-bundle", pod.bundle())
    assert wait_for(lambda: zones() == 200, 10)
    assert pod.pod.program.runs() and pod.pod.program.pid == before


def test_a_new_secret_is_live_without_a_restart(pod, keys):
    """The real credential, and the gate's own certificate."""
    read = lambda: pod.ask("GET", "/client/v4/zones", keys["demoanyhost1"]).status
    assert read() == 200
    pod.pod.replace("Secret", "zonegate-credentials", {f"{name}.yaml": text for name, text in pod.credentials("another:one").items()})
    assert wait_for(lambda: read() != 200, 10)
    pod.pod.replace("Secret", "zonegate-credentials", pod.objects["Secret", "zonegate-credentials"])
    assert wait_for(lambda: read() == 200, 10)

    def serial() -> bytes:
        """The certificate that is shown."""
        import socket
        with socket.create_connection(("127.0.0.1", pod.pod.port("gate"))) as plain, \
                pod.trusting.wrap_socket(plain, server_hostname=CLOUDFLARE) as connection:
            return connection.getpeercert()["serialNumber"]

    before = serial()
    pod.pod.replace("Secret", "zonegate-tls", pod.certificate("second"))
    assert wait_for(lambda: serial() != before, 10)
    assert read() == 200


def test_without_a_bundle_that_it_takes_it_is_alive_not_ready_and_lets_nothing_through(folder, keys):
    """And ready as soon as there is a good one."""
    with running(folder / "kubernetes-empty", bundle=False) as made:
        assert wait_for(lambda: made.pod.probe() == 500, 30), made.pod.program.output()
        assert made.ask("GET", "/client/v4/zones", keys["demoanyall01"]).status == 500
        assert made.providers["cloudflare"].log == []
        made.pod.replace("ConfigMap", "zonegate-bundle", made.bundle())
        assert wait_for(lambda: made.pod.probe() == 200, 10)
        assert made.ask("GET", "/client/v4/zones", keys["demoanyall01"]).status == 200


def test_a_request_under_way_is_finished_before_the_pod_ends(folder, keys):
    """The hook's own command: it waits for longer than any request may take, which is served meanwhile, as are new ones."""
    with running(folder / "kubernetes-drain") as made:
        assert wait_for(lambda: made.pod.probe() == 200, 30)
        container, = pod_spec()["containers"]
        shell, option, text = (made.pod.relocated(word) for word in container["lifecycle"]["preStop"]["exec"]["command"])
        wait = int(re.search(r"&& sleep (\d+)$", text)[1])
        longest = int(re.search(r"timeout: (\d+)s, host_rewrite", PROVIDERS.read_text())[1])
        assert longest < wait < pod_spec()["terminationGracePeriodSeconds"]
        made.providers["cloudflare"].fail(delay=3, method="GET")
        answers = []
        slow = threading.Thread(target=lambda: answers.append(made.ask("GET", "/client/v4/zones", keys["demoanyall01"]).status))
        slow.start()
        assert wait_for(lambda: made.providers["cloudflare"].log != [])
        hook = subprocess.run([shell, option, text.replace(f"sleep {wait}", "sleep 4")], capture_output=True, text=True)
        assert hook.returncode == 0 and hook.stdout.strip() == "OK", hook
        late = made.ask("GET", "/client/v4/zones", keys["demoanyall01"])
        assert late.status == 200 and late.headers.get("connection") == "close"
        slow.join()
        assert answers == [200]
