"""A pod of envoy/istio.yaml or envoy/envoy-gateway.yaml on this machine: volumes as the kubelet keeps them, what the control plane
would send, a real Envoy, stand-ins."""

import contextlib
import copy
import http.client
import json
import os
import shutil
import socket
import ssl
import tempfile
from pathlib import Path

from . import cluster, envoy, gate, many, mesh, paths, process, standins, web
from .authority import Authority

RESOURCES = {"listeners": "envoy.config.listener.v3.Listener", "clusters": "envoy.config.cluster.v3.Cluster",
             "routes": "envoy.config.route.v3.RouteConfiguration"}
"""What a control plane sends, and the type of each."""


class Volume:
    """A ConfigMap or Secret in a pod, written and swapped as the kubelet does it."""

    def __init__(self, folder: Path, files: dict):
        """The first version."""
        self.folder = folder
        self.write(files)

    def write(self, files: dict) -> None:
        """Another version."""
        cluster.volume(self.folder, {name: text.encode() for name, text in files.items()})

    def read(self) -> dict:
        """All files of the version that is there."""
        return {each.name: each.read_text() for each in (self.folder / "..data").iterdir()}


def secret_file(name: str, value: str) -> str:
    """An entry of the Secret `zonegate-credentials`."""
    return many.SECRET % (name, json.dumps(value))


class Pod(envoy.Envoy):
    """The gateway's pod with the demo policies; `stand_ins` are its providers, by their clusters' names."""

    def __init__(self, folder: Path, settings: mesh.Mesh = mesh.Mesh(), certificates: dict | None = None, plane=mesh):
        """Everything but Envoy. `certificates`: others than the right one, by cluster; `plane`: the module of the control plane."""
        self.folder, self.workers, self.log_flush_ms, self.clock_file, self.program = folder, 1, 100, None, None
        self.plane, self.manifest, self.mesh = plane, plane.documents(), settings
        self.document = plane.configuration(self.manifest, settings)
        self.port, self.audit, self.admin = process.free_port(), folder / "audit.log", folder / "admin.sock"
        folder.mkdir(parents=True)
        if len(str(self.admin)) > 100:   # the address of a unix socket has room for 107 bytes
            self.admin = Path(tempfile.mkdtemp(prefix="zonegate-")) / "admin.sock"
        self.authority = Authority(folder / "authority")
        self.accounts = {facts["cluster"]: facts for facts in self._routes()}
        self.domains = {facts["cluster"]: facts["domain"] for facts in self._routes()}
        self._start_stand_ins(certificates or {})
        self._fill_volumes()
        self.configuration = folder / "bootstrap.json"
        self.configuration.write_text(json.dumps(self._bootstrap()))
        self.send(self.document)

    def _routes(self) -> list:
        """The facts of each route, with its domain."""
        manager = self.document["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        return [{**route["metadata"]["filter_metadata"]["zonegate"], "domain": host["domains"][0]}
                for host in manager["route_config"]["virtual_hosts"] for route in host["routes"]]

    def _start_stand_ins(self, certificates: dict) -> None:
        """A provider behind each cluster, by TLS."""
        right = self.authority.issue("providers", sorted({many.PROVIDERS[each["provider"]].host for each in self.accounts.values()}))
        self.stand_ins = {name: standins.make(facts["provider"], secret=f"real-{name}-key").start(tls=certificates.get(name, right))
                          for name, facts in self.accounts.items()}

    def _fill_volumes(self) -> None:
        """The volumes of the Deployment, each with what it is for."""
        self.own_certificate = self.authority.issue("gate", sorted(self.domains.values()))
        filled = {"zonegate-bundle": {"zonegate.json": self.packed()}, "zonegate-credentials": self.credentials()}
        if self.plane is mesh:   # Envoy Gateway sends the certificate itself
            filled["zonegate-tls"] = dict(zip(("tls.crt", "tls.key"), (each.read_text() for each in self.own_certificate)))
        self.volumes = {}
        for each in self.plane.volumes(self.manifest):
            source = each.get("configMap", {}).get("name") or each.get("secret", {}).get("secretName")
            place = self.folder / "volumes" / each["name"]
            if source:
                self.volumes[source] = Volume(place, filled.pop(source))
            else:   # an emptyDir, which the initContainer fills
                place.mkdir(parents=True)
                shutil.copy(paths.FILTER, place)
        assert not filled, f"nothing in the pod mounts {set(filled)}"

    def place(self, path: str) -> Path:
        """Where a path in the container lies here; only what is mounted can lie anywhere."""
        for mounted, name in self.plane.mounts(self.manifest).items():
            if Path(path).is_relative_to(mounted):
                return self.folder / "volumes" / name / Path(path).relative_to(mounted)
        raise AssertionError(f"no volume is mounted at {path}")

    def packed(self, policies: Path = paths.ROOT / "policies") -> str:
        """What `zonegate bundle` writes of a folder of policies."""
        output = self.folder / "zonegate.json"
        code = self.place("/usr/lib/zonegate/zonegate_filter.wasm")
        packed = gate.zonegate("bundle", policies, "--demo", "--wasm", code, "--output", output)
        assert packed.returncode == 0, packed.stdout + packed.stderr
        return output.read_text()

    def credentials(self) -> dict:
        """The Secret's entries: what the provider wants, under the name of the account's file."""
        return {f"{name}.yaml": secret_file(name, next(iter(many.PROVIDERS[self.accounts[name]["provider"]].real(made.secret).values())))
                for name, made in self.stand_ins.items()}

    # What the control plane sends.

    def _bootstrap(self) -> dict:
        """Envoy's own start: everything else comes from folders that stand for the control plane."""
        source = lambda kind: {"resource_api_version": "V3", "path_config_source": {
            "path": str(self.folder / kind / "sent.json"), "watched_directory": {"path": str(self.folder / kind)}}}
        return {"node": {"id": "zonegate", "cluster": "zonegate"},
                "admin": {"address": {"pipe": {"path": str(self.admin), "mode": 0o600}}},
                "dynamic_resources": {"cds_config": source("clusters"), "lds_config": source("listeners")}}

    def send(self, document: dict, kinds: tuple = ("clusters", "routes", "listeners")) -> None:
        """Sends these resources, in the order of control planes or another; `configuration` of `plane` makes them."""
        document = copy.deepcopy(document)
        for each in document["static_resources"]["listeners"]:
            self._here(each)
        for each in document["static_resources"]["clusters"]:
            self._to_stand_in(each)
        nothing = {"name": self.plane.route_name(self.manifest), "validate_clusters": False, "ignore_port_in_host_matching": True,
                   "virtual_hosts": [{"name": "blackhole", "domains": ["*"]}]}
        resources = {**document["static_resources"], "routes": [nothing]}
        for kind in kinds:
            (self.folder / kind).mkdir(exist_ok=True)
            made = [{"@type": f"type.googleapis.com/{RESOURCES[kind]}", **each} for each in resources[kind]]
            envoy._replace(self.folder / kind / "sent.json", json.dumps({"resources": self._moved(made)}))

    def _here(self, listener: dict) -> None:
        """A listener on this machine: our port, files in the place of certificates and routes that would be sent."""
        listener["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": self.port}
        for chain in listener["filter_chains"]:
            context = chain["transport_socket"]["typed_config"]["common_tls_context"]
            secret, = context.pop("tls_certificate_sds_secret_configs")
            certificate, key = map(str, self.own_certificate)
            if secret["name"].startswith("file-cert:"):
                certificate, key = secret["name"].removeprefix("file-cert:").split("~")
            context["tls_certificates"] = [{"certificate_chain": {"filename": certificate}, "private_key": {"filename": key}}]
            manager = chain["filters"][0]["typed_config"]
            if "rds" in manager:
                file = str(self.folder / "routes" / "sent.json")
                manager["rds"]["config_source"] = {"path_config_source": {"path": file}, "resource_api_version": "V3"}

    def _to_stand_in(self, cluster: dict) -> None:
        """A cluster that leads to this machine but expects the provider's name, of our authority."""
        cluster["type"] = "STATIC"
        del cluster["dns_lookup_family"]
        endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
        endpoint["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": self.stand_ins[cluster["name"]].port}
        checks = cluster["transport_socket"]["typed_config"]["common_tls_context"]["validation_context"]
        checks["trusted_ca"]["filename"] = str(self.authority.certificate)

    def _moved(self, value):
        """The same with every path of the container where it lies here."""
        if isinstance(value, dict):
            return {key: self._moved(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._moved(each) for each in value]
        if value == "/dev/stdout":
            return str(self.audit)
        return str(self.place(value)) if isinstance(value, str) and value.startswith(("/etc/zonegate", "/usr/lib/zonegate")) else value

    # What clients do.

    def ask(self, method: str, path: str, host: str | None = None, sni: str | None = "", headers: dict | None = None,
            body=None, timeout: float = 20) -> web.Answer:
        """One request by TLS; without a host to the first account's. `sni` None says no name, as the kubelet's probe."""
        host = host or next(iter(self.domains.values()))
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        if sni is None:
            context.check_hostname = False
        connection = http.client.HTTPConnection(host, timeout=timeout)
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        with contextlib.closing(plain), contextlib.closing(context.wrap_socket(plain, server_hostname=host if sni == "" else sni)) as secured:
            connection.sock = secured
            connection.request(method, path, body=body if body is None or isinstance(body, bytes) else json.dumps(body).encode(),
                               headers={**({"Content-Type": "application/json"} if body else {}), **(headers or {})})
            answer = connection.getresponse()
            return web.Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    def ask_account(self, name: str, method: str, path: str, key: str | None = None, headers: dict | None = None, **options) -> web.Answer:
        """One request to an account's host, with the key where the provider's clients put theirs."""
        scoped = many.PROVIDERS[self.accounts[name]["provider"]].scoped(key) if key else {}
        return self.ask(method, path, host=self.domains[name], headers={**scoped, **(headers or {})}, **options)

    def stop(self) -> None:
        """Stops Envoy and the stand-ins."""
        super().stop()
        for each in self.stand_ins.values():
            each.stop()
