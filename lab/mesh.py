"""What istiod makes of envoy/istio.yaml: a gateway's listeners and clusters, with the patches of the EnvoyFilter in them.

istiod itself cannot be had here. This follows what its source (istio/istio, 1.32 in development) does with these few resources:
`pilot/pkg/networking/core/gateway.go`, `listener.go` and `listener_builder.go` for what it generates,
`pilot/pkg/networking/core/envoyfilter/*.go` and `pkg/proto/merge/merge.go` for the patches. Where a manifest uses what is not
followed here, that is an error, and so is a patch that changes nothing. Filters that only Istio's own Envoy has are left out:
`istio.metadata_exchange` first, `istio.alpn` and `istio.stats` before the router. Names in patch values are as protobuf has them.
"""

import copy
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from . import paths, term

MANIFEST = paths.ROOT / "envoy" / "istio.yaml"
"""The manifest."""

TYPES = "type.googleapis.com/envoy"
"""What the types of Envoy's settings begin with."""

HCM = f"{TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
"""The type of an HTTP connection manager's settings."""

NORMALIZATION = {
    "NONE": {"normalize_path": False}, "BASE": {"normalize_path": True},
    "MERGE_SLASHES": {"normalize_path": True, "merge_slashes": True},
    "DECODE_AND_MERGE_SLASHES": {"normalize_path": True, "merge_slashes": True,
                                 "path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD"},
}
"""What `meshConfig.pathNormalization` does to a connection manager."""

MAPS = {"filter_metadata", "typed_extension_protocol_options", "typed_per_filter_config", "fields"}
"""Fields that are maps: an entry is replaced as a whole."""

ONEOFS = ({"rds", "route_config", "scoped_routes"}, {"config_discovery", "typed_config"})
"""Fields of which a message has one: setting one clears the others."""

ZEROS = {"AUTO", "OVERWRITE", "SANITIZE", "ALLOW", "IMPLEMENTATION_SPECIFIC_DEFAULT", "DEFAULT"}
"""The names of the enum values that are 0."""


@dataclass(frozen=True)
class Mesh:
    """What others have decided for all gateways of the mesh: its settings, and filters that its policies put in."""

    trusted_proxies: int = 0
    normalization: str = "BASE"
    access_log: bool = True
    policies: list = field(default_factory=list)


def documents(text: str | None = None) -> list:
    """The documents of the manifest, or of another text."""
    return [each for each in yaml.safe_load_all(text or MANIFEST.read_text()) if each]


def the(manifest: list, kind: str, name: str | None = None) -> dict:
    """The one document of a kind (and name)."""
    found = [each for each in manifest if each["kind"] == kind and name in (None, each["metadata"]["name"])]
    if len(found) != 1:
        raise term.fail(f"the manifest has {len(found)} documents of the kind {kind}, not one")
    return found[0]


def pod_labels(manifest: list) -> dict:
    """The labels of the gateway's pods."""
    return the(manifest, "Deployment")["spec"]["template"]["metadata"]["labels"]


def selects(selector: dict, manifest: list) -> bool:
    """Whether a selector of labels selects the gateway's pods; an empty one would select everybody's."""
    return bool(selector) and selector.items() <= pod_labels(manifest).items()


# What istiod generates.

def trusted_hops(manifest: list, mesh: Mesh) -> int:
    """`numTrustedProxies`: the pod's annotation has the whole of `gatewayTopology`, or else the mesh's holds."""
    annotations = the(manifest, "Deployment")["spec"]["template"]["metadata"].get("annotations", {})
    own = yaml.safe_load(annotations.get("proxy.istio.io/config", "{}"))
    if "gatewayTopology" not in own:
        return mesh.trusted_proxies
    return own["gatewayTopology"].get("numTrustedProxies", 0)


def logs(manifest: list, mesh: Mesh) -> list:
    """The mesh's own access log, unless a Telemetry for these pods switches it off."""
    for each in manifest:
        if each["kind"] == "Telemetry" and selects(each["spec"]["selector"]["matchLabels"], manifest):
            if any(log.get("disabled") for log in each["spec"].get("accessLogging", [])):
                return []
    return [{"name": "envoy.access_loggers.file", "typed_config": {
        "@type": f"{TYPES}.extensions.access_loggers.file.v3.FileAccessLog", "path": "/dev/stdout"}}] if mesh.access_log else []


def http_filters(mesh: Mesh) -> list:
    """Istio's filters of a gateway, in its order: the policies' first, the router last."""
    plain = [("grpc_stats", "FilterConfig"), ("fault", "HTTPFault"), ("cors", "Cors"), ("router", "Router")]
    return [*copy.deepcopy(mesh.policies), *({"name": f"envoy.filters.http.{name}", "typed_config": {
        "@type": f"{TYPES}.extensions.filters.http.{name}.v3.{kind}"}} for name, kind in plain)]


def connection_manager(manifest: list, mesh: Mesh, listener: str, routes: str) -> dict:
    """A gateway's HTTP connection manager before any patch."""
    return {
        "@type": HCM, "codec_type": "AUTO", "stat_prefix": f"outbound_{listener};",
        "rds": {"config_source": {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"}, "route_config_name": routes},
        "http_filters": http_filters(mesh), "access_log": logs(manifest, mesh),
        "use_remote_address": True, "xff_num_trusted_hops": trusted_hops(manifest, mesh),
        "forward_client_cert_details": "SANITIZE_SET",
        "set_current_client_cert_details": {"subject": True, "cert": True, "dns": True, "uri": True},
        "server_name": "istio-envoy", "http_protocol_options": {}, "proxy_100_continue": True,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED", **NORMALIZATION[mesh.normalization],
        "upgrade_configs": [{"upgrade_type": "websocket"}], "stream_idle_timeout": "0s",
        "request_id_extension": {"typed_config": {
            "@type": f"{TYPES}.extensions.request_id.uuid.v3.UuidRequestIdConfig", "use_request_id_for_trace_sampling": True}},
    }


def route_name(manifest: list) -> str:
    """The name of the routes that istiod makes for the one server of the Gateway."""
    gateway = the(manifest, "Gateway")
    port, = (each["port"] for each in gateway["spec"]["servers"])
    return ".".join(["https", str(port["number"]), port["name"], gateway["metadata"]["name"], gateway["metadata"]["namespace"]])


def listener_of(manifest: list, mesh: Mesh, server: dict) -> dict:
    """The listener of one server of a Gateway."""
    port, secured = server["port"], server["tls"]
    if port["protocol"] != "HTTPS" or secured["mode"] != "SIMPLE" or {"*"} != {each.rpartition("/")[2] for each in server["hosts"]}:
        raise term.fail("only HTTPS servers for all hosts are followed here")
    service_ports = [each["port"] for each in the(manifest, "Service")["spec"]["ports"]]
    if port["number"] in service_ports:
        raise term.fail("istiod would put the Service's targetPort in the place of this port")
    name = f"0.0.0.0_{port['number']}"
    secret = {"name": f"file-cert:{secured['serverCertificate']}~{secured['privateKey']}", "sds_config": {"ads": {}}}
    return {
        "name": name, "traffic_direction": "OUTBOUND",
        "address": {"socket_address": {"address": "0.0.0.0", "port_value": port["number"]}},
        "listener_filters": [{"name": "envoy.filters.listener.tls_inspector", "typed_config": {
            "@type": f"{TYPES}.extensions.filters.listener.tls_inspector.v3.TlsInspector"}}],
        "filter_chains": [{
            "filter_chain_match": {},
            "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": {
                "@type": f"{TYPES}.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                "common_tls_context": {
                    "alpn_protocols": ["h2", "http/1.1"], "tls_certificate_sds_secret_configs": [secret],
                    "tls_params": {"tls_minimum_protocol_version": secured["minProtocolVersion"].replace("TLSV", "TLSv")}},
                "require_client_certificate": False}},
            "transport_socket_connect_timeout": "15s",
            "filters": [{"name": "envoy.filters.network.http_connection_manager",
                         "typed_config": connection_manager(manifest, mesh, name, route_name(manifest))}]}],
    }


# How istiod patches it.

def merge(into: dict, patch: dict) -> None:
    """Merges as istiod does: lists grow, maps get entries, messages merge, and what is 0, false or empty changes nothing."""
    for key, value in patch.items():
        for others in (each - {key} for each in ONEOFS if key in each):
            for other in others & into.keys():
                del into[other]
        if isinstance(value, list):
            into[key] = into.get(key, []) + copy.deepcopy(value)
        elif isinstance(value, dict) and key in MAPS:
            into[key] = {**into.get(key, {}), **copy.deepcopy(value)}
        elif isinstance(value, dict) and "@type" not in value and isinstance(into.get(key), dict):
            merge(into[key], value)
        elif not isinstance(value, dict) and (not value or value in ZEROS):
            into.setdefault(key, value)
        else:
            into[key] = copy.deepcopy(value)


def matches(patch: dict, listener: dict, chain: dict | None = None, network: dict | None = None, http: dict | None = None) -> bool:
    """Whether a patch for listeners is for this one, this chain of it, this filter, this HTTP filter."""
    if patch["match"]["context"] not in ("GATEWAY", "ANY"):
        return False
    wanted = dict(patch["match"].get("listener", {}))
    chain_match = dict(wanted.pop("filterChain", {}))
    network_match = dict(chain_match.pop("filter", {}))
    sub = network_match.pop("subFilter", None)
    if wanted.keys() - {"name", "portNumber"} or chain_match or network_match.keys() - {"name"}:
        raise term.fail(f"a match that is not followed here: {patch['match']}")
    return (wanted.get("name", listener["name"]) == listener["name"]
            and wanted.get("portNumber", 0) in (0, listener["address"]["socket_address"]["port_value"])
            and (network is None or network_match.get("name", network["name"]) == network["name"])
            and (http is None or sub is None or sub["name"] == http["name"]))


def place(filters: list, patch: dict, is_match) -> bool:
    """Puts an HTTP filter in, or takes those out that match; whether anything changed."""
    operation, value = patch["patch"]["operation"], copy.deepcopy(patch["patch"].get("value"))
    has_match = "subFilter" in patch["match"].get("listener", {}).get("filterChain", {}).get("filter", {})
    found = [number for number, each in enumerate(filters) if is_match(each)] if has_match else []
    if operation == "REMOVE":
        filters[:] = [each for number, each in enumerate(filters) if number not in found]
        return bool(found)
    if operation == "ADD" or (operation == "INSERT_AFTER" and not has_match):
        filters.append(value)
    elif operation == "INSERT_FIRST" or (operation == "INSERT_BEFORE" and not has_match):
        filters.insert(0, value)
    elif operation in ("INSERT_BEFORE", "INSERT_AFTER"):
        if not found:
            return False
        filters.insert(found[0] + (operation == "INSERT_AFTER"), value)
    else:
        raise term.fail(f"{operation} of an HTTP filter is not followed here")
    return True


def patch_listener(listener: dict, wanted: list) -> set:
    """Applies all patches to a listener in istiod's order; the numbers of those that changed something."""
    used = set()
    of = lambda kind: [(number, each) for number, each in enumerate(wanted) if each["applyTo"] == kind]
    for number, each in of("LISTENER"):
        if each["patch"]["operation"] != "MERGE":
            raise term.fail("only MERGE of a listener is followed here")
        if matches(each, listener):
            merge(listener, each["patch"]["value"])
            used.add(number)
    for chain in listener["filter_chains"]:
        for network in chain["filters"]:
            for number, each in of("NETWORK_FILTER"):
                if each["patch"]["operation"] != "MERGE":
                    raise term.fail("only MERGE of a network filter is followed here")
                settings = each["patch"]["value"]["typed_config"]
                if matches(each, listener, chain, network) and settings["@type"] == network["typed_config"]["@type"]:
                    network["name"] = each["patch"]["value"].get("name") or network["name"]
                    merge(network["typed_config"], {key: value for key, value in settings.items() if key != "@type"})
                    used.add(number)
            for number, each in of("HTTP_FILTER"):
                is_match = lambda http, each=each, network=network: matches(each, listener, chain, network, http)
                if matches(each, listener, chain, network) and place(network["typed_config"]["http_filters"], each, is_match):
                    used.add(number)
    return used


def generated(manifest: list, mesh: Mesh) -> dict:
    """What istiod makes of everything but the EnvoyFilter: no route leads anywhere, no cluster has a credential."""
    gateway = the(manifest, "Gateway")
    if not selects(gateway["spec"]["selector"], manifest):
        raise term.fail("the Gateway must select the Deployment's pods, and no others")
    if {each["kind"] for each in manifest} & {"VirtualService", "ServiceEntry", "DestinationRule", "Sidecar"}:
        raise term.fail("what istiod makes of such resources is not followed here")
    if len({each["metadata"]["namespace"] for each in manifest}) != 1:
        raise term.fail("all of the manifest belongs into one namespace")
    return {"static_resources": {"listeners": [listener_of(manifest, mesh, each) for each in gateway["spec"]["servers"]],
                                 "clusters": []}}


def configuration(manifest: list, mesh: Mesh = Mesh(), without: int | None = None) -> dict:
    """Listeners and clusters of the gateway; `without` leaves one patch of the EnvoyFilter out."""
    patcher, made = the(manifest, "EnvoyFilter"), generated(manifest, mesh)
    if not selects(patcher["spec"]["workloadSelector"]["labels"], manifest):
        raise term.fail("the EnvoyFilter must select the Deployment's pods, and no others")
    wanted = [each for number, each in enumerate(patches(manifest)) if number != without]
    used = set()
    for listener in made["static_resources"]["listeners"]:
        used |= patch_listener(listener, wanted)
    for number, each in enumerate(wanted):
        if each["applyTo"] == "CLUSTER" and each["patch"]["operation"] == "ADD" and each["match"] == {"context": "GATEWAY"}:
            made["static_resources"]["clusters"].append(copy.deepcopy(each["patch"]["value"]))
            used.add(number)
    if unused := [each for number, each in enumerate(wanted) if number not in used]:
        raise term.fail(f"these patches change nothing: {[(each['applyTo'], each['match']) for each in unused]}")
    return made


def volumes(manifest: list) -> list:
    """The volumes of the gateway's pod."""
    return the(manifest, "Deployment")["spec"]["template"]["spec"]["volumes"]


def mounted(container: dict) -> dict:
    """Where a container has which volume: path to the volume's name."""
    return {Path(each["mountPath"]): each["name"] for each in container["volumeMounts"]}


def mounts(manifest: list) -> dict:
    """Where the proxy's container has which volume."""
    return mounted(the(manifest, "Deployment")["spec"]["template"]["spec"]["containers"][0])


def probe(manifest: list) -> dict:
    """How the kubelet asks whether the gate is ready."""
    return the(manifest, "Deployment")["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["httpGet"]


def patches(manifest: list) -> list:
    """The patches of the EnvoyFilter."""
    return the(manifest, "EnvoyFilter")["spec"]["configPatches"]
