"""envoy/istio.yaml and envoy/envoy-gateway.yaml as text: what their control planes make of them (see lab/mesh.py and
lab/envoy_gateway.py) keeps every rule, and nothing reaches beyond its own pods."""

import re

import pytest

from lab import envoy_gateway, mesh

from . import test_configuration as rules

UNFRIENDLY = mesh.Mesh(trusted_proxies=2, normalization="DECODE_AND_MERGE_SLASHES")
"""A mesh whose settings for all gateways are not what the gate needs."""

MESHES = {"as installed": mesh.Mesh(), "unfriendly": UNFRIENDLY, "no normalisation": mesh.Mesh(normalization="NONE")}
"""Meshes to be installed in."""

MADE = {**{name: lambda settings=settings: (mesh.MANIFEST, mesh.configuration(mesh.documents(), settings)) for name, settings in MESHES.items()},
        "envoy gateway": lambda: (envoy_gateway.MANIFEST, envoy_gateway.configuration(envoy_gateway.documents()))}
"""What control planes make of the manifests, with the file."""

FIELDS = {
    "EnvoyFilter": {"workloadSelector.labels", "configPatches.applyTo", "configPatches.match.context", "configPatches.patch.operation",
                    "configPatches.match.listener.filterChain.filter.name", "configPatches.patch.value",
                    "configPatches.match.listener.filterChain.filter.subFilter.name"},
    "Gateway of networking.istio.io/v1": {
        "selector", "servers.port.number", "servers.port.name", "servers.port.protocol", "servers.hosts", "servers.tls.mode",
        "servers.tls.minProtocolVersion", "servers.tls.serverCertificate", "servers.tls.privateKey"},
    "Telemetry": {"selector.matchLabels", "accessLogging.disabled", "tracing.disableSpanReporting"},
    "GatewayClass": {"controllerName"},
    "Gateway of gateway.networking.k8s.io/v1": {
        "gatewayClassName", "infrastructure.parametersRef.group", "infrastructure.parametersRef.kind", "infrastructure.parametersRef.name",
        "listeners.name", "listeners.protocol", "listeners.port", "listeners.tls.mode", "listeners.tls.certificateRefs.name",
        "listeners.allowedRoutes.namespaces.from"},
    "EnvoyProxy": {
        "telemetry.accessLog.disable", "provider.type",
        *(f"provider.kubernetes.{name}" for name in (
            "envoyService.type", "envoyService.externalTrafficPolicy", "envoyDeployment.replicas", "envoyDeployment.pod.securityContext",
            "envoyDeployment.pod.volumes", "envoyDeployment.initContainers", "envoyDeployment.container.volumeMounts",
            "envoyDeployment.container.resources", "envoyDeployment.patch.type", "envoyDeployment.patch.value"))},
    "EnvoyPatchPolicy": {"targetRef.group", "targetRef.kind", "targetRef.name", "type", "jsonPatches.type", "jsonPatches.name",
                         "jsonPatches.operation.op", "jsonPatches.operation.path", "jsonPatches.operation.value"},
}
"""The fields used of kinds that are not Kubernetes' own, each compared by hand with its source: the .proto files of istio/api
(networking/v1alpha3, telemetry/v1alpha1), the Go types of envoyproxy/gateway (api/v1alpha1) and of the Gateway API."""

LEAVES = ("labels", "matchLabels", "value", "volumes", "initContainers", "volumeMounts", "securityContext", "resources")
"""Fields whose content is somebody else's: Kubernetes', Envoy's, or names of one's own."""


def fields(value, name: str = "") -> set:
    """The names of all fields, with dots between."""
    if name.rpartition(".")[2] in LEAVES or (name == "selector" and all(isinstance(each, str) for each in value.values())):
        return {name}
    if isinstance(value, dict):
        return {found for key, inner in value.items() for found in fields(inner, f"{name}.{key}".lstrip("."))}
    if isinstance(value, list):
        return {found for each in value for found in fields(each, name)}
    return {name}


def camel_cased(value) -> list:
    """The names in a patch value that protobuf writes otherwise: the patches here are merged by name."""
    if isinstance(value, dict):
        own = [key for key in value if re.fullmatch(r"[a-z]+([A-Z][a-z]*)+", str(key))]
        return own + [found for inner in value.values() for found in camel_cased(inner)]
    return [found for inner in value for found in camel_cased(inner)] if isinstance(value, list) else []


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_what_is_made_of_it_keeps_the_rules(make):
    """All that must hold of every configuration, whatever the mesh has set for its gateways."""
    pair = make()
    for rule in (rules.test_every_listener_has_the_gate, rules.test_no_route_passes_the_gate_by, rules.test_a_proxy_leads_to_the_gate_and_nowhere_else,
                 rules.test_every_cluster_gets_its_credential_and_nothing_else_does,
                 rules.test_a_provider_on_the_network_gets_its_own_name_as_host,
                 rules.test_the_audit_log_prints_no_header_that_could_hold_a_credential):
        rule(pair)
    listener, = pair[1]["static_resources"]["listeners"]
    assert listener["per_connection_buffer_limit_bytes"] >= 18 * 1024 * 1024
    manager, = rules.gates(pair[1])
    assert manager["http_filters"][-2]["name"] == "zonegate" and len(manager["access_log"]) == 2
    assert len([each for each in manager["http_filters"] if rules.is_router(each)]) == 1
    assert "rds" not in manager and all(len(host["routes"]) == 1 for host, _ in rules.routes(manager))


@pytest.mark.parametrize("make", [MADE["as installed"], MADE["envoy gateway"]], ids=["istio", "envoy-gateway"])
def test_the_settings_are_those_of_the_other_configurations(make):
    """The connection manager has all that envoy.yaml's has; the clusters are those of providers.yaml, in Istio with its mark."""
    file, made = make()
    documents = dict((file.name, document) for file, document in rules.bootstraps() if file.parent.name == "envoy")
    manager, = rules.gates(made)
    plain, = rules.gates(documents["envoy.yaml"])
    for key in plain.keys() - {"stat_prefix", "route_config", "http_filters"}:
        assert manager.get(key, False) == plain[key], key
    assert manager["http_filters"][-2] == plain["http_filters"][0]
    assert manager["http_filters"][-1]["typed_config"] == plain["http_filters"][1]["typed_config"]
    others = {each["name"]: each for each in documents["providers.yaml"]["static_resources"]["clusters"]}
    for cluster in made["static_resources"]["clusters"]:
        marked = {"filter_metadata": {"istio": {"alpn_override": "false"}}}
        assert cluster.pop("metadata", None) == (marked if file == mesh.MANIFEST else None)
        assert cluster == others[cluster["name"]]


def test_only_known_fields_are_used():
    """The API server drops what a kind does not have without a word, and istiod likewise in a patch."""
    found = {}
    for each in [*mesh.documents(), *envoy_gateway.documents()]:
        if "." in each["apiVersion"] and "spec" in each and each["apiVersion"].partition("/")[0] != "networking.k8s.io":
            name = each["kind"] if each["kind"] != "Gateway" else f"Gateway of {each['apiVersion']}"
            found.setdefault(name, set()).update(fields(each["spec"]))
    assert found == FIELDS
    for each in mesh.patches(mesh.documents()):
        assert camel_cased(each["patch"].get("value", {})) == []


def test_nothing_reaches_beyond_its_own_pods():
    """One namespace, and a selector of these pods wherever a kind has one."""
    manifest = mesh.documents()
    assert {each["metadata"]["namespace"] for each in manifest} == {"zonegate"}
    selectors = {"Gateway": lambda spec: spec["selector"], "EnvoyFilter": lambda spec: spec["workloadSelector"]["labels"],
                 "Telemetry": lambda spec: spec["selector"]["matchLabels"], "NetworkPolicy": lambda spec: spec["podSelector"]["matchLabels"],
                 "Service": lambda spec: spec["selector"], "PodDisruptionBudget": lambda spec: spec["selector"]["matchLabels"],
                 "Deployment": lambda spec: spec["selector"]["matchLabels"]}
    assert {each["kind"] for each in manifest} == {*selectors, "ServiceAccount"}
    for each in manifest:
        if each["kind"] in selectors:
            assert mesh.selects(selectors[each["kind"]](each["spec"]), manifest), each["kind"]
    pod = mesh.the(manifest, "Deployment")["spec"]["template"]
    assert pod["metadata"]["labels"].items() >= {"sidecar.istio.io/inject": "true", "istio.io/dataplane-mode": "none"}.items()
    assert pod["metadata"]["annotations"]["inject.istio.io/templates"] == "gateway"
    assert mesh.trusted_hops(manifest, UNFRIENDLY) == 0
    assert mesh.the(manifest, "Service")["spec"]["externalTrafficPolicy"] == "Local"
    proxy = mesh.the(envoy_gateway.documents(), "EnvoyProxy")["spec"]
    assert proxy["provider"]["kubernetes"]["envoyService"]["externalTrafficPolicy"] == "Local"


@pytest.mark.parametrize("plane", [mesh, envoy_gateway], ids=["istio", "envoy-gateway"])
def test_volumes_are_whole_folders_that_only_the_gate_reads(plane):
    """No `subPath`, which never sees a new version; the initContainer fills the folder that the bundle names."""
    if plane is mesh:
        pod = mesh.the(mesh.documents(), "Deployment")["spec"]["template"]["spec"]
        container, = pod["containers"]
        assert container["name"] == "istio-proxy" and container["image"] == "auto" and not pod["automountServiceAccountToken"]
    else:
        deployed = envoy_gateway.deployment(envoy_gateway.documents())
        pod, container = {**deployed["pod"], "initContainers": deployed["initContainers"]}, deployed["container"]
    copied, = pod["initContainers"]
    assert {each["name"] for each in container["volumeMounts"]} == {each["name"] for each in pod["volumes"]}
    assert all(each["readOnly"] and "subPath" not in each for each in container["volumeMounts"])
    target, = copied["volumeMounts"]
    assert copied["command"] == ["cp", "/usr/lib/zonegate/zonegate_filter.wasm", f"{target['mountPath']}/"]
    assert {mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == target["name"]} == {"/usr/lib/zonegate"}
    assert all(each["secret"]["defaultMode"] == 0o440 for each in pod["volumes"] if "secret" in each)


def test_the_builtin_kinds_are_what_kubernetes_knows():
    """Against the schemas of Kubernetes itself; names that it does not have are errors."""
    validator = pytest.importorskip("kubernetes_validate", reason="the lab has it once it is in lab/requirements.txt")
    checked = [each for each in mesh.documents() if "istio.io" not in each["apiVersion"]]
    for each in checked:
        validator.validate(each, "1.37", strict=True)
    assert len(checked) == 5
