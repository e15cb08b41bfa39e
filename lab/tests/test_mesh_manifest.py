"""envoy/istio.yaml as text: what istiod makes of it (see lab/mesh.py) keeps every rule, and nothing reaches beyond its own pods."""

import pytest

from lab import mesh

from . import test_configuration as rules

UNFRIENDLY = mesh.Mesh(trusted_proxies=2, normalization="DECODE_AND_MERGE_SLASHES")
"""A mesh whose settings for all gateways are not what the gate needs."""

MESHES = {"as installed": mesh.Mesh(), "unfriendly": UNFRIENDLY, "no normalisation": mesh.Mesh(normalization="NONE")}
"""Meshes to be installed in."""

FIELDS = {
    "EnvoyFilter": {"workloadSelector.labels", "configPatches.applyTo", "configPatches.match.context", "configPatches.patch.operation",
                    "configPatches.match.listener.filterChain.filter.name", "configPatches.patch.value",
                    "configPatches.match.listener.filterChain.filter.subFilter.name"},
    "Gateway": {"selector", "servers.port.number", "servers.port.name", "servers.port.protocol", "servers.hosts", "servers.tls.mode",
                "servers.tls.minProtocolVersion", "servers.tls.serverCertificate", "servers.tls.privateKey"},
    "Telemetry": {"selector.matchLabels", "accessLogging.disabled", "tracing.disableSpanReporting"},
}
"""The fields used of Istio's own kinds, each compared by hand with its .proto file in istio/api (networking/v1alpha3, telemetry/v1alpha1)."""

FREE = {"labels", "selector", "matchLabels", "value"}
"""Fields whose content has no names of its own."""


def fields(value, name: str = "") -> set:
    """The names of all fields, with dots between."""
    if isinstance(value, dict) and (name.rpartition(".")[2] not in FREE or any(isinstance(each, dict) for each in value.values())) \
            and not name.endswith(".value"):
        return {found for key, inner in value.items() for found in fields(inner, f"{name}.{key}".lstrip("."))}
    if isinstance(value, list):
        return {found for each in value for found in fields(each, name)}
    return {name}


@pytest.mark.parametrize("settings", MESHES.values(), ids=MESHES)
def test_what_istiod_makes_of_it_keeps_the_rules(settings):
    """All that must hold of every configuration, whatever the mesh has set for its gateways."""
    pair = (mesh.MANIFEST, mesh.configuration(mesh.documents(), settings))
    for rule in (rules.test_every_listener_has_the_gate, rules.test_no_route_passes_the_gate_by, rules.test_a_proxy_leads_to_the_gate_and_nowhere_else,
                 rules.test_every_cluster_gets_its_credential_and_nothing_else_does,
                 rules.test_a_provider_on_the_network_gets_its_own_name_as_host,
                 rules.test_the_audit_log_prints_no_header_that_could_hold_a_credential):
        rule(pair)
    listener, = pair[1]["static_resources"]["listeners"]
    assert listener["per_connection_buffer_limit_bytes"] >= 18 * 1024 * 1024
    manager, = rules.gates(pair[1])
    names = [each["name"] for each in manager["http_filters"]]
    assert names[-2:] == ["zonegate", "zonegate.router"] and "envoy.filters.http.router" not in names
    assert "rds" not in manager and all(len(host["routes"]) == 1 for host, _ in rules.routes(manager))


def test_the_settings_are_those_of_the_other_configurations():
    """The connection manager has all that envoy.yaml's has; the clusters are those of providers.yaml, with Istio's mark."""
    made = mesh.configuration(mesh.documents())
    documents = dict((file.name, document) for file, document in rules.bootstraps() if file.parent.name == "envoy")
    manager, = rules.gates(made)
    plain, = rules.gates(documents["envoy.yaml"])
    for key in plain.keys() - {"stat_prefix", "route_config", "http_filters"}:
        assert manager.get(key, False) == plain[key], key
    assert manager["http_filters"][-2] == plain["http_filters"][0]
    assert manager["http_filters"][-1]["typed_config"] == plain["http_filters"][1]["typed_config"]
    others = {each["name"]: each for each in documents["providers.yaml"]["static_resources"]["clusters"]}
    for cluster in made["static_resources"]["clusters"]:
        assert cluster.pop("metadata") == {"filter_metadata": {"istio": {"alpn_override": "false"}}}
        assert cluster == others[cluster["name"]]


def test_only_known_fields_of_istio_are_used():
    """The API server drops what a kind does not have without a word, and istiod likewise in a patch."""
    found = {}
    for each in mesh.documents():
        if "istio.io" in each["apiVersion"]:
            found.setdefault(each["kind"], set()).update(fields(each["spec"]))
    assert found == FIELDS
    for each in mesh.the(mesh.documents(), "EnvoyFilter")["spec"]["configPatches"]:
        assert mesh.camel_cased(each["patch"].get("value", {})) == []


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


def test_volumes_are_whole_folders_that_only_the_gate_reads():
    """No `subPath`, which never sees a new version; the initContainer fills the folder that the bundle names."""
    pod = mesh.the(mesh.documents(), "Deployment")["spec"]["template"]["spec"]
    copied, = pod["initContainers"]
    container, = pod["containers"]
    assert container["name"] == "istio-proxy" and container["image"] == "auto"
    assert {each["name"] for each in container["volumeMounts"]} == {each["name"] for each in pod["volumes"]}
    assert all(each["readOnly"] and "subPath" not in each for each in container["volumeMounts"])
    target, = copied["volumeMounts"]
    assert copied["command"] == ["cp", "/usr/lib/zonegate/zonegate_filter.wasm", f"{target['mountPath']}/"]
    assert {mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == target["name"]} == {"/usr/lib/zonegate"}
    assert all(each["secret"]["defaultMode"] == 0o440 for each in pod["volumes"] if "secret" in each)
    assert not pod["automountServiceAccountToken"]


def test_the_builtin_kinds_are_what_kubernetes_knows():
    """Against the schemas of Kubernetes itself; names that it does not have are errors."""
    validator = pytest.importorskip("kubernetes_validate", reason="the lab has it once it is in lab/requirements.txt")
    checked = [each for each in mesh.documents() if "istio.io" not in each["apiVersion"]]
    for each in checked:
        validator.validate(each, validator.latest_version(), strict=True)
    assert len(checked) == 5
